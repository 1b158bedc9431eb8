/* flight: one call on its way: its attempts, repairs and retries; and the client they share.
 * Private to lib/aws. Everything here belongs to the client's one thread. */
#ifndef STEPFLEET_AWS_FLIGHT_H
#define STEPFLEET_AWS_FLIGHT_H

#include "lib/aws/endpoint.h"
#include "lib/aws/refresh.h"
#include "lib/aws/retry.h"
#include "lib/aws/retry_heap.h"
#include "lib/crypto/crypto.h"

struct aws {
    char region[AWS_REGION_MAX];
    struct endpoints endpoints;
    struct refresh refresh;
    const struct clock *clock;
    const struct log *log;
    int max_attempts;
    int64_t skew; /* microseconds that AWS's clock is ahead of ours */
    struct retry_bucket bucket;
    struct retry_heap waiting;
    struct http_client *http;
    void (*observe)(void *ctx, const struct aws_attempt *attempt); /* may be NULL */
    void *observe_ctx;
    struct flight *flights; /* all calls outstanding */
    size_t count;
};

/* What is put right at most once a call, on top of its attempts. */
enum repair { REPAIR_CLOCK = 1, REPAIR_CREDENTIALS = 2, REPAIR_REGION = 4 };

struct flight {
    struct aws *owner;
    struct flight *prev, *next;
    struct aws_request request;
    aws_done_fn done;
    void *ctx;
    char region[AWS_REGION_MAX]; /* a bucket may live elsewhere than the client */
    char payload_hash[SHA256_HEX];
    char invocation_id[UUID_TEXT];
    int credentials_age; /* that the last attempt was signed with, */
    int64_t skew;        /* and its clock: another call may have put them right meanwhile */
    int attempt;
    int64_t sent_at; /* the last attempt, monotonic us */
    int max_attempts;
    int cost;          /* of the last retry */
    unsigned repaired; /* enum repair */
    bool looked;       /* for credentials, in vain */
};

/* Takes the request over (empties it) and sends the first attempt. */
int flight_launch(struct aws *a, struct aws_request *request, aws_done_fn done, void *ctx,
                  struct error *err);
/* Sends the next attempt of a flight that waited; if that cannot be, the flight ends. */
void flight_resume(struct flight *f);
/* Frees a flight without telling its owner. */
void flight_drop(struct flight *f);

#endif
