/* Which members a state of which type may have. */
#include "server/local/sfn/machine_parse.h"

#include <string.h>

#define ON(type) (1U << (unsigned)STATE_##type)
#define NESTED (ON(PARALLEL) | ON(MAP))
#define WORK (ON(TASK) | NESTED)
#define GOES_ON (WORK | ON(PASS) | ON(WAIT))
#define EVERY (GOES_ON | ON(CHOICE) | ON(SUCCEED) | ON(FAIL))

struct field_rule {
    const char *name;
    unsigned types;
};

static const struct field_rule rules[] = {
    {"Type", EVERY},
    {"Comment", EVERY},
    {"QueryLanguage", EVERY},
    {"InputPath", EVERY},
    {"OutputPath", EVERY},
    {"Next", GOES_ON},
    {"End", GOES_ON},
    {"Assign", GOES_ON | ON(CHOICE)},
    {"Parameters", WORK | ON(PASS)},
    {"ResultPath", WORK | ON(PASS)},
    {"ResultSelector", WORK},
    {"Retry", WORK},
    {"Catch", WORK},
    {"Result", ON(PASS)},
    {"Resource", ON(TASK)},
    {"TimeoutSeconds", ON(TASK)},
    {"TimeoutSecondsPath", ON(TASK)},
    {"HeartbeatSeconds", ON(TASK)},
    {"HeartbeatSecondsPath", ON(TASK)},
    {"Credentials", ON(TASK)},
    {"Choices", ON(CHOICE)},
    {"Default", ON(CHOICE)},
    {"Seconds", ON(WAIT)},
    {"SecondsPath", ON(WAIT)},
    {"Timestamp", ON(WAIT)},
    {"TimestampPath", ON(WAIT)},
    {"Error", ON(FAIL)},
    {"Cause", ON(FAIL)},
    {"ErrorPath", ON(FAIL)},
    {"CausePath", ON(FAIL)},
    {"Branches", ON(PARALLEL)},
    {"Iterator", ON(MAP)},
    {"ItemProcessor", ON(MAP)},
    {"ItemsPath", ON(MAP)},
    {"ItemSelector", ON(MAP)},
    {"ItemReader", ON(MAP)},
    {"ItemBatcher", ON(MAP)},
    {"ResultWriter", ON(MAP)},
    {"MaxConcurrency", ON(MAP)},
    {"MaxConcurrencyPath", ON(MAP)},
    {"ToleratedFailureCount", ON(MAP)},
    {"ToleratedFailureCountPath", ON(MAP)},
    {"ToleratedFailurePercentage", ON(MAP)},
    {"ToleratedFailurePercentagePath", ON(MAP)},
    {"Label", ON(MAP)},
};

static const struct field_rule *find_rule(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

void parse_check_fields(const struct place *at, enum state_type type)
{
    const char *name;
    json_t *value;
    json_object_foreach (at->object, name, value) {
        const struct field_rule *rule = find_rule(name);
        if (!rule || !(rule->types & (1U << (unsigned)type)))
            place_problem(at, name,
                          "The field '%s' is not supported by Step Functions for states "
                          "of type %s",
                          name, state_type_name(type));
    }
}
