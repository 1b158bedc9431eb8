/* Reading executions and their history.
 *
 * A page of history begins in the middle of a row as a rule: rows hold as many events as one commit
 * brought. The row that holds the first event wanted is found by its id, the rest is skipped. */
#include "lib/json/json_read.h"
#include "server/local/sfn/frame.h"
#include "server/local/sfn/sfn_private.h"
#include "server/local/sfn/sfn_reader_private.h"
#include "server/local/sfn/sfn_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Members that have no value are left out, not null. */
static void set_text(json_t *out, const char *name, const char *text)
{
    if (text)
        json_object_set_new(out, name, json_string(text));
}

static void set_included(json_t *out, const char *name, bool included)
{
    json_object_set_new(out, name, json_pack("{s:b}", "included", included));
}

/* RedriveExecution is not offered, so nothing is ever redrivable. */
static void set_redrive(json_t *out, const char *status)
{
    char reason[128];
    (void)snprintf(reason, sizeof reason, "Execution is %s and cannot be redriven", status);
    json_object_set_new(out, "redriveCount", json_integer(0));
    json_object_set_new(out, "redriveStatus", json_string("NOT_REDRIVABLE"));
    json_object_set_new(out, "redriveStatusReason", json_string(reason));
}

static json_t *execution_json(struct stmt *s, bool data)
{
    const char *arn = stmt_text(s, 0);
    const char *status = execution_status_name((enum execution_status)stmt_int(s, 2));
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:o}", "executionArn", arn, "stateMachineArn",
                            stmt_text(s, 1), "name", arn_name(arn), "status", status, "startDate",
                            wire_date(stmt_int(s, 3)));
    if (!out)
        return NULL;
    if (stmt_int(s, 4))
        json_object_set_new(out, "stopDate", wire_date(stmt_int(s, 4)));
    if (data)
        set_text(out, "input", stmt_text(s, 5));
    set_included(out, "inputDetails", data);
    if (stmt_text(s, 6)) {
        if (data)
            set_text(out, "output", stmt_text(s, 6));
        set_included(out, "outputDetails", data);
    }
    set_text(out, "error", stmt_text(s, 7));
    set_text(out, "cause", stmt_text(s, 8));
    set_text(out, "mapRunArn", stmt_text(s, 9));
    set_redrive(out, status);
    return out;
}

int sfn_read_execution(struct sfn_reader *r, const char *arn, bool data, json_t **out,
                       struct error *err)
{
    struct stmt *s = r->statements[READ_EXECUTION];
    stmt_bind_text(s, 1, arn);
    int step = stmt_step(s, err);
    if (step == 1) {
        *out = execution_json(s, data);
        if (!*out)
            step = read_no_memory(err);
    }
    stmt_reset(s);
    return step;
}

/* A row of ListExecutions. */
static json_t *item_json(struct stmt *s)
{
    const char *arn = stmt_text(s, 1);
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:o, s:i}", "executionArn", arn,
                             "stateMachineArn", stmt_text(s, 2), "name", arn_name(arn), "status",
                             execution_status_name((enum execution_status)stmt_int(s, 3)),
                             "startDate", wire_date(stmt_int(s, 4)), "redriveCount", 0);
    if (item && stmt_int(s, 5))
        json_object_set_new(item, "stopDate", wire_date(stmt_int(s, 5)));
    if (item && stmt_int(s, 6) > 0) {
        json_object_set_new(item, "itemCount", json_integer(stmt_int(s, 6)));
        set_text(item, "mapRunArn", stmt_text(s, 7));
    }
    return item;
}

static int status_number(const char *status)
{
    for (int i = EXECUTION_RUNNING; i <= EXECUTION_ABORTED; i++)
        if (strcmp(status, execution_status_name((enum execution_status)i)) == 0)
            return i;
    return -1; /* PENDING_REDRIVE: none is ever in it */
}

/* A page of whatever statement was bound; its first column is what the next page begins below. */
static int read_list(struct stmt *s, const struct page *page, json_t **out, struct error *err)
{
    json_t *list = json_array();
    int64_t count = 0;
    int64_t last = 0;
    int step;
    while ((step = stmt_step(s, err)) == 1 && count < page->limit) {
        json_array_append_new(list, item_json(s));
        last = stmt_int(s, 0);
        count++;
    }
    stmt_reset(s);
    return page_answer(list, "executions", step, last, out, err);
}

int sfn_read_executions(struct sfn_reader *r, int64_t machine, const char *status,
                        const struct page *page, json_t **out, struct error *err)
{
    struct stmt *s = r->statements[status ? READ_EXECUTIONS_BY : READ_EXECUTIONS];
    stmt_bind_int(s, 1, machine);
    stmt_bind_int(s, 2, page->after);
    stmt_bind_int(s, 3, page->limit + 1);
    if (status)
        stmt_bind_int(s, 4, status_number(status));
    return read_list(s, page, out, err);
}

int sfn_read_map_children(struct sfn_reader *r, int64_t run, const char *status,
                          const struct page *page, json_t **out, struct error *err)
{
    struct stmt *s = r->statements[READ_MAP_CHILDREN];
    stmt_bind_int(s, 1, run);
    stmt_bind_int(s, 2, page->after);
    stmt_bind_int(s, 3, page->limit + 1);
    if (status)
        stmt_bind_int(s, 4, status_number(status));
    else
        stmt_bind_null(s, 4);
    return read_list(s, page, out, err);
}

/* Takes inputs, outputs and causes out of an event, as includeExecutionData=false asks. */
static void strip_data(json_t *event)
{
    static const char *const data[] = {"input", "output", "parameters", "assignedVariables"};
    const char *name;
    json_t *details;
    void *next;
    json_object_foreach_safe (event, next, name, details)
        for (size_t i = 0; json_is_object(details) && i < sizeof data / sizeof data[0]; i++)
            json_object_del(details, data[i]);
}

/* The lines of one row, those from `at` on (up to `at` when reverse). -1: a line is damaged. */
static int add_lines(json_t *events, const char *lines, int64_t first, int64_t last,
                     const struct history_page *page, int64_t at)
{
    json_t *chunk = json_array();
    int64_t id = first;
    for (const char *line = lines; *line; id++) {
        const char *end = strchr(line, '\n');
        json_t *event = NULL;
        bool wanted = page->reverse ? id <= at : id >= at;
        if (!end || (wanted && json_parse(line, (size_t)(end - line), &event, NULL))) {
            json_decref(chunk);
            return -1;
        }
        if (wanted && !page->data)
            strip_data(event);
        if (wanted)
            json_array_append_new(chunk, event);
        line = end + 1;
    }
    (void)last;
    size_t count = json_array_size(chunk);
    for (size_t i = 0; i < count && (int64_t)json_array_size(events) <= page->limit; i++)
        json_array_append(events, json_array_get(chunk, page->reverse ? count - 1 - i : i));
    json_decref(chunk);
    return 0;
}

int64_t sfn_read_execution_id(struct sfn_reader *r, const char *arn, struct error *err)
{
    struct stmt *s = r->statements[READ_EXECUTION_ID];
    stmt_bind_text(s, 1, arn);
    int64_t id = 0;
    int found = stmt_number(s, &id, err);
    return found == 1 ? id : found;
}

/* One event more than the page, so that the last tells where the next begins. */
static int collect(struct sfn_reader *r, int64_t id, const struct history_page *page, int64_t at,
                   json_t *events, struct error *err)
{
    const int64_t base = id << SFN_EVENT_BITS;
    struct stmt *s = r->statements[page->reverse ? READ_EVENTS_BACK : READ_EVENTS];
    int step;
    stmt_bind_int(s, 1, base + at);
    stmt_bind_int(s, 2, base);
    if (!page->reverse)
        stmt_bind_int(s, 3, (id + 1) << SFN_EVENT_BITS);
    while ((step = stmt_step(s, err)) == 1 && (int64_t)json_array_size(events) <= page->limit)
        if (add_lines(events, stmt_text(s, 2), stmt_int(s, 0) - base, stmt_int(s, 1) - base, page,
                      at)) {
            step = err_set(err, ERR_DATABASE, "the history of the execution is damaged");
            break;
        }
    stmt_reset(s);
    return step < 0 ? -1 : 0;
}

int sfn_read_history(struct sfn_reader *r, const char *arn, const struct history_page *page,
                     json_t **out, struct error *err)
{
    int64_t id = sfn_read_execution_id(r, arn, err);
    if (id <= 0)
        return (int)id;
    int64_t at = page->at;
    if (at == 0)
        at = page->reverse ? (INT64_C(1) << SFN_EVENT_BITS) - 1 : 1;
    json_t *events = json_array();
    *out = events ? json_pack("{s:o}", "events", events) : NULL;
    if (!*out)
        return read_no_memory(err);
    if (collect(r, id, page, at, events, err)) {
        json_decref(*out);
        *out = NULL;
        return -1;
    }
    size_t limit = (size_t)page->limit;
    if (json_array_size(events) > limit) {
        int64_t next = json_int(json_array_get(events, limit), "id", 0);
        json_array_remove(events, limit);
        json_object_set_new(*out, "nextToken", page_token(next));
    }
    return 1;
}
