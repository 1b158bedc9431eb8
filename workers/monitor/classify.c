/* Why exit code 0 without a final row is a failure: our task writes its row before it exits with
 * 0, so the code alone proves nothing about the copy. */
#include "workers/monitor/classify.h"

#include <stdio.h>
#include <string.h>

enum { SIGNAL_BASE = 128, SIGNAL_MAX = 64 };

/* ECS's two texts, the container's first: it is the more precise one. */
static void add_ecs_words(const struct ecs_task *record, char *out, size_t size)
{
    const char *first = record->container_reason, *second = record->stopped_reason;
    if (!*first || strcmp(first, second) == 0) {
        first = second;
        second = "";
    }
    size_t len = strlen(out);
    if (*first && len < size)
        (void)snprintf(out + len, size - len, ": %s%s%s%s", first, *second ? " (" : "", second,
                       *second ? ")" : "");
}

/* Why there is no exit code: a machine that was lost leaves none, though the container may have run
 * on it. */
static const char *without_exit_code(const struct evidence *e)
{
    if (e->record->started_at > 0 || e->has_row)
        return "the task ended while it ran and left no exit code";
    if (strcmp(e->record->stop_code, "TaskFailedToStart") == 0)
        return "the task's container never ran";
    return "the task ended before its container was seen to run";
}

/* ECS says it has ended, and no final row does: the exit code and ECS's words are the reason. */
static void tell_stopped(const struct evidence *e, struct verdict *out)
{
    const struct ecs_task *record = e->record;
    out->kind = VERDICT_FAIL;
    out->stop_code = *record->stop_code ? record->stop_code : "Stopped";
    size_t size = sizeof out->reason;
    if (!record->has_exit_code) {
        (void)snprintf(out->reason, size, "%s", without_exit_code(e));
    } else {
        long long code = record->exit_code;
        out->exit_code = record->exit_code;
        if (code == 0)
            (void)snprintf(out->reason, size,
                           "the task ended with exit code 0 but left no final "
                           "row");
        else if (code > SIGNAL_BASE && code <= SIGNAL_BASE + SIGNAL_MAX)
            (void)snprintf(out->reason, size, "the task was killed by signal %lld (exit code %lld)",
                           code - SIGNAL_BASE, code);
        else
            (void)snprintf(out->reason, size, "the task ended with exit code %lld", code);
    }
    add_ecs_words(record, out->reason, size);
}

/* Stopped by us: its own farewell must not become the reason, so the row is written first
 * (settle.c). */
static void tell_timeout(const struct evidence *e, struct verdict *out)
{
    out->kind = VERDICT_STOP;
    out->stop_code = "TaskTimeout";
    (void)snprintf(out->reason, sizeof out->reason,
                   "the task ran longer than taskTimeoutSeconds (%lld)",
                   (long long)e->task_timeout_seconds);
}

/* A task counts from its start, or from its creation while it is held back. */
static void classify_record(const struct evidence *e, struct verdict *out)
{
    const struct ecs_task *record = e->record;
    if (strcmp(record->last_status, "STOPPED") == 0 ||
        strcmp(record->last_status, "DELETED") == 0) {
        tell_stopped(e, out);
        return;
    }
    int64_t since = record->started_at ? record->started_at : record->created_at;
    if (since > 0 && e->task_timeout_seconds > 0 &&
        (e->now - since) / CLOCK_SECOND >= e->task_timeout_seconds)
        tell_timeout(e, out);
}

/* Neither ECS nor a final row: believed to be late for a while, then lost. */
static void classify_missing(const struct evidence *e, struct verdict *out)
{
    int64_t since = e->has_row && e->row_start > 0 ? e->row_start : e->watched_since;
    if (e->now - since < CLASSIFY_GRACE_SECONDS * CLOCK_SECOND)
        return;
    out->kind = VERDICT_FAIL;
    out->stop_code = "TaskLost";
    (void)snprintf(out->reason, sizeof out->reason, "%s",
                   e->has_row ? "the task left no final row and ECS does not know it any more"
                              : "the task left no row and ECS does not know it");
}

/* In the order of trust: the row's final word, then ECS's record, then time. */
void classify(const struct evidence *e, struct verdict *out)
{
    *out = (struct verdict){.kind = VERDICT_LEAVE, .stop_code = "", .exit_code = -1};
    if (e->has_row && audit_status_final(e->status))
        return;
    if (e->record)
        classify_record(e, out);
    else
        classify_missing(e, out);
}
