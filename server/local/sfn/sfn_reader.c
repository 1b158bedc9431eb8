/* Reading state machines, and the readers themselves. Answers are built row by row while the
 * statement stands, so a page never holds the database longer than it takes to copy it. */
#include "server/local/sfn/sfn_reader.h"

#include "lib/json/json_read.h"
#include "server/local/sfn/frame.h"
#include "server/local/sfn/sfn_db_private.h"
#include "server/local/sfn/sfn_private.h"
#include "server/local/sfn/sfn_reader_private.h"
#include "server/local/sfn/sfn_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACHINE_COLUMNS                                                                            \
    "SELECT m.arn, m.type, m.created, d.text, d.role, d.revision, d.logging, d.tracing, d.created"

static const char *const sql[] = {
    [READ_MACHINE] = MACHINE_COLUMNS " FROM machine m JOIN definition d ON d.id = m.definition"
                                     " WHERE m.arn = ?1",
    [READ_MACHINE_FOR] = "SELECT x.machine_arn, '', 0, d.text, d.role, d.revision, d.logging,"
                         " d.tracing, d.created FROM execution x"
                         " JOIN definition d ON d.id = x.definition"
                         " WHERE x.arn = ?1 AND x.express = 0",
    [READ_MACHINE_ID] = "SELECT id, type = 'EXPRESS' FROM machine WHERE arn = ?1",
    [READ_MACHINES] = "SELECT arn, type, created FROM machine ORDER BY arn LIMIT ?2 OFFSET ?1",
    [READ_TAGS] = "SELECT tags FROM machine WHERE arn = ?1",
    [READ_EXECUTION] = "SELECT arn, machine_arn, status, started, stopped, input, output, error,"
                       " cause, (SELECT arn FROM map_run WHERE id = execution.map_run)"
                       " FROM execution WHERE arn = ?1 AND express = 0",
    [READ_EXECUTIONS] = "SELECT id, arn, machine_arn, status, started, stopped, 0 FROM execution"
                        " WHERE machine = ?1 AND map_run = 0 AND id < ?2 ORDER BY id DESC LIMIT ?3",
    [READ_EXECUTIONS_BY] = "SELECT id, arn, machine_arn, status, started, stopped, 0 FROM execution"
                           " WHERE machine = ?1 AND map_run = 0 AND id < ?2 AND status = ?4"
                           " ORDER BY id DESC LIMIT ?3",
    [READ_EXECUTION_ID] = "SELECT id FROM execution WHERE arn = ?1 AND express = 0",
    [READ_ARN] = "SELECT arn FROM execution WHERE id = ?1",
    [READ_MAP_RUN] = MAP_RUN_COLUMNS ", batch_items FROM map_run WHERE arn = ?1",
    [READ_MAP_RUNS] = MAP_RUN_COLUMNS " FROM map_run WHERE execution = ?1 AND id > ?2"
                                      " ORDER BY id LIMIT ?3",
    [READ_MAP_COUNTS] = MAP_COUNTS_QUERY,
    [READ_MAP_CHILDREN] = "SELECT x.map_item, x.arn, x.machine_arn, x.status, x.started, x.stopped,"
                          " x.map_items, m.arn FROM execution x JOIN map_run m ON m.id = x.map_run"
                          " WHERE x.map_run = ?1 AND x.map_run > 0 AND x.map_item < ?2"
                          " AND x.status = coalesce(?4, x.status)"
                          " ORDER BY x.map_item DESC LIMIT ?3",
    [READ_EVENTS] = "SELECT id, last, lines FROM event WHERE id >= coalesce((SELECT max(id) FROM"
                    " event WHERE id <= ?1 AND id >= ?2), ?2) AND id < ?3 ORDER BY id",
    [READ_EVENTS_BACK] = "SELECT id, last, lines FROM event WHERE id <= ?1 AND id >= ?2"
                         " ORDER BY id DESC",
};

struct sfn_reader *sfn_reader_open(const char *path, struct error *err)
{
    struct sfn_reader *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, ERR_MEMORY, "out of memory for a reader of Step Functions");
        return NULL;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    r->db = db_open(path, DB_READ_ONLY, err);
    for (int i = 0; r->db && i < READ_COUNT; i++) {
        r->statements[i] = db_prepare(r->db, sql[i], err);
        if (!r->statements[i])
            return sfn_reader_close(r);
    }
    return r->db ? r : sfn_reader_close(r);
}

struct sfn_reader *sfn_reader_close(struct sfn_reader *r)
{
    if (!r)
        return NULL;
    for (int i = 0; i < READ_COUNT; i++)
        stmt_close(r->statements[i]);
    db_close(r->db);
    pthread_mutex_destroy(&r->lock);
    free(r);
    return NULL;
}

bool sfn_reader_try(struct sfn_reader *r)
{
    return pthread_mutex_trylock(&r->lock) == 0;
}

void sfn_reader_lock(struct sfn_reader *r)
{
    pthread_mutex_lock(&r->lock);
}

void sfn_reader_unlock(struct sfn_reader *r)
{
    pthread_mutex_unlock(&r->lock);
}

int read_no_memory(struct error *err)
{
    return err_set(err, ERR_MEMORY, "out of memory for an answer");
}

int page_answer(json_t *list, const char *name, int step, int64_t next, json_t **out,
                struct error *err)
{
    *out = step < 0 ? NULL : json_pack("{s:O}", name, list);
    if (*out && step == 1)
        json_object_set_new(*out, "nextToken", page_token(next));
    json_decref(list);
    if (step >= 0 && !*out)
        return read_no_memory(err);
    return step < 0 ? -1 : 0;
}

const char *arn_name(const char *arn)
{
    const char *colon = strrchr(arn, ':');
    return colon ? colon + 1 : arn;
}

/* Stored JSON; NULL when there is none. */
static json_t *json_of(const char *text)
{
    json_t *value = NULL;
    return text && json_parse(text, strlen(text), &value, NULL) == 0 ? value : NULL;
}

/* A row of MACHINE_COLUMNS. */
static json_t *machine_json(struct stmt *s, bool for_execution)
{
    const char *arn = stmt_text(s, 0);
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:s, s:o*, s:o*}", "stateMachineArn", arn, "name", arn_name(arn),
                  "definition", stmt_text(s, 3), "roleArn", stmt_text(s, 4), "loggingConfiguration",
                  json_of(stmt_text(s, 6)), "tracingConfiguration", json_of(stmt_text(s, 7)));
    if (out && stmt_text(s, 5))
        json_object_set_new(out, "revisionId", json_string(stmt_text(s, 5)));
    if (out && for_execution) {
        json_object_set_new(out, "updateDate", wire_date(stmt_int(s, 8)));
    } else if (out) {
        json_object_set_new(out, "status", json_string("ACTIVE"));
        json_object_set_new(out, "type", json_string(stmt_text(s, 1)));
        json_object_set_new(out, "creationDate", wire_date(stmt_int(s, 2)));
    }
    return out;
}

static int read_machine(struct sfn_reader *r, enum read_statement which, const char *arn,
                        json_t **out, struct error *err)
{
    struct stmt *s = r->statements[which];
    stmt_bind_text(s, 1, arn);
    int step = stmt_step(s, err);
    if (step == 1) {
        *out = machine_json(s, which == READ_MACHINE_FOR);
        if (!*out)
            step = read_no_memory(err);
    }
    stmt_reset(s);
    return step;
}

int sfn_read_machine(struct sfn_reader *r, const char *arn, json_t **out, struct error *err)
{
    return read_machine(r, READ_MACHINE, arn, out, err);
}

int sfn_read_machine_for_execution(struct sfn_reader *r, const char *execution_arn, json_t **out,
                                   struct error *err)
{
    return read_machine(r, READ_MACHINE_FOR, execution_arn, out, err);
}

int sfn_read_machine_id(struct sfn_reader *r, const char *arn, int64_t *id, bool *express,
                        struct error *err)
{
    struct stmt *s = r->statements[READ_MACHINE_ID];
    stmt_bind_text(s, 1, arn);
    int step = stmt_step(s, err);
    if (step == 1) {
        *id = stmt_int(s, 0);
        *express = stmt_int(s, 1) != 0;
    }
    stmt_reset(s);
    return step;
}

int sfn_read_tags(struct sfn_reader *r, const char *arn, json_t **tags, struct error *err)
{
    struct stmt *s = r->statements[READ_TAGS];
    stmt_bind_text(s, 1, arn);
    int step = stmt_step(s, err);
    if (step == 1) {
        *tags = json_of(stmt_text(s, 0));
        if (!*tags)
            step = read_no_memory(err);
    }
    stmt_reset(s);
    return step;
}

int sfn_read_machines(struct sfn_reader *r, const struct page *page, json_t **out,
                      struct error *err)
{
    struct stmt *s = r->statements[READ_MACHINES];
    json_t *list = json_array();
    int64_t count = 0;
    int step;
    stmt_bind_int(s, 1, page->after);
    stmt_bind_int(s, 2, page->limit + 1);
    while ((step = stmt_step(s, err)) == 1 && count < page->limit) {
        const char *arn = stmt_text(s, 0);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "stateMachineArn", arn,
                                              "name", arn_name(arn), "type", stmt_text(s, 1),
                                              "creationDate", wire_date(stmt_int(s, 2))));
        count++;
    }
    stmt_reset(s);
    return page_answer(list, "stateMachines", step, page->after + count, out, err);
}
