/* store: the control plane's own SQLite cache: runs, outbox, tasks, events.
 *
 * One writer thread commits what is waiting in groups; write functions block until their change is
 * committed (or refused) and may be called from any thread. Reads use a pool of read-only
 * connections and may be called from any thread; they never wait for the writer. Rows handed to
 * callbacks are borrowed for the callback. A status moves only along audit_may_move; a final
 * status is never left (a task's newer attempt is a new row and may: the newest attempt is what the
 * task is, until its run is final). Each committed change of a run gives it a new `version`, a
 * number that counts changes over all runs, and wakes the listener.
 */
#ifndef STEPFLEET_STORE_H
#define STEPFLEET_STORE_H

#include "lib/audit/audit.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_options {
    const char *path; /* the SQLite file; its folder must exist */
    const struct clock *clock;
    const struct log *log;
};

/* Opens, applies migrations/ (embedded), starts the writer. NULL with one clear sentence: damaged
 * file, newer schema, folder not writable. */
struct store *store_open(const struct store_options *options, struct error *err);
/* What a database file is, compared with this program. */
struct store_schema {
    int version; /* of the file */
    int known;   /* the newest this program knows */
};
/* Looks into a file that exists, also while a server has it open; changes nothing. -1: no database,
 * damaged, not readable. */
int store_schema_read(const char *path, struct store_schema *out, struct error *err);
struct store *store_close(struct store *s); /* commits what is queued; NULL-safe; returns NULL */
/* Called (on the writer's thread, must not block or call the store) after each commit; NULL:
 * nobody. When it returns, the one before is not called any more. */
void store_on_change(struct store *s, void (*changed)(void *ctx), void *ctx);
/* Grows with every commit, and is odd while one is under way. What was read after it was asked is
 * still so as long as it is the same, even number. Any thread; costs nothing. */
uint64_t store_generation(const struct store *s);

/* --- runs --- */

struct store_new_task {
    const char *name;
    const char *s3_bucket;
    const char *object_key;
};

struct store_new_run {
    int64_t id; /* workflow_run_id */
    int pattern;
    const char *workflow_name;
    const char *execution_name;
    const char *request; /* the spec as submitted (text), for /spec */
    size_t request_len;
    const char *input; /* StartExecution's input (the completed spec) */
    size_t input_len;
    const char *idempotency_key; /* NULL: none */
    const char *request_hash;    /* hex SHA-256 over pattern and request */
    const char *labels;          /* JSON text or NULL */
    int64_t parent_id;           /* the run this one repeats; 0: none */
    const struct store_new_task *tasks;
    size_t task_count;
    /* Of a run that was started elsewhere: it is Running, origin elsewhere, without outbox row. */
    const char *execution_arn; /* NULL: it is to be started here */
    int64_t started_at;
    const char *unlisted; /* why its tasks are not here, for a person; NULL: they are */
    bool found_ended;     /* its execution was over when it was found */
};

/* Writes run (Submitted), tasks (Submitted) and outbox row in one transaction.
 * 0: created, or *existing is the id of the run that the same request made before (then no run is
 * written): it has the same idempotency key and hash; or was found elsewhere under the key's
 * execution name and has the same input; or is, without a key, a child of the same parent with the
 * same hash that is not over. -1: ERR_CONFLICT id used (message names the run), ERR_IDEMPOTENCY key
 * used with another request, ERR_RETRYING a child that is not over has some of the tasks. *existing
 * is 0 when a new run was made. */
int store_run_create(struct store *s, const struct store_new_run *run, int64_t *existing,
                     struct error *err);

/* The active runs of a pattern that have no list of tasks. */
typedef void (*store_unlisted_fn)(void *ctx, int64_t id, const char *execution_arn);
int store_unlisted_list(struct store *s, int pattern, store_unlisted_fn fn, void *ctx,
                        struct error *err);
/* Brings such a run's list, by id: tasks, request and input; the rest of `run` is not looked at.
 * Tasks that are there by their audit rows stay as they are. -1 with ERR_CONFLICT when it is over.
 */
int store_run_complete(struct store *s, const struct store_new_run *run, struct error *err);

/* 1: a run here has this execution, or waits to be started under its name; 0; -1. */
int store_execution_known(struct store *s, int pattern, const char *arn, const char *name,
                          struct error *err);

/* One run as read. Texts may be NULL where noted. */
struct store_run {
    int64_t id;
    int64_t version;
    int pattern;
    const char *workflow_name;
    enum audit_status status;
    const char *reason; /* NULL unless something is to be said */
    const char *execution_name;
    const char *execution_arn;    /* NULL until started */
    const char *execution_status; /* NULL until known: RUNNING SUCCEEDED ... */
    const char *error, *cause;    /* of the execution; NULL */
    const char *idempotency_key;  /* NULL */
    const char *labels;           /* JSON; NULL */
    int64_t task_count, submitted_tasks, running_tasks, completed_tasks, failed_tasks,
        cancelled_tasks;
    int64_t submitted_at, started_at, ended_at, updated_at; /* wall us; 0: not yet */
    int64_t start_attempts;    /* of StartExecution while in the outbox */
    const char *start_error;   /* last one; NULL */
    int64_t parent_id;         /* the run this one repeats; 0: none */
    int64_t cancel_at;         /* when cancelling was asked for; 0: it was not */
    const char *cancel_reason; /* in their words; NULL */
    bool elsewhere;            /* somebody else started it */
    int64_t trimmed_at;        /* when tasks and events left the cache; 0: they are there */
    const char *unlisted;      /* why its list of tasks is not here; NULL: it is */
    bool found_ended;          /* elsewhere, and its execution was over when it was found */
};

typedef void (*store_run_fn)(void *ctx, const struct store_run *run);

/* ERR_NOT_FOUND "there is no run 123". */
int store_run_get(struct store *s, int64_t id, store_run_fn fn, void *ctx, struct error *err);

struct store_run_filter {
    int status;           /* enum audit_status, or -1 for any */
    int pattern;          /* 0: any */
    int64_t parent_id;    /* only runs that repeat this one; 0: any */
    const char *name;     /* exact workflow name; NULL: any */
    const char *text;     /* found in workflow name, id, labels, reason, task names, object keys */
    int64_t since, until; /* submitted_at bounds, wall us; 0: none */
    int64_t ended_since;  /* only runs that ended then or later, wall us; 0: any */
    int64_t before;       /* keyset: only runs submitted before this one; 0: from the newest */
    int limit;            /* 1..1000 */
};
/* By the time of submission, newest first. *more tells whether there are further rows behind the
 * last one. */
int store_run_list(struct store *s, const struct store_run_filter *filter, store_run_fn fn,
                   void *ctx, bool *more, struct error *err);

/* Runs changed after the given version, in order of version (the feed of the live hub). */
int store_run_changes(struct store *s, int64_t after_version, int limit, store_run_fn fn, void *ctx,
                      bool *more, struct error *err);
/* Notes that the run is to be cancelled; the control loop does it. `reason` is kept for people,
 * NULL for none. A final run, or one that is being cancelled already, is left as it is (0).
 * ERR_NOT_FOUND. */
int store_run_cancel(struct store *s, int64_t id, const char *reason, struct error *err);

/* The spec as submitted, or the execution's input. */
int store_run_request(struct store *s, int64_t id, struct buf *out, struct error *err);
/* ERR_NOT_FOUND as above; the text is appended. */
int store_run_input(struct store *s, int64_t id, struct buf *out, struct error *err);

/* --- tasks --- */

struct store_task {
    int64_t run_id;
    int64_t seq; /* position in the spec's taskList, from 0; unlisted ones follow */
    const char *name;
    const char *ecs_task_id; /* NULL until known */
    enum audit_status status;
    const char *s3_bucket, *object_key, *destination_key; /* may be NULL */
    int64_t start_time, update_time;                      /* wall us; 0 */
    double exec_time_in_seconds;                          /* negative: none */
    int64_t bytes;                                        /* negative: none */
    const char *stop_code, *stopped_reason;               /* NULL */
    int64_t exit_code;                                    /* negative: none */
    int64_t attempt;
    const char *reason; /* verdict_name of its class; NULL unless it failed or was cancelled */
    int64_t created_at, pull_started_at, pull_stopped_at, container_started_at; /* wall us; 0 */
    int64_t version; /* of its last change, counted as the runs' versions are */
};
typedef void (*store_task_fn)(void *ctx, const struct store_task *task);
/* In order of seq, from seq > after (-1: from the first); status -1: any. */
int store_task_list(struct store *s, int64_t run_id, int status, int64_t after, int limit,
                    store_task_fn fn, void *ctx, bool *more, struct error *err);

/* The same with one class of reason only (a verdict_name). */
int store_task_list_reason(struct store *s, int64_t run_id, int status, const char *reason,
                           int64_t after, int limit, store_task_fn fn, void *ctx, bool *more,
                           struct error *err);

/* The task of that name; ERR_NOT_FOUND "run 7 has no task ...", also when there is no such run. */
int store_task_get(struct store *s, int64_t run_id, const char *name, store_task_fn fn, void *ctx,
                   struct error *err);

/* Failed or cancelled tasks that have class, stop code, exit code and the beginning of their
 * reasons in common (VERDICT_GROUP_CHARS). */
enum { STORE_FAILURE_NAMES = 5 };
struct store_failure {
    const char *reason; /* verdict_name */
    enum audit_status status;
    const char *stop_code;      /* NULL */
    const char *stopped_reason; /* of the first of its tasks; NULL */
    int64_t exit_code;          /* negative: none */
    int64_t count;
    int64_t first_at; /* of the first end among them, wall us; 0: unknown */
    const char *const *names;
    size_t name_count; /* of the first STORE_FAILURE_NAMES in order of seq */
};
typedef void (*store_failure_fn)(void *ctx, const struct store_failure *failure);
/* The largest groups first; *total is the number of all these tasks, also of groups beyond the
 * limit. */
int store_failures(struct store *s, int64_t run_id, int limit, store_failure_fn fn, void *ctx,
                   int64_t *total, struct error *err);

/* Where a reader of changes is: all up to this task of this version was seen. */
struct store_task_place {
    int64_t version;
    int64_t seq; /* INT64_MAX: all of that version */
};
/* Tasks changed after that place, in order of version and then of seq. */
int store_task_changes(struct store *s, int64_t run_id, const struct store_task_place *after,
                       int limit, store_task_fn fn, void *ctx, bool *more, struct error *err);

/* --- events (state machine history) --- */

struct store_event {
    int64_t id;
    int64_t previous_id;
    int64_t time;
    const char *type;
    const char *details; /* JSON text of the details member, or NULL */
};
typedef void (*store_event_fn)(void *ctx, const struct store_event *event);
/* In order of id, from id > after (0: from the first). An unknown run has no events. */
int store_event_list(struct store *s, int64_t run_id, int64_t after, int limit, store_event_fn fn,
                     void *ctx, bool *more, struct error *err);

/* The newest `limit` events of the `index`th iteration (from 0) of a run's Map, its start among
 * them, in order of id; none where the history has no iterations. The first Map of the history
 * counts. */
int store_event_iteration(struct store *s, int64_t run_id, int64_t index, int limit,
                          store_event_fn fn, void *ctx, struct error *err);

/* --- what ECS said of tasks --- */

/* True for what ECS names tasks by: 32 hex digits, or the 36 characters of a UUID. Rows of tasks
 * that were never started, or that somebody wrote by hand, have other ids. NULL is none. */
bool store_is_ecs_id(const char *id);

enum { STORE_DESCRIPTION_MAX = 16 * 1024 };
struct store_description {
    int64_t seq;             /* of the task */
    const char *ecs_task_id; /* whom it is of */
    int64_t seen_at;         /* wall us; set by the store when it is kept */
    bool stopped;            /* nothing more will come */
    bool shortened;          /* large members were left out */
    const char *body;        /* JSON, at most STORE_DESCRIPTION_MAX bytes */
    size_t body_len;
};
/* Keeps them, each over the one before. The run's version stays, so nobody is woken. A task that is
 * not there (any more) is passed over; -1 with ERR_LIMIT for a body that is too long. */
int store_descriptions_put(struct store *s, int64_t run_id, const struct store_description *list,
                           size_t count, struct error *err);
typedef void (*store_description_fn)(void *ctx, const struct store_description *d);
/* What was kept of the task, if it is of this ECS task (NULL: of whichever it is, for a task
 * without a row); fn is not called when there is nothing. */
int store_description_get(struct store *s, int64_t run_id, int64_t seq, const char *ecs_task_id,
                          store_description_fn fn, void *ctx, struct error *err);

/* A task as far as its description is concerned. */
struct store_subject {
    int64_t seq, version;
    const char *ecs_task_id; /* NULL until known */
    enum audit_status status;
    bool described; /* as stopped: nothing is wanted */
};
typedef void (*store_subject_fn)(void *ctx, const struct store_subject *subject);
/* As store_task_changes. */
int store_subject_list(struct store *s, int64_t run_id, const struct store_task_place *after,
                       int limit, store_subject_fn fn, void *ctx, bool *more, struct error *err);

/* Where a run's tasks and rows are, as its input says. Texts may be NULL. */
struct store_places {
    int64_t run_id;
    int64_t ended_at; /* wall us; 0: it goes on */
    const char *cluster, *task_definition, *container;
    const char *details_hash_key, *details_range_key;
};
typedef void (*store_places_fn)(void *ctx, const struct store_places *places);
/* ERR_NOT_FOUND as store_run_get. */
int store_places_get(struct store *s, int64_t run_id, store_places_fn fn, void *ctx,
                     struct error *err);
/* Runs that ended after `ended_after` (wall) and have tasks that were not described as stopped; the
 * 1000 that ended last. */
int store_undescribed(struct store *s, int64_t ended_after, store_places_fn fn, void *ctx,
                      struct error *err);

/* --- outbox (the submitter's) --- */

struct store_outbox_row {
    int64_t run_id;
    int pattern;
    int64_t attempts;
    bool cancelled; /* cancelling was asked for */
    const char *execution_name;
    const char *input;
    size_t input_len;
};
typedef void (*store_outbox_fn)(void *ctx, const struct store_outbox_row *row);
/* Rows due at `now` or to be cancelled, oldest first. *next_due is the earliest time among the
 * others, 0 if none. */
int store_outbox_due(struct store *s, int64_t now, int limit, store_outbox_fn fn, void *ctx,
                     int64_t *next_due, struct error *err);
/* StartExecution worked: removes the row, run Running with its ARN. */
int store_outbox_started(struct store *s, int64_t run_id, const char *execution_arn,
                         int64_t started_at, struct error *err);
/* Try again at `next_due`; the error is kept for people. */
int store_outbox_postpone(struct store *s, int64_t run_id, int64_t next_due, const char *error,
                          struct error *err);
/* It can never start: removes the row, run Failed with this reason, open tasks Failed. */
int store_outbox_refused(struct store *s, int64_t run_id, const char *reason, struct error *err);

/* --- what watcher and mirror write --- */

/* A run that has an execution and is not final. Its input, which may be large, is read by
 * store_run_input when the run is taken up. */
struct store_active {
    int64_t id;
    int pattern;
    const char *workflow_name;
    const char *execution_arn;
    const char *execution_status; /* NULL: not described yet */
    bool cancelled;               /* cancelling was asked for */
    const char *cancel_reason;    /* NULL: none was given */
    int64_t started_at;
    int64_t last_event_id; /* all events up to it are there */
    int64_t update_time;   /* newest update_time among its mirrored rows, 0 */
};
typedef void (*store_active_fn)(void *ctx, const struct store_active *active);
/* In order of id. */
int store_active_list(struct store *s, store_active_fn fn, void *ctx, struct error *err);

/* What DescribeExecution said. A terminal status does not make the run final yet: that is
 * store_run_close, after the last events and audit rows were read. */
struct store_execution {
    const char *status;
    int64_t started_at, stopped_at;
    const char *error, *cause; /* NULL */
};
/* What is known already changes nothing; on a final run it is ignored. */
int store_execution_set(struct store *s, int64_t run_id, const struct store_execution *e,
                        struct error *err);
/* Adds events; those already there are left alone. One transaction. */
int store_events_add(struct store *s, int64_t run_id, const struct store_event *events,
                     size_t count, struct error *err);
/* Takes over audit rows: matched to the run's tasks by task name, newest attempt wins, never
 * backwards. Counts of the run follow. One transaction. */
int store_tasks_mirror(struct store *s, int64_t run_id, const struct audit_detail *rows,
                       size_t count, struct error *err);
/* Says in the run's reason why it does not move on (a table that may not be read, say), or with
 * NULL takes that back. A final run is left as it is. */
int store_run_note(struct store *s, int64_t run_id, const char *text, struct error *err);
/* Ends the run with the truth. Tasks that are not final get `task_status` and `task_reason`. */
struct store_close {
    enum audit_status status;
    const char *reason; /* NULL */
    int64_t ended_at;   /* 0: when the execution stopped, or now */
    enum audit_status task_status;
    const char *task_reason;
};
/* ERR_CONFLICT when the run is final already. */
int store_run_close(struct store *s, int64_t run_id, const struct store_close *c,
                    struct error *err);

/* --- numbers over all runs --- */

struct store_counts {
    int64_t runs[AUDIT_STATUS_COUNT];        /* by status */
    int64_t failed;                          /* runs that failed since a time */
    int64_t open_tasks[AUDIT_STATUS_COUNT];  /* tasks of runs that are not over, by status */
    int64_t ended_tasks[AUDIT_STATUS_COUNT]; /* tasks of runs that ended since a time */
};
/* Times are wall us. */
int store_count(struct store *s, int64_t failed_since, int64_t ended_since,
                struct store_counts *out, struct error *err);

/* Tasks by status at `count` moments, the first at `first`, each `step` after the one before (wall
 * us): of runs that were not over at the moment before. What left the store is not counted. */
int store_series(struct store *s, int64_t first, int64_t step, size_t count,
                 int64_t (*out)[AUDIT_STATUS_COUNT], struct error *err);

/* The number of the last change of any run; changes that come will have higher ones, also after a
 * restart. */
int store_version(struct store *s, int64_t *version, struct error *err);

/* --- how far streams were read --- */

struct store_position {
    const char *table, *stream, *shard;
    const char *sequence; /* of the last record that was taken over; NULL: none yet */
    bool done;            /* the shard was read to its end */
};
typedef void (*store_position_fn)(void *ctx, const struct store_position *position);
/* Positions in a stream; none is no error. */
int store_position_list(struct store *s, const char *stream, store_position_fn fn, void *ctx,
                        struct error *err);
/* Keeps a shard's position. */
int store_position_set(struct store *s, const struct store_position *position, struct error *err);
/* Forgets a shard; with shard NULL all of the table's positions but those in `stream` (NULL: all).
 */
int store_position_forget(struct store *s, const char *table, const char *stream, const char *shard,
                          struct error *err);

/* One small step of letting go: up to `limit` tasks, descriptions and events of the oldest run that
 * ended before `before` (wall) and has any left. *more tells whether there is more to do. */
int store_retain(struct store *s, int64_t before, int limit, bool *more, struct error *err);

/* For readyz: 0 when a trivial read works. */
int store_ping(struct store *s, struct error *err);

#endif
