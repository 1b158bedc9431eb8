#include "server/control/retain.h"

#include "server/store/store.h"

#define LOOK_AGAIN (600 * CLOCK_SECOND)
#define NEXT_STEP (50 * CLOCK_MS)
/* Rows a step: some milliseconds of the writer. */
enum { STEP = 500 };

int64_t retain_step(struct retain *r, const struct loop *loop)
{
    struct error err = {0};
    bool more = false;
    int64_t now = loop_now(loop);
    if (r->age <= 0)
        return LOOP_NEVER;
    if (now < r->due)
        return r->due;
    if (store_retain(loop->store, clock_wall(loop->clock) - r->age, STEP, &more, &err))
        log_error(loop->log, "old runs cannot be let go", LOG_STR("error", err.message));
    r->due = now + (more ? NEXT_STEP : LOOK_AGAIN);
    return r->due;
}
