/* worker: what every worker's steps are given: client, clock, log, and how long they may take.
 *
 * Borrowed everywhere; owned by main. One thread. */
#ifndef STEPFLEET_WORKERS_WORKER_H
#define STEPFLEET_WORKERS_WORKER_H

#include "lib/aws/aws.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

struct worker {
    struct aws *aws;
    const struct clock *clock;
    const struct log *log;
    const char *request_id; /* of the invocation, for log lines; "" outside Lambda */
    int64_t deadline;       /* wall microseconds by which an answer is due; 0: none */
};

/* Milliseconds until the deadline, 0 when it has passed, INT64_MAX when there is none. */
int64_t worker_ms_left(const struct worker *w);

/* Sends `request` (taken over) and waits; like aws_call with the worker's client.
 */
int worker_call(const struct worker *w, struct aws_request *request, struct aws_response *out,
                struct error *err);
/* The same where the answer's content does not matter. */
int worker_tell(const struct worker *w, struct aws_request *request, struct error *err);

/* The same for a call that may be given up: `stop` is asked every tenth of a second; once true, the
 * answer is -1 with ERR_BUSY, and the client must be freed before any other use. */
int worker_call_until(const struct worker *w, struct aws_request *request, struct aws_response *out,
                      bool (*stop)(void *ctx), void *ctx, struct error *err);

/* What a batch is told when it asks whether to go on. */
enum worker_go {
    WORKER_GO_ON,
    WORKER_WIND_DOWN, /* start nothing new, wait for what is in flight */
    WORKER_DROP,      /* leave at once: the client must be freed before any other use */
};

/* Many similar calls with at most `limit` of them in flight. For each i in 0..count-1 `build` fills
 * a request (-1: this call fails with err) and `done` hears of the end: err NULL and the answer,
 * or the error (and the answer, where the service gave one). Both are called on this thread, in
 * no particular order. `go` (may be NULL) is asked between turns, ten times a second at least, and
 * so is `allowance` (may be NULL): how many calls may start before it is asked again. */
struct worker_batch {
    size_t count;
    size_t limit;
    void *ctx;
    int (*build)(void *ctx, size_t i, struct aws_request *request, struct error *err);
    void (*done)(void *ctx, size_t i, struct aws_response *response, const struct error *err);
    enum worker_go (*go)(void *ctx);
    size_t (*allowance)(void *ctx);
};
/* 0: every call has ended, or `go` said so. -1: memory is out, or the client broke (ERR_SYSTEM):
 * then the client must be freed before any other use. */
int worker_run_batch(const struct worker *w, const struct worker_batch *batch, struct error *err);

#endif
