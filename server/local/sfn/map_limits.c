/* Numbers of Map states. As recorded, a path may give them as texts too. */
#include "server/local/sfn/map_limits.h"

#include <math.h>
#include <stdlib.h>

/* A count that may come as a number or as the text of one, as paths give it. */
static int read_number(const struct asl_scope *where, json_t *value, const struct map_number *field,
                       double *out, struct asl_failure *failure)
{
    char *end = NULL;
    const char *text = json_string_value(value);
    bool fits = json_is_number(value);
    *out = json_number_value(value);
    if (text && *text) {
        *out = strtod(text, &end);
        fits = *end == '\0';
    }
    if (fits && isfinite(*out) && (!field->whole || floor(*out) == *out))
        return 0;
    struct text *dumped = text_of(value);
    asl_fail_in_state(failure, where, "States.Runtime",
                      "The %sPath field refers to value \"%s\" which is not a valid %s: %s",
                      field->name,
                      text     ? text
                      : dumped ? dumped->raw
                               : "",
                      field->whole ? "integer" : "float", asl_path_text(field->number->path));
    text_release(dumped);
    return -1;
}

int map_number(struct engine *e, struct frame *f, const struct map_number *field, json_t *input,
               double *out, struct asl_failure *failure)
{
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    json_t *value = NULL;
    if (!field->number->given)
        return 0;
    if (!field->number->path) {
        *out = field->number->literal;
        return 0;
    }
    if (data_number(e, f, field->number, input, &value, failure))
        return -1;
    int rc = read_number(&where, value, field, out, failure);
    json_decref(value);
    return rc;
}

int map_read_concurrency(struct engine *e, struct frame *f, json_t *input,
                         struct map_limits *limits, struct asl_failure *failure)
{
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    const struct map_number field = {&f->state->u.map.concurrency, "MaxConcurrency", true};
    double wanted = 0;
    if (map_number(e, f, &field, input, &wanted, failure))
        return -1;
    if (wanted < 0)
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "MaxConcurrency cannot be negative.");
    limits->concurrency = wanted < INT32_MAX ? (int64_t)wanted : 0;
    return 0;
}

int map_read_tolerance(struct engine *e, struct frame *f, json_t *input, struct map_limits *limits,
                       struct asl_failure *failure)
{
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    const struct machine_map *map = &f->state->u.map;
    const struct map_number count = {&map->tolerated_count, "ToleratedFailureCount", true};
    const struct map_number part = {&map->tolerated_percentage, "ToleratedFailurePercentage",
                                    false};
    limits->tolerated_count = limits->tolerated_percentage = -1;
    if (map_number(e, f, &count, input, &limits->tolerated_count, failure) ||
        map_number(e, f, &part, input, &limits->tolerated_percentage, failure))
        return -1;
    if (map->tolerated_count.given && limits->tolerated_count < 0)
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "ToleratedFailureCount cannot be negative.");
    /* It is stored as an integer. */
    limits->tolerated_count = fmin(limits->tolerated_count, INT32_MAX);
    if (map->tolerated_percentage.given &&
        !(limits->tolerated_percentage >= 0 && limits->tolerated_percentage <= 100))
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "ToleratedFailurePercentage must be between 0 and 100.");
    return 0;
}

size_t map_slots(const struct map_limits *limits, size_t most)
{
    return limits->concurrency >= 1 && (size_t)limits->concurrency < most
               ? (size_t)limits->concurrency
               : most;
}

bool map_tolerates(const struct map_limits *limits, int64_t failed, int64_t total)
{
    if (failed == 0)
        return true;
    if (limits->tolerated_count < 0 && limits->tolerated_percentage < 0)
        return false;
    if (limits->tolerated_count >= 0 && (double)failed > limits->tolerated_count)
        return false;
    return limits->tolerated_percentage < 0 ||
           100.0 * (double)failed <= limits->tolerated_percentage * (double)total;
}

json_t *map_find_items(struct engine *e, struct frame *f, json_t *input,
                       struct asl_failure *failure)
{
    const struct machine_path *path = &f->state->u.map.items_path;
    struct scope scope;
    scope_open(e, f, input, &scope);
    json_t *items = path->path ? data_path(path->path, &scope.asl, failure) : json_incref(input);
    if (items && !json_is_array(items)) {
        json_decref(items);
        items = NULL;
        asl_fail_in_state(failure, &scope.asl, "States.Runtime",
                          "Reference path \"%s\" must point to array.",
                          path->path ? asl_path_text(path->path) : "$");
    }
    scope_close(&scope);
    return items;
}
