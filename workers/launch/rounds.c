/* Rounds of RunTask: first the tasks that wait, then those that were not tried yet. Throttling and
 * lost answers are waited for here; for capacity, which may take long, the state machine waits. */
#include "workers/launch/rounds.h"

#include "lib/base/utf8.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    BACKOFF_MAX_MS = 20000,
    STALLS_MAX = 3, /* rounds without capacity before the chunk ends, if so many subnets */
    WAIT_MIN = 15,  /* seconds */
    WAIT_MAX = 120, /* unless the history would not last */
    LAST_SHOWN = 240,
};

/* Tried, and to be tried again; also a refusal whose row was not written in time. */
static bool is_left(const struct target *t)
{
    return t->outcome == WAITING || t->outcome == REFUSED;
}

/* The waiting ones first; new ones only where there is capacity, and as many as fit the cursor
 * whatever becomes of them. */
static void select_round(struct launch *l)
{
    size_t count = l->plan->spec.task_count, starved = 0;
    l->todo_count = 0;
    for (size_t i = 0; i < (size_t)l->cursor->next; i++)
        if (is_left(&l->targets[i])) {
            l->todo[l->todo_count++] = i;
            starved += l->targets[i].kind == REFUSAL_CAPACITY;
        }
    for (size_t i = (size_t)l->cursor->next;
         starved == 0 && i < count && l->todo_count < CURSOR_WAITING_MAX; i++)
        if (l->targets[i].outcome == UNTRIED)
            l->todo[l->todo_count++] = i;
}

/* The cursor's list, and its place: behind the last task that was tried. */
static void move_cursor(struct launch *l)
{
    struct cursor *c = l->cursor;
    size_t count = l->plan->spec.task_count;
    while ((size_t)c->next < count && l->targets[c->next].outcome != UNTRIED)
        c->next++;
    c->waiting_count = 0;
    for (size_t i = 0; i < (size_t)c->next; i++)
        if (is_left(&l->targets[i]) && c->waiting_count < CURSOR_WAITING_MAX)
            c->waiting[c->waiting_count++] = (int64_t)i;
}

/* --- capacity --------------------------------------------------------------------------------- */

/* An outage has lasted as long as anybody waits for it: who waits is refused, and so is at once
 * who is told the same before a task was started again. */
static void give_up_waiting(struct launch *l)
{
    for (size_t i = 0; i < (size_t)l->cursor->next; i++) {
        struct target *t = &l->targets[i];
        if (t->outcome != WAITING || t->kind != REFUSAL_CAPACITY)
            continue;
        char last[REASON_MAX];
        memcpy(last, t->reason, sizeof last);
        t->outcome = REFUSED;
        (void)snprintf(t->reason, sizeof t->reason,
                       "no capacity within STEPFLEET_CAPACITY_SECONDS (%lld): %.*s",
                       (long long)l->options.limits.capacity_seconds,
                       (int)utf8_fit(last, LAST_SHOWN), last);
    }
}

/* Keeps the time since nothing was started for lack of capacity. */
static void note_capacity(struct launch *l)
{
    struct cursor *c = l->cursor;
    int64_t now = clock_wall(l->w->clock);
    if (l->round_launched > 0)
        c->starved_at = 0;
    if (l->round_starved == 0)
        return;
    c->rotation++;
    if (c->starved_at == 0)
        c->starved_at = now;
    if ((now - c->starved_at) / CLOCK_SECOND >= l->options.limits.capacity_seconds)
        give_up_waiting(l);
}

static bool capacity_is_out(const struct launch *l)
{
    size_t most = l->subnet_count < STALLS_MAX ? l->subnet_count : STALLS_MAX;
    return l->cursor->waiting_count > 0 && l->round_starved > 0 && l->stalls >= most;
}

/* --- time ------------------------------------------------------------------------------------- */

int64_t launch_run_seconds_left(const struct launch *l)
{
    const struct run *run = &l->plan->run;
    return (run->start_time - clock_wall(l->w->clock)) / CLOCK_SECOND + run->run_timeout_seconds;
}

/* 15, 30, 60, 120 seconds; in the second half of what the history can hold, the rest of the run's
 * time is spread evenly. */
static int64_t next_wait(const struct launch *l)
{
    const struct cursor *c = l->cursor;
    int64_t wait = c->wait_seconds > 0 ? 2 * c->wait_seconds : WAIT_MIN;
    wait = wait < WAIT_MAX ? wait : WAIT_MAX;
    if (c->chunk > LAUNCH_CHUNKS_MAX / 2) {
        int64_t rest = c->chunk < LAUNCH_CHUNKS_MAX ? LAUNCH_CHUNKS_MAX - c->chunk : 1;
        int64_t even = launch_run_seconds_left(l) / rest + 1;
        wait = even > wait ? even : wait;
    }
    return wait;
}

/* Full jitter: anything between nothing and the doubled pause, but not beyond the deadline. */
static void pause_before_round(const struct launch *l)
{
    int64_t ceiling = l->options.backoff_ms << (l->stalls < 10 ? l->stalls : 9);
    if (ceiling > BACKOFF_MAX_MS)
        ceiling = BACKOFF_MAX_MS;
    int64_t ms = (int64_t)(crypto_random_unit() * (double)ceiling);
    if (ms > launch_ms_left(l))
        ms = launch_ms_left(l);
    (void)poll(NULL, 0, (int)ms);
}

/* StopExecution does not reach a launcher, but the summary row of a run that was cancelled
 * meanwhile does. A row that cannot be read now is no reason to start tasks, nor to fail. */
static int look_at_run(struct launch *l, bool *held, struct error *err)
{
    struct error why = {0};
    *held = plan_check_summary(l->plan, l->w, &why) != 0;
    if (!*held || refusal_of_error(&why) == REFUSAL_DOUBTFUL ||
        refusal_of_error(&why) == REFUSAL_THROTTLED)
        return 0;
    if (err)
        *err = why;
    return -1;
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* One round and what follows from it. */
static int do_round(struct launch *l, struct error *err)
{
    if (launch_round(l, err) != 0)
        return -1;
    move_cursor(l);
    l->stalls = l->round_launched > 0 ? 0 : l->stalls + 1;
    note_capacity(l);
    if (launch_record_refused(l, err) != 0)
        return -1;
    move_cursor(l);
    return 0;
}

/* Whether the next round is this chunk's, and not too late for the run itself. */
static bool may_go_on(const struct launch *l)
{
    return launch_ms_left(l) > 0 && !capacity_is_out(l) && launch_run_seconds_left(l) > 0;
}

/* A first round that waits for nothing needs no look: the row was written or claimed just now. */
static int prepare_round(struct launch *l, bool first, bool *held, struct error *err)
{
    bool pause = l->cursor->waiting_count > 0 || *held;
    *held = false;
    if (first)
        return 0;
    if (pause)
        pause_before_round(l);
    return look_at_run(l, held, err);
}

int launch_rounds(struct launch *l, bool *launching, struct error *err)
{
    struct cursor *c = l->cursor;
    bool held = false, progress = false;
    if (c->chunk >= LAUNCH_CHUNKS_MAX)
        return err_set(err, ERR_LIMIT,
                       "the launch was not done after %d calls of the launcher: use a longer "
                       "timeout for the function or fewer tasks",
                       LAUNCH_CHUNKS_MAX);
    move_cursor(l); /* an earlier try may have done much of it */
    for (bool first = true;; first = false) {
        select_round(l);
        *launching = l->todo_count > 0 && launch_run_seconds_left(l) > 0;
        if (!*launching || !may_go_on(l))
            break;
        if (prepare_round(l, first, &held, err) != 0)
            return -1;
        l->stalls += held;
        if (!held && do_round(l, err) != 0)
            return -1;
        progress |= l->round_launched > 0;
    }
    c->chunk++;
    if (progress)
        c->wait_seconds = 0;
    c->wait_seconds = capacity_is_out(l) || !progress ? next_wait(l) : 0;
    return 0;
}
