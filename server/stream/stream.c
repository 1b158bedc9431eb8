/* The stream as a whole: finding it, listing its shards, giving up and coming back. */
#include "server/stream/stream_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* aws: five reads a second and shard for all readers; two control planes share them. */
#define INTERVAL_MIN (400 * CLOCK_MS)
/* A table gets a stream, or a permission is given, by hand: no need to look often. */
#define LOOK_AGAIN_MIN (60 * CLOCK_SECOND)
#define LOOK_AGAIN_MAX (600 * CLOCK_SECOND)
#define STORE_RETRY (5 * CLOCK_SECOND)
/* Without a way to the endpoint a connection hangs; meanwhile the table is read by Query. */
enum { CALL_TIMEOUT_MS = 5000 };
/* Failures in a row after which a stream that was read is given up for a while; more when there are
 * just too many readers. */
enum { PATIENCE = 6, PATIENCE_THROTTLED = 40 };

struct stream *stream_new(const struct stream_options *options, struct error *err)
{
    struct stream *s = calloc(1, sizeof *s);
    char *table = strdup(options->table);
    if (!s || !table) {
        err_set(err, ERR_MEMORY, "out of memory for a stream");
        free(table);
        free(s);
        return NULL;
    }
    s->o = *options;
    s->table = table;
    if (s->o.interval <= 0)
        s->o.interval = INTERVAL_MIN;
    if (s->o.retry <= 0)
        s->o.retry = LOOK_AGAIN_MIN;
    return s;
}

struct stream *stream_free(struct stream *s)
{
    if (!s)
        return NULL;
    shards_free(s);
    free(s->table);
    free(s);
    return NULL;
}

const char *stream_table(const struct stream *s)
{
    return s->table;
}

int64_t stream_live_since(const struct stream *s)
{
    return s->live_since;
}

void stream_expect(struct stream *s, bool changes)
{
    s->expecting = changes;
    for (struct shard *shard = s->shards; shard; shard = shard->next)
        shard_set_pace(shard);
}

/* A shard that is not asked when it is due is behind since then. */
int64_t stream_behind_since(const struct stream *s)
{
    int64_t since = LOOP_NEVER;
    for (const struct shard *shard = s->shards; s->live_since && shard; shard = shard->next)
        if (!shard->dropped && (shard->state == SHARD_READING || shard->state == SHARD_STARTING))
            since = loop_earlier(since, loop_earlier(shard->behind_since, shard->pace.due));
    return since;
}

/* Once for each change of it. */
static void tell(struct stream *s, enum mirror_source source, const char *why)
{
    if (s->o.source)
        atomic_store(s->o.source, source);
    if (s->told == (int)source)
        return;
    s->told = (int)source;
    if (source == SOURCE_STREAM)
        log_info(s->o.loop->log, "the table is followed by its stream", LOG_STR("table", s->table));
    else if (source == SOURCE_NO_STREAM)
        log_info(s->o.loop->log, "the table is read by queries: it has no stream",
                 LOG_STR("table", s->table));
    else
        log_warn(s->o.loop->log,
                 "the table is read by queries: its stream cannot be; allow this server "
                 "dynamodb:DescribeTable, DescribeStream, GetShardIterator and GetRecords, and "
                 "give it a way to the dynamodb-streams endpoint",
                 LOG_STR("table", s->table), LOG_STR("error", why));
}

/* Positions stay in the store: coming back goes on where it ended. */
void stream_leave(struct stream *s, int64_t due)
{
    s->live_since = 0;
    s->state = STREAM_LOOKING;
    s->due = due;
    for (struct shard *shard = s->shards, *next; shard; shard = next) {
        next = shard->next;
        shard_drop(shard);
    }
}

void stream_failed(struct stream *s, const struct error *err)
{
    const bool throttled = aws_is_throttle(err) || err_is_remote(err, "LimitExceededException");
    const bool passing = throttled || loop_fault(err) == LOOP_PASSING;
    const int64_t patience = throttled ? PATIENCE_THROTTLED : PATIENCE;
    int64_t now = loop_now(s->o.loop);
    s->failures++;
    if (s->state != STREAM_LOOKING && passing && s->failures < patience && s->live_since)
        return;
    tell(s, passing ? SOURCE_UNREACHABLE : SOURCE_DENIED, err->message);
    stream_leave(s, now + pace_backoff(s->o.retry, LOOK_AGAIN_MAX, s->failures / PATIENCE + 1));
}

void stream_begin_anew(struct stream *s, const char *why)
{
    struct error err = {0};
    log_warn(s->o.loop->log, "records of a stream are lost: the table is read anew",
             LOG_STR("table", s->table), LOG_STR("why", why));
    stream_leave(s, loop_now(s->o.loop));
    if (store_position_forget(s->o.loop->store, s->table, NULL, NULL, &err)) {
        log_error(s->o.loop->log, "positions in a stream cannot be forgotten",
                  LOG_STR("error", err.message));
        s->due += STORE_RETRY;
    }
}

int stream_send(struct stream *s, struct aws_request *request, int rc, aws_done_fn done, void *ctx,
                struct error *err)
{
    request->timeout_ms = CALL_TIMEOUT_MS;
    request->max_attempts = 1;
    if (!rc)
        rc = aws_send(s->o.loop->aws, request, done, ctx, err);
    if (rc)
        aws_request_free(request);
    return rc;
}

/* --- looking for the stream --- */

/* A shard that is known from the store; the listing tells whether it is still there. */
static void read_position(void *ctx, const struct store_position *position)
{
    struct stream *s = ctx;
    struct error err = {0};
    const struct streams_shard known = {.id = position->shard, .parent = "", .last = ""};
    struct shard *shard = shard_add(s, &known, &err);
    if (!shard)
        return;
    shard->state = position->done ? SHARD_DONE : SHARD_STARTING;
    (void)snprintf(shard->sequence, sizeof shard->sequence, "%s",
                   position->sequence ? position->sequence : "");
    s->fresh = false;
}

/* Positions in a stream that the table had before are of no use any more. */
static int begin_list(struct stream *s, struct error *err)
{
    struct store *store = s->o.loop->store;
    s->fresh = true;
    s->whole = true;
    s->closed = false;
    s->after[0] = '\0';
    if (store_position_forget(store, s->table, s->arn, NULL, err) ||
        store_position_list(store, s->arn, read_position, s, err))
        return -1;
    s->state = STREAM_LISTING;
    s->due = loop_now(s->o.loop);
    return 0;
}

/* DescribeTable is a call to DynamoDB itself: it tells whether AWS is in reach. */
static void looked(void *ctx, struct aws_response *response, const struct error *err)
{
    struct stream *s = ctx;
    struct error why = {0};
    s->busy = false;
    loop_note(s->o.loop, err && loop_fault(err) == LOOP_PASSING ? err : NULL);
    const char *arn = err ? NULL : streams_arn(response);
    if (err && !err_is_remote(err, "ResourceNotFoundException")) {
        stream_failed(s, err);
        return;
    }
    if (!arn || strlen(arn) >= sizeof s->arn) {
        tell(s, SOURCE_NO_STREAM, NULL);
        s->due = loop_now(s->o.loop) + s->o.retry;
        return;
    }
    (void)snprintf(s->arn, sizeof s->arn, "%s", arn);
    if (begin_list(s, &why)) {
        log_error(s->o.loop->log, "positions in a stream cannot be read",
                  LOG_STR("error", why.message));
        stream_leave(s, loop_now(s->o.loop) + STORE_RETRY);
    }
}

static void look(struct stream *s)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = streams_describe_table(&request, s->table, &err);
    s->busy = stream_send(s, &request, rc, looked, s, &err) == 0;
    if (!s->busy)
        stream_failed(s, &err);
}

/* --- following --- */

static int64_t step_shards(struct stream *s, int64_t now)
{
    int64_t next = LOOP_NEVER;
    for (struct shard *shard = s->shards; shard && s->state != STREAM_LOOKING; shard = shard->next)
        if (!shard->dropped)
            next = loop_earlier(next, shard_step(shard, now));
    return next;
}

/* When every shard has an iterator, nothing can fall between it and a Query that is sent now. */
static void check_live(struct stream *s, int64_t now)
{
    if (s->live_since || s->state != STREAM_FOLLOWING || stream_all_done(s))
        return;
    for (const struct shard *shard = s->shards; shard; shard = shard->next)
        if (!shard->dropped && shard->state == SHARD_STARTING)
            return;
    s->live_since = now;
    tell(s, SOURCE_STREAM, NULL);
    s->o.live(s->o.ctx);
}

int64_t stream_step(struct stream *s)
{
    int64_t now = loop_now(s->o.loop);
    int64_t next = LOOP_NEVER;
    if (s->state == STREAM_FOLLOWING && now >= s->due)
        stream_list_whole(s);
    if (!s->busy && s->state == STREAM_LOOKING && now >= s->due)
        look(s);
    else if (!s->busy && s->state == STREAM_LISTING)
        stream_list(s);
    if (s->state != STREAM_LOOKING)
        next = step_shards(s, now);
    check_live(s, now);
    if (!s->busy && s->state != STREAM_LISTING)
        next = loop_earlier(next, s->due);
    return next;
}
