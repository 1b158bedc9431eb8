/* Chains of states, and what all states have in common. */
#include "server/local/sfn/machine_parse.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [STATE_PASS] = "Pass",         [STATE_TASK] = "Task",       [STATE_CHOICE] = "Choice",
    [STATE_WAIT] = "Wait",         [STATE_SUCCEED] = "Succeed", [STATE_FAIL] = "Fail",
    [STATE_PARALLEL] = "Parallel", [STATE_MAP] = "Map",
};
enum { TYPE_COUNT = sizeof type_names / sizeof type_names[0] };

const char *state_type_name(enum state_type type)
{
    return type_names[type];
}

/* -1 with a problem when Type is missing or unknown. */
static int parse_type(const struct place *at, enum state_type *type)
{
    const char *name = parse_text(at, "Type", true);
    if (!name)
        return -1;
    for (int i = 0; i < TYPE_COUNT; i++)
        if (strcmp(name, type_names[i]) == 0) {
            *type = (enum state_type)i;
            return 0;
        }
    place_problem(at, "Type",
                  "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, "
                  "Fail, Choice, Parallel, Map]");
    return -1;
}

/* Next or End: exactly one of them, for states that go on. */
static void parse_transition(const struct place *at, struct machine_state *state)
{
    bool end = parse_bool(at, "End", false);
    bool next = json_object_get(at->object, "Next") != NULL;
    if (end && next)
        place_problem(at, NULL, "Only one of the following fields is allowed: [End, Next]");
    else if (next)
        state->next = parse_target(at, "Next", true);
    else if (!end)
        place_problem(at, NULL, "These fields are required: [Next]");
}

static void parse_common(const struct place *at, struct machine_state *state)
{
    state->input_path = parse_io_path(at, "InputPath");
    state->output_path = parse_io_path(at, "OutputPath");
    state->result_path = parse_io_path(at, "ResultPath");
    state->result_selector = parse_template(at, "ResultSelector");
    state->assign = parse_template(at, "Assign");
    if (state->type != STATE_MAP)
        state->parameters = parse_template(at, "Parameters");
    if (state->type != STATE_CHOICE && state->type != STATE_SUCCEED && state->type != STATE_FAIL)
        parse_transition(at, state);
    if (state->type == STATE_TASK || state->type == STATE_PARALLEL || state->type == STATE_MAP) {
        parse_retry(at, state);
        parse_catch(at, state);
    }
}

static void parse_by_type(const struct place *at, struct machine_state *state)
{
    switch (state->type) {
    case STATE_PASS:
        parse_pass(at, state);
        break;
    case STATE_TASK:
        parse_task(at, state);
        break;
    case STATE_CHOICE:
        parse_choice(at, state);
        break;
    case STATE_WAIT:
        parse_wait(at, state);
        break;
    case STATE_FAIL:
        parse_fail(at, state);
        break;
    case STATE_PARALLEL:
        parse_parallel(at, state);
        break;
    case STATE_MAP:
        parse_map(at, state);
        break;
    case STATE_SUCCEED:
        break;
    }
}

/* Whether some text below mentions the context object, so that it need not be made otherwise. */
static bool mentions_context(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_string(value))
        return strstr(json_string_value(value), "$$") != NULL;
    if (json_is_array(value)) {
        json_array_foreach (value, i, member)
            if (mentions_context(member))
                return true;
        return false;
    }
    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        bool below = strcmp(key, "States") == 0; /* states of branches speak for themselves */
        if (!below && mentions_context(member))
            return true;
    }
    return false;
}

static void parse_state(const struct place *at, struct machine_state *state)
{
    if (!json_is_object(at->object)) {
        place_problem(at, NULL, "Expected value of type Object");
        return;
    }
    parse_query_language(at);
    if (parse_type(at, &state->type))
        return;
    parse_check_fields(at, state->type);
    state->needs_context = mentions_context(at->object);
    parse_common(at, state);
    parse_by_type(at, state);
}

static struct machine_state *add_state(struct parser *parser, const char *name, json_t *source)
{
    struct machine *m = parser->machine;
    if (m->count == parser->capacity) {
        size_t capacity = parser->capacity ? parser->capacity * 2 : 8;
        struct machine_state **states =
            realloc(m->states, capacity * sizeof(struct machine_state *));
        if (!states)
            return NULL;
        m->states = states;
        parser->capacity = capacity;
    }
    struct machine_state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    state->name = name;
    state->source = source;
    state->index = (int)m->count;
    m->states[m->count++] = state;
    return state;
}

/* Makes the states of a chain, so that they can name one another; an object name -> index. */
static json_t *add_states(const struct place *at, json_t *states)
{
    const char *name;
    json_t *source;
    json_t *names = place_memory(at, json_object());
    json_object_foreach (states, name, source) {
        struct machine_state *state = NULL;
        if (strlen(name) > 80)
            place_problem(at, "States", "The state name '%.100s' exceeds 80 characters", name);
        if (at->parser->machine->count == MACHINE_STATES_MAX) {
            at->parser->too_many = true;
            break;
        }
        state = place_memory(at, add_state(at->parser, name, source));
        if (!state || json_object_set_new(names, name, json_integer(state->index)) != 0)
            at->parser->no_memory = true;
    }
    return names;
}

void parse_branch(const struct place *at, struct machine_branch *branch)
{
    struct place chain = *at;
    const char *name;
    json_t *source;
    json_t *states = parse_object(at, "States", true);
    if (!states) {
        (void)parse_text(at, "StartAt", true);
        return;
    }
    json_t *names = add_states(at, states);
    chain.names = names;
    branch->start = parse_target(&chain, "StartAt", true);
    struct place all;
    place_enter(&chain, "States", states, &all);
    json_object_foreach (states, name, source) {
        json_t *index = json_object_get(names, name);
        struct place one;
        if (!index)
            break;
        place_enter(&all, name, source, &one);
        parse_state(&one, at->parser->machine->states[json_integer_value(index)]);
    }
    json_decref(names);
}
