/* s3d_index: buckets, objects, uploads and parts in one SQLite file. Private to server/local/s3.
 *
 * One connection behind one lock; every function takes the lock itself unless its name ends in
 * _locked. Functions that can fail in S3's terms return an enum s3d_code: S3_INTERNAL means that
 * `err` is filled. Any thread. */
#ifndef STEPFLEET_S3D_INDEX_H
#define STEPFLEET_S3D_INDEX_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "server/local/s3/s3d_checksum.h"
#include "server/local/s3/s3d_fault.h"
#include "server/local/s3/s3d_file.h"

#include <stdbool.h>
#include <stdint.h>

/* Ceilings of S3: bytes of a key, parts of an upload. The others hold "md5-10000" and 32 hex
 * digits. */
enum { S3_KEY_MAX = 1024, S3_ETAG_MAX = 48, S3_UPLOAD_ID = 33, S3_PARTS_MAX = 10000 };

/* What the file holds: buckets, the current object of each key (there are no versions), uploads
 * that are neither completed nor aborted, and their parts. Bytes are never in it, only the ids of
 * files (s3d_file.h). */
struct s3d_index;

/* What is known of an object. `metadata` ("name: value\n" lines of the headers to give back) is
 * the holder's; s3d_object_free releases it. */
struct s3d_object {
    char file[S3_FILE_ID];
    uint64_t size;
    char etag[S3_ETAG_MAX]; /* without quotes */
    int64_t modified;       /* wall microseconds, whole seconds */
    uint32_t parts;         /* of a multipart upload; else 0 */
    enum s3d_checksum_kind sum_kind;
    char sum[S3_SUM_TEXT];
    char *metadata;
};
/* Releases the metadata; safe on a zeroed object and twice. */
void s3d_object_free(struct s3d_object *o);

/* What must hold of the object that is there for a write to go on; NULLs: nothing. */
struct s3d_write_condition {
    const char *if_match;      /* "*", or ETags with or without quotes */
    const char *if_none_match; /* "*" */
};

/* Opens (makes, migrates) the file; NULL with one sentence. */
struct s3d_index *s3d_index_open(const char *path, struct error *err);
struct s3d_index *s3d_index_close(struct s3d_index *ix); /* NULL-safe */
/* The files of all rows. */
int s3d_index_files(struct s3d_index *ix, struct s3d_ids *out, struct error *err);

/* `now` is wall time; the name was validated. S3_BUCKET_EXISTS when it is there. */
enum s3d_code s3d_bucket_create(struct s3d_index *ix, const char *name, int64_t now,
                                struct error *err);
/* S3_OK or S3_NO_SUCH_BUCKET. */
enum s3d_code s3d_bucket_find(struct s3d_index *ix, const char *name, struct error *err);
/* Ends the bucket's uploads too; their files are added to `files`. */
enum s3d_code s3d_bucket_delete(struct s3d_index *ix, const char *name, struct s3d_ids *files,
                                struct error *err);
/* Calls fn for each bucket by name, with the lock held: fn must not come back here. */
int s3d_bucket_each(struct s3d_index *ix, void (*fn)(void *ctx, const char *name, int64_t created),
                    void *ctx, struct error *err);

/* S3_NO_SUCH_BUCKET, S3_NO_SUCH_KEY. */
enum s3d_code s3d_object_find(struct s3d_index *ix, const char *bucket, const char *key,
                              struct s3d_object *out, struct error *err);
/* Puts the object in the place of what is there, whose file's id goes to `old` ("" if none).
 * With `upload` its rows go in the same transaction and its files are added to `files`. */
struct s3d_store_args {
    const char *bucket, *key;
    const struct s3d_object *object;
    struct s3d_write_condition condition;
    const char *upload; /* NULL: none */
    struct s3d_ids *files;
};
/* S3_NO_SUCH_BUCKET, S3_PRECONDITION_FAILED, S3_NO_SUCH_KEY (If-Match and nothing there),
 * S3_NO_SUCH_UPLOAD; then nothing has changed. */
enum s3d_code s3d_object_store(struct s3d_index *ix, const struct s3d_store_args *args,
                               char old[S3_FILE_ID], struct error *err);
/* S3_OK also when there was none (`old` is ""). */
enum s3d_code s3d_object_remove(struct s3d_index *ix, const char *bucket, const char *key,
                                const char *if_match, char old[S3_FILE_ID], struct error *err);
/* Removes many in one transaction; absent ones are fine. */
enum s3d_code s3d_objects_remove(struct s3d_index *ix, const char *bucket, char *const *keys,
                                 size_t count, struct s3d_ids *files, struct error *err);

/* Walks a bucket's keys in the order of their bytes, from `from` on (or beyond it). `fn` returns
 * S3_WALK_NEXT, S3_WALK_STOP, or S3_WALK_SEEK after it wrote another key to `seek`, where the walk
 * goes on (that key included). The object has no metadata. */
enum s3d_walk { S3_WALK_NEXT, S3_WALK_STOP, S3_WALK_SEEK };
/* S3_NO_SUCH_BUCKET, S3_INTERNAL. The lock is held while fn runs. */
enum s3d_code s3d_object_walk(struct s3d_index *ix, const char *bucket, const char *from,
                              bool inclusive,
                              enum s3d_walk (*fn)(void *ctx, const char *key,
                                                  const struct s3d_object *o, struct buf *seek),
                              void *ctx, struct error *err);

/* A multipart upload; the texts are borrowed for the call or the callback. */
struct s3d_upload {
    char id[S3_UPLOAD_ID];
    const char *bucket, *key;
    int64_t created;
    const char *metadata;
    enum s3d_checksum_kind sum_kind;
};
/* One part of an upload. Its number is 1 to S3_PARTS_MAX. */
struct s3d_part {
    uint32_t number;
    struct s3d_object data; /* file, size, etag, modified, sum */
};

/* Stores the upload under the id it has. S3_NO_SUCH_BUCKET. */
enum s3d_code s3d_upload_create(struct s3d_index *ix, const struct s3d_upload *upload,
                                struct error *err);
/* S3_NO_SUCH_UPLOAD unless it is this bucket's and key's. `metadata` may be NULL; else it
 * receives a text of the caller's; so may `sum_kind`. */
enum s3d_code s3d_upload_find(struct s3d_index *ix, const char *id, const char *bucket,
                              const char *key, char **metadata, enum s3d_checksum_kind *sum_kind,
                              struct error *err);
/* Deletes the upload and its parts, whose files are added to `files`. S3_NO_SUCH_UPLOAD. */
enum s3d_code s3d_upload_abort(struct s3d_index *ix, const char *id, const char *bucket,
                               const char *key, struct s3d_ids *files, struct error *err);
/* Puts the part in the place of the one with its number, whose file's id goes to `old`.
 * S3_NO_SUCH_UPLOAD. */
enum s3d_code s3d_part_store(struct s3d_index *ix, const char *upload, const struct s3d_part *part,
                             char old[S3_FILE_ID], struct error *err);
/* Parts beyond `after`, ascending, until fn says false. */
enum s3d_code s3d_part_each(struct s3d_index *ix, const char *upload, uint32_t after,
                            bool (*fn)(void *ctx, const struct s3d_part *part), void *ctx,
                            struct error *err);
/* Uploads of a bucket by key and id, beyond (key, id), until fn says false. */
enum s3d_code s3d_upload_each(struct s3d_index *ix, const char *bucket, const char *key,
                              const char *id,
                              bool (*fn)(void *ctx, const struct s3d_upload *upload), void *ctx,
                              struct error *err);

/* Whether `header` (as If-Match has it: "*", or ETags separated by commas) names this ETag. */
bool s3d_etag_matches(const char *header, const char *etag);

#endif
