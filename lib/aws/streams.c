/* Source: DynamoDB Streams API reference, version 2012-08-10. */
#include "lib/aws/streams.h"

#include "lib/aws/epoch.h"
#include "lib/aws/request.h"
#include "lib/json/json_read.h"

#include <stdlib.h>
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
    const int rc = aws_body_end(&w, r, AWS_DYNAMODB_STREAMS, "GetRecords", err);
    r->as_text = true;
    return rc;
}

void streams_page_open(struct streams_page *page, const struct aws_response *response)
{
    answer_list_open(&page->list, response, "Records", "NextShardIterator");
    page->count = 0;
    page->sound = true;
    page->sequence[0] = '\0';
    page->created = 0;
}

/* An object, or none. */
static struct json_slice object_slice(struct json_pull *p)
{
    const bool object = jp_peek(p) == JP_OBJECT;
    const struct json_slice slice = jp_slice(p);
    return object ? slice : (struct json_slice){0};
}

static void read_text(struct json_pull *p, char *out, size_t size)
{
    struct json_text text;
    if (jp_text(p, &text))
        (void)json_text_fit(&text, out, size);
}

/* The member "dynamodb". */
static void read_change(struct json_pull *p, const struct json_text *name,
                        struct streams_record *out)
{
    double seconds = 0;
    if (JSON_TEXT_IS(name, "Keys"))
        out->keys = object_slice(p);
    else if (JSON_TEXT_IS(name, "NewImage"))
        out->new_image = object_slice(p);
    else if (JSON_TEXT_IS(name, "SequenceNumber"))
        read_text(p, out->sequence, sizeof out->sequence);
    else if (JSON_TEXT_IS(name, "ApproximateCreationDateTime"))
        out->created = jp_number(p, &seconds) ? epoch_time(seconds) : 0;
    else
        jp_skip(p);
}

/* DynamoDB itself is the one who removes expired items. */
static void read_identity(struct json_pull *p, const struct json_text *name,
                          struct streams_record *out)
{
    struct json_text who;
    if (!JSON_TEXT_IS(name, "PrincipalId"))
        jp_skip(p);
    else if (jp_text(p, &who))
        out->expired = JSON_TEXT_IS(&who, "dynamodb.amazonaws.com");
}

/* Each member of an object, if there is one, by one of the readers around. */
typedef void (*member_fn)(struct json_pull *p, const struct json_text *name,
                          struct streams_record *out);
static void read_members(struct json_pull *p, member_fn read, struct streams_record *out)
{
    struct json_text name;
    if (jp_peek(p) != JP_OBJECT) {
        jp_skip(p);
        return;
    }
    jp_enter(p);
    while (jp_member(p, &name))
        read(p, &name, out);
}

static void read_record(struct json_pull *p, const struct json_text *name,
                        struct streams_record *out)
{
    if (JSON_TEXT_IS(name, "eventName"))
        read_text(p, out->event, sizeof out->event);
    else if (JSON_TEXT_IS(name, "dynamodb"))
        read_members(p, read_change, out);
    else if (JSON_TEXT_IS(name, "userIdentity"))
        read_members(p, read_identity, out);
    else
        jp_skip(p);
}

bool streams_page_next(struct streams_page *page, struct streams_record *out)
{
    while (answer_list_next(&page->list)) {
        *out = (struct streams_record){0};
        read_members(&page->list.pull, read_record, out);
        page->count++;
        page->sound = out->event[0] && out->sequence[0] && out->keys.text;
        if (!page->sound)
            continue;
        memcpy(page->sequence, out->sequence, sizeof page->sequence);
        page->created = out->created;
        return true;
    }
    return false;
}

int streams_page_end(struct streams_page *page, char **iterator, struct error *err)
{
    struct streams_record record;
    struct json_pull p;
    struct json_text next;
    *iterator = NULL;
    while (streams_page_next(page, &record))
        ;
    if (answer_list_end(&page->list, err))
        return -1;
    if (!page->sound)
        return err_set(err, ERR_SYNTAX,
                       "GetRecords answered a record without eventName, SequenceNumber or Keys");
    if (!page->list.marked.text)
        return 0;
    jp_init(&p, page->list.marked.text, page->list.marked.len);
    if (!jp_text(&p, &next))
        return 0;
    *iterator = malloc(next.len + 1);
    if (!*iterator)
        return err_set(err, ERR_MEMORY, "out of memory for an iterator");
    (void)json_text_copy(&next, *iterator);
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
