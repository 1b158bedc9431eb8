#include "lib/aws/streams.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *json = NULL;
    cr_assert_eq(json_parse(text, strlen(text), &json, &err), 0, "%s", err.message);
    return json;
}

/* Frees the request after comparing what it asks for. */
static void expect(struct aws_request *r, int rc, enum aws_service service, const char *operation,
                   const char *body)
{
    cr_assert_eq(rc, 0);
    json_t *sent = parse(buf_str(&r->body));
    json_t *expected = parse(body);
    cr_expect(json_equal(sent, expected), "%s: %s", operation, buf_str(&r->body));
    cr_expect_str_eq(r->operation, operation);
    cr_expect_eq(r->service, service);
    json_decref(sent);
    json_decref(expected);
    aws_request_free(r);
}

static struct aws_response answer(const char *body)
{
    return (struct aws_response){.status = 200, .json = parse(body)};
}

Test(aws_streams, bodies)
{
    struct aws_request r;
    struct error err = {0};
    expect(&r, streams_describe_table(&r, "t", &err), AWS_DYNAMODB, "DescribeTable",
           "{\"TableName\":\"t\"}");
    expect(&r, streams_describe(&r, "arn", NULL, &err), AWS_DYNAMODB_STREAMS, "DescribeStream",
           "{\"StreamArn\":\"arn\"}");
    expect(&r, streams_describe(&r, "arn", "s", &err), AWS_DYNAMODB_STREAMS, "DescribeStream",
           "{\"StreamArn\":\"arn\",\"ExclusiveStartShardId\":\"s\"}");
    expect(&r, streams_records(&r, "it", 0, &err), AWS_DYNAMODB_STREAMS, "GetRecords",
           "{\"ShardIterator\":\"it\"}");
    expect(&r, streams_records(&r, "it", 7, &err), AWS_DYNAMODB_STREAMS, "GetRecords",
           "{\"ShardIterator\":\"it\",\"Limit\":7}");
}

Test(aws_streams, iterators)
{
    static const struct {
        enum streams_from from;
        const char *rest;
    } cases[] = {
        {STREAMS_OLDEST, "\"TRIM_HORIZON\"}"},
        {STREAMS_LATEST, "\"LATEST\"}"},
        {STREAMS_AT, "\"AT_SEQUENCE_NUMBER\",\"SequenceNumber\":\"9\"}"},
        {STREAMS_AFTER, "\"AFTER_SEQUENCE_NUMBER\",\"SequenceNumber\":\"9\"}"},
    };
    struct aws_request r;
    struct error err = {0};
    struct streams_start start = {.arn = "a", .shard = "s", .sequence = "9"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"StreamArn\":\"a\",\"ShardId\":\"s\",\"ShardIteratorType\":%s",
                       cases[i].rest);
        start.from = cases[i].from;
        expect(&r, streams_iterator(&r, &start, &err), AWS_DYNAMODB_STREAMS, "GetShardIterator",
               body);
    }
    start.sequence = NULL;
    cr_expect_eq(streams_iterator(&r, &start, &err), -1);
    cr_expect_eq(err.code, ERR_ARGUMENT);
}

Test(aws_streams, the_table_tells_its_stream_while_it_has_one)
{
    struct aws_response a = answer("{\"Table\":{\"LatestStreamArn\":\"arn\",\"StreamSpecification\""
                                   ":{\"StreamEnabled\":true,\"StreamViewType\":\"NEW_IMAGE\"}}}");
    cr_expect_str_eq(streams_arn(&a), "arn");
    aws_response_free(&a);
    a = answer("{\"Table\":{\"LatestStreamArn\":\"arn\"}}");
    cr_expect_null(streams_arn(&a));
    aws_response_free(&a);
    a = answer("{}");
    cr_expect_null(streams_arn(&a));
    aws_response_free(&a);
}

Test(aws_streams, shards)
{
    struct aws_response a =
        answer("{\"StreamDescription\":{\"LastEvaluatedShardId\":\"s2\",\"Shards\":[{\"ShardId\":"
               "\"s1\",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\","
               "\"EndingSequenceNumber\":\"5\"}},{\"ShardId\":\"s2\",\"ParentShardId\":\"s1\","
               "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"6\"}},{}]}}");
    struct streams_shard shard;
    struct error err = {0};
    json_t *list = streams_shards(&a);
    cr_assert_eq(json_array_size(list), 3);
    cr_expect_str_eq(streams_last_shard(&a), "s2");
    cr_assert_eq(streams_shard_read(json_array_get(list, 0), &shard, &err), 0);
    cr_expect_str_eq(shard.id, "s1");
    cr_expect_str_empty(shard.parent);
    cr_expect_str_eq(shard.last, "5");
    cr_assert_eq(streams_shard_read(json_array_get(list, 1), &shard, &err), 0);
    cr_expect_str_eq(shard.parent, "s1");
    cr_expect_str_eq(shard.first, "6");
    cr_expect_str_empty(shard.last);
    cr_expect_eq(streams_shard_read(json_array_get(list, 2), &shard, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    aws_response_free(&a);
    a = answer("{}");
    cr_expect_null(streams_shards(&a));
    cr_expect_null(streams_last_shard(&a));
    cr_expect_null(streams_iterator_of(&a));
    aws_response_free(&a);
}

#define CHANGE                                                                                     \
    "\"dynamodb\":{\"ApproximateCreationDateTime\":1.7E9,\"Keys\":{\"id\":{\"N\":\"1\"}},"         \
    "\"SequenceNumber\":\"100000000000000000001\",\"SizeBytes\":9,"                                \
    "\"NewImage\":{\"id\":{\"N\":\"1\"}},\"OldImage\":null}"

Test(aws_streams, records)
{
    struct aws_response a = answer(
        "{\"NextShardIterator\":\"next\",\"Records\":[{\"eventID\":\"e\",\"eventName\":\"INSERT\","
        "" CHANGE "},{\"eventName\":\"REMOVE\",\"userIdentity\":{\"Type\":\"Service\","
        "\"PrincipalId\":\"dynamodb.amazonaws.com\"}," CHANGE "},{\"eventName\":\"INSERT\"}]}");
    struct streams_record record;
    struct error err = {0};
    json_t *list = streams_records_of(&a);
    cr_assert_eq(json_array_size(list), 3);
    cr_expect_str_eq(streams_next(&a), "next");
    cr_assert_eq(streams_record_read(json_array_get(list, 0), &record, &err), 0);
    cr_expect_str_eq(record.id, "e");
    cr_expect_str_eq(record.event, "INSERT");
    cr_expect_str_eq(record.sequence, "100000000000000000001");
    cr_expect_eq(record.created, INT64_C(1700000000000000));
    cr_expect(!record.expired && record.keys && record.new_image && !record.old_image);
    cr_assert_eq(streams_record_read(json_array_get(list, 1), &record, &err), 0);
    cr_expect(record.expired);
    cr_expect_eq(streams_record_read(json_array_get(list, 2), &record, &err), -1);
    aws_response_free(&a);
    a = answer("{\"Records\":[],\"NextShardIterator\":null}");
    cr_expect_eq(json_array_size(streams_records_of(&a)), 0);
    cr_expect_null(streams_next(&a));
    aws_response_free(&a);
}

Test(aws_streams, sequence_numbers_are_ordered)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        {"9", "10", -1},
        {"10", "10", 0},
        {"100000000000000000000000000000000000002", "100000000000000000000000000000000000001", 1},
        {"0099", "100", -1},
        {"0", "000", 0},
        {"999999999999999999999", "1000000000000000000000", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int forth = streams_sequence_compare(cases[i].a, cases[i].b);
        int back = streams_sequence_compare(cases[i].b, cases[i].a);
        cr_expect_eq((forth > 0) - (forth < 0), cases[i].order, "case %zu", i);
        cr_expect_eq((back > 0) - (back < 0), -cases[i].order, "case %zu", i);
    }
}
