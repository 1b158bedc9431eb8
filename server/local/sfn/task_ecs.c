/* ECS: ecs:runTask, and .sync that waits until the task has stopped. */
#include "lib/json/json_read.h"
#include "server/local/sfn/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int task_ecs_prepare(const struct machine_task *task, json_t *parameters,
                     struct asl_failure *failure)
{
    if (!json_is_object(parameters))
        return asl_fail(failure, "States.Runtime",
                        "The parameters of ecs:runTask must be an "
                        "object");
    if (task->pattern == TASK_SYNC && !json_object_get(parameters, "StartedBy") &&
        json_object_set_new(parameters, "StartedBy", json_string("AWS Step Functions")) != 0)
        return asl_fail(failure, "States.Runtime", "The local endpoint ran out of memory.");
    return 0;
}

/* Wire times are seconds; integrations tell milliseconds. Changes the value in place. */
static void times_to_milliseconds(json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;
    json_array_foreach (value, i, member)
        times_to_milliseconds(member);
    json_object_foreach (value, name, member) {
        size_t len = strlen(name);
        if (json_is_number(member) && len > 2 && strcmp(name + len - 2, "At") == 0)
            json_object_set_new(value, name,
                                json_integer(llround(json_number_value(member) * 1000.0)));
        else
            times_to_milliseconds(member);
    }
}

/* The wire's object as the integration tells it; takes it over. */
static json_t *told(json_t *wire)
{
    json_t *output = task_to_pascal(wire);
    json_decref(wire);
    times_to_milliseconds(output);
    return output;
}

/* On whatever thread the service answers. */
static void answered(struct local_call *local, json_t *output, const struct local_fault *fault)
{
    struct task_call *call = task_call_of(local);
    if (fault) {
        task_call_fault(call, "ECS", fault);
        return;
    }
    call->result.output = told(output);
    if (call->result.output &&
        task_add_metadata(call->result.output, "application/x-amz-json-1.1") == 0)
        task_call_done(call);
    else
        task_call_no_memory(call);
}

void task_ecs_start(struct task_call *call)
{
    json_t *request = task_to_camel(call->parameters);
    /* The same token for the same attempt: a call made again after a restart starts no second
     * task. */
    if (request && !json_object_get(request, "clientToken"))
        json_object_set_new(request, "clientToken", json_string(call->client_token));
    task_ask(call, call->backend->ecs, request, answered);
}

char *task_ecs_submitted(const struct task_call *call, struct asl_failure *failure)
{
    json_t *failures = json_object_get(call->result.output, "Failures");
    json_t *task = json_array_get(json_object_get(call->result.output, "Tasks"), 0);
    const char *arn = json_str(task, "TaskArn", NULL);
    char *copy = arn && json_array_size(failures) == 0 ? strdup(arn) : NULL;
    if (copy)
        return copy;
    struct text *cause = text_of(call->result.output);
    asl_fail(failure, "AmazonECS.Unknown", "%s", cause ? cause->raw : "");
    text_release(cause);
    return NULL;
}

/* A job is well done when all its containers ended with exit code 0. */
static bool well_done(const json_t *task)
{
    size_t i;
    json_t *container;
    json_t *containers = json_object_get(task, "Containers");
    json_array_foreach (containers, i, container) {
        json_t *code = json_object_get(container, "ExitCode");
        if (!json_is_integer(code) || json_integer_value(code) != 0)
            return false;
    }
    return json_array_size(containers) > 0;
}

/* On whatever thread the task's end is noticed. */
static void stopped(void *ctx, json_t *wire)
{
    struct task_call *call = ctx;
    if (!wire) {
        task_call_fail(call, "States.TaskFailed", "There is no task %s", call->job);
        return;
    }
    json_t *task = told(wire);
    struct text *text = task ? text_of(task) : NULL;
    if (!text) {
        json_decref(task);
        task_call_no_memory(call);
    } else if (well_done(task)) {
        call->result.output = task;
        task_call_done(call);
    } else {
        json_decref(task);
        task_call_fail(call, "States.TaskFailed", "%s", text->raw);
    }
    text_release(text);
}

void task_ecs_watch(struct engine *e, struct task_call *call)
{
    const struct sfn_backend *backend = call->backend;
    (void)e;
    if (!backend->watch) {
        task_call_fail(call, "States.Runtime", "This endpoint does not offer the service 'ecs'.");
        return;
    }
    call->watch = backend->watch(backend->tasks, call->job, stopped, call);
}

bool task_ecs_unwatch(struct engine *e, struct task_call *call)
{
    (void)e;
    return call->backend->unwatch && call->backend->unwatch(call->backend->tasks, call->watch);
}

json_t *task_ecs_stop_input(const struct task_call *call)
{
    json_t *input =
        json_pack("{s:s, s:s}", "task", call->job, "reason", "Stopped by AWS Step Functions");
    const char *cluster = json_str(call->parameters, "Cluster", NULL);
    if (input && cluster)
        json_object_set_new(input, "cluster", json_string(cluster));
    return input;
}
