/* Statements: parameters in, rows out. */
#include "lib/db/db.h"

#include "lib/db/db_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct stmt {
    struct db *db;
    sqlite3_stmt *handle;
    int bind_rc; /* the first failed bind since the last reset */
};

/* SQLite compiles one statement and points behind it; anything more there would be lost. */
static bool only_space(const char *tail)
{
    while (isspace((unsigned char)*tail) || *tail == ';')
        tail++;
    return *tail == '\0';
}

/* PERSISTENT: statements are kept for the life of their connection. */
struct stmt *db_prepare(struct db *db, const char *sql, struct error *err)
{
    struct stmt *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_MEMORY, "out of memory preparing a statement");
        return NULL;
    }
    s->db = db;
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, &tail);
    if (rc != SQLITE_OK) {
        db_fail(db, rc, "statement cannot be prepared", err);
        return stmt_close(s);
    }
    if (!s->handle || !only_space(tail)) {
        err_set(err, ERR_INTERNAL, "not exactly one SQL statement: %s", sql);
        return stmt_close(s);
    }
    return s;
}

struct stmt *stmt_close(struct stmt *s)
{
    if (!s)
        return NULL;
    (void)sqlite3_finalize(s->handle);
    free(s);
    return NULL;
}

/* The first failure counts: the ones behind it often follow from it. */
static void bound(struct stmt *s, int rc)
{
    if (s->bind_rc == SQLITE_OK)
        s->bind_rc = rc;
}

void stmt_bind_int(struct stmt *s, int index, int64_t value)
{
    bound(s, sqlite3_bind_int64(s->handle, index, value));
}

void stmt_bind_real(struct stmt *s, int index, double value)
{
    bound(s, sqlite3_bind_double(s->handle, index, value));
}

void stmt_bind_text(struct stmt *s, int index, const char *text)
{
    if (text)
        stmt_bind_textn(s, index, text, strlen(text));
    else
        stmt_bind_null(s, index);
}

/* SQLite reads a NULL pointer as SQL NULL; an empty text or blob must not become that. */
void stmt_bind_textn(struct stmt *s, int index, const char *text, size_t len)
{
    bound(s, sqlite3_bind_text64(s->handle, index, text ? text : "", text ? len : 0, SQLITE_STATIC,
                                 SQLITE_UTF8));
}

void stmt_bind_blob(struct stmt *s, int index, const void *data, size_t len)
{
    bound(s,
          sqlite3_bind_blob64(s->handle, index, data ? data : "", data ? len : 0, SQLITE_STATIC));
}

void stmt_bind_null(struct stmt *s, int index)
{
    bound(s, sqlite3_bind_null(s->handle, index));
}

/* SQLite gives the reason with the step itself (prepare_v3), so no reset is needed to learn it.
 * */
int stmt_step(struct stmt *s, struct error *err)
{
    if (s->bind_rc != SQLITE_OK)
        return db_fail(s->db, s->bind_rc, "parameter cannot be bound", err);
    int rc = sqlite3_step(s->handle);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : db_fail(s->db, rc, "statement failed", err);
}

/* Reset in any case, so that a failed statement holds no lock. */
int stmt_run(struct stmt *s, struct error *err)
{
    int rc = stmt_step(s, err);
    stmt_reset(s);
    if (rc == 1)
        return err_set(err, ERR_INTERNAL, "a statement gave a row where none was expected");
    return rc;
}

int stmt_number(struct stmt *s, int64_t *out, struct error *err)
{
    int rc = stmt_step(s, err);
    if (rc == 1)
        *out = stmt_int(s, 0);
    stmt_reset(s);
    return rc;
}

/* Borrowed parameters are let go as well, so that none outlives its owner. */
void stmt_reset(struct stmt *s)
{
    (void)sqlite3_reset(s->handle);
    (void)sqlite3_clear_bindings(s->handle);
    s->bind_rc = SQLITE_OK;
}

int64_t stmt_int(struct stmt *s, int column)
{
    return sqlite3_column_int64(s->handle, column);
}

double stmt_real(struct stmt *s, int column)
{
    return sqlite3_column_double(s->handle, column);
}

const char *stmt_text(struct stmt *s, int column)
{
    return (const char *)sqlite3_column_text(s->handle, column);
}

size_t stmt_len(struct stmt *s, int column)
{
    return (size_t)sqlite3_column_bytes(s->handle, column);
}

const void *stmt_blob(struct stmt *s, int column)
{
    return sqlite3_column_blob(s->handle, column);
}

bool stmt_is_null(struct stmt *s, int column)
{
    return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}
