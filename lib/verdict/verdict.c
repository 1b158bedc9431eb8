/* In the order of trust: the row's final word, ECS's record, RunTask's refusal, then time. */
#include "lib/verdict/verdict.h"

#include "lib/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SIGNAL_BASE = 128, SIGNAL_MAX = 64, SIDECAR_WORDS_MAX = 200 };

static const char *text_or(const char *text, const char *other)
{
    return text && *text ? text : other;
}

/* Appends to the reason; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void add(struct verdict *v, const char *fmt, ...)
{
    size_t len = strlen(v->reason);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(v->reason + len, sizeof v->reason - len, fmt, args);
    va_end(args);
    utf8_mend(v->reason);
}

static void set_code(struct verdict *v, const char *code)
{
    (void)snprintf(v->stop_code, sizeof v->stop_code, "%s", code);
}

/* --- what ECS recorded ------------------------------------------------------------------------ */

/* ECS's two texts, the container's first: it is the more precise one. */
static void add_ecs_words(const struct ecs_task *record, struct verdict *v)
{
    const char *first = record->container_reason, *second = record->stopped_reason;
    if (!*first || strcmp(first, second) == 0) {
        first = second;
        second = "";
    }
    if (*first)
        add(v, ": %s%s%s%s", first, *second ? " (" : "", second, *second ? ")" : "");
}

/* Why there is no exit code: a machine that was lost leaves none, though the container may have run
 * on it. */
static const char *without_exit_code(const struct verdict_evidence *e)
{
    if (e->record->started_at > 0 || e->row)
        return "the task ended while it ran and left no exit code";
    if (strcmp(e->record->stop_code, "TaskFailedToStart") == 0)
        return "the task's container never ran";
    return "the task ended before its container was seen to run";
}

static bool is_signal(int64_t code)
{
    return code > SIGNAL_BASE && code <= SIGNAL_BASE + SIGNAL_MAX;
}

/* Without an essential sidecar ECS kills the others, so the task's own end is a consequence unless
 * its program ended with an error of its own. */
static bool sidecar_is_to_blame(const struct ecs_task *record)
{
    bool consequence = !record->has_exit_code || is_signal(record->exit_code);
    return record->sidecar.name && consequence && !*record->container_reason &&
           strcmp(record->stop_code, "EssentialContainerExited") == 0;
}

/* "container \"log\" ended with exit code 1 (why)". */
static void add_sidecar(const struct ecs_task *record, struct verdict *v)
{
    add(v, "container \"%.64s\" ended", record->sidecar.name);
    if (record->sidecar.has_exit_code)
        add(v, " with exit code %lld", (long long)record->sidecar.exit_code);
    if (*record->sidecar.reason)
        add(v, " (%.*s)", (int)utf8_fit(record->sidecar.reason, SIDECAR_WORDS_MAX),
            record->sidecar.reason);
}

static void add_exit(const struct verdict_evidence *e, struct verdict *v)
{
    const struct ecs_task *record = e->record;
    long long code = record->exit_code;
    if (!record->has_exit_code)
        add(v, "%s", without_exit_code(e));
    else if (code == 0)
        add(v, "the task ended with exit code 0 but left no final row");
    else if (is_signal(code))
        add(v, "the task was killed by signal %lld (exit code %lld)", code - SIGNAL_BASE, code);
    else
        add(v, "the task ended with exit code %lld", code);
}

/* It has ended, and no final row says how: exit code and ECS's words are the reason. */
static void tell_stopped(const struct verdict_evidence *e, struct verdict *v)
{
    const struct ecs_task *record = e->record;
    v->status = AUDIT_FAILED;
    v->action = VERDICT_SETTLE;
    v->exit_code = record->has_exit_code ? record->exit_code : -1;
    set_code(v, text_or(record->stop_code, "Stopped"));
    bool blamed = sidecar_is_to_blame(record);
    if (blamed) {
        add(v, "the task was ended because its ");
        add_sidecar(record, v);
    } else {
        add_exit(e, v);
    }
    add_ecs_words(record, v);
    if (record->sidecar.name && !blamed) {
        add(v, "; its ");
        add_sidecar(record, v);
    }
}

/* A task counts from its start, or from its creation while it is held back. */
static void judge_record(const struct verdict_evidence *e, struct verdict *v)
{
    const struct ecs_task *record = e->record;
    if (strcmp(record->last_status, "STOPPED") == 0 ||
        strcmp(record->last_status, "DELETED") == 0) {
        tell_stopped(e, v);
        return;
    }
    int64_t since = record->started_at ? record->started_at : record->created_at;
    if (record->started_at > 0)
        v->status = AUDIT_RUNNING;
    if (since <= 0 || e->task_timeout_seconds <= 0 ||
        (e->now - since) / CLOCK_SECOND < e->task_timeout_seconds)
        return;
    v->status = AUDIT_FAILED;
    v->action = VERDICT_STOP;
    set_code(v, "TaskTimeout");
    add(v,
        record->started_at > 0 || e->row
            ? "the task ran longer than taskTimeoutSeconds (%lld)"
            : "the task did not start within taskTimeoutSeconds (%lld)",
        (long long)e->task_timeout_seconds);
}

/* --- no record -------------------------------------------------------------------------------- */

static void judge_refusal(const struct verdict_evidence *e, struct verdict *v)
{
    v->status = AUDIT_FAILED;
    v->action = VERDICT_SETTLE;
    set_code(v, "TaskFailedToStart");
    add(v, "%s", text_or(e->refusal, "ECS started no task and gave no reason"));
}

/* Neither ECS nor a final row: believed to be late for a while, then lost. */
static void judge_missing(const struct verdict_evidence *e, struct verdict *v)
{
    int64_t since = e->row && e->row->start_time > 0 ? e->row->start_time : e->watched_since;
    if (e->now - since < VERDICT_GRACE_SECONDS * CLOCK_SECOND)
        return;
    v->status = AUDIT_FAILED;
    v->action = VERDICT_SETTLE;
    set_code(v, "TaskLost");
    add(v, "%s",
        e->row ? "the task left no final row and ECS does not know it any more"
               : "the task left no row and ECS does not know it");
}

/* --- the whole -------------------------------------------------------------------------------- */

/* What the row says is taken as it is. */
static void repeat_row(const struct audit_detail *row, struct verdict *v)
{
    set_code(v, text_or(row->stop_code, ""));
    add(v, "%s", text_or(row->stopped_reason, ""));
    v->exit_code = row->exit_code;
}

/* What all verdicts have: class, sentence and remedy follow from the rest. */
static void complete(struct verdict *v)
{
    const struct verdict_end end = {v->status, v->stop_code, v->reason, v->exit_code};
    v->reason_class = verdict_classify(&end);
    v->remedy = verdict_remedy(v->reason_class);
    (void)verdict_sentence(&end, v->reason_class, v->sentence);
}

/* A container that ended by itself is the end of the task, which needs no other explanation. */
bool verdict_explain(const struct ecs_task *record, struct verdict *out)
{
    bool ended = strcmp(record->stop_code, "EssentialContainerExited") == 0;
    *out = (struct verdict){.status = AUDIT_CANCELLED, .action = VERDICT_SETTLE, .exit_code = -1};
    if (!*record->stop_code || (ended && !record->sidecar.name))
        return false;
    set_code(out, record->stop_code);
    if (ended) {
        add(out, "the task was ended because its ");
        add_sidecar(record, out);
        add(out, "; %s", AUDIT_FAREWELL);
    } else {
        add(out, "%s: %s", AUDIT_FAREWELL, text_or(record->stopped_reason, record->stop_code));
    }
    complete(out);
    return true;
}

void verdict_judge(const struct verdict_evidence *e, struct verdict *out)
{
    *out = (struct verdict){.status = e->row ? e->row->status : AUDIT_SUBMITTED, .exit_code = -1};
    if (e->row && audit_status_final(e->row->status))
        repeat_row(e->row, out);
    else if (e->record)
        judge_record(e, out);
    else if (e->refusal && !e->row)
        judge_refusal(e, out);
    else
        judge_missing(e, out);
    complete(out);
}
