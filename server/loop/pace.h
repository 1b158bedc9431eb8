/* pace: how often to look: intervals that grow while nothing moves, and a ceiling of calls a
 * second over all runs. Plain data of the control thread; times are monotonic microseconds. */
#ifndef STEPFLEET_LOOP_PACE_H
#define STEPFLEET_LOOP_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* The interval of one thing that is looked at. */
struct pace {
    int64_t min, max;
    int64_t interval;
    int64_t due;
};

/* Due at once; the interval starts at `min`. */
void pace_init(struct pace *p, int64_t min, int64_t max);
/* Something moved: look often again, from `now` on. */
void pace_moved(struct pace *p, int64_t now);
/* It was looked at: the next look is an interval from `now`, but not before `floor` has passed.
 * Unless it moved, the interval grows by half. */
void pace_looked(struct pace *p, int64_t now, bool moved, int64_t floor);
/* Full jitter for the try after `failures` (>= 1) failures in a row: up to min * 2^failures, at
 * most `max`, never below `min`. */
int64_t pace_backoff(int64_t min, int64_t max, int64_t failures);

/* A token bucket that holds one second's worth of calls. */
struct quota {
    double per_second;
    double tokens;
    int64_t at;
};

/* Full at `now`; per_second is above 0. */
void quota_init(struct quota *q, double per_second, int64_t now);
/* Takes a token; false when there is none, and *next is then when there will be one. */
bool quota_take(struct quota *q, int64_t now, int64_t *next);

#endif
