/* Requests: what changes something goes through the engine and is answered after its commit.
 *
 *   API call -> checked on the caller's thread -> mailbox -> decide (engine) -> rows written with
 * the turn's transaction -> answered
 *
 * Messages and effects are embedded, so that neither posting nor queueing can fail half-way. */
#include "server/local/sfn/sfn_private.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct request *request_of(struct effect *effect)
{
    return (struct request *)((char *)effect - offsetof(struct request, effect));
}

static void request_free(struct request *r)
{
    if (r->release)
        r->release(r);
    json_decref(r->output);
    free(r);
}

/* After the commit. */
static void answer(struct effect *self, struct engine *e)
{
    struct request *r = request_of(self);
    json_t *output = r->output;
    (void)e;
    r->output = NULL;
    if (r->code[0])
        local_fault(r->call, r->status, r->code, "%s", r->text);
    else
        local_reply(r->call, output);
    request_free(r);
}

/* The engine closes with the request undecided or uncommitted: it has not happened. */
static void give_up(struct effect *self)
{
    struct request *r = request_of(self);
    local_fault(r->call, 503, "ServiceUnavailable", "The service is shutting down");
    request_free(r);
}

static void deliver(struct engine *e, struct message *m)
{
    struct request *r = (struct request *)m;
    r->decide(e, r);
}

static void drop(struct message *m)
{
    give_up(&((struct request *)m)->effect);
}

struct request *request_new(struct local_call *call, size_t size,
                            void (*decide)(struct engine *e, struct request *r),
                            void (*release)(struct request *r))
{
    struct request *r = calloc(1, size);
    if (!r) {
        local_fault(call, 500, "InternalServerError", "out of memory");
        return NULL;
    }
    r->message.deliver = deliver;
    r->message.drop = drop;
    r->call = call;
    r->decide = decide;
    r->release = release;
    return r;
}

void request_post(struct local_sfn *s, struct request *r)
{
    mailbox_post(s->mailbox, &r->message);
}

void request_cancel(struct request *r)
{
    request_free(r);
}

/* An answer waits for the commit of its turn even when it has nothing to write itself. */
static void queue_answer(struct engine *e, struct request *r,
                         int (*write)(struct effect *self, struct sfn_db *db, struct error *err))
{
    r->effect = (struct effect){.write = write, .release = answer, .drop = give_up};
    engine_effect(e, &r->effect);
}

void request_reply(struct engine *e, struct request *r, json_t *output,
                   int (*write)(struct effect *self, struct sfn_db *db, struct error *err))
{
    r->output = output;
    queue_answer(e, r, write);
}

void request_fault(struct engine *e, struct request *r, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(r->text, sizeof r->text, fmt, args);
    va_end(args);
    (void)snprintf(r->code, sizeof r->code, "%s", code);
    r->status = 400;
    queue_answer(e, r, NULL);
}
