/* What the gate passes on: the Lambda API below /2015-03-31/functions/. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/lambda/lambda_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
enum { LOG_TAIL_BYTES = 4096, FUNCTION_TEXT_MAX = 512 };

static const char functions_path[] = "/2015-03-31/functions";
static const char json_content[] = "application/json";

/* The error form of rest-json: the header is what clients read. */
static void reply_error(struct http_exchange *x, int status, const char *code, const char *message)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body, BUF_MAX_LINE);
    jw_init(&w, &body);
    jw_object(&w, NULL);
    jw_str(&w, "Type", status < 500 ? "User" : "Service");
    jw_str(&w, "Message", message);
    jw_str(&w, "message", message);
    jw_end_object(&w);
    http_add_header(x, "x-amzn-errortype", code);
    http_reply_take(x, status, json_content, &body);
    buf_free(&body);
}

/* --- Invoke ------------------------------------------------------------------------------------*/

/* A synchronous invocation's caller. */
struct caller {
    struct http_exchange *exchange;
    bool wants_log;
};

static void add_log_tail(struct http_exchange *x, const struct lambda_outcome *outcome)
{
    struct buf tail;
    buf_init(&tail, LOG_TAIL_BYTES);
    lambda_log_tail(outcome->log_path, outcome->log_from, LOG_TAIL_BYTES, &tail);
    char *text = malloc(crypto_base64_size(tail.len));
    if (text) {
        crypto_base64(buf_str(&tail), tail.len, text);
        http_add_header(x, "X-Amz-Log-Result", text);
    }
    free(text);
    buf_free(&tail);
}

/* A function that failed is still a 200: only the header tells. */
static void answer_caller(void *ctx, const struct lambda_outcome *outcome)
{
    struct caller *caller = ctx;
    struct http_exchange *x = caller->exchange;
    http_add_header(x, "x-amzn-RequestId", outcome->request_id);
    if (outcome->result == LAMBDA_REFUSED) {
        reply_error(x, outcome->status, outcome->code, outcome->body);
    } else {
        http_add_header(x, "X-Amz-Executed-Version", "$LATEST");
        if (outcome->result == LAMBDA_FAILED)
            http_add_header(x, "X-Amz-Function-Error", "Unhandled");
        if (caller->wants_log)
            add_log_tail(x, outcome);
        http_reply(x, 200, json_content, outcome->body, outcome->body_len);
    }
    free(caller);
}

/* Nobody waits for an event's outcome; a failure is told in the log. */
static void note_outcome(void *ctx, const struct lambda_outcome *outcome)
{
    const struct local_lambda *l = ctx;
    if (outcome->result != LAMBDA_OK)
        log_warn(l->log, "an asynchronous invocation failed",
                 LOG_STR("aws_request_id", outcome->request_id), LOG_STR("error", outcome->code));
}

/* The exchange is deferred before the call: the answer may come on another thread, or at once. */
static void invoke_and_wait(struct local_lambda *l, struct http_exchange *x, const char *function,
                            const char *payload, size_t len)
{
    const char *log_type = http_header(x, "X-Amz-Log-Type");
    struct caller *caller = calloc(1, sizeof *caller);
    if (!caller) {
        reply_error(x, 500, "ServiceException", "out of memory");
        return;
    }
    caller->exchange = x;
    caller->wants_log = log_type && strcmp(log_type, "Tail") == 0;
    http_defer(x);
    local_lambda_invoke(l, function, payload, len, answer_caller, caller);
}

/* For Event and DryRun, which answer before the function has run. */
static bool function_exists(struct local_lambda *l, const char *name)
{
    (void)pthread_mutex_lock(&l->lock);
    bool exists = lambda_find_locked(l, name) != NULL;
    (void)pthread_mutex_unlock(&l->lock);
    return exists;
}

static void reply_not_found(struct http_exchange *x, const char *function)
{
    char message[FUNCTION_TEXT_MAX + 64];
    (void)snprintf(message, sizeof message, "Function not found: %s", function);
    reply_error(x, 404, "ResourceNotFoundException", message);
}

/* Lambda refuses what is not JSON before it looks for the function. */
static void handle_invoke(struct local_lambda *l, struct http_exchange *x, const char *function)
{
    const char *type = http_header(x, "X-Amz-Invocation-Type");
    size_t len = 0;
    const char *payload = http_body(x, &len);
    struct error err = {.code = ERR_NONE};
    json_t *value = NULL;
    if (len == 0) {
        payload = "{}";
        len = 2;
    }
    if (http_too_large(x) || len > LAMBDA_PAYLOAD_MAX) {
        reply_error(x, 413, "RequestTooLargeException", LAMBDA_TOO_LARGE);
    } else if (json_parse(payload, len, &value, &err) != 0) {
        reply_error(x, 400, "InvalidRequestContentException", err.message);
    } else if (!type || strcmp(type, "RequestResponse") == 0) {
        invoke_and_wait(l, x, function, payload, len);
    } else if (strcmp(type, "Event") != 0 && strcmp(type, "DryRun") != 0) {
        reply_error(x, 400, "InvalidParameterValueException",
                    "X-Amz-Invocation-Type must be RequestResponse, Event or DryRun");
    } else if (!function_exists(l, function)) {
        reply_not_found(x, function);
    } else if (strcmp(type, "Event") == 0) {
        local_lambda_invoke(l, function, payload, len, note_outcome, l);
        http_reply(x, 202, NULL, NULL, 0);
    } else {
        http_reply(x, 204, NULL, NULL, 0);
    }
    json_decref(value);
}

/* --- reading -----------------------------------------------------------------------------------*/

/* The registered variables as an object; items were checked to hold '=' (environment_put). */
static json_t *variables_json(const struct lambda_function *f)
{
    json_t *variables = json_object();
    for (size_t i = 0; i < f->variables.count; i++) {
        const char *item = f->variables.items[i];
        const char *equals = strchr(item, '=');
        (void)json_object_setn_new(variables, item, (size_t)(equals - item),
                                   json_string(equals + 1));
    }
    return variables;
}

/* A function's configuration with the members that clients read. */
static json_t *configuration(const struct lambda_function *f)
{
    char when[CLOCK_TEXT_MAX];
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:i,s:i,s:s,s:s,s:{s:o},s:s,s:s,s:s,s:[s]}",
                     "FunctionName", f->name, "FunctionArn", f->arn, "Runtime", "provided.al2023",
                     "Handler", "bootstrap", "CodeSize", 0, "Description", f->program, "Timeout",
                     f->timeout_seconds, "MemorySize", LAMBDA_MEMORY_MB, "LastModified",
                     clock_rfc3339(f->registered_at, when), "Version", "$LATEST", "Environment",
                     "Variables", variables_json(f), "State", "Active", "LastUpdateStatus",
                     "Successful", "PackageType", "Zip", "Architectures", "x86_64");
}

/* Takes the value over. */
static void reply_json(struct http_exchange *x, json_t *value)
{
    struct buf body;
    buf_init(&body, BUF_MAX_PAGE);
    if (value)
        json_dump(&body, value);
    if (!value || buf_check(&body, NULL) != 0)
        reply_error(x, 500, "ServiceException", "out of memory");
    else
        http_reply_take(x, 200, json_content, &body);
    buf_free(&body);
    json_decref(value);
}

/* All on one page: the functions are the few that were registered at start-up. */
static void handle_list(struct local_lambda *l, struct http_exchange *x)
{
    json_t *list = json_array();
    (void)pthread_mutex_lock(&l->lock);
    for (const struct lambda_function *f = l->functions; f; f = f->next)
        (void)json_array_append_new(list, configuration(f));
    (void)pthread_mutex_unlock(&l->lock);
    reply_json(x, json_pack("{s:o}", "Functions", list));
}

/* GetFunction wraps the configuration that GetFunctionConfiguration gives alone (`whole`). Built
 * under the lock, since registering changes the list. */
static void handle_get(struct local_lambda *l, struct http_exchange *x, const char *function,
                       bool whole)
{
    (void)pthread_mutex_lock(&l->lock);
    const struct lambda_function *f = lambda_find_locked(l, function);
    json_t *value = f ? configuration(f) : NULL;
    (void)pthread_mutex_unlock(&l->lock);
    if (!f)
        reply_not_found(x, function);
    else if (whole)
        reply_json(x, json_pack("{s:o,s:{s:s,s:s},s:{}}", "Configuration", value, "Code",
                                "RepositoryType", "local", "Location", "", "Tags"));
    else
        reply_json(x, value);
}

/* --- routing -----------------------------------------------------------------------------------*/

/* -1 for what is no digit; the case is folded by setting bit 5, which digits have already. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one path segment into out; false when it is empty, too long or badly encoded. */
static bool decode_segment(const char *text, size_t len, char out[FUNCTION_TEXT_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < FUNCTION_TEXT_MAX; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0)
            return false;
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return n > 0 && n + 1 < FUNCTION_TEXT_MAX;
}

/* What stands behind the function's name decides, with the method. */
static void route(struct local_lambda *l, struct http_exchange *x, const char *function,
                  const char *rest)
{
    bool get = strcmp(http_method(x), "GET") == 0;
    bool post = strcmp(http_method(x), "POST") == 0;
    char message[256];
    if (post && strcmp(rest, "/invocations") == 0) {
        handle_invoke(l, x, function);
    } else if (get && (*rest == '\0' || strcmp(rest, "/configuration") == 0)) {
        handle_get(l, x, function, *rest == '\0');
    } else {
        (void)snprintf(message, sizeof message, "Lambda's %.16s %.160s is not offered locally",
                       http_method(x), http_raw_path(x));
        reply_error(x, 400, "UnsupportedOperationException", message);
    }
}

void local_lambda_handle(struct local_lambda *l, struct http_exchange *x)
{
    /* Only looked at when the prefix was there, see below. */
    const char *path = http_raw_path(x) + sizeof functions_path - 1;
    char function[FUNCTION_TEXT_MAX];
    if (strncmp(http_raw_path(x), functions_path, sizeof functions_path - 1) != 0) {
        reply_error(x, 404, "ResourceNotFoundException", "there is no such path in Lambda's API");
        return;
    }
    path += *path == '/';
    size_t len = strcspn(path, "/");
    if (len == 0 && strcmp(http_method(x), "GET") == 0)
        handle_list(l, x);
    else if (!decode_segment(path, len, function))
        reply_error(x, 400, "InvalidParameterValueException", "the function's name is not valid");
    else
        route(l, x, function, path + len);
}
