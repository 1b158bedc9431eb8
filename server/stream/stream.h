/* stream: follows the DynamoDB Stream of one table, record by record, across restarts.
 *
 * Shards are read in the order of their lineage, parents before children; how far each was read is
 * in the store, written after its records were taken over, so a record may come twice and never
 * gets lost. A stream without stored positions is followed from now on: once the position is taken
 * `live` is called, and whoever wants what was before reads the table then. The same happens when
 * records were trimmed before they could be read. A table without a stream, a stream that may not
 * be read or an endpoint that does not answer is no error: it is looked for again now and then.
 * Used by the control thread only; callbacks run inside aws_poll or the step. */
#ifndef STEPFLEET_STREAM_H
#define STEPFLEET_STREAM_H

#include "lib/aws/streams.h"
#include "server/loop/loop.h"

struct stream;

struct stream_options {
    const struct loop *loop; /* borrowed, must outlive the stream */
    const char *table;       /* copied */
    int64_t interval;        /* shortest time between two reads of a shard, us; 0: 400 ms */
    int64_t retry; /* until a stream that could not be read is looked for again; 0: 60 s */
    /* Takes the records of an answer over, which is so many bytes long. -1: they come again. */
    int (*page)(void *ctx, struct streams_page *page, size_t answer_len, struct error *err);
    /* From now on every change comes as a record. */
    void (*live)(void *ctx);
    void *ctx;
    _Atomic int *source; /* told for /readyz: enum mirror_source; may be NULL */
};

/* NULL when memory is out. The first step looks for the table's stream. */
struct stream *stream_new(const struct stream_options *options, struct error *err);
/* Call after the struct aws was freed (its callbacks point here). NULL-safe; returns NULL. */
struct stream *stream_free(struct stream *s);
/* Sends what is due; returns the monotonic time to be called again, or LOOP_NEVER. */
int64_t stream_step(struct stream *s);

/* The table's name; borrowed from the stream. */
const char *stream_table(const struct stream *s);
/* Since when (monotonic) each change of the table comes as a record; 0: it does not. */
int64_t stream_live_since(const struct stream *s);
/* Whether changes are expected: it is read more often then. */
void stream_expect(struct stream *s, bool changes);
/* Monotonic: everything before was taken over; LOOP_NEVER: nothing waits, or it is not live. */
int64_t stream_behind_since(const struct stream *s);

#endif
