/* Opening and closing the store: folder, schema, readers, writer. */
#include "server/store/store_room.h"

#include "server/embed/embed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIGRATIONS_MAX = 64 };

/* The folder of a path, so that its lack is told before SQLite says "unable to open". */
static int check_folder(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir)
        return err_set(err, ERR_MEMORY, "out of memory");
    struct stat st;
    int rc = 0;
    if (stat(dir, &st) != 0)
        rc = errno == ENOENT ? err_set(err, ERR_SYSTEM,
                                       "the data folder %s does not exist: create it or name "
                                       "another one",
                                       dir)
                             : err_set_errno(err, "the data folder %s cannot be used", dir);
    else if (!S_ISDIR(st.st_mode))
        rc = err_set(err, ERR_SYSTEM, "%s is not a folder: name another one for the data", dir);
    else if (access(dir, W_OK | X_OK) != 0)
        rc = err_set_errno(err, "the data folder %s is not writable for this user", dir);
    free(dir);
    return rc;
}

/* The embedded files below migrations/, in order: 0001_name.sql is step 1. */
static size_t list_migrations(struct migration steps[MIGRATIONS_MAX])
{
    static const char prefix[] = "migrations/";
    size_t count = 0;
    for (size_t i = 0; i < embed_count && count < MIGRATIONS_MAX; i++) {
        const struct embedded *file = &embed_files[i];
        if (strncmp(file->name, prefix, strlen(prefix)) != 0)
            continue;
        steps[count].version = (int)strtol(file->name + strlen(prefix), NULL, 10);
        steps[count].name = file->name;
        steps[count].sql = file->data;
        count++;
    }
    return count;
}

static int migrate(struct db *db, struct error *err)
{
    struct migration steps[MIGRATIONS_MAX];
    return db_migrate(db, steps, list_migrations(steps), err);
}

int store_schema_read(const char *path, struct store_schema *out, struct error *err)
{
    struct migration steps[MIGRATIONS_MAX];
    struct db *db = db_open(path, DB_READ_ONLY, err);
    struct stmt *stmt = db ? db_prepare(db, "PRAGMA user_version", err) : NULL;
    int rc = stmt ? stmt_step(stmt, err) : -1;
    if (rc == 1)
        *out = (struct store_schema){.version = (int)stmt_int(stmt, 0),
                                     .known = (int)list_migrations(steps)};
    stmt_close(stmt);
    db_close(db);
    return rc == 1 ? 0 : -1;
}

/* Versions go on where they ended before the restart: readers hold on to numbers they saw. */
static int last_version(struct conn *c, int64_t *version, struct error *err)
{
    struct stmt *stmt = conn_stmt(c, "SELECT coalesce(max(version), 0) FROM runs", err);
    if (!stmt)
        return -1;
    return stmt_number(stmt, version, err) == 1 ? 0 : -1;
}

/* The writer's connection migrates before any reader may look. */
struct store *store_open(const struct store_options *options, struct error *err)
{
    if (check_folder(options->path, err))
        return NULL;
    int64_t version = 0;
    struct conn *conn = NULL;
    struct store *s = calloc(1, sizeof *s);
    char *path = strdup(options->path);
    if (!s || !path) {
        err_set(err, ERR_MEMORY, "out of memory for the store");
        goto free_store;
    }
    s->path = path;
    s->log = options->log;
    conn = conn_new(s->path, DB_READ_WRITE, err);
    if (!conn || migrate(conn->db, err) || failures_classify(conn, err) ||
        last_version(conn, &version, err))
        goto free_conn;
    if (conn_pool_open(&s->readers, s->path, err))
        goto free_conn;
    if (writer_open(&s->writer, conn, version, options->clock, options->log, err))
        goto close_readers;
    return s;
close_readers:
    conn_pool_close(&s->readers);
free_conn:
    conn_free(conn);
free_store:
    free(path);
    free(s);
    return NULL;
}

struct store *store_close(struct store *s)
{
    if (!s)
        return NULL;
    /* Readers first: the last connection to close, the writer's, folds the WAL into the file. */
    conn_pool_close(&s->readers);
    writer_close(&s->writer);
    free(s->path);
    free(s);
    return NULL;
}

void store_on_change(struct store *s, void (*changed)(void *ctx), void *ctx)
{
    writer_on_change(&s->writer, changed, ctx);
}

uint64_t store_generation(const struct store *s)
{
    return atomic_load(&s->writer.generation);
}

int store_version(struct store *s, int64_t *version, struct error *err)
{
    struct conn *c = conn_pool_take(&s->readers, err);
    int rc = c ? last_version(c, version, err) : -1;
    conn_pool_give(&s->readers, c);
    return rc;
}

int store_ping(struct store *s, struct error *err)
{
    int64_t version = 0;
    return store_version(s, &version, err);
}
