/* When a cancelling has swept enough: what a sweep without tasks to stop is worth depends on
 * whether a launcher may be at work. */
#include "server/control/cancel_private.h"

/* Quiet sweeps that are believed, 250 ms, 500 ms ... apart: about eight seconds, in which a task
 * that was told to stop says so in its row. */
enum { QUIET_MAX = 5 };
/* A launcher lives for 15 minutes at most. */
#define SWEEP_MAX (INT64_C(16) * 60 * CLOCK_SECOND)
/* How long a launcher may be at work and start nothing. One that looks at the summary row before
 * each round hangs in the calls it had sent, 2 tries of 10 s; one of an older release pauses for up
 * to 20 s before that. */
#define LAUNCHER_SILENCE (50 * CLOCK_SECOND)
/* The only pattern with a launcher; in the other one the state machine itself starts tasks. */
enum { LAUNCHER_PATTERN = 1, PAGE = 100 };

void cancel_read_look(void *ctx, const struct store_run *run)
{
    struct cancel_look *look = ctx;
    look->open = run->submitted_tasks + run->running_tasks;
    look->launcher = run->pattern == LAUNCHER_PATTERN && run->submitted_tasks > 0;
}

/* AWS that does not answer does not say that there are no tasks. */
void cancel_judge_sweep(struct cancel *c)
{
    bool uncertain = stop_uncertain(c->stop);
    c->doubts = uncertain ? c->doubts + 1 : 0;
    if (!uncertain && stop_told(c->stop) == 0) {
        c->quiet++;
        return;
    }
    c->quiet = 0;
    c->quiet_since = loop_now(c->loop);
    c->wary = false;
}

/* Longer and longer while nothing is stopped. */
int64_t cancel_pause(const struct cancel *c)
{
    int waits = c->quiet > c->doubts ? c->quiet : c->doubts;
    if (waits > QUIET_MAX)
        waits = QUIET_MAX;
    return CANCEL_WAIT << (waits > 0 ? waits - 1 : 0);
}

/* Nothing can be started any more, or cancelling has taken too long already. */
bool cancel_beyond_doubt(const struct cancel *c)
{
    return c->barred || loop_now(c->loop) - c->began > SWEEP_MAX;
}

bool cancel_quiet(const struct cancel *c)
{
    if (c->wary)
        return loop_now(c->loop) - c->quiet_since > LAUNCHER_SILENCE;
    return c->quiet >= QUIET_MAX;
}

struct search {
    const struct census *census;
    int64_t after;
    bool unknown; /* ECS knows nothing of a task that has no row */
};

static void search_task(void *ctx, const struct store_task *task)
{
    struct search *search = ctx;
    search->after = task->seq;
    search->unknown = search->unknown || !census_id(search->census, task->name);
}

/* May a launcher, silent so far, still start a task? Told of what the census does not know. */
int cancel_any_unknown(const struct cancel *c, bool *unknown, struct error *err)
{
    struct store *store = c->loop->store;
    struct search search = {.census = linger_census(c->linger), .after = -1};
    struct cancel_look now = {0};
    if (store_run_get(store, c->run_id, cancel_read_look, &now, err))
        return -1;
    for (bool more = now.launcher; more && !search.unknown;)
        if (store_task_list(store, c->run_id, AUDIT_SUBMITTED, search.after, PAGE, search_task,
                            &search, &more, err))
            return -1;
    *unknown = search.unknown;
    return 0;
}
