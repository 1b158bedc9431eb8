/* Task records: rows of the table `tasks`. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_db.h"
#include "server/local/ecs/ecs_db_private.h"

#include <stdio.h>
#include <stdlib.h>

/* Reads ECS_TASK_COLUMNS. */
static int read_row(struct stmt *s, struct ecs_task *t, struct error *err)
{
    *t = (struct ecs_task){
        .seq = stmt_int(s, 0),
        .status = ecs_status_of(stmt_text(s, 3)),
        .stop_wanted = ecs_status_of(stmt_text(s, 4)) == ECS_STOPPED,
        .created_at = stmt_int(s, 5),
        .launched_at = stmt_int(s, 6),
        .started_at = stmt_int(s, 7),
        .stopping_at = stmt_int(s, 8),
        .stopped_at = stmt_int(s, 9),
        .has_exit_code = !stmt_is_null(s, 13),
        .exit_code = stmt_int(s, 13),
        .version = stmt_int(s, 14),
    };
    (void)snprintf(t->id, sizeof t->id, "%s", stmt_text(s, 1));
    (void)snprintf(t->stop_code, sizeof t->stop_code, "%s", stmt_text(s, 10));
    (void)snprintf(t->stopped_reason, sizeof t->stopped_reason, "%s", stmt_text(s, 11));
    (void)snprintf(t->container_reason, sizeof t->container_reason, "%s", stmt_text(s, 12));
    return json_parse(stmt_text(s, 2), stmt_len(s, 2), &t->doc, err);
}

/* The row the statement finds, if there is one. */
static int load(struct stmt *s, struct ecs_task *t, struct error *err)
{
    int rc = ecs_db_one(s, err);
    if (rc == 1 && read_row(s, t, err) != 0)
        rc = -1;
    stmt_reset(s);
    return rc;
}

int ecs_db_task_load(struct ecs_db *d, const char *cluster, const char *id, struct ecs_task *task,
                     struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_TASK_FIND];
    stmt_bind_text(s, 1, id);
    stmt_bind_text(s, 2, cluster);
    return load(s, task, err);
}

int ecs_db_task_next(struct ecs_db *d, struct ecs_task *task, struct error *err)
{
    return load(d->stmts[ECS_SQL_TASK_NEXT], task, err);
}

int ecs_db_task_add(struct ecs_db *d, const struct ecs_task_key *key, struct ecs_task *task,
                    struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_TASK_ADD];
    char *doc = ecs_db_text(task->doc, err);
    if (!doc)
        return -1;
    stmt_bind_text(s, 1, task->id);
    stmt_bind_text(s, 2, key->cluster);
    stmt_bind_text(s, 3, key->family);
    stmt_bind_text(s, 4, key->started_by);
    stmt_bind_text(s, 5, doc);
    stmt_bind_text(s, 6, ecs_status_name(task->status));
    stmt_bind_int(s, 7, task->created_at);
    int rc = ecs_db_one(s, err);
    if (rc == 1)
        task->seq = stmt_int(s, 0);
    stmt_reset(s);
    free(doc);
    /* The INSERT says so too. */
    task->version = 1;
    return rc == 1 ? 0 : -1;
}

int ecs_db_task_save(struct ecs_db *d, struct ecs_task *t, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_TASK_SAVE];
    t->version++;
    stmt_bind_int(s, 1, t->seq);
    stmt_bind_text(s, 2, ecs_status_name(t->status));
    stmt_bind_text(s, 3, t->stop_wanted ? "STOPPED" : "RUNNING");
    stmt_bind_int(s, 4, t->launched_at);
    stmt_bind_int(s, 5, t->started_at);
    stmt_bind_int(s, 6, t->stopping_at);
    stmt_bind_int(s, 7, t->stopped_at);
    stmt_bind_text(s, 8, t->stop_code);
    stmt_bind_text(s, 9, t->stopped_reason);
    stmt_bind_text(s, 10, t->container_reason);
    if (t->has_exit_code)
        stmt_bind_int(s, 11, t->exit_code);
    else
        stmt_bind_null(s, 11);
    stmt_bind_int(s, 12, t->version);
    return stmt_run(s, err);
}

int ecs_db_task_list(struct ecs_db *d, const struct ecs_list_filter *f, json_t *ids, int64_t *last,
                     struct error *err)
{
    struct stmt *s = d->stmts[f->started_by ? ECS_SQL_TASK_LIST_STARTER : ECS_SQL_TASK_LIST];
    stmt_bind_text(s, 1, f->cluster);
    stmt_bind_text(s, 2, f->desired_status);
    stmt_bind_int(s, 3, f->after);
    stmt_bind_int(s, 4, f->shown_since);
    stmt_bind_text(s, 5, f->started_by ? f->started_by : f->family);
    stmt_bind_int(s, 6, f->limit);
    int rc = stmt_step(s, err);
    for (; rc == 1; rc = stmt_step(s, err)) {
        *last = stmt_int(s, 0);
        (void)json_array_append_new(ids, json_string(stmt_text(s, 1)));
    }
    stmt_reset(s);
    return rc;
}

int ecs_db_recover(struct ecs_db *d, int64_t at, const char *code, const char *reason,
                   struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_RECOVER];
    stmt_bind_int(s, 1, at);
    stmt_bind_text(s, 2, code);
    stmt_bind_text(s, 3, reason);
    return stmt_run(s, err);
}

/* One by one: SQLite has no arrays as parameters, and there are at most 500. */
static int purge_tasks(struct ecs_db *d, const json_t *ids, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_PURGE_TASK];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++) {
        stmt_bind_text(s, 1, json_string_value(json_array_get(ids, i)));
        rc = stmt_run(s, err);
    }
    return rc;
}

int ecs_db_purge(struct ecs_db *d, int64_t at, json_t *ids, struct error *err)
{
    struct stmt *s = d->stmts[ECS_SQL_PURGE_FIND];
    stmt_bind_int(s, 1, at);
    int rc = stmt_step(s, err);
    for (; rc == 1; rc = stmt_step(s, err))
        (void)json_array_append_new(ids, json_string(stmt_text(s, 0)));
    stmt_reset(s);
    if (rc == 0)
        rc = purge_tasks(d, ids, err);
    if (rc != 0)
        return rc;
    stmt_bind_int(d->stmts[ECS_SQL_PURGE_TOKENS], 1, at);
    return stmt_run(d->stmts[ECS_SQL_PURGE_TOKENS], err);
}
