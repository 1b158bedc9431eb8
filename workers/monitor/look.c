/* One look goes: rows first, then ECS about what the rows leave open. The other way round, a task
 * that ends in between would look dead: ECS says STOPPED before the row that says Completed is
 * read. With rows first the conditional write still protects it, and the next look sees its word.
 */
#include "workers/monitor/look.h"

#include "lib/base/utf8.h"
#include "lib/json/json_read.h"
#include "lib/verdict/verdict.h"
#include "workers/monitor/look_private.h"
#include "workers/monitor/summary.h"

#include <stdio.h>
#include <string.h>

/* All rows are read before anything else (see above). */
int look_open(struct look *l, const struct worker *w, const struct run *run, struct error *err)
{
    *l = (struct look){.w = w, .run = run, .now = clock_wall(w->clock)};
    if (ecs_view_open(&l->ecs, err) != 0)
        return -1;
    int rc = task_rows_read(&l->rows, w, run, err);
    if (rc != 0)
        look_close(l);
    return rc;
}

void look_close(struct look *l)
{
    task_rows_free(&l->rows);
    ecs_view_close(&l->ecs);
}

/* --- verdicts --------------------------------------------------------------------------------- */

/* Notes what a verdict says is to be done; `record` may be NULL. */
static int note(const struct verdict *v, const struct ecs_task *record, bool has_row,
                const char *task_id, const char *task_name, struct settlements *s,
                struct error *err)
{
    struct settlement *one = settlements_add(s, task_id, task_name, err);
    if (!one)
        return -1;
    one->row = has_row ? SETTLE_FINISH : SETTLE_PUT;
    one->stop = v->action == VERDICT_STOP;
    one->exit_code = v->exit_code;
    settlement_say(one, v->stop_code, v->reason);
    if (record) {
        one->created_at = record->created_at;
        one->pull_started_at = record->pull_started_at;
        one->pull_stopped_at = record->pull_stopped_at;
        one->started_at = record->started_at;
    }
    return 0;
}

/* Weighs one task and notes what is to be done. `row` or `record` may be NULL. */
static int judge(const struct look *l, const struct task_row *row, json_t *record,
                 const char *task_id, const char *task_name, struct settlements *s,
                 struct error *err)
{
    struct ecs_task task;
    struct verdict v;
    if (record && ecs_task_read(record, &task, err) != 0)
        return -1;
    const struct audit_detail known = {
        .status = row ? row->status : AUDIT_SUBMITTED,
        .start_time = row ? row->start_time : 0,
        .exit_code = row ? row->exit_code : -1,
    };
    const struct verdict_evidence e = {
        .row = row ? &known : NULL,
        .record = record ? &task : NULL,
        .now = l->now,
        .watched_since = l->run->watched_since,
        .task_timeout_seconds = l->run->task_timeout_seconds,
    };
    verdict_judge(&e, &v);
    if (v.action == VERDICT_LEAVE)
        return 0;
    return note(&v, record ? &task : NULL, row != NULL, task_id, task_name, s, err);
}

/* Rows that are final need no verdict. */
static int judge_rows(const struct look *l, struct settlements *s, struct error *err)
{
    for (size_t i = 0; i < l->rows.count; i++) {
        const struct task_row *row = &l->rows.list[i];
        if (audit_status_final(row->status))
            continue;
        if (judge(l, row, ecs_view_find(&l->ecs, row->task_id), row->task_id, row->task_name, s,
                  err) != 0)
            return -1;
    }
    return 0;
}

/* Tasks that ECS knows and that left no row. */
static int judge_records(const struct look *l, struct settlements *s, struct error *err)
{
    const char *id;
    json_t *record;
    json_object_foreach (l->ecs.records, id, record) {
        if (task_rows_find(&l->rows, id))
            continue;
        const char *name = ecs_view_task_name(record);
        if (judge(l, NULL, record, id, name ? name : id, s, err) != 0)
            return -1;
    }
    return 0;
}

/* The names of all tasks that have a row or a record at ECS: a new object, name -> anything. */
static json_t *traced_names(const struct look *l, const struct tally *tally, struct error *err)
{
    json_t *names = json_copy(tally->names), *record;
    const char *id;
    int bad = !names;
    json_object_foreach (l->ecs.records, id, record) {
        const char *name = ecs_view_task_name(record);
        if (!bad && name)
            bad = json_object_set_new(names, name, json_true());
    }
    if (!bad)
        return names;
    json_decref(names);
    err_set(err, ERR_MEMORY, "out of memory for task names");
    return NULL;
}

/* A row for a task that has no id at ECS that we know of. */
static int add_stand_in(const struct look *l, const char *name, const char *stop_code,
                        const char *reason, struct settlements *s, struct error *err)
{
    char id[RUN_TASK_ID_MAX];
    if (run_stand_in_id("lost", l->run->workflow_run_id, name, id, err) != 0)
        return -1;
    struct settlement *one = settlements_add(s, id, name, err);
    if (!one)
        return -1;
    settlement_say(one, stop_code, reason);
    return 0;
}

/* The names of the run's tasks: a new array, NULL on failure. A manifest that is gone or was
 * changed must not keep a run from being closed: what can be found out without it is. */
static json_t *spec_names(const struct look *l, struct error *err)
{
    struct error why = {0};
    json_t *names = summary_task_names(l->w, l->run, &why);
    bool gone = why.code == ERR_SPEC_INVALID || why.code == ERR_LIMIT || why.http_status == 403 ||
                why.http_status == 404;
    if (!names && l->closing && gone) {
        log_warn(l->w->log, "the run is closed without the names of its tasks",
                 LOG_INT("run_id", l->run->workflow_run_id), LOG_STR("error", why.message),
                 LOG_STR("aws_request_id", l->w->request_id));
        names = json_array();
    }
    if (!names && err)
        *err = why;
    return names;
}

/* Tasks of the spec without a trace get a stand-in row with this code and reason. */
static int add_untraced(const struct look *l, const struct tally *tally, const char *stop_code,
                        const char *reason, struct settlements *s, struct error *err)
{
    json_t *traced = traced_names(l, tally, err), *name;
    json_t *names = traced ? spec_names(l, err) : NULL;
    size_t i;
    int rc = names ? 0 : -1;
    json_array_foreach (names, i, name) {
        const char *text = json_string_value(name);
        if (rc == 0 && !json_object_get(traced, text))
            rc = add_stand_in(l, text, stop_code, reason, s, err);
    }
    json_decref(names);
    json_decref(traced);
    return rc;
}

/* Names of the spec that nobody knows anything of, once the grace period is over. */
static int judge_untraced(const struct look *l, const struct tally *tally, struct settlements *s,
                          struct error *err)
{
    struct verdict v;
    const struct verdict_evidence e = {.now = l->now, .watched_since = l->run->watched_since};
    verdict_judge(&e, &v);
    if (v.action == VERDICT_LEAVE)
        return 0;
    return add_untraced(l, tally, v.stop_code, v.reason, s, err);
}

static bool grace_is_over(const struct look *l)
{
    return l->now - l->run->watched_since >= VERDICT_GRACE_SECONDS * CLOCK_SECOND;
}

/* A task without a row can be running for too long already, if that is shorter than the grace. */
static bool some_may_be_late(const struct look *l)
{
    return l->run->start_time > 0 && l->run->task_timeout_seconds > 0 &&
           (l->now - l->run->start_time) / CLOCK_SECOND >= l->run->task_timeout_seconds;
}

/* The tasks that have no row, as far as this look has to know them. The running ones are listed
 * only when one of them may be late. */
static enum look_listing choose_listing(const struct look *l, const struct tally *tally)
{
    bool some_missing = (int64_t)json_object_size(tally->names) < l->run->number_of_tasks;
    if (!some_missing || !look_lists(l, tally))
        return LOOK_LIST_NONE;
    return grace_is_over(l) || some_may_be_late(l) ? LOOK_LIST_ALL : LOOK_LIST_STOPPED;
}

/* What rows and records lead to. Tasks without a trace are lost only if all were listed. */
static int judge_all(const struct look *l, const struct tally *tally, enum look_listing listing,
                     struct settlements *s, struct error *err)
{
    if (judge_rows(l, s, err) != 0 || judge_records(l, s, err) != 0 ||
        look_judge_again(l, s, err) != 0)
        return -1;
    return listing == LOOK_LIST_ALL ? judge_untraced(l, tally, s, err) : 0;
}

/* ECS is asked only where rows leave something open: a quiet look costs one Query. */
int look_reconcile(struct look *l, struct error *err)
{
    struct settlements s = {0};
    struct tally tally;
    if (tally_rows(&l->rows, &tally, err) != 0)
        return -1;
    enum look_listing listing = choose_listing(l, &tally);
    int rc = 0;
    if (tally.running > 0 || listing != LOOK_LIST_NONE || look_wants_any_again(l))
        rc = look_ask(l, listing, err);
    if (rc == 0)
        rc = judge_all(l, &tally, listing, &s, err);
    if (rc == 0)
        rc = settle(&s, l->w, l->run, &l->rows, &l->settled, err);
    json_decref(tally.names);
    settlements_free(&s);
    return rc;
}

/* --- abandoning ------------------------------------------------------------------------------- */

/* Notes that a task is to be failed, and stopped if ECS says that it has not ended. */
static int doom(const struct look *l, const char *task_id, const char *task_name, bool has_row,
                const char *stop_code, const char *reason, struct settlements *s, struct error *err)
{
    struct settlement *one = settlements_add(s, task_id, task_name, err);
    if (!one)
        return -1;
    const json_t *record = ecs_view_find(&l->ecs, task_id);
    one->row = has_row ? SETTLE_FINISH : SETTLE_PUT;
    one->stop = record && strcmp(json_str(record, "lastStatus", ""), "STOPPED") != 0;
    settlement_say(one, stop_code, reason);
    return 0;
}

/* Everything that is not final: rows, and tasks of ECS that have none. */
static int doom_all(const struct look *l, const char *stop_code, const char *reason,
                    struct settlements *s, struct error *err)
{
    for (size_t i = 0; i < l->rows.count; i++) {
        const struct task_row *row = &l->rows.list[i];
        if (!audit_status_final(row->status) &&
            doom(l, row->task_id, row->task_name, true, stop_code, reason, s, err) != 0)
            return -1;
    }
    const char *id;
    json_t *record;
    json_object_foreach (l->ecs.records, id, record) {
        const char *name = ecs_view_task_name(record);
        if (!task_rows_find(&l->rows, id) &&
            doom(l, id, name ? name : id, false, stop_code, reason, s, err) != 0)
            return -1;
    }
    return 0;
}

/* Some tasks had their own final word while they were being failed: read what it was. */
static int reread(struct look *l, struct error *err)
{
    task_rows_free(&l->rows);
    return task_rows_read(&l->rows, l->w, l->run, err);
}

/* What ECS says to have ended keeps its own reason, also when the run's time is up. */
static int settle_ended(struct look *l, struct error *err)
{
    struct settlements s = {0};
    int rc = judge_rows(l, &s, err);
    if (rc == 0)
        rc = judge_records(l, &s, err);
    if (rc == 0)
        rc = look_judge_again(l, &s, err);
    if (rc == 0)
        rc = settle(&s, l->w, l->run, &l->rows, &l->settled, err);
    settlements_free(&s);
    return rc;
}

/* Of a task without a trace nobody can say that it was stopped. */
static int doom_untraced(const struct look *l, const struct tally *tally, const char *stop_code,
                         const char *reason, struct settlements *s, struct error *err)
{
    enum { REASON_SHOWN = 400 };
    char text[sizeof s->list->reason];
    (void)snprintf(text, sizeof text, "%.*s; there is no trace that this task was started",
                   (int)utf8_fit(reason, REASON_SHOWN), reason);
    return add_untraced(l, tally, stop_code, text, s, err);
}

/* The rest is failed and stopped. */
static int settle_rest(struct look *l, const char *stop_code, const char *reason, struct error *err)
{
    struct settlements s = {0};
    struct tally tally;
    size_t changed = l->settled.changed;
    if (tally_rows(&l->rows, &tally, err) != 0)
        return -1;
    int rc = doom_all(l, stop_code, reason, &s, err);
    if (rc == 0)
        rc = doom_untraced(l, &tally, stop_code, reason, &s, err);
    if (rc == 0)
        rc = settle(&s, l->w, l->run, &l->rows, &l->settled, err);
    l->settled.changed += changed;
    json_decref(tally.names);
    settlements_free(&s);
    return rc;
}

/* ECS is asked about everything first: what has ended there need not be stopped. */
int look_abandon(struct look *l, const char *stop_code, const char *reason, struct error *err)
{
    l->closing = true;
    int rc = look_ask(l, LOOK_LIST_ALL, err);
    if (rc == 0)
        rc = settle_ended(l, err);
    if (rc == 0 && l->settled.left == 0)
        rc = settle_rest(l, stop_code, reason, err);
    return rc == 0 && l->settled.changed > 0 ? reread(l, err) : rc;
}
