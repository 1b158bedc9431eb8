/* Counting what the state machines do. */
#include "server/run/preflight.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const struct preflight_price preflight_prices[PRICE_COUNT] = {
    [PRICE_TRANSITIONS] = {"Step Functions state transitions", 0.025, "1,000 transitions",
                           "https://aws.amazon.com/step-functions/pricing/", "2020-07"},
    [PRICE_VCPU_HOUR] = {"Fargate vCPU", 0.04048, "vCPU-hour",
                         "https://aws.amazon.com/fargate/pricing/", "2020"},
    [PRICE_GB_HOUR] = {"Fargate memory", 0.004445, "GB-hour",
                       "https://aws.amazon.com/fargate/pricing/", "2020"},
};

/* Events and entered states of a run that succeeds, by kind. A Lambda task has five events
 * (entered, scheduled, started, succeeded, exited); Choice, Wait, Pass and Succeed have two;
 * Parallel and an inline Map four; a distributed Map six, for its run is started and succeeds as
 * well. A launch is a Choice (is it in time?), a task, a Choice and its end: eleven events, and two
 * for the iteration or the execution around it. A look of the monitor is task, Choice and Wait;
 * after the last there is no Wait, but Done. The execution itself has two. Without refusals one
 * call of the launcher starts 10,000 tasks in time.
 */
static const struct shape {
    int64_t events, events_per_task, events_per_poll;
    int64_t states, states_per_task, states_per_poll;
    int64_t events_per_child; /* each task has an execution of its own, with this history */
} shapes[] = {
    [PREFLIGHT_LAUNCHER] = {2 + 2 + 5 + 2 + 2, 0, 9, 4, 0, 3, 0},
    [PREFLIGHT_INLINE] = {2 + 5 + 2 + 4 + 4 + 2, 13, 9, 5, 4, 3, 0},
    [PREFLIGHT_DISTRIBUTED] = {2 + 5 + 2 + 4 + 6 + 2, 0, 9, 5, 4, 3, 13},
};

enum preflight_kind preflight_kind(const struct preflight_facts *f)
{
    if (f->pattern == 1)
        return PREFLIGHT_LAUNCHER;
    return f->manifest_bytes > 0 ? PREFLIGHT_DISTRIBUTED : PREFLIGHT_INLINE;
}

void preflight_warn(struct preflight *p, const char *fmt, ...)
{
    va_list args;
    if (p->warning_count == PREFLIGHT_WARNINGS_MAX)
        return;
    va_start(args, fmt);
    (void)vsnprintf(p->warnings[p->warning_count++], PREFLIGHT_WARNING_LEN, fmt, args);
    va_end(args);
}

/* The burst at once, then the sustained rate. */
static int64_t seconds_to_start(int64_t tasks)
{
    int64_t rest = tasks - PREFLIGHT_BURST;
    return rest > 0 ? (rest + PREFLIGHT_PER_SECOND - 1) / PREFLIGHT_PER_SECOND : 0;
}

/* As the monitor waits: 1, 2, 3, 5, 8 ... seconds up to its interval. It spreads its looks when
 * they would fill the history, so there are never more than fit. */
static int64_t count_polls(const struct preflight_facts *f, int64_t seconds)
{
    int64_t polls = 1;
    int64_t wait = 0;
    const struct shape *shape = &shapes[preflight_kind(f)];
    int64_t most =
        (PREFLIGHT_EVENTS_MAX - shape->events_per_task * f->tasks) / shape->events_per_poll;
    if (most < 100)
        most = 100;
    for (int64_t at = 0; at < seconds && polls < most; polls++) {
        wait = wait > 0 ? wait + (wait + 1) / 2 : 1;
        if (wait > f->monitor_interval_seconds)
            wait = f->monitor_interval_seconds;
        at += wait > 0 ? wait : 1;
    }
    return polls;
}

static void estimate_cost(const struct preflight_facts *f, struct preflight *out)
{
    int64_t billed =
        f->task_seconds > PREFLIGHT_TASK_SECONDS ? f->task_seconds : PREFLIGHT_TASK_SECONDS;
    double hours = (double)f->tasks * (double)billed / 3600.0;
    out->vcpu_hours = hours * PREFLIGHT_VCPU;
    out->gb_hours = hours * PREFLIGHT_GB;
    out->transitions_usd =
        (double)out->transitions / 1000.0 * preflight_prices[PRICE_TRANSITIONS].usd;
    out->fargate_usd = out->vcpu_hours * preflight_prices[PRICE_VCPU_HOUR].usd +
                       out->gb_hours * preflight_prices[PRICE_GB_HOUR].usd;
    out->total_usd = out->transitions_usd + out->fargate_usd;
}

/* Ceilings that end or refuse the run. */
static void warn_ceilings(const struct preflight_facts *f, struct preflight *out)
{
    out->refused = f->input_bytes > PREFLIGHT_INPUT_MAX;
    if (out->refused)
        preflight_warn(out,
                       "the completed spec has %" PRId64
                       " bytes, Step Functions takes %d: it would "
                       "be refused; split it into several workflows",
                       f->input_bytes, (int)PREFLIGHT_INPUT_MAX);
    else if (f->input_bytes > PREFLIGHT_INPUT_MAX / 10 * 9)
        preflight_warn(
            out, "the completed spec has %" PRId64 " of the %d bytes that Step Functions takes",
            f->input_bytes, (int)PREFLIGHT_INPUT_MAX);
    if (out->events > PREFLIGHT_EVENTS_MAX)
        preflight_warn(out,
                       "the history would have %" PRId64
                       " events, Step Functions ends an execution "
                       "at %d: raise monitorIntervalSeconds or split the spec",
                       out->events, (int)PREFLIGHT_EVENTS_MAX);
    if (f->override_characters > PREFLIGHT_OVERRIDE_MAX)
        preflight_warn(out,
                       "a task's overrides have %" PRId64 " characters, ECS takes %d: shorten its "
                       "names and keys",
                       f->override_characters, (int)PREFLIGHT_OVERRIDE_MAX);
}

/* What will go on, but otherwise than it may be thought. */
static void warn_times(const struct preflight_facts *f, struct preflight *out)
{
    int64_t seconds = out->start_seconds + f->task_seconds;
    if (preflight_kind(f) == PREFLIGHT_INLINE && f->max_concurrency > PREFLIGHT_MAP_MAX)
        preflight_warn(out, "an inline Map launches at most %d tasks at once, not %" PRId64,
                       (int)PREFLIGHT_MAP_MAX, f->max_concurrency);
    if (f->task_seconds > f->task_timeout_seconds)
        preflight_warn(
            out, "tasks that take %" PRId64 " s would fail at taskTimeoutSeconds (%" PRId64 ")",
            f->task_seconds, f->task_timeout_seconds);
    if (seconds > f->run_timeout_seconds)
        preflight_warn(out,
                       "starting and doing the tasks takes %" PRId64 " s, the run would fail at "
                       "runTimeoutSeconds (%" PRId64 ")",
                       seconds, f->run_timeout_seconds);
}

void preflight_compute(const struct preflight_facts *f, struct preflight *out)
{
    const struct shape *shape = &shapes[preflight_kind(f)];
    *out = (struct preflight){.start_seconds = seconds_to_start(f->tasks),
                              .events_fixed = shape->events,
                              .events_per_task = shape->events_per_task,
                              .events_per_poll = shape->events_per_poll,
                              .events_per_child = shape->events_per_child};
    out->children = shape->events_per_child ? f->tasks : 0;
    out->polls = count_polls(f, out->start_seconds + f->task_seconds);
    out->events =
        out->events_fixed + out->events_per_task * f->tasks + out->events_per_poll * out->polls;
    out->transitions =
        shape->states + shape->states_per_task * f->tasks + shape->states_per_poll * out->polls;
    estimate_cost(f, out);
    warn_ceilings(f, out);
    warn_times(f, out);
}
