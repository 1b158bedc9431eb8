/* Reading Retry and Catch: names of errors, and the defaults of the language for what is left
 * out. */
#include "server/local/sfn/machine_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ErrorEquals: names, at least one; States.ALL stands alone and in the last element only. */
static json_t *parse_error_names(const struct place *at, bool last)
{
    size_t i;
    json_t *name;
    json_t *names = parse_array(at, "ErrorEquals", true);
    if (!names)
        return NULL;
    if (json_array_size(names) == 0)
        place_problem(at, "ErrorEquals", "Expected a non-empty array of error names");
    json_array_foreach (names, i, name) {
        const char *text = json_string_value(name);
        if (!text) {
            place_problem(at, "ErrorEquals", "Expected value of type String");
            return NULL;
        }
        if (strcmp(text, "States.ALL") == 0 && (!last || json_array_size(names) > 1))
            place_problem(at, "ErrorEquals",
                          "States.ALL can only appear alone and in the last element");
    }
    return names;
}

/* Defaults of the language: 1 second, doubled each time, three attempts. */
static void parse_retrier(const struct place *at, bool last, struct machine_retrier *out)
{
    const char *jitter = parse_text(at, "JitterStrategy", false);
    out->errors = parse_error_names(at, last);
    out->interval = (double)parse_int(at, "IntervalSeconds", 1, 99999999, 1);
    out->max_attempts = parse_int(at, "MaxAttempts", 0, 99999999, 3);
    out->backoff = parse_real(at, "BackoffRate", 1.0, 1e9, 2.0);
    out->max_delay = (double)parse_int(at, "MaxDelaySeconds", 1, 31622400, 0);
    out->full_jitter = jitter && strcmp(jitter, "FULL") == 0;
    if (jitter && !out->full_jitter && strcmp(jitter, "NONE") != 0)
        place_problem(at, "JitterStrategy",
                      "The field 'JitterStrategy' should have one of these values: [FULL, NONE]");
    if (out->max_delay > 0 && out->max_delay <= out->interval &&
        json_object_get(at->object, "IntervalSeconds"))
        place_problem(at, "MaxDelaySeconds",
                      "MaxDelaySeconds must be greater than IntervalSeconds");
}

/* Room for the elements of a member that is an array; NULL when it is absent or empty. */
static void *parse_elements(const struct place *at, const char *field, size_t size, size_t *count)
{
    json_t *list = parse_array(at, field, false);
    *count = 0;
    if (!list || json_array_size(list) == 0)
        return NULL;
    void *items = place_memory(at, calloc(json_array_size(list), size));
    if (items)
        *count = json_array_size(list);
    return items;
}

static bool enter_element(const struct place *at, const char *field, size_t i, struct place *out)
{
    char name[64];
    json_t *element = json_array_get(json_object_get(at->object, field), i);
    (void)snprintf(name, sizeof name, "%s[%zu]", field, i);
    place_enter(at, name, element, out);
    if (json_is_object(element))
        return true;
    place_problem(out, NULL, "Expected value of type Object");
    return false;
}

void parse_retry(const struct place *at, struct machine_state *state)
{
    struct place one;
    state->retriers = parse_elements(at, "Retry", sizeof *state->retriers, &state->retrier_count);
    for (size_t i = 0; i < state->retrier_count; i++)
        if (enter_element(at, "Retry", i, &one))
            parse_retrier(&one, i + 1 == state->retrier_count, &state->retriers[i]);
}

void parse_catch(const struct place *at, struct machine_state *state)
{
    struct place one;
    state->catchers = parse_elements(at, "Catch", sizeof *state->catchers, &state->catcher_count);
    for (size_t i = 0; i < state->catcher_count; i++) {
        struct machine_catcher *catcher = &state->catchers[i];
        if (!enter_element(at, "Catch", i, &one))
            continue;
        catcher->errors = parse_error_names(&one, i + 1 == state->catcher_count);
        catcher->next = parse_target(&one, "Next", true);
        catcher->result_path = parse_io_path(&one, "ResultPath");
        catcher->assign = parse_template(&one, "Assign");
    }
}
