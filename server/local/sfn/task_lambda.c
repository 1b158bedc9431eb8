/* Lambda: a bare function ARN, and lambda:invoke. */
#include "lib/json/json_read.h"
#include "server/local/sfn/task.h"

#include <string.h>

/* What the platform itself answers; Status Code and so on as the optimised integration words it. */
static void refused(struct task_call *call, const struct lambda_outcome *outcome)
{
    char error[128];
    (void)snprintf(error, sizeof error, "Lambda.%s", outcome->code);
    task_call_fail(call, error,
                   "%.*s (Service: AWSLambda; Status Code: %d; Error Code: %s; Request ID: %s; "
                   "Proxy: null)",
                   (int)outcome->body_len, outcome->body, outcome->status, outcome->code,
                   outcome->request_id ? outcome->request_id : "");
}

/* The function's own error: its payload is the cause, as it stands for a bare ARN, compact for
 * lambda:invoke (both recorded). */
static void failed(struct task_call *call, const struct lambda_outcome *outcome)
{
    const char *error = outcome->code && outcome->code[0] ? outcome->code : "Lambda.Unknown";
    json_t *payload = NULL;
    struct text *compact = NULL;
    if (!call->function && json_parse(outcome->body, outcome->body_len, &payload, NULL) == 0)
        compact = text_of(payload);
    json_decref(payload);
    if (compact)
        task_call_fail(call, error, "%s", compact->raw);
    else
        task_call_fail(call, error, "%.*s", (int)outcome->body_len, outcome->body);
    text_release(compact);
}

/* What an answer looks like to the state. */
static json_t *shape_answer(const struct task_call *call, json_t *payload)
{
    if (call->function)
        return payload;
    json_t *output = json_pack("{s:s, s:o, s:i}", "ExecutedVersion", "$LATEST", "Payload", payload,
                               "StatusCode", 200);
    if (output && task_add_metadata(output, "application/json")) {
        json_decref(output);
        return NULL;
    }
    return output;
}

/* More than a state may return: the text alone tells, it need not be read. */
static bool beyond_limit(struct task_call *call, const struct lambda_outcome *outcome)
{
    if (outcome->body_len <= STATE_BYTES_MAX)
        return false;
    task_call_fail(call, "States.DataLimitExceeded",
                   "The state/task '%s' returned a result with a size exceeding the maximum number "
                   "of bytes service limit.",
                   call->function ? call->function : "lambda");
    return true;
}

/* On whatever thread the function's answer arrives; reading it there keeps the engine free. */
static void invoked(void *ctx, const struct lambda_outcome *outcome)
{
    struct task_call *call = ctx;
    struct error err = {0};
    json_t *payload = NULL;
    if (outcome->result == LAMBDA_REFUSED) {
        refused(call, outcome);
        return;
    }
    if (outcome->result == LAMBDA_FAILED) {
        failed(call, outcome);
        return;
    }
    if (beyond_limit(call, outcome))
        return;
    if (outcome->body_len == 0)
        payload = json_null();
    else if (json_parse(outcome->body, outcome->body_len, &payload, &err)) {
        task_call_fail(call, "Lambda.Unknown", "The function's answer is not JSON: %s",
                       err.message);
        return;
    }
    call->result.output = shape_answer(call, payload);
    if (call->result.output)
        task_call_done(call);
    else
        task_call_no_memory(call);
}

/* The payload's text. Recorded for lambda:invoke: a string that is JSON text is sent as that text.
 */
static void write_payload(const struct task_call *call, const json_t *payload, struct buf *text)
{
    const char *raw = call->function ? NULL : json_string_value(payload);
    size_t len = json_string_length(payload);
    json_t *parsed = NULL;
    if (!payload)
        buf_adds(text, "{}");
    else if (raw && json_parse(raw, len, &parsed, NULL) == 0)
        buf_add(text, raw, len);
    else
        json_dump(text, payload);
    json_decref(parsed);
}

/* The payload is copied by the service before it returns. */
static void invoke(struct task_call *call, const char *function, const json_t *payload)
{
    const struct sfn_backend *backend = call->backend;
    struct buf text;
    if (!backend->invoke) {
        task_call_fail(call, "States.Runtime", "This endpoint does not offer Lambda functions.");
        return;
    }
    buf_init(&text, BUF_MAX_PAYLOAD);
    write_payload(call, payload, &text);
    if (buf_check(&text, NULL))
        task_call_fail(call, "Lambda.RequestTooLargeException",
                       "Request must be smaller than %d bytes", BUF_MAX_PAYLOAD);
    else
        backend->invoke(backend->lambda, function, buf_str(&text), text.len, invoked, call);
    buf_free(&text);
}

void task_function_start(struct task_call *call)
{
    invoke(call, call->function, call->parameters);
}

/* InvocationType Event would end before the function does; it is refused rather than ignored. */
void task_invoke_start(struct task_call *call)
{
    const char *function = json_str(call->parameters, "FunctionName", NULL);
    const char *type = json_str(call->parameters, "InvocationType", "RequestResponse");
    json_t *payload = json_object_get(call->parameters, "Payload");
    if (!function) {
        task_call_fail(call, "States.Runtime",
                       "The field 'FunctionName' is required but was missing");
    } else if (strcmp(type, "RequestResponse") != 0) {
        task_call_fail(call, "States.Runtime",
                       "This endpoint does not offer the InvocationType '%s'", type);
    } else {
        /* Recorded: a null payload reaches the function as an empty object. */
        invoke(call, function, json_is_null(payload) ? NULL : payload);
    }
}
