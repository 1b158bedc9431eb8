/* Rows that come as records of a table's stream. */
#include "server/mirror/mirror_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- records to runs --- */

/* Records of an answer, as many at a time as DynamoDB puts into one, and whose rows they are. They
 * are read once for all runs. */
struct batch {
    struct streams_record *records;
    int64_t *ids; /* of runs; 0: none */
    size_t count;
    size_t answer_len;
    const char *key; /* the attribute that the ids are of; NULL: none was read */
};

static int batch_open(struct batch *b, size_t answer_len, struct error *err)
{
    *b = (struct batch){.records = reallocarray(NULL, STREAMS_RECORDS_MAX, sizeof *b->records),
                        .ids = reallocarray(NULL, STREAMS_RECORDS_MAX, sizeof *b->ids),
                        .answer_len = answer_len};
    return b->records && b->ids ? 0 : err_set(err, ERR_MEMORY, "out of memory for audit rows");
}

static void batch_free(struct batch *b)
{
    free(b->records);
    free(b->ids);
}

/* False: there are no more records. */
static bool batch_fill(struct batch *b, struct streams_page *page)
{
    b->count = 0;
    b->key = NULL;
    while (b->count < STREAMS_RECORDS_MAX && streams_page_next(page, &b->records[b->count]))
        b->count++;
    return b->count > 0;
}

/* Nearly always all runs name the key alike. */
static void batch_ids(struct batch *b, const char *key)
{
    if (b->key && strcmp(b->key, key) == 0)
        return;
    for (size_t i = 0; i < b->count; i++)
        b->ids[i] = dynamodb_slice_n(&b->records[i].keys, key, 0);
    b->key = key;
}

/* The image of one record. Without one (the stream's view has none) the table is read soon. */
static int take_record(struct mirror_run *r, const struct streams_record *record,
                       struct mirror_rows *rows, struct error *err)
{
    struct json_pull image;
    if (record->new_image.text) {
        jp_init(&image, record->new_image.text, record->new_image.len);
        return mirror_rows_add(rows, &image, err);
    }
    if (strcmp(record->event, "REMOVE") != 0)
        r->pace.due = loop_earlier(r->pace.due, loop_now(r->mirror->loop) + r->pace.min);
    return 0;
}

/* Whether one of the records is about the run. */
static bool concerns(const struct batch *b, int64_t run_id)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->ids[i] == run_id)
            return true;
    return false;
}

/* Images of the run's rows, in their order. Rows of runs that are not followed are left alone:
 * their first pass will find them. */
static int take_for(struct mirror_run *r, struct batch *b, struct error *err)
{
    bool moved = false;
    struct mirror_rows rows;
    batch_ids(b, r->details.hash_key);
    if (!concerns(b, r->id))
        return 0;
    int rc = mirror_rows_open(&rows, r, b->answer_len, err);
    for (size_t i = 0; i < b->count && !rc; i++)
        if (b->ids[i] == r->id)
            rc = take_record(r, &b->records[i], &rows, err);
    rc = mirror_rows_close(&rows, rc, &moved, err);
    if (moved && r->mirror->moved)
        r->mirror->moved(r->mirror->ctx, r->id);
    return rc;
}

/* What one of two streams calls back with: both end up in the same mirror. */
static int take_page(void *ctx, struct streams_page *page, size_t answer_len, struct error *err)
{
    struct mirror *m = ctx;
    struct batch batch;
    int rc = batch_open(&batch, answer_len, err);
    while (!rc && batch_fill(&batch, page))
        for (struct mirror_run *r = m->runs; r && !rc; r = r->next)
            if (r->stream && !r->left && !r->finished)
                rc = take_for(r, &batch, err);
    batch_free(&batch);
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
