/* history: the events of executions, written once as the very JSON that GetExecutionHistory
 * answers.
 *
 * Events collect in the execution's buffer, one line each, and are stored with the next commit.
 * Every function answers the new event's id (`previous` again for frames that write no history) and
 * leaves the frame's last_event to its caller. Engine's thread only. Private to server/local/sfn.
 */
#ifndef STEPFLEET_SFN_HISTORY_H
#define STEPFLEET_SFN_HISTORY_H

#include "server/local/sfn/engine.h"

/* Execution... events; previous is the id of the last event that led to it. */
int64_t history_started(struct engine *e, struct execution *x);
/* With the execution's output. */
int64_t history_succeeded(struct engine *e, struct execution *x, int64_t previous);
/* ExecutionFailed, ExecutionAborted, ExecutionTimedOut; error and cause may be NULL. */
int64_t history_ended(struct engine *e, struct execution *x, const char *type, const char *details,
                      int64_t previous, const char *error, const char *cause);

/* "PassStateEntered" ... of the frame's state, with its input. */
int64_t history_entered(struct engine *e, struct frame *f, int64_t previous);
/* "PassStateExited" ...; assigned may be NULL. */
int64_t history_exited(struct engine *e, struct frame *f, int64_t previous, struct text *output,
                       json_t *assigned);
/* "TaskStateAborted" ... of the frame's state. */
int64_t history_aborted(struct engine *e, struct frame *f, int64_t previous);

/* Events without details. */
int64_t history_plain(struct engine *e, struct frame *f, const char *type, int64_t previous);
/* MapStateStarted with the number of items. */
int64_t history_map_started(struct engine *e, struct frame *f, int64_t previous, size_t length);
/* MapRunStarted with the run's ARN. */
int64_t history_map_run_started(struct engine *e, struct frame *f, int64_t previous,
                                const char *arn);
/* ExecutionFailed-like details of a map run: error and cause. */
int64_t history_map_run_failed(struct engine *e, struct frame *f, int64_t previous,
                               const char *error, const char *cause);
/* MapIterationStarted, MapIterationSucceeded, ...: `details` is the member's name. */
int64_t history_iteration(struct engine *e, struct frame *child, const char *type,
                          const char *details, int64_t previous);

/* Task events (history_task.c). The frame's state is a Task. */
struct task_timing {
    int64_t timeout;   /* seconds; 0: none was given */
    int64_t heartbeat; /* the same */
};
/* ...Scheduled: what is called with which parameters, and the timeouts that were given. */
int64_t history_task_scheduled(struct engine *e, struct frame *f, int64_t previous,
                               struct text *parameters, const struct task_timing *timing);
/* ...Started. */
int64_t history_task_started(struct engine *e, struct frame *f, int64_t previous);
/* TaskSubmitted: the service's answer to .sync and .waitForTaskToken. */
int64_t history_task_submitted(struct engine *e, struct frame *f, int64_t previous,
                               struct text *output);
/* ...Succeeded with the result before ResultSelector. */
int64_t history_task_succeeded(struct engine *e, struct frame *f, int64_t previous,
                               struct text *output);
/* ...Failed or ...TimedOut with error and cause; either may be missing. */
int64_t history_task_failed(struct engine *e, struct frame *f, int64_t previous, bool timed_out,
                            const struct asl_failure *failure);

/* What the functions above are made of. */
struct event {
    struct json_writer *w;
    struct engine *engine;
    struct execution *execution;
    size_t start; /* where its text begins */
    int64_t id;
};
/* Begins an event and its details object (NULL: it has none). False when the execution writes no
 * history. */
bool event_begin(struct event *ev, struct engine *e, struct execution *x, const char *type,
                 int64_t previous, const char *details, struct json_writer *w);
/* Ends it; answers its id. */
int64_t event_end(struct event *ev, bool details);
/* `name`: text as a JSON string, then `name`Details {"truncated":false}. */
void event_text(struct json_writer *w, const char *name, struct text *text);

#endif
