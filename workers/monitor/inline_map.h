/* inline_map: what an inline Map's launches may cost of its execution's 25,000 history events.
 * A unit test computes these numbers from infra/statemachines/pattern-2.asl.json. */
#ifndef STEPFLEET_WORKERS_INLINE_MAP_H
#define STEPFLEET_WORKERS_INLINE_MAP_H

enum {
    INLINE_EVENTS_PER_TASK = 49,  /* one launch that uses up all retries and is refused */
    INLINE_EVENTS_PER_AGAIN = 49, /* each further try of it */
    INLINE_EVENTS_MAX = 20000,    /* of all launches together */
};

#endif
