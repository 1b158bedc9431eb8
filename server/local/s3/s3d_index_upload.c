/* Multipart uploads and their parts in the index. An upload exists from CreateMultipartUpload to
 * its completion or abortion; parts go with it (ON DELETE CASCADE), their files by the caller, who
 * is told their ids. */
#include "server/local/s3/s3d_index_private.h"

#include <stdlib.h>
#include <string.h>

/* Behind the columns that a part shares with an object. */
enum { NUMBER_COLUMN = 7 };

enum s3d_code s3d_upload_create(struct s3d_index *ix, const struct s3d_upload *upload,
                                struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    enum s3d_code code = s3d_bucket_find_locked(ix, upload->bucket, err);
    if (code == S3_OK) {
        struct stmt *s = ix->statements[SQL_UPLOAD_ADD];
        stmt_bind_text(s, 1, upload->id);
        stmt_bind_text(s, 2, upload->bucket);
        stmt_bind_text(s, 3, upload->key);
        stmt_bind_int(s, 4, upload->created);
        stmt_bind_text(s, 5, upload->metadata);
        stmt_bind_int(s, 6, upload->sum_kind);
        code = stmt_run(s, err) ? S3_INTERNAL : S3_OK;
    }
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* The id alone would do; bucket and key must agree, as S3 checks them. */
static enum s3d_code find_locked(struct s3d_index *ix, const char *id, const char *bucket,
                                 const char *key, char **metadata, enum s3d_checksum_kind *sum_kind,
                                 struct error *err)
{
    struct stmt *s = ix->statements[SQL_UPLOAD_FIND];
    stmt_bind_text(s, 1, id);
    stmt_bind_text(s, 2, bucket);
    stmt_bind_text(s, 3, key);
    const int rc = stmt_step(s, err);
    enum s3d_code code = rc < 0 ? S3_INTERNAL : rc ? S3_OK : S3_NO_SUCH_UPLOAD;
    if (rc == 1 && metadata) {
        const char *text = stmt_text(s, 0);
        *metadata = strdup(text ? text : "");
        if (!*metadata) {
            err_set(err, ERR_MEMORY, "reading an upload: out of memory");
            code = S3_INTERNAL;
        }
    }
    if (rc == 1 && sum_kind) {
        const int64_t kind = stmt_int(s, 1);
        *sum_kind =
            kind > S3_SUM_NONE && kind < S3_SUM_COUNT ? (enum s3d_checksum_kind)kind : S3_SUM_NONE;
    }
    stmt_reset(s);
    if (code != S3_NO_SUCH_UPLOAD)
        return code;
    code = s3d_bucket_find_locked(ix, bucket, err);
    return code == S3_OK ? S3_NO_SUCH_UPLOAD : code;
}

enum s3d_code s3d_upload_find(struct s3d_index *ix, const char *id, const char *bucket,
                              const char *key, char **metadata, enum s3d_checksum_kind *sum_kind,
                              struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    const enum s3d_code code = find_locked(ix, id, bucket, key, metadata, sum_kind, err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* Ids of files are collected before the rows go. */
enum s3d_code s3d_upload_drop_locked(struct s3d_index *ix, const char *id, const char *bucket,
                                     const char *key, struct s3d_ids *files, struct error *err)
{
    const enum s3d_code code = find_locked(ix, id, bucket, key, NULL, NULL, err);
    if (code != S3_OK)
        return code;
    stmt_bind_text(ix->statements[SQL_PART_FILES], 1, id);
    if (s3d_collect_locked(ix->statements[SQL_PART_FILES], files, err))
        return S3_INTERNAL;
    struct stmt *s = ix->statements[SQL_UPLOAD_DELETE];
    stmt_bind_text(s, 1, id);
    stmt_bind_text(s, 2, bucket);
    stmt_bind_text(s, 3, key);
    return stmt_run(s, err) ? S3_INTERNAL : S3_OK;
}

enum s3d_code s3d_upload_abort(struct s3d_index *ix, const char *id, const char *bucket,
                               const char *key, struct s3d_ids *files, struct error *err)
{
    enum s3d_code code = S3_INTERNAL;
    pthread_mutex_lock(&ix->lock);
    if (db_begin(ix->db, err) == 0)
        code = s3d_end_locked(ix, s3d_upload_drop_locked(ix, id, bucket, key, files, err), err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* The file that the part had before goes to `old`. */
static enum s3d_code put_part_locked(struct s3d_index *ix, const char *upload,
                                     const struct s3d_part *part, char old[S3_FILE_ID],
                                     struct error *err)
{
    struct stmt *s = ix->statements[SQL_PART_FILE];
    stmt_bind_text(s, 1, upload);
    stmt_bind_int(s, 2, part->number);
    const int rc = stmt_step(s, err);
    if (rc == 1)
        s3d_column_text(s, 0, old, S3_FILE_ID);
    stmt_reset(s);
    if (rc < 0)
        return S3_INTERNAL;
    s = ix->statements[SQL_PART_PUT];
    stmt_bind_text(s, 1, upload);
    stmt_bind_int(s, 2, part->number);
    stmt_bind_text(s, 3, part->data.file);
    stmt_bind_int(s, 4, (int64_t)part->data.size);
    stmt_bind_text(s, 5, part->data.etag);
    stmt_bind_int(s, 6, part->data.modified);
    stmt_bind_int(s, 7, part->data.sum_kind);
    stmt_bind_text(s, 8, part->data.sum);
    if (stmt_run(s, err))
        return S3_INTERNAL;
    /* Nothing was written when the upload was aborted or completed meanwhile. */
    return db_changes(ix->db) ? S3_OK : S3_NO_SUCH_UPLOAD;
}

enum s3d_code s3d_part_store(struct s3d_index *ix, const char *upload, const struct s3d_part *part,
                             char old[S3_FILE_ID], struct error *err)
{
    enum s3d_code code = S3_INTERNAL;
    old[0] = '\0';
    pthread_mutex_lock(&ix->lock);
    if (db_begin(ix->db, err) == 0)
        code = s3d_end_locked(ix, put_part_locked(ix, upload, part, old, err), err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

enum s3d_code s3d_part_each(struct s3d_index *ix, const char *upload, uint32_t after,
                            bool (*fn)(void *ctx, const struct s3d_part *part), void *ctx,
                            struct error *err)
{
    bool more = true;
    int rc = 0;
    pthread_mutex_lock(&ix->lock);
    struct stmt *s = ix->statements[SQL_PART_LIST];
    stmt_bind_text(s, 1, upload);
    stmt_bind_int(s, 2, after);
    while (more && (rc = stmt_step(s, err)) == 1) {
        struct s3d_part part = {.number = (uint32_t)stmt_int(s, NUMBER_COLUMN)};
        s3d_read_columns(s, &part.data);
        more = fn(ctx, &part);
    }
    stmt_reset(s);
    pthread_mutex_unlock(&ix->lock);
    return rc < 0 ? S3_INTERNAL : S3_OK;
}

enum s3d_code s3d_upload_each(struct s3d_index *ix, const char *bucket, const char *key,
                              const char *id,
                              bool (*fn)(void *ctx, const struct s3d_upload *upload), void *ctx,
                              struct error *err)
{
    bool more = true;
    int rc = 0;
    pthread_mutex_lock(&ix->lock);
    const enum s3d_code code = s3d_bucket_find_locked(ix, bucket, err);
    struct stmt *s = ix->statements[SQL_UPLOAD_LIST];
    stmt_bind_text(s, 1, bucket);
    stmt_bind_text(s, 2, key);
    stmt_bind_text(s, 3, id);
    while (code == S3_OK && more && (rc = stmt_step(s, err)) == 1) {
        const char *its_key = stmt_text(s, 1);
        struct s3d_upload upload = {
            .bucket = bucket, .key = its_key ? its_key : "", .created = stmt_int(s, 2)};
        s3d_column_text(s, 0, upload.id, sizeof upload.id);
        more = fn(ctx, &upload);
    }
    stmt_reset(s);
    pthread_mutex_unlock(&ix->lock);
    return rc < 0 ? S3_INTERNAL : code;
}
