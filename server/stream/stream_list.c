/* Listing a stream's shards: which there are, which are new, which are gone. */
#include "server/stream/stream_private.h"

#include <stdio.h>
#include <string.h>

#define LIST_RETRY (5 * CLOCK_SECOND)
#define LIST_WHOLE (300 * CLOCK_SECOND)

/* A stream that is followed from now on is read from its open shards; its closed ones are over. */
static int add_shard(struct stream *s, const struct streams_shard *listed, struct error *err)
{
    struct shard *shard = shard_find(s, listed->id);
    bool known = shard != NULL;
    if (!known)
        shard = shard_add(s, listed, err);
    if (!shard)
        return -1;
    shard->listed = true;
    (void)snprintf(shard->parent, sizeof shard->parent, "%s", listed->parent);
    if (known || !s->fresh)
        return 0;
    shard->latest = !*listed->last;
    shard->state = shard->latest ? SHARD_STARTING : SHARD_DONE;
    return stream_keep(s, shard, err);
}

static int take_shards(struct stream *s, const struct aws_response *response, struct error *err)
{
    json_t *listed;
    size_t i;
    json_array_foreach (streams_shards(response), i, listed) {
        struct streams_shard shard;
        if (streams_shard_read(listed, &shard, err) || add_shard(s, &shard, err))
            return -1;
    }
    const json_t *described = json_object_get(response->json, "StreamDescription");
    const char *status = json_string_value(json_object_get(described, "StreamStatus"));
    s->closed = status && strcmp(status, "DISABLED") == 0;
    return 0;
}

/* What a whole listing does not tell is gone. -1: with what was not read of it. */
static int drop_unlisted(struct stream *s)
{
    int rc = 0;
    struct error err = {0};
    for (struct shard *shard = s->shards, *next; shard; shard = next) {
        next = shard->next;
        if (shard->dropped || shard->listed)
            continue;
        if (shard->state != SHARD_DONE)
            rc = -1;
        (void)store_position_forget(s->o.loop->store, s->table, s->arn, shard->id, &err);
        shard_drop(shard);
    }
    return rc;
}

bool stream_all_done(const struct stream *s)
{
    for (const struct shard *shard = s->shards; shard; shard = shard->next)
        if (!shard->dropped && shard->state != SHARD_DONE)
            return false;
    return true;
}

/* A shard that was read to its end goes on in a child, which may not be listed yet. */
static bool awaits_child(const struct stream *s)
{
    for (const struct shard *shard = s->shards; shard; shard = shard->next) {
        const struct shard *child = s->shards;
        while (child && (child->dropped || strcmp(child->parent, shard->id) != 0))
            child = child->next;
        if (!child && !shard->dropped && shard->state == SHARD_DONE)
            return true;
    }
    return false;
}

/* A disabled stream that was read to its end is no stream any more; the table may have another.
 * Otherwise children of what is done will be listed soon. */
static void list_ended(struct stream *s)
{
    int64_t now = loop_now(s->o.loop);
    if (s->whole && drop_unlisted(s)) {
        stream_begin_anew(s, "a shard was trimmed before it was read");
        return;
    }
    if (s->whole)
        s->whole_at = now + LIST_WHOLE;
    s->state = STREAM_FOLLOWING;
    s->fresh = false;
    s->due = s->whole_at;
    if (stream_all_done(s) || awaits_child(s))
        s->due = now + LIST_RETRY;
    if (stream_all_done(s) && s->closed)
        stream_leave(s, s->due);
}

/* While it is read a listing can wait; it then begins at the first shard. */
static void list_failed(struct stream *s, const struct error *err)
{
    int64_t due = loop_now(s->o.loop) + LIST_RETRY;
    if (err_is_remote(err, "ResourceNotFoundException")) {
        stream_leave(s, due);
    } else if (s->live_since) {
        s->state = STREAM_FOLLOWING;
        s->due = due;
    } else {
        stream_failed(s, err);
    }
}

static void listed(void *ctx, struct aws_response *response, const struct error *err)
{
    struct stream *s = ctx;
    struct error why = {0};
    s->busy = false;
    if (s->state != STREAM_LISTING)
        return;
    if (err) {
        list_failed(s, err);
        return;
    }
    loop_note(s->o.loop, NULL);
    if (take_shards(s, response, &why)) {
        log_error(s->o.loop->log, "the shards of a stream cannot be kept",
                  LOG_STR("error", why.message));
        stream_leave(s, loop_now(s->o.loop) + LIST_RETRY);
        return;
    }
    const char *last = streams_last_shard(response);
    (void)snprintf(s->after, sizeof s->after, "%s", last ? last : "");
    if (!last)
        list_ended(s);
}

void stream_list(struct stream *s)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = streams_describe(&request, s->arn, s->after[0] ? s->after : NULL, &err);
    s->busy = stream_send(s, &request, rc, listed, s, &err) == 0;
    if (!s->busy)
        stream_failed(s, &err);
}

void stream_list_whole(struct stream *s)
{
    s->state = STREAM_LISTING;
    s->whole = true;
    s->after[0] = '\0';
    for (struct shard *shard = s->shards; shard; shard = shard->next)
        shard->listed = false;
}

/* Children are listed behind their parents. Should one not be there yet, the next whole listing
 * finds it. */
void stream_list_after(struct stream *s, const struct shard *shard)
{
    if (s->state != STREAM_FOLLOWING)
        return;
    s->state = STREAM_LISTING;
    s->whole = false;
    (void)snprintf(s->after, sizeof s->after, "%s", shard->id);
}
