/* audit: the two audit tables' rows, written by the workers and read by the mirror.
 *
 * Pure builders of DynamoDB calls and readers of items; nothing here sends. Updates are
 * conditional and monotonic: a final row never goes back to Running, an update never creates a
 * ghost row. Times are RFC 3339 UTC with milliseconds. Any thread. */
#ifndef STEPFLEET_AUDIT_H
#define STEPFLEET_AUDIT_H

#include "lib/aws/dynamodb.h"
#include "lib/base/clock.h"

#include <stdint.h>

/* The way of a row, a task and a run alike:
 *
 *     Submitted -> Running -> Completed
 *         |            |----> Failed
 *         |            '----> Cancelled
 *         '-> any of these without having run
 *
 * Who writes which row: the launcher (or the action "plan") creates the summary, the monitor moves
 * and ends it. A task puts its own Running row and its own final one; the monitor fails rows of
 * tasks that ended without a word, the launcher puts Failed rows for tasks that could not be
 * started. The control plane ends with Cancelled what a stopped execution has left open. */
enum audit_status {
    AUDIT_SUBMITTED,
    AUDIT_RUNNING,
    AUDIT_COMPLETED,
    AUDIT_FAILED,
    AUDIT_CANCELLED,
    AUDIT_STATUS_COUNT
};
/* "Submitted", "Running", ... */
const char *audit_status_name(enum audit_status s);
/* -1 with ERR_SYNTAX for an unknown name. */
int audit_status_parse(const char *name, enum audit_status *out, struct error *err);
/* Completed, Failed and Cancelled; nothing follows them. */
bool audit_status_final(enum audit_status s);
/* The permitted moves; to the same status is permitted unless final. */
bool audit_may_move(enum audit_status from, enum audit_status to);

/* Where rows are: names come from the spec. Borrowed. */
struct audit_table {
    const char *table;
    const char *hash_key;
    const char *range_key;
};

/* workflow_summary: hash workflow_name (S), range workflow_run_id (N). */
struct audit_summary {
    const char *workflow_name;
    int64_t workflow_run_id;
    const char *workflow_specs; /* JSON text; may be NULL in updates */
    int64_t number_of_tasks, completed_tasks, failed_tasks, running_tasks;
    enum audit_status status;
    const char *reason;              /* NULL or a sentence */
    int64_t start_time, update_time; /* wall microseconds */
};
/* Put, only if no row is there (ConditionalCheckFailedException: there was one: fine). */
int audit_summary_create(struct aws_request *r, const struct audit_table *t,
                         const struct audit_summary *row, struct error *err);
/* Counts, status, update_time; only if the row exists and is not final. */
int audit_summary_update(struct aws_request *r, const struct audit_table *t,
                         const struct audit_summary *row, struct error *err);
/* Cancelled, with counts and reason; only if the row exists and is not final, is Cancelled already
 * (then its counts move), or was failed at `stopped_at` (when the execution was stopped) or later,
 * by a monitor that outlived its execution. */
int audit_summary_cancel(struct aws_request *r, const struct audit_table *t,
                         const struct audit_summary *row, int64_t stopped_at, struct error *err);
/* Claims part `chunk` of a launch: only if the row exists, is not final, and neither this nor a
 * later part was claimed before (ConditionalCheckFailedException: the row tells which). */
int audit_summary_claim(struct aws_request *r, const struct audit_table *t,
                        const char *workflow_name, int64_t workflow_run_id, int64_t chunk,
                        struct error *err);
/* GetItem of the row, consistent; dynamodb_item of the answer is NULL when there is none. */
int audit_summary_get(struct aws_request *r, const struct audit_table *t, const char *workflow_name,
                      int64_t workflow_run_id, struct error *err);
/* Reads an item; texts are borrowed from it. -1 with ERR_SYNTAX when a key or the status is missing
 * or makes no sense; other attributes that are missing read as 0 or NULL. */
int audit_summary_read(json_t *item, const struct audit_table *t, struct audit_summary *out,
                       struct error *err);

/* workflow_details: hash workflow_run_id (N), range ecs_task_id (S). Texts may be NULL: then they
 * are not written, or were not there. */
struct audit_detail {
    int64_t workflow_run_id;
    const char *ecs_task_id;
    const char *task_name;
    enum audit_status status;
    int64_t start_time, update_time; /* wall microseconds */
    double exec_time_in_seconds;     /* negative: none */
    int64_t attempt;                 /* 0: none */
    const char *object_key, *destination_key;
    int64_t bytes;                          /* negative: none */
    const char *stop_code, *stopped_reason; /* stopped_reason: S3 code and message, or ECS's */
    int64_t exit_code;                      /* negative: none */
    /* How the task came to run, as ECS tells it; wall microseconds, 0: not known. */
    int64_t created_at, pull_started_at, pull_stopped_at, container_started_at;
};
/* The first row of a task (status Running, or a final one for tasks that left none): only if no
 * row is there yet or it is not final. */
int audit_detail_put(struct aws_request *r, const struct audit_table *t,
                     const struct audit_detail *row, struct error *err);
/* A final status: only if the row exists and is not final, or is this very row (same status and
 * update_time), because a call whose answer was lost is repeated. */
int audit_detail_finish(struct aws_request *r, const struct audit_table *t,
                        const struct audit_detail *row, struct error *err);
/* What a task writes as its reason that was stopped. It cannot know why: that is for those to add
 * who do, by audit_detail_explain, which changes stop code, reason and update_time of such a row
 * only.
 */
#define AUDIT_FAREWELL "stopped by SIGTERM"
int audit_detail_explain(struct aws_request *r, const struct audit_table *t,
                         const struct audit_detail *row, struct error *err);
/* A page of a run's rows; start_key NULL for the first. */
int audit_detail_query(struct aws_request *r, const struct audit_table *t, int64_t workflow_run_id,
                       json_t *start_key, struct error *err);
/* The same page as it is now, at twice the read units: what others have written before is in it. */
int audit_detail_query_consistent(struct aws_request *r, const struct audit_table *t,
                                  int64_t workflow_run_id, json_t *start_key, struct error *err);
/* One row of the run, if it has any, and only its keys; consistent. */
int audit_detail_query_any(struct aws_request *r, const struct audit_table *t,
                           int64_t workflow_run_id, struct error *err);
/* The first with only keys, task_name, status, times, stop_code, stopped_reason, exit_code of a
 * row. */
int audit_detail_query_status(struct aws_request *r, const struct audit_table *t,
                              int64_t workflow_run_id, json_t *start_key, struct error *err);
/* The same for a details row: -1 with ERR_SYNTAX only for keys and status. */
int audit_detail_read(json_t *item, const struct audit_table *t, struct audit_detail *out,
                      struct error *err);
/* The same of an item that is text, the next value of `p`, which is passed over; its texts are
 * copied into `room`, opened for the document. Members of one name, which no tree has: -1 with
 * ERR_SYNTAX if they are read here, else they do not matter. -1 also if the reader fails. */
int audit_detail_pull(struct json_pull *p, const struct audit_table *t, struct json_texts *room,
                      struct audit_detail *out, struct error *err);

#endif
