/* local_s3: S3 on plain files. Objects are files whose names are never taken from keys; names,
 * metadata and multipart uploads are in one SQLite file. Streaming in and out, copies in the kernel
 * (copy_file_range). Calls from any thread. Private to server/local. */
#ifndef STEPFLEET_LOCAL_S3_H
#define STEPFLEET_LOCAL_S3_H

#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/http_server/http_server.h"
#include "server/local/call.h"

struct local_s3;

struct local_s3_options {
    const char *dir; /* folder of its own, made if missing: s3.db and objects/ */
    const char *region;
    const struct clock *clock;
    const struct log *log;
};

/* Opens or makes the store, removes what a crash left, starts the threads for copies. NULL with
 * one sentence when the folder cannot be used or the file is damaged. */
struct local_s3 *local_s3_open(const struct local_s3_options *options, struct error *err);
struct local_s3 *local_s3_close(struct local_s3 *s); /* NULL-safe */
/* The gate calls these for requests that are S3's (path style). begin decides where the body goes;
 * handle answers; finished releases what is left of a request. */
void local_s3_begin(struct local_s3 *s, struct http_exchange *x);
/* The body is there (or was dropped as too large): answers at once, or defers and answers from a
 * thread of its own. */
void local_s3_handle(struct local_s3 *s, struct http_exchange *x);
/* Releases what begin made. */
void local_s3_finished(struct local_s3 *s, struct http_exchange *x);
/* Objects as state machines read and write them: GetObject, PutObject and ListObjectsV2 in JSON,
 * answered at once. Borrowed, lives as long as s. */
const struct local_service *local_s3_service(struct local_s3 *s);
/* Start-up seeding. */
int local_s3_ensure_bucket(struct local_s3 *s, const char *bucket, struct error *err);
/* Whether the object is there; false also when that cannot be told. */
bool local_s3_has_object(struct local_s3 *s, const char *bucket, const char *key);
/* Stores an object of `len` bytes under the key, in the place of what is there. -1 with
 * ERR_NOT_FOUND when there is no such bucket. */
int local_s3_put(struct local_s3 *s, const char *bucket, const char *key, const void *data,
                 size_t len, struct error *err);

#endif
