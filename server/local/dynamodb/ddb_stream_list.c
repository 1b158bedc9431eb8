/* ListStreams and DescribeStream, and finding what a call names. */
#include "server/local/dynamodb/ddb_stream_input.h"

#include <string.h>

enum { PAGE_MAX = 100 };

int ddb_stream_need(struct local_dynamodb *d, struct ddb_store *store, const char *arn,
                    struct ddb_stream *stream, struct ddb_fault *f)
{
    char table[DDB_TABLE_NAME_ROOM];
    char label[CLOCK_TEXT_MAX];
    char whole[DDB_ARN_ROOM];
    struct error err;
    if (!ddb_stream_arn_read(arn, table, label))
        return ddb_invalid(f,
                           "Invalid StreamArn: %.400s is no ARN of a stream; ListStreams and "
                           "DescribeTable (LatestStreamArn) tell them",
                           arn);
    int found = ddb_stream_find(store, table, label, stream, &err);
    if (found < 0)
        return ddb_internal(f, &err);
    if (found && strcmp(ddb_stream_arn(d->region, stream->table, stream->label, whole), arn) == 0)
        return 0;
    if (found)
        ddb_stream_close(stream);
    return ddb_fault_set(f, "ResourceNotFoundException",
                         "Requested resource not found: Stream: %.400s not found", arn);
}

int ddb_shard_need(struct ddb_store *store, const struct ddb_stream *stream, const char *name,
                   struct ddb_shard *shard, struct ddb_fault *f)
{
    char whole[DDB_SHARD_TEXT];
    int64_t id = 0;
    struct error err;
    if (!ddb_shard_read(name, &id))
        return ddb_invalid(f, "Invalid ShardId: %.100s; DescribeStream tells them", name);
    int found = ddb_shard_find(store, stream->id, id, shard, &err);
    if (found < 0)
        return ddb_internal(f, &err);
    if (found && strcmp(ddb_shard_text(id, shard->created, whole), name) == 0)
        return 0;
    return ddb_fault_set(
        f, "ResourceNotFoundException",
        "Requested resource not found: Shard: %.100s in Stream %.255s/%s not found", name,
        stream->table, stream->label);
}

/* --- ListStreams ---------------------------------------------------------------------------- */

static const struct field list_fields[] = {
    DDB_STREAM_ROW("TableName", FIELD_STRING, false, table, 0, 0),
    DDB_STREAM_ROW("ExclusiveStartStreamArn", FIELD_STRING, false, start, 0, 0),
    DDB_STREAM_ROW("Limit", FIELD_INT, false, limit, 1, PAGE_MAX),
};

/* Streams in the order of table and time, behind the one that the page before ended with. */
static struct stmt *walk_streams(struct ddb_store *store, const struct ddb_stream_input *in,
                                 const struct ddb_stream *after, struct error *err)
{
    static const char sql[] = "SELECT name, created FROM streams WHERE (?1 IS NULL OR name = ?1)"
                              " AND (name, created) > (?2, ?3) ORDER BY name, created LIMIT ?4";
    struct stmt *walk = db_prepare(store->db, sql, err);
    if (!walk)
        return NULL;
    stmt_bind_text(walk, 1, in->table);
    stmt_bind_text(walk, 2, after->table);
    stmt_bind_int(walk, 3, after->created);
    stmt_bind_int(walk, 4, in->limit + 1);
    return walk;
}

static json_t *stream_entry(const struct local_dynamodb *d, struct stmt *row)
{
    char label[CLOCK_TEXT_MAX];
    char arn[DDB_ARN_ROOM];
    const char *table = stmt_text(row, 0);
    (void)ddb_stream_label(stmt_int(row, 1), label);
    return json_pack("{s:s, s:s, s:s}", "StreamArn", ddb_stream_arn(d->region, table, label, arn),
                     "TableName", table, "StreamLabel", label);
}

/* One entry more than asked for tells that there is another page. */
static int list_page(struct local_dynamodb *d, struct stmt *walk, int64_t limit, json_t **output,
                     struct ddb_fault *f)
{
    struct error err;
    json_t *list = json_array();
    json_t *last = NULL;
    int rc = 0;
    while (list && !last && (rc = stmt_step(walk, &err)) == 1)
        if ((int64_t)json_array_size(list) == limit)
            last = json_object_get(json_array_get(list, (size_t)limit - 1), "StreamArn");
        else if (json_array_append_new(list, stream_entry(d, walk)) != 0)
            break;
    *output = json_pack("{s:O, s:O*}", "Streams", list, "LastEvaluatedStreamArn", last);
    const bool failed = rc == 1 && !last;
    json_decref(list);
    if (rc < 0)
        return ddb_internal(f, &err);
    return *output && !failed ? 0 : ddb_no_memory(f);
}

static int list_from(struct local_dynamodb *d, struct ddb_store *store,
                     const struct ddb_stream_input *in, json_t **output, struct ddb_fault *f)
{
    struct ddb_stream after = {0};
    struct error err;
    if (in->start && ddb_stream_need(d, store, in->start, &after, f) != 0)
        return -1;
    struct stmt *walk = walk_streams(store, in, &after, &err);
    int rc = walk ? list_page(d, walk, in->limit, output, f) : ddb_internal(f, &err);
    stmt_close(walk);
    ddb_stream_close(&after);
    return rc;
}

int ddb_list_streams(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f)
{
    struct ddb_stream_input in = {.limit = PAGE_MAX};
    if (ddb_input_read(list_fields, 3, input, &in, f) != 0)
        return -1;
    struct ddb_store *store = ddb_readers_take(&d->readers);
    int rc = list_from(d, store, &in, output, f);
    ddb_readers_give(&d->readers, store);
    return rc;
}

/* --- DescribeStream ------------------------------------------------------------------------- */

static const struct field describe_fields[] = {
    DDB_STREAM_ROW("StreamArn", FIELD_STRING, true, arn, 0, 0),
    DDB_STREAM_ROW("ExclusiveStartShardId", FIELD_STRING, false, start, 0, 0),
    DDB_STREAM_ROW("Limit", FIELD_INT, false, limit, 1, PAGE_MAX),
    DDB_STREAM_ROW("ShardFilter", FIELD_OBJECT, false, filter, 0, 0),
};
static const struct field filter_fields[] = {
    DDB_STREAM_ROW("Type", FIELD_STRING, true, type, 0, 0),
    DDB_STREAM_ROW("ShardId", FIELD_STRING, true, shard, 0, 0),
};

/* An open shard has no EndingSequenceNumber; a parent that was trimmed is still named. */
static json_t *shard_entry(const struct ddb_shard *shard)
{
    char id[DDB_SHARD_TEXT];
    char parent[DDB_SHARD_TEXT];
    char first[DDB_SEQUENCE_TEXT];
    char last[DDB_SEQUENCE_TEXT];
    const bool open = shard->last == INT64_MAX;
    (void)ddb_sequence_text(shard->last, last);
    (void)ddb_shard_text(shard->parent, shard->parent_created, parent);
    return json_pack(
        "{s:s, s:{s:s, s:s*}, s:s*}", "ShardId", ddb_shard_text(shard->id, shard->created, id),
        "SequenceNumberRange", "StartingSequenceNumber", ddb_sequence_text(shard->first, first),
        "EndingSequenceNumber", open ? NULL : last, "ParentShardId", shard->parent ? parent : NULL);
}

static json_t *shard_entries(const struct ddb_shard *shards, size_t count)
{
    json_t *list = json_array();
    int rc = list ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = json_array_append_new(list, shard_entry(&shards[i]));
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

/* Takes the shards and, if there are more, the name of the last one. */
static json_t *describe(struct local_dynamodb *d, const struct ddb_stream *s, json_t *shards,
                        bool more)
{
    char arn[DDB_ARN_ROOM];
    json_t *last = more ? json_array_get(shards, json_array_size(shards) - 1) : NULL;
    return json_pack(
        "{s:{s:s, s:s, s:s, s:s, s:f, s:s, s:O, s:o, s:O*}}", "StreamDescription", "StreamArn",
        ddb_stream_arn(d->region, s->table, s->label, arn), "StreamLabel", s->label, "StreamStatus",
        s->enabled ? "ENABLED" : "DISABLED", "StreamViewType", s->view, "CreationRequestDateTime",
        (double)s->created / (double)CLOCK_SECOND, "TableName", s->table, "KeySchema", s->keys,
        "Shards", shards, "LastEvaluatedShardId", json_object_get(last, "ShardId"));
}

/* The only filter is by parent. */
static int read_filter(struct ddb_store *store, const struct ddb_stream *stream,
                       struct ddb_stream_input *in, int64_t *parent, struct ddb_fault *f)
{
    struct ddb_shard shard = {0};
    if (!in->filter)
        return 0;
    if (ddb_input_read(filter_fields, 2, in->filter, in, f) != 0 ||
        ddb_input_word(in->type, "shardFilter.type", "CHILD_SHARDS", f) != 0 ||
        ddb_shard_need(store, stream, in->shard, &shard, f) != 0)
        return -1;
    *parent = shard.id;
    return 0;
}

static int describe_page(struct local_dynamodb *d, struct ddb_store *store,
                         const struct ddb_stream *stream, struct ddb_stream_input *in,
                         json_t **output, struct ddb_fault *f)
{
    struct ddb_shard shards[PAGE_MAX + 1];
    struct ddb_shard after = {0};
    struct error err;
    int64_t parent = 0;
    if (read_filter(store, stream, in, &parent, f) != 0 ||
        (in->start && ddb_shard_need(store, stream, in->start, &after, f) != 0))
        return -1;
    size_t limit = (size_t)in->limit;
    int count = ddb_shards_list(store, stream->id, after.id, parent, shards, limit + 1, &err);
    if (count < 0)
        return ddb_internal(f, &err);
    const bool more = (size_t)count > limit;
    *output = describe(d, stream, shard_entries(shards, more ? limit : (size_t)count), more);
    return *output ? 0 : ddb_no_memory(f);
}

int ddb_describe_stream(struct local_dynamodb *d, json_t *input, json_t **output,
                        struct ddb_fault *f)
{
    struct ddb_stream_input in = {.limit = PAGE_MAX};
    struct ddb_stream stream = {0};
    if (ddb_input_read(describe_fields, 4, input, &in, f) != 0)
        return -1;
    struct ddb_store *store = ddb_readers_take(&d->readers);
    int rc = ddb_stream_need(d, store, in.arn, &stream, f);
    if (rc == 0)
        rc = describe_page(d, store, &stream, &in, output, f);
    ddb_readers_give(&d->readers, store);
    ddb_stream_close(&stream);
    return rc;
}
