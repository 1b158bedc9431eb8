/* Source: DynamoDB Streams API reference, version 2012-08-10. */
#include "lib/aws/streams.h"

#include "lib/aws/epoch.h"
#include "lib/aws/request.h"
#include "lib/json/json_read.h"

#include <string.h>

int streams_describe_table(struct aws_request *r, const char *table, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "TableName", table);
    return aws_body_end(&w, r, AWS_DYNAMODB, "DescribeTable", err);
}

/* LatestStreamArn stays when the stream is disabled; the specification goes. */
const char *streams_arn(const struct aws_response *response)
{
    const json_t *table = json_object_get(response->json, "Table");
    const json_t *stream = json_object_get(table, "StreamSpecification");
    if (!json_bool(stream, "StreamEnabled", false))
        return NULL;
    return json_str(table, "LatestStreamArn", NULL);
}

int streams_describe(struct aws_request *r, const char *arn, const char *after, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "StreamArn", arn);
    aws_body_str(&w, "ExclusiveStartShardId", after);
    return aws_body_end(&w, r, AWS_DYNAMODB_STREAMS, "DescribeStream", err);
}

static const json_t *description(const struct aws_response *response)
{
    return json_object_get(response->json, "StreamDescription");
}

json_t *streams_shards(const struct aws_response *response)
{
    json_t *list = json_object_get(description(response), "Shards");
    return json_is_array(list) ? list : NULL;
}

const char *streams_last_shard(const struct aws_response *response)
{
    return json_str(description(response), "LastEvaluatedShardId", NULL);
}

int streams_shard_read(json_t *shard, struct streams_shard *out, struct error *err)
{
    const json_t *range = json_object_get(shard, "SequenceNumberRange");
    *out = (struct streams_shard){
        .id = json_str(shard, "ShardId", NULL),
        .parent = json_str(shard, "ParentShardId", ""),
        .first = json_str(range, "StartingSequenceNumber", ""),
        .last = json_str(range, "EndingSequenceNumber", ""),
    };
    if (!out->id)
        return err_set(err, ERR_SYNTAX, "DescribeStream answered a shard without ShardId");
    return 0;
}

int streams_iterator(struct aws_request *r, const struct streams_start *in, struct error *err)
{
    static const char *const types[] = {
        [STREAMS_OLDEST] = "TRIM_HORIZON",
        [STREAMS_LATEST] = "LATEST",
        [STREAMS_AT] = "AT_SEQUENCE_NUMBER",
        [STREAMS_AFTER] = "AFTER_SEQUENCE_NUMBER",
    };
    const bool numbered = in->from == STREAMS_AT || in->from == STREAMS_AFTER;
    struct json_writer w;
    struct buf body;
    if (numbered && !in->sequence)
        return err_set(err, ERR_ARGUMENT, "%s needs a sequence number", types[in->from]);
    aws_body_begin(&w, &body);
    jw_str(&w, "StreamArn", in->arn);
    jw_str(&w, "ShardId", in->shard);
    jw_str(&w, "ShardIteratorType", types[in->from]);
    if (numbered)
        jw_str(&w, "SequenceNumber", in->sequence);
    return aws_body_end(&w, r, AWS_DYNAMODB_STREAMS, "GetShardIterator", err);
}

const char *streams_iterator_of(const struct aws_response *response)
{
    return json_str(response->json, "ShardIterator", NULL);
}

int streams_records(struct aws_request *r, const char *iterator, int64_t limit, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "ShardIterator", iterator);
    if (limit > 0)
        jw_int(&w, "Limit", limit);
    return aws_body_end(&w, r, AWS_DYNAMODB_STREAMS, "GetRecords", err);
}

json_t *streams_records_of(const struct aws_response *response)
{
    return aws_answer_array(response, "Records");
}

const char *streams_next(const struct aws_response *response)
{
    return json_str(response->json, "NextShardIterator", NULL);
}

static json_t *object_member(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);
    return json_is_object(member) ? member : NULL;
}

/* DynamoDB itself is the one who removes expired items. */
static bool is_expired(const json_t *record)
{
    const char *who = json_str(json_object_get(record, "userIdentity"), "PrincipalId", "");
    return strcmp(who, "dynamodb.amazonaws.com") == 0;
}

int streams_record_read(json_t *record, struct streams_record *out, struct error *err)
{
    json_t *change = json_object_get(record, "dynamodb");
    *out = (struct streams_record){
        .id = json_str(record, "eventID", ""),
        .event = json_str(record, "eventName", NULL),
        .sequence = json_str(change, "SequenceNumber", NULL),
        .created = epoch_member(change, "ApproximateCreationDateTime"),
        .expired = is_expired(record),
        .keys = object_member(change, "Keys"),
        .new_image = object_member(change, "NewImage"),
        .old_image = object_member(change, "OldImage"),
    };
    if (!out->event || !out->sequence || !out->keys)
        return err_set(err, ERR_SYNTAX,
                       "GetRecords answered a record without eventName, SequenceNumber or Keys");
    return 0;
}

/* Without leading zeros, as AWS writes them, the longer one is the larger one. */
int streams_sequence_compare(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    const size_t a_len = strlen(a);
    const size_t b_len = strlen(b);
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return strcmp(a, b);
}
