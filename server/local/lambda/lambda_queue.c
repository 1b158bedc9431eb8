/* Invocations: found a function, queued, delivered to an idle environment, finished.
 *
 * An invocation has one owner at any time: the queue of its function, then the environment that was
 * given it, then whoever took it out of either under the lock. The owner tells `done` after leaving
 * the lock, so that each caller is told exactly once and may call back into the room. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/call.h"
#include "server/local/lambda/lambda_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- finding -----------------------------------------------------------------------------------*/

/* "NAME[:QUALIFIER]", "ACCOUNT:function:NAME[:QUALIFIER]" or an ARN of here: where NAME begins.
 * All versions and aliases are the one program, so a qualifier is passed over. */
static const char *name_in(const struct local_lambda *l, const char *text)
{
    char prefix[LAMBDA_ARN_MAX];
    (void)snprintf(prefix, sizeof prefix, "arn:aws:lambda:%s:", l->region);
    if (strncmp(text, prefix, strlen(prefix)) == 0)
        text += strlen(prefix);
    static const char account[] = LOCAL_ACCOUNT ":function:";
    if (strncmp(text, account, sizeof account - 1) == 0)
        text += sizeof account - 1;
    return text;
}

struct lambda_function *lambda_find_locked(struct local_lambda *l, const char *name)
{
    name = name_in(l, name);
    size_t len = strcspn(name, ":");
    struct lambda_function *f = l->functions;
    while (f && (strlen(f->name) != len || strncmp(f->name, name, len) != 0))
        f = f->next;
    return f;
}

/* --- finishing ---------------------------------------------------------------------------------*/

/* The one place where `done` is called and the invocation ends. */
static void tell(struct lambda_invocation *i, struct lambda_outcome outcome)
{
    if (!i)
        return;
    outcome.request_id = i->id;
    outcome.log_path = i->log_path;
    outcome.log_from = i->log_from;
    i->done(i->ctx, &outcome);
    buf_free(&i->payload);
    free(i);
}

void lambda_finish(struct lambda_invocation *i, enum lambda_result result, const char *code,
                   const char *body, size_t len)
{
    tell(i, (struct lambda_outcome){
                .result = result, .status = 200, .code = code, .body = body, .body_len = len});
}

void lambda_finish_refused(struct lambda_invocation *i, int status, const char *code,
                           const char *message)
{
    tell(i, (struct lambda_outcome){.result = LAMBDA_REFUSED,
                                    .status = status,
                                    .code = code,
                                    .body = message,
                                    .body_len = strlen(message)});
}

void lambda_finish_failed(struct lambda_invocation *i, const char *type, const char *fmt, ...)
{
    char message[1024];
    struct buf body;
    struct json_writer w;
    if (!i)
        return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    buf_init(&body, BUF_MAX_LINE);
    jw_init(&w, &body);
    jw_object(&w, NULL);
    jw_str(&w, "errorType", type);
    jw_str(&w, "errorMessage", message);
    jw_end_object(&w);
    lambda_finish(i, LAMBDA_FAILED, type, buf_str(&body), body.len);
    buf_free(&body);
}

void lambda_finish_error_body(struct lambda_invocation *i, const char *type, const char *body,
                              size_t len)
{
    json_t *value = NULL;
    if (!i)
        return;
    if (json_parse(body, len, &value, NULL) == 0)
        lambda_finish(i, LAMBDA_FAILED, json_str(value, "errorType", type), body, len);
    else
        lambda_finish_failed(i, type, "%.500s", body);
    json_decref(value);
}

/* --- queueing ----------------------------------------------------------------------------------*/

struct lambda_invocation *lambda_take_locked(struct lambda_function *f)
{
    struct lambda_invocation *i = f->first;
    if (!i)
        return NULL;
    f->first = i->next;
    if (!f->first)
        f->end = &f->first;
    f->queued--;
    i->next = NULL;
    return i;
}

/* The answer to `next`: the event as body, what it is about as headers. */
static void deliver_locked(struct lambda_environment *v, struct lambda_invocation *i)
{
    const struct local_lambda *l = v->lambda;
    struct http_exchange *x = v->waiting;
    /* The timeout begins here and not in the queue, as in Lambda. */
    int64_t duration = v->function->timeout_seconds * CLOCK_SECOND;
    char text[96];
    v->waiting = NULL;
    v->invocation = i;
    v->state = LAMBDA_BUSY;
    v->due = clock_mono(l->clock) + duration;
    (void)snprintf(i->log_path, sizeof i->log_path, "%s", v->log_path);
    i->log_from = lambda_log_size(v->log_path);
    http_add_header(x, "Lambda-Runtime-Aws-Request-Id", i->id);
    (void)snprintf(text, sizeof text, "%" PRId64, (clock_wall(l->clock) + duration) / CLOCK_MS);
    http_add_header(x, "Lambda-Runtime-Deadline-Ms", text);
    http_add_header(x, "Lambda-Runtime-Invoked-Function-Arn", v->function->arn);
    (void)snprintf(text, sizeof text, "Root=1-%08llx-%.8s%.4s%.12s;Sampled=0",
                   (unsigned long long)(clock_wall(l->clock) / CLOCK_SECOND), i->id, i->id + 9,
                   i->id + 24);
    http_add_header(x, "Lambda-Runtime-Trace-Id", text);
    http_reply_take(x, 200, "application/json", &i->payload);
}

/* An environment that starts, or has just answered, will ask for an event in a moment. */
bool lambda_wants_environment_locked(const struct lambda_function *f)
{
    size_t soon = 0;
    int count = 0;
    for (const struct lambda_environment *v = f->environments; v; v = v->next) {
        count++;
        soon += v->state == LAMBDA_STARTING || v->state == LAMBDA_ANSWERED;
    }
    return f->queued > soon && count < f->lambda->concurrency;
}

/* First come, first served; which environment serves does not matter. */
void lambda_dispatch_locked(struct lambda_function *f)
{
    for (struct lambda_environment *v = f->environments; v && f->first; v = v->next)
        if (v->state == LAMBDA_IDLE)
            deliver_locked(v, lambda_take_locked(f));
}

/* The payload is copied; whether that worked is asked by the caller (buf_check). */
static struct lambda_invocation *
invocation_new(const void *payload, size_t len,
               void (*done)(void *ctx, const struct lambda_outcome *outcome), void *ctx)
{
    struct lambda_invocation *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->done = done;
    i->ctx = ctx;
    buf_init(&i->payload, LAMBDA_PAYLOAD_MAX);
    buf_add(&i->payload, payload, len);
    return i;
}

/* NULL: it was taken; else why not. */
static const char *enqueue(struct local_lambda *l, const char *function,
                           struct lambda_invocation *i, int *status, char message[512])
{
    const char *code = NULL;
    (void)pthread_mutex_lock(&l->lock);
    struct lambda_function *f = lambda_find_locked(l, function);
    if (l->stopping) {
        *status = 500;
        code = "ServiceException";
        (void)snprintf(message, 512, "The server is stopping.");
    } else if (!f) {
        *status = 404;
        code = "ResourceNotFoundException";
        (void)snprintf(message, 512, "Function not found: %.300s", function);
    } else if (f->queued >= LAMBDA_QUEUE_MAX) {
        *status = 429;
        code = "TooManyRequestsException";
        (void)snprintf(message, 512, "Rate Exceeded.");
    } else {
        *f->end = i;
        f->end = &i->next;
        f->queued++;
        lambda_dispatch_locked(f);
        (void)pthread_cond_signal(&l->wake);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return code;
}

void local_lambda_invoke(struct local_lambda *l, const char *function, const void *payload,
                         size_t len, void (*done)(void *ctx, const struct lambda_outcome *outcome),
                         void *ctx)
{
    static const char no_memory[] = "out of memory";
    struct lambda_invocation *i = invocation_new(payload, len, done, ctx);
    char message[512];
    int status = 500;
    if (!i || crypto_uuid(i->id, NULL) != 0) {
        const struct lambda_outcome outcome = {.result = LAMBDA_REFUSED,
                                               .status = 500,
                                               .code = "ServiceException",
                                               .body = no_memory,
                                               .body_len = sizeof no_memory - 1,
                                               .request_id = "",
                                               .log_path = ""};
        done(ctx, &outcome);
        if (i)
            buf_free(&i->payload);
        free(i);
    } else if (buf_check(&i->payload, NULL) != 0) {
        lambda_finish_refused(i, 413, "RequestTooLargeException", LAMBDA_TOO_LARGE);
    } else {
        const char *code = enqueue(l, function, i, &status, message);
        if (code)
            lambda_finish_refused(i, status, code, message);
    }
}
