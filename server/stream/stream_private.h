/* stream_private: shards of a stream and where their reader stands. Private to server/stream. */
#ifndef STEPFLEET_STREAM_PRIVATE_H
#define STEPFLEET_STREAM_PRIVATE_H

#include "server/loop/pace.h"
#include "server/store/store.h"
#include "server/stream/stream.h"

enum { SHARD_ID_MAX = 96, STREAM_ARN_MAX = 1024 };

/*     WAITING -> STARTING <-> READING -> DONE
 *
 * A shard waits until its parent is done, needs an iterator, is read, and is done when it is closed
 * and was read to its end. An iterator that expired leads back to STARTING. */
enum shard_state { SHARD_WAITING, SHARD_STARTING, SHARD_READING, SHARD_DONE };

/* Owned by the stream's list. It has at most one call in flight; when it is dropped meanwhile its
 * callback frees it. */
struct shard {
    struct stream *stream;
    struct shard *next;
    char id[SHARD_ID_MAX];
    char parent[SHARD_ID_MAX];           /* "": none */
    char sequence[STREAMS_SEQUENCE_MAX]; /* of the last record taken over; "": none */
    bool latest;                         /* without a sequence: from now on, else from the oldest */
    bool listed;                         /* in the listing under way */
    bool busy, dropped;
    enum shard_state state;
    char *iterator;
    struct pace pace;
    int64_t behind_since; /* monotonic; LOOP_NEVER: read to its end */
    int64_t emptied_at;   /* monotonic: when it had nothing more; 0: never */
    int64_t failures;     /* of its calls in a row */
};

/*     LOOKING (DescribeTable) -> LISTING (DescribeStream, page by page) -> FOLLOWING
 *        ^------------------------------ after a pause ------------------------'
 */
enum stream_state { STREAM_LOOKING, STREAM_LISTING, STREAM_FOLLOWING };

struct stream {
    struct stream_options o;
    char *table;
    char arn[STREAM_ARN_MAX];
    enum stream_state state;
    bool busy;                /* a call about table or stream is in flight */
    bool fresh;               /* the listing under way is for following from now on */
    bool whole;               /* it begins at the first shard */
    bool closed;              /* the stream is disabled: there will be no more records */
    char after[SHARD_ID_MAX]; /* where its next page begins */
    int64_t due;              /* of the next look or listing */
    int64_t whole_at;         /* when a whole listing is due */
    int64_t failures;
    int64_t live_since;
    bool expecting;
    int told; /* the source that was logged last */
    struct shard *shards;
};

/* Sends a call of the streams endpoint once and without patience: it may not be reachable. -1: not
 * sent. */
int stream_send(struct stream *s, struct aws_request *request, int rc, aws_done_fn done, void *ctx,
                struct error *err);
/* Something about the stream failed: what follows from it. */
void stream_failed(struct stream *s, const struct error *err);
/* Records are lost, or the shards are others: begin anew from now on. */
void stream_begin_anew(struct stream *s, const char *why);
/* Drops the shards and looks for the stream again at `due`; positions stay in the store. */
void stream_leave(struct stream *s, int64_t due);

/* --- stream_list.c --- */

/* Sends the call for the next page of shards. */
void stream_list(struct stream *s);
/* Begins a listing of all shards. */
void stream_list_whole(struct stream *s);
/* Nothing is left to be read. */
bool stream_all_done(const struct stream *s);
/* A shard was read to its end: its children are to be found. */
void stream_list_after(struct stream *s, const struct shard *shard);

/* --- shard.c --- */

/* Writes the shard's position. -1: it is not in the store. */
int stream_keep(const struct stream *s, const struct shard *shard, struct error *err);

/* The shard of that id, or NULL. */
struct shard *shard_find(const struct stream *s, const char *id);
/* Adds one; NULL when memory is out. */
struct shard *shard_add(struct stream *s, const struct streams_shard *listed, struct error *err);
/* Takes it out of the list, at once or when its call came back. */
void shard_drop(struct shard *shard);
/* Frees all; no callback may come any more. */
void shards_free(struct stream *s);
/* Sets the pace of a shard by what is expected. */
void shard_set_pace(struct shard *shard);
/* Moves it on and sends what is due; the time to be called again. */
int64_t shard_step(struct shard *shard, int64_t now);

#endif
