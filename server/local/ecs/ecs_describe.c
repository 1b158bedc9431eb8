/* DescribeTasks, ListTasks, StopTask: all look at records, never at processes. StopTask only writes
 * a wish; the signal is sent by the runner when the wish is durable. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ceilings of the API: tasks in one DescribeTasks, entries on one page. */
enum { DESCRIBE_MAX = 100, LIST_MAX = 100 };

/* Tasks that stopped before this moment are no longer shown. */
static int64_t shown_since(const struct local_ecs *e)
{
    return clock_wall(e->clock) - ECS_SHOWN_FOR;
}

/* Kept for the sake of its client token, but no longer shown. */
static bool hidden(const struct local_ecs *e, const struct ecs_task *task)
{
    return task->stopped_at && task->stopped_at <= shown_since(e);
}

/* --- DescribeTasks -----------------------------------------------------------------------------*/

/* Parameters, borrowed from the call's input. FIELD ceilings are those of the API reference, or
 * wide enough for every ARN. */
struct describe_input {
    const char *cluster;
    json_t *tasks, *include;
};

static const struct field describe_fields[] = {
    {"cluster", FIELD_STRING, false, offsetof(struct describe_input, cluster), 0, 512},
    {"tasks", FIELD_ARRAY, true, offsetof(struct describe_input, tasks), 0, 0},
    {"include", FIELD_ARRAY, false, offsetof(struct describe_input, include), 0, 0},
};

/* Adds the task, or a failure MISSING under the name it was asked for by. */
static int describe_one(struct local_ecs *e, const char *cluster, const char *given, bool tags,
                        json_t *answer, struct error *err)
{
    char arn[ECS_ARN_MAX];
    struct ecs_task task = {.doc = NULL};
    const char *id = ecs_last_part(given);
    int found = ecs_db_task_load(e->db, cluster, id, &task, err);
    if (found < 0)
        return -1;
    if (found && !hidden(e, &task))
        (void)json_array_append_new(json_object_get(answer, "tasks"), ecs_task_wire(&task, tags));
    else
        (void)json_array_append_new(
            json_object_get(answer, "failures"),
            json_pack("{s:s,s:s}", "arn",
                      strcmp(id, given) != 0 ? given : ecs_arn(e, arn, "task/%s/%s", cluster, id),
                      "reason", "MISSING"));
    ecs_task_free(&task);
    return 0;
}

/* Tags are left out unless `include` says TAGS. */
static bool wants_tags(const json_t *include)
{
    for (size_t i = 0; i < json_array_size(include); i++) {
        const char *what = json_string_value(json_array_get(include, i));
        if (what && strcmp(what, "TAGS") == 0)
            return true;
    }
    return false;
}

int ecs_serve_describe_tasks(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    struct describe_input in = {.cluster = ""};
    if (ecs_read_input(c, describe_fields, sizeof describe_fields / sizeof describe_fields[0],
                       &in) != 0)
        return 0;
    size_t count = json_array_size(in.tasks);
    if (count == 0)
        return ecs_fault(c, 400, "InvalidParameterException", "Tasks cannot be empty.");
    if (count > DESCRIBE_MAX)
        return ecs_fault(c, 400, "InvalidParameterException",
                         "Tasks can have at most %d items, it has %zu.", DESCRIBE_MAX, count);
    int rc = ecs_resolve_cluster(e, c, in.cluster, &in.cluster, err);
    if (rc != 1)
        return rc;
    c->output = json_pack("{s:[],s:[]}", "tasks", "failures");
    rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const char *given = json_string_value(json_array_get(in.tasks, i));
        rc =
            describe_one(e, in.cluster, given ? given : "", wants_tags(in.include), c->output, err);
    }
    return rc;
}

/* --- ListTasks ---------------------------------------------------------------------------------*/

struct list_input {
    const char *cluster, *family, *started_by, *service, *instance, *desired, *launch_type, *token;
    int64_t max;
};

static const struct field list_fields[] = {
    {"cluster", FIELD_STRING, false, offsetof(struct list_input, cluster), 0, 512},
    {"family", FIELD_STRING, false, offsetof(struct list_input, family), 0, 255},
    {"startedBy", FIELD_STRING, false, offsetof(struct list_input, started_by), 0, 255},
    {"serviceName", FIELD_STRING, false, offsetof(struct list_input, service), 0, 512},
    {"containerInstance", FIELD_STRING, false, offsetof(struct list_input, instance), 0, 512},
    {"desiredStatus", FIELD_STRING, false, offsetof(struct list_input, desired), 0, 32},
    {"launchType", FIELD_STRING, false, offsetof(struct list_input, launch_type), 0, 32},
    {"nextToken", FIELD_STRING, false, offsetof(struct list_input, token), 0, 64},
    {"maxResults", FIELD_INT, false, offsetof(struct list_input, max), 1, LIST_MAX},
};

/* A page's token is the place of its last task. -1: it is none of ours. */
static int read_token(const char *text, int64_t *after)
{
    char *end = NULL;
    errno = 0;
    long long value = *text ? strtoll(text, &end, 16) : 0;
    *after = value;
    return errno || value < 0 || (end && *end) ? -1 : 0;
}

/* 1: go on; 0: answered (with a fault, or with nothing to list). */
static int check_list(struct ecs_call *c, const struct list_input *in)
{
    static const char *const desired[] = {"RUNNING", "STOPPED", "PENDING"};
    size_t i = 0;
    while (i < 3 && strcmp(desired[i], in->desired) != 0)
        i++;
    if (i == 3)
        return ecs_fault(c, 400, "InvalidParameterException",
                         "desiredStatus must be RUNNING, PENDING or STOPPED.");
    if (in->started_by && (in->family || in->service || in->instance))
        return ecs_fault(c, 400, "InvalidParameterException",
                         "startedBy must be the only filter of family, serviceName, "
                         "containerInstance and startedBy.");
    /* Nothing is ever desired to be PENDING, and there are no services, instances or EC2 here. */
    if (i == 2 || in->service || in->instance ||
        (in->launch_type && strcmp(in->launch_type, "FARGATE") != 0)) {
        c->output = json_pack("{s:[]}", "taskArns");
        return 0;
    }
    return 1;
}

/* One page; it has a token whenever it is full, even if nothing follows. */
static int list_page(struct local_ecs *e, struct ecs_call *c, const struct ecs_list_filter *filter,
                     struct error *err)
{
    char arn[ECS_ARN_MAX];
    char token[32];
    int64_t last = 0;
    json_t *ids = json_array();
    json_t *arns = json_array();
    int rc = ecs_db_task_list(e->db, filter, ids, &last, err);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        (void)json_array_append_new(
            arns, json_string(ecs_arn(e, arn, "task/%s/%s", filter->cluster, id)));
    }
    c->output = json_pack("{s:o}", "taskArns", arns);
    if (json_array_size(ids) == (size_t)filter->limit) {
        (void)snprintf(token, sizeof token, "%llx", (unsigned long long)last);
        (void)json_object_set_new(c->output, "nextToken", json_string(token));
    }
    json_decref(ids);
    return rc;
}

int ecs_serve_list_tasks(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    struct list_input in = {.desired = "RUNNING", .token = "", .max = LIST_MAX};
    if (ecs_read_input(c, list_fields, sizeof list_fields / sizeof list_fields[0], &in) != 0)
        return 0;
    int rc = ecs_resolve_cluster(e, c, in.cluster, &in.cluster, err);
    if (rc != 1)
        return rc;
    struct ecs_list_filter filter = {.cluster = in.cluster,
                                     .desired_status = in.desired,
                                     .family = in.family,
                                     .started_by = in.started_by,
                                     .shown_since = shown_since(e),
                                     .limit = (int)in.max};
    if (read_token(in.token, &filter.after) != 0)
        return ecs_fault(c, 400, "InvalidParameterException", "Invalid token.");
    return check_list(c, &in) == 1 ? list_page(e, c, &filter, err) : 0;
}

/* --- StopTask ----------------------------------------------------------------------------------*/

struct stop_input {
    const char *cluster, *task, *reason;
};

static const struct field stop_fields[] = {
    {"cluster", FIELD_STRING, false, offsetof(struct stop_input, cluster), 0, 512},
    {"task", FIELD_STRING, true, offsetof(struct stop_input, task), 1, 512},
    {"reason", FIELD_STRING, false, offsetof(struct stop_input, reason), 0, ECS_REASON_MAX - 1},
};

/* A task without a process ends at once; one with a process when that has ended. */
static int stop_task(struct local_ecs *e, struct ecs_task *task, const char *reason,
                     struct error *err)
{
    struct ecs_live *live = ecs_live_find(e, task->id);
    int64_t at = clock_wall(e->clock);
    if (task->stop_wanted || task->status == ECS_STOPPED)
        return 0;
    if (live) {
        ecs_task_want_stop(task, at, "UserInitiated", reason);
        live->stop_due = true;
    } else {
        ecs_task_end(task, at, "UserInitiated", reason);
        ecs_note_stopped(e, task->id);
    }
    return ecs_db_task_save(e->db, task, err);
}

/* A task that has stopped already is answered as it is; the reason of the first StopTask stays. */
int ecs_serve_stop_task(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    struct stop_input in = {.reason = "Task stopped by user"};
    struct ecs_task task = {.doc = NULL};
    if (ecs_read_input(c, stop_fields, sizeof stop_fields / sizeof stop_fields[0], &in) != 0)
        return 0;
    int rc = ecs_resolve_cluster(e, c, in.cluster, &in.cluster, err);
    if (rc != 1)
        return rc;
    rc = ecs_db_task_load(e->db, in.cluster, ecs_last_part(in.task), &task, err);
    if (rc < 0)
        return -1;
    if (rc == 0 || hidden(e, &task))
        rc = ecs_fault(c, 400, "InvalidParameterException", "The referenced task was not found.");
    else
        rc = stop_task(e, &task, in.reason, err);
    if (rc == 0 && c->status == 0)
        c->output = json_pack("{s:o}", "task", ecs_task_wire(&task, true));
    ecs_task_free(&task);
    return rc;
}
