/* Numbers for people and for monitoring: read from the store by the hub's thread at most once a
 * look, so that asking for them costs the store nothing. */
#include "server/live/live_private.h"

#include <string.h>

#define DAY (INT64_C(86400) * CLOCK_SECOND)
/* They change with the time, too: a new day begins. */
#define COUNT_AGAIN (INT64_C(30) * CLOCK_SECOND)

const int live_bounds[LIVE_BUCKETS - 1] = {1, 5, 15, 30, 60, 300, 900, 1800, 3600, 14400, 86400};

static int bucket_of(double seconds)
{
    int i = 0;
    while (i < LIVE_BUCKETS - 1 && seconds > live_bounds[i])
        i++;
    return i;
}

/* False for one that is among the newest already. */
static bool is_new(struct ended *e, int64_t run_id)
{
    const size_t room = sizeof e->ids / sizeof e->ids[0];
    for (size_t i = 0; i < room && i < e->count; i++)
        if (e->ids[i] == run_id)
            return false;
    e->ids[e->count++ % room] = run_id;
    return true;
}

/* Old runs change as well: they are found elsewhere, or their tasks leave the cache. */
void numbers_note(struct live *l, const struct store_run *run)
{
    if (!audit_status_final(run->status) || run->ended_at < l->opened_wall || run->trimmed_at ||
        !is_new(&l->sampler.ended, run->id))
        return;
    struct live_numbers *n = &l->numbers;
    const int64_t took = run->ended_at > run->submitted_at ? run->ended_at - run->submitted_at : 0;
    const double seconds = (double)took / (double)CLOCK_SECOND;
    (void)pthread_mutex_lock(&l->lock);
    n->finished[run->status]++;
    n->durations[bucket_of(seconds)]++;
    n->duration_sum += seconds;
    (void)pthread_mutex_unlock(&l->lock);
}

/* The oldest point leaves when there is no room. The lock is held. */
static void add_point(struct live_numbers *n, int64_t wall, const int64_t tasks[AUDIT_STATUS_COUNT])
{
    if (n->point_count == LIVE_SERIES_MAX) {
        n->point_count--;
        memmove(n->points, n->points + 1, n->point_count * sizeof n->points[0]);
    }
    struct live_point *p = &n->points[n->point_count++];
    p->time = wall;
    memcpy(p->tasks, tasks, sizeof p->tasks);
}

/* What a hub that has just been opened did not see. Where no task was there is nothing to tell. */
static void recall(struct live *l, int64_t wall)
{
    enum { PAST = LIVE_SERIES_MAX - 1 };
    struct error err = {0};
    int64_t past[PAST][AUDIT_STATUS_COUNT];
    const int64_t step = l->options.sample;
    int64_t tasks = 0;
    if (store_series(l->options.store, wall - PAST * step, step, PAST, past, &err)) {
        log_warn(l->options.log, "the hour before is not told", LOG_STR("error", err.message));
        return;
    }
    for (size_t i = 0; i < PAST; i++)
        for (int status = 0; status < AUDIT_STATUS_COUNT; status++)
            tasks += past[i][status];
    (void)pthread_mutex_lock(&l->lock);
    for (int i = 0; tasks > 0 && i < PAST; i++)
        add_point(&l->numbers, wall - (PAST - i) * step, past[i]);
    (void)pthread_mutex_unlock(&l->lock);
}

static void take_counts(struct live *l, const struct store_counts *counts, int64_t wall, bool point)
{
    int64_t tasks[AUDIT_STATUS_COUNT];
    for (int i = 0; i < AUDIT_STATUS_COUNT; i++)
        tasks[i] = counts->open_tasks[i] + counts->ended_tasks[i];
    (void)pthread_mutex_lock(&l->lock);
    memcpy(l->numbers.runs, counts->runs, sizeof counts->runs);
    memcpy(l->numbers.tasks, counts->open_tasks, sizeof counts->open_tasks);
    l->numbers.failed_today = counts->failed;
    if (point)
        add_point(&l->numbers, wall, tasks);
    (void)pthread_mutex_unlock(&l->lock);
}

/* Version and time are noted as they were before the store was asked. */
void numbers_refresh(struct live *l, int64_t now)
{
    struct sampler *s = &l->sampler;
    struct store_counts counts;
    struct error err = {0};
    const int64_t wall = clock_wall(l->options.clock);
    const bool point = now >= s->next_at;
    (void)pthread_mutex_lock(&l->lock);
    const int64_t version = l->version;
    (void)pthread_mutex_unlock(&l->lock);
    if (!point && s->counted_at && version == s->version && now - s->counted_at < COUNT_AGAIN)
        return;
    if (store_count(l->options.store, wall - wall % DAY, s->last_wall, &counts, &err)) {
        log_warn(l->options.log, "the runs could not be counted", LOG_STR("error", err.message));
        return;
    }
    if (!s->counted_at)
        recall(l, wall);
    take_counts(l, &counts, wall, point);
    s->version = version;
    s->counted_at = now;
    if (point) {
        s->next_at = now + l->options.sample;
        s->last_wall = wall;
    }
}

void live_numbers(struct live *l, struct live_numbers *out)
{
    (void)pthread_mutex_lock(&l->lock);
    *out = l->numbers;
    (void)pthread_mutex_unlock(&l->lock);
}
