/* Rows that come as records of a table's stream. */
#include "server/mirror/mirror_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- records to runs --- */

/* The run's id among the record's keys; 0: none. */
static int64_t id_of(const struct streams_record *record, const struct mirror_run *r)
{
    return dynamodb_get_n(record->keys, r->details.hash_key, 0);
}

/* Images of the run's rows, in their order. Without an image (the stream's view has none) the
 * table is read soon. NULL: memory is out. */
static json_t *images_of(struct mirror_run *r, json_t *records)
{
    json_t *images = json_array();
    json_t *each;
    size_t i;
    json_array_foreach (records, i, each) {
        struct streams_record record;
        struct error why = {0};
        if (streams_record_read(each, &record, &why) || id_of(&record, r) != r->id)
            continue;
        if (!record.new_image && strcmp(record.event, "REMOVE") != 0)
            r->pace.due = loop_earlier(r->pace.due, loop_now(r->mirror->loop) + r->pace.min);
        if (record.new_image && json_array_append(images, record.new_image)) {
            json_decref(images);
            return NULL;
        }
    }
    return images;
}

/* Rows of runs that are not followed are left alone: their first pass will find them. */
static int take_for(struct mirror_run *r, json_t *records, struct error *err)
{
    bool moved = false;
    json_t *images = images_of(r, records);
    if (!images)
        return err_set(err, ERR_MEMORY, "out of memory for audit rows");
    int rc = json_array_size(images) ? mirror_take_items(r, images, &moved, err) : 0;
    json_decref(images);
    if (!rc && moved && r->mirror->moved)
        r->mirror->moved(r->mirror->ctx, r->id);
    return rc;
}

/* What one of two streams calls back with: both end up in the same mirror. */
static int take_page(void *ctx, json_t *records, struct error *err)
{
    struct mirror *m = ctx;
    for (struct mirror_run *r = m->runs; r; r = r->next)
        if (r->stream && !r->left && !r->finished && take_for(r, records, err))
            return -1;
    return 0;
}

/* --- from Query to stream and back --- */

/* Each run needs a pass that begins now. */
static void live(void *ctx)
{
    struct mirror *m = ctx;
    int64_t now = loop_now(m->loop);
    for (struct mirror_run *r = m->runs; r; r = r->next)
        if (r->stream && stream_live_since(r->stream))
            r->pace.due = loop_earlier(r->pace.due, now);
}

bool mirror_streams(const struct mirror_run *r)
{
    int64_t since = r->stream ? stream_live_since(r->stream) : 0;
    return since && r->pass_began >= since;
}

const struct stream *mirror_stream_of(const struct mirror *m, const char *table)
{
    for (size_t i = 0; i < 2; i++)
        if (m->streams[i] && strcmp(stream_table(m->streams[i]), table) == 0)
            return m->streams[i];
    return NULL;
}

void mirror_expect(struct mirror *m)
{
    for (size_t i = 0; i < 2; i++) {
        bool any = false;
        for (const struct mirror_run *r = m->runs; m->streams[i] && r; r = r->next)
            any = any || (r->stream == m->streams[i] && !r->left);
        if (m->streams[i])
            stream_expect(m->streams[i], any);
    }
}

int mirror_open_streams(struct mirror *m, const struct mirror_options *options, struct error *err)
{
    struct control_health *health = options->loop->health;
    for (int pattern = 1; pattern <= 2; pattern++) {
        const char *table = options->tables[pattern];
        if (!table || mirror_stream_of(m, table))
            continue;
        const struct stream_options stream = {
            .loop = options->loop,
            .table = table,
            .interval = options->stream_interval,
            .retry = options->stream_retry,
            .page = take_page,
            .live = live,
            .ctx = m,
            .source = health ? &health->source[pattern][MIRROR_DETAILS] : NULL};
        m->streams[pattern - 1] = stream_new(&stream, err);
        if (!m->streams[pattern - 1])
            return -1;
    }
    return 0;
}

/* --- how far behind --- */

/* A pass is late from when it was due until it has ended. */
static int64_t run_behind_since(const struct mirror_run *r)
{
    if (r->left || r->finished)
        return LOOP_NEVER;
    return r->in_pass ? loop_earlier(r->pass_due, r->pace.due) : r->pace.due;
}

int64_t mirror_behind_since(const struct mirror *m)
{
    int64_t since = LOOP_NEVER;
    for (size_t i = 0; i < 2; i++)
        if (m->streams[i])
            since = loop_earlier(since, stream_behind_since(m->streams[i]));
    for (const struct mirror_run *r = m->runs; r; r = r->next)
        since = loop_earlier(since, run_behind_since(r));
    return since;
}
