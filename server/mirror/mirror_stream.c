/* Rows that come as records of a table's stream. */
#include "server/mirror/mirror_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- records to runs --- */

/* A page of records, read once for all runs, and whose rows they are. */
struct page {
    struct streams_record *records;
    int64_t *ids; /* of runs; 0: none */
    size_t count;
    const char *key; /* the attribute that the ids are of; NULL: none was read */
};

static void page_free(struct page *p)
{
    free(p->records);
    free(p->ids);
}

/* Records that make no sense are left out. */
static int page_read(struct page *p, json_t *records, struct error *err)
{
    json_t *each;
    size_t i;
    const size_t size = json_array_size(records) + 1;
    *p = (struct page){calloc(size, sizeof *p->records), calloc(size, sizeof *p->ids), 0, NULL};
    if (!p->records || !p->ids)
        return err_set(err, ERR_MEMORY, "out of memory for audit rows");
    json_array_foreach (records, i, each) {
        struct error why = {0};
        p->count += streams_record_read(each, &p->records[p->count], &why) == 0;
    }
    return 0;
}

/* Nearly always all runs name the key alike. */
static void page_ids(struct page *p, const char *key)
{
    if (p->key && strcmp(p->key, key) == 0)
        return;
    for (size_t i = 0; i < p->count; i++)
        p->ids[i] = dynamodb_get_n(p->records[i].keys, key, 0);
    p->key = key;
}

/* Images of the run's rows, in their order; *images stays NULL when there are none. Without an
 * image (the stream's view has none) the table is read soon. */
static int images_of(struct mirror_run *r, const struct page *p, json_t **images, struct error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct streams_record *record = &p->records[i];
        if (p->ids[i] != r->id)
            continue;
        if (!record->new_image && strcmp(record->event, "REMOVE") != 0)
            r->pace.due = loop_earlier(r->pace.due, loop_now(r->mirror->loop) + r->pace.min);
        if (!record->new_image)
            continue;
        if (!*images)
            *images = json_array();
        if (json_array_append(*images, record->new_image))
            return err_set(err, ERR_MEMORY, "out of memory for audit rows");
    }
    return 0;
}

/* Rows of runs that are not followed are left alone: their first pass will find them. */
static int take_for(struct mirror_run *r, struct page *p, struct error *err)
{
    bool moved = false;
    json_t *images = NULL;
    page_ids(p, r->details.hash_key);
    int rc = images_of(r, p, &images, err);
    if (!rc && images)
        rc = mirror_take_items(r, images, &moved, err);
    json_decref(images);
    if (!rc && moved && r->mirror->moved)
        r->mirror->moved(r->mirror->ctx, r->id);
    return rc;
}

/* What one of two streams calls back with: both end up in the same mirror. */
static int take_page(void *ctx, json_t *records, struct error *err)
{
    struct mirror *m = ctx;
    struct page page;
    int rc = page_read(&page, records, err);
    for (struct mirror_run *r = m->runs; r && !rc; r = r->next)
        if (r->stream && !r->left && !r->finished)
            rc = take_for(r, &page, err);
    page_free(&page);
    return rc;
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
