#include "workers/monitor/inline_map.h"

int64_t inline_events_of_try(int64_t launch_retries, int64_t refusal_retries)
{
    return INLINE_EVENTS_PER_TRY + INLINE_EVENTS_PER_RETRY * (launch_retries + refusal_retries);
}

static int64_t dearest_try(void)
{
    return inline_events_of_try(INLINE_RETRIES_OF_LAUNCH, INLINE_RETRIES_OF_REFUSAL);
}

int64_t inline_events_each(int64_t tasks)
{
    int64_t least = INLINE_EVENTS_OF_ITEM + dearest_try();
    int64_t each = INLINE_EVENTS_MAX / (tasks > 0 ? tasks : 1);
    each = each < INLINE_EVENTS_EACH_MAX ? each : INLINE_EVENTS_EACH_MAX;
    return each > least ? each : least;
}

/* The next try may be the dearest, those behind it are reckoned as cheap ones: they are asked for
 * again. */
int64_t inline_tries_left(int64_t tasks, int64_t events)
{
    int64_t room = inline_events_each(tasks) - INLINE_EVENTS_OF_ITEM - events - dearest_try();
    return room < 0 ? 0 : 1 + room / INLINE_EVENTS_PER_TRY;
}
