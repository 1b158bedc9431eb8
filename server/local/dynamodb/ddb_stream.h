/* ddb_stream: streams of tables: their rows, and the texts that name them on the wire.
 *
 * A stream is a lineage of shards. Its records are numbered from 1 on, whatever the shard; a shard
 * is the range of numbers from its first to its last, and the one without a last is open. All of it
 * is written on the writer's thread, inside the transaction of the change that it tells of. Private
 * to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_STREAM_H
#define STEPFLEET_DDB_STREAM_H

#include "server/local/dynamodb/ddb_store.h"

#include "lib/base/clock.h"

/* aws: records live for 24 hours, shards are rolled after some 4 hours, iterators expire after 15
 * minutes. The number of records is ours: small, so that followers meet children soon. */
#define DDB_STREAM_RETENTION (24 * 3600 * CLOCK_SECOND)
#define DDB_SHARD_AGE_MAX (4 * 3600 * CLOCK_SECOND)
#define DDB_ITERATOR_AGE_MAX (15 * 60 * CLOCK_SECOND)
enum {
    DDB_SHARD_RECORDS_MAX = 500,
    DDB_TABLE_NAME_ROOM = 256,
    DDB_SEQUENCE_TEXT = 32,
    DDB_SHARD_TEXT = 48,
    DDB_ARN_ROOM = 512,
    DDB_ITERATOR_ROOM = 1024, /* aws: up to 2048 */
};

/* --- texts; pure ---------------------------------------------------------------------------- */

/* "2024-01-02T03:04:05.678": the label of a stream made at this time. Returns out. */
char *ddb_stream_label(int64_t created, char out[CLOCK_TEXT_MAX]);
/* The stream's ARN. Returns out. */
char *ddb_stream_arn(const char *region, const char *table, const char *label,
                     char out[DDB_ARN_ROOM]);
/* Takes table and label out of an ARN; false if it is none of a stream. The caller compares the
 * whole text with that of the stream it has found. */
bool ddb_stream_arn_read(const char *arn, char table[DDB_TABLE_NAME_ROOM],
                         char label[CLOCK_TEXT_MAX]);
/* 21 digits, so that the order of texts is the order of numbers. Returns out. */
char *ddb_sequence_text(int64_t sequence, char out[DDB_SEQUENCE_TEXT]);
/* False for a text that ddb_sequence_text does not write. */
bool ddb_sequence_read(const char *text, int64_t *sequence);
/* "shardId-<milliseconds>-<id>". Returns out. */
char *ddb_shard_text(int64_t id, int64_t created, char out[DDB_SHARD_TEXT]);
/* The id in a text of that form; the caller compares the text of the shard it has found. */
bool ddb_shard_read(const char *text, int64_t *id);

/* Where a reader stands. All of it is in the text that the reader keeps. */
struct ddb_iterator {
    char arn[DDB_ARN_ROOM];
    int64_t shard;
    int64_t next;   /* number of the next record; 0: the oldest that is there */
    int64_t issued; /* wall time */
};
/* -1 when the digest fails. */
int ddb_iterator_text(const struct ddb_iterator *it, char out[DDB_ITERATOR_ROOM],
                      struct error *err);
/* False for a text that ddb_iterator_text did not write. */
bool ddb_iterator_read(const char *text, struct ddb_iterator *it);

/* --- writing: on the writer's thread, in its transaction ------------------------------------ */

/* Makes the stream that the definition's StreamSpecification asks for, if it asks for one and has
 * none yet, and stores the definition with the stream's id and label. */
int ddb_stream_attach(struct ddb_store *s, int64_t table, const char *name, json_t *definition,
                      struct error *err);
/* Ends the stream: its last shard is closed, its records stay as long as others. */
int ddb_stream_disable(struct ddb_store *s, int64_t stream, struct error *err);

/* What a record holds besides its number and time (that of the transaction). */
struct ddb_record {
    const char *event;  /* INSERT, MODIFY, REMOVE */
    bool expired;       /* by TimeToLive */
    size_t size;        /* SizeBytes */
    const char *images; /* JSON text: Keys, NewImage, OldImage */
    size_t images_len;
};
/* Appends a record; rolls the shard first if it is full or old. */
int ddb_stream_append(struct ddb_store *s, int64_t stream, const struct ddb_record *r,
                      struct error *err);
/* Removes what is beyond retention, and rolls old shards. */
int ddb_stream_sweep(struct ddb_store *s, struct error *err);

/* --- reading: on any store ------------------------------------------------------------------ */

struct ddb_stream {
    int64_t id;
    int64_t created;
    int64_t trimmed; /* number of the youngest record that is gone; 0: none is */
    bool enabled;
    char table[DDB_TABLE_NAME_ROOM];
    char label[CLOCK_TEXT_MAX];
    char view[24];
    json_t *keys; /* KeySchema, owned */
};
/* 1 with the stream, 0 if there is none of this table and label, -1. Close it if 1. */
int ddb_stream_find(struct ddb_store *s, const char *table, const char *label,
                    struct ddb_stream *stream, struct error *err);
void ddb_stream_close(struct ddb_stream *stream); /* a zero one is fine */

struct ddb_shard {
    int64_t id;
    int64_t parent; /* 0: none */
    int64_t parent_created;
    int64_t first;
    int64_t last; /* INT64_MAX: open */
    int64_t created;
};
/* Shards of a stream with ids beyond `after`, in order; of `parent` alone unless that is 0. Up to
 * `room` of them; tells their number, or -1. */
int ddb_shards_list(struct ddb_store *s, int64_t stream, int64_t after, int64_t parent,
                    struct ddb_shard *out, size_t room, struct error *err);
/* 1 with the shard, 0 if the stream has none of this id, -1. */
int ddb_shard_find(struct ddb_store *s, int64_t stream, int64_t id, struct ddb_shard *shard,
                   struct error *err);
/* The number of the youngest record that ever was, 0 if there was none. */
int ddb_stream_latest(struct ddb_store *s, const struct ddb_stream *stream, int64_t *latest,
                      struct error *err);

#endif
