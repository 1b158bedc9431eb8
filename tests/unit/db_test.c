#include "lib/db/db.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A folder of its own for every test; removed with its files at the end. */
struct place {
    char dir[TEMP_FOLDER_MAX];
    char file[TEMP_FOLDER_MAX + 16];
};

static void place_open(struct place *p)
{
    temp_folder_make(p->dir, "db");
    (void)snprintf(p->file, sizeof p->file, "%s/x.db", p->dir);
}

static void place_close(struct place *p)
{
    temp_folder_remove(p->dir);
}

static struct db *must_open(const char *path, enum db_mode mode)
{
    struct error err = {0};
    struct db *db = db_open(path, mode, &err);
    cr_assert_not_null(db, "%s", err.message);
    return db;
}

static void must_exec(struct db *db, const char *sql)
{
    struct error err = {0};
    cr_assert_eq(db_exec(db, sql, &err), 0, "%s", err.message);
}

static int64_t number(struct db *db, const char *sql)
{
    struct error err = {0};
    struct stmt *s = db_prepare(db, sql, &err);
    cr_assert_not_null(s, "%s", err.message);
    cr_assert_eq(stmt_step(s, &err), 1, "%s", err.message);
    int64_t n = stmt_int(s, 0);
    stmt_close(s);
    return n;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    cr_assert_not_null(f);
    cr_assert_eq(fputs(text, f) < 0, 0);
    cr_assert_eq(fclose(f), 0);
}

Test(db, settings)
{
    struct place p;
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    cr_expect_eq(number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    cr_expect_eq(number(db, "PRAGMA synchronous"), 2);
    cr_expect_eq(number(db, "PRAGMA foreign_keys"), 1);
    cr_expect_eq(number(db, "PRAGMA busy_timeout"), 5000);
    db_close(db);
    place_close(&p);
}

Test(db, one_number_is_read_and_the_statement_is_ready_again)
{
    struct place p;
    struct error err = {0};
    int64_t n = 7;
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    struct stmt *s = db_prepare(db, "SELECT ?1 WHERE ?1 > 0", &err);
    cr_assert_not_null(s, "%s", err.message);
    stmt_bind_int(s, 1, -5);
    cr_expect_eq(stmt_number(s, &n, &err), 0);
    cr_expect_eq(n, 7);
    stmt_bind_int(s, 1, 5);
    cr_expect_eq(stmt_number(s, &n, &err), 1);
    cr_expect_eq(n, 5);
    cr_expect_eq(stmt_number(s, &n, &err), 0, "the parameter was let go");
    stmt_bind_int(s, 9, 1);
    cr_expect_eq(stmt_number(s, &n, &err), -1);
    cr_expect_eq(n, 5);
    stmt_close(s);
    db_close(db);
    place_close(&p);
}

Test(db, refuses_what_is_no_database)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    write_file(p.file, "This text is long enough to be mistaken for a header of a database file, "
                       "if nobody looked at it closely. It is not one, and never will be.\n");
    for (int mode = DB_READ_WRITE; mode <= DB_READ_ONLY; mode++) {
        cr_expect_null(db_open(p.file, (enum db_mode)mode, &err));
        cr_expect_eq(err.code, ERR_DATABASE);
        cr_expect_not_null(strstr(err.message, "is not a database or is damaged: move it away"));
        cr_expect_not_null(strstr(err.message, p.file));
    }
    place_close(&p);
}

Test(db, refuses_a_truncated_file)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000))");
    db_close(db);
    cr_assert_eq(truncate(p.file, 6000), 0);
    cr_expect_null(db_open(p.file, DB_READ_WRITE, &err));
    cr_expect_not_null(strstr(err.message, "damaged"), "%s", err.message);
    place_close(&p);
}

Test(db, names_the_file_it_cannot_open)
{
    struct error err = {0};
    cr_expect_null(db_open("/nowhere/at/all.db", DB_READ_WRITE, &err));
    cr_expect_eq(err.code, ERR_DATABASE);
    cr_expect_not_null(strstr(err.message, "/nowhere/at/all.db"), "%s", err.message);
    cr_expect_null(db_close(NULL));
    cr_expect_null(stmt_close(NULL));
}

Test(db, read_only_means_it)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    cr_expect_null(db_open(p.file, DB_READ_ONLY, &err));
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "CREATE TABLE t(a)");
    struct db *reader = must_open(p.file, DB_READ_ONLY);
    cr_expect_eq(db_exec(reader, "INSERT INTO t VALUES(1)", &err), -1);
    cr_expect_eq(err.code, ERR_DATABASE);
    db_close(reader);
    db_close(db);
    place_close(&p);
}

Test(db, values_go_in_and_out)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "CREATE TABLE t(i, r, s, n, b, e, z)");
    struct stmt *in = db_prepare(db, "INSERT INTO t VALUES(?,?,?,?,?,?,?);", &err);
    cr_assert_not_null(in);
    stmt_bind_int(in, 1, INT64_MIN);
    stmt_bind_real(in, 2, 0.5);
    stmt_bind_text(in, 3, "h\xc3\xa9");
    stmt_bind_textn(in, 4, "a\0b", 3);
    stmt_bind_blob(in, 5, "\x00\xff", 2);
    stmt_bind_blob(in, 6, NULL, 0);
    stmt_bind_text(in, 7, NULL);
    cr_assert_eq(stmt_run(in, &err), 0, "%s", err.message);
    cr_expect_eq(db_changes(db), 1);
    stmt_close(in);

    struct stmt *out = db_prepare(db, "SELECT * FROM t", &err);
    cr_assert_eq(stmt_step(out, &err), 1);
    cr_expect_eq(stmt_int(out, 0), INT64_MIN);
    cr_expect_eq(stmt_real(out, 1), 0.5);
    cr_expect_str_eq(stmt_text(out, 2), "h\xc3\xa9");
    cr_expect_eq(stmt_len(out, 3), 3);
    cr_expect_eq(memcmp(stmt_text(out, 3), "a\0b", 3), 0);
    cr_expect_eq(stmt_len(out, 4), 2);
    cr_expect_eq(memcmp(stmt_blob(out, 4), "\x00\xff", 2), 0);
    cr_expect_not(stmt_is_null(out, 5));
    cr_expect(stmt_is_null(out, 6));
    cr_expect_null(stmt_text(out, 6));
    cr_expect_eq(stmt_step(out, &err), 0);
    stmt_close(out);
    db_close(db);
    place_close(&p);
}

Test(db, statement_errors_are_told)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    cr_expect_null(db_prepare(db, "SELECT * FROM absent", &err));
    cr_expect_eq(err.code, ERR_DATABASE);
    cr_expect_null(db_prepare(db, "SELECT 1; SELECT 2", &err));
    cr_expect_eq(err.code, ERR_INTERNAL);
    cr_expect_null(db_prepare(db, "  ", &err));
    cr_expect_null(db_prepare(db, "SELECT \"not a column\"", &err));
    struct stmt *s = db_prepare(db, "SELECT ?1", &err);
    stmt_bind_int(s, 2, 1); /* there is no second parameter */
    cr_expect_eq(stmt_step(s, &err), -1);
    cr_expect_eq(err.code, ERR_DATABASE);
    stmt_reset(s);
    stmt_bind_int(s, 1, 7);
    cr_expect_eq(stmt_step(s, &err), 1);
    stmt_reset(s);
    cr_expect_eq(stmt_run(s, &err), -1, "a row where none belongs");
    stmt_close(s);
    db_close(db);
    place_close(&p);
}

Test(db, constraints_become_conflicts)
{
    static const struct {
        const char *sql;
        enum err_code code;
    } cases[] = {
        {"INSERT INTO t(id, u, c) VALUES(1, 'b', 1)", ERR_CONFLICT},
        {"INSERT INTO t(id, u, c) VALUES(2, 'a', 1)", ERR_CONFLICT},
        {"INSERT INTO w(k) VALUES('k')", ERR_CONFLICT},
        {"INSERT INTO t(id, u, c) VALUES(3, 'c', 0)", ERR_DATABASE},
        {"INSERT INTO t(id, u, c) VALUES(3, NULL, 1)", ERR_DATABASE},
        {"INSERT INTO f(t) VALUES(99)", ERR_DATABASE},
        {"INSERT INTO nowhere VALUES(1)", ERR_DATABASE},
    };
    struct place p;
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT NOT NULL UNIQUE, c CHECK(c > 0));"
                  "CREATE TABLE w(k TEXT PRIMARY KEY) WITHOUT ROWID;"
                  "CREATE TABLE f(t REFERENCES t(id));"
                  "INSERT INTO t VALUES(1, 'a', 1); INSERT INTO w VALUES('k')");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        cr_expect_eq(db_exec(db, cases[i].sql, &err), -1);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].sql, err.message);
        cr_expect_not_null(strstr(err.message, p.file));
    }
    db_close(db);
    place_close(&p);
}

Test(db, transactions)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "CREATE TABLE t(a)");
    db_rollback(db); /* outside: nothing happens */
    cr_assert_eq(db_begin(db, &err), 0);
    cr_expect_eq(db_begin(db, &err), -1, "no transaction inside a transaction");
    must_exec(db, "INSERT INTO t VALUES(1)");
    db_rollback(db);
    cr_expect_eq(number(db, "SELECT count(*) FROM t"), 0);
    cr_assert_eq(db_begin(db, &err), 0);
    must_exec(db, "INSERT INTO t VALUES(1)");
    cr_assert_eq(db_commit(db, &err), 0);
    cr_expect_eq(number(db, "SELECT count(*) FROM t"), 1);
    cr_expect_eq(db_commit(db, &err), -1, "nothing to commit");
    db_close(db);
    place_close(&p);
}

Test(db, second_writer_is_busy)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *one = must_open(p.file, DB_READ_WRITE);
    struct db *two = must_open(p.file, DB_READ_WRITE);
    must_exec(two, "PRAGMA busy_timeout=1");
    cr_assert_eq(db_begin(one, &err), 0);
    cr_expect_eq(db_begin(two, &err), -1);
    cr_expect_eq(err.code, ERR_BUSY, "%s", err.message);
    db_rollback(one);
    db_close(two);
    db_close(one);
    place_close(&p);
}

static const struct migration steps[] = {
    {1, "0001_a.sql", "CREATE TABLE log(n INTEGER); INSERT INTO log VALUES(1);"},
    {2, "0002_b.sql", "INSERT INTO log SELECT max(n) * 10 + 2 FROM log;"},
    {3, "0003_c.sql", "INSERT INTO log SELECT max(n) * 10 + 3 FROM log;"},
};

Test(db, migrations_run_once_and_in_order)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    cr_assert_eq(db_migrate(db, steps, 2, &err), 0, "%s", err.message);
    cr_expect_eq(number(db, "PRAGMA user_version"), 2);
    db_close(db);
    db = must_open(p.file, DB_READ_WRITE);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(db_migrate(db, steps, 3, &err), 0, "%s", err.message);
    cr_expect_eq(number(db, "SELECT max(n) FROM log"), 123);
    cr_expect_eq(number(db, "SELECT count(*) FROM log"), 3);
    cr_expect_eq(number(db, "PRAGMA user_version"), 3);
    db_close(db);
    place_close(&p);
}

Test(db, newer_schema_is_refused)
{
    struct place p;
    struct error err = {0};
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "PRAGMA user_version=4");
    cr_expect_eq(db_migrate(db, steps, 3, &err), -1);
    cr_expect_eq(err.code, ERR_SCHEMA_NEWER);
    cr_expect_not_null(strstr(err.message, "newer version"));
    cr_expect_not_null(strstr(err.message, p.file));
    db_close(db);
    place_close(&p);
}

Test(db, failing_migration_leaves_no_trace)
{
    static const char *const bad[] = {
        "INSERT INTO log VALUES(99); INSERT INTO absent VALUES(1)",
        "INSERT INTO log VALUES(99); ROLLBACK",
        "syntax error",
    };
    struct place p;
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        struct migration list[] = {steps[0], {2, "0002_bad.sql", bad[i]}};
        cr_expect_eq(db_migrate(db, list, 2, &err), -1);
        cr_expect_not_null(strstr(err.message, "0002_bad.sql"), "%s", err.message);
        cr_expect_eq(number(db, "PRAGMA user_version"), 1);
        cr_expect_eq(number(db, "SELECT count(*) FROM log"), 1);
    }
    struct error err = {0};
    cr_expect_eq(db_migrate(db, &steps[1], 2, &err), -1, "a list with a gap");
    db_close(db);
    place_close(&p);
}

enum { WRITES = 300 };

static void *write_pairs(void *path)
{
    struct db *db = must_open(path, DB_READ_WRITE);
    struct error err = {0};
    for (int i = 0; i < WRITES; i++) {
        cr_assert_eq(db_begin(db, &err), 0, "%s", err.message);
        must_exec(db, "INSERT INTO t VALUES(1)");
        must_exec(db, "INSERT INTO t VALUES(1)");
        cr_assert_eq(db_commit(db, &err), 0, "%s", err.message);
    }
    db_close(db);
    return NULL;
}

Test(db, readers_go_on_while_one_writes)
{
    struct place p;
    place_open(&p);
    struct db *db = must_open(p.file, DB_READ_WRITE);
    must_exec(db, "CREATE TABLE t(a)");
    struct db *reader = must_open(p.file, DB_READ_ONLY);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, write_pairs, p.file), 0);
    int64_t seen = 0;
    while (seen < 2 * WRITES) {
        int64_t now = number(reader, "SELECT count(*) FROM t");
        cr_assert_geq(now, seen);
        cr_assert_eq(now % 2, 0, "half a transaction was seen");
        seen = now;
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    db_close(reader);
    db_close(db);
    place_close(&p);
}
