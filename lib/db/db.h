/* db: the only door to SQLite. Connections, statements, transactions, migrations.
 *
 * A struct db and its statements belong to one thread at a time (opened without SQLite's own
 * mutex); open several connections for several threads. WAL mode, synchronous=FULL, foreign keys
 * on, busy timeout 5 s. Every error becomes ERR_DATABASE with the file's name, or ERR_CONFLICT for
 * a violated UNIQUE or PRIMARY KEY constraint, or ERR_BUSY. */
#ifndef STEPFLEET_DB_H
#define STEPFLEET_DB_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct stmt;

enum db_mode { DB_READ_WRITE, DB_READ_ONLY };

/* Opens (creates, for DB_READ_WRITE) the file. A damaged or foreign file is refused here with one
 * sentence. Free with db_close, which finalises nothing: close statements first. */
struct db *db_open(const char *path, enum db_mode mode, struct error *err);
struct db *db_close(struct db *db); /* NULL-safe; returns NULL */

/* Runs one or more statements that take no parameters and give no rows. */
int db_exec(struct db *db, const char *sql, struct error *err);

int db_begin(struct db *db, struct error *err); /* BEGIN IMMEDIATE (BEGIN when read-only) */
/* -1: nothing of the transaction is in the file; db_rollback it. */
int db_commit(struct db *db, struct error *err);
void db_rollback(struct db *db); /* never fails; does nothing outside a transaction */
/* Rows that the last INSERT, UPDATE or DELETE changed. */
int64_t db_changes(const struct db *db);

/* Compiles exactly one statement; NULL with ERR_DATABASE (wrong SQL) or ERR_INTERNAL (none,
 * or several). Free with stmt_close, before the db. */
struct stmt *db_prepare(struct db *db, const char *sql, struct error *err);
struct stmt *stmt_close(struct stmt *s); /* NULL-safe; returns NULL */

/* Parameters count from 1. Texts and blobs are borrowed until the statement is reset or bound
 * anew. A failed bind is remembered and told by stmt_step. */
void stmt_bind_int(struct stmt *s, int index, int64_t value);
/* Doubles are for measurements only: ids and counts have stmt_bind_int. */
void stmt_bind_real(struct stmt *s, int index, double value);
void stmt_bind_text(struct stmt *s, int index, const char *text); /* NULL: SQL NULL */
/* `len` bytes of UTF-8, which may hold NULs; NULL binds the empty text. */
void stmt_bind_textn(struct stmt *s, int index, const char *text, size_t len);
/* `len` bytes; a NULL pointer binds the empty blob, not SQL NULL. */
void stmt_bind_blob(struct stmt *s, int index, const void *data, size_t len);
/* SQL NULL. */
void stmt_bind_null(struct stmt *s, int index);

/* 1: a row is there; 0: done; -1: failed. */
int stmt_step(struct stmt *s, struct error *err);
/* Steps a statement that gives no row, then resets it. 0 or -1. */
int stmt_run(struct stmt *s, struct error *err);
/* Steps a statement that gives one number at most, then resets it. 1: *out is the first column of
 * its row; 0: there is no row, *out is left alone; -1. */
int stmt_number(struct stmt *s, int64_t *out, struct error *err);
/* Makes the statement ready to be bound and run again. */
void stmt_reset(struct stmt *s);

/* Columns count from 0. Texts and blobs are borrowed until the next step, reset or close. */
int64_t stmt_int(struct stmt *s, int column);
/* Integers are converted, SQL NULL reads as 0. */
double stmt_real(struct stmt *s, int column);
const char *stmt_text(struct stmt *s, int column); /* NULL for SQL NULL */
size_t stmt_len(struct stmt *s, int column);       /* bytes of a text or blob */
/* NULL for SQL NULL and for the empty blob. */
const void *stmt_blob(struct stmt *s, int column);
/* True for SQL NULL, which the other readers give as 0, NULL or an empty text. */
bool stmt_is_null(struct stmt *s, int column);

/* One step of a schema: number (1, 2, ...), file name for messages, SQL text. */
struct migration {
    int version;
    const char *name;
    const char *sql;
};

/* Applies the steps beyond PRAGMA user_version in order, each in a transaction of its own. The
 * list is sorted and without gaps. -1 with ERR_SCHEMA_NEWER (one sentence, with the remedy) when
 * the file's version is beyond the last step. */
int db_migrate(struct db *db, const struct migration *steps, size_t count, struct error *err);

#endif
