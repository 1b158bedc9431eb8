/* A page of DynamoDB's Query ends at 1 MB: a run of some thousand tasks takes several. Rows borrow
 * their texts from the pages' items, which `kept` holds on to. */
#include "workers/monitor/rows.h"

#include <stdlib.h>

/* A table of 5 read units gives a page of 1 MB and is then in debt for half a minute: reading goes
 * on behind pauses (full jitter, up to 20 s) that are long enough for that. */
enum { ROOM_FIRST = 16, READ_ATTEMPTS = 12 };

/* Appends without copying: the row's texts are in rows->kept already. */
static int append(struct task_rows *rows, const struct task_row *row, struct error *err)
{
    if (!rows->list || rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : ROOM_FIRST;
        struct task_row *list = reallocarray(rows->list, room, sizeof *list);
        if (!list)
            return err_set(err, ERR_MEMORY, "out of memory for %zu rows", room);
        rows->list = list;
        rows->room = room;
    }
    if (json_object_set_new(rows->by_id, row->task_id, json_integer((json_int_t)rows->count)) != 0)
        return err_set(err, ERR_MEMORY, "out of memory for a row");
    rows->list[rows->count++] = *row;
    return 0;
}

/* A task without a name of its own (a foreign worker's row) counts under its id. */
static int add_item(struct task_rows *rows, const struct run *run, json_t *item, struct error *err)
{
    struct audit_detail d;
    if (audit_detail_read(item, &run->details, &d, err) != 0)
        return -1;
    if (json_array_append(rows->kept, item) != 0)
        return err_set(err, ERR_MEMORY, "out of memory for a row");
    const char *reason = d.stopped_reason ? d.stopped_reason : d.stop_code;
    const struct task_row row = {
        .task_id = d.ecs_task_id,
        .task_name = d.task_name ? d.task_name : d.ecs_task_id,
        .reason = reason ? reason : "",
        .stop_code = d.stop_code ? d.stop_code : "",
        .status = d.status,
        .start_time = d.start_time,
        .update_time = d.update_time,
        .exit_code = d.exit_code,
    };
    return append(rows, &row, err);
}

/* One page; *next is the key of the next one (a new reference) or NULL. */
static int read_page(struct task_rows *rows, const struct worker *w, const struct run *run,
                     json_t *from, json_t **next, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    json_t *item;
    size_t i;
    *next = NULL;
    int rc = audit_detail_query_status(&request, &run->details, run->workflow_run_id, from, err);
    request.max_attempts = READ_ATTEMPTS;
    if (rc == 0)
        rc = worker_call(w, &request, &response, err);
    if (rc == 0) {
        json_array_foreach (dynamodb_items(&response), i, item) {
            rc = add_item(rows, run, item, err);
            if (rc != 0)
                break;
        }
        *next = json_incref(dynamodb_last_key(&response));
    }
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* Page by page until DynamoDB gives no key for the next. */
int task_rows_read(struct task_rows *rows, const struct worker *w, const struct run *run,
                   struct error *err)
{
    *rows = (struct task_rows){.kept = json_array(), .by_id = json_object()};
    int rc = rows->kept && rows->by_id ? 0 : err_set(err, ERR_MEMORY, "out of memory for rows");
    json_t *from = NULL;
    while (rc == 0) {
        json_t *next;
        rc = read_page(rows, w, run, from, &next, err);
        json_decref(from);
        from = next;
        if (!next)
            break;
    }
    json_decref(from);
    if (rc != 0)
        task_rows_free(rows);
    return rc;
}

void task_rows_free(struct task_rows *rows)
{
    json_decref(rows->kept);
    json_decref(rows->by_id);
    free(rows->list);
    *rows = (struct task_rows){0};
}

/* by_id holds indices and not pointers: the list moves while it grows. */
struct task_row *task_rows_find(const struct task_rows *rows, const char *task_id)
{
    const json_t *index = json_object_get(rows->by_id, task_id);
    return index ? &rows->list[json_integer_value(index)] : NULL;
}

/* A copy of the text that lives as long as the rows; NULL when memory is out. */
static const char *keep(struct task_rows *rows, const char *text)
{
    json_t *copy = json_string(text);
    return json_array_append_new(rows->kept, copy) == 0 ? json_string_value(copy) : NULL;
}

int task_rows_set(struct task_rows *rows, const struct task_row *row, struct error *err)
{
    struct task_row copy = *row;
    copy.task_id = keep(rows, row->task_id);
    copy.task_name = keep(rows, row->task_name);
    copy.reason = keep(rows, row->reason);
    copy.stop_code = keep(rows, row->stop_code);
    if (!copy.task_id || !copy.task_name || !copy.reason || !copy.stop_code)
        return err_set(err, ERR_MEMORY, "out of memory for a row");
    struct task_row *old = task_rows_find(rows, row->task_id);
    if (!old)
        return append(rows, &copy, err);
    *old = copy;
    return 0;
}

/* Cancelled counts as failed: the task did not do its work. */
static enum standing standing_of(enum audit_status status)
{
    if (status == AUDIT_COMPLETED)
        return STANDING_COMPLETED;
    return audit_status_final(status) ? STANDING_FAILED : STANDING_RUNNING;
}

/* An unknown name reads as 0, which is STANDING_NONE. */
enum standing tally_standing(const struct tally *t, const char *task_name)
{
    return (enum standing)json_integer_value(json_object_get(t->names, task_name));
}

/* In two passes, because a later row may be better than an earlier one of the same task. */
int tally_rows(const struct task_rows *rows, struct tally *out, struct error *err)
{
    *out = (struct tally){.names = json_object()};
    int bad = !out->names;
    for (size_t i = 0; i < rows->count && !bad; i++) {
        const struct task_row *row = &rows->list[i];
        enum standing mine = standing_of(row->status);
        if (mine > tally_standing(out, row->task_name))
            bad = json_object_set_new(out->names, row->task_name, json_integer(mine));
    }
    if (bad) {
        json_decref(out->names);
        out->names = NULL; /* callers release it on every way out */
        return err_set(err, ERR_MEMORY, "out of memory while counting");
    }
    const char *name;
    json_t *standing;
    json_object_foreach (out->names, name, standing) {
        enum standing s = (enum standing)json_integer_value(standing);
        out->completed += s == STANDING_COMPLETED;
        out->failed += s == STANDING_FAILED;
        out->running += s == STANDING_RUNNING;
    }
    return 0;
}
