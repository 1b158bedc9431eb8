/* Connections and transactions. */
#include "lib/db/db.h"

#include "lib/db/db_private.h"

#include <stdlib.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 5000 };

/* The write-ahead log lets readers go on while one connection writes; FULL syncs it at each commit,
 * so that what was answered as done survives a power cut. The ceiling on the log's file keeps one
 * large transaction from occupying the disk for ever. */
static const char writer_settings[] = "PRAGMA journal_mode=WAL;"
                                      "PRAGMA synchronous=FULL;"
                                      "PRAGMA journal_size_limit=67108864;";
/* Reads of hot pages come from a memory map, without a copy through the page cache. */
static const char shared_settings[] = "PRAGMA foreign_keys=ON;"
                                      "PRAGMA trusted_schema=OFF;"
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA cache_size=-8192;"
                                      "PRAGMA mmap_size=16777216;";

/* Which of our codes an SQLite result is (sqlite.org/rescode.html). Other constraints (CHECK,
 * NOT NULL, FOREIGN KEY) are mistakes of ours and stay ERR_DATABASE. */
static enum err_code code_of(int rc)
{
    if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
        rc == SQLITE_CONSTRAINT_ROWID)
        return ERR_CONFLICT;
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    default:
        return ERR_DATABASE;
    }
}

int db_fail(const struct db *db, int rc, const char *doing, struct error *err)
{
    int primary = rc & 0xff;
    if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT)
        return err_set(err, ERR_DATABASE,
                       "file %s is not a database or is damaged: move it away or restore it",
                       db->path);
    /* After an interrupted call the handle's text may belong to another error than rc. */
    bool current = db->handle && sqlite3_extended_errcode(db->handle) == rc;
    return err_set(err, code_of(rc), "database %s: %s: %s", db->path, doing,
                   current ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
}

int db_exec(struct db *db, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_fail(db, rc, "statement failed", err);
}

/* Opens the connection itself; touches the file only in so far as it must exist. */
static int open_handle(struct db *db, struct error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= db->mode == DB_READ_ONLY ? SQLITE_OPEN_READONLY
                                      : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
    if (rc != SQLITE_OK)
        return db_fail(db, rc, "cannot be opened", err);
    rc = sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    /* "x" then always means a column: a misspelt name is an error and not a string. */
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return rc == SQLITE_OK ? 0 : db_fail(db, rc, "cannot be configured", err);
}

/* SQLite opens lazily: only reading the schema shows whether the file is a database at all. */
static int touch_schema(struct db *db, struct error *err)
{
    return db_exec(db, "SELECT count(*) FROM sqlite_schema", err);
}

static int configure(struct db *db, struct error *err)
{
    if (db->mode == DB_READ_WRITE && db_exec(db, writer_settings, err) != 0)
        return -1;
    if (db_exec(db, shared_settings, err) != 0)
        return -1;
    return touch_schema(db, err);
}

struct db *db_open(const char *path, enum db_mode mode, struct error *err)
{
    struct db *db = calloc(1, sizeof *db);
    if (!db || !(db->path = strdup(path))) {
        err_set(err, ERR_MEMORY, "out of memory opening database %s", path);
        return db_close(db);
    }
    db->mode = mode;
    if (open_handle(db, err) != 0 || configure(db, err) != 0)
        return db_close(db);
    return db;
}

/* close_v2 waits for forgotten statements instead of leaking the connection. */
struct db *db_close(struct db *db)
{
    if (!db)
        return NULL;
    (void)sqlite3_close_v2(db->handle);
    free(db->path);
    free(db);
    return NULL;
}

int db_begin(struct db *db, struct error *err)
{
    return db_exec(db, db->mode == DB_READ_ONLY ? "BEGIN" : "BEGIN IMMEDIATE", err);
}

int db_commit(struct db *db, struct error *err)
{
    return db_exec(db, "COMMIT", err);
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}
