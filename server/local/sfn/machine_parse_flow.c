/* Reading Pass, Choice, Wait and Fail. Everything that can be known without a document is checked
 * here, in the words of ValidateStateMachineDefinition where they are recorded. */
#include "lib/base/clock.h"
#include "server/local/sfn/machine_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_SECONDS_MAX = 99999999 };

void parse_pass(const struct place *at, struct machine_state *state)
{
    state->result = json_object_get(at->object, "Result");
}

/* The rule's test is compiled by server/local/asl; Next and Assign are the machine's. */
static void parse_rule(const struct place *at, struct machine_rule *rule)
{
    struct error err = {0};
    rule->next = parse_target(at, "Next", true);
    rule->assign = parse_template(at, "Assign");
    rule->test = asl_choice_compile(at->object, &err);
    if (!rule->test)
        place_problem(at, NULL, "%s", err.message);
}

/* Default is not required: a Choice may fail with States.NoChoiceMatched. */
void parse_choice(const struct place *at, struct machine_state *state)
{
    struct machine_choice *choice = &state->u.choice;
    size_t i;
    json_t *source;
    json_t *rules = parse_array(at, "Choices", true);
    choice->otherwise = parse_target(at, "Default", false);
    if (!rules)
        return;
    if (json_array_size(rules) == 0) {
        place_problem(at, "Choices", "Expected a non-empty array of choice rules");
        return;
    }
    choice->rules = place_memory(at, calloc(json_array_size(rules), sizeof *choice->rules));
    if (!choice->rules)
        return;
    choice->count = json_array_size(rules);
    json_array_foreach (rules, i, source) {
        char name[32];
        struct place one;
        (void)snprintf(name, sizeof name, "Choices[%zu]", i);
        place_enter(at, name, source, &one);
        parse_rule(&one, &choice->rules[i]);
    }
}

/* A literal time; compared with the clock when the state is entered. */
static void parse_wait_timestamp(const struct place *at, struct machine_wait *wait)
{
    struct error err = {0};
    const char *text = parse_text(at, "Timestamp", false);
    wait->kind = WAIT_TIMESTAMP;
    if (text && clock_parse_rfc3339(text, &wait->until, &err))
        place_problem(at, "Timestamp", "String does not match RFC3339 timestamp");
}

/* The order of `fields` is that of enum wait_kind. */
void parse_wait(const struct place *at, struct machine_state *state)
{
    static const char *const fields[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"};
    struct machine_wait *wait = &state->u.wait;
    int given = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (json_object_get(at->object, fields[i])) {
            wait->kind = (enum wait_kind)i;
            given++;
        }
    if (given != 1) {
        place_problem(at, NULL,
                      "A Wait state must have exactly one of these fields: [Seconds, "
                      "SecondsPath, Timestamp, TimestampPath]");
        return;
    }
    if (wait->kind == WAIT_SECONDS)
        wait->seconds = parse_int(at, "Seconds", 0, WAIT_SECONDS_MAX, 0);
    else if (wait->kind == WAIT_TIMESTAMP)
        parse_wait_timestamp(at, wait);
    else
        wait->path = parse_path(at, fields[wait->kind]);
}

/* Each of error and cause may be missing, literal, or read from the input. */
void parse_fail(const struct place *at, struct machine_state *state)
{
    struct machine_fail *fail = &state->u.fail;
    fail->error = parse_text(at, "Error", false);
    fail->cause = parse_text(at, "Cause", false);
    fail->error_path = parse_expr(at, "ErrorPath");
    fail->cause_path = parse_expr(at, "CausePath");
    if (fail->error && fail->error_path)
        place_problem(at, NULL, "Only one of the following fields is allowed: [Error, ErrorPath]");
    if (fail->cause && fail->cause_path)
        place_problem(at, NULL, "Only one of the following fields is allowed: [Cause, CausePath]");
}
