/* Source: ECS API reference, version 2014-11-13 (camelCase members, epoch seconds). */
#include "lib/aws/ecs.h"

#include "lib/aws/epoch.h"
#include "lib/aws/request.h"
#include "lib/json/json_read.h"

#include <string.h>

/* Opens the body with the cluster, which all operations have. */
static void begin(struct json_writer *w, struct buf *body, const char *cluster)
{
    aws_body_begin(w, body);
    jw_str(w, "cluster", cluster);
}

static void add_list(struct json_writer *w, const char *name, const char *const *texts,
                     size_t count)
{
    jw_array(w, name);
    for (size_t i = 0; i < count; i++)
        jw_str(w, NULL, texts[i]);
    jw_end_array(w);
}

/* Fargate tasks have network interfaces of their own (awsvpc), so the call must place them. */
static void add_network(struct json_writer *w, const struct ecs_run *in)
{
    jw_object(w, "networkConfiguration");
    jw_object(w, "awsvpcConfiguration");
    add_list(w, "subnets", in->subnets, in->subnet_count);
    if (in->security_group_count)
        add_list(w, "securityGroups", in->security_groups, in->security_group_count);
    jw_str(w, "assignPublicIp", in->assign_public_ip ? "ENABLED" : "DISABLED");
    jw_end_object(w);
    jw_end_object(w);
}

/* The environment of the one container that does the work; others run as their definition says. */
static void add_overrides(struct json_writer *w, const struct ecs_run *in)
{
    jw_object(w, "overrides");
    jw_array(w, "containerOverrides");
    jw_object(w, NULL);
    jw_str(w, "name", in->container);
    jw_array(w, "environment");
    for (size_t i = 0; i < in->environment_count; i++) {
        jw_object(w, NULL);
        jw_str(w, "name", in->environment[i].name);
        jw_str(w, "value", in->environment[i].value);
        jw_end_object(w);
    }
    jw_end_array(w);
    jw_end_object(w);
    jw_end_array(w);
    jw_end_object(w);
}

/* The client token makes the call safe to repeat: ECS answers with the task it started for it
 * before. */
int ecs_run_task(struct aws_request *r, const struct ecs_run *in, struct error *err)
{
    enum { OVERRIDES_MAX = 8192 }; /* ECS counts the JSON of the overrides, punctuation included */
    struct json_writer w;
    struct buf body;
    begin(&w, &body, in->cluster);
    jw_str(&w, "taskDefinition", in->task_definition);
    jw_str(&w, "launchType", "FARGATE");
    jw_int(&w, "count", 1);
    if (in->subnet_count)
        add_network(&w, in);
    size_t before = body.len;
    if (in->container)
        add_overrides(&w, in);
    size_t overrides = body.len - before;
    aws_body_str(&w, "clientToken", in->client_token);
    aws_body_str(&w, "startedBy", in->started_by);
    if (overrides > OVERRIDES_MAX) {
        buf_free(&body);
        *r = (struct aws_request){0};
        return err_set(err, ERR_LIMIT, "task overrides of %zu characters are over ECS's %d",
                       overrides, OVERRIDES_MAX);
    }
    return aws_body_end(&w, r, AWS_ECS, "RunTask", err);
}

/* A list that callers need not test: an answer without the member is given an empty one. */
static json_t *array_of(const struct aws_response *response, const char *name)
{
    json_t *list = aws_answer_array(response, name);
    if (!list && json_object_set_new(response->json, name, json_array()) == 0)
        list = json_object_get(response->json, name);
    return list;
}

json_t *ecs_tasks(const struct aws_response *response)
{
    return array_of(response, "tasks");
}

json_t *ecs_failures(const struct aws_response *response)
{
    return array_of(response, "failures");
}

json_t *ecs_list_arns(const struct aws_response *response)
{
    return array_of(response, "taskArns");
}

const char *ecs_list_next(const struct aws_response *response)
{
    return json_str(response->json, "nextToken", NULL);
}

/* What RunTask gave the work to: the container of the first override; "" if there is none. */
static const char *worker_name(const json_t *task)
{
    const json_t *overrides =
        json_object_get(json_object_get(task, "overrides"), "containerOverrides");
    return json_str(json_array_get(overrides, 0), "name", "");
}

static bool has_code(const json_t *container)
{
    return json_is_integer(json_object_get(container, "exitCode"));
}

/* The exit code of all containers together: of the first that failed, and only when all have one.
 */
static void read_all_exits(const json_t *containers, struct ecs_task *out)
{
    size_t i;
    json_t *container;
    out->has_exit_code = json_array_size(containers) > 0;
    json_array_foreach (containers, i, container) {
        int64_t code = json_int(container, "exitCode", 0);
        const char *reason = json_str(container, "reason", "");
        out->has_exit_code = out->has_exit_code && has_code(container);
        if (out->exit_code == 0 && (code != 0 || !out->container_reason[0])) {
            out->exit_code = code;
            out->container_reason = reason;
        }
    }
}

/* A sidecar that only followed the task's end was killed; one that ended badly by itself has an
 * exit code of its own, or ECS says why. */
static void read_sidecar(const json_t *container, struct ecs_task *out)
{
    enum { SIGNAL_BASE = 128 };
    int64_t code = json_int(container, "exitCode", 0);
    const char *reason = json_str(container, "reason", "");
    bool bad = (code > 0 && code < SIGNAL_BASE) || *reason;
    if (out->sidecar.name || !bad)
        return;
    out->sidecar.name = json_str(container, "name", "?");
    out->sidecar.reason = reason;
    out->sidecar.has_exit_code = has_code(container);
    out->sidecar.exit_code = code;
}

/* By the container that was given the work, if the task has it; the others are sidecars. */
static void read_exit(const json_t *task, struct ecs_task *out)
{
    const json_t *containers = json_object_get(task, "containers");
    const char *worker = worker_name(task);
    bool found = false;
    size_t i;
    json_t *container;
    json_array_foreach (containers, i, container) {
        if (*worker && strcmp(json_str(container, "name", ""), worker) == 0) {
            found = true;
            out->has_exit_code = has_code(container);
            out->exit_code = json_int(container, "exitCode", 0);
            out->container_reason = json_str(container, "reason", "");
        }
    }
    if (!found) {
        read_all_exits(containers, out);
        return;
    }
    json_array_foreach (containers, i, container)
        if (strcmp(json_str(container, "name", ""), worker) != 0)
            read_sidecar(container, out);
}

int ecs_task_read(json_t *task, struct ecs_task *out, struct error *err)
{
    *out = (struct ecs_task){
        .arn = json_str(task, "taskArn", NULL),
        .last_status = json_str(task, "lastStatus", NULL),
        .stop_code = json_str(task, "stopCode", ""),
        .stopped_reason = json_str(task, "stoppedReason", ""),
        .created_at = epoch_member(task, "createdAt"),
        .pull_started_at = epoch_member(task, "pullStartedAt"),
        .pull_stopped_at = epoch_member(task, "pullStoppedAt"),
        .started_at = epoch_member(task, "startedAt"),
        .stopped_at = epoch_member(task, "stoppedAt"),
        .container_reason = "",
    };
    if (!out->arn || !out->last_status)
        return err_set(err, ERR_SYNTAX, "an ECS task without taskArn or lastStatus");
    read_exit(task, out);
    return 0;
}

/* DEPROVISIONING follows the end of the containers, and may take half a minute on Fargate. */
bool ecs_task_over(const struct ecs_task *task)
{
    return strcmp(task->last_status, "STOPPED") == 0 ||
           strcmp(task->last_status, "DEPROVISIONING") == 0;
}

/* Looked up in the overrides, where RunTask put it: DescribeTasks does not tell the definition's.
 */
const char *ecs_task_env(json_t *task, const char *name)
{
    const json_t *overrides =
        json_object_get(json_object_get(task, "overrides"), "containerOverrides");
    size_t i, k;
    json_t *container, *pair;
    json_array_foreach (overrides, i, container) {
        json_array_foreach (json_object_get(container, "environment"), k, pair) {
            if (strcmp(json_str(pair, "name", ""), name) == 0)
                return json_str(pair, "value", NULL);
        }
    }
    return NULL;
}

const char *ecs_task_id(const char *arn)
{
    const char *slash = strrchr(arn, '/');
    return slash ? slash + 1 : arn;
}

int ecs_describe_tasks(struct aws_request *r, const char *cluster, const char *const *tasks,
                       size_t count, struct error *err)
{
    struct json_writer w;
    struct buf body;
    *r = (struct aws_request){0};
    if (count == 0 || count > ECS_DESCRIBE_MAX)
        return err_set(err, ERR_ARGUMENT, "DescribeTasks takes 1 to %d tasks, not %zu",
                       ECS_DESCRIBE_MAX, count);
    begin(&w, &body, cluster);
    add_list(&w, "tasks", tasks, count);
    return aws_body_end(&w, r, AWS_ECS, "DescribeTasks", err);
}

int ecs_list_tasks(struct aws_request *r, const char *cluster, const char *started_by,
                   const char *desired_status, const char *next_token, struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, cluster);
    aws_body_str(&w, "startedBy", started_by);
    aws_body_str(&w, "desiredStatus", desired_status);
    aws_body_str(&w, "nextToken", next_token);
    return aws_body_end(&w, r, AWS_ECS, "ListTasks", err);
}

int ecs_stop_task(struct aws_request *r, const char *cluster, const char *task, const char *reason,
                  struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, cluster);
    jw_str(&w, "task", task);
    aws_body_str(&w, "reason", reason);
    return aws_body_end(&w, r, AWS_ECS, "StopTask", err);
}

int ecs_describe_definition(struct aws_request *r, const char *task_definition, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "taskDefinition", task_definition);
    return aws_body_end(&w, r, AWS_ECS, "DescribeTaskDefinition", err);
}
