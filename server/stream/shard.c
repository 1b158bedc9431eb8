/* One shard: iterator, records, end. */
#include "server/stream/stream_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While changes are expected; otherwise a table is looked at now and then only. */
enum { INTERVAL_EXPECTING = 4 };
#define INTERVAL_IDLE (5 * CLOCK_SECOND)
#define RETRY_MIN (250 * CLOCK_MS)
#define RETRY_MAX (10 * CLOCK_SECOND)
/* Records tell their time in whole seconds. */
#define BEHIND_MIN (2 * CLOCK_SECOND)
#define STORE_RETRY (2 * CLOCK_SECOND)

struct shard *shard_find(const struct stream *s, const char *id)
{
    for (struct shard *shard = s->shards; shard; shard = shard->next)
        if (!shard->dropped && strcmp(shard->id, id) == 0)
            return shard;
    return NULL;
}

void shard_set_pace(struct shard *shard)
{
    int64_t min = shard->stream->o.interval;
    int64_t max = shard->stream->expecting ? INTERVAL_EXPECTING * min : INTERVAL_IDLE;
    shard->pace.max = max > min ? max : min;
    if (shard->stream->expecting)
        pace_moved(&shard->pace, loop_now(shard->stream->o.loop));
}

struct shard *shard_add(struct stream *s, const struct streams_shard *listed, struct error *err)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (!shard || strlen(listed->id) >= SHARD_ID_MAX || strlen(listed->parent) >= SHARD_ID_MAX) {
        err_set(err, shard ? ERR_LIMIT : ERR_MEMORY, "no room for shard %.100s", listed->id);
        free(shard);
        return NULL;
    }
    shard->stream = s;
    (void)snprintf(shard->id, sizeof shard->id, "%s", listed->id);
    (void)snprintf(shard->parent, sizeof shard->parent, "%s", listed->parent);
    pace_init(&shard->pace, s->o.interval, s->o.interval);
    shard->pace.due = loop_now(s->o.loop);
    shard_set_pace(shard);
    shard->behind_since = LOOP_NEVER;
    struct shard **at = &s->shards;
    while (*at)
        at = &(*at)->next;
    *at = shard;
    return shard;
}

static void shard_free(struct shard *shard)
{
    struct shard **at = &shard->stream->shards;
    while (*at != shard)
        at = &(*at)->next;
    *at = shard->next;
    free(shard->iterator);
    free(shard);
}

void shard_drop(struct shard *shard)
{
    shard->dropped = true;
    if (!shard->busy)
        shard_free(shard);
}

void shards_free(struct stream *s)
{
    while (s->shards)
        shard_free(s->shards);
}

int stream_keep(const struct stream *s, const struct shard *shard, struct error *err)
{
    const struct store_position position = {.table = s->table,
                                            .stream = s->arn,
                                            .shard = shard->id,
                                            .sequence = shard->sequence[0] ? shard->sequence : NULL,
                                            .done = shard->state == SHARD_DONE};
    return store_position_set(s->o.loop->store, &position, err);
}

/* It is behind since it was due first, however often it is put off. */
static void put_off(struct shard *shard, int64_t until)
{
    shard->behind_since = loop_earlier(shard->behind_since, shard->pace.due);
    shard->pace.due = until;
}

/* What was not kept, or could not be asked for, comes later. */
static void not_kept(struct shard *shard, const struct error *err)
{
    const struct loop *loop = shard->stream->o.loop;
    put_off(shard, loop_now(loop) + STORE_RETRY);
    log_error(loop->log, "records of a stream cannot be taken over yet",
              LOG_STR("table", shard->stream->table), LOG_STR("error", err->message));
}

/* Common ends of a call; false: the shard was dropped and is gone. */
static bool came_back(struct shard *shard, const struct error *err)
{
    shard->busy = false;
    if (!err) {
        shard->failures = 0;
        shard->stream->failures = 0;
        loop_note(shard->stream->o.loop, NULL);
    }
    if (!shard->dropped)
        return true;
    shard_free(shard);
    return false;
}

/* What an error means for the reader's place; the shard may be gone afterwards. */
static void failed(struct shard *shard, const struct error *err)
{
    struct stream *s = shard->stream;
    int64_t now = loop_now(s->o.loop);
    if (err_is_remote(err, "TrimmedDataAccessException") ||
        err_is_remote(err, "ResourceNotFoundException")) {
        stream_begin_anew(s, err->remote);
        return;
    }
    if (err_is_remote(err, "ExpiredIteratorException")) {
        shard->state = SHARD_STARTING;
        shard->latest = false;
        put_off(shard, now);
        return;
    }
    /* One shard that never answers is as bad as all: the others' answers do not speak for it. */
    if (s->failures < shard->failures)
        s->failures = shard->failures;
    shard->failures++;
    put_off(shard, now + pace_backoff(RETRY_MIN, RETRY_MAX, s->failures + 1));
    stream_failed(s, err);
}

static void started(void *ctx, struct aws_response *response, const struct error *err)
{
    struct shard *shard = ctx;
    if (!came_back(shard, err))
        return;
    const char *iterator = err ? NULL : streams_iterator_of(response);
    if (err) {
        failed(shard, err);
        return;
    }
    free(shard->iterator);
    shard->iterator = iterator ? strdup(iterator) : NULL;
    shard->pace.due = loop_now(shard->stream->o.loop);
    if (shard->iterator)
        shard->state = SHARD_READING;
    else
        shard->pace.due += STORE_RETRY;
}

static void start(struct shard *shard)
{
    struct aws_request request = {0};
    struct error err = {0};
    const struct streams_start from = {.arn = shard->stream->arn,
                                       .shard = shard->id,
                                       .from = shard->sequence[0] ? STREAMS_AFTER
                                               : shard->latest    ? STREAMS_LATEST
                                                                  : STREAMS_OLDEST,
                                       .sequence = shard->sequence[0] ? shard->sequence : NULL};
    int rc = streams_iterator(&request, &from, &err);
    shard->busy = stream_send(shard->stream, &request, rc, started, shard, &err) == 0;
    if (!shard->busy)
        not_kept(shard, &err);
}

/* What came since there was nothing is no older than that, whatever two clocks say. */
static void note_age(struct shard *shard, int64_t age, int64_t now)
{
    int64_t since = now - age > shard->emptied_at ? now - age : shard->emptied_at;
    shard->behind_since = now - since > BEHIND_MIN ? since : LOOP_NEVER;
}

/* Notes how far the records were taken over; -1 with the shard's place as it was. */
static int note_place(struct shard *shard, const struct streams_page *page, struct error *err)
{
    struct stream *s = shard->stream;
    char before[STREAMS_SEQUENCE_MAX];
    int64_t now = loop_now(s->o.loop);
    if (page->count == 0) {
        shard->behind_since = LOOP_NEVER;
        shard->emptied_at = now;
        return 0;
    }
    memcpy(before, shard->sequence, sizeof before);
    memcpy(shard->sequence, page->sequence, sizeof before);
    if (stream_keep(s, shard, err)) {
        memcpy(shard->sequence, before, sizeof before);
        return -1;
    }
    note_age(shard, page->created ? clock_wall(s->o.loop->clock) - page->created : 0, now);
    return 0;
}

/* Takes the records of an answer over. *next: the iterator to go on with. */
static int take(struct shard *shard, const struct aws_response *response, bool *any, char **next,
                struct error *err)
{
    const struct stream_options *o = &shard->stream->o;
    struct streams_page page;
    *next = NULL;
    streams_page_open(&page, response);
    int rc = o->page(o->ctx, &page, response->http.body.len, err);
    if (!rc && streams_page_end(&page, next, err))
        rc = err_wrap(err, "GetRecords of %s (request %s)", shard->stream->table,
                      response->request_id);
    if (!rc)
        rc = note_place(shard, &page, err);
    *any = page.count > 0;
    return rc;
}

/* A closed shard that was read to its end. */
static void end(struct shard *shard)
{
    struct error err = {0};
    shard->state = SHARD_DONE;
    if (stream_keep(shard->stream, shard, &err)) {
        shard->state = SHARD_READING;
        not_kept(shard, &err);
        return;
    }
    stream_list_after(shard->stream, shard);
}

static void came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct shard *shard = ctx;
    struct error why = {0};
    if (!came_back(shard, err))
        return;
    if (err) {
        failed(shard, err);
        return;
    }
    char *next;
    bool any;
    if (take(shard, response, &any, &next, &why)) {
        free(next);
        not_kept(shard, &why);
        return;
    }
    pace_looked(&shard->pace, loop_now(shard->stream->o.loop), any, 0);
    if (!next) {
        end(shard);
        return;
    }
    free(shard->iterator);
    shard->iterator = next;
}

static void ask(struct shard *shard)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = streams_records(&request, shard->iterator, 0, &err);
    shard->busy = stream_send(shard->stream, &request, rc, came, shard, &err) == 0;
    if (!shard->busy)
        not_kept(shard, &err);
}

/* A parent that is not known any more was trimmed. */
static bool parent_done(const struct shard *shard)
{
    const struct shard *parent = shard->parent[0] ? shard_find(shard->stream, shard->parent) : NULL;
    return !parent || parent->state == SHARD_DONE;
}

int64_t shard_step(struct shard *shard, int64_t now)
{
    if (shard->state == SHARD_WAITING && shard->stream->state == STREAM_FOLLOWING &&
        parent_done(shard)) {
        shard->state = SHARD_STARTING;
        shard->pace.due = now;
    }
    if (shard->busy || shard->state == SHARD_WAITING || shard->state == SHARD_DONE)
        return LOOP_NEVER;
    if (now < shard->pace.due)
        return shard->pace.due;
    if (shard->state == SHARD_STARTING && shard->stream->state == STREAM_FOLLOWING)
        start(shard);
    else if (shard->state == SHARD_READING)
        ask(shard);
    return LOOP_NEVER;
}
