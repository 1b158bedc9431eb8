/* Schema versions: steps are applied in order, each once, each in a transaction of its own. */
#include "lib/db/db.h"

#include "lib/db/db_private.h"

#include <stdio.h>

/* PRAGMA user_version is SQLite's own place for it: 0 in a new file. */
static int read_version(struct db *db, int64_t *version, struct error *err)
{
    struct stmt *s = db_prepare(db, "PRAGMA user_version", err);
    if (!s)
        return -1;
    int rc = stmt_number(s, version, err);
    stmt_close(s);
    if (rc == 0)
        return err_set(err, ERR_INTERNAL, "PRAGMA user_version gave no row");
    return rc == 1 ? 0 : -1;
}

/* Versions are positions in the list, so a gap or a doubled number is found here and not in the
 * field. */
static int check_list(const struct migration *steps, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (steps[i].version != (int)i + 1)
            return err_set(err, ERR_INTERNAL, "migration %s has version %d where %zu belongs",
                           steps[i].name, steps[i].version, i + 1);
    return 0;
}

/* Runs inside a transaction, with the version; SQL that ends the transaction itself is refused.
 * */
static int run_step(struct db *db, const struct migration *step, struct error *err)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", step->version);
    if (db_exec(db, step->sql, err) != 0)
        return -1;
    if (sqlite3_get_autocommit(db->handle))
        return err_set(err, ERR_INTERNAL, "it must not end its transaction");
    return db_exec(db, sql, err);
}

/* The version is read anew inside the transaction: another process may have been faster. */
static int apply(struct db *db, const struct migration *step, struct error *err)
{
    int64_t version = 0;
    if (db_begin(db, err) != 0)
        return err_wrap(err, "migration %s", step->name);
    int rc = read_version(db, &version, err);
    if (rc == 0 && version < step->version)
        rc = run_step(db, step, err);
    if (rc == 0)
        rc = db_commit(db, err);
    if (rc == 0)
        return 0;
    db_rollback(db);
    return err_wrap(err, "migration %s", step->name);
}

/* Never backwards: an older program must not write into a newer schema. */
int db_migrate(struct db *db, const struct migration *steps, size_t count, struct error *err)
{
    int64_t version = 0;
    if (check_list(steps, count, err) != 0 || read_version(db, &version, err) != 0)
        return -1;
    if (version < 0 || (uint64_t)version > count)
        return err_set(err, ERR_SCHEMA_NEWER,
                       "database %s was written by a newer version (schema %lld, this program "
                       "knows %zu): run the newer version or use another data folder",
                       db->path, (long long)version, count);
    for (size_t i = (size_t)version; i < count; i++)
        if (apply(db, &steps[i], err) != 0)
            return -1;
    return 0;
}
