/* Reading Task: the resource is looked up in task_kinds.c, and what is not offered is refused when
 * the state machine is created. */
#include "server/local/sfn/machine_parse.h"
#include "server/local/sfn/task.h"

#include <string.h>

/* There is one account here: the role is checked for its form only. */
static void parse_credentials(const struct place *at)
{
    struct place credentials;
    json_t *object = parse_object(at, "Credentials", false);
    if (!object)
        return;
    place_enter(at, "Credentials", object, &credentials);
    if (!json_object_get(object, "RoleArn") && !json_object_get(object, "RoleArn.$"))
        place_problem(&credentials, NULL, "The field 'RoleArn' is required but was missing");
}

/* Express machines end within minutes: nothing in them may wait for others. */
static void check_express(const struct place *at, const char *resource)
{
    const char *pattern = strchr(resource, '.');
    if (!at->parser->options->express || !pattern)
        return;
    if (strcmp(pattern, ".waitForTaskToken") == 0)
        place_problem(at, "Resource",
                      "Express state machine does not support '%s' service "
                      "integration ",
                      pattern);
    else
        place_problem(at, "Resource",
                      "Express state machine does not support '.sync' service "
                      "integration");
}

/* The text from `from` to before `until`, or to its end for NULL. */
static char *copy_until(const struct place *at, const char *from, const char *until)
{
    return place_memory(at, until ? strndup(from, (size_t)(until - from)) : strdup(from));
}

/* An express machine with a pattern it may not use was told so already: then the resource is not
 * called unknown as well. */
static void parse_resource(const struct place *at, struct machine_task *task)
{
    const char *type = NULL;
    const char *resource = NULL;
    task->arn = parse_text(at, "Resource", true);
    if (!task->arn)
        return;
    size_t before = at->parser->problems->count;
    task->kind = task_kind_find(task->arn, &task->pattern, &type, &resource);
    if (strncmp(task->arn, "arn:", 4) == 0 && strstr(task->arn, ":states:::"))
        check_express(at, task->arn);
    if (!task->kind && at->parser->problems->count == before)
        place_problem(at, "Resource",
                      "The resource provided %s is not recognized. The value is not a valid "
                      "resource ARN, or the resource is not available in this region.",
                      task->arn);
    if (!task->kind)
        return;
    bool function = task_is_function(task->kind);
    task->resource = copy_until(at, resource, NULL);
    task->resource_type =
        copy_until(at, function ? "lambda" : type, function ? NULL : resource - 1);
}

void parse_task(const struct place *at, struct machine_state *state)
{
    struct machine_task *task = &state->u.task;
    parse_resource(at, task);
    parse_credentials(at);
    task->timeout = parse_number(at, "TimeoutSeconds", 1, 99999999, true);
    task->heartbeat = parse_number(at, "HeartbeatSeconds", 1, 99999999, true);
    if (task->timeout.given && !task->timeout.path && task->heartbeat.given &&
        !task->heartbeat.path && task->heartbeat.literal >= task->timeout.literal)
        place_problem(at, "HeartbeatSeconds",
                      "HeartbeatSeconds must be smaller than TimeoutSeconds");
}
