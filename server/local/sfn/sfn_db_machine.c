/* Rows of state machines and their definitions, and what is read at open. */
#include "server/local/sfn/sfn_db.h"
#include "server/local/sfn/sfn_db_private.h"
#include "server/local/sfn/sfn_schema.h"

#include <string.h>

int sfn_db_put_definition(struct sfn_db *db, const struct definition_row *row, struct error *err)
{
    struct stmt *s = db->statements[PUT_DEFINITION];
    stmt_bind_int(s, 1, row->id);
    stmt_bind_int(s, 2, row->machine_id);
    stmt_bind_text(s, 3, row->text);
    stmt_bind_text(s, 4, row->role);
    stmt_bind_text(s, 5, row->revision);
    stmt_bind_text(s, 6, row->logging);
    stmt_bind_text(s, 7, row->tracing);
    stmt_bind_int(s, 8, row->created);
    return stmt_run(s, err);
}

int sfn_db_put_machine(struct sfn_db *db, const struct machine_row *row, struct error *err)
{
    struct stmt *s = db->statements[PUT_MACHINE];
    stmt_bind_int(s, 1, row->id);
    stmt_bind_text(s, 2, row->arn);
    stmt_bind_text(s, 3, row->type);
    stmt_bind_int(s, 4, row->created);
    stmt_bind_int(s, 5, row->definition_id);
    return stmt_run(s, err);
}

int sfn_db_delete_machine(struct sfn_db *db, int64_t id, struct error *err)
{
    struct stmt *s = db->statements[DELETE_MACHINE];
    stmt_bind_int(s, 1, id);
    return stmt_run(s, err);
}

int sfn_db_put_tags(struct sfn_db *db, int64_t machine, const char *tags, struct error *err)
{
    struct stmt *s = db->statements[PUT_TAGS];
    stmt_bind_int(s, 1, machine);
    stmt_bind_text(s, 2, tags);
    return stmt_run(s, err);
}

int sfn_db_counters(struct sfn_db *db, struct sfn_counters *out, struct error *err)
{
    struct stmt *s =
        db_prepare(db->db,
                   "SELECT (SELECT coalesce(max(id), 0) FROM execution),"
                   " (SELECT max(coalesce((SELECT max(id) FROM machine), 0),"
                   "  coalesce((SELECT max(machine) FROM execution WHERE map_run = 0), 0))),"
                   " (SELECT coalesce(max(id), 0) FROM definition),"
                   " (SELECT coalesce(max(id), 0) FROM map_run)",
                   err);
    int rc = s && stmt_step(s, err) == 1 ? 0 : -1;
    if (rc == 0)
        *out = (struct sfn_counters){.execution = stmt_int(s, 0) + 1,
                                     .machine = stmt_int(s, 1) + 1,
                                     .definition = stmt_int(s, 2) + 1,
                                     .map_run = stmt_int(s, 3) + 1};
    stmt_close(s);
    return rc;
}

int sfn_db_machines(struct sfn_db *db, int (*each)(void *ctx, const struct stored_machine *row),
                    void *ctx, struct error *err)
{
    int step = -1;
    struct stmt *s =
        db_prepare(db->db,
                   "SELECT m.id, m.arn, m.type, m.created, d.id, d.role, d.revision, d.created"
                   " FROM machine m JOIN definition d ON d.id = m.definition",
                   err);
    while (s && (step = stmt_step(s, err)) == 1) {
        const struct stored_machine row = {
            .machine = {.id = stmt_int(s, 0),
                        .arn = stmt_text(s, 1),
                        .type = stmt_text(s, 2),
                        .created = stmt_int(s, 3),
                        .definition_id = stmt_int(s, 4)},
            .definition = {.id = stmt_int(s, 4),
                           .machine_id = stmt_int(s, 0),
                           .role = stmt_text(s, 5),
                           .revision = stmt_text(s, 6),
                           .created = stmt_int(s, 7)},
        };
        if (each(ctx, &row)) {
            step = err_set(err, ERR_MEMORY, "out of memory for the state machines");
            break;
        }
    }
    stmt_close(s);
    return step == 0 ? 0 : -1;
}

char *sfn_db_definition(struct sfn_db *db, int64_t id, struct error *err)
{
    struct stmt *s = db->statements[GET_DEFINITION];
    char *text = NULL;
    stmt_bind_int(s, 1, id);
    int step = stmt_step(s, err);
    if (step == 1) {
        text = strdup(stmt_text(s, 0));
        if (!text)
            err_set(err, ERR_MEMORY, "out of memory for a definition");
    } else if (step == 0) {
        err_set(err, ERR_INTERNAL, "definition %lld is missing", (long long)id);
    }
    stmt_reset(s);
    return text;
}

void sfn_db_read_execution(struct stmt *s, struct stored_execution *row)
{
    *row = (struct stored_execution){
        .id = stmt_int(s, 0),
        .machine_id = stmt_int(s, 1),
        .definition_id = stmt_int(s, 2),
        .arn = stmt_text(s, 3),
        .machine_arn = stmt_text(s, 4),
        .role = stmt_text(s, 5),
        .express = (int)stmt_int(s, 6),
        .status = (int)stmt_int(s, 7),
        .started = stmt_int(s, 8),
        .stopped = stmt_int(s, 9),
        .input = stmt_text(s, 10),
        .output = stmt_text(s, 11),
        .error = stmt_text(s, 12),
        .cause = stmt_text(s, 13),
        .last_event = stmt_int(s, 14),
        .map_run = stmt_int(s, 15),
        .map_item = stmt_int(s, 16),
        .map_items = stmt_int(s, 17),
    };
}

int sfn_db_running(struct sfn_db *db, int (*each)(void *ctx, const struct stored_execution *row),
                   void *ctx, struct error *err)
{
    int step = -1;
    struct stmt *s = db_prepare(db->db, EXECUTION_COLUMNS " WHERE status = 0 ORDER BY id", err);
    while (s && (step = stmt_step(s, err)) == 1) {
        struct stored_execution row;
        sfn_db_read_execution(s, &row);
        if (each(ctx, &row)) {
            step = err_set(err, ERR_MEMORY, "out of memory for the executions that run");
            break;
        }
    }
    stmt_close(s);
    return step == 0 ? 0 : -1;
}

int sfn_db_execution(struct sfn_db *db, const char *arn,
                     int (*each)(void *ctx, const struct stored_execution *row), void *ctx,
                     struct error *err)
{
    struct stmt *s = db->statements[GET_EXECUTION];
    stmt_bind_text(s, 1, arn);
    int step = stmt_step(s, err);
    if (step == 1) {
        struct stored_execution row;
        sfn_db_read_execution(s, &row);
        if (each(ctx, &row))
            step = err_set(err, ERR_MEMORY, "out of memory for an execution");
    }
    stmt_reset(s);
    return step;
}

int sfn_db_frames(struct sfn_db *db, int64_t execution,
                  int (*each)(void *ctx, const struct stored_frame *row), void *ctx,
                  struct error *err)
{
    struct stmt *s = db->statements[GET_FRAMES];
    const int64_t mask = (INT64_C(1) << SFN_FRAME_BITS) - 1;
    int step;
    stmt_bind_int(s, 1, execution << SFN_FRAME_BITS);
    stmt_bind_int(s, 2, (execution + 1) << SFN_FRAME_BITS);
    while ((step = stmt_step(s, err)) == 1) {
        const struct stored_frame row = {
            .id = stmt_int(s, 0) & mask,
            .parent = stmt_int(s, 1),
            .number = stmt_int(s, 2),
            .state = stmt_int(s, 3),
            .phase = stmt_int(s, 4),
            .input = stmt_text(s, 5),
            .variables = stmt_text(s, 6),
            .item = stmt_text(s, 7),
            .data = stmt_text(s, 8),
        };
        if (each(ctx, &row)) {
            step = err_set(err, ERR_DATABASE, "a checkpoint cannot be read");
            break;
        }
    }
    stmt_reset(s);
    return step == 0 ? 0 : -1;
}

int sfn_db_marks(struct sfn_db *db, int64_t execution, int64_t *event, int64_t *nest,
                 struct error *err)
{
    struct stmt *s = db->statements[GET_MARKS];
    stmt_bind_int(s, 1, execution << SFN_EVENT_BITS);
    stmt_bind_int(s, 2, (execution + 1) << SFN_EVENT_BITS);
    stmt_bind_int(s, 3, execution << SFN_FRAME_BITS);
    stmt_bind_int(s, 4, (execution + 1) << SFN_FRAME_BITS);
    int step = stmt_step(s, err);
    if (step == 1) {
        *event = stmt_int(s, 0) & ((INT64_C(1) << SFN_EVENT_BITS) - 1);
        *nest = stmt_int(s, 1) & ((INT64_C(1) << SFN_FRAME_BITS) - 1);
    }
    stmt_reset(s);
    return step == 1 ? 0 : -1;
}

int sfn_db_results(struct sfn_db *db, int64_t execution, int64_t nest,
                   int (*each)(void *ctx, const char *lines), void *ctx, struct error *err)
{
    struct stmt *s = db->statements[GET_RESULTS];
    int step;
    stmt_bind_int(s, 1, execution << SFN_FRAME_BITS | nest);
    while ((step = stmt_step(s, err)) == 1)
        if (each(ctx, stmt_text(s, 0))) {
            step = err_set(err, ERR_DATABASE, "a result of a child cannot be read");
            break;
        }
    stmt_reset(s);
    return step == 0 ? 0 : -1;
}
