/* Wait: when it is over. */
#include "lib/json/json_read.h"
#include "server/local/sfn/engine.h"

#include <math.h>
#include <string.h>

#define LONGEST_WAIT INT64_C(2147483647) /* seconds */

/* SecondsPath: seconds from now. */
static int seconds_of(const struct asl_path *path, const struct asl_scope *scope, json_t *value,
                      int64_t *seconds, struct asl_failure *failure)
{
    const char *where = asl_path_text(path);
    if (json_is_integer(value) && json_integer_value(value) < 0)
        return asl_fail_in_state(
            failure, scope, "States.Runtime",
            "The SecondsPath parameter references a negative value: %s == %lld", where,
            (long long)json_integer_value(value));
    if (json_is_integer(value)) {
        *seconds = json_integer_value(value);
        return 0;
    }
    struct text *text = text_of(value);
    const char *raw = json_is_string(value) ? json_string_value(value) : text ? text->raw : "";
    asl_fail_in_state(failure, scope, "States.Runtime",
                      "The SecondsPath parameter cannot be parsed as a long value: %s == %s", where,
                      raw);
    text_release(text);
    return -1;
}

/* TimestampPath: wall time. */
static int timestamp_of(const struct asl_path *path, const struct asl_scope *scope, json_t *value,
                        int64_t *until, struct asl_failure *failure)
{
    struct error err = {0};
    const char *where = asl_path_text(path);
    if (json_is_string(value) && clock_parse_rfc3339(json_string_value(value), until, &err) == 0)
        return 0;
    struct text *text = text_of(value);
    const char *raw = json_is_string(value) ? json_string_value(value) : text ? text->raw : "";
    asl_fail_in_state(failure, scope, "States.Runtime",
                      "The TimestampPath parameter does not reference a valid ISO-8601 extended "
                      "offset date-time format string: %s == %s",
                      where, raw);
    text_release(text);
    return -1;
}

/* SecondsPath or TimestampPath, with the three ways in which each can be unfit. */
static int from_path(struct engine *e, const struct machine_wait *wait,
                     const struct asl_scope *scope, int64_t *until, struct asl_failure *failure)
{
    json_t *value = NULL;
    int64_t seconds = 0;
    int rc = -1;
    bool timestamp = wait->kind == WAIT_TIMESTAMP_PATH;
    int found = asl_path_eval(wait->path, scope, &value, failure);
    if (found == 0)
        asl_fail_in_state(failure, scope, "States.Runtime",
                          "The %s parameter does not reference an input value: %s",
                          timestamp ? "TimestampPath" : "SecondsPath", asl_path_text(wait->path));
    else if (found > 0 && timestamp)
        rc = timestamp_of(wait->path, scope, value, until, failure);
    else if (found > 0)
        rc = seconds_of(wait->path, scope, value, &seconds, failure);
    json_decref(value);
    if (rc == 0 && seconds > LONGEST_WAIT)
        return asl_fail_in_state(failure, scope, "States.Runtime", "Wait state delay is too long.");
    if (rc == 0 && !timestamp)
        *until = e->now + seconds * CLOCK_SECOND;
    return rc;
}

/* Wall time at which the wait is over; it may lie in the past. */
static int end_of_wait(struct engine *e, struct frame *f, int64_t *until,
                       struct asl_failure *failure)
{
    const struct machine_wait *wait = &f->state->u.wait;
    struct scope scope;
    if (wait->kind == WAIT_SECONDS) {
        *until = e->now + wait->seconds * CLOCK_SECOND;
        return 0;
    }
    if (wait->kind == WAIT_TIMESTAMP) {
        *until = wait->until;
        return 0;
    }
    json_t *input = data_input(e, f, failure);
    if (!input)
        return -1;
    scope_open(e, f, input, &scope);
    int rc = from_path(e, wait, &scope.asl, until, failure);
    if (rc == 0 && *until - e->now > LONGEST_WAIT * CLOCK_SECOND)
        rc = asl_fail_in_state(failure, &scope.asl, "States.Runtime",
                               "Wait state delay is too long.");
    scope_close(&scope);
    json_decref(input);
    return rc;
}

enum step state_wait(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    int64_t until = 0;
    if (end_of_wait(e, f, &until, &failure))
        return frame_failed(e, f, &failure);
    if (until <= e->now)
        return state_wait_over(e, f);
    if (timers_arm(&e->timers, &f->delay, until)) {
        failure_no_memory(&failure);
        return frame_failed(e, f, &failure);
    }
    f->phase = FRAME_WAIT;
    frame_touch(e, f, DIRTY_STATE);
    return STEP_STOP;
}

enum step state_wait_over(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    json_t *input = data_input(e, f, &failure);
    return input ? frame_complete(e, f, input) : frame_failed(e, f, &failure);
}
