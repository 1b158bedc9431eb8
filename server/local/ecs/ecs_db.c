/* Opening, clusters, task definitions and client tokens. Tasks are in ecs_db_task.c.
 *
 * Every statement is prepared once; each function binds, steps and resets its own, so that none is
 * left on a row when the transaction ends. */
#include "server/local/ecs/ecs_db.h"

#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_db_private.h"

#include <stdlib.h>
#include <string.h>

/* Once, at opening: a wrong statement shows at start-up and not in the middle of a run. */
static int prepare_all(struct ecs_db *d, struct error *err)
{
    static const char *const sql[] = {
#define X(name, text) text,
        ECS_STATEMENTS(X)
#undef X
    };
    for (size_t i = 0; i < ECS_SQL_COUNT; i++) {
        d->stmts[i] = db_prepare(d->db, sql[i], err);
        if (!d->stmts[i])
            return -1;
    }
    return 0;
}

struct ecs_db *ecs_db_open(const char *path, struct error *err)
{
    static const struct migration steps[] = {{1, "ecs 1", ECS_SCHEMA}};
    struct ecs_db *d = calloc(1, sizeof *d);
    if (!d) {
        (void)err_set(err, ERR_MEMORY, "out of memory for %s", path);
        return NULL;
    }
    d->db = db_open(path, DB_READ_WRITE, err);
    if (!d->db || db_migrate(d->db, steps, 1, err) != 0 || prepare_all(d, err) != 0)
        return ecs_db_close(d);
    return d;
}

struct ecs_db *ecs_db_close(struct ecs_db *d)
{
    if (!d)
        return NULL;
    for (size_t i = 0; i < ECS_SQL_COUNT; i++)
        d->stmts[i] = stmt_close(d->stmts[i]);
    d->db = db_close(d->db);
    free(d);
    return NULL;
}

int ecs_db_begin(struct ecs_db *d, struct error *err)
{
    return db_begin(d->db, err);
}

int ecs_db_commit(struct ecs_db *d, struct error *err)
{
    return db_commit(d->db, err);
}

void ecs_db_rollback(struct ecs_db *d)
{
    db_rollback(d->db);
}

char *ecs_db_text(const json_t *value, struct error *err)
{
    char *text = json_dumps(value, JSON_COMPACT);
    if (!text)
        (void)err_set(err, ERR_MEMORY, "out of memory for a record");
    return text;
}

int ecs_db_one(struct stmt *s, struct error *err)
{
    int rc = stmt_step(s, err);
    if (rc != 1)
        stmt_reset(s);
    return rc;
}

/* --- clusters ----------------------------------------------------------------------------------*/

int ecs_db_cluster_find(struct ecs_db *d, const char *name, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_CLUSTER_FIND];
    stmt_bind_text(s, 1, name);
    int rc = ecs_db_one(s, err);
    stmt_reset(s);
    return rc;
}

int ecs_db_cluster_add(struct ecs_db *d, const char *name, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_CLUSTER_ADD];
    stmt_bind_text(s, 1, name);
    return stmt_run(s, err);
}

int ecs_db_clusters(struct ecs_db *d, json_t *names, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_CLUSTERS];
    int rc = stmt_step(s, err);
    for (; rc == 1; rc = stmt_step(s, err))
        (void)json_array_append_new(names, json_string(stmt_text(s, 0)));
    stmt_reset(s);
    return rc;
}

int ecs_db_cluster_counts(struct ecs_db *d, const char *name, int64_t *running, int64_t *waiting,
                          struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_CLUSTER_COUNTS];
    stmt_bind_text(s, 1, name);
    int rc = ecs_db_one(s, err);
    *running = rc == 1 ? stmt_int(s, 0) : 0;
    *waiting = rc == 1 ? stmt_int(s, 1) : 0;
    stmt_reset(s);
    return rc < 0 ? -1 : 0;
}

/* --- task definitions --------------------------------------------------------------------------*/

int ecs_db_definition_latest(struct ecs_db *d, const char *family, int64_t *revision,
                             struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_DEFINITION_LATEST];
    stmt_bind_text(s, 1, family);
    int rc = ecs_db_one(s, err);
    *revision = rc == 1 ? stmt_int(s, 0) : 0;
    stmt_reset(s);
    return rc < 0 ? -1 : *revision > 0;
}

int ecs_db_definition_find(struct ecs_db *d, const char *family, int64_t revision, json_t **doc,
                           struct error *err)
{
    *doc = NULL;
    if (revision == 0) {
        int found = ecs_db_definition_latest(d, family, &revision, err);
        if (found != 1)
            return found;
    }
    struct stmt *s = d->stmts[ECS_SQL_DEFINITION_FIND];
    stmt_bind_text(s, 1, family);
    stmt_bind_int(s, 2, revision);
    int rc = ecs_db_one(s, err);
    if (rc == 1 && json_parse(stmt_text(s, 0), stmt_len(s, 0), doc, err) != 0)
        rc = -1;
    stmt_reset(s);
    return rc;
}

int ecs_db_definition_add(struct ecs_db *d, const char *family, int64_t revision, const json_t *doc,
                          struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_DEFINITION_ADD];
    char *text = ecs_db_text(doc, err);
    if (!text)
        return -1;
    stmt_bind_text(s, 1, family);
    stmt_bind_int(s, 2, revision);
    stmt_bind_text(s, 3, text);
    int rc = stmt_run(s, err);
    free(text);
    return rc;
}

int ecs_db_definitions(struct ecs_db *d, json_t *list, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_DEFINITIONS];
    int rc = stmt_step(s, err);
    for (; rc == 1; rc = stmt_step(s, err))
        (void)json_array_append_new(list, json_pack("{s:s,s:I}", "family", stmt_text(s, 0),
                                                    "revision", (json_int_t)stmt_int(s, 1)));
    stmt_reset(s);
    return rc;
}

/* --- client tokens -----------------------------------------------------------------------------*/

int ecs_db_token_find(struct ecs_db *d, const char *token, char digest[65], json_t **ids,
                      struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_TOKEN_FIND];
    *ids = NULL;
    stmt_bind_text(s, 1, token);
    int rc = ecs_db_one(s, err);
    if (rc == 1) {
        size_t len = stmt_len(s, 0) < 64 ? stmt_len(s, 0) : 64;
        memcpy(digest, stmt_text(s, 0), len);
        digest[len] = '\0';
        if (json_parse(stmt_text(s, 1), stmt_len(s, 1), ids, err) != 0)
            rc = -1;
    }
    stmt_reset(s);
    return rc;
}

int ecs_db_token_add(struct ecs_db *d, const char *token, const char *digest, const json_t *ids,
                     int64_t at, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_TOKEN_ADD];
    char *text = ecs_db_text(ids, err);
    if (!text)
        return -1;
    stmt_bind_text(s, 1, token);
    stmt_bind_text(s, 2, digest);
    stmt_bind_text(s, 3, text);
    stmt_bind_int(s, 4, at);
    int rc = stmt_run(s, err);
    free(text);
    return rc;
}
