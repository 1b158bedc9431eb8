/* Events of Task states: a bare function ARN has its own family of events.
 *
 * Recorded: the family of functions has no Submitted event, its Started event has no details, and
 * its Scheduled event has the input where the others have parameters as a text. */
#include "server/local/sfn/history.h"
#include "server/local/sfn/task.h"

#include "lib/json/json_write.h"

struct family {
    const char *type;
    const char *details;
};

enum { SCHEDULED, STARTED, SUBMITTED, SUCCEEDED, FAILED, TIMED_OUT };

static const struct family task_family[] = {
    [SCHEDULED] = {"TaskScheduled", "taskScheduledEventDetails"},
    [STARTED] = {"TaskStarted", "taskStartedEventDetails"},
    [SUBMITTED] = {"TaskSubmitted", "taskSubmittedEventDetails"},
    [SUCCEEDED] = {"TaskSucceeded", "taskSucceededEventDetails"},
    [FAILED] = {"TaskFailed", "taskFailedEventDetails"},
    [TIMED_OUT] = {"TaskTimedOut", "taskTimedOutEventDetails"},
};

static const struct family function_family[] = {
    [SCHEDULED] = {"LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails"},
    [STARTED] = {"LambdaFunctionStarted", NULL},
    [SUCCEEDED] = {"LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails"},
    [FAILED] = {"LambdaFunctionFailed", "lambdaFunctionFailedEventDetails"},
    [TIMED_OUT] = {"LambdaFunctionTimedOut", "lambdaFunctionTimedOutEventDetails"},
};

/* The frame's state is a Task. */
static const struct machine_task *task_of(const struct frame *f)
{
    return &f->state->u.task;
}

/* Begins an event of the family the resource belongs to, with what all of the family tell. */
static bool begin(struct event *ev, struct engine *e, struct frame *f, int which, int64_t previous,
                  struct json_writer *w)
{
    const struct machine_task *task = task_of(f);
    bool function = task_is_function(task->kind);
    const struct family *family = function ? &function_family[which] : &task_family[which];
    if (!event_begin(ev, e, f->execution, family->type, previous, family->details, w))
        return false;
    if (!function) {
        jw_str(w, "resourceType", task->resource_type);
        jw_str(w, "resource", task->resource);
    }
    return true;
}

int64_t history_task_scheduled(struct engine *e, struct frame *f, int64_t previous,
                               struct text *parameters, const struct task_timing *timing)
{
    struct json_writer w;
    struct event ev;
    if (!begin(&ev, e, f, SCHEDULED, previous, &w))
        return previous;
    if (task_is_function(task_of(f)->kind)) {
        jw_str(&w, "resource", task_of(f)->arn);
        event_text(&w, "input", parameters);
    } else {
        jw_str(&w, "region", e->region);
        jw_strn(&w, "parameters", parameters ? parameters->raw : "",
                parameters ? parameters->len : 0);
    }
    if (timing->timeout)
        jw_int(&w, "timeoutInSeconds", timing->timeout);
    if (timing->heartbeat)
        jw_int(&w, "heartbeatInSeconds", timing->heartbeat);
    return event_end(&ev, true);
}

int64_t history_task_started(struct engine *e, struct frame *f, int64_t previous)
{
    struct json_writer w;
    struct event ev;
    if (!begin(&ev, e, f, STARTED, previous, &w))
        return previous;
    return event_end(&ev, !task_is_function(task_of(f)->kind));
}

int64_t history_task_submitted(struct engine *e, struct frame *f, int64_t previous,
                               struct text *output)
{
    struct json_writer w;
    struct event ev;
    if (!begin(&ev, e, f, SUBMITTED, previous, &w))
        return previous;
    event_text(&w, "output", output);
    return event_end(&ev, true);
}

int64_t history_task_succeeded(struct engine *e, struct frame *f, int64_t previous,
                               struct text *output)
{
    struct json_writer w;
    struct event ev;
    if (!begin(&ev, e, f, SUCCEEDED, previous, &w))
        return previous;
    event_text(&w, "output", output);
    return event_end(&ev, true);
}

/* Also TaskTimedOut; absent error and cause stay absent. */
int64_t history_task_failed(struct engine *e, struct frame *f, int64_t previous, bool timed_out,
                            const struct asl_failure *failure)
{
    struct json_writer w;
    struct event ev;
    if (!begin(&ev, e, f, timed_out ? TIMED_OUT : FAILED, previous, &w))
        return previous;
    if (failure->error[0])
        jw_str(&w, "error", failure->error);
    if (failure->cause)
        jw_str(&w, "cause", failure->cause);
    return event_end(&ev, true);
}
