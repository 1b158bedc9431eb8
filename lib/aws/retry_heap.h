/* retry_heap: calls that wait for their next attempt, the earliest on top. Private to lib/aws;
 * owned by a client and its thread; it borrows the calls. */
#ifndef STEPFLEET_AWS_RETRY_HEAP_H
#define STEPFLEET_AWS_RETRY_HEAP_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct flight;

struct retry_heap {
    struct retry_slot {
        int64_t due; /* monotonic microseconds */
        struct flight *flight;
    } * slots;
    size_t count;
    size_t cap;
};

/* Makes sure that `count` calls fit, so that a push cannot fail later. */
int retry_heap_reserve(struct retry_heap *h, size_t count, struct error *err);
/* Adds a call; room was reserved. */
void retry_heap_push(struct retry_heap *h, int64_t due, struct flight *flight);
/* The earliest call if it is due at `now`, taken out; else NULL. */
struct flight *retry_heap_pop(struct retry_heap *h, int64_t now);
/* Releases the array, not the calls. */
void retry_heap_close(struct retry_heap *h);

#endif
