/* One look and what follows from it. Everything the next look needs travels in the answer; nothing
 * stays in the process, because Lambda may run the next one anywhere. */
#include "lib/json/json_read.h"
#include "lib/manifest/manifest.h"
#include "workers/monitor/actions.h"
#include "workers/monitor/causes.h"
#include "workers/monitor/look.h"
#include "workers/monitor/monitor.h"
#include "workers/monitor/summary.h"

#include <stdio.h>
#include <string.h>

#define RUN_TIMEOUT "RunTimeout" /* stop code of rows that are failed for it */

enum {
    HISTORY_EVENTS = 24000, /* of 25,000; the rest is for what surrounds the loop */
    EVENTS_PER_TASK = 16,   /* of an inline Map; a Distributed Map has a history for each task */
    EVENTS_PER_POLL = 12,   /* nine, and three for a retry of the function */
    LATE_MAX = 128,
    CAUSE_MAX = 8192, /* more than causes_text ever needs; Step Functions takes 32,768 */
};

/* What a look leads to. */
struct outcome {
    enum audit_status status;
    const char *error; /* for the Fail state */
    struct buf cause;
};

/* How many looks the history holds beside the launches: who launched knows, else it is guessed. */
static int64_t polls_of(const struct run *run)
{
    int64_t inline_tasks = run->number_of_tasks <= MANIFEST_INLINE_TASKS ? run->number_of_tasks : 0;
    int64_t before = run->history_events > 0 ? run->history_events : EVENTS_PER_TASK * inline_tasks;
    return (HISTORY_EVENTS - before) / EVENTS_PER_POLL;
}

/* 1, 2, 3, 5, 8 ... seconds up to the interval. Each look costs some events of the execution's
 * 25,000; past half of the looks that fit, the rest is spread over the time that is left. */
int64_t monitor_next_wait(const struct run *run, int64_t now)
{
    int64_t wait = run->wait_seconds > 0 ? run->wait_seconds + (run->wait_seconds + 1) / 2 : 1;
    if (wait > run->monitor_interval_seconds)
        wait = run->monitor_interval_seconds;
    int64_t left = (run->start_time - now) / CLOCK_SECOND + run->run_timeout_seconds;
    int64_t polls = polls_of(run);
    /* In the second half of what the history can hold, spread the rest evenly. */
    if (run->poll > polls / 2) {
        int64_t rest = polls - run->poll;
        int64_t even = left / (rest > 1 ? rest : 1) + 1;
        wait = even > wait ? even : wait;
    }
    if (wait > left + 1)
        wait = left + 1;
    return wait > 1 ? wait : 1;
}

/* A look that took long, because there is much to read or the tables throttle, is not followed by
 * the next one at once: at most half of the time is spent looking. */
static int64_t wait_after(const struct run *run, int64_t began, int64_t now)
{
    int64_t wait = monitor_next_wait(run, now);
    int64_t took = (now - began) / CLOCK_SECOND;
    return took > wait ? took : wait;
}

/* A run without a known start never is; the state machine's own timeout ends it then. */
static bool is_over_time(const struct run *run, int64_t now)
{
    return run->start_time > 0 &&
           (now - run->start_time) / CLOCK_SECOND >= run->run_timeout_seconds;
}

/* The numbers travel in the run, so that the next look can tell whether there is news. */
static int count(const struct look *l, struct run *run, struct tally *tally, struct error *err)
{
    if (tally_rows(&l->rows, tally, err) != 0)
        return -1;
    run->completed = tally->completed;
    run->failed = tally->failed;
    run->running = tally->running;
    return 0;
}

/* Whether rows were failed because the run's time was up: by a look that did not live to say so. */
static bool was_abandoned(const struct look *l, const struct tally *tally)
{
    for (size_t i = 0; i < l->rows.count; i++) {
        const struct task_row *row = &l->rows.list[i];
        if (strcmp(row->stop_code, RUN_TIMEOUT) == 0 &&
            tally_standing(tally, row->task_name) == STANDING_FAILED)
            return true;
    }
    return false;
}

static void write_late(const struct run *run, char out[LATE_MAX])
{
    (void)snprintf(out, LATE_MAX, "the run took longer than runTimeoutSeconds (%lld)",
                   (long long)run->run_timeout_seconds);
}

/* A run whose time was up has failed, however many failures it tolerates. */
static void set_late(const struct run *run, struct outcome *out)
{
    char reason[LATE_MAX];
    write_late(run, reason);
    out->status = AUDIT_FAILED;
    out->error = "Stepfleet.RunTimeout";
    buf_addf(&out->cause, "%s: ", reason);
}

/* All tasks have ended: Completed unless more failed than is tolerated. */
static int conclude(const struct look *l, const struct run *run, const struct tally *tally,
                    struct outcome *out, struct error *err)
{
    if (run->completed + run->failed < run->number_of_tasks || run->running > 0)
        return 0;
    out->status = run->failed > run->tolerated_failures ? AUDIT_FAILED : AUDIT_COMPLETED;
    out->error = "Stepfleet.TasksFailed";
    if (run->failed == 0)
        return 0;
    if (was_abandoned(l, tally))
        set_late(run, out);
    return causes_text(&l->rows, tally, run->number_of_tasks, &out->cause, err);
}

/* Time is up: what still runs is stopped. */
static int conclude_late(struct look *l, struct run *run, struct tally *tally, struct outcome *out,
                         struct error *err)
{
    char reason[LATE_MAX];
    write_late(run, reason);
    json_decref(tally->names);
    tally->names = NULL;
    if (look_abandon(l, RUN_TIMEOUT, reason, err) != 0 || count(l, run, tally, err) != 0)
        return -1;
    if (l->settled.left > 0 || run->running > 0)
        return 0; /* the next look goes on with it */
    set_late(run, out);
    return causes_text(&l->rows, tally, run->number_of_tasks, &out->cause, err);
}

/* Rows and ECS compared, counted and concluded from. */
static int look_once(const struct worker *w, struct run *run, struct outcome *out,
                     struct error *err)
{
    struct look l;
    struct tally tally = {0};
    if (look_open(&l, w, run, err) != 0)
        return -1;
    int rc = look_reconcile(&l, err);
    if (rc == 0)
        rc = count(&l, run, &tally, err);
    if (rc == 0)
        rc = conclude(&l, run, &tally, out, err);
    if (rc == 0 && out->status == AUDIT_RUNNING && is_over_time(run, l.now))
        rc = conclude_late(&l, run, &tally, out, err);
    /* A task has just settled its own row: the next look should come soon. */
    if (l.settled.changed > 0)
        run->wait_seconds = 0;
    json_decref(tally.names);
    look_close(&l);
    return rc;
}

/* The summary row may be final already: by an earlier try of this poll, or by somebody who
 * cancelled the run. Its word stands. */
static int publish(const struct worker *w, const struct run *run, const struct run *before,
                   struct outcome *out, struct error *err)
{
    bool news = run->poll == 1 || out->status != AUDIT_RUNNING ||
                run->completed != before->completed || run->failed != before->failed ||
                run->running != before->running;
    enum audit_status status = out->status;
    if (!news)
        return 0;
    if (summary_move(w, run, &status, out->cause.len ? buf_str(&out->cause) : NULL, err) != 0)
        return -1;
    if (status != out->status) {
        out->status = status;
        out->error = "Stepfleet.RunEnded";
        buf_reset(&out->cause);
        buf_addf(&out->cause, "the run was marked %s before its tasks had ended",
                 audit_status_name(status));
    }
    return 0;
}

/* The run, whether to go on, and for the Fail state why not. */
static json_t *write_answer(const struct run *run, const struct outcome *out, struct error *err)
{
    json_t *answer = run_write(run);
    bool go_on = !audit_status_final(out->status);
    int bad = !answer;
    bad = bad || json_object_set_new(answer, "continue", json_boolean(go_on));
    bad = bad || json_object_set_new(answer, "status", json_string(audit_status_name(out->status)));
    if (bad)
        err_set(err, ERR_MEMORY, "out of memory while answering");
    else if (!go_on && out->status != AUDIT_COMPLETED)
        bad = action_set_failure(answer, out->error, buf_str(&out->cause), err);
    if (!bad)
        return answer;
    json_decref(answer);
    return NULL;
}

/* One invocation of the action "monitor". */
static int poll_run(const struct worker *w, struct run *run, json_t **answer, struct error *err)
{
    struct outcome out = {.status = AUDIT_RUNNING, .error = ""};
    const struct run before = *run;
    int64_t now = clock_wall(w->clock);
    buf_init(&out.cause, CAUSE_MAX);
    run->poll++;
    if (run->watched_since == 0)
        run->watched_since = now;
    int rc = look_once(w, run, &out, err);
    if (rc == 0)
        rc = publish(w, run, &before, &out, err);
    if (rc == 0) {
        run->wait_seconds = wait_after(run, now, clock_wall(w->clock));
        log_info(w->log, "looked", LOG_INT("run_id", run->workflow_run_id),
                 LOG_INT("poll", run->poll), LOG_INT("completed", run->completed),
                 LOG_INT("failed", run->failed), LOG_INT("running", run->running),
                 LOG_STR("status", audit_status_name(out.status)),
                 LOG_STR("aws_request_id", w->request_id));
        *answer = write_answer(run, &out, err);
        rc = *answer ? 0 : -1;
    }
    buf_free(&out.cause);
    return rc;
}

/* A bare run is accepted as the event, too: the first look gets what the launcher answered. */
int action_poll(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct run run;
    json_t *inner = json_object_get(event, "run");
    json_t *object = inner ? inner : event;
    if (run_read(object, &run, err) != 0)
        return -1;
    if (run.workflow_run_id == 0 || run.number_of_tasks == 0)
        return err_set(err, ERR_ARGUMENT,
                       "the run in the event has no workflowRunId or "
                       "numberOfTasks");
    return poll_run(w, &run, answer, err);
}
