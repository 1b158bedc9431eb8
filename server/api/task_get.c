/* GET /workflows/{id}/tasks/{name}: all that the store knows of one task: what its audit row says,
 * what ECS said, what Step Functions says, and where its log is. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/api/log_place.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"
#include "server/api/task_path.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS_MAX = 16, KEY_MAX = 256 };

/* What is asked for before the task's row, and kept of the row for what is asked for behind it. */
struct view {
    const struct api_call *call;
    struct buf body;
    struct json_writer w;
    int pattern;
    char status[32]; /* of the execution; "" */
    char hash_key[KEY_MAX], range_key[KEY_MAX];
    struct log_place place;
    int64_t seq;
    bool rowless;
};

static void copy(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
}

static void read_run(void *ctx, const struct store_run *run)
{
    struct view *v = ctx;
    v->pattern = run->pattern;
    copy(v->place.arn, sizeof v->place.arn, run->execution_arn);
    copy(v->status, sizeof v->status, run->execution_status);
}

/* Whether its tasks are those that the deployment has made, and log where it says. */
static bool is_deployed(const struct view *v, const struct store_places *places)
{
    const json_t *known = v->call->sv->spec_defaults[v->pattern];
    return places->task_definition && places->container &&
           strcmp(places->task_definition, json_str(known, "taskDefinition", "")) == 0 &&
           strcmp(places->container, json_str(known, "containerName", "")) == 0;
}

/* An input that names no keys has the tables of the starter kit. */
static void read_places(void *ctx, const struct store_places *places)
{
    struct view *v = ctx;
    const char *hash = places->details_hash_key;
    const char *range = places->details_range_key;
    copy(v->hash_key, sizeof v->hash_key, hash ? hash : "workflow_run_id");
    copy(v->range_key, sizeof v->range_key, range ? range : "ecs_task_id");
    copy(v->place.cluster, sizeof v->place.cluster, places->cluster);
    copy(v->place.container, sizeof v->place.container, places->container);
    if (is_deployed(v, places))
        v->place.group = v->call->sv->log_groups[v->pattern];
}

/* --- the audit row ---
 */

/* Attributes that are not there are left out, as in the table. */
static void add_text(struct json_writer *w, const char *name, const char *text)
{
    if (text)
        jw_str(w, name, text);
}

static void add_time(struct json_writer *w, const char *name, int64_t wall)
{
    if (wall)
        jw_time(w, name, wall);
}

static void add_number(struct json_writer *w, const char *name, int64_t value, int64_t none)
{
    if (value > none)
        jw_int(w, name, value);
}

static void add_result(struct json_writer *w, const struct store_task *task)
{
    if (task->exec_time_in_seconds >= 0)
        jw_num(w, "exec_time_in_seconds", task->exec_time_in_seconds);
    add_number(w, "bytes", task->bytes, -1);
    add_number(w, "exit_code", task->exit_code, -1);
    add_text(w, "stop_code", task->stop_code);
    add_text(w, "stopped_reason", task->stopped_reason);
}

/* Under the table's own names; null as long as the task has none. */
static void write_row(struct view *v, const struct store_task *task)
{
    struct json_writer *w = &v->w;
    if (!task->ecs_task_id) {
        jw_null(w, "auditRow");
        return;
    }
    jw_object(w, "auditRow");
    jw_int(w, v->hash_key, task->run_id);
    jw_str(w, v->range_key, task->ecs_task_id);
    jw_str(w, "task_name", task->name);
    jw_str(w, "status", audit_status_name(task->status));
    add_time(w, "start_time", task->start_time);
    add_time(w, "update_time", task->update_time);
    add_number(w, "attempt", task->attempt, 0);
    add_text(w, "object_key", task->object_key);
    add_text(w, "destination_key", task->destination_key);
    add_result(w, task);
    add_time(w, "created_at", task->created_at);
    add_time(w, "pull_started_at", task->pull_started_at);
    add_time(w, "pull_stopped_at", task->pull_stopped_at);
    add_time(w, "started_at", task->container_started_at);
    jw_end_object(w);
}

static void write_task(void *ctx, const struct store_task *task)
{
    struct view *v = ctx;
    v->seq = task->seq;
    v->rowless = !task->ecs_task_id;
    if (store_is_ecs_id(task->ecs_task_id))
        copy(v->place.ecs_id, sizeof v->place.ecs_id, task->ecs_task_id);
    render_task_members(&v->w, task, clock_wall(v->call->sv->clock));
    write_row(v, task);
}

/* --- what the others say ---
 */

static void write_description(void *ctx, const struct store_description *d)
{
    struct view *v = ctx;
    copy(v->place.ecs_id, sizeof v->place.ecs_id, d->ecs_task_id);
    jw_object(&v->w, "ecs");
    jw_time(&v->w, "seenAt", d->seen_at);
    jw_bool(&v->w, "stopped", d->stopped);
    jw_bool(&v->w, "shortened", d->shortened);
    jw_raw(&v->w, "description", d->body, d->body_len);
    jw_end_object(&v->w);
}

/* Of the task that its row names; before there is a row, of the one that ECS has for it. */
static int write_ecs(struct view *v, struct error *err)
{
    size_t before = v->body.len;
    const char *id = v->rowless ? NULL : v->place.ecs_id;
    if (store_description_get(v->call->sv->store, v->call->run_id, v->seq, id, write_description, v,
                              err))
        return -1;
    if (v->body.len == before)
        jw_null(&v->w, "ecs");
    return 0;
}

static void write_event(void *ctx, const struct store_event *event)
{
    struct view *v = ctx;
    render_event(&v->w, event);
}

/* Why the history may have no events of the task. */
static const char *history_note(const struct view *v)
{
    return v->pattern == 1 ? "A function starts the tasks of pattern 1: the history names none."
                           : "The launch is not in this history. With more than 100 tasks each is "
                             "launched by an execution of its own, whose history is not kept here.";
}

static int write_history(struct view *v, struct error *err)
{
    struct json_writer *w = &v->w;
    int rc = 0;
    jw_object(w, "stepFunctions");
    jw_str(w, "executionStatus", v->status[0] ? v->status : NULL);
    jw_array(w, "events");
    size_t before = v->body.len;
    if (v->pattern == 2)
        rc = store_event_iteration(v->call->sv->store, v->call->run_id, v->seq, EVENTS_MAX,
                                   write_event, v, err);
    bool none = v->body.len == before;
    jw_end_array(w);
    jw_str(w, "note", none ? history_note(v) : NULL);
    jw_end_object(w);
    return rc;
}

/* --- together ---
 */

/* The run first: an unknown one is told as such. */
static int write_all(struct view *v, struct error *err)
{
    struct store *store = v->call->sv->store;
    int64_t id = v->call->run_id;
    jw_object(&v->w, NULL);
    if (store_run_get(store, id, read_run, v, err) ||
        store_places_get(store, id, read_places, v, err) ||
        task_path_get(v->call, write_task, v, err) || write_ecs(v, err) || write_history(v, err))
        return -1;
    log_place_write(&v->w, "log", &v->place);
    jw_end_object(&v->w);
    buf_addc(&v->body, '\n');
    return buf_check(&v->body, err);
}

void api_task_get(struct api_call *call)
{
    struct view v = {.call = call, .place = {.call = call}};
    struct error err = {0};
    buf_init(&v.body, BUF_MAX_PAGE);
    jw_init(&v.w, &v.body);
    int rc = query_only(call->x, NULL, 0, &err);
    if (!rc)
        rc = write_all(&v, &err);
    if (rc) {
        problem_reply(call->x, &err, NULL);
    } else {
        http_add_header(call->x, "Cache-Control", "no-cache");
        http_reply_take(call->x, 200, "application/json", &v.body);
    }
    buf_free(&v.body);
}
