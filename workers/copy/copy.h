/* copy: one S3 object copied to another key, inside S3, of any size.
 *
 * At most `multipart_above` bytes go in one CopyObject, larger objects in parts, several at once;
 * an upload that fails is aborted, so that no parts stay behind to be paid for. Metadata and tags
 * of objects that go in parts are not copied (S3 does not). One thread. */
#ifndef STEPFLEET_WORKERS_COPY_H
#define STEPFLEET_WORKERS_COPY_H

#include "lib/aws/s3.h"
#include "workers/worker.h"

#define COPY_SINGLE_MAX INT64_C(5000000000) /* CopyObject takes sources up to 5 GB */
#define COPY_PART_SIZE INT64_C(268435456)
#define COPY_PART_MIN INT64_C(5242880) /* S3's least size of all parts but the last */

struct copy_options {
    int64_t multipart_above; /* 0: COPY_SINGLE_MAX */
    int64_t part_size;       /* 0: COPY_PART_SIZE; grows where 10,000 parts would not do */
    size_t in_flight;        /* parts at once; 0: 8 */
    int attempts;            /* of each call; 0: 8 */
    bool (*stop)(void *ctx); /* may be NULL; once true the copy is given up */
    void *ctx;
};

struct copy {
    const struct worker *w;
    struct s3_copy what; /* if_match is set by the copy itself */
    struct copy_options options;
    int64_t bytes;        /* the result; -1: not known */
    struct buf upload_id; /* of an upload under way; "" otherwise */
};

/* Borrows all arguments; copies the structs. */
void copy_open(struct copy *c, const struct worker *w, const struct s3_copy *what,
               const struct copy_options *options);
/* Frees what the struct holds; an upload under way is left alone (copy_abort). */
void copy_close(struct copy *c);

/* 0: the copy is there, c->bytes long. -1: it is not; err names S3's code and message. When it was
 * given up by `stop` (ERR_BUSY), the worker's client must be freed before any other use; then
 * copy_abort with a new one. */
int copy_run(struct copy *c, struct error *err);

/* Aborts the upload that was under way, if any. Best effort: failures are logged. */
void copy_abort(struct copy *c, const struct worker *w);

#endif
