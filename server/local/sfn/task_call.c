/* One call under way: from the frame to the service and back.
 *
 *   task_call_new -> (commit) -> kind->start or kind->watch -> ... any thread ... -> task_call_done
 *   -> mailbox -> task_arrived on the engine's thread -> task_call_end
 *
 * Until it is sent the engine owns the call; then the service does, until it comes back as a
 * message. When the engine closes meanwhile, the message finds a shut mailbox and the call frees
 * itself. */
#include "lib/crypto/crypto.h"
#include "server/local/sfn/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAUSE_MAX = 32768 };

/* With everything it holds; nobody may point to it any more. */
static void call_free(struct task_call *call)
{
    mailbox_release(call->mailbox);
    json_decref(call->parameters);
    json_decref(call->request);
    json_decref(call->result.output);
    asl_failure_free(&call->result.failure);
    free(call->function);
    free(call->client_token);
    free(call->job);
    free(call);
}

static void call_deliver(struct engine *e, struct message *m)
{
    task_arrived(e, (struct task_call *)m);
}

static void call_drop(struct message *m)
{
    call_free((struct task_call *)m);
}

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

struct task_call *task_call_new(struct engine *e, struct frame *f, enum call_stage stage,
                                json_t *parameters)
{
    const struct machine_task *task = &f->state->u.task;
    struct task_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->message.deliver = call_deliver;
    call->message.drop = call_drop;
    call->backend = e->backend;
    call->mailbox = mailbox_hold(e->mailbox);
    call->kind = task->kind;
    call->pattern = task->pattern;
    call->stage = stage;
    /* A copy of its own: another thread will free it, and the frame's shares parts with others. */
    call->parameters = json_deep_copy(parameters);
    call->function = task_is_function(task->kind) ? strdup(task->arn) : NULL;
    call->client_token = copy_or_null(f->client_token);
    call->job = copy_or_null(f->job);
    if (!call->parameters || (task_is_function(task->kind) && !call->function) ||
        (f->client_token && !call->client_token) || (f->job && !call->job)) {
        call_free(call);
        return NULL;
    }
    call->frame = f;
    f->call = call;
    call->next = e->calls;
    if (call->next)
        call->next->previous = call;
    e->calls = call;
    return call;
}

/* Takes it out of the engine's list. */
static void unlink_call(struct engine *e, struct task_call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        e->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
}

void task_call_end(struct engine *e, struct task_call *call)
{
    unlink_call(e, call);
    call_free(call);
}

static struct task_call *of_effect(struct effect *effect)
{
    return (struct task_call *)((char *)effect - offsetof(struct task_call, effect));
}

/* After the commit. Who waited may have ended in the same turn. */
static void send_release(struct effect *self, struct engine *e)
{
    struct task_call *call = of_effect(self);
    call->sent = call->frame != NULL;
    if (!call->sent)
        task_call_end(e, call);
    else if (call->stage == CALL_START)
        call->kind->start(call);
    else
        call->kind->watch(e, call);
}

static void send_drop(struct effect *self)
{
    (void)self; /* task_calls_close frees what was never sent */
}

void task_call_send(struct engine *e, struct task_call *call)
{
    call->effect = (struct effect){.release = send_release, .drop = send_drop};
    engine_effect(e, &call->effect);
}

void task_calls_close(struct engine *e)
{
    struct task_call *call = e->calls;
    e->calls = NULL;
    /* What was sent and cannot be called back frees itself when it comes: the mailbox is shut. */
    while (call) {
        struct task_call *next = call->next;
        if (!call->sent || (call->stage == CALL_WATCH && call->kind->unwatch(e, call)))
            call_free(call);
        call = next;
    }
}

void task_call_done(struct task_call *call)
{
    mailbox_post(call->mailbox, &call->message);
}

void task_call_fail(struct task_call *call, const char *error, const char *fmt, ...)
{
    char *cause = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&cause, fmt, args) < 0)
        cause = NULL;
    va_end(args);
    asl_fail(&call->result.failure, error, "%s", cause ? cause : "");
    free(cause);
    task_call_done(call);
}

void task_call_no_memory(struct task_call *call)
{
    task_call_fail(call, "States.Runtime", "The local endpoint ran out of memory.");
}

void task_call_fault(struct task_call *call, const char *prefix, const struct local_fault *fault)
{
    char error[128];
    char request_id[UUID_TEXT] = "";
    bool known = strstr(fault->code, "Exception") != NULL || strstr(fault->code, "Error") != NULL;
    (void)crypto_uuid(request_id, NULL);
    (void)snprintf(error, sizeof error, "%s.%s%s", prefix, fault->code, known ? "" : "Exception");
    task_call_fail(call, error, "%s (Service: %s, Status Code: %d, Request ID: %s)", fault->message,
                   prefix, fault->status, request_id);
}

struct task_call *task_call_of(struct local_call *call)
{
    return call->ctx;
}

void task_ask(struct task_call *call, const struct local_service *service, json_t *request,
              void (*answered)(struct local_call *call, json_t *output,
                               const struct local_fault *fault))
{
    if (!service) {
        json_decref(request);
        task_call_fail(call, "States.Runtime", "This endpoint does not offer the service '%s'.",
                       call->kind->service);
        return;
    }
    if (!request) {
        task_call_no_memory(call);
        return;
    }
    call->request = request;
    call->call = (struct local_call){
        .operation = call->kind->operation, .input = request, .done = answered, .ctx = call};
    service->call(service->self, &call->call);
}

/* Headers as the recorded answers carry them: single values, and all of them as lists. */
int task_add_metadata(json_t *output, const char *content_type)
{
    char id[UUID_TEXT];
    json_t *metadata =
        crypto_uuid(id, NULL)
            ? NULL
            : json_pack("{s:{s:{s:[s], s:[s]}, s:{s:s, s:s}, s:i}, s:{s:s}}", "SdkHttpMetadata",
                        "AllHttpHeaders", "x-amzn-RequestId", id, "Content-Type", content_type,
                        "HttpHeaders", "Content-Type", content_type, "x-amzn-RequestId", id,
                        "HttpStatusCode", 200, "SdkResponseMetadata", "RequestId", id);
    int rc = metadata ? json_object_update(output, metadata) : -1;
    json_decref(metadata);
    return rc;
}
