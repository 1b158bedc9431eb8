/* How executions begin and end.
 *
 * A start makes the execution, its root frame and its first event; an end writes the last event,
 * frees the frames and tells those who wait: the caller of StartSyncExecution and the .sync tasks
 * of other executions. Neither is told before the commit that holds the event (effects). Every end
 * goes through end(). */
#include "lib/crypto/crypto.h"
#include "server/local/sfn/history.h"
#include "server/local/sfn/map_run.h"
#include "server/local/sfn/task.h"

#include <stdlib.h>
#include <string.h>

/* Sends the answer of StartSyncExecution once the end is durable. */
struct sync_answer {
    struct effect effect;
    struct local_call *call;
    json_t *output;
};

/* After the commit of the end. */
static void sync_release(struct effect *self, struct engine *e)
{
    struct sync_answer *a = (struct sync_answer *)self;
    (void)e;
    local_reply(a->call, a->output);
    free(a);
}

/* The engine closes first: the caller is told so, the execution itself goes on after a restart. */
static void sync_drop(struct effect *self)
{
    struct sync_answer *a = (struct sync_answer *)self;
    json_decref(a->output);
    local_fault(a->call, 500, "ServiceUnavailable", "The service is shutting down");
    free(a);
}

/* The answer of StartSyncExecution. Bills are made up of the duration alone, in steps of 100 ms. */
static json_t *describe_sync(const struct execution *x)
{
    int64_t took = (x->stopped - x->started) / CLOCK_MS;
    int64_t billed = (took / 100 + 1) * 100;
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:f, s:f, s:s, s:s, s:{s:b}, s:{s:i, s:I}}", "executionArn",
                  x->arn, "stateMachineArn", x->machine_arn, "name", x->name, "startDate",
                  (double)x->started / (double)CLOCK_SECOND, "stopDate",
                  (double)x->stopped / (double)CLOCK_SECOND, "status",
                  x->status == EXECUTION_ABORTED ? "FAILED" : execution_status_name(x->status),
                  "input", x->input->raw, "inputDetails", "included", 1, "billingDetails",
                  "billedMemoryUsedInMB", 64, "billedDurationInMilliseconds", (json_int_t)billed);
    if (out && x->output) {
        json_object_set_new(out, "output", json_string(x->output->raw));
        json_object_set_new(out, "outputDetails", json_pack("{s:b}", "included", 1));
    }
    if (out && x->error)
        json_object_set_new(out, "error", json_string(x->error));
    if (out && x->cause)
        json_object_set_new(out, "cause", json_string(x->cause));
    return out;
}

/* The caller has been waiting since the start; it is answered with the commit of the end. */
static void answer_sync(struct engine *e, struct execution *x)
{
    struct sync_answer *a = calloc(1, sizeof *a);
    if (!a) {
        local_fault(x->waiting, 500, "InternalServerError", "out of memory");
    } else {
        *a = (struct sync_answer){.effect = {.release = sync_release, .drop = sync_drop},
                                  .call = x->waiting,
                                  .output = describe_sync(x)};
        engine_effect(e, &a->effect);
    }
    x->waiting = NULL;
}

/* What all ends have in common; the event has been written. */
static void end(struct engine *e, struct execution *x, enum execution_status status)
{
    x->status = status;
    x->stopped = e->now;
    x->changed = true;
    timers_cancel(&e->timers, &x->timeout);
    if (x->root)
        frame_abort(e, x->root, false);
    engine_touch(e, x);
    if (x->waiting)
        answer_sync(e, x);
    task_states_ended(e, x);
    if (x->run)
        map_run_child_ended(e, x);
}

/* What the final event follows: where the root chain is. */
static int64_t last_event(const struct execution *x)
{
    return x->root ? x->root->last_event : x->next_event - 1;
}

void execution_succeed(struct engine *e, struct execution *x, json_t *output, struct text *text)
{
    (void)output;
    x->output = text_hold(text);
    history_succeeded(e, x, last_event(x));
    end(e, x, EXECUTION_SUCCEEDED);
}

/* Memory that is out loses an error's text, not its event: the history has been written. */
static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* The heartbeat's own name never leaves the engine: the wire knows States.Timeout. */
void execution_fail(struct engine *e, struct execution *x, const struct asl_failure *failure)
{
    bool heartbeat = strcmp(failure->error, HEARTBEAT_TIMEOUT) == 0;
    const char *error = heartbeat ? "States.Timeout" : failure->error;
    x->error = copy_or_null(error[0] ? error : NULL);
    x->cause = copy_or_null(failure->cause);
    history_ended(e, x, "ExecutionFailed", "executionFailedEventDetails", last_event(x), x->error,
                  x->cause);
    end(e, x, EXECUTION_FAILED);
}

void execution_abort(struct engine *e, struct execution *x, const char *error, const char *cause)
{
    x->error = copy_or_null(error);
    x->cause = copy_or_null(cause);
    history_ended(e, x, "ExecutionAborted", "executionAbortedEventDetails", last_event(x), x->error,
                  x->cause);
    end(e, x, EXECUTION_ABORTED);
}

void execution_time_out(struct engine *e, struct execution *x)
{
    history_ended(e, x, "ExecutionTimedOut", "executionTimedOutEventDetails", last_event(x), NULL,
                  NULL);
    end(e, x, EXECUTION_TIMED_OUT);
}

/* arn:aws:states:R:A:execution:MACHINE:NAME, for express machines :express:MACHINE:NAME:UUID. */
static char *make_arn(struct engine *e, const struct execution_start *start)
{
    char *arn = NULL;
    const char *family = start->entry->express ? "express" : "execution";
    const char *unique = start->unique ? start->unique : "";
    if (asprintf(&arn, "arn:aws:states:%s:%s:%s:%s:%s%s%s", e->region, LOCAL_ACCOUNT, family,
                 start->entry->name, start->name, *unique ? ":" : "", unique) < 0)
        return NULL;
    return arn;
}

/* What all starts have in common. */
static void fill_common(struct engine *e, struct execution *x)
{
    x->id = e->next_execution++;
    x->started = e->now;
    x->next_event = 1;
    x->changed = true;
    x->timeout.kind = TIMER_EXECUTION;
    x->timeout.owner = x;
    buf_init(&x->events, EVENTS_BUFFER_MAX);
}

/* What the execution needs of its machine is copied: the machine may change or go meanwhile. */
static int fill(struct engine *e, struct execution *x, const struct execution_start *start)
{
    const struct machine_entry *entry = start->entry;
    x->arn = make_arn(e, start);
    x->machine_arn = strdup(entry->arn);
    x->role = strdup(entry->role);
    x->name = strdup(start->name);
    if (!x->arn || !x->machine_arn || !x->role || !x->name)
        return -1;
    fill_common(e, x);
    x->machine_id = entry->id;
    x->definition_id = entry->definition_id;
    x->express = entry->express;
    x->machine = machine_hold(entry->machine);
    return 0;
}

/* The root frame, the timeout of the whole (0: none), the first event. */
static int begin(struct engine *e, struct execution *x, const struct machine_state *first,
                 int64_t timeout_seconds)
{
    struct frame *root = frame_new(x, NULL, 0, first, x->input_json);
    if (!root)
        return -1;
    root->text = text_hold(x->input);
    int rc = names_add(&e->executions, x->arn, x);
    if (rc == 0 && timeout_seconds &&
        timers_arm(&e->timers, &x->timeout, x->started + timeout_seconds * CLOCK_SECOND)) {
        names_remove(&e->executions, x->arn);
        rc = -1;
    }
    if (rc) {
        frame_unlink(root);
        frame_free(root);
        return -1;
    }
    engine_touch(e, x);
    history_started(e, x);
    engine_queue(e, root);
    return 0;
}

/* What was made is freed when it cannot begin; the caller's references are untouched. */
struct execution *execution_start(struct engine *e, const struct execution_start *start)
{
    struct execution *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->input = text_hold(start->input);
    x->input_json = json_incref(start->input_json);
    x->waiting = start->waiting;
    if (fill(e, x, start) || begin(e, x, x->machine->root.start, x->machine->timeout_seconds)) {
        execution_free(x);
        return NULL;
    }
    return x;
}

/* execution:MACHINE/LABEL:NAME, for express children express:MACHINE/LABEL:NAME:UUID. */
static int name_child(struct engine *e, struct execution *x, const struct map_run *run)
{
    char name[UUID_TEXT];
    char unique[UUID_TEXT] = "";
    if (crypto_uuid(name, NULL) || (x->express && crypto_uuid(unique, NULL)))
        return -1;
    x->name = strdup(name);
    if (!x->name || asprintf(&x->arn, "arn:aws:states:%s:%s:%s:%s:%s%s%s", e->region, LOCAL_ACCOUNT,
                             x->express ? "express" : "execution", run->child_family, name,
                             *unique ? ":" : "", unique) < 0)
        return -1;
    return 0;
}

/* Everything but the input comes from the parent and its Map state. */
static int fill_child(struct engine *e, struct execution *x, const struct child_start *start)
{
    const struct map_run *run = start->run;
    const struct execution *parent = run->frame->execution;
    x->express = x->quiet = map_run_spec(run)->express;
    x->machine_id = parent->machine_id;
    x->definition_id = parent->definition_id;
    x->machine = machine_hold(parent->machine);
    x->map_run = run->id;
    x->map_item = start->number;
    x->map_items = start->items;
    x->machine_arn = strdup(run->machine_arn);
    x->role = strdup(parent->role);
    if (!x->machine_arn || !x->role || name_child(e, x, run))
        return -1;
    fill_common(e, x);
    return 0;
}

struct execution *execution_start_child(struct engine *e, const struct child_start *start)
{
    struct execution *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->input = text_hold(start->input);
    x->input_json = json_incref(start->input_json);
    if (fill_child(e, x, start) ||
        begin(e, x, start->run->frame->state->u.map.processor.start, 0)) {
        execution_free(x);
        return NULL;
    }
    map_run_link(start->run, x);
    return x;
}

/* After a restart, at the first use: an execution that is resumed, or a start. */
struct machine *engine_machine(struct engine *e, struct machine_entry *entry, struct error *err)
{
    struct machine_problems problems = {0};
    const struct machine_options options = {.region = e->region, .express = entry->express};
    if (entry->machine)
        return entry->machine;
    char *text = sfn_db_definition(e->db, entry->definition_id, err);
    if (!text)
        return NULL;
    entry->machine = machine_compile(text, strlen(text), &options, &problems, err);
    if (!entry->machine && problems.count)
        err_set(err, ERR_INTERNAL, "the stored definition of %s is not valid: %s", entry->arn,
                problems.list[0].message);
    machine_problems_free(&problems);
    free(text);
    return entry->machine;
}

void machine_entry_free(struct machine_entry *entry)
{
    if (!entry)
        return;
    machine_release(entry->machine);
    free(entry->arn);
    free(entry->role);
    free(entry->revision);
    free(entry);
}
