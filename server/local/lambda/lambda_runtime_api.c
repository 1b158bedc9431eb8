/* The Lambda Runtime API as one environment sees it: GET invocation/next, POST
 * invocation/ID/response, POST invocation/ID/error, POST init/error.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * One server for each environment, on a port of its own: the port tells who is calling, so that a
 * program cannot answer for another. Handlers run on that server's one thread and only hold the
 * lock while they move the state. */
#include "lib/json/json_write.h"
#include "server/local/lambda/lambda_private.h"

#include <stdio.h>
#include <string.h>

static const char version_path[] = "/2018-06-01/runtime/";
static const char json_content[] = "application/json";

/* The error body of the Runtime API, whose members are named unlike those of the Lambda API. */
static void reply_error(struct http_exchange *x, int status, const char *type, const char *message)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body, BUF_MAX_LINE);
    jw_init(&w, &body);
    jw_object(&w, NULL);
    jw_str(&w, "errorMessage", message);
    jw_str(&w, "errorType", type);
    jw_end_object(&w);
    http_reply_take(x, status, json_content, &body);
    buf_free(&body);
}

static void reply_accepted(struct http_exchange *x)
{
    static const char accepted[] = "{\"status\":\"OK\"}\n";
    http_reply_const(x, 202, json_content, accepted, sizeof accepted - 1);
}

/* The long poll: the exchange waits in the environment until an event is delivered by it. */
static void handle_next(struct lambda_environment *v, struct http_exchange *x)
{
    struct local_lambda *l = v->lambda;
    (void)pthread_mutex_lock(&l->lock);
    enum lambda_state state = v->state;
    if (state != LAMBDA_BUSY && state != LAMBDA_ENDING) {
        /* A second `next` without an answer in between replaces the first: the program lost it. */
        struct http_exchange *before = v->waiting;
        http_defer(x);
        v->waiting = x;
        v->state = LAMBDA_IDLE;
        v->due = clock_mono(l->clock) + LAMBDA_IDLE_SECONDS * CLOCK_SECOND;
        lambda_dispatch_locked(v->function);
        (void)pthread_cond_signal(&l->wake);
        if (before)
            http_reply(before, 409, NULL, NULL, 0);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (state == LAMBDA_BUSY)
        reply_error(x, 403, "InvalidStateTransition",
                    "the event before was not answered: post its response or its error first");
    else if (state == LAMBDA_ENDING)
        reply_error(x, 500, "ContainerError", "this environment is ending");
}

/* Takes the event with this id for an answer. Gives the HTTP status: 202, or why not. */
static int take_answered(struct lambda_environment *v, const char *id,
                         struct lambda_invocation **taken)
{
    struct local_lambda *l = v->lambda;
    int status = 400;
    *taken = NULL;
    (void)pthread_mutex_lock(&l->lock);
    if (v->invocation && strcmp(v->invocation->id, id) == 0) {
        *taken = v->invocation;
        v->invocation = NULL;
        v->state = LAMBDA_ANSWERED;
        v->due = clock_mono(l->clock) + LAMBDA_INIT_SECONDS * CLOCK_SECOND;
        (void)snprintf(v->answered_id, sizeof v->answered_id, "%s", id);
        (void)pthread_cond_signal(&l->wake);
        status = 202;
    } else if (v->state == LAMBDA_ENDING || strcmp(v->answered_id, id) == 0) {
        status = 403;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return status;
}

/* The caller is told before the program is: what it does next cannot change the outcome. */
static void handle_answer(struct lambda_environment *v, struct http_exchange *x, const char *id,
                          bool failed)
{
    struct lambda_invocation *i = NULL;
    size_t len = 0;
    const char *body = http_body(x, &len);
    const char *type = http_header(x, "Lambda-Runtime-Function-Error-Type");
    int status = take_answered(v, id, &i);
    if (status == 403) {
        reply_error(x, 403, "InvalidStateTransition", "this event was answered before");
    } else if (status == 400) {
        reply_error(x, 400, "InvalidRequestID", "this is not the id of the event at hand");
    } else {
        if (failed)
            lambda_finish_error_body(i, type ? type : "Runtime.UnknownReason", body, len);
        else
            lambda_finish(i, LAMBDA_OK, "", body, len);
        reply_accepted(x);
    }
}

/* Kept until the process has ended; one that stays instead is killed in a second. */
static void handle_init_error(struct lambda_environment *v, struct http_exchange *x)
{
    struct local_lambda *l = v->lambda;
    size_t len = 0;
    const char *body = http_body(x, &len);
    (void)pthread_mutex_lock(&l->lock);
    bool starting = v->state == LAMBDA_STARTING;
    if (starting && v->init_error.len == 0) {
        buf_add(&v->init_error, body, len);
        if (len == 0 || v->init_error.failed) {
            buf_reset(&v->init_error);
            buf_adds(&v->init_error, "{\"errorType\":\"Runtime.InitError\"}");
        }
        v->due = clock_mono(l->clock) + CLOCK_SECOND;
        (void)pthread_cond_signal(&l->wake);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (starting)
        reply_accepted(x);
    else
        reply_error(x, 403, "InvalidStateTransition", "init has ended already");
}

/* Splits "invocation/ID/WHAT"; false when the path is not so. */
static bool split_invocation(const char *path, char id[UUID_TEXT], const char **what)
{
    static const char prefix[] = "invocation/";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return false;
    path += sizeof prefix - 1;
    size_t len = strcspn(path, "/");
    if (path[len] != '/')
        return false;
    /* A longer id is no event's: cut, it still is none. */
    (void)snprintf(id, UUID_TEXT, "%.*s", len < UUID_TEXT ? (int)len : 0, path);
    *what = path + len + 1;
    return true;
}

static void route(struct lambda_environment *v, struct http_exchange *x, const char *path)
{
    bool get = strcmp(http_method(x), "GET") == 0;
    bool post = strcmp(http_method(x), "POST") == 0;
    char id[UUID_TEXT];
    const char *what = "";
    if (get && strcmp(path, "invocation/next") == 0)
        handle_next(v, x);
    else if (post && strcmp(path, "init/error") == 0)
        handle_init_error(v, x);
    else if (post && split_invocation(path, id, &what) && strcmp(what, "response") == 0)
        handle_answer(v, x, id, false);
    else if (post && strcmp(what, "error") == 0)
        handle_answer(v, x, id, true);
    else
        reply_error(x, 404, "NotFound", "there is no such call in the Runtime API");
}

/* Every request of this environment's program. */
static void handle(void *ctx, struct http_exchange *x)
{
    const char *path = http_raw_path(x);
    if (http_too_large(x))
        reply_error(x, 413, "RequestEntityTooLarge",
                    "Exceeded maximum allowed payload size (6291556 bytes).");
    else if (strncmp(path, version_path, sizeof version_path - 1) != 0)
        reply_error(x, 404, "NotFound", "the Runtime API is below /2018-06-01/runtime/");
    else
        route(ctx, x, path + sizeof version_path - 1);
}

struct http_server *lambda_runtime_api_start(struct lambda_environment *v, struct error *err)
{
    const struct http_server_options options = {.host = "127.0.0.1",
                                                .threads = 1,
                                                .max_connections = 16,
                                                .idle_seconds = LAMBDA_IDLE_SECONDS + 60,
                                                .max_body = LAMBDA_ANSWER_MAX,
                                                .log = v->lambda->log,
                                                .ctx = v,
                                                .handle = handle};
    return http_server_start(&options, err);
}
