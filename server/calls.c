#include "server/calls.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

const int calls_bounds[CALLS_BUCKETS - 1] = {5, 10, 25, 50, 100, 250, 1000, 5000, 20000};
const char *const call_result_names[CALL_RESULTS] = {"ok", "throttled", "error"};

static struct calls_row *find_row(struct calls *c, const char *service, const char *operation)
{
    const int count = atomic_load(&c->count);
    for (int i = 0; i < count; i++)
        if (!strcmp(c->rows[i].operation, operation) && !strcmp(c->rows[i].service, service))
            return &c->rows[i];
    if (count == CALLS_MAX)
        return NULL;
    struct calls_row *row = &c->rows[count];
    (void)snprintf(row->service, sizeof row->service, "%s", service);
    (void)snprintf(row->operation, sizeof row->operation, "%s", operation);
    atomic_store(&c->count, count + 1);
    return row;
}

/* The slot of a second is used again a minute later; a reader in between sees at worst one second
 * too many or too few. */
static void note_throttle(struct calls *c, int64_t second)
{
    const int slot = (int)(second % CALLS_MINUTE);
    if (atomic_load(&c->seconds[slot]) != second) {
        atomic_store(&c->throttled[slot], 0);
        atomic_store(&c->seconds[slot], second);
    }
    atomic_fetch_add(&c->throttled[slot], 1);
}

void calls_note(struct calls *c, const char *service, const char *operation,
                enum call_result result, int64_t took, int64_t now)
{
    struct calls_row *row = find_row(c, service, operation);
    int bucket = 0;
    if (result == CALL_THROTTLED)
        note_throttle(c, now / CLOCK_SECOND);
    if (!row)
        return;
    while (bucket < CALLS_BUCKETS - 1 && took > calls_bounds[bucket] * CLOCK_MS)
        bucket++;
    atomic_fetch_add(&row->results[result], 1);
    atomic_fetch_add(&row->buckets[bucket], 1);
    atomic_fetch_add(&row->took, took);
}

int64_t calls_throttled(const struct calls *c, int64_t now)
{
    int64_t sum = 0;
    for (int i = 0; i < CALLS_MINUTE; i++)
        if (now / CLOCK_SECOND - atomic_load(&c->seconds[i]) < CALLS_MINUTE)
            sum += atomic_load(&c->throttled[i]);
    return sum;
}
