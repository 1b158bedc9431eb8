/* Which resources Task states may name. What is not in the table is refused when the state machine
 * is created, not when it runs. */
#include "server/local/sfn/task.h"

#include <string.h>

#define P(pattern) (1U << (unsigned)(pattern))

static const struct task_kind function_kind = {.patterns = P(TASK_RESPONSE),
                                               .start = task_function_start};

#define DYNAMODB(is_sdk, name, op)                                                                 \
    {                                                                                              \
        .service = "dynamodb", .action = (name), .sdk = (is_sdk), .patterns = P(TASK_RESPONSE),    \
        .operation = (op), .start = task_dynamodb_start                                            \
    }
#define S3(name, op)                                                                               \
    {                                                                                              \
        .service = "s3", .action = (name), .sdk = true, .patterns = P(TASK_RESPONSE),              \
        .operation = (op), .start = task_s3_start                                                  \
    }
#define SFN(name, op)                                                                              \
    {                                                                                              \
        .service = "sfn", .action = (name), .sdk = true, .patterns = P(TASK_RESPONSE),             \
        .operation = (op), .start = task_sfn_start                                                 \
    }

static const struct task_kind kinds[] = {
    {.service = "lambda",
     .action = "invoke",
     .patterns = P(TASK_RESPONSE) | P(TASK_TOKEN),
     .start = task_invoke_start},
    {.service = "ecs",
     .action = "runTask",
     .patterns = P(TASK_RESPONSE) | P(TASK_SYNC) | P(TASK_TOKEN),
     .operation = "RunTask",
     .prepare = task_ecs_prepare,
     .start = task_ecs_start,
     .submitted = task_ecs_submitted,
     .watch = task_ecs_watch,
     .unwatch = task_ecs_unwatch,
     .stop_input = task_ecs_stop_input},
    {.service = "states",
     .action = "startExecution",
     .patterns = P(TASK_RESPONSE) | P(TASK_SYNC) | P(TASK_SYNC2) | P(TASK_TOKEN),
     .operation = "StartExecution",
     .start = task_states_start,
     .submitted = task_states_submitted,
     .watch = task_states_watch,
     .unwatch = task_states_unwatch,
     .stop_input = task_states_stop_input},
    DYNAMODB(false, "getItem", "GetItem"),
    DYNAMODB(false, "putItem", "PutItem"),
    DYNAMODB(false, "updateItem", "UpdateItem"),
    DYNAMODB(false, "deleteItem", "DeleteItem"),
    DYNAMODB(true, "getItem", "GetItem"),
    DYNAMODB(true, "putItem", "PutItem"),
    DYNAMODB(true, "updateItem", "UpdateItem"),
    DYNAMODB(true, "deleteItem", "DeleteItem"),
    DYNAMODB(true, "query", "Query"),
    DYNAMODB(true, "scan", "Scan"),
    DYNAMODB(true, "batchGetItem", "BatchGetItem"),
    DYNAMODB(true, "batchWriteItem", "BatchWriteItem"),
    DYNAMODB(true, "transactWriteItems", "TransactWriteItems"),
    DYNAMODB(true, "describeTable", "DescribeTable"),
    S3("getObject", "GetObject"),
    S3("putObject", "PutObject"),
    S3("listObjectsV2", "ListObjectsV2"),
    SFN("startExecution", "StartExecution"),
    SFN("stopExecution", "StopExecution"),
    SFN("describeExecution", "DescribeExecution"),
    SFN("listExecutions", "ListExecutions"),
    SFN("describeStateMachine", "DescribeStateMachine"),
    SFN("sendTaskSuccess", "SendTaskSuccess"),
    SFN("sendTaskFailure", "SendTaskFailure"),
    SFN("sendTaskHeartbeat", "SendTaskHeartbeat"),
};

bool task_is_function(const struct task_kind *kind)
{
    return kind == &function_kind;
}

static const struct {
    const char *suffix;
    enum task_pattern pattern;
} suffixes[] = {
    {"", TASK_RESPONSE},
    {".sync", TASK_SYNC},
    {".sync:2", TASK_SYNC2},
    {".waitForTaskToken", TASK_TOKEN},
};

/* "invoke.waitForTaskToken" against "invoke"; false: another action or an unknown pattern. */
static bool action_matches(const char *resource, const struct task_kind *kind,
                           enum task_pattern *pattern)
{
    size_t len = strlen(kind->action);
    if (strncmp(resource, kind->action, len) != 0)
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcmp(resource + len, suffixes[i].suffix) == 0) {
            *pattern = suffixes[i].pattern;
            return (kind->patterns & P(*pattern)) != 0;
        }
    return false;
}

/* arn:PARTITION:SERVICE:...; behind the partition, or NULL. */
static const char *behind_partition(const char *arn)
{
    if (strncmp(arn, "arn:", 4) != 0)
        return NULL;
    const char *colon = strchr(arn + 4, ':');
    return colon ? colon + 1 : NULL;
}

const struct task_kind *task_kind_find(const char *arn, enum task_pattern *pattern,
                                       const char **resource_type, const char **resource)
{
    const char *rest = behind_partition(arn);
    *pattern = TASK_RESPONSE;
    *resource_type = *resource = arn;
    if (!rest)
        return NULL;
    if (strncmp(rest, "lambda:", 7) == 0)
        return strstr(rest, ":function:") ? &function_kind : NULL;
    if (strncmp(rest, "states:::", 9) != 0)
        return NULL;
    *resource_type = rest + 9;
    bool sdk = strncmp(*resource_type, "aws-sdk:", 8) == 0;
    const char *service = *resource_type + (sdk ? 8 : 0);
    const char *colon = strchr(service, ':');
    if (!colon)
        return NULL;
    *resource = colon + 1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].sdk == sdk && strlen(kinds[i].service) == (size_t)(colon - service) &&
            strncmp(kinds[i].service, service, (size_t)(colon - service)) == 0 &&
            action_matches(*resource, &kinds[i], pattern))
            return &kinds[i];
    return NULL;
}
