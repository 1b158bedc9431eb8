#include "server/control/control.h"

#include "server/control/follow.h"
#include "server/control/retain.h"
#include "server/describe/describe.h"
#include "server/discover/discover.h"
#include "server/submit/submit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The loop turns at least this often, which /readyz can see. */
#define TURN_MAX (5 * CLOCK_SECOND)
/* How long what is in flight may take when the loop is to end. */
#define STOP_MAX (3 * CLOCK_SECOND)
/* After a poll that failed, so that the loop cannot spin. */
#define POLL_RETRY (100 * CLOCK_MS)

/* Rooms and what they share; `woken` and `stopping` are all that other threads touch. */
struct control {
    struct loop loop;
    struct submit *submit;
    struct watch *watch;
    struct mirror *mirror;
    struct describe *describe;
    struct follows *follows;
    struct discover *discover; /* NULL: not wanted */
    struct retain retain;
    pthread_t thread;
    atomic_bool woken;
    atomic_bool stopping;
};

/* From the submitter: the new run is active now. */
static void run_started(void *ctx)
{
    struct control *c = ctx;
    follows_wake(c->follows);
}

/* From the mirror. */
static void rows_moved(void *ctx, int64_t run_id)
{
    struct control *c = ctx;
    follows_moved(c->follows, run_id);
    describe_moved(c->describe, run_id);
}

static void note_health(const struct control *c, int64_t now)
{
    if (!c->loop.health)
        return;
    int64_t behind = mirror_behind_since(c->mirror);
    if (c->discover)
        behind = loop_earlier(behind, discover_behind_since(c->discover));
    atomic_store(&c->loop.health->behind_since, behind < now ? behind : 0);
    atomic_store(&c->loop.health->loop_at, now);
}

/* Sends all that is due; the time by which some room wants to be called again. Runs move on before
 * their watchers and mirrors do, so that a last pass that is wanted now is sent now. */
static int64_t turn(struct control *c)
{
    int64_t now = loop_now(&c->loop);
    int64_t next = now + TURN_MAX;
    if (atomic_exchange(&c->woken, false)) {
        submit_wake(c->submit);
        follows_wake(c->follows);
    }
    next = loop_earlier(next, submit_step(c->submit));
    next = loop_earlier(next, follows_step(c->follows));
    next = loop_earlier(next, watch_step(c->watch));
    next = loop_earlier(next, mirror_step(c->mirror));
    next = loop_earlier(next, describe_step(c->describe));
    if (c->discover)
        next = loop_earlier(next, discover_step(c->discover));
    next = loop_earlier(next, retain_step(&c->retain, &c->loop));
    note_health(c, now);
    return next;
}

/* Rounded up, so that what is waited for is due when we wake. */
static int wait_ms(int64_t until, int64_t now)
{
    return until <= now ? 0 : (int)((until - now + CLOCK_MS - 1) / CLOCK_MS);
}

/* Waits for answers till `until`; the number of calls in flight. */
static int wait_for(struct control *c, int64_t until)
{
    struct error err = {0};
    int in_flight = aws_poll(c->loop.aws, wait_ms(until, loop_now(&c->loop)), &err);
    if (in_flight >= 0)
        return in_flight;
    log_error(c->loop.log, "polling failed", LOG_STR("error", err.message));
    struct timespec pause = {0, POLL_RETRY * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    return 1;
}

/* The thread. After the last turn it waits for calls in flight: a StartExecution that is answered
 * now need not be asked about after the restart. */
static void *run_loop(void *arg)
{
    struct control *c = arg;
    while (!atomic_load(&c->stopping))
        (void)wait_for(c, turn(c));
    int64_t deadline = loop_now(&c->loop) + STOP_MAX;
    int in_flight = wait_for(c, 0);
    while (in_flight > 0 && loop_now(&c->loop) < deadline)
        in_flight = wait_for(c, deadline);
    return NULL;
}

/* The client first: it drops what is in flight, so that no callback finds its room gone. */
static struct control *control_free(struct control *c)
{
    if (!c)
        return NULL;
    aws_free(c->loop.aws);
    discover_free(c->discover);
    follows_free(c->follows);
    describe_free(c->describe);
    mirror_free(c->mirror);
    watch_free(c->watch);
    submit_free(c->submit);
    free(c);
    return NULL;
}

static int make_discover(struct control *c, const struct control_options *o, struct error *err)
{
    struct discover_options options = {.loop = &c->loop,
                                       .interval = o->discover_interval,
                                       .stream_interval = o->stream_interval,
                                       .stream_retry = o->stream_retry,
                                       .age_max = o->retention,
                                       .calls_per_second = o->calls_per_second / 2,
                                       .found = run_started,
                                       .ctx = c};
    if (!o->discover)
        return 0;
    for (int pattern = 1; pattern <= 2; pattern++) {
        options.machine_arn[pattern] = o->machine_arn[pattern];
        options.tables[pattern] = o->summary_table[pattern];
        options.range_keys[pattern] = o->summary_range_key[pattern];
    }
    c->discover = discover_new(&options, err);
    return c->discover ? 0 : -1;
}

/* In the order in which they are needed by one another. */
static int make_rooms(struct control *c, const struct control_options *o, struct error *err)
{
    struct submit_options submit = {
        .loop = &c->loop, .in_flight = o->starts_in_flight, .started = run_started, .ctx = c};
    struct watch_options watch = {
        .loop = &c->loop, .calls_per_second = o->calls_per_second, .list_above = o->list_above};
    struct mirror_options mirror = {.loop = &c->loop,
                                    .interval = o->mirror_interval,
                                    .stream_interval = o->stream_interval,
                                    .stream_retry = o->stream_retry,
                                    .moved = rows_moved,
                                    .ctx = c};
    struct describe_options describe = {.loop = &c->loop,
                                        .calls_per_second = o->calls_per_second / 5};
    for (int pattern = 1; pattern <= 2; pattern++) {
        submit.machine_arn[pattern] = o->machine_arn[pattern];
        watch.machine_arn[pattern] = o->machine_arn[pattern];
        mirror.tables[pattern] = o->details_table[pattern];
    }
    c->submit = submit_new(&submit, err);
    c->watch = c->submit ? watch_new(&watch, err) : NULL;
    c->mirror = c->watch ? mirror_new(&mirror, err) : NULL;
    c->describe = c->mirror ? describe_new(&describe, err) : NULL;
    c->follows = c->describe ? follows_new(&c->loop, c->watch, c->mirror, c->describe,
                                           o->calls_per_second / 5, err)
                             : NULL;
    return c->follows ? make_discover(c, o, err) : -1;
}

/* Everything is made before the thread starts, so that the rooms need no locks. */
struct control *control_start(const struct control_options *o, struct error *err)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(err, ERR_MEMORY, "out of memory for the control loop");
        return NULL;
    }
    c->loop = (struct loop){o->store, NULL, o->clock, o->log, o->health};
    c->retain.age = o->retention;
    atomic_init(&c->woken, false);
    atomic_init(&c->stopping, false);
    c->loop.aws = aws_new(&o->aws, err);
    if (!c->loop.aws || make_rooms(c, o, err))
        return control_free(c);
    if (pthread_create(&c->thread, NULL, run_loop, c) != 0) {
        err_set(err, ERR_SYSTEM, "cannot start the control thread");
        return control_free(c);
    }
    return c;
}

/* The flag first: a wakeup that finds the loop awake must not be lost. */
void control_wake(void *control)
{
    struct control *c = control;
    atomic_store(&c->woken, true);
    aws_wakeup(c->loop.aws);
}

/* No wake may come any more: whoever could call control_wake has ended before. */
struct control *control_stop(struct control *c)
{
    if (!c)
        return NULL;
    atomic_store(&c->stopping, true);
    aws_wakeup(c->loop.aws);
    (void)pthread_join(c->thread, NULL);
    return control_free(c);
}
