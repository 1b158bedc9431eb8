/* loop: what the rooms of the control loop share: borrowed pointers and how to judge an error.
 *
 * Everything here belongs to the control thread; nothing is for other threads. */
#ifndef STEPFLEET_LOOP_H
#define STEPFLEET_LOOP_H

#include "lib/aws/aws.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "server/services.h"

/* Borrowed; given to each room when it is made, and outlives it.
 *
 * How the rooms work together: the loop calls each room's step, which sends what is due and returns
 * the time by which it wants to be called again. Then the loop sleeps in aws_poll, inside which
 * answers reach the rooms through their callbacks. A callback notes what came and writes the store;
 * what follows from it is mostly left to the next step, which comes straight after. */
struct loop {
    struct store *store;
    struct aws *aws;
    const struct clock *clock;
    const struct log *log;
    struct control_health *health;
};

/* "Not by itself": a call in flight, or something else, will say when to go on. */
#define LOOP_NEVER INT64_MAX

/* Monotonic microseconds. */
int64_t loop_now(const struct loop *l);
/* The earlier of two times. */
int64_t loop_earlier(int64_t a, int64_t b);

/* What a failed call means for the next try. */
enum loop_fault {
    LOOP_PASSING, /* network, throttling, 5xx, credentials being renewed: try again later */
    LOOP_DENIED,  /* permissions are missing */
    LOOP_FINAL,   /* the service understood the call and refused it, or it cannot be sent at all */
};
/* Judged by code, HTTP status and the service's own code, never by the message. */
enum loop_fault loop_fault(const struct error *err);

/* Notes for /readyz how a call ended; err is NULL when it worked. */
void loop_note(const struct loop *l, const struct error *err);

#endif
