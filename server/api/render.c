#include "server/api/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Seconds with milliseconds. */
size_t render_duration(int64_t start, int64_t end, char out[RENDER_DURATION_MAX])
{
    const int64_t ms = (end - start) / CLOCK_MS;
    const bool known = start && end >= start;
    const int n =
        known ? snprintf(out, RENDER_DURATION_MAX, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000))
              : snprintf(out, RENDER_DURATION_MAX, "null");
    return (size_t)n;
}

static void write_duration(struct json_writer *w, int64_t start, int64_t end)
{
    char text[RENDER_DURATION_MAX];
    const size_t len = render_duration(start, end, text);
    jw_raw(w, "durationSeconds", text, len);
}

static void write_execution(struct json_writer *w, const struct store_run *run)
{
    jw_object(w, "execution");
    jw_str(w, "name", run->execution_name);
    jw_str(w, "arn", run->execution_arn);
    jw_str(w, "status", run->execution_status);
    jw_str(w, "error", run->error);
    jw_str(w, "cause", run->cause);
    if (run->start_error) {
        jw_int(w, "startAttempts", run->start_attempts);
        jw_str(w, "startError", run->start_error);
    }
    jw_end_object(w);
}

/* Kept in the run's row, so that a list of runs needs no count over tasks. */
static void write_counts(struct json_writer *w, const struct store_run *run)
{
    jw_object(w, "tasks");
    jw_int(w, "total", run->task_count);
    jw_int(w, "submitted", run->submitted_tasks);
    jw_int(w, "running", run->running_tasks);
    jw_int(w, "completed", run->completed_tasks);
    jw_int(w, "failed", run->failed_tasks);
    jw_int(w, "cancelled", run->cancelled_tasks);
    jw_end_object(w);
}

/* Paths without scheme and host: behind a proxy the server does not know its own name. */
static void write_links(struct json_writer *w, int64_t id)
{
    static const char *const parts[] = {"self", "tasks", "failures", "events", "spec"};
    char path[64];
    jw_object(w, "links");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        (void)snprintf(path, sizeof path, i ? "/workflows/%" PRId64 "/%s" : "/workflows/%" PRId64,
                       id, parts[i]);
        jw_str(w, parts[i], path);
    }
    jw_end_object(w);
}

/* A run that is still going on has a duration up to now. */
void render_run(struct json_writer *w, const struct store_run *run, int64_t now)
{
    jw_object(w, NULL);
    jw_int(w, "workflowRunId", run->id);
    jw_int(w, "version", run->version);
    jw_str(w, "workflowName", run->workflow_name);
    jw_int(w, "pattern", run->pattern);
    if (run->parent_id)
        jw_int(w, "parentRunId", run->parent_id);
    else
        jw_null(w, "parentRunId");
    jw_str(w, "status", audit_status_name(run->status));
    jw_str(w, "reason", run->reason ? run->reason : run->unlisted);
    jw_str(w, "origin", run->elsewhere ? "elsewhere" : "here");
    write_counts(w, run);
    jw_time(w, "submittedAt", run->submitted_at);
    jw_time(w, "startedAt", run->started_at);
    jw_time(w, "endedAt", run->ended_at);
    jw_time(w, "updatedAt", run->updated_at);
    write_duration(w, run->submitted_at, run->ended_at ? run->ended_at : now);
    write_execution(w, run);
    if (run->cancel_at)
        jw_time(w, "cancelRequestedAt", run->cancel_at);
    if (run->cancel_reason)
        jw_str(w, "cancelReason", run->cancel_reason);
    if (run->trimmed_at)
        jw_time(w, "tasksRemovedAt", run->trimmed_at);
    if (run->unlisted)
        jw_str(w, "tasksUnlisted", run->unlisted);
    if (run->labels)
        jw_raw(w, "labels", run->labels, strlen(run->labels));
    if (run->idempotency_key)
        jw_str(w, "idempotencyKey", run->idempotency_key);
    write_links(w, run->id);
    jw_end_object(w);
}

void render_class(struct json_writer *w, const char *reason, const struct verdict_end *end)
{
    enum verdict_class c = VERDICT_UNKNOWN;
    char sentence[VERDICT_SENTENCE_MAX];
    (void)verdict_parse(reason, &c, NULL);
    jw_str(w, "class", reason);
    jw_str(w, "sentence", verdict_sentence(end, c, sentence));
    jw_str(w, "remedy", verdict_remedy(c));
}

void render_reason(struct json_writer *w, const char *name, const char *reason,
                   const struct verdict_end *end)
{
    if (!reason) {
        jw_null(w, name);
        return;
    }
    jw_object(w, name);
    render_class(w, reason, end);
    jw_end_object(w);
}

/* How it came to run: what the phases before the task's own work took. */
static void write_start(struct json_writer *w, const struct store_task *task)
{
    jw_time(w, "createdAt", task->created_at);
    jw_time(w, "pullStartedAt", task->pull_started_at);
    jw_time(w, "pullStoppedAt", task->pull_stopped_at);
    jw_time(w, "containerStartedAt", task->container_started_at);
}

/* Members that a task has no value for yet are null, measured ones are left out. */
void render_task_members(struct json_writer *w, const struct store_task *task, int64_t now)
{
    bool over = audit_status_final(task->status);
    jw_str(w, "taskName", task->name);
    jw_int(w, "version", task->version);
    jw_str(w, "ecsTaskId", task->ecs_task_id);
    jw_str(w, "status", audit_status_name(task->status));
    jw_str(w, "s3BucketName", task->s3_bucket);
    jw_str(w, "objectKey", task->object_key);
    jw_str(w, "destinationKey", task->destination_key);
    jw_time(w, "startTime", task->start_time);
    jw_time(w, "updateTime", task->update_time);
    write_duration(w, task->start_time, over ? task->update_time : now);
    if (task->exec_time_in_seconds >= 0)
        jw_num(w, "execTimeInSeconds", task->exec_time_in_seconds);
    if (task->bytes >= 0)
        jw_int(w, "bytes", task->bytes);
    if (task->exit_code >= 0)
        jw_int(w, "exitCode", task->exit_code);
    jw_str(w, "stopCode", task->stop_code);
    jw_str(w, "stoppedReason", task->stopped_reason);
    const struct verdict_end end = {task->status, task->stop_code, task->stopped_reason,
                                    task->exit_code};
    render_reason(w, "reason", task->reason, &end);
    write_start(w, task);
    jw_int(w, "attempt", task->attempt);
}

void render_task(struct json_writer *w, const struct store_task *task, int64_t now)
{
    jw_object(w, NULL);
    render_task_members(w, task, now);
    jw_end_object(w);
}

void render_event(struct json_writer *w, const struct store_event *event)
{
    jw_object(w, NULL);
    jw_int(w, "id", event->id);
    jw_int(w, "previousEventId", event->previous_id);
    jw_time(w, "timestamp", event->time);
    jw_str(w, "type", event->type);
    if (event->details)
        jw_raw(w, "details", event->details, strlen(event->details));
    else
        jw_null(w, "details");
    jw_end_object(w);
}
