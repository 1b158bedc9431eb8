/* Objects in the index: look-up, conditional writes, ordered walks. */
#include "server/local/s3/s3d_index_private.h"

#include <stdlib.h>
#include <string.h>

/* The column behind OBJECT_COLUMNS: metadata in a look-up, the key in a walk. */
enum { METADATA_COLUMN = 7, KEY_COLUMN = 7, SEEK_MAX = S3_KEY_MAX + 8 };

void s3d_object_free(struct s3d_object *o)
{
    free(o->metadata);
    o->metadata = NULL;
}

bool s3d_etag_matches(const char *header, const char *etag)
{
    const size_t len = strlen(etag);
    if (!len)
        return false;
    /* W/ marks a weak ETag; S3 has none and compares without it. */
    for (const char *p = header; *p;) {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (!strncmp(p, "W/", 2))
            p += 2;
        const bool quoted = *p == '"';
        p += quoted;
        const size_t n = strcspn(p, quoted ? "\"" : ", \t");
        if (n == len && !memcmp(p, etag, len))
            return true;
        p += n + (quoted && p[n] == '"');
    }
    return false;
}

/* The columns file .. sum. */
void s3d_read_columns(struct stmt *s, struct s3d_object *o)
{
    const int64_t kind = stmt_int(s, 5);
    *o = (struct s3d_object){.size = (uint64_t)stmt_int(s, 1),
                             .modified = stmt_int(s, 3),
                             .parts = (uint32_t)stmt_int(s, 4)};
    if (kind > S3_SUM_NONE && kind < S3_SUM_COUNT)
        o->sum_kind = (enum s3d_checksum_kind)kind;
    s3d_column_text(s, 0, o->file, sizeof o->file);
    s3d_column_text(s, 2, o->etag, sizeof o->etag);
    s3d_column_text(s, 6, o->sum, sizeof o->sum);
}

/* The common case is one look-up; only when it finds nothing does the bucket matter. */
static enum s3d_code find_locked(struct s3d_index *ix, const char *bucket, const char *key,
                                 struct s3d_object *out, struct error *err)
{
    struct stmt *s = ix->statements[SQL_OBJECT_FIND];
    stmt_bind_text(s, 1, bucket);
    stmt_bind_text(s, 2, key);
    const int rc = stmt_step(s, err);
    enum s3d_code code = rc < 0 ? S3_INTERNAL : S3_OK;
    if (rc == 1) {
        const char *metadata = stmt_text(s, METADATA_COLUMN);
        s3d_read_columns(s, out);
        out->metadata = strdup(metadata ? metadata : "");
        if (!out->metadata) {
            err_set(err, ERR_MEMORY, "reading an object's metadata: out of memory");
            code = S3_INTERNAL;
        }
    }
    stmt_reset(s);
    if (rc)
        return code;
    code = s3d_bucket_find_locked(ix, bucket, err);
    return code == S3_OK ? S3_NO_SUCH_KEY : code;
}

enum s3d_code s3d_object_find(struct s3d_index *ix, const char *bucket, const char *key,
                              struct s3d_object *out, struct error *err)
{
    *out = (struct s3d_object){0};
    pthread_mutex_lock(&ix->lock);
    const enum s3d_code code = find_locked(ix, bucket, key, out, err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

enum s3d_code s3d_object_current_locked(struct s3d_index *ix, const char *bucket, const char *key,
                                        char file[S3_FILE_ID], char etag[S3_ETAG_MAX],
                                        struct error *err)
{
    struct stmt *s = ix->statements[SQL_OBJECT_FIND];
    stmt_bind_text(s, 1, bucket);
    stmt_bind_text(s, 2, key);
    const int rc = stmt_step(s, err);
    file[0] = etag[0] = '\0';
    if (rc == 1) {
        s3d_column_text(s, 0, file, S3_FILE_ID);
        s3d_column_text(s, 2, etag, S3_ETAG_MAX);
    }
    stmt_reset(s);
    return rc < 0 ? S3_INTERNAL : S3_OK;
}

/* `etag` is that of the object which is there, "" for none. */
static enum s3d_code check_condition(const struct s3d_write_condition *c, const char *etag)
{
    if (c->if_none_match && *etag)
        return S3_PRECONDITION_FAILED;
    if (c->if_match && !*etag)
        return S3_NO_SUCH_KEY;
    if (c->if_match && !s3d_etag_matches(c->if_match, etag))
        return S3_PRECONDITION_FAILED;
    return S3_OK;
}

/* The upsert keeps the row where it is in the index. */
static int put_locked(struct s3d_index *ix, const struct s3d_store_args *a, struct error *err)
{
    const struct s3d_object *o = a->object;
    struct stmt *s = ix->statements[SQL_OBJECT_PUT];
    stmt_bind_text(s, 1, a->bucket);
    stmt_bind_text(s, 2, a->key);
    stmt_bind_text(s, 3, o->file);
    stmt_bind_int(s, 4, (int64_t)o->size);
    stmt_bind_text(s, 5, o->etag);
    stmt_bind_int(s, 6, o->modified);
    stmt_bind_int(s, 7, o->parts);
    stmt_bind_int(s, 8, o->sum_kind);
    stmt_bind_text(s, 9, o->sum);
    stmt_bind_text(s, 10, o->metadata ? o->metadata : "");
    return stmt_run(s, err);
}

/* All in one transaction: bucket, condition, upload, row. */
static enum s3d_code store_locked(struct s3d_index *ix, const struct s3d_store_args *a,
                                  char old[S3_FILE_ID], struct error *err)
{
    char etag[S3_ETAG_MAX];
    enum s3d_code code = s3d_bucket_find_locked(ix, a->bucket, err);
    if (code == S3_OK)
        code = s3d_object_current_locked(ix, a->bucket, a->key, old, etag, err);
    if (code == S3_OK)
        code = check_condition(&a->condition, etag);
    if (code == S3_OK && a->upload)
        code = s3d_upload_drop_locked(ix, a->upload, a->bucket, a->key, a->files, err);
    if (code == S3_OK && put_locked(ix, a, err))
        code = S3_INTERNAL;
    return code;
}

enum s3d_code s3d_object_store(struct s3d_index *ix, const struct s3d_store_args *args,
                               char old[S3_FILE_ID], struct error *err)
{
    enum s3d_code code = S3_INTERNAL;
    old[0] = '\0';
    pthread_mutex_lock(&ix->lock);
    if (db_begin(ix->db, err) == 0)
        code = s3d_end_locked(ix, store_locked(ix, args, old, err), err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* Nothing there is no error, whatever the condition. */
static enum s3d_code remove_locked(struct s3d_index *ix, const char *bucket, const char *key,
                                   const char *if_match, char old[S3_FILE_ID], struct error *err)
{
    char etag[S3_ETAG_MAX];
    enum s3d_code code = s3d_object_current_locked(ix, bucket, key, old, etag, err);
    if (code != S3_OK || !*old)
        return code;
    if (if_match && !s3d_etag_matches(if_match, etag))
        return S3_PRECONDITION_FAILED;
    stmt_bind_text(ix->statements[SQL_OBJECT_DELETE], 1, bucket);
    stmt_bind_text(ix->statements[SQL_OBJECT_DELETE], 2, key);
    return stmt_run(ix->statements[SQL_OBJECT_DELETE], err) ? S3_INTERNAL : S3_OK;
}

enum s3d_code s3d_object_remove(struct s3d_index *ix, const char *bucket, const char *key,
                                const char *if_match, char old[S3_FILE_ID], struct error *err)
{
    enum s3d_code code = S3_INTERNAL;
    old[0] = '\0';
    pthread_mutex_lock(&ix->lock);
    if (db_begin(ix->db, err) == 0) {
        code = s3d_bucket_find_locked(ix, bucket, err);
        if (code == S3_OK)
            code = remove_locked(ix, bucket, key, if_match, old, err);
        code = s3d_end_locked(ix, code, err);
    }
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* A row that was not there adds "", which s3d_file_remove passes over. */
enum s3d_code s3d_objects_remove(struct s3d_index *ix, const char *bucket, char *const *keys,
                                 size_t count, struct s3d_ids *files, struct error *err)
{
    char old[S3_FILE_ID];
    enum s3d_code code = S3_INTERNAL;
    pthread_mutex_lock(&ix->lock);
    if (db_begin(ix->db, err) == 0) {
        code = s3d_bucket_find_locked(ix, bucket, err);
        for (size_t i = 0; i < count && code == S3_OK; i++) {
            code = remove_locked(ix, bucket, keys[i], NULL, old, err);
            if (code == S3_OK && s3d_ids_add(files, old, err))
                code = S3_INTERNAL;
        }
        code = s3d_end_locked(ix, code, err);
    }
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* One statement as long as the walk goes forward; a seek resets it and begins anew at the key that
 * fn has asked for. The two buffers take turns, because `from` is still bound while fn writes the
 * next one. */
enum s3d_code s3d_object_walk(struct s3d_index *ix, const char *bucket, const char *from,
                              bool inclusive,
                              enum s3d_walk (*fn)(void *ctx, const char *key,
                                                  const struct s3d_object *o, struct buf *seek),
                              void *ctx, struct error *err)
{
    struct buf seek, next;
    buf_init(&seek, SEEK_MAX);
    buf_init(&next, SEEK_MAX);
    pthread_mutex_lock(&ix->lock);
    enum s3d_code code = s3d_bucket_find_locked(ix, bucket, err);
    enum s3d_walk step = S3_WALK_SEEK;
    while (code == S3_OK && step == S3_WALK_SEEK) {
        struct stmt *s = ix->statements[inclusive ? SQL_OBJECT_WALK : SQL_OBJECT_WALK_BEYOND];
        stmt_bind_text(s, 1, bucket);
        stmt_bind_text(s, 2, from);
        int rc = 0;
        step = S3_WALK_NEXT;
        while (step == S3_WALK_NEXT && (rc = stmt_step(s, err)) == 1) {
            struct s3d_object o;
            const char *key = stmt_text(s, KEY_COLUMN);
            s3d_read_columns(s, &o);
            buf_reset(&next);
            step = fn(ctx, key ? key : "", &o, &next);
        }
        stmt_reset(s);
        if (rc < 0 || buf_check(&next, err))
            code = S3_INTERNAL;
        const struct buf used = seek;
        seek = next;
        next = used;
        from = buf_str(&seek);
        inclusive = true;
    }
    pthread_mutex_unlock(&ix->lock);
    buf_free(&seek);
    buf_free(&next);
    return code;
}
