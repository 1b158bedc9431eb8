/* The schema, all statements, and buckets. Each statement is compiled once, when the file opens.
 *
 * One connection behind one lock: rows are small and statements take microseconds, while commits
 * wait for the disk under it. That is the price of an order in which every write is seen by the
 * next read, as S3 promises since 2020. */
#include "server/local/s3/s3d_index_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct migration schema[] = {
    {1, "s3 objects",
     "CREATE TABLE bucket (name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;"
     "CREATE TABLE object ("
     "  bucket TEXT NOT NULL REFERENCES bucket (name), key TEXT NOT NULL, file TEXT NOT NULL,"
     "  size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,"
     "  parts INTEGER NOT NULL, sum_kind INTEGER NOT NULL, sum TEXT NOT NULL,"
     "  metadata TEXT NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;"
     "CREATE TABLE upload ("
     "  id TEXT NOT NULL UNIQUE, bucket TEXT NOT NULL REFERENCES bucket (name),"
     "  key TEXT NOT NULL, created INTEGER NOT NULL, metadata TEXT NOT NULL,"
     "  sum_kind INTEGER NOT NULL, PRIMARY KEY (bucket, key, id)) WITHOUT ROWID;"
     "CREATE TABLE part ("
     "  upload TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE, number INTEGER NOT NULL,"
     "  file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,"
     "  modified INTEGER NOT NULL, sum_kind INTEGER NOT NULL, sum TEXT NOT NULL,"
     "  PRIMARY KEY (upload, number)) WITHOUT ROWID;"},
};

#define OBJECT_COLUMNS "file, size, etag, modified, parts, sum_kind, sum"

/* A table of tables: the columns' order is relied on by s3d_read_columns and the binds. */
static const char *const sql[SQL_COUNT] = {
    [SQL_BUCKET_ADD] = "INSERT INTO bucket (name, created) VALUES (?1, ?2)",
    [SQL_BUCKET_FIND] = "SELECT 1 FROM bucket WHERE name = ?1",
    [SQL_BUCKET_DELETE] = "DELETE FROM bucket WHERE name = ?1",
    [SQL_BUCKET_LIST] = "SELECT name, created FROM bucket ORDER BY name",
    [SQL_BUCKET_HAS_OBJECT] = "SELECT 1 FROM object WHERE bucket = ?1 LIMIT 1",
    [SQL_BUCKET_PART_FILES] = "SELECT file FROM part JOIN upload ON upload.id = part.upload"
                              " WHERE bucket = ?1",
    [SQL_BUCKET_DROP_UPLOADS] = "DELETE FROM upload WHERE bucket = ?1",
    [SQL_OBJECT_FIND] = "SELECT " OBJECT_COLUMNS ", metadata FROM object"
                        " WHERE bucket = ?1 AND key = ?2",
    [SQL_OBJECT_PUT] = "INSERT INTO object (bucket, key, " OBJECT_COLUMNS ", metadata)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                       " ON CONFLICT (bucket, key) DO UPDATE SET file = ?3, size = ?4, etag = ?5,"
                       " modified = ?6, parts = ?7, sum_kind = ?8, sum = ?9, metadata = ?10",
    [SQL_OBJECT_DELETE] = "DELETE FROM object WHERE bucket = ?1 AND key = ?2",
    [SQL_OBJECT_WALK] = "SELECT " OBJECT_COLUMNS ", key FROM object"
                        " WHERE bucket = ?1 AND key >= ?2 ORDER BY key",
    [SQL_OBJECT_WALK_BEYOND] = "SELECT " OBJECT_COLUMNS ", key FROM object"
                               " WHERE bucket = ?1 AND key > ?2 ORDER BY key",
    [SQL_UPLOAD_ADD] = "INSERT INTO upload (id, bucket, key, created, metadata, sum_kind)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_UPLOAD_FIND] = "SELECT metadata, sum_kind FROM upload"
                        " WHERE id = ?1 AND bucket = ?2 AND key = ?3",
    [SQL_UPLOAD_DELETE] = "DELETE FROM upload WHERE id = ?1 AND bucket = ?2 AND key = ?3",
    [SQL_UPLOAD_LIST] = "SELECT id, key, created FROM upload WHERE bucket = ?1"
                        " AND (key, id) > (?2, ?3) ORDER BY key, id",
    [SQL_PART_PUT] = "INSERT INTO part (upload, number, file, size, etag, modified, sum_kind, sum)"
                     " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
                     " WHERE EXISTS (SELECT 1 FROM upload WHERE id = ?1)"
                     " ON CONFLICT (upload, number) DO UPDATE SET file = ?3, size = ?4, etag = ?5,"
                     " modified = ?6, sum_kind = ?7, sum = ?8",
    [SQL_PART_FILE] = "SELECT file FROM part WHERE upload = ?1 AND number = ?2",
    [SQL_PART_FILES] = "SELECT file FROM part WHERE upload = ?1",
    [SQL_PART_LIST] = "SELECT file, size, etag, modified, 0, sum_kind, sum, number FROM part"
                      " WHERE upload = ?1 AND number > ?2 ORDER BY number",
    [SQL_ALL_FILES] = "SELECT file FROM object UNION ALL SELECT file FROM part",
};

/* A file of a newer schema or a damaged one is refused by lib/db with one sentence. */
struct s3d_index *s3d_index_open(const char *path, struct error *err)
{
    struct s3d_index *ix = calloc(1, sizeof *ix);
    if (!ix || pthread_mutex_init(&ix->lock, NULL)) {
        free(ix);
        err_set(err, ERR_MEMORY, "opening %s: out of memory", path);
        return NULL;
    }
    ix->db = db_open(path, DB_READ_WRITE, err);
    int rc = ix->db ? db_migrate(ix->db, schema, sizeof schema / sizeof *schema, err) : -1;
    for (int i = 0; i < SQL_COUNT && !rc; i++) {
        ix->statements[i] = db_prepare(ix->db, sql[i], err);
        rc = ix->statements[i] ? 0 : -1;
    }
    return rc ? s3d_index_close(ix) : ix;
}

struct s3d_index *s3d_index_close(struct s3d_index *ix)
{
    if (!ix)
        return NULL;
    for (int i = 0; i < SQL_COUNT; i++)
        stmt_close(ix->statements[i]);
    db_close(ix->db);
    pthread_mutex_destroy(&ix->lock);
    free(ix);
    return NULL;
}

void s3d_column_text(struct stmt *s, int column, char *out, size_t size)
{
    const char *text = stmt_text(s, column);
    (void)snprintf(out, size, "%s", text ? text : "");
}

/* Resets the statement in any case. */
int s3d_collect_locked(struct stmt *s, struct s3d_ids *files, struct error *err)
{
    int rc;
    while ((rc = stmt_step(s, err)) == 1) {
        const char *id = stmt_text(s, 0);
        if (id && s3d_ids_add(files, id, err)) {
            rc = -1;
            break;
        }
    }
    stmt_reset(s);
    return rc;
}

int s3d_index_files(struct s3d_index *ix, struct s3d_ids *out, struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    const int rc = s3d_collect_locked(ix->statements[SQL_ALL_FILES], out, err);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}

enum s3d_code s3d_end_locked(struct s3d_index *ix, enum s3d_code code, struct error *err)
{
    if (code == S3_OK && db_commit(ix->db, err))
        code = S3_INTERNAL;
    if (code != S3_OK)
        db_rollback(ix->db);
    return code;
}

/* No look-up first: the primary key decides between two that come at once. */
enum s3d_code s3d_bucket_create(struct s3d_index *ix, const char *name, int64_t now,
                                struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    struct stmt *s = ix->statements[SQL_BUCKET_ADD];
    stmt_bind_text(s, 1, name);
    stmt_bind_int(s, 2, now);
    enum s3d_code code = S3_OK;
    if (stmt_run(s, err))
        code = err->code == ERR_CONFLICT ? S3_BUCKET_EXISTS : S3_INTERNAL;
    pthread_mutex_unlock(&ix->lock);
    return code;
}

enum s3d_code s3d_bucket_find_locked(struct s3d_index *ix, const char *name, struct error *err)
{
    struct stmt *s = ix->statements[SQL_BUCKET_FIND];
    stmt_bind_text(s, 1, name);
    const int rc = stmt_step(s, err);
    stmt_reset(s);
    return rc < 0 ? S3_INTERNAL : rc ? S3_OK : S3_NO_SUCH_BUCKET;
}

enum s3d_code s3d_bucket_find(struct s3d_index *ix, const char *name, struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    const enum s3d_code code = s3d_bucket_find_locked(ix, name, err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

/* Inside a transaction, so that no object comes in between the check and the end. */
static enum s3d_code delete_bucket_locked(struct s3d_index *ix, const char *name,
                                          struct s3d_ids *files, struct error *err)
{
    enum s3d_code code = s3d_bucket_find_locked(ix, name, err);
    if (code != S3_OK)
        return code;
    struct stmt *objects = ix->statements[SQL_BUCKET_HAS_OBJECT];
    stmt_bind_text(objects, 1, name);
    const int rc = stmt_step(objects, err);
    stmt_reset(objects);
    if (rc)
        return rc < 0 ? S3_INTERNAL : S3_BUCKET_NOT_EMPTY;
    stmt_bind_text(ix->statements[SQL_BUCKET_PART_FILES], 1, name);
    if (s3d_collect_locked(ix->statements[SQL_BUCKET_PART_FILES], files, err))
        return S3_INTERNAL;
    stmt_bind_text(ix->statements[SQL_BUCKET_DROP_UPLOADS], 1, name);
    stmt_bind_text(ix->statements[SQL_BUCKET_DELETE], 1, name);
    if (stmt_run(ix->statements[SQL_BUCKET_DROP_UPLOADS], err) ||
        stmt_run(ix->statements[SQL_BUCKET_DELETE], err))
        return S3_INTERNAL;
    return S3_OK;
}

enum s3d_code s3d_bucket_delete(struct s3d_index *ix, const char *name, struct s3d_ids *files,
                                struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    enum s3d_code code = S3_INTERNAL;
    if (db_begin(ix->db, err) == 0)
        code = s3d_end_locked(ix, delete_bucket_locked(ix, name, files, err), err);
    pthread_mutex_unlock(&ix->lock);
    return code;
}

int s3d_bucket_each(struct s3d_index *ix, void (*fn)(void *ctx, const char *name, int64_t created),
                    void *ctx, struct error *err)
{
    pthread_mutex_lock(&ix->lock);
    struct stmt *s = ix->statements[SQL_BUCKET_LIST];
    int rc;
    while ((rc = stmt_step(s, err)) == 1) {
        const char *name = stmt_text(s, 0);
        fn(ctx, name ? name : "", stmt_int(s, 1));
    }
    stmt_reset(s);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}
