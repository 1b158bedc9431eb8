/* s3d_index_private: what the files of s3d_index share. Only they include it. */
#ifndef STEPFLEET_S3D_INDEX_PRIVATE_H
#define STEPFLEET_S3D_INDEX_PRIVATE_H

#include "lib/db/db.h"
#include "server/local/s3/s3d_index.h"

#include <pthread.h>

enum s3d_statement {
    SQL_BUCKET_ADD,
    SQL_BUCKET_FIND,
    SQL_BUCKET_DELETE,
    SQL_BUCKET_LIST,
    SQL_BUCKET_HAS_OBJECT,
    SQL_BUCKET_PART_FILES,
    SQL_BUCKET_DROP_UPLOADS,
    SQL_OBJECT_FIND,
    SQL_OBJECT_PUT,
    SQL_OBJECT_DELETE,
    SQL_OBJECT_WALK,
    SQL_OBJECT_WALK_BEYOND,
    SQL_UPLOAD_ADD,
    SQL_UPLOAD_FIND,
    SQL_UPLOAD_DELETE,
    SQL_UPLOAD_LIST,
    SQL_PART_PUT,
    SQL_PART_FILE,
    SQL_PART_FILES,
    SQL_PART_LIST,
    SQL_ALL_FILES,
    SQL_COUNT
};

struct s3d_index {
    pthread_mutex_t lock; /* guards all below */
    struct db *db;
    struct stmt *statements[SQL_COUNT];
};

/* All with the lock held. */

/* S3_OK, S3_NO_SUCH_BUCKET or S3_INTERNAL. */
enum s3d_code s3d_bucket_find_locked(struct s3d_index *ix, const char *name, struct error *err);
/* The current object's file and ETag ("" and "" if there is none). S3_OK or S3_INTERNAL. */
enum s3d_code s3d_object_current_locked(struct s3d_index *ix, const char *bucket, const char *key,
                                        char file[S3_FILE_ID], char etag[S3_ETAG_MAX],
                                        struct error *err);
/* Adds the first column of all rows of a statement (bound, reset here) to `files`. */
int s3d_collect_locked(struct stmt *s, struct s3d_ids *files, struct error *err);
/* Deletes an upload's rows. S3_NO_SUCH_UPLOAD if it is not there. */
enum s3d_code s3d_upload_drop_locked(struct s3d_index *ix, const char *id, const char *bucket,
                                     const char *key, struct s3d_ids *files, struct error *err);
/* The columns file, size, etag, modified, parts, sum_kind, sum. */
void s3d_read_columns(struct stmt *s, struct s3d_object *o);
/* Copies a text column into out[size]. */
void s3d_column_text(struct stmt *s, int column, char *out, size_t size);
/* Commits when `code` is S3_OK, else rolls back; returns `code`, or S3_INTERNAL. */
enum s3d_code s3d_end_locked(struct s3d_index *ix, enum s3d_code code, struct error *err);

#endif
