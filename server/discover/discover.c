/* Sweeps over the executions of a state machine. */
#include "server/discover/discover_private.h"

#include <stdlib.h>
#include <string.h>

#define INTERVAL_WITHOUT (10 * CLOCK_SECOND)
/* With a stream: for executions that ended before they had a row. */
#define INTERVAL_WITH (60 * CLOCK_SECOND)
#define SWEEP_GAP (500 * CLOCK_MS)
#define SWEEP_AGAIN (2 * CLOCK_SECOND)
#define AGE_MAX (90 * 24 * INT64_C(3600) * CLOCK_SECOND)
enum { AGAIN = 3, PAGE = 100, PAGE_WHOLE = 1000, LIST_TIMEOUT_MS = 10000 };

/* --- one sweep --- */

/* 1: nobody here knows it, 0, or -1. */
static int is_unknown(struct finder *f, const struct sfn_execution *e, struct error *err)
{
    if (seen_has(&f->passed, seen_hash_text(SEEN_START, e->execution_arn)) ||
        later_has(f, e->execution_arn))
        return 0;
    int rc = store_execution_known(f->discover->o.loop->store, f->pattern, e->execution_arn,
                                   e->name, err);
    return rc < 0 ? -1 : !rc;
}

/* Queues what is unknown of a page; *end tells that the rest is too old. */
static int take_page(struct finder *f, const struct aws_response *response, bool *end,
                     struct error *err)
{
    const int64_t age = f->discover->o.age_max;
    const int64_t oldest = clock_wall(f->discover->o.loop->clock) - age;
    json_t *item;
    size_t i;
    json_array_foreach (sfn_list_items(response), i, item) {
        struct sfn_execution e;
        if (sfn_list_read(item, &e, err))
            return -1;
        *end = *end || e.start_time < oldest;
        int rc = *end ? 0 : is_unknown(f, &e, err);
        if (rc < 0)
            return -1;
        if (rc && json_array_append_new(f->queue, json_pack("{s:s}", "arn", e.execution_arn)))
            return err_set(err, ERR_MEMORY, "out of memory for executions");
    }
    return 0;
}

/* A refusal may be the token's, which lives for a day: the sweep begins anew. Since it has brought
 * news it must then not end at a page without any. */
static void sweep_anew(struct finder *f, const struct error *err)
{
    json_array_clear(f->queue);
    if (err->code != ERR_REMOTE || err->http_status >= 500 || aws_is_throttle(err))
        return;
    f->whole = f->whole || f->token;
    free(f->token);
    f->token = NULL;
}

/* A page without news ends a sweep, unless it is the first after a start. */
static void listed(void *ctx, struct aws_response *response, const struct error *err)
{
    struct finder *f = ctx;
    struct error why = {0};
    bool end = false;
    f->busy = false;
    finder_note(f, err);
    if (err || take_page(f, response, &end, &why)) {
        sweep_anew(f, err ? err : &why);
        finder_failed(f, err ? err : &why);
        return;
    }
    const char *token = sfn_list_next(response);
    f->failures = 0;
    free(f->token);
    f->token = token ? strdup(token) : NULL;
    f->listed = !f->token || end || (!f->whole && json_array_size(f->queue) == 0);
}

static void list(struct finder *f)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = sfn_list_executions(&request, f->machine_arn, NULL, f->whole ? PAGE_WHOLE : PAGE,
                                 f->token, &err);
    request.timeout_ms = LIST_TIMEOUT_MS;
    if (rc || aws_send(f->discover->o.loop->aws, &request, listed, f, &err)) {
        aws_request_free(&request);
        finder_failed(f, &err);
        return;
    }
    f->busy = true;
}

static void end_sweep(struct finder *f)
{
    const struct discover *d = f->discover;
    f->sweeping = false;
    f->whole = false;
    free(f->token);
    f->token = NULL;
    f->swept_at = loop_now(d->o.loop);
    f->due = f->swept_at + INTERVAL_WITH;
    if (f->again > 0) {
        f->again--;
        f->due = f->swept_at + SWEEP_AGAIN;
    }
}

/* Sends the sweep's next call, or ends it. */
static void sweep(struct finder *f)
{
    if (!f->sweeping) {
        f->sweeping = true;
        f->listed = false;
    }
    if (!f->listed)
        list(f);
    else
        end_sweep(f);
}

/* When the next call is to be made, as far as that is known. */
static int64_t next_call(const struct finder *f)
{
    bool under_way = f->sweeping || json_array_size(f->queue) > 0;
    return under_way || f->due < f->not_before ? f->not_before : f->due;
}

/* Describes what is queued, for which there are tokens, then goes on with the sweep. */
static int64_t finder_step(struct finder *f, int64_t now)
{
    int64_t next = f->stream ? stream_step(f->stream) : LOOP_NEVER;
    int64_t quota = LOOP_NEVER;
    if (f->busy || !f->machine_arn)
        return next;
    if (!f->sweeping && (!f->stream || !stream_live_since(f->stream)))
        f->due = loop_earlier(f->due, f->swept_at + f->discover->o.interval);
    next = loop_earlier(next, later_take(f, now));
    if (now >= next_call(f)) {
        if (json_array_size(f->queue) == 0)
            sweep(f);
        else if (quota_take(&f->discover->describe, now, &quota))
            finder_describe(f);
    }
    if (f->busy)
        return next;
    int64_t call = next_call(f);
    return loop_earlier(next, call > now || quota == LOOP_NEVER ? call : quota);
}

/* --- the summary table's stream --- */

static void run_is_there(void *ctx, const struct store_run *run)
{
    bool *there = ctx;
    *there = run != NULL;
}

static bool is_known(struct finder *f, int64_t id)
{
    struct error err = {0};
    bool there = false;
    const uint64_t hash = seen_hash(SEEN_START, &id, sizeof id);
    if (seen_has(&f->known, hash))
        return true;
    (void)store_run_get(f->discover->o.loop->store, id, run_is_there, &there, &err);
    if (there)
        (void)seen_add(&f->known, hash);
    return there;
}

/* A row of a run that is not here: its execution will be among the newest. */
static int take_records(void *ctx, struct streams_page *page, size_t answer_len, struct error *err)
{
    struct finder *f = ctx;
    struct streams_record record;
    (void)answer_len;
    (void)err;
    while (streams_page_next(page, &record)) {
        if (strcmp(record.event, "REMOVE") == 0)
            continue;
        int64_t id = dynamodb_slice_n(&record.keys, f->range_key, 0);
        if (id <= 0 || is_known(f, id))
            continue;
        f->again = AGAIN;
        f->due = loop_earlier(f->due, loop_now(f->discover->o.loop) + SWEEP_GAP);
    }
    return 0;
}

/* What was written before is found among the executions; also when a sweep is under way that began
 * before the stream was in reach. */
static void live(void *ctx)
{
    struct finder *f = ctx;
    if (f->again == 0)
        f->again = 1;
    if (!f->sweeping)
        f->due = loop_now(f->discover->o.loop);
}

/* --- making and freeing --- */

static int open_finder(struct discover *d, int pattern, struct error *err)
{
    struct finder *f = &d->finders[pattern];
    struct control_health *health = d->o.loop->health;
    *f = (struct finder){.discover = d, .pattern = pattern, .whole = true};
    if (!d->o.machine_arn[pattern])
        return 0;
    f->machine_arn = strdup(d->o.machine_arn[pattern]);
    f->queue = json_array();
    f->later = json_array();
    const char *key = d->o.range_keys[pattern];
    f->range_key = strdup(key ? key : "workflow_run_id");
    if (!f->machine_arn || !f->queue || !f->later || !f->range_key)
        return err_set(err, ERR_MEMORY, "out of memory for runs started elsewhere");
    if (later_recall(f, err))
        return -1;
    if (!d->o.tables[pattern])
        return 0;
    const struct stream_options stream = {
        .loop = d->o.loop,
        .table = d->o.tables[pattern],
        .interval = d->o.stream_interval,
        .retry = d->o.stream_retry,
        .page = take_records,
        .live = live,
        .ctx = f,
        .source = health ? &health->source[pattern][MIRROR_SUMMARY] : NULL};
    f->stream = stream_new(&stream, err);
    if (!f->stream)
        return -1;
    stream_expect(f->stream, true);
    return 0;
}

struct discover *discover_new(const struct discover_options *options, struct error *err)
{
    struct discover *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(err, ERR_MEMORY, "out of memory for runs started elsewhere");
        return NULL;
    }
    d->o = *options;
    if (d->o.interval <= 0)
        d->o.interval = INTERVAL_WITHOUT;
    if (d->o.age_max <= 0)
        d->o.age_max = AGE_MAX;
    quota_init(&d->describe, d->o.calls_per_second > 0 ? d->o.calls_per_second : 5,
               loop_now(d->o.loop));
    for (int pattern = 1; pattern <= 2; pattern++)
        if (open_finder(d, pattern, err))
            return discover_free(d);
    return d;
}

struct discover *discover_free(struct discover *d)
{
    if (!d)
        return NULL;
    for (int pattern = 1; pattern <= 2; pattern++) {
        struct finder *f = &d->finders[pattern];
        stream_free(f->stream);
        found_free(&f->now);
        json_decref(f->queue);
        json_decref(f->later);
        seen_free(&f->passed);
        seen_free(&f->known);
        free(f->token);
        free(f->range_key);
        free(f->machine_arn);
    }
    free(d);
    return NULL;
}

int64_t discover_step(struct discover *d)
{
    int64_t now = loop_now(d->o.loop);
    int64_t next = LOOP_NEVER;
    for (int pattern = 1; pattern <= 2; pattern++)
        next = loop_earlier(next, finder_step(&d->finders[pattern], now));
    return next;
}

int64_t discover_behind_since(const struct discover *d)
{
    int64_t since = LOOP_NEVER;
    for (int pattern = 1; pattern <= 2; pattern++)
        if (d->finders[pattern].stream)
            since = loop_earlier(since, stream_behind_since(d->finders[pattern].stream));
    return since;
}
