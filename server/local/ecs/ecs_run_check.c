/* The rules of RunTask, in the order and, where they are known, in the words of ECS. What Fargate
 * offers and this place does not is refused by name rather than passed over. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html */
    RUN_COUNT_MAX = 10,
    STARTED_BY_MAX = 128,
    TOKEN_MAX = 64,
    OVERRIDES_MAX = 8192,
    TAG_KEY_MAX = 128,
    TAG_VALUE_MAX = 256,
    SUBNETS_MAX = 16,
    GROUPS_MAX = 5,
};

#define REFUSE(c, ...) (ecs_fault((c), 400, "InvalidParameterException", __VA_ARGS__), -1)

/* Step Functions' own name holds blanks, which are refused to everybody else. */
static bool sound_started_by(const char *text)
{
    if (strcmp(text, "AWS Step Functions") == 0)
        return true;
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-/_", *at))
            return false;
    return true;
}

/* startedBy and clientToken; their limits are those of the RunTask reference. */
static int check_identifiers(struct ecs_call *c, const struct ecs_run *run)
{
    if (strlen(run->started_by) > STARTED_BY_MAX)
        return REFUSE(c, "startedBy must not be longer than %d characters.", STARTED_BY_MAX);
    if (!sound_started_by(run->started_by))
        return REFUSE(c, "startedBy may hold letters, digits, -, / and _ only.");
    if (strlen(run->token) > TOKEN_MAX)
        return REFUSE(c, "clientToken must not be longer than %d characters.", TOKEN_MAX);
    for (const char *at = run->token; *at; at++)
        if (*at < 33 || *at > 126)
            return REFUSE(c, "clientToken may hold ASCII characters 33 to 126 only.");
    return 0;
}

/* Everything runs as on Fargate; EC2 would need instances, and there are none. */
static int check_launch(struct ecs_call *c, const struct ecs_run *run)
{
    if (run->count < 1 || run->count > RUN_COUNT_MAX)
        return REFUSE(c, "Count must be between 1 and %d.", RUN_COUNT_MAX);
    if (*run->launch_type && json_array_size(run->providers))
        return REFUSE(c, "Specifying both a launch type and capacity provider strategy is not "
                         "supported. Remove one and try again.");
    if (strcmp(run->launch_type, "EC2") == 0 || strcmp(run->launch_type, "EXTERNAL") == 0)
        return REFUSE(c, "No Container Instances were found in your cluster.");
    if (*run->launch_type && strcmp(run->launch_type, "FARGATE") != 0)
        return REFUSE(c, "launchType %.60s is not offered locally: use FARGATE.", run->launch_type);
    for (size_t i = 0; i < json_array_size(run->providers); i++) {
        const char *name = json_str(json_array_get(run->providers, i), "capacityProvider", "");
        if (strcmp(name, "FARGATE") != 0 && strcmp(name, "FARGATE_SPOT") != 0)
            return REFUSE(c, "The specified capacity provider '%.60s' was not found.", name);
    }
    return 0;
}

/* Wishes that nothing here would fulfil. */
static int check_offered(struct ecs_call *c, const struct ecs_run *run)
{
    if (run->execute_command)
        return REFUSE(c, "enableExecuteCommand is not offered locally.");
    if (json_array_size(run->constraints) || json_array_size(run->strategy))
        return REFUSE(c, "Placement constraints and strategies are not supported with FARGATE.");
    if (json_array_size(run->volumes))
        return REFUSE(c, "volumeConfigurations are not offered locally.");
    if (*run->propagate && strcmp(run->propagate, "TASK_DEFINITION") != 0 &&
        strcmp(run->propagate, "NONE") != 0)
        return REFUSE(c, "propagateTags must be TASK_DEFINITION or NONE.");
    return 0;
}

/* A list of subnets or security groups. They are not looked up: there are none here. */
static int check_ids(struct ecs_call *c, const json_t *vpc, const char *name, size_t max)
{
    const json_t *list = json_object_get(vpc, name);
    if (list && !json_is_array(list))
        return REFUSE(c, "%s must be an array.", name);
    if (json_array_size(list) > max)
        return REFUSE(c, "%s can have at most %zu items.", name, max);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return REFUSE(c, "%s must hold strings.", name);
    return 0;
}

/* awsvpc needs subnets even though nothing here has a network of its own: what runs here must also
 * run there. */
static int check_network(struct ecs_call *c, const struct ecs_run *run)
{
    bool awsvpc = strcmp(json_str(run->definition, "networkMode", ""), "awsvpc") == 0;
    const json_t *vpc = json_object_get(run->network, "awsvpcConfiguration");
    if (!awsvpc)
        return run->network ? REFUSE(c, "Network Configuration is not valid for the given "
                                        "networkMode of this task definition.")
                            : 0;
    if (!json_is_object(vpc))
        return REFUSE(c, "Network Configuration must be provided when networkMode 'awsvpc' is "
                         "specified.");
    if (json_array_size(json_object_get(vpc, "subnets")) == 0)
        return REFUSE(c, "subnets can not be empty.");
    const char *public_ip = json_str(vpc, "assignPublicIp", "DISABLED");
    if (strcmp(public_ip, "ENABLED") != 0 && strcmp(public_ip, "DISABLED") != 0)
        return REFUSE(c, "assignPublicIp must be ENABLED or DISABLED.");
    if (check_ids(c, vpc, "subnets", SUBNETS_MAX) != 0)
        return -1;
    return check_ids(c, vpc, "securityGroups", GROUPS_MAX);
}

/* --- overrides ---------------------------------------------------------------------------------*/

/* One element of overrides.containerOverrides, as far as it is known here. */
struct container_override {
    const char *name;
    json_t *command, *environment, *requirements, *files;
    int64_t cpu, memory_limit, reservation;
};

static const struct field override_fields[] = {
    {"name", FIELD_STRING, true, offsetof(struct container_override, name), 1, 255},
    {"command", FIELD_ARRAY, false, offsetof(struct container_override, command), 0, 0},
    {"environment", FIELD_ARRAY, false, offsetof(struct container_override, environment), 0, 0},
    {"cpu", FIELD_INT, false, offsetof(struct container_override, cpu), 0, 0},
    {"memory", FIELD_INT, false, offsetof(struct container_override, memory_limit), 0, 0},
    {"memoryReservation", FIELD_INT, false, offsetof(struct container_override, reservation), 0, 0},
    {"resourceRequirements", FIELD_ARRAY, false, offsetof(struct container_override, requirements),
     0, 0},
    {"environmentFiles", FIELD_ARRAY, false, offsetof(struct container_override, files), 0, 0},
};

/* A name that would not survive "NAME=value". */
static bool sound_pair(const json_t *pair)
{
    const char *name = json_str(pair, "name", "");
    return *name && !strchr(name, '=') && json_is_string(json_object_get(pair, "value"));
}

/* One element of containerOverrides; the task has one container, so there is one at most. */
static int check_container_override(struct ecs_call *c, const struct ecs_run *run, json_t *item)
{
    struct container_override o = {.name = ""};
    struct json_problems problems = {.list = NULL};
    size_t bad = json_read_fields(override_fields, sizeof override_fields / sizeof *override_fields,
                                  item, "", true, &o, &problems);
    if (bad)
        (void)ecs_fault(c, 400, "InvalidParameterException", "containerOverrides%s %s",
                        problems.count ? problems.list[0].pointer : "",
                        problems.count ? problems.list[0].detail : "");
    json_problems_free(&problems);
    if (bad)
        return -1;
    if (strcmp(o.name, json_str(ecs_container_of(run->definition), "name", "")) != 0)
        return REFUSE(c,
                      "Override for container named %.100s is not a container in the "
                      "TaskDefinition.",
                      o.name);
    if (json_array_size(o.files) || json_array_size(o.requirements))
        return REFUSE(c, "environmentFiles and resourceRequirements are not offered locally.");
    for (size_t i = 0; i < json_array_size(o.command); i++)
        if (!json_is_string(json_array_get(o.command, i)))
            return REFUSE(c, "command must hold strings.");
    for (size_t i = 0; i < json_array_size(o.environment); i++)
        if (!sound_pair(json_array_get(o.environment, i)))
            return REFUSE(c, "environment must hold pairs of name and value; a name is not empty "
                             "and has no '='.");
    return 0;
}

/* The ceiling of ECS counts the JSON text with its punctuation. */
static int check_overrides(struct ecs_call *c, const struct ecs_run *run)
{
    if (!run->overrides)
        return 0;
    if (json_dumpb(run->overrides, NULL, 0, JSON_COMPACT) > OVERRIDES_MAX)
        return REFUSE(c, "Container Overrides length must be at most %d", OVERRIDES_MAX);
    static const char *const known[] = {
        "containerOverrides", "cpu",         "memory",
        "executionRoleArn",   "taskRoleArn", "inferenceAcceleratorOverrides"};
    const char *name;
    json_t *value;
    json_object_foreach (run->overrides, name, value) {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i], name) != 0)
            i++;
        if (i == sizeof known / sizeof known[0])
            return REFUSE(c, "overrides.%.60s is not offered locally.", name);
    }
    json_t *list = json_object_get(run->overrides, "containerOverrides");
    if (list && !json_is_array(list))
        return REFUSE(c, "containerOverrides must be an array.");
    if (json_array_size(list) > 1)
        return REFUSE(c, "containerOverrides: a task has one container locally.");
    return json_array_size(list) ? check_container_override(c, run, json_array_get(list, 0)) : 0;
}

/* 50 tags at most is the field table's ceiling. */
static int check_tags(struct ecs_call *c, const struct ecs_run *run)
{
    for (size_t i = 0; i < json_array_size(run->tags); i++) {
        const json_t *tag = json_array_get(run->tags, i);
        const char *key = json_str(tag, "key", "");
        if (!*key || strlen(key) > TAG_KEY_MAX)
            return REFUSE(c, "A tag's key must have 1 to %d characters.", TAG_KEY_MAX);
        if (strlen(json_str(tag, "value", "")) > TAG_VALUE_MAX)
            return REFUSE(c, "A tag's value must have at most %d characters.", TAG_VALUE_MAX);
    }
    return 0;
}

/* In the order in which ECS complains. */
int ecs_run_check(struct ecs_call *c, const struct ecs_run *run)
{
    int rc = check_launch(c, run);
    if (rc == 0)
        rc = check_offered(c, run);
    if (rc == 0)
        rc = check_identifiers(c, run);
    if (rc == 0)
        rc = check_network(c, run);
    if (rc == 0)
        rc = check_overrides(c, run);
    return rc == 0 ? check_tags(c, run) : rc;
}

/* A tag of the request hides the definition's of the same key. */
static bool has_key(const json_t *tags, const char *key)
{
    for (size_t i = 0; i < json_array_size(tags); i++)
        if (strcmp(json_str(json_array_get(tags, i), "key", ""), key) == 0)
            return true;
    return false;
}

json_t *ecs_run_tags(const struct ecs_run *run)
{
    json_t *tags = run->tags ? json_deep_copy(run->tags) : json_array();
    if (strcmp(run->propagate, "TASK_DEFINITION") != 0)
        return tags;
    const json_t *more = json_object_get(run->definition, "tags");
    for (size_t i = 0; i < json_array_size(more); i++) {
        json_t *tag = json_array_get(more, i);
        if (!has_key(tags, json_str(tag, "key", "")))
            (void)json_array_append_new(tags, json_deep_copy(tag));
    }
    return tags;
}
