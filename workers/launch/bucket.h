/* bucket: how many calls may start now: `rate` a second, `burst` at once. Pure; one thread.
 *
 * In one process it runs by the monotonic clock; from call to call of the function its level and
 * the time travel in the cursor, so that a new call does not begin with a full bucket. */
#ifndef STEPFLEET_WORKERS_BUCKET_H
#define STEPFLEET_WORKERS_BUCKET_H

#include <stddef.h>
#include <stdint.h>

struct bucket {
    double rate, burst;
    double level; /* may be negative: calls that were repeated without asking */
    int64_t at;   /* monotonic microseconds of `level` */
};

/* With `level` tokens, of which `seconds` ago was the last word. A level beyond the burst is full.
 */
void bucket_open(struct bucket *b, int64_t rate, int64_t burst, double level, double seconds,
                 int64_t now);
/* Whole tokens that are there now. */
size_t bucket_level(struct bucket *b, int64_t now);
/* Takes tokens, whether they are there or not. */
void bucket_take(struct bucket *b, size_t tokens);
/* The service says that its own bucket is empty: so is this one. */
void bucket_drain(struct bucket *b);

#endif
