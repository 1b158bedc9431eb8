/* Nested executions: states:startExecution with .sync and .sync:2, and aws-sdk:sfn. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/local/sfn/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* StateMachineDoesNotExist is told as StateMachineDoesNotExistException. */
static void fail(struct task_call *call, const struct local_fault *fault)
{
    char error[128];
    char id[UUID_TEXT] = "";
    const char *suffix = strstr(fault->code, "Exception") ? "" : "Exception";
    (void)crypto_uuid(id, NULL);
    (void)snprintf(error, sizeof error, "%s.%s%s", call->kind->sdk ? "Sfn" : "StepFunctions",
                   fault->code, suffix);
    if (call->kind->sdk)
        task_call_fail(call, error,
                       "%s (Service: Sfn, Status Code: %d, Request ID: %s) (SDK Attempt Count: 1)",
                       fault->message, fault->status, id);
    else
        task_call_fail(call, error,
                       "%s (Service: AWSStepFunctions; Status Code: %d; Error Code: %s; "
                       "Request ID: %s; Proxy: null)",
                       fault->message, fault->status, fault->code, id);
}

/* Wire dates are seconds; integrations of this service tell RFC 3339. In place. */
static void dates_to_text(json_t *object)
{
    const char *name;
    json_t *member;
    json_object_foreach (object, name, member) {
        char text[CLOCK_TEXT_MAX];
        size_t len = strlen(name);
        if (json_is_number(member) && len > 4 && strcmp(name + len - 4, "Date") == 0)
            json_object_set_new(object, name,
                                json_string(clock_rfc3339(
                                    llround(json_number_value(member) * 1000.0) * CLOCK_MS, text)));
    }
}

/* On the engine's thread, as any answer of this service. */
static void answered(struct local_call *local, json_t *output, const struct local_fault *fault)
{
    struct task_call *call = task_call_of(local);
    if (fault) {
        fail(call, fault);
        return;
    }
    call->result.output = task_to_pascal(output);
    json_decref(output);
    dates_to_text(call->result.output);
    if (!call->result.output ||
        (!call->kind->sdk && task_add_metadata(call->result.output, "application/x-amz-json-1.0")))
        task_call_no_memory(call);
    else
        task_call_done(call);
}

/* Input may be any JSON here; on the wire it is text. */
static int input_to_text(json_t *request)
{
    json_t *input = json_object_get(request, "input");
    if (!input || json_is_string(input))
        return 0;
    struct text *text = text_of(input);
    int rc = text ? json_object_set_new(request, "input", json_string(text->raw)) : -1;
    text_release(text);
    return rc;
}

/* The parameters as the wire takes them; NULL: out of memory. */
static json_t *make_request(const struct task_call *call)
{
    json_t *request = task_members_to_camel(call->parameters);
    if (request && input_to_text(request)) {
        json_decref(request);
        request = NULL;
    }
    return request;
}

void task_states_start(struct task_call *call)
{
    json_t *request = make_request(call);
    /* Without a name of its own the nested execution is named after the attempt, so that a call
     * made again after a restart starts no second one. */
    if (request && !json_object_get(request, "name"))
        json_object_set_new(request, "name", json_string(call->client_token));
    task_ask(call, call->backend->states, request, answered);
}

void task_sfn_start(struct task_call *call)
{
    task_ask(call, call->backend->states, make_request(call), answered);
}

char *task_states_submitted(const struct task_call *call, struct asl_failure *failure)
{
    const char *arn = json_str(call->result.output, "ExecutionArn", NULL);
    char *copy = arn ? strdup(arn) : NULL;
    if (!copy)
        failure_no_memory(failure);
    return copy;
}

/* .sync tells input and output as text, .sync:2 as JSON. */
static json_t *as_told(const char *text, bool parsed)
{
    json_t *value = NULL;
    if (parsed && json_parse(text, strlen(text), &value, NULL) == 0)
        return value;
    return json_string(text);
}

/* .sync tells what .sync:2 was recorded without. */
static void set_redrive(json_t *out, const char *status, bool succeeded)
{
    char reason[128];
    (void)snprintf(reason, sizeof reason, "Execution is %s and cannot be redriven", status);
    json_object_set_new(out, "RedriveCount", json_integer(0));
    json_object_set_new(out, "RedriveStatus", json_string("NOT_REDRIVABLE"));
    if (succeeded)
        json_object_set_new(out, "RedriveStatusReason", json_string(reason));
}

/* What became of the nested execution, as DescribeExecution with capitals. */
static json_t *describe(const struct stored_execution *x, bool parsed)
{
    char started[CLOCK_TEXT_MAX];
    char stopped[CLOCK_TEXT_MAX];
    const char *status = execution_status_name((enum execution_status)x->status);
    const char *name = strrchr(x->arn, ':');
    json_t *out = json_pack("{s:s, s:o, s:{s:b}, s:s, s:s, s:s, s:s, s:s}", "ExecutionArn", x->arn,
                            "Input", as_told(x->input, parsed), "InputDetails", "Included", 1,
                            "Name", name ? name + 1 : "", "StartDate",
                            clock_rfc3339(x->started, started), "StateMachineArn", x->machine_arn,
                            "Status", status, "StopDate", clock_rfc3339(x->stopped, stopped));
    if (!out)
        return NULL;
    if (x->output) {
        json_object_set_new(out, "Output", as_told(x->output, parsed));
        json_object_set_new(out, "OutputDetails", json_pack("{s:b}", "Included", 1));
    }
    if (x->error)
        json_object_set_new(out, "Error", json_string(x->error));
    if (x->cause)
        json_object_set_new(out, "Cause", json_string(x->cause));
    if (!parsed && x->status == EXECUTION_SUCCEEDED)
        set_redrive(out, status, true);
    return out;
}

/* Fills in what became of the nested execution; 0. */
static int tell_end(void *ctx, const struct stored_execution *x)
{
    struct task_call *call = ctx;
    json_t *described = describe(x, call->pattern == TASK_SYNC2);
    call->answered = true;
    if (!described) {
        task_call_no_memory(call);
    } else if (x->status == EXECUTION_SUCCEEDED) {
        call->result.output = described;
        task_call_done(call);
    } else {
        struct text *text = text_of(described);
        json_decref(described);
        task_call_fail(call, "States.TaskFailed", "%s", text ? text->raw : "");
        text_release(text);
    }
    return 0;
}

void task_states_ended(struct engine *e, struct execution *x)
{
    (void)e;
    const struct stored_execution row = {
        .arn = x->arn,
        .machine_arn = x->machine_arn,
        .status = (int)x->status,
        .started = x->started,
        .stopped = x->stopped,
        .input = x->input->raw,
        .output = x->output ? x->output->raw : NULL,
        .error = x->error,
        .cause = x->cause,
    };
    while (x->watchers) {
        struct task_call *call = x->watchers;
        x->watchers = call->next_watcher;
        (void)tell_end(call, &row);
    }
}

void task_states_watch(struct engine *e, struct task_call *call)
{
    struct error err = {0};
    struct execution *x = names_get(&e->executions, call->job);
    if (x && x->status == EXECUTION_RUNNING) {
        call->next_watcher = x->watchers;
        x->watchers = call;
        return;
    }
    if (sfn_db_execution(e->db, call->job, tell_end, call, &err) != 1) {
        call->answered = true;
        task_call_fail(call, "States.TaskFailed", "There is no execution %s", call->job);
    }
}

bool task_states_unwatch(struct engine *e, struct task_call *call)
{
    (void)e;
    return !call->answered;
}

json_t *task_states_stop_input(const struct task_call *call)
{
    return json_pack("{s:s, s:s}", "executionArn", call->job, "cause",
                     "Stopped by the execution that started it");
}
