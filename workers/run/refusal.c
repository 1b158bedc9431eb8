/* One table for what ECS says, whether in failures[] of an answer or in an error's message. */
#include "workers/run/refusal.h"

#include <string.h>

static const struct {
    const char *part;
    enum refusal kind;
} sentences[] = {
    {"Rate exceeded", REFUSAL_THROTTLED}, /* also inside InvalidParameter- and ClientException */
    {"Throttling", REFUSAL_THROTTLED},
    {"Too many requests", REFUSAL_THROTTLED},
    {"Request limit exceeded", REFUSAL_THROTTLED},      /* EC2, asked by ECS for the network */
    {"Capacity is unavailable", REFUSAL_CAPACITY},      /* Fargate */
    {"RESOURCE:", REFUSAL_CAPACITY},                    /* no room on the instances now */
    {"AGENT", REFUSAL_CAPACITY},                        /* an instance's agent is not connected */
    {"limit on the number of tasks", REFUSAL_CAPACITY}, /* Fargate's quota, as it was counted */
    {"limit on the number of vCPUs", REFUSAL_CAPACITY}, /* and as it is counted now */
    {"capacity limit exceeded", REFUSAL_CAPACITY},      /* tasks in provisioning */
};

enum refusal refusal_of_reason(const char *reason)
{
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (strstr(reason, sentences[i].part))
            return sentences[i].kind;
    return REFUSAL_FINAL;
}

/* A token that has started a task is refused with other parameters (ConflictException), and only
 * then: tokens of calls that failed are free. Source: Amazon ECS API Reference, "Ensuring
 * idempotency". */
enum refusal refusal_of_error(const struct error *err)
{
    if (err->code == ERR_NETWORK || err->code == ERR_TIMEOUT || err->code == ERR_BUSY)
        return REFUSAL_DOUBTFUL;
    if (err->code != ERR_REMOTE)
        return REFUSAL_FINAL;
    if (err_is_remote(err, "ConflictException"))
        return REFUSAL_STARTED;
    if (aws_is_throttle(err))
        return REFUSAL_THROTTLED;
    enum refusal said = refusal_of_reason(err->message);
    return said == REFUSAL_FINAL && err->http_status >= 500 ? REFUSAL_DOUBTFUL : said;
}

enum refusal refusal_of_state(const char *error, const char *cause)
{
    static const char *const doubtful[] = {"States.Timeout", "ECS.ServerException",
                                           "ECS.SdkClientException"};
    if (strstr(error, "ConflictException"))
        return REFUSAL_STARTED;
    enum refusal said = refusal_of_reason(strstr(error, "Throttling") ? error : cause);
    for (size_t i = 0; said == REFUSAL_FINAL && i < sizeof doubtful / sizeof doubtful[0]; i++)
        if (strcmp(error, doubtful[i]) == 0)
            return REFUSAL_DOUBTFUL;
    return said;
}

int refusal_row(struct aws_request *request, const struct run *run, const char *task_name,
                const char *object_key, const char *reason, int64_t now, struct error *err)
{
    char id[RUN_TASK_ID_MAX];
    if (run_stand_in_id("not-started", run->workflow_run_id, task_name, id, err) != 0)
        return -1;
    const struct audit_detail row = {
        .workflow_run_id = run->workflow_run_id,
        .ecs_task_id = id,
        .task_name = task_name,
        .status = AUDIT_FAILED,
        .start_time = now,
        .update_time = now,
        .exec_time_in_seconds = -1,
        .object_key = object_key,
        .bytes = -1,
        .stop_code = "TaskFailedToStart",
        .stopped_reason = reason,
        .exit_code = -1,
    };
    return audit_detail_put(request, &run->details, &row, err);
}
