/* The writer's side of the file. Texts are bound without a copy; each row is written by a statement
 * that was prepared once. */
#include "server/local/sfn/sfn_db.h"

#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/sfn/map_run.h"
#include "server/local/sfn/sfn_db_private.h"
#include "server/local/sfn/sfn_schema.h"

#include <stdlib.h>
#include <string.h>

static const char *const sql[] = {
    [PUT_EXECUTION] = "INSERT INTO execution (id, arn, machine, machine_arn, definition, role,"
                      " express, status, started, stopped, last_event, input, output, error, cause,"
                      " map_run, map_item, map_items) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                      " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    [UPDATE_EXECUTION] = "UPDATE execution SET status = ?2, stopped = ?3, last_event = ?4,"
                         " output = ?5, error = ?6, cause = ?7 WHERE id = ?1",
    [PUT_EVENTS] = "INSERT INTO event (id, last, lines) VALUES (?1, ?2, ?3)",
    [PUT_FRAME] = "INSERT INTO frame (id, parent, number, state, phase, data, input, variables,"
                  " item) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                  " ON CONFLICT (id) DO UPDATE SET state = ?4, phase = ?5, data = ?6, input = ?7,"
                  " variables = ?8",
    [UPDATE_FRAME] = "UPDATE frame SET state = ?2, phase = ?3, data = ?4 WHERE id = ?1",
    [DELETE_FRAME] = "DELETE FROM frame WHERE id = ?1",
    [DELETE_FRAMES] = "DELETE FROM frame WHERE id >= ?1 AND id < ?2",
    [DELETE_RESULTS] = "DELETE FROM result WHERE nest >= ?1 AND nest < ?2",
    [PUT_RESULTS] = "INSERT INTO result (nest, part, lines) VALUES (?1, ?2, ?3)",
    [PUT_DEFINITION] = "INSERT INTO definition (id, machine, text, role, revision, logging,"
                       " tracing, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [PUT_MACHINE] = "INSERT INTO machine (id, arn, type, created, definition)"
                    " VALUES (?1, ?2, ?3, ?4, ?5)"
                    " ON CONFLICT (id) DO UPDATE SET definition = ?5",
    [DELETE_MACHINE] = "DELETE FROM machine WHERE id = ?1",
    [PUT_TAGS] = "UPDATE machine SET tags = ?2 WHERE id = ?1",
    [GET_DEFINITION] = "SELECT text FROM definition WHERE id = ?1",
    [GET_EXECUTION] = EXECUTION_COLUMNS " WHERE arn = ?1",
    [GET_FRAMES] = "SELECT id, parent, number, state, phase, input, variables, item, data"
                   " FROM frame WHERE id >= ?1 AND id < ?2 ORDER BY id",
    [GET_MARKS] = "SELECT (SELECT coalesce(max(last), 0) FROM event WHERE id >= ?1 AND id < ?2),"
                  " (SELECT coalesce(max(nest), 0) FROM result WHERE nest >= ?3 AND nest < ?4)",
    [PUT_MAP_RUN] = "INSERT INTO map_run (id, arn, execution, machine_arn, status, started,"
                    " stopped, total, concurrency, tolerated_count, tolerated_percentage,"
                    " batch_items) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
                    " ON CONFLICT (id) DO UPDATE SET status = ?5, stopped = ?7, total = ?8,"
                    " concurrency = ?9, tolerated_count = ?10, tolerated_percentage = ?11,"
                    " batch_items = ?12",
    [PUT_MAP_ITEMS] = "INSERT INTO map_item (id, count, lines) VALUES (?1, ?2, ?3)",
    [GET_MAP_ITEMS] = "SELECT id, count, lines FROM map_item WHERE id <= ?1 AND id >= ?2"
                      " ORDER BY id DESC LIMIT 1",
    [DELETE_MAP_ITEMS] = "DELETE FROM map_item WHERE id >= ?1 AND id < ?2",
    [GET_MAP_CHILDREN] = EXECUTION_COLUMNS " WHERE map_run = ?1 AND map_run > 0 AND map_item > ?2"
                                           " AND (status = 1) = ?3 ORDER BY map_item",
    [GET_MAP_COUNTS] = MAP_COUNTS_QUERY,
    [GET_RESULTS] = "SELECT lines FROM result WHERE nest = ?1 ORDER BY part",
};

/* Statements live as long as the connection. */
static int prepare_all(struct sfn_db *db, struct error *err)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        db->statements[i] = db_prepare(db->db, sql[i], err);
        if (!db->statements[i])
            return -1;
    }
    return 0;
}

struct sfn_db *sfn_db_open(const char *path, struct error *err)
{
    struct sfn_db *db = calloc(1, sizeof *db);
    if (!db) {
        err_set(err, ERR_MEMORY, "out of memory for the database of Step Functions");
        return NULL;
    }
    db->db = db_open(path, DB_READ_WRITE, err);
    if (!db->db || db_migrate(db->db, sfn_steps, sizeof sfn_steps / sizeof sfn_steps[0], err) ||
        prepare_all(db, err))
        return sfn_db_close(db);
    return db;
}

struct sfn_db *sfn_db_close(struct sfn_db *db)
{
    if (!db)
        return NULL;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        stmt_close(db->statements[i]);
    db_close(db->db);
    free(db);
    return NULL;
}

int sfn_db_begin(struct sfn_db *db, struct error *err)
{
    return db_begin(db->db, err);
}

int sfn_db_commit(struct sfn_db *db, struct error *err)
{
    return db_commit(db->db, err);
}

void sfn_db_rollback(struct sfn_db *db)
{
    db_rollback(db->db);
}

/* NULL and the empty text are different outputs. */
static void bind_output(struct stmt *s, int index, const struct text *output)
{
    if (output)
        stmt_bind_textn(s, index, output->raw, output->len);
    else
        stmt_bind_null(s, index);
}

static int insert_execution(struct sfn_db *db, const struct execution *x, struct error *err)
{
    struct stmt *s = db->statements[PUT_EXECUTION];
    stmt_bind_int(s, 1, x->id);
    stmt_bind_text(s, 2, x->arn);
    stmt_bind_int(s, 3, x->machine_id);
    stmt_bind_text(s, 4, x->machine_arn);
    stmt_bind_int(s, 5, x->definition_id);
    stmt_bind_text(s, 6, x->role);
    stmt_bind_int(s, 7, x->express);
    stmt_bind_int(s, 8, x->status);
    stmt_bind_int(s, 9, x->started);
    stmt_bind_int(s, 10, x->stopped);
    stmt_bind_int(s, 11, x->next_event - 1);
    stmt_bind_textn(s, 12, x->input->raw, x->input->len);
    bind_output(s, 13, x->output);
    stmt_bind_text(s, 14, x->error);
    stmt_bind_text(s, 15, x->cause);
    stmt_bind_int(s, 16, x->map_run);
    stmt_bind_int(s, 17, x->map_item);
    stmt_bind_int(s, 18, x->map_items);
    return stmt_run(s, err);
}

int sfn_db_put_execution(struct sfn_db *db, const struct execution *x, struct error *err)
{
    if (!x->stored)
        return insert_execution(db, x, err);
    struct stmt *s = db->statements[UPDATE_EXECUTION];
    stmt_bind_int(s, 1, x->id);
    stmt_bind_int(s, 2, x->status);
    stmt_bind_int(s, 3, x->stopped);
    stmt_bind_int(s, 4, x->next_event - 1);
    bind_output(s, 5, x->output);
    stmt_bind_text(s, 6, x->error);
    stmt_bind_text(s, 7, x->cause);
    return stmt_run(s, err);
}

int sfn_db_put_events(struct sfn_db *db, const struct execution *x, struct error *err)
{
    struct stmt *s = db->statements[PUT_EVENTS];
    const char *text = buf_str(&x->events); /* whole lines, each ended by a newline */
    size_t done = 0;
    int64_t first = x->events_first;
    if (buf_check(&x->events, err))
        return err_wrap(err, "history of %s", x->arn);
    while (done < x->events.len) {
        size_t end = done;
        int64_t next = first;
        while (end < x->events.len && end - done < EVENTS_CHUNK) {
            const char *newline = memchr(text + end, '\n', x->events.len - end);
            end = (size_t)(newline - text) + 1;
            next++;
        }
        stmt_bind_int(s, 1, x->id << SFN_EVENT_BITS | first);
        stmt_bind_int(s, 2, x->id << SFN_EVENT_BITS | (next - 1));
        stmt_bind_textn(s, 3, text + done, end - done);
        if (stmt_run(s, err))
            return -1;
        done = end;
        first = next;
    }
    return 0;
}

/* One row for all results since the last commit, however many children have ended. */
static int put_results(struct sfn_db *db, const struct frame *f, struct error *err)
{
    const struct nest *nest = f->nest;
    struct stmt *s = db->statements[PUT_RESULTS];
    if (!nest || nest->unsaved.len == 0)
        return 0;
    if (buf_check(&nest->unsaved, err))
        return err_wrap(err, "results of %s", f->state->name);
    stmt_bind_int(s, 1, f->execution->id << SFN_FRAME_BITS | nest->id);
    stmt_bind_int(s, 2, nest->parts);
    stmt_bind_textn(s, 3, buf_str(&nest->unsaved), nest->unsaved.len);
    return stmt_run(s, err);
}

/* What changes at every step of a frame, as one small object. Inputs and variables are columns of
 * their own: a Map that makes progress must not write its items again each time. */
static void write_data(const struct frame *f, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_int(&w, "last_event", f->last_event);
    jw_int(&w, "entered_event", f->entered_event);
    jw_int(&w, "entered_time", f->entered_time);
    jw_int(&w, "retries", f->retries);
    jw_array(&w, "attempts");
    for (size_t i = 0; f->attempts && i < f->state->retrier_count; i++)
        jw_int(&w, NULL, f->attempts[i]);
    jw_end_array(&w);
    if (timer_armed(&f->delay))
        jw_int(&w, "delay", f->delay.due);
    if (timer_armed(&f->timeout))
        jw_int(&w, "timeout", f->timeout.due);
    if (timer_armed(&f->heartbeat))
        jw_int(&w, "heartbeat", f->heartbeat.due);
    jw_int(&w, "heartbeat_every", f->heartbeat_every);
    if (f->token)
        jw_str(&w, "token", f->token);
    if (f->client_token)
        jw_str(&w, "client_token", f->client_token);
    if (f->job)
        jw_str(&w, "job", f->job);
    if (f->parameters)
        jw_json(&w, "parameters", f->parameters);
    if (f->run)
        jw_int(&w, "map_run", f->run->id);
    if (f->nest) {
        jw_int(&w, "nest", f->nest->id);
        jw_int(&w, "next", (int64_t)f->nest->next);
        jw_int(&w, "failed", (int64_t)f->nest->failed);
        jw_int(&w, "started_event", f->nest->started_event);
        jw_int(&w, "last_inner", f->nest->last_inner);
    }
    jw_end_object(&w);
}

/* The whole row; what never changes afterwards is written only here. */
static int insert_frame(struct sfn_db *db, const struct frame *f, const struct buf *data,
                        struct error *err)
{
    struct stmt *s = db->statements[PUT_FRAME];
    struct text *input = f->text ? text_hold(f->text) : text_of(f->input);
    struct text *variables = f->variables ? text_of(f->variables) : NULL;
    struct text *item = f->item ? text_of(f->item) : NULL;
    int rc = -1;
    if (!input || (f->variables && !variables) || (f->item && !item)) {
        err_set(err, ERR_MEMORY, "out of memory for a checkpoint");
    } else {
        stmt_bind_int(s, 1, f->execution->id << SFN_FRAME_BITS | f->id);
        stmt_bind_int(s, 2, f->parent ? f->parent->id : -1);
        stmt_bind_int(s, 3, f->number);
        stmt_bind_int(s, 4, f->state->index);
        stmt_bind_int(s, 5, f->phase);
        stmt_bind_textn(s, 6, buf_str(data), data->len);
        stmt_bind_textn(s, 7, input->raw, input->len);
        stmt_bind_text(s, 8, variables ? variables->raw : NULL);
        stmt_bind_text(s, 9, item ? item->raw : NULL);
        rc = stmt_run(s, err);
    }
    text_release(input);
    text_release(variables);
    text_release(item);
    return rc;
}

int sfn_db_put_frame(struct sfn_db *db, const struct frame *f, struct error *err)
{
    struct buf data;
    int rc;
    buf_init(&data, BUF_MAX_PAYLOAD);
    write_data(f, &data);
    if (buf_check(&data, err)) {
        rc = -1;
    } else if (!f->stored || (f->dirty & DIRTY_INPUT)) {
        rc = insert_frame(db, f, &data, err);
    } else {
        struct stmt *s = db->statements[UPDATE_FRAME];
        stmt_bind_int(s, 1, f->execution->id << SFN_FRAME_BITS | f->id);
        stmt_bind_int(s, 2, f->state->index);
        stmt_bind_int(s, 3, f->phase);
        stmt_bind_textn(s, 4, buf_str(&data), data.len);
        rc = stmt_run(s, err);
    }
    buf_free(&data);
    return rc ? rc : put_results(db, f, err);
}

int sfn_db_delete_frame(struct sfn_db *db, int64_t execution, int64_t frame, struct error *err)
{
    struct stmt *s = db->statements[DELETE_FRAME];
    stmt_bind_int(s, 1, execution << SFN_FRAME_BITS | frame);
    return stmt_run(s, err);
}

int sfn_db_delete_frames(struct sfn_db *db, int64_t execution, struct error *err)
{
    static const int which[] = {DELETE_FRAMES, DELETE_RESULTS};
    for (size_t i = 0; i < 2; i++) {
        struct stmt *s = db->statements[which[i]];
        stmt_bind_int(s, 1, execution << SFN_FRAME_BITS);
        stmt_bind_int(s, 2, (execution + 1) << SFN_FRAME_BITS);
        if (stmt_run(s, err))
            return -1;
    }
    return 0;
}
