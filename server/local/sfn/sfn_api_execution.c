/* StartExecution, StartSyncExecution, StopExecution. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct start_request {
    struct request request; /* first */
    char *machine_arn;
    char *name;
    bool named; /* by the caller: may be taken */
    bool sync;
    char unique[UUID_TEXT];
    struct text *input;
    json_t *input_json;
};

static void start_release(struct request *r)
{
    struct start_request *s = (struct start_request *)r;
    text_release(s->input);
    json_decref(s->input_json);
    free(s->machine_arn);
    free(s->name);
}

static json_t *started(const char *arn, int64_t at)
{
    return json_pack("{s:s, s:o}", "executionArn", arn, "startDate", wire_date(at));
}

/* That there is such a row is all that matters. */
static int seen_row(void *ctx, const struct stored_execution *row)
{
    (void)ctx;
    (void)row;
    return 0;
}

/* An execution of that name: the same answer again when it runs with the same input. True when
 * there is one (and the request has been answered). */
static bool answer_existing(struct engine *e, struct start_request *s,
                            const struct machine_entry *entry)
{
    struct error err = {0};
    char *arn = NULL;
    if (!s->named || entry->express)
        return false;
    if (asprintf(&arn, "arn:aws:states:%s:%s:execution:%s:%s", e->region, LOCAL_ACCOUNT,
                 entry->name, s->name) < 0) {
        request_fault(e, &s->request, "InternalServerError", "out of memory");
        return true;
    }
    const struct execution *x = names_get(&e->executions, arn);
    int found = x ? 1 : sfn_db_execution(e->db, arn, seen_row, NULL, &err);
    if (x && x->status == EXECUTION_RUNNING && strcmp(x->input->raw, s->input->raw) == 0)
        request_reply(e, &s->request, started(arn, x->started), NULL);
    else if (found > 0)
        request_fault(e, &s->request, "ExecutionAlreadyExists", "Execution Already Exists: '%s'",
                      arn);
    else if (found < 0)
        request_fault(e, &s->request, "InternalServerError", "%s", err.message);
    free(arn);
    return found != 0;
}

/* On the engine's thread: does the machine exist, is the name free, go. An execution of Pass
 * states has ended before its start is answered. */
static void decide_start(struct engine *e, struct request *r)
{
    struct start_request *s = (struct start_request *)r;
    struct error err = {0};
    struct machine_entry *entry = names_get(&e->machines, s->machine_arn);
    if (!entry) {
        request_fault(e, r, "StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'",
                      s->machine_arn);
        return;
    }
    if (s->sync && !entry->express) {
        request_fault(e, r, "StateMachineTypeNotSupported",
                      "This operation is not supported by this type of state machine");
        return;
    }
    if (answer_existing(e, s, entry))
        return;
    const struct execution_start start = {.entry = entry,
                                          .name = s->name,
                                          .unique = entry->express ? s->unique : NULL,
                                          .input = s->input,
                                          .input_json = s->input_json,
                                          .waiting = s->sync ? r->call : NULL};
    struct execution *x = engine_machine(e, entry, &err) ? execution_start(e, &start) : NULL;
    if (!x)
        request_fault(e, r, "InternalServerError", "%s", err.code ? err.message : "out of memory");
    else if (s->sync)
        request_cancel(r); /* the execution answers when it ends */
    else
        request_reply(e, r, started(x->arn, x->started), NULL);
}

/* The input's text as it stands, and what it says. */
static bool read_input(struct local_call *call, struct start_request *s)
{
    struct error err = {0};
    json_t *given = json_object_get(call->input, "input");
    const char *text = given && !json_is_null(given) ? json_string_value(given) : "{}";
    size_t len = text ? strlen(text) : 0;
    if (len > STATE_BYTES_MAX) {
        local_fault(call, 400, "ValidationException",
                    "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                    "Member must have length less than or equal to %d",
                    STATE_BYTES_MAX);
        return false;
    }
    if (!text || json_parse(text, len, &s->input_json, &err)) {
        local_fault(call, 400, "InvalidExecutionInput",
                    "Invalid State Machine Execution Input: '%s'",
                    text ? err.message : "input must be JSON text in a string");
        return false;
    }
    s->input = text_new(text, len);
    if (text_fits(s->input, STATE_BYTES_MAX, STATE_DEPTH_MAX))
        return true;
    if (s->input)
        local_fault(call, 400, "InvalidExecutionInput",
                    "Invalid State Machine Execution Input: 'it has more than %d levels'",
                    STATE_DEPTH_MAX);
    else
        local_fault(call, 500, "InternalServerError", "out of memory");
    return false;
}

/* All that can be wrong with the request by itself; the rest is the engine's to decide. */
static bool read_start(struct start_request *s)
{
    struct local_call *call = s->request.call;
    const char *arn = NULL;
    char uuid[UUID_TEXT];
    if (!check_machine_arn(call, "stateMachineArn", &arn))
        return false;
    const char *name = json_str(call->input, "name", NULL);
    s->named = name != NULL;
    if ((name && !check_name(call, name)) || !read_input(call, s))
        return false;
    int rc = crypto_uuid(uuid, NULL) || crypto_uuid(s->unique, NULL);
    s->machine_arn = strdup(arn);
    s->name = strdup(name ? name : uuid);
    if (rc == 0 && s->machine_arn && s->name)
        return true;
    local_fault(call, 500, "InternalServerError", "out of memory");
    return false;
}

static void start(struct local_sfn *sfn, struct local_call *call, bool sync)
{
    struct start_request *s =
        (struct start_request *)request_new(call, sizeof *s, decide_start, start_release);
    if (!s)
        return;
    s->sync = sync;
    if (read_start(s))
        request_post(sfn, &s->request);
    else
        request_cancel(&s->request);
}

void api_start(struct local_sfn *s, struct local_call *call)
{
    start(s, call, false);
}

void api_start_sync(struct local_sfn *s, struct local_call *call)
{
    start(s, call, true);
}

struct stop_request {
    struct request request; /* first */
    char *arn;
    const char *error; /* borrowed from the call; NULL: none */
    const char *cause;
};

static void stop_release(struct request *r)
{
    free(((struct stop_request *)r)->arn);
}

static int read_stopped(void *ctx, const struct stored_execution *row)
{
    *(int64_t *)ctx = row->stopped;
    return 0;
}

/* Stopping what has ended changes nothing and succeeds. */
static void decide_stop(struct engine *e, struct request *r)
{
    struct stop_request *s = (struct stop_request *)r;
    struct error err = {0};
    int64_t stopped = e->now;
    struct execution *x = names_get(&e->executions, s->arn);
    int found = 1;
    if (x && x->status == EXECUTION_RUNNING)
        execution_abort(e, x, s->error, s->cause);
    else if (x)
        stopped = x->stopped;
    else
        found = sfn_db_execution(e->db, s->arn, read_stopped, &stopped, &err);
    if (found > 0)
        request_reply(e, r, json_pack("{s:o}", "stopDate", wire_date(stopped)), NULL);
    else if (found == 0)
        request_fault(e, r, "ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", s->arn);
    else
        request_fault(e, r, "InternalServerError", "%s", err.message);
}

void api_stop(struct local_sfn *sfn, struct local_call *call)
{
    const char *arn = NULL;
    struct stop_request *s;
    if (!check_execution_arn(call, &arn))
        return;
    s = (struct stop_request *)request_new(call, sizeof *s, decide_stop, stop_release);
    if (!s)
        return;
    s->arn = strdup(arn);
    s->error = json_str(call->input, "error", NULL);
    s->cause = json_str(call->input, "cause", NULL);
    if (s->arn) {
        request_post(sfn, &s->request);
        return;
    }
    local_fault(call, 500, "InternalServerError", "out of memory");
    request_cancel(&s->request);
}
