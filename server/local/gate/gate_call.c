/* Answers of the JSON services, and errors in every service's form. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/gate/gate_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call on its way. It borrows nothing of the gate, so that an answer may come after its end. */
struct gate_request {
    struct local_call call;
    struct http_exchange *x;
    struct gate_target target;
    const struct log *log;
};

/* Every answer has one, as SDKs show it in their errors; it is left out if there is no
 * randomness. */
static void add_request_id(struct http_exchange *x)
{
    char id[UUID_TEXT];
    if (crypto_uuid(id, NULL) == 0)
        http_add_header(x, "x-amzn-RequestId", id);
}

/* Gives the body as it stands; one that could not be built becomes a 500. */
static void reply_json(struct http_exchange *x, const struct gate_target *t, int status,
                       struct buf *body)
{
    char crc[16];
    add_request_id(x);
    if (buf_check(body, NULL)) {
        static const char text[] = "{\"__type\":\"InternalServerError\",\"message\":\"The answer "
                                   "is too large.\"}";
        buf_free(body);
        http_reply_const(x, 500, t->content_type, text, sizeof text - 1);
        return;
    }
    if (t->crc32) {
        (void)snprintf(crc, sizeof crc, "%" PRIu32, crypto_crc32(0, body->data, body->len));
        http_add_header(x, "x-amz-crc32", crc);
    }
    http_reply_take(x, status, t->content_type, body);
    buf_free(body);
}

/* The transaction errors alone spell it with a capital letter. */
static const char *message_member(const char *code)
{
    return !strncmp(code, "Transaction", strlen("Transaction")) ? "Message" : "message";
}

/* {"__type": code, "message": text}, and what else the service has to say. */
static void reply_fault(struct http_exchange *x, const struct gate_target *t,
                        const struct local_fault *fault)
{
    struct buf body;
    struct json_writer w;
    const char *name;
    json_t *value;
    buf_init(&body, BUF_MAX_AWS_REPLY);
    jw_init(&w, &body);
    jw_object(&w, NULL);
    jw_str(&w, "__type", fault->code);
    jw_str(&w, message_member(fault->code), fault->message ? fault->message : "");
    json_object_foreach (fault->extra, name, value) {
        jw_json(&w, name, value);
    }
    jw_end_object(&w);
    reply_json(x, t, fault->status, &body);
}

/* S3's <Error>, or the <ErrorResponse> of the query services. Codes and messages hold nothing that
 * XML reserves. */
static void refuse_xml(struct http_exchange *x, const struct gate_refusal *r, bool s3)
{
    struct buf body;
    char id[UUID_TEXT] = "";
    (void)crypto_uuid(id, NULL);
    buf_init(&body, BUF_MAX_LINE);
    buf_addf(&body,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n%s<Error>%s<Code>%s</Code>"
             "<Message>%s</Message>%s</Error>%s",
             s3 ? "" : "<ErrorResponse>", s3 ? "" : "<Type>Sender</Type>", r->code, r->message, "",
             s3 ? "" : "</ErrorResponse>");
    http_add_header(x, s3 ? "x-amz-request-id" : "x-amzn-RequestId", id);
    http_reply_take(x, r->status, "application/xml", &body);
    buf_free(&body);
}

void gate_refuse(struct http_exchange *x, const struct gate_target *t, const struct gate_refusal *r)
{
    const struct local_fault fault = {.status = r->status, .code = r->code, .message = r->message};
    switch (t->form) {
    case GATE_FORM_LAMBDA:
        http_add_header(x, "x-amzn-errortype", r->code);
        reply_fault(x, &(const struct gate_target){.content_type = "application/json"}, &fault);
        return;
    case GATE_FORM_JSON:
        reply_fault(x, t, &fault);
        return;
    default:
        refuse_xml(x, r, t->form == GATE_FORM_S3);
    }
}

/* The service has ended the call: on its own thread, or still within gate_call. */
static void done(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct gate_request *rq = call->ctx;
    if (fault) {
        log_debug(rq->log, "call failed", LOG_STR("service", rq->target.scope),
                  LOG_STR("operation", call->operation), LOG_STR("error", fault->code));
        reply_fault(rq->x, &rq->target, fault);
    } else {
        struct buf body;
        buf_init(&body, BUF_MAX_AWS_REPLY);
        json_dump(&body, output);
        reply_json(rq->x, &rq->target, 200, &body);
    }
    json_decref(output);
    json_decref(call->input);
    free(rq);
}

/* The input object; NULL with the refusal filled. */
static json_t *read_input(const struct http_exchange *x, struct gate_refusal *r)
{
    size_t len = 0;
    const char *body = http_body(x, &len);
    json_t *input = NULL;
    struct error err = {0};
    if (!len)
        return json_object();
    if (json_parse(body, len, &input, &err) == 0 && json_is_object(input))
        return input;
    *r = (struct gate_refusal){.status = 400, .code = "SerializationException"};
    (void)snprintf(r->message, sizeof r->message, "%.*s", (int)sizeof r->message - 1,
                   input ? "The body must be a JSON object." : err.message);
    json_decref(input);
    return NULL;
}

/* The exchange is deferred first: the answer may come before the call returns. */
void gate_call(struct gate *g, struct http_exchange *x, const struct gate_target *target)
{
    struct gate_refusal refusal = {
        .status = 500, .code = "InternalServerError", .message = "out of memory"};
    if (http_too_large(x)) {
        refusal = (struct gate_refusal){.status = 413,
                                        .code = "RequestEntityTooLargeException",
                                        .message = "The request is too large."};
        gate_refuse(x, target, &refusal);
        return;
    }
    json_t *input = read_input(x, &refusal);
    struct gate_request *rq = input ? calloc(1, sizeof *rq) : NULL;
    if (!rq) {
        json_decref(input);
        gate_refuse(x, target, &refusal);
        return;
    }
    rq->x = x;
    rq->target = *target;
    rq->log = g->options.log;
    rq->call = (struct local_call){
        .operation = rq->target.operation, .input = input, .done = done, .ctx = rq};
    http_defer(x);
    target->service->call(target->service->self, &rq->call);
}
