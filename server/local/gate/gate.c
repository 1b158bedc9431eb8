/* One way for every request: whose is it, may it come in, is that service here; then its service.
 * The way is told anew in each callback, from the request itself: nothing is kept in between.
 *
 * Closing: gate_quiesce counts the threads inside a service down to none, the services close and
 * answer what they owe, then gate_close ends the server. S3 is not counted: it closes after the
 * gate. */
#include "server/local/gate/gate.h"

#include "server/local/gate/gate_private.h"
#include "server/local/sts/local_sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    JSON_BODY_MAX = 3 * BUF_MAX_PAYLOAD, /* a DynamoDB batch may have 16 MB */
    FORM_MAX = 64 * 1024,
    THREADS_MIN = 4, /* S3 syncs files on them */
};

/* A service that is not here answers so, whatever the operation. */
static void refuse_unknown(struct http_exchange *x, const struct gate_target *t)
{
    struct gate_refusal r = {.status = 400, .code = "UnknownOperationException"};
    const char *name = http_header(x, "X-Amz-Target");
    char scope[GATE_SCOPE_MAX];
    gate_scope(x, scope);
    if (t->form == GATE_FORM_S3 || t->form == GATE_FORM_QUERY) {
        r.status = 501;
        r.code = "NotImplemented";
    }
    (void)snprintf(r.message, sizeof r.message, "%.100s is not offered here.",
                   name     ? name
                   : *scope ? scope
                            : "s3");
    gate_refuse(x, t, &r);
}

/* Refusals come before the body: a client that asks first need not send it. */
static void begin(void *ctx, struct http_exchange *x)
{
    struct gate *g = ctx;
    struct gate_target target;
    struct gate_refusal refusal = {0};
    gate_find_target(g, x, &target);
    if (!gate_check(g, x, &target, &refusal))
        gate_refuse(x, &target, &refusal);
    else if (!target.known)
        refuse_unknown(x, &target);
    else if (target.form == GATE_FORM_S3)
        local_s3_begin(g->options.s3, x);
    else
        http_body_limit(x, target.form == GATE_FORM_JSON    ? JSON_BODY_MAX
                           : target.form == GATE_FORM_QUERY ? FORM_MAX
                                                            : BUF_MAX_PAYLOAD);
}

/* Payloads beyond Lambda's limit never reach it. */
static void handle_lambda(struct gate *g, struct http_exchange *x, const struct gate_target *target)
{
    const struct gate_refusal too_large = {.status = 413,
                                           .code = "RequestTooLargeException",
                                           .message = "The payload is larger than 6291456 bytes."};
    if (http_too_large(x))
        gate_refuse(x, target, &too_large);
    else
        local_lambda_handle(g->options.lambda, x);
}

static void handle_sts(struct http_exchange *x, const struct gate_target *target)
{
    const struct gate_refusal other = {
        .status = 400,
        .code = "InvalidAction",
        .message = "Of the actions of STS only GetCallerIdentity is offered here."};
    if (!local_sts_handle(x))
        gate_refuse(x, target, &other);
}

/* The request was let in by `begin`. */
static void handle(void *ctx, struct http_exchange *x)
{
    struct gate *g = ctx;
    struct gate_target target;
    gate_find_target(g, x, &target);
    if (target.form == GATE_FORM_S3)
        local_s3_handle(g->options.s3, x);
    else if (target.form == GATE_FORM_JSON)
        gate_call(g, x, &target);
    else if (target.form == GATE_FORM_QUERY)
        handle_sts(x, &target);
    else
        handle_lambda(g, x, &target);
}

/* Only S3 keeps something with its requests. */
static void finished(void *ctx, struct http_exchange *x)
{
    struct gate *g = ctx;
    struct gate_target target;
    gate_find_target(g, x, &target);
    if (target.form == GATE_FORM_S3 && target.known)
        local_s3_finished(g->options.s3, x);
}

struct gate *gate_open(const struct gate_options *options, struct error *err)
{
    struct gate *g = calloc(1, sizeof *g);
    if (!g) {
        err_set(err, ERR_MEMORY, "opening the local endpoint: out of memory");
        return NULL;
    }
    g->options = *options;
    (void)snprintf(g->listen_host, sizeof g->listen_host,
                   strchr(options->host, ':') ? "[%s]" : "%s", options->host);
    /* Requests without a limit of their own (begin) may have a Lambda payload's length. */
    const struct http_server_options server = {.host = options->host,
                                               .port = options->port,
                                               .threads = THREADS_MIN,
                                               .max_body = BUF_MAX_PAYLOAD,
                                               .log = options->log,
                                               .ctx = g,
                                               .begin = begin,
                                               .handle = handle,
                                               .finished = finished};
    g->server = http_server_start(&server, err);
    if (!g->server) {
        err_wrap(err, "the local endpoint");
        return gate_close(g);
    }
    return g;
}

const char *gate_url(const struct gate *g)
{
    return http_server_url(g->server);
}

void gate_quiesce(struct gate *g)
{
    http_server_quiesce(g->server);
}

struct gate *gate_close(struct gate *g)
{
    if (!g)
        return NULL;
    http_server_stop(g->server);
    free(g);
    return NULL;
}
