/* The last part of a run's life: settle, stop what is left, close. */
#include "server/control/ending.h"
#include "server/control/follow_private.h"

#include <stdio.h>
#include <string.h>

/* An execution can succeed before the last audit rows can be read (reads are eventually
 * consistent): so many more passes are made, after 250 ms, 500 ms ... */
enum { SETTLE_MAX = 4 };
#define SETTLE_WAIT (250 * CLOCK_MS)
#define STORE_RETRY (2 * CLOCK_SECOND)
#define LONG_GONE (24 * INT64_C(3600) * CLOCK_SECOND)
/* Tasks that are left behind cost money: while AWS lets them not be listed or stopped it is tried
 * again, after 1 s, 2 s ... 64 s. */
enum { SWEEPS_MAX = 7 };

static const char stop_cancelled[] = "Stepfleet: the run was cancelled";
static const char stop_ended[] = "Stepfleet: the run's execution has ended";
/* 255 characters of up to four bytes. */
enum { CANCEL_REASON_MAX = 1024 };

/* What is known of a run at its end, and the room for a text of it. */
struct gathered {
    struct ending_facts facts;
    char cancel_reason[CANCEL_REASON_MAX];
};

static void read_counts(void *ctx, const struct store_run *run)
{
    struct gathered *g = ctx;
    struct ending_facts *facts = &g->facts;
    facts->tasks[AUDIT_SUBMITTED] = run->submitted_tasks;
    facts->tasks[AUDIT_RUNNING] = run->running_tasks;
    facts->tasks[AUDIT_COMPLETED] = run->completed_tasks;
    facts->tasks[AUDIT_FAILED] = run->failed_tasks;
    facts->tasks[AUDIT_CANCELLED] = run->cancelled_tasks;
    facts->cancelled = run->cancel_at != 0;
    facts->found_ended = run->found_ended;
    if (!run->cancel_reason)
        return;
    (void)snprintf(g->cancel_reason, sizeof g->cancel_reason, "%s", run->cancel_reason);
    facts->cancel_reason = g->cancel_reason;
}

/* The counts come from the store, which has merged all attempts. */
static int gather(struct follows *f, const struct follow *run, struct gathered *g,
                  struct error *err)
{
    const struct watch_end *end = watch_ended(run->watch);
    struct ending_facts *facts = &g->facts;
    *facts = (struct ending_facts){.execution_status = end->status,
                                   .error = end->error,
                                   .cause = end->cause,
                                   .mirror_problem = "the run's input names no audit tables",
                                   .tolerated = run->tolerated};
    if (run->mirror) {
        const struct mirror_end *mirrored = mirror_finished(run->mirror);
        facts->summary_reason = mirrored->reason;
        facts->mirror_problem = mirrored->problem;
    }
    if (run->cancel)
        facts->verdict = cancel_verdict(run->cancel);
    return store_run_get(f->loop->store, run->id, read_counts, g, err);
}

/* Waits with the run when the store fails; it is asked again. */
static void store_failed(struct follows *f, struct follow *run, int64_t now,
                         const struct error *err)
{
    run->not_before = now + STORE_RETRY;
    log_error(f->loop->log, "a run cannot be closed yet", LOG_INT("run_id", run->id),
              LOG_STR("error", err->message));
}

/* Rows and tasks of a stopped execution. Without memory for it, it is tried again. */
static void cancel_rest(struct follows *f, struct follow *run, const struct ending_facts *facts,
                        int64_t now)
{
    struct ending ending;
    char why[CANCEL_REASON_MAX + sizeof stop_cancelled];
    struct error err = {0};
    ending_decide(facts, &ending);
    (void)snprintf(why, sizeof why, "%s%s%s", stop_cancelled, facts->cancel_reason ? ": " : "",
                   facts->cancel_reason ? facts->cancel_reason : "");
    run->cancel =
        cancel_begin(&(struct cancel_options){.loop = f->loop,
                                              .run_id = run->id,
                                              .mirror = run->mirror,
                                              .cluster = run->cluster,
                                              .reason = ending.reason,
                                              .stop_why = facts->cancelled ? why : stop_ended,
                                              .describes = &f->describes,
                                              .stopped_at = watch_ended(run->watch)->stopped_at},
                     &err);
    if (run->cancel)
        run->state = FOLLOW_CANCELLING;
    else
        store_failed(f, run, now, &err);
}

/* A run that was found long after it was stopped, and none of its rows is left: none are made up.
 */
static bool is_long_gone(const struct follows *f, const struct follow *run,
                         const struct ending_facts *facts)
{
    int64_t stopped_at = watch_ended(run->watch)->stopped_at;
    int64_t rows = 0;
    for (int i = 0; i < AUDIT_STATUS_COUNT; i++)
        rows += i == AUDIT_SUBMITTED ? 0 : facts->tasks[i];
    return facts->found_ended && rows == 0 && stopped_at > 0 &&
           clock_wall(f->loop->clock) - stopped_at > LONG_GONE;
}

/* The pass that was asked for is in the store: late rows, tasks left behind, or ready to close. */
static void settle(struct follows *f, struct follow *run, int64_t now)
{
    struct gathered g;
    struct error err = {0};
    if (gather(f, run, &g, &err)) {
        store_failed(f, run, now, &err);
        return;
    }
    if (ending_unsettled(&g.facts) && run->settled < SETTLE_MAX) {
        mirror_finish(run->mirror, now + (SETTLE_WAIT << run->settled));
        run->settled++;
        return;
    }
    bool aborted = strcmp(g.facts.execution_status, "ABORTED") == 0;
    if (aborted && !g.facts.mirror_problem && !is_long_gone(f, run, &g.facts)) {
        cancel_rest(f, run, &g.facts, now);
        return;
    }
    bool left_behind = run->cluster && ending_left_tasks(&g.facts);
    run->state = left_behind ? FOLLOW_STOPPING : FOLLOW_CLOSING;
}

/* ListTasks and StopTask, once more when there may be tasks that were not told. */
static int64_t stop_rest(struct follows *f, struct follow *run, int64_t now)
{
    struct error err = {0};
    if (!run->stop)
        run->stop = stop_begin(f->loop, run->id, run->cluster,
                               run->cancelled ? stop_cancelled : stop_ended, &err);
    if (!run->stop) {
        store_failed(f, run, now, &err);
        return run->not_before;
    }
    int64_t next = stop_step(run->stop);
    if (!stop_done(run->stop))
        return next;
    run->told = run->told || stop_told(run->stop) > 0;
    run->blind = stop_blind(run->stop);
    bool again = stop_uncertain(run->stop) && run->sweeps < SWEEPS_MAX;
    run->stop = stop_free(run->stop);
    if (again) {
        run->not_before = now + (CLOCK_SECOND << run->sweeps++);
        return run->not_before;
    }
    run->settled = 0;
    run->state = run->mirror && (run->told || !run->blind) ? FOLLOW_STOPPED : FOLLOW_CLOSING;
    return LOOP_NEVER;
}

/* Tasks that end at once have said so before ECS needs to be asked about them; without having been
 * told here they may have been before a restart. */
static int64_t linger(struct follows *f, struct follow *run, int64_t now)
{
    struct error err = {0};
    if (run->blind || (run->told && run->settled < 2))
        return LOOP_NEVER;
    if (!run->linger)
        run->linger = linger_begin(f->loop, run->id, run->cluster, &f->describes, &err);
    if (!run->linger) {
        store_failed(f, run, now, &err);
        return run->not_before;
    }
    int64_t next = linger_step(run->linger);
    run->blind = linger_blind(run->linger);
    return next;
}

/* What is to be read was read: behind the end of the last task, or, where ECS does not tell of
 * that, some seconds after they were told to stop. */
static bool heard_out(const struct follow *run)
{
    return run->blind ? !run->told || run->settled == SETTLE_MAX : run->read_after;
}

/* Passes soon after the tasks were told to stop, then one whenever some have ended. */
static void read_again(struct follow *run, int64_t now)
{
    size_t left = run->linger ? linger_left(run->linger) : run->left;
    if (run->linger && !run->blind && linger_done(run->linger)) {
        run->read_after = true;
        mirror_finish(run->mirror, now);
    } else if (run->told && run->settled < SETTLE_MAX) {
        mirror_finish(run->mirror, now + (SETTLE_WAIT << run->settled++));
    } else if (left != run->left) {
        mirror_finish(run->mirror, now);
    }
    run->left = left;
}

/* A task that is told to stop writes how it ended: that is the truth about it. */
static void settle_stopped(struct follows *f, struct follow *run, int64_t now)
{
    struct gathered g;
    struct error err = {0};
    if (gather(f, run, &g, &err)) {
        store_failed(f, run, now, &err);
        return;
    }
    if (g.facts.mirror_problem || ending_open_tasks(&g.facts) == 0)
        run->state = FOLLOW_CLOSING;
    else if (heard_out(run))
        run->state = run->blind || !ending_mute_rows(&g.facts) ? FOLLOW_CLOSING : FOLLOW_MARKING;
    else
        read_again(run, now);
}

/* The rows say then what the run will, and a task that speaks after all is refused. */
static int64_t mark_rest(struct follows *f, struct follow *run, int64_t now)
{
    struct error err = {0};
    struct mirror_tables tables;
    mirror_tables(run->mirror, &tables);
    if (!run->mark)
        run->mark = mark_begin(&(struct mark_options){.loop = f->loop,
                                                      .run_id = run->id,
                                                      .details = &tables.details,
                                                      .status = AUDIT_FAILED,
                                                      .stop_code = "RunFailed",
                                                      .why = ENDING_NO_FINAL_ROW},
                               &err);
    if (!run->mark) {
        store_failed(f, run, now, &err);
        return run->not_before;
    }
    int64_t next = mark_step(run->mark);
    if (!mark_done(run->mark))
        return next;
    mirror_finish(run->mirror, now);
    run->state = FOLLOW_MARKED;
    return LOOP_NEVER;
}

/* Facts are gathered anew: stopping tasks took time, and the mirror's counts are the store's. */
static void close_run(struct follows *f, struct follow *run, int64_t now)
{
    struct gathered g;
    struct ending ending;
    struct error err = {0};
    if (gather(f, run, &g, &err)) {
        store_failed(f, run, now, &err);
        return;
    }
    ending_decide(&g.facts, &ending);
    /* A conflict: it is final already, and stays what it is. */
    if (store_run_close(f->loop->store, run->id, &ending.close, &err) && err.code != ERR_CONFLICT) {
        store_failed(f, run, now, &err);
        return;
    }
    log_info(f->loop->log, "run ended", LOG_INT("run_id", run->id),
             LOG_STR("status", audit_status_name(ending.close.status)),
             LOG_STR("reason", ending.reason));
    run->closed = true;
}

/* Falls through the states as far as it can go in one turn. */
int64_t follow_step(struct follows *f, struct follow *run, int64_t now)
{
    if (now < run->not_before)
        return run->not_before;
    if (run->state == FOLLOW_RUNNING && watch_ended(run->watch)) {
        run->state = FOLLOW_SETTLING;
        if (run->mirror)
            mirror_finish(run->mirror, now);
    }
    if (run->state == FOLLOW_SETTLING && (!run->mirror || mirror_finished(run->mirror)))
        settle(f, run, now);
    int64_t next = LOOP_NEVER;
    if (run->state == FOLLOW_STOPPING)
        next = stop_rest(f, run, now);
    if (run->state == FOLLOW_STOPPED && mirror_finished(run->mirror))
        settle_stopped(f, run, now);
    if (run->state == FOLLOW_STOPPED)
        next = linger(f, run, now);
    if (run->state == FOLLOW_MARKING)
        next = mark_rest(f, run, now);
    if (run->state == FOLLOW_MARKED && mirror_finished(run->mirror))
        run->state = FOLLOW_CLOSING;
    if (run->state == FOLLOW_CANCELLING) {
        next = cancel_step(run->cancel);
        if (cancel_done(run->cancel))
            run->state = FOLLOW_CLOSING;
    }
    if (run->state == FOLLOW_CLOSING && now >= run->not_before && linger_idle(run->linger))
        close_run(f, run, now);
    return run->not_before > now ? run->not_before : next;
}
