#include "tests/unit/worker_peer.h"

#include "lib/aws/dynamodb.h"
#include "lib/aws/ecs.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

json_t *worker_peer_json(const char *text)
{
    json_t *value = NULL;
    struct error err = {0};
    cr_assert_eq(json_parse(text, strlen(text), &value, &err), 0, "%s in %s", err.message, text);
    return value;
}

static void answer(struct peer_reply *reply, json_t *body)
{
    json_dump(&reply->body, body);
    json_decref(body);
}

static void refuse(struct peer_reply *reply, int status, const char *type, const char *message)
{
    reply->status = status;
    answer(reply, json_pack("{s:s,s:s}", "__type", type, "message", message));
}

/* --- DynamoDB --------------------------------------------------------------------------------- */

static bool is_final(const json_t *item)
{
    const char *status = dynamodb_get_s(item, "status", "");
    return strcmp(status, "Completed") == 0 || strcmp(status, "Failed") == 0 ||
           strcmp(status, "Cancelled") == 0;
}

static bool is_summary(const json_t *body)
{
    return strncmp(json_str(body, "TableName", ""), "workflow_summary", 16) == 0;
}

static const char *detail_id(const json_t *key)
{
    return dynamodb_get_s(key, "ecs_task_id", "?");
}

static void put_item(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    json_t *item = json_object_get(body, "Item");
    bool summary = is_summary(body);
    const json_t *old = summary ? p->summary : json_object_get(p->details, detail_id(item));
    if (old && (summary || is_final(old))) {
        refuse(reply, 400, "ConditionalCheckFailedException", "The conditional request failed");
        return;
    }
    if (summary)
        p->summary = json_incref(item);
    else
        json_object_set(p->details, detail_id(item), item);
    answer(reply, json_object());
}

static bool same_text(const json_t *item, const char *name, const char *text)
{
    return strcmp(dynamodb_get_s(item, name, ""), text) == 0;
}

static void update_item(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    const json_t *key = json_object_get(body, "Key");
    json_t *item = is_summary(body) ? p->summary : json_object_get(p->details, detail_id(key));
    const json_t *values = json_object_get(body, "ExpressionAttributeValues");
    const char *farewell = dynamodb_get_s(values, ":farewell", NULL);
    bool may = item && farewell ? same_text(item, "status", "Cancelled") &&
                                      same_text(item, "stopped_reason", farewell)
                                : item && !is_final(item);
    if (!may) {
        refuse(reply, 400, "ConditionalCheckFailedException", "The conditional request failed");
        return;
    }
    if (dynamodb_get_n(item, "launch_chunk", 0) >=
        dynamodb_get_n(values, ":launch_chunk", 1 << 20)) {
        refuse(reply, 400, "ConditionalCheckFailedException", "The chunk was claimed before");
        return;
    }
    /* Each ":name" that is also an attribute's alias "#name" is set. */
    const char *alias;
    json_t *name;
    json_object_foreach (json_object_get(body, "ExpressionAttributeNames"), alias, name) {
        char value[64];
        (void)snprintf(value, sizeof value, ":%s", alias + 1);
        json_t *given = json_object_get(values, value);
        if (given)
            json_object_set(item, json_string_value(name), given);
    }
    answer(reply, json_object());
}

/* Rows in the order of their ids, `page` at a time. */
static void query(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    const char *after = detail_id(json_object_get(body, "ExclusiveStartKey"));
    bool skipping = json_object_get(body, "ExclusiveStartKey") != NULL;
    json_t *items = json_array(), *result = json_pack("{s:o}", "Items", items), *item;
    const char *id;
    json_object_foreach (p->details, id, item) {
        if (skipping) {
            skipping = strcmp(id, after) != 0;
            continue;
        }
        if (json_array_size(items) == p->page) {
            const json_t *last = json_array_get(items, p->page - 1);
            json_object_set_new(result, "LastEvaluatedKey",
                                json_pack("{s:O,s:O}", "workflow_run_id",
                                          json_object_get(last, "workflow_run_id"), "ecs_task_id",
                                          json_object_get(last, "ecs_task_id")));
            break;
        }
        json_array_append(items, item);
    }
    answer(reply, result);
}

static void get_item(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    (void)body;
    json_t *result = json_object();
    if (p->summary)
        json_object_set(result, "Item", p->summary);
    answer(reply, result);
}

/* --- ECS -------------------------------------------------------------------------------------- */

static bool same(const json_t *a, const char *member, const char *text)
{
    return strcmp(json_str(a, member, ""), text) == 0;
}

static void run_task(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    json_t *task = json_deep_copy(body);
    const char *name = ecs_task_env(task, "task_name");
    const char *reason = json_str(p->refuse, name, NULL);
    if (reason) {
        answer(reply, json_pack("{s:[],s:[{s:s}]}", "tasks", "failures", "reason", reason));
    } else {
        if (p->forgets_tokens || !json_object_get(p->tasks, name)) {
            json_int_t starts = json_int(p->starts, name, 0);
            json_object_set_new(p->starts, name, json_integer(starts + 1));
            worker_peer_task(p, name, name, "PENDING", "{}");
        }
        answer(reply,
               json_pack("{s:[O],s:[]}", "tasks", json_object_get(p->tasks, name), "failures"));
    }
    json_decref(task);
}

static void list_tasks(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    json_t *arns = json_array(), *task;
    const char *id;
    bool stopped = same(body, "desiredStatus", "STOPPED");
    json_object_foreach (p->tasks, id, task)
        if (same(task, "startedBy", json_str(body, "startedBy", "")) &&
            same(task, "lastStatus", "STOPPED") == stopped)
            json_array_append(arns, json_object_get(task, "taskArn"));
    answer(reply, json_pack("{s:o}", "taskArns", arns));
}

static void describe_tasks(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    json_t *found = json_array(), *missing = json_array(), *id;
    size_t i;
    json_array_foreach (json_object_get(body, "tasks"), i, id) {
        json_t *task = json_object_get(p->tasks, json_string_value(id));
        if (task)
            json_array_append(found, task);
        else
            json_array_append_new(missing, json_pack("{s:s}", "reason", "MISSING"));
    }
    answer(reply, json_pack("{s:o,s:o}", "tasks", found, "failures", missing));
}

static void stop_task(struct worker_peer *p, const json_t *body, struct peer_reply *reply)
{
    json_t *task = json_object_get(p->tasks, json_str(body, "task", ""));
    if (!task) {
        refuse(reply, 400, "InvalidParameterException", "The referenced task was not found.");
        return;
    }
    json_object_set_new(task, "lastStatus", json_string("STOPPED"));
    answer(reply, json_pack("{s:O}", "task", task));
}

static const struct {
    const char *operation;
    void (*serve)(struct worker_peer *p, const json_t *body, struct peer_reply *reply);
} operations[] = {
    {"PutItem", put_item},   {"UpdateItem", update_item},
    {"Query", query},        {"GetItem", get_item},
    {"RunTask", run_task},   {"ListTasks", list_tasks},
    {"StopTask", stop_task}, {"DescribeTasks", describe_tasks},
};

static bool inject(struct worker_peer *p, const char *operation, struct peer_reply *reply)
{
    json_t *list = json_object_get(p->faults, operation);
    const json_t *fault = json_array_get(list, 0);
    if (!fault)
        return false;
    refuse(reply, (int)json_int(fault, "status", 500), json_str(fault, "type", ""),
           json_str(fault, "message", ""));
    json_array_remove(list, 0);
    return true;
}

static void serve(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    struct worker_peer *p = ctx;
    char target[128];
    peer_header(request, "x-amz-target", target, sizeof target);
    if (!target[0] && p->s3) {
        p->s3(p->s3_ctx, request, reply);
        return;
    }
    const char *dot = strrchr(target, '.');
    const char *operation = dot ? dot + 1 : target;
    json_t *body = json_loadb(request->body, request->body_len, 0, NULL);
    json_array_append_new(p->calls, json_pack("{s:s,s:O}", "op", operation, "body", body));
    const char *name = ecs_task_env(body, "task_name");
    char one[128];
    (void)snprintf(one, sizeof one, "%s/%s", operation, name ? name : "");
    bool served = inject(p, one, reply) || inject(p, operation, reply);
    p->wall += p->tick;
    for (size_t i = 0; !served && i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(operations[i].operation, operation) == 0) {
            operations[i].serve(p, body, reply);
            served = true;
        }
    }
    if (name && json_object_del(p->lost, name) == 0) {
        buf_reset(&reply->body);
        refuse(reply, 500, "ServerException", "The answer was lost");
    }
    if (!served)
        refuse(reply, 400, "UnknownOperationException", operation);
    json_decref(body);
}

/* --- around ----------------------------------------------------------------------------------- */

static int64_t peer_wall(const struct clock *self)
{
    const struct worker_peer *p =
        (const struct worker_peer *)(const void *)((const char *)self -
                                                   offsetof(struct worker_peer, clock));
    return p->wall;
}

/* A thousand times as fast, so that back-off costs nothing. */
static int64_t peer_mono(const struct clock *self)
{
    (void)self;
    return clock_mono(clock_system()) * 1000;
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

struct aws_options worker_peer_options(const struct worker_peer *p)
{
    return (struct aws_options){.endpoint = peer_url(p->http),
                                .access_key_id = "AKID",
                                .secret_access_key = "secret",
                                .getenv = no_env,
                                .clock = &p->clock};
}

void worker_peer_open(struct worker_peer *p)
{
    struct error err = {0};
    *p = (struct worker_peer){
        .details = json_object(),
        .tasks = json_object(),
        .calls = json_array(),
        .faults = json_object(),
        .refuse = json_object(),
        .starts = json_object(),
        .lost = json_object(),
        .page = 3,
        .clock = {.wall = peer_wall, .mono = peer_mono},
        .wall = PEER_NOW,
    };
    p->http = peer_open(serve, p);
    struct aws_options options = worker_peer_options(p);
    options.region = "us-east-1";
    p->aws = aws_new(&options, &err);
    cr_assert_not_null(p->aws, "%s", err.message);
    p->worker = (struct worker){.aws = p->aws, .clock = &p->clock, .request_id = "req-1"};
}

void worker_peer_close(struct worker_peer *p)
{
    aws_free(p->aws);
    peer_close(p->http);
    json_decref(p->summary);
    json_decref(p->details);
    json_decref(p->tasks);
    json_decref(p->calls);
    json_decref(p->faults);
    json_decref(p->refuse);
    json_decref(p->starts);
    json_decref(p->lost);
}

void worker_peer_row(struct worker_peer *p, const char *task_id, const char *task_name,
                     const char *status, const char *stopped_reason)
{
    json_t *item = json_pack("{s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s}}", "workflow_run_id", "N",
                             "77", "ecs_task_id", "S", task_id, "task_name", "S", task_name,
                             "status", "S", status, "start_time", "S", "2024-01-02T03:04:00.000Z");
    if (stopped_reason)
        json_object_set_new(item, "stopped_reason", dynamodb_s(stopped_reason));
    json_object_set_new(p->details, task_id, item);
}

void worker_peer_task(struct worker_peer *p, const char *task_id, const char *task_name,
                      const char *last_status, const char *more)
{
    char arn[128];
    (void)snprintf(arn, sizeof arn, "arn:aws:ecs:us-east-1:1:task/stepfleet/%s", task_id);
    json_t *task = json_pack("{s:s,s:s,s:s,s:f,s:{s:[{s:[{s:s,s:s}]}]}}", "taskArn", arn,
                             "lastStatus", last_status, "startedBy", "stepfleet-77", "createdAt",
                             (double)PEER_NOW / 1e6, "overrides", "containerOverrides",
                             "environment", "name", "task_name", "value", task_name);
    json_t *extra = worker_peer_json(more);
    json_object_update(task, extra);
    json_decref(extra);
    json_object_set_new(p->tasks, task_id, task);
}

void worker_peer_fault(struct worker_peer *p, const char *operation, int status, const char *type,
                       const char *message)
{
    json_t *list = json_object_get(p->faults, operation);
    if (!list) {
        list = json_array();
        json_object_set_new(p->faults, operation, list);
    }
    json_array_append_new(
        list, json_pack("{s:i,s:s,s:s}", "status", status, "type", type, "message", message));
}

size_t worker_peer_count(const struct worker_peer *p, const char *operation)
{
    size_t i, n = 0;
    json_t *call;
    json_array_foreach (p->calls, i, call)
        n += same(call, "op", operation);
    return n;
}

const char *worker_peer_detail(const struct worker_peer *p, const char *task_id,
                               const char *attribute)
{
    const json_t *value = json_object_get(json_object_get(p->details, task_id), attribute);
    return json_str(value, "S", json_str(value, "N", ""));
}
