/* Which retrier or catcher takes a failure.
 *
 * Retriers come before catchers, each list in its order; the first that names the error is asked
 * and no other. Every retrier counts its own attempts; entering the state anew starts all counts
 * over. */
#include "lib/crypto/crypto.h"
#include "server/local/sfn/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The longest delay that is kept: a year, as long as an execution may take. */
#define DELAY_MAX (366.0 * 86400.0)

/* True when `name` of an ErrorEquals stands for the failure. A missed heartbeat is told as
 * States.Timeout and answers to its own name too. */
static bool name_takes(const char *name, const struct asl_failure *failure)
{
    const char *error = failure->error;
    bool heartbeat = strcmp(error, HEARTBEAT_TIMEOUT) == 0;
    bool timeout = heartbeat || strcmp(error, "States.Timeout") == 0;
    if (strcmp(name, error) == 0)
        return true;
    if (heartbeat && strcmp(name, "States.Timeout") == 0)
        return true;
    if (strcmp(error, "States.DataLimitExceeded") == 0)
        return false;
    if (strcmp(name, "States.TaskFailed") == 0)
        return !timeout;
    return strcmp(name, "States.ALL") == 0;
}

/* True when one of the names in an ErrorEquals stands for the failure. */
static bool takes(json_t *errors, const struct asl_failure *failure)
{
    size_t i;
    json_t *name;
    /* AWS: States.Runtime always ends the execution. */
    if (strcmp(failure->error, "States.Runtime") == 0)
        return false;
    json_array_foreach (errors, i, name)
        if (name_takes(json_string_value(name), failure))
            return true;
    return false;
}

/* Seconds before the attempt after `attempt` retries; full jitter takes any part of them. */
static double delay_of(const struct machine_retrier *r, int64_t attempt)
{
    double delay = r->interval * pow(r->backoff, (double)attempt);
    if (r->max_delay > 0 && delay > r->max_delay)
        delay = r->max_delay;
    if (!(delay < DELAY_MAX))
        delay = DELAY_MAX;
    return r->full_jitter ? delay * crypto_random_unit() : delay;
}

bool frame_retry(struct engine *e, struct frame *f, const struct asl_failure *failure)
{
    const struct machine_state *state = f->state;
    for (size_t i = 0; i < state->retrier_count; i++) {
        const struct machine_retrier *r = &state->retriers[i];
        if (!takes(r->errors, failure))
            continue;
        if (!f->attempts)
            f->attempts = calloc(state->retrier_count, sizeof *f->attempts);
        if (!f->attempts || f->attempts[i] >= r->max_attempts)
            return false;
        double delay = delay_of(r, f->attempts[i]);
        if (timers_arm(&e->timers, &f->delay, e->now + (int64_t)(delay * (double)CLOCK_SECOND)))
            return false;
        f->attempts[i]++;
        f->retries++;
        f->phase = FRAME_RETRY;
        frame_touch(e, f, DIRTY_STATE);
        return true;
    }
    return false;
}

const struct machine_catcher *frame_catcher(const struct frame *f,
                                            const struct asl_failure *failure)
{
    for (size_t i = 0; i < f->state->catcher_count; i++)
        if (takes(f->state->catchers[i].errors, failure))
            return &f->state->catchers[i];
    return NULL;
}
