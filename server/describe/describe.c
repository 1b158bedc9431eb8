/* The runs whose tasks are described, and the one call that is in flight. */
#include "server/describe/describe_private.h"

#include "server/loop/seen.h"

#include <stdlib.h>
#include <string.h>

enum { CALLS_PER_SECOND = 2, REFUSALS_MAX = 5 };
#define RETRY_MIN (500 * CLOCK_MS)
#define RETRY_MAX (30 * CLOCK_SECOND)

/* --- the runs ---
 */

static struct subjects *find(const struct describe *d, int64_t run_id)
{
    struct subjects *s = d->runs;
    while (s && s->run_id != run_id)
        s = s->next;
    return s;
}

static void put_last(struct describe *d, struct subjects *s)
{
    struct subjects **end = &d->runs;
    while (*end)
        end = &(*end)->next;
    s->next = NULL;
    *end = s;
}

int describe_follow(struct describe *d, int64_t run_id, const char *cluster, struct error *err)
{
    struct subjects *s = find(d, run_id);
    if (s)
        return 0;
    s = subjects_new(d, run_id, cluster, err);
    if (s)
        put_last(d, s);
    return s ? 0 : -1;
}

void describe_moved(struct describe *d, int64_t run_id)
{
    struct subjects *s = find(d, run_id);
    if (s)
        s->moved = true;
}

/* Closing has ended the rows that were open. */
void describe_closed(struct describe *d, int64_t run_id)
{
    struct subjects *s = find(d, run_id);
    if (!s)
        return;
    s->moved = true;
    s->until = loop_now(d->loop) + DESCRIBE_MEMORY;
}

/* For describe_new: what is lost without memory are descriptions. */
static void take_up(void *ctx, const struct store_places *places)
{
    struct describe *d = ctx;
    struct error err = {0};
    if (!places->cluster || describe_follow(d, places->run_id, places->cluster, &err))
        return;
    describe_closed(d, places->run_id);
}

/* A store that cannot be read now is no reason not to start: descriptions of old runs are lost. */
struct describe *describe_new(const struct describe_options *options, struct error *err)
{
    struct describe *d = calloc(1, sizeof *d);
    struct error why = {0};
    if (!d) {
        err_set(err, ERR_MEMORY, "out of memory for descriptions of tasks");
        return NULL;
    }
    d->loop = options->loop;
    quota_init(&d->calls,
               options->calls_per_second > 0 ? options->calls_per_second : CALLS_PER_SECOND,
               loop_now(d->loop));
    if (store_undescribed(d->loop->store, clock_wall(d->loop->clock) - DESCRIBE_MEMORY, take_up, d,
                          &why))
        log_warn(d->loop->log, "runs of the last hour cannot be read",
                 LOG_STR("error", why.message));
    return d;
}

struct describe *describe_free(struct describe *d)
{
    if (!d)
        return NULL;
    while (d->runs) {
        struct subjects *s = d->runs;
        d->runs = s->next;
        subjects_free(s);
    }
    free(d);
    return NULL;
}

/* --- answers ---
 */

/* The place among the asked ones; asked_count: it was not asked for, or was answered before. */
static size_t asked_place(const struct describe *d, const char *id)
{
    size_t i = 0;
    while (i < d->asked_count &&
           (d->asked[i] < 0 || strcmp(d->asked_run->list[d->asked[i]].id, id) != 0))
        i++;
    return i;
}

/* One task of the answer. A task that cannot be read is as one that is not there. */
static void note_task(struct describe *d, json_t *item, struct news *n, int64_t now)
{
    struct ecs_task task;
    struct error err = {0};
    if (ecs_task_read(item, &task, &err))
        return;
    size_t i = asked_place(d, ecs_task_id(task.arn));
    if (i == d->asked_count)
        return;
    int64_t seq = d->asked[i];
    bool stopped = strcmp(task.last_status, "STOPPED") == 0;
    news_add(n, d->asked_run, seq, item, stopped);
    subjects_told(d->asked_run, seq, stopped, now);
    d->asked[i] = -1;
}

static int take_answer(struct describe *d, const struct aws_response *response, struct error *err)
{
    int64_t now = loop_now(d->loop);
    struct news *n = news_new(err);
    json_t *item;
    size_t i;
    if (!n)
        return -1;
    json_array_foreach (ecs_tasks(response), i, item)
        note_task(d, item, n, now);
    for (i = 0; i < d->asked_count; i++)
        if (d->asked[i] >= 0)
            subjects_missed(d->asked_run, d->asked[i], now);
    int rc = news_keep(n, d->asked_run, err);
    news_free(n);
    return rc;
}

/* They stay due, behind a pause. A cluster that is not there, or a call that is not allowed, is
 * given up on after a while: the run has its audit rows. Nobody is told but the log: no run waits
 * for it. */
static void failed(struct describe *d, const struct error *err)
{
    struct subjects *s = d->asked_run;
    s->failures++;
    s->not_before = loop_now(d->loop) + pace_backoff(RETRY_MIN, RETRY_MAX, s->failures);
    if ((s->failures & (s->failures - 1)) == 0)
        log_warn(d->loop->log, "tasks cannot be described", LOG_INT("run_id", s->run_id),
                 LOG_INT("failures", s->failures), LOG_STR("error", err->message));
    for (size_t i = 0; i < d->asked_count; i++)
        if (d->asked[i] >= 0)
            s->list[d->asked[i]].due = s->not_before;
    s->due = loop_earlier(s->due, s->not_before);
    if (s->failures >= REFUSALS_MAX && loop_fault(err) != LOOP_PASSING)
        s->until = 0;
}

static void came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct describe *d = ctx;
    struct error why = {0};
    d->busy = false;
    if (err || take_answer(d, response, &why))
        failed(d, err ? err : &why);
    else
        d->asked_run->failures = 0;
}

/* --- calls ---
 */

static int build(const struct describe *d, struct aws_request *request, struct error *err)
{
    const struct subjects *s = d->asked_run;
    const char *ids[ECS_DESCRIBE_MAX];
    for (size_t i = 0; i < d->asked_count; i++)
        ids[i] = s->list[d->asked[i]].id;
    return ecs_describe_tasks(request, s->cluster, ids, d->asked_count, err);
}

static void ask_known(struct describe *d)
{
    struct aws_request request = {0};
    struct error err = {0};
    d->busy = true;
    if (build(d, &request, &err) || aws_send(d->loop->aws, &request, came, d, &err)) {
        aws_request_free(&request);
        d->busy = false;
        failed(d, &err);
    }
}

/* Those that are known before those that are looked for. The run is the last in turn from then on.
 */
static void ask(struct describe *d, struct subjects **place, int64_t now)
{
    struct subjects *s = *place;
    d->asked_run = s;
    d->asked_count = now < s->not_before ? 0 : subjects_due(s, now, d->asked);
    if (!d->asked_count && strangers_due(s) > now)
        return;
    *place = s->next;
    put_last(d, s);
    if (d->asked_count)
        ask_known(d);
    else
        strangers_ask(d, s);
}

/* The next call about a run's tasks. */
static int64_t run_due(const struct subjects *s)
{
    int64_t known = s->due == LOOP_NEVER || s->due > s->not_before ? s->due : s->not_before;
    return loop_earlier(known, strangers_due(s));
}

/* Asks about one run's tasks, if any are due and a call may be made; when to look again. */
static int64_t ask_next(struct describe *d, int64_t now)
{
    int64_t next = LOOP_NEVER;
    if (d->busy)
        return LOOP_NEVER;
    for (struct subjects **at = &d->runs; *at; at = &(*at)->next) {
        int64_t due = run_due(*at);
        int64_t call = now;
        if (due == LOOP_NEVER)
            continue;
        if (due <= now && !quota_take(&d->calls, now, &call))
            return loop_earlier(next, call);
        if (due <= now) {
            ask(d, at, now);
            return d->busy ? LOOP_NEVER : now;
        }
        next = loop_earlier(next, due);
    }
    return next;
}

/* The time at which it is read; LOOP_NEVER: nothing has moved, or it was read now. */
static int64_t read_moved(struct subjects *s, int64_t now)
{
    struct error err = {0};
    if (s->moved && now >= s->read_at && subjects_read(s, now, &err))
        log_warn(s->room->loop->log, "tasks to be described cannot be read",
                 LOG_INT("run_id", s->run_id), LOG_STR("error", err.message));
    return s->moved ? s->read_at : LOOP_NEVER;
}

int64_t describe_step(struct describe *d)
{
    int64_t now = loop_now(d->loop);
    int64_t next = LOOP_NEVER;
    for (struct subjects **at = &d->runs; *at;) {
        struct subjects *s = *at;
        next = loop_earlier(next, read_moved(s, now));
        if (subjects_done(s, now) && !(d->busy && d->asked_run == s)) {
            *at = s->next;
            subjects_free(s);
        } else {
            at = &s->next;
        }
    }
    return loop_earlier(next, ask_next(d, now));
}
