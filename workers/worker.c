/* A batch owns `limit` slots; a slot in flight knows its call's number, a free one waits in a
 * list. `done` runs after its slot was given back, so that a turn can fill it at once. */
#include "workers/worker.h"

#include <stdint.h>
#include <stdlib.h>

enum { TURN_MS = 100 }; /* how long a batch waits before it asks `go` again */

/* On the wall clock, because Lambda tells deadlines in it. */
int64_t worker_ms_left(const struct worker *w)
{
    if (w->deadline == 0)
        return INT64_MAX;
    int64_t left = (w->deadline - clock_wall(w->clock)) / CLOCK_MS;
    return left > 0 ? left : 0;
}

int worker_call(const struct worker *w, struct aws_request *request, struct aws_response *out,
                struct error *err)
{
    *out = (struct aws_response){0};
    return aws_call(w->aws, request, out, err);
}

int worker_tell(const struct worker *w, struct aws_request *request, struct error *err)
{
    struct aws_response response;
    int rc = worker_call(w, request, &response, err);
    aws_response_free(&response);
    return rc;
}

/* A call in flight knows its batch and its number; slots are reused. */
struct slot {
    struct running *running;
    size_t index;
    struct slot *next_free;
};

/* A batch under way; lives on the stack of worker_run_batch. */
struct running {
    const struct worker *w;
    const struct worker_batch *batch;
    struct slot *free_slots;
    size_t next;
    size_t in_flight;
};

/* The slot is free before `done` runs: `done` may not start calls, but the next turn will. */
static void slot_done(void *ctx, struct aws_response *response, const struct error *err)
{
    struct slot *slot = ctx;
    struct running *r = slot->running;
    size_t index = slot->index;
    slot->next_free = r->free_slots;
    r->free_slots = slot;
    r->in_flight--;
    r->batch->done(r->batch->ctx, index, response, err);
}

/* Builds and sends the next call; one that cannot be sent has ended at once. */
static void start_one(struct running *r)
{
    struct aws_request request = {0};
    struct error err = {0};
    struct slot *slot = r->free_slots;
    slot->index = r->next++;
    if (r->batch->build(r->batch->ctx, slot->index, &request, &err) == 0 &&
        aws_send(r->w->aws, &request, slot_done, slot, &err) == 0) {
        r->free_slots = slot->next_free;
        r->in_flight++;
        return;
    }
    aws_request_free(&request);
    r->batch->done(r->batch->ctx, slot->index, NULL, &err);
}

/* Turns of: ask whether to go on, fill the free slots, let the client work. */
static int run_turns(struct running *r, struct error *err)
{
    const struct worker_batch *b = r->batch;
    for (;;) {
        enum worker_go go = b->go ? b->go(b->ctx) : WORKER_GO_ON;
        size_t allowed = b->allowance ? b->allowance(b->ctx) : SIZE_MAX;
        for (; go == WORKER_GO_ON && r->free_slots && r->next < b->count && allowed > 0; allowed--)
            start_one(r);
        bool over = go != WORKER_GO_ON || r->next == b->count;
        if (go == WORKER_DROP || (over && r->in_flight == 0))
            return 0;
        if (aws_poll(r->w->aws, TURN_MS, err) < 0)
            return err_set(err, ERR_SYSTEM, "the AWS client can send no more");
    }
}

/* At most one slot for each call; the free ones are a list, so that starting one costs no search.
 */
int worker_run_batch(const struct worker *w, const struct worker_batch *batch, struct error *err)
{
    size_t limit = batch->limit < batch->count ? batch->limit : batch->count;
    if (limit == 0)
        return 0;
    struct slot *slots = calloc(limit, sizeof *slots);
    if (!slots)
        return err_set(err, ERR_MEMORY, "out of memory for %zu calls", limit);
    struct running r = {.w = w, .batch = batch};
    for (size_t i = limit; i-- > 0;) {
        slots[i] = (struct slot){.running = &r, .next_free = r.free_slots};
        r.free_slots = &slots[i];
    }
    int rc = run_turns(&r, err);
    free(slots);
    return rc;
}

/* One call that waits for its answer or for `stop`. */
struct single {
    struct aws_request *request;
    struct aws_response *out;
    struct error *err;
    bool (*stop)(void *ctx);
    void *ctx;
    bool done;
    int rc;
};

/* The request was built by the caller; it moves into the batch's. */
static int single_build(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    struct single *s = ctx;
    (void)i, (void)err;
    *request = *s->request;
    *s->request = (struct aws_request){0};
    return 0;
}

/* Hands the outcome to worker_call_until's caller. */
static void single_done(void *ctx, size_t i, struct aws_response *response, const struct error *err)
{
    struct single *s = ctx;
    (void)i;
    s->done = true;
    s->rc = err ? -1 : 0;
    if (err && s->err)
        *s->err = *err;
    if (response) {
        *s->out = *response;
        *response = (struct aws_response){0};
    }
}

/* Asked between turns: a stop takes effect within TURN_MS. */
static enum worker_go single_go(void *ctx)
{
    const struct single *s = ctx;
    return !s->done && s->stop && s->stop(s->ctx) ? WORKER_DROP : WORKER_GO_ON;
}

/* A batch of one: the same turns that watch over many calls watch over this one. */
int worker_call_until(const struct worker *w, struct aws_request *request, struct aws_response *out,
                      bool (*stop)(void *ctx), void *ctx, struct error *err)
{
    struct single s = {.request = request, .out = out, .err = err, .stop = stop, .ctx = ctx};
    const struct worker_batch batch = {
        .count = 1,
        .limit = 1,
        .ctx = &s,
        .build = single_build,
        .done = single_done,
        .go = single_go,
    };
    *out = (struct aws_response){0};
    if (worker_run_batch(w, &batch, err) != 0)
        return -1;
    return s.done ? s.rc : err_set(err, ERR_BUSY, "given up, the worker was asked to stop");
}
