/* server/stream against a scripted AWS and a clock that the test turns. */
#include "lib/json/json_read.h"
#include "server/stream/stream.h"
#include "tests/unit/fake_aws.h"
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>

#define ARN "arn:aws:dynamodb:eu-west-1:123456789012:table/rows/stream/2024-01-02T03:04:05.678"
#define PARENT "shardId-00000001700000000000-0000000a"
#define OTHER "shardId-00000001700000000001-0000000c"
#define CHILD "shardId-00000001700000014400-0000000b"

/* Not file scope by choice: Criterion's setups take no argument. One test runs in one process. */
static struct {
    struct store_fixture store;
    struct fake_aws *aws;
    struct clock clock;
    _Atomic int64_t now;
    struct loop loop;
    struct control_health health;
    struct stream *stream;
    int records; /* taken over */
    int live;    /* calls */
    int refuse;  /* pages that are not taken */
} t;

static int64_t timer_now(const struct clock *self)
{
    (void)self;
    return t.now;
}

static int take(void *ctx, struct streams_page *page, size_t answer_len, struct error *err)
{
    struct streams_record record;
    int records = 0;
    (void)ctx;
    cr_assert_gt(answer_len, 0);
    while (streams_page_next(page, &record))
        records++;
    if (records && t.refuse-- > 0)
        return err_set(err, ERR_DATABASE, "not now");
    t.records += records;
    return 0;
}

static void note_live(void *ctx)
{
    (void)ctx;
    t.live++;
}

static void open_stream(void)
{
    struct error err = {0};
    const struct stream_options options = {.loop = &t.loop,
                                           .table = "rows",
                                           .page = take,
                                           .live = note_live,
                                           .source = &t.health.source[1][MIRROR_DETAILS]};
    struct aws_options aws = fake_aws_options(t.aws);
    t.loop.aws = aws_new(&aws, &err);
    cr_assert_not_null(t.loop.aws, "%s", err.message);
    t.stream = stream_new(&options, &err);
    cr_assert_not_null(t.stream, "%s", err.message);
}

/* The client first, as the control loop does. */
static void close_stream(void)
{
    t.loop.aws = aws_free(t.loop.aws);
    t.stream = stream_free(t.stream);
}

static void setup(void)
{
    store_fixture_open(&t.store);
    t.aws = fake_aws_start();
    t.clock = (struct clock){.wall = timer_now, .mono = timer_now};
    t.now = INT64_C(1700000000) * CLOCK_SECOND;
    t.loop = (struct loop){.store = t.store.store, .clock = &t.clock, .health = &t.health};
    open_stream();
}

static void teardown(void)
{
    close_stream();
    fake_aws_stop(t.aws);
    store_fixture_close(&t.store);
}

TestSuite(stream, .init = setup, .fini = teardown, .timeout = 60);

static size_t calls(void)
{
    static const char *const operations[] = {"DescribeTable", "DescribeStream", "GetShardIterator",
                                             "GetRecords"};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++)
        count += fake_aws_count(t.aws, operations[i]);
    return count;
}

/* Turns until an operation was called so often and its answer was dealt with; time jumps to what is
 * due next. */
static void turn_until(const char *operation, size_t times)
{
    struct error err = {0};
    for (int i = 0; i < 1000; i++) {
        size_t before = calls();
        int64_t next = stream_step(t.stream);
        int in_flight = aws_poll(t.loop.aws, 0, &err);
        while (in_flight > 0)
            in_flight = aws_poll(t.loop.aws, 100, &err);
        cr_assert_geq(in_flight, 0, "%s", err.message);
        if (fake_aws_count(t.aws, operation) >= times)
            return;
        if (calls() == before && next != LOOP_NEVER && next > t.now)
            t.now = next;
    }
    cr_assert_fail("%s was called %zu times", operation, fake_aws_count(t.aws, operation));
}

/* --- scripts --- */

static void has_stream(void)
{
    fake_aws_answer(t.aws, "DescribeTable", 200,
                    "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"LatestStreamArn\":\"" ARN "\","
                    "\"StreamSpecification\":{\"StreamEnabled\":true}}}");
}

#define OPEN_PARENT                                                                                \
    "{\"ShardId\":\"" PARENT "\",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}}"
#define CLOSED_PARENT                                                                              \
    "{\"ShardId\":\"" PARENT "\",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\","       \
    "\"EndingSequenceNumber\":\"9\"}}"
#define OPEN_CHILD                                                                                 \
    "{\"ShardId\":\"" CHILD "\",\"ParentShardId\":\"" PARENT                                       \
    "\",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"10\"}}"

#define OPEN_OTHER                                                                                 \
    "{\"ShardId\":\"" OTHER "\",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"2\"}}"

static void has_shards(const char *status, const char *shards)
{
    char body[1024];
    (void)snprintf(body, sizeof body,
                   "{\"StreamDescription\":{\"StreamStatus\":\"%s\",\"Shards\":[%s]}}", status,
                   shards);
    fake_aws_answer(t.aws, "DescribeStream", 200, body);
}

static void gives_iterator(void)
{
    fake_aws_answer(t.aws, "GetShardIterator", 200, "{\"ShardIterator\":\"i\"}");
}

/* A page with one record (sequence NULL: none); without `next` the shard is at its end. */
static void records_page(char *body, size_t size, const char *sequence, const char *next)
{
    char record[256] = "";
    if (sequence)
        (void)snprintf(record, sizeof record,
                       "{\"eventName\":\"INSERT\",\"dynamodb\":{\"SequenceNumber\":\"%s\",\"Keys\":"
                       "{\"id\":{\"N\":\"1\"}},\"ApproximateCreationDateTime\":%lld}}",
                       sequence, (long long)(t.now / CLOCK_SECOND));
    (void)snprintf(body, size, "{\"Records\":[%s]%s%s%s}", record,
                   next ? ",\"NextShardIterator\":\"" : "", next ? next : "", next ? "\"" : "");
}

static void gives_records(const char *sequence, bool next)
{
    char body[512];
    records_page(body, sizeof body, sequence, next ? "j" : NULL);
    fake_aws_answer(t.aws, "GetRecords", 200, body);
}

/* Shards that are read side by side are answered apart. */
static void shard_gives(const char *shard, const char *iterator, const char *sequence, bool next)
{
    char body[512];
    (void)snprintf(body, sizeof body, "{\"ShardIterator\":\"%s\"}", iterator);
    fake_aws_answer_about(t.aws, "GetShardIterator", shard, body);
    records_page(body, sizeof body, sequence, next ? iterator : NULL);
    fake_aws_answer_about(t.aws, "GetRecords", iterator, body);
}

/* --- what was asked --- */

static void expect_asked(const char *operation, size_t n, const char *member, const char *wanted)
{
    json_t *body = fake_aws_body(t.aws, operation, n);
    cr_expect_str_eq(json_str(body, member, "-"), wanted, "%s %zu %s: %s", operation, n, member,
                     json_str(body, member, "-"));
    json_decref(body);
}

static void read_sequence(void *ctx, const struct store_position *position)
{
    (void)snprintf(ctx, 64, "%s%s", position->sequence ? position->sequence : "",
                   position->done ? " done" : "");
}

static void expect_position(const char *wanted)
{
    char text[64] = "none";
    struct error err = {0};
    cr_assert_eq(store_position_list(t.store.store, ARN, read_sequence, text, &err), 0);
    cr_expect_str_eq(text, wanted);
}

static void keep(const char *shard, const char *sequence)
{
    struct error err = {0};
    const struct store_position position = {"rows", ARN, shard, sequence, false};
    cr_assert_eq(store_position_set(t.store.store, &position, &err), 0, "%s", err.message);
}

static int source(void)
{
    return atomic_load(&t.health.source[1][MIRROR_DETAILS]);
}

static void script_following(void)
{
    has_stream();
    has_shards("ENABLED", OPEN_PARENT);
    gives_iterator();
}

/* --- the tests --- */

Test(stream, follows_from_now_on_and_goes_on_after_a_restart)
{
    script_following();
    gives_records("5", true);
    gives_records(NULL, true);
    turn_until("GetRecords", 3);
    expect_asked("GetShardIterator", 0, "ShardIteratorType", "LATEST");
    cr_expect_eq(t.live, 1);
    cr_expect_eq(t.records, 1);
    cr_expect_eq(source(), SOURCE_STREAM);
    expect_position("5");
    close_stream();
    open_stream();
    turn_until("GetShardIterator", 2);
    expect_asked("GetShardIterator", 1, "ShardIteratorType", "AFTER_SEQUENCE_NUMBER");
    expect_asked("GetShardIterator", 1, "SequenceNumber", "5");
}

Test(stream, an_expired_iterator_is_replaced_behind_the_last_record)
{
    script_following();
    gives_records("5", true);
    fake_aws_refuse(t.aws, "GetRecords", "ExpiredIteratorException", "old");
    gives_records(NULL, true);
    turn_until("GetRecords", 3);
    expect_asked("GetShardIterator", 1, "ShardIteratorType", "AFTER_SEQUENCE_NUMBER");
    expect_asked("GetShardIterator", 1, "SequenceNumber", "5");
    cr_expect_eq(t.live, 1);
}

Test(stream, an_expired_iterator_without_a_record_leads_to_the_oldest)
{
    script_following();
    fake_aws_refuse(t.aws, "GetRecords", "ExpiredIteratorException", "old");
    gives_records(NULL, true);
    turn_until("GetRecords", 2);
    expect_asked("GetShardIterator", 1, "ShardIteratorType", "TRIM_HORIZON");
}

Test(stream, trimmed_records_begin_it_anew)
{
    script_following();
    gives_records("5", true);
    fake_aws_refuse(t.aws, "GetRecords", "TrimmedDataAccessException", "gone");
    gives_records(NULL, true);
    turn_until("GetRecords", 3);
    expect_asked("GetShardIterator", 1, "ShardIteratorType", "LATEST");
    cr_expect_eq(t.live, 2);
    expect_position("");
}

Test(stream, a_shard_that_is_gone_before_it_was_read_begins_it_anew)
{
    keep(PARENT, "5");
    has_stream();
    has_shards("ENABLED", OPEN_CHILD);
    gives_iterator();
    gives_records(NULL, true);
    turn_until("GetRecords", 1);
    expect_asked("GetShardIterator", 0, "ShardId", CHILD);
    expect_asked("GetShardIterator", 0, "ShardIteratorType", "LATEST");
}

Test(stream, children_wait_for_their_parents)
{
    keep(PARENT, "5");
    has_stream();
    has_shards("ENABLED", OPEN_CHILD "," CLOSED_PARENT);
    gives_iterator();
    gives_records("7", true);
    gives_records("9", false);
    gives_records("10", true);
    turn_until("GetRecords", 3);
    expect_asked("GetShardIterator", 0, "ShardId", PARENT);
    expect_asked("GetShardIterator", 1, "ShardId", CHILD);
    expect_asked("GetShardIterator", 1, "ShardIteratorType", "TRIM_HORIZON");
    cr_expect_lt(fake_aws_place(t.aws, "GetRecords", 1),
                 fake_aws_place(t.aws, "GetShardIterator", 1));
    cr_expect_eq(t.records, 3);
    cr_expect_eq(t.live, 1);
}

/* Another shard is open all the while, so that nothing else leads to a listing. */
Test(stream, a_child_that_is_not_listed_yet_is_looked_for_soon)
{
    has_stream();
    has_shards("ENABLED", OPEN_PARENT "," OPEN_OTHER);
    has_shards("ENABLED", "");
    has_shards("ENABLED", CLOSED_PARENT "," OPEN_CHILD "," OPEN_OTHER);
    shard_gives(PARENT, "of-parent", "9", false);
    shard_gives(OTHER, "of-other", NULL, true);
    shard_gives(CHILD, "of-child", NULL, true);
    turn_until("DescribeStream", 2);
    int64_t before = t.now;
    turn_until("GetShardIterator", 3);
    expect_asked("GetShardIterator", 2, "ShardId", CHILD);
    cr_expect_lt(t.now - before, 30 * CLOCK_SECOND);
}

Test(stream, what_is_not_taken_comes_again)
{
    script_following();
    gives_records("5", true);
    t.refuse = 1;
    turn_until("GetRecords", 1);
    cr_expect_eq(t.records, 0);
    expect_position("");
    turn_until("GetRecords", 2);
    cr_expect_eq(t.records, 1);
    expect_asked("GetRecords", 1, "ShardIterator", "i");
    expect_position("5");
}

/* Where the next one begins would not be known: nothing is taken for read. */
Test(stream, a_last_record_that_makes_no_sense_is_asked_for_again)
{
    script_following();
    fake_aws_answer(t.aws, "GetRecords", 200,
                    "{\"NextShardIterator\":\"j\",\"Records\":[{\"eventName\":\"INSERT\","
                    "\"dynamodb\":{\"SequenceNumber\":\"5\",\"Keys\":{}}},{}]}");
    gives_records("6", true);
    turn_until("GetRecords", 2);
    expect_asked("GetRecords", 1, "ShardIterator", "i");
    expect_position("6");
}

Test(stream, without_permission_it_is_tried_again_later)
{
    has_stream();
    fake_aws_refuse(t.aws, "DescribeStream", "AccessDeniedException", "no");
    has_shards("ENABLED", OPEN_PARENT);
    gives_iterator();
    gives_records(NULL, true);
    int64_t before = t.now;
    turn_until("DescribeStream", 1);
    cr_expect_eq(source(), SOURCE_DENIED);
    cr_expect_eq(stream_live_since(t.stream), 0);
    turn_until("GetRecords", 1);
    cr_expect_geq(t.now - before, 60 * CLOCK_SECOND);
    cr_expect_eq(source(), SOURCE_STREAM);
}

Test(stream, an_endpoint_that_fails_for_long_is_left)
{
    script_following();
    gives_records("5", true);
    fake_aws_answer(t.aws, "GetRecords", 500, "{}");
    turn_until("GetRecords", 7);
    cr_expect_eq(source(), SOURCE_UNREACHABLE);
    cr_expect_eq(stream_live_since(t.stream), 0);
    expect_position("5");
}

Test(stream, too_many_readers_do_not_end_it)
{
    script_following();
    fake_aws_refuse(t.aws, "GetRecords", "LimitExceededException", "slow down");
    turn_until("GetRecords", 12);
    cr_expect_eq(source(), SOURCE_STREAM);
    cr_expect_neq(stream_live_since(t.stream), 0);
    cr_expect_lt(stream_behind_since(t.stream), t.now + 11 * CLOCK_SECOND);
}

/* Refused for long it stays live, but does not say that it is up to date. */
Test(stream, what_is_put_off_is_behind_since_it_was_due)
{
    script_following();
    gives_records(NULL, true);
    fake_aws_refuse(t.aws, "GetRecords", "LimitExceededException", "slow down");
    turn_until("GetRecords", 2);
    int64_t first = t.now;
    turn_until("GetRecords", 12);
    cr_assert_gt(t.now, first + CLOCK_SECOND);
    cr_expect_leq(stream_behind_since(t.stream), first);
    gives_records(NULL, true);
    turn_until("GetRecords", 14);
    cr_expect_gt(stream_behind_since(t.stream), first);
}

/* A record that a clock behind ours made, or one that comes after a long time. */
Test(stream, what_came_since_it_was_empty_is_no_older)
{
    script_following();
    gives_records(NULL, true);
    t.now -= 600 * CLOCK_SECOND;
    gives_records("5", true);
    t.now += 600 * CLOCK_SECOND;
    turn_until("GetRecords", 1);
    int64_t empty = t.now;
    turn_until("GetRecords", 2);
    cr_expect_eq(t.records, 1);
    cr_expect_geq(stream_behind_since(t.stream), empty);
}

Test(stream, a_disabled_stream_is_read_to_its_end)
{
    script_following();
    gives_records("5", true);
    gives_records("9", false);
    has_shards("DISABLED", CLOSED_PARENT);
    turn_until("DescribeTable", 2);
    cr_expect_eq(t.records, 2);
    cr_expect_eq(stream_live_since(t.stream), 0);
    expect_position("9 done");
}

Test(stream, a_table_without_one_is_looked_at_again)
{
    fake_aws_answer(t.aws, "DescribeTable", 200, "{\"Table\":{\"TableStatus\":\"ACTIVE\"}}");
    has_stream();
    has_shards("ENABLED", OPEN_PARENT);
    gives_iterator();
    gives_records(NULL, true);
    turn_until("DescribeTable", 1);
    cr_expect_eq(source(), SOURCE_NO_STREAM);
    turn_until("GetRecords", 1);
    cr_expect_eq(t.live, 1);
}
