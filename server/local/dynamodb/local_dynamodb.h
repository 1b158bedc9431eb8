/* local_dynamodb: DynamoDB with real expressions, conditional writes and paging on one SQLite file.
 *
 * One struct per data folder; calls from any thread (a writer mutex inside, readers beside it).
 * Implements the operations listed in local_dynamodb.c, and DynamoDB Streams on the same file;
 * anything else, and any member it does not implement, answers a clear error. Private to
 * server/local. */
#ifndef STEPFLEET_LOCAL_DYNAMODB_H
#define STEPFLEET_LOCAL_DYNAMODB_H

#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "server/local/call.h"

struct local_dynamodb;

struct local_dynamodb_options {
    const char *path;   /* the SQLite file */
    const char *region; /* for ARNs */
    const struct clock *clock;
    const struct log *log;
};

/* Opens (or makes) the file and starts the writer; NULL with one sentence when the file is
 * damaged, foreign or of a newer version. `options` is read here and not kept, but clock and
 * log are borrowed. */
struct local_dynamodb *local_dynamodb_open(const struct local_dynamodb_options *options,
                                           struct error *err);
struct local_dynamodb *local_dynamodb_close(struct local_dynamodb *d); /* NULL-safe */
/* The service as gate and engine see it; borrowed, lives as long as d. */
const struct local_service *local_dynamodb_service(struct local_dynamodb *d);
/* DynamoDB Streams; borrowed likewise. */
const struct local_service *local_dynamodb_streams(struct local_dynamodb *d);
/* Makes a table if there is none of that name (start-up seeding): types 'S' or 'N'; range_key may
 * be NULL. */
int local_dynamodb_ensure_table(struct local_dynamodb *d, const char *name, const char *hash_key,
                                char hash_type, const char *range_key, char range_type,
                                struct error *err);
/* Gives an existing table a stream with this view ("NEW_IMAGE") unless it has, or had, one. */
int local_dynamodb_ensure_stream(struct local_dynamodb *d, const char *name, const char *view,
                                 struct error *err);

#endif
