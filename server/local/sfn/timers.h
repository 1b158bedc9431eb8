/* timers: all that is due at some wall time, in one binary heap.
 *
 * A struct timer lies in the object it belongs to and knows its place in the heap, so that it can
 * be moved or taken out in O(log n). One thread. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_TIMERS_H
#define STEPFLEET_SFN_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due;  /* wall time in microseconds; kept after the timer was taken out */
    size_t place; /* 1..: place in the heap; 0: not in it */
    int kind;     /* the owner's business */
    void *owner;
};

struct timers {
    struct timer **heap;
    size_t count;
    size_t capacity;
};

/* Puts the timer in, or moves it if it is in. -1: out of memory. */
int timers_arm(struct timers *t, struct timer *timer, int64_t due);
/* Takes it out; does nothing when it is not in. */
void timers_cancel(struct timers *t, struct timer *timer);
/* True while the timer is in a heap. */
static inline bool timer_armed(const struct timer *timer)
{
    return timer->place != 0;
}
/* Takes out the earliest timer that is due at `now`; NULL: none. */
struct timer *timers_pop(struct timers *t, int64_t now);
/* When the earliest is due; INT64_MAX: there is none. */
int64_t timers_next(const struct timers *t);
/* Releases the heap, not the timers. */
void timers_free(struct timers *t);

#endif
