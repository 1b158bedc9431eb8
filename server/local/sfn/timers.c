/* A binary heap of pointers; every timer knows its place, which makes cancelling cheap. */
#include "server/local/sfn/timers.h"

#include <stdlib.h>

/* Places count from 1, so that a parent is at half the place. */
static void put(struct timers *t, size_t place, struct timer *timer)
{
    t->heap[place - 1] = timer;
    timer->place = place;
}

static struct timer *at(const struct timers *t, size_t place)
{
    return t->heap[place - 1];
}

/* Moves the timer towards the root while its parent is due later. */
static void sift_up(struct timers *t, struct timer *timer)
{
    size_t place = timer->place;
    while (place > 1 && at(t, place / 2)->due > timer->due) {
        put(t, place, at(t, place / 2));
        place /= 2;
    }
    put(t, place, timer);
}

/* Moves the timer away from the root while a child is due earlier. */
static void sift_down(struct timers *t, struct timer *timer)
{
    size_t place = timer->place;
    for (size_t child = place * 2; child <= t->count; child = place * 2) {
        if (child < t->count && at(t, child + 1)->due < at(t, child)->due)
            child++;
        if (at(t, child)->due >= timer->due)
            break;
        put(t, place, at(t, child));
        place = child;
    }
    put(t, place, timer);
}

int timers_arm(struct timers *t, struct timer *timer, int64_t due)
{
    if (!timer_armed(timer)) {
        if (t->count == t->capacity) {
            size_t capacity = t->capacity ? t->capacity * 2 : 64;
            struct timer **heap = realloc(t->heap, capacity * sizeof(struct timer *));
            if (!heap)
                return -1;
            t->heap = heap;
            t->capacity = capacity;
        }
        put(t, ++t->count, timer);
    }
    timer->due = due;
    sift_up(t, timer);
    sift_down(t, timer);
    return 0;
}

void timers_cancel(struct timers *t, struct timer *timer)
{
    if (!timer_armed(timer))
        return;
    size_t place = timer->place;
    struct timer *last = at(t, t->count--);
    timer->place = 0;
    if (last == timer)
        return;
    put(t, place, last);
    sift_up(t, last);
    sift_down(t, last);
}

struct timer *timers_pop(struct timers *t, int64_t now)
{
    if (t->count == 0 || at(t, 1)->due > now)
        return NULL;
    struct timer *first = at(t, 1);
    timers_cancel(t, first);
    return first;
}

int64_t timers_next(const struct timers *t)
{
    return t->count ? at(t, 1)->due : INT64_MAX;
}

void timers_free(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){0};
}
