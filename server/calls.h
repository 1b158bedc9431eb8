/* calls: what became of the AWS calls of the control loop, for /metrics and the page.
 *
 * Written by the control loop's thread alone, read by any thread: counters are atomic, and a row is
 * there when `count` says so. Begin with a struct that is all zero. */
#ifndef STEPFLEET_CALLS_H
#define STEPFLEET_CALLS_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    CALLS_MAX = 64, /* kinds of calls; further ones are not counted */
    CALLS_TEXT_MAX = 64,
    CALLS_BUCKETS = 10,
    CALLS_MINUTE = 60,
};

enum call_result { CALL_OK, CALL_THROTTLED, CALL_ERROR, CALL_RESULTS };

/* Upper bounds of the buckets in milliseconds; the last one is without bound. */
extern const int calls_bounds[CALLS_BUCKETS - 1];
/* "ok", "throttled", "error". */
extern const char *const call_result_names[CALL_RESULTS];

/* All attempts of one operation. */
struct calls_row {
    char service[CALLS_TEXT_MAX];
    char operation[CALLS_TEXT_MAX];
    _Atomic int64_t results[CALL_RESULTS];
    _Atomic int64_t buckets[CALLS_BUCKETS]; /* by duration; not summed up */
    _Atomic int64_t took;                   /* all durations together, us */
};

struct calls {
    _Atomic int count;
    struct calls_row rows[CALLS_MAX];
    /* Throttled attempts of the last minute, by second. */
    _Atomic int64_t seconds[CALLS_MINUTE];
    _Atomic int64_t throttled[CALLS_MINUTE];
};

/* One attempt that has ended at `now` (monotonic us) and took so many us. The writer's thread. */
void calls_note(struct calls *c, const char *service, const char *operation,
                enum call_result result, int64_t took, int64_t now);
/* Attempts that AWS throttled in the minute before `now`. Any thread. */
int64_t calls_throttled(const struct calls *c, int64_t now);

#endif
