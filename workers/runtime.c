/* The process serves event after event with one kept-alive connection. Lambda freezes it while it
 * waits for the next one, so nothing measures time across that wait. */
#include "workers/runtime.h"

#include "lib/json/json_read.h"
#include "lib/json/json_write.h"

#include <stdlib.h>
#include <string.h>

#define API_VERSION "/2018-06-01"

enum { NEXT_FOREVER = -1, POST_MS = 30000, MAX_REPLY = BUF_MAX_PAYLOAD + 1024 };

/* The template's worker with the id and deadline of the event at hand. */
struct runtime {
    struct http_client *http;
    const char *api;
    struct worker worker;
    runtime_handler_fn handler;
    char request_id[ERR_REQUEST_ID_MAX];
};

/* What may work when it is done again: the state machines retry exactly this. */
static bool is_transient(const struct error *err)
{
    switch (err->code) {
    case ERR_NETWORK:
    case ERR_TIMEOUT:
    case ERR_BUSY:
    case ERR_MEMORY:
        return true;
    case ERR_REMOTE:
        /* Another try is another environment, or this one with credentials that were renewed. */
        return aws_is_throttle(err) || err->http_status >= 500 ||
               err_is_remote(err, "ExpiredTokenException") || err_is_remote(err, "ExpiredToken");
    default:
        return false;
    }
}

/* Permissions are told apart from other refusals: a person can grant them and start the run again.
 */
static bool is_denied(const struct error *err)
{
    return err->code == ERR_DENIED || err->http_status == 403 ||
           err_is_remote(err, "AccessDeniedException") || err_is_remote(err, "AccessDenied");
}

/* The first that fits; state machines know these names, so they must not change. */
const char *runtime_error_type(const struct error *err)
{
    if (is_transient(err))
        return "Stepfleet.Transient";
    if (is_denied(err))
        return "Stepfleet.AccessDenied";
    switch (err->code) {
    case ERR_SPEC_INVALID:
        return "Stepfleet.SpecInvalid";
    case ERR_SYNTAX:
    case ERR_ARGUMENT:
        return "Stepfleet.BadEvent";
    case ERR_CONFLICT:
        return "Stepfleet.RunIdUsed";
    case ERR_LIMIT:
        return "Stepfleet.TooLarge";
    case ERR_REMOTE:
        return "Stepfleet.ServiceError";
    default:
        return "Stepfleet.Internal";
    }
}

/* POSTs a body below /runtime; *status is the answer's. */
static int post(struct runtime *r, const char *path, const struct buf *body, const char *error_type,
                int *status, struct error *err)
{
    struct buf url;
    buf_init(&url, BUF_MAX_LINE);
    buf_addf(&url, "http://%s" API_VERSION "/runtime/%s", r->api, path);
    const struct http_header headers[] = {
        {"Content-Type", "application/json"},
        {"Lambda-Runtime-Function-Error-Type", error_type},
    };
    const struct http_request request = {
        .method = "POST",
        .url = buf_str(&url),
        .headers = headers,
        .header_count = error_type ? 2 : 1,
        .body = buf_str(body),
        .body_len = body->len,
        .max_reply = BUF_MAX_LINE,
        .timeout_ms = POST_MS,
        .no_proxy = true,
    };
    struct http_response response = {0};
    int rc = buf_check(&url, err);
    if (rc == 0)
        rc = http_client_call(r->http, &request, &response, err);
    *status = response.status;
    http_response_free(&response);
    buf_free(&url);
    return rc;
}

/* The error's JSON as Lambda expects it; also becomes the Cause in a state machine. */
static void write_error(struct buf *out, const struct error *why)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "errorMessage", why->message);
    jw_str(&w, "errorType", runtime_error_type(why));
    jw_array(&w, "stackTrace");
    jw_end_array(&w);
    jw_end_object(&w);
}

/* Tells the API that the invocation (or the start) failed. */
static int post_error(struct runtime *r, const char *path, const struct error *why,
                      struct error *err)
{
    struct buf body;
    int status;
    buf_init(&body, BUF_MAX_LINE);
    write_error(&body, why);
    int rc = post(r, path, &body, runtime_error_type(why), &status, err);
    buf_free(&body);
    return rc;
}

/* Posts what the handler answered; an answer that is too large becomes an error. */
static int post_answer(struct runtime *r, const json_t *answer, struct error *err)
{
    char path[ERR_REQUEST_ID_MAX + 32];
    struct buf body;
    int status = 0, rc = 0;
    buf_init(&body, BUF_MAX_PAYLOAD);
    json_dump(&body, answer);
    if (buf_check(&body, err) != 0) {
        status = 413;
    } else {
        (void)snprintf(path, sizeof path, "invocation/%s/response", r->request_id);
        rc = post(r, path, &body, NULL, &status, err);
    }
    size_t len = body.len;
    buf_free(&body);
    if (rc == 0 && status == 413) {
        struct error why;
        err_set(&why, ERR_LIMIT, "the answer of %zu bytes or more is too large for Lambda", len);
        (void)snprintf(path, sizeof path, "invocation/%s/error", r->request_id);
        return post_error(r, path, &why, err);
    }
    if (rc == 0 && status != 202 && status != 200)
        log_warn(r->worker.log, "the runtime API refused the answer", LOG_INT("status", status),
                 LOG_STR("aws_request_id", r->request_id));
    return rc;
}

/* Runs the handler on one event and posts its answer or its error. */
static int answer_event(struct runtime *r, const struct http_response *next, struct error *err)
{
    struct error why = {0};
    json_t *event = NULL, *answer = NULL;
    const struct log *lg = r->worker.log;
    int64_t begun = clock_mono(r->worker.clock);
    int rc = json_parse(buf_str(&next->body), next->body.len, &event, &why);
    if (rc != 0)
        err_wrap(&why, "the event is not JSON");
    else
        rc = r->handler(&r->worker, event, &answer, &why);
    json_decref(event);
    int64_t ms = (clock_mono(r->worker.clock) - begun) / CLOCK_MS;
    if (rc == 0) {
        log_info(lg, "answered", LOG_STR("aws_request_id", r->request_id), LOG_INT("ms", ms));
        rc = post_answer(r, answer, err);
        json_decref(answer);
        return rc;
    }
    log_error(lg, "failed", LOG_STR("aws_request_id", r->request_id), LOG_INT("ms", ms),
              LOG_STR("error_type", runtime_error_type(&why)), LOG_STR("error", why.message));
    char path[ERR_REQUEST_ID_MAX + 32];
    (void)snprintf(path, sizeof path, "invocation/%s/error", r->request_id);
    if (post_error(r, path, &why, err) != 0)
        return -1;
    if (why.code == ERR_SYSTEM || why.code == ERR_INTERNAL)
        return err_set(err, why.code, "not to be trusted any more: %.512s", why.message);
    return 0;
}

/* Waits for the next event, however long it takes, and answers it. */
static int serve_one(struct runtime *r, const char *next_url, struct error *err)
{
    const struct http_request request = {
        .method = "GET",
        .url = next_url,
        .max_reply = MAX_REPLY,
        .timeout_ms = NEXT_FOREVER,
        .no_proxy = true,
    };
    struct http_response next = {0};
    char deadline[32] = "";
    int rc = http_client_call(r->http, &request, &next, err);
    if (rc == 0 && next.status != 200)
        rc = err_set(err, ERR_REMOTE, "the runtime API answered %d instead of an event",
                     next.status);
    if (rc == 0 && !http_response_header(&next, "Lambda-Runtime-Aws-Request-Id", r->request_id,
                                         sizeof r->request_id))
        rc = err_set(err, ERR_SYNTAX, "the runtime API gave an event without a request id");
    if (rc == 0) {
        (void)http_response_header(&next, "Lambda-Runtime-Deadline-Ms", deadline, sizeof deadline);
        int64_t ms = strtoll(deadline, NULL, 10);
        r->worker.deadline = ms > 0 && ms < INT64_MAX / CLOCK_MS ? ms * CLOCK_MS : 0;
        rc = answer_event(r, &next, err);
    }
    http_response_free(&next);
    return rc;
}

/* The client is not the worker's AWS client: a call there may be given up, the API's must not be.
 */
static int runtime_open(struct runtime *r, const char *api, const struct worker *w,
                        struct error *err)
{
    *r = (struct runtime){.api = api, .worker = *w};
    r->worker.request_id = r->request_id;
    r->http = http_client_new(&(struct http_client_options){.max_connections = 1}, err);
    return r->http ? 0 : -1;
}

/* Ends only by failing: Lambda starts a fresh process then, which is the cure for what ails this
 * one. */
int runtime_serve(const char *api, const struct worker *w, runtime_handler_fn handler,
                  struct error *err)
{
    struct runtime r;
    struct buf url;
    if (runtime_open(&r, api, w, err) != 0)
        return -1;
    r.handler = handler;
    buf_init(&url, BUF_MAX_LINE);
    buf_addf(&url, "http://%s" API_VERSION "/runtime/invocation/next", api);
    int rc = buf_check(&url, err);
    while (rc == 0)
        rc = serve_one(&r, buf_str(&url), err);
    buf_free(&url);
    http_client_free(r.http);
    return -1;
}

/* Lambda then tells this reason, and not only that a process has exited. */
void runtime_init_failed(const char *api, const struct worker *w, const struct error *why)
{
    struct runtime r;
    struct error err = {0};
    if (runtime_open(&r, api, w, &err) != 0)
        return;
    if (post_error(&r, "init/error", why, &err) != 0)
        log_warn(w->log, "could not tell the runtime API", LOG_STR("error", err.message));
    http_client_free(r.http);
}

/* The AWS client is made once: its connections serve event after event. */
int runtime_main(const char *program, runtime_handler_fn handler)
{
    struct log lg;
    struct error err = {0};
    http_limit_names();
    log_open(&lg, 2, LOG_INFO, program);
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    if (!api || !*api) {
        log_error(&lg, "AWS_LAMBDA_RUNTIME_API is not set: this program runs as a Lambda function",
                  LOG_STR("program", program));
        return 2;
    }
    struct worker w = {.clock = clock_system(), .log = &lg, .request_id = ""};
    w.aws = aws_new(&(struct aws_options){.clock = w.clock, .log = &lg}, &err);
    if (!w.aws) {
        log_error(&lg, "could not start", LOG_STR("error", err.message));
        runtime_init_failed(api, &w, &err);
        return 1;
    }
    (void)runtime_serve(api, &w, handler, &err);
    log_error(&lg, "stopped serving", LOG_STR("error", err.message));
    aws_free(w.aws);
    return 1;
}
