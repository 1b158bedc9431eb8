/* inline_map: what an inline Map's launches may cost of its execution's 25,000 history events.
 * A unit test computes these numbers from infra/statemachines/pattern-2.asl.json. Pure. */
#ifndef STEPFLEET_WORKERS_INLINE_MAP_H
#define STEPFLEET_WORKERS_INLINE_MAP_H

#include <stdint.h>

enum {
    INLINE_EVENTS_OF_ITEM = 4,     /* whatever becomes of it: its iteration and its last state */
    INLINE_EVENTS_PER_TRY = 18,    /* that is refused and waits, if nothing is retried */
    INLINE_EVENTS_PER_RETRY = 3,   /* of one of its two task states */
    INLINE_RETRIES_OF_LAUNCH = 6,  /* at the most */
    INLINE_RETRIES_OF_REFUSAL = 5, /* of the function that is told of it */
    INLINE_EVENTS_MAX = 18000,     /* of all launches together; the rest is the monitor's */
    INLINE_EVENTS_EACH_MAX = 600,
};

/* What a refused try has cost. */
int64_t inline_events_of_try(int64_t launch_retries, int64_t refusal_retries);
/* The share of each of so many launches: at least what one try may cost. */
int64_t inline_events_each(int64_t tasks);
/* How many more tries fit into the share of a launch whose tries have cost so many events. */
int64_t inline_tries_left(int64_t tasks, int64_t events);

#endif
