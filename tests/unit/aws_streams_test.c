#include "lib/aws/streams.h"

#include "lib/aws/dynamodb.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
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

/* An answer that stayed text; the body is borrowed. */
static void open_page(struct streams_page *page, char *body)
{
    const struct aws_response a = {.http.body = {.data = body, .len = strlen(body)}};
    streams_page_open(page, &a);
}

Test(aws_streams, records)
{
    char body[] =
        "{\"NextShardIterator\":\"n\\u0065xt\",\"Records\":[{\"eventID\":\"e\",\"eventName\":"
        "\"INSERT\"," CHANGE "},{\"eventName\":\"INSERT\"},7,{\"eventName\":\"REMOVE\","
        "\"userIdentity\":{\"Type\":\"Service\",\"PrincipalId\":\"dynamodb.amazonaws.com\"}," CHANGE
        "}],\"x\":[{}]}";
    struct streams_page page;
    struct streams_record record;
    struct error err = {0};
    char *next;
    open_page(&page, body);
    cr_assert(streams_page_next(&page, &record));
    cr_expect_str_eq(record.event, "INSERT");
    cr_expect_str_eq(record.sequence, "100000000000000000001");
    cr_expect_eq(record.created, INT64_C(1700000000000000));
    cr_expect_not(record.expired);
    cr_expect_eq(dynamodb_slice_n(&record.keys, "id", 0), 1);
    cr_expect_eq(record.new_image.len, strlen("{\"id\":{\"N\":\"1\"}}"));
    cr_assert(streams_page_next(&page, &record), "what is no record is passed over");
    cr_expect_str_eq(record.event, "REMOVE");
    cr_expect(record.expired);
    cr_expect_not(streams_page_next(&page, &record));
    cr_expect_not(streams_page_next(&page, &record), "as often as it is asked");
    cr_assert_eq(streams_page_end(&page, &next, &err), 0, "%s", err.message);
    cr_expect_str_eq(next, "next");
    cr_expect_eq(page.count, 4);
    cr_expect_str_eq(page.sequence, "100000000000000000001");
    free(next);
}

/* Without records, without an iterator, or both; empty bodies are empty objects. */
Test(aws_streams, pages_without_records)
{
    static const char *const bodies[] = {"{\"Records\":[],\"NextShardIterator\":null}",
                                         "{}",
                                         "",
                                         "{\"Records\":{\"a\":[]}}",
                                         "[{\"Records\":[]}]",
                                         "{\"NextShardIterator\":7}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct streams_page page;
        struct streams_record record;
        char body[64];
        char *next;
        (void)snprintf(body, sizeof body, "%s", bodies[i]);
        open_page(&page, body);
        cr_expect_not(streams_page_next(&page, &record), "%s", bodies[i]);
        cr_assert_eq(streams_page_end(&page, &next, NULL), 0, "%s", bodies[i]);
        cr_expect_null(next);
        cr_expect_eq(page.count, 0);
    }
}

Test(aws_streams, pages_that_make_no_sense)
{
    static const char *const bodies[] = {
        "{\"Records\":[{\"eventName\":\"INSERT\"," CHANGE "},{\"eventName\":\"INSERT\"}]}",
        "{\"Records\":[{\"eventName\":\"INSERT\"}]}",
        "{\"Records\":[{\"eventName\":\"AN EVENT THAT NOBODY KNOWS\"," CHANGE "}]}",
        "{\"Records\":[],\"Records\":[]}",
        "{\"Records\":[{\"eventName\":\"INSERT\"," CHANGE "}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct streams_page page;
        struct error err = {0};
        char body[512];
        char *next;
        (void)snprintf(body, sizeof body, "%s", bodies[i]);
        open_page(&page, body);
        cr_expect_eq(streams_page_end(&page, &next, &err), -1, "%s", body);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect_null(next);
    }
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
