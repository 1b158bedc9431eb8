#include "lib/db/db.h"
#include "tests/unit/ddb_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARD_RECORDS = 500, BATCH = 25, TEXT_ROOM = 2048 };
#define HOUR (3600 * CLOCK_SECOND)
#define INVALID "ValidationException"
#define NOT_FOUND "ResourceNotFoundException"

/* Turned by hand, and read on the writer's thread too. */
static struct {
    struct clock clock;
    _Atomic int64_t now;
} timer;

static int64_t timer_now(const struct clock *self)
{
    (void)self;
    return timer.now;
}

static struct ddb_place place;

static void setup(void)
{
    timer.clock = (struct clock){.wall = timer_now, .mono = timer_now};
    timer.now = INT64_C(1700000000) * CLOCK_SECOND;
    ddb_place_open_at(&place, &timer.clock);
}

static void teardown(void)
{
    ddb_place_close(&place);
}

TestSuite(streams, .init = setup, .fini = teardown);

static void expect(const char *operation, const char *input, const char *wanted)
{
    ddb_expect(&place, operation, input, wanted);
}

static void fault(const char *operation, const char *input, const char *code, const char *part)
{
    ddb_expect_fault(&place, operation, input, code, part);
}

/* The writer sweeps between two jobs: after the second one it has swept at the new time. */
static void advance(int64_t by)
{
    timer.now += by;
    for (int i = 0; i < 2; i++)
        expect("DeleteItem",
               "{'TableName': 'sorted', 'Key': {'id': {'S': '-'}, 'seq': {'N': "
               "'0'}}}",
               "{}");
}

/* --- reading as a follower does ------------------------------------------------------------- */

static void enable(const char *table, const char *view)
{
    char input[TEXT_ROOM];
    (void)snprintf(input, sizeof input,
                   "{'TableName': '%s', 'StreamSpecification': {'StreamEnabled': true,"
                   " 'StreamViewType': '%s'}}",
                   table, view);
    expect("UpdateTable", input, NULL);
}

static void text_of(json_t *object, const char *name, char *out, size_t room)
{
    const char *text = json_string_value(json_object_get(object, name));
    cr_assert_not_null(text, "no %s", name);
    (void)snprintf(out, room, "%s", text);
}

static void latest_arn(const char *table, char out[TEXT_ROOM])
{
    char input[TEXT_ROOM];
    (void)snprintf(input, sizeof input, "{'TableName': '%s'}", table);
    struct ddb_answer a = ddb_call(&place, "DescribeTable", input);
    text_of(json_object_get(a.output, "Table"), "LatestStreamArn", out, TEXT_ROOM);
    ddb_answer_free(&a);
}

/* A new reference to the StreamDescription. */
static json_t *describe(const char *arn, const char *more)
{
    char input[TEXT_ROOM];
    (void)snprintf(input, sizeof input, "{'StreamArn': '%s'%s}", arn, more);
    struct ddb_answer a = ddb_call(&place, "DescribeStream", input);
    cr_assert_str_empty(a.code, "%s", a.message);
    json_t *description = json_incref(json_object_get(a.output, "StreamDescription"));
    ddb_answer_free(&a);
    return description;
}

static void shard_id(const char *arn, size_t index, char out[TEXT_ROOM])
{
    json_t *description = describe(arn, "");
    text_of(json_array_get(json_object_get(description, "Shards"), index), "ShardId", out,
            TEXT_ROOM);
    json_decref(description);
}

static void iterator_input(char input[TEXT_ROOM], const char *arn, const char *shard,
                           const char *type, const char *sequence)
{
    (void)snprintf(input, TEXT_ROOM,
                   "{'StreamArn': '%s', 'ShardId': '%s', 'ShardIteratorType': '%s'%s%s%s}", arn,
                   shard, type, sequence ? ", 'SequenceNumber': '" : "", sequence ? sequence : "",
                   sequence ? "'" : "");
}

static void get_iterator(const char *arn, size_t shard, const char *type, const char *sequence,
                         char out[TEXT_ROOM])
{
    char input[TEXT_ROOM];
    char id[TEXT_ROOM];
    shard_id(arn, shard, id);
    iterator_input(input, arn, id, type, sequence);
    struct ddb_answer a = ddb_call(&place, "GetShardIterator", input);
    cr_assert_str_empty(a.code, "%s", a.message);
    text_of(a.output, "ShardIterator", out, TEXT_ROOM);
    ddb_answer_free(&a);
}

/* The answer's Records (a new reference); `iterator` becomes the next one, "" if there is none. */
static json_t *read_on(char iterator[TEXT_ROOM], int limit)
{
    char input[TEXT_ROOM + 64];
    (void)snprintf(input, sizeof input, "{'ShardIterator': '%s', 'Limit': %d}", iterator, limit);
    struct ddb_answer a = ddb_call(&place, "GetRecords", input);
    cr_assert_str_empty(a.code, "%s", a.message);
    json_t *records = json_incref(json_object_get(a.output, "Records"));
    const char *next = json_string_value(json_object_get(a.output, "NextShardIterator"));
    (void)snprintf(iterator, TEXT_ROOM, "%s", next ? next : "");
    ddb_answer_free(&a);
    return records;
}

static json_t *read_all(const char *arn, size_t shard)
{
    char iterator[TEXT_ROOM];
    get_iterator(arn, shard, "TRIM_HORIZON", NULL, iterator);
    return read_on(iterator, 1000);
}

static void expect_records_fault(const char *iterator, const char *code)
{
    char input[TEXT_ROOM + 64];
    (void)snprintf(input, sizeof input, "{'ShardIterator': '%s'}", iterator);
    fault("GetRecords", input, code, "");
}

static void sequence_of(json_t *records, size_t index, char out[TEXT_ROOM])
{
    json_t *record = json_array_get(records, index);
    text_of(json_object_get(record, "dynamodb"), "SequenceNumber", out, TEXT_ROOM);
}

static const char *event_of(json_t *records, size_t index)
{
    const char *name =
        json_string_value(json_object_get(json_array_get(records, index), "eventName"));
    return name ? name : "";
}

static void put(const char *table, int id)
{
    char input[TEXT_ROOM];
    (void)snprintf(input, sizeof input,
                   "{'TableName': '%s', 'Item': {'id': {'S': 'i%d'}, 'n': {'N': '%d'}}}", table, id,
                   id);
    expect("PutItem", input, "{}");
}

static void put_many(const char *table, int first, int count)
{
    for (int i = first; i < first + count; i += BATCH) {
        json_t *list = json_array();
        for (int j = i; j < i + BATCH && j < first + count; j++) {
            char id[16];
            (void)snprintf(id, sizeof id, "i%d", j);
            (void)json_array_append_new(
                list, json_pack("{s:{s:{s:{s:s}}}}", "PutRequest", "Item", "id", "S", id));
        }
        json_t *input = json_pack("{s:{s:o}}", "RequestItems", table, list);
        struct ddb_answer a = ddb_call_json(&place, "BatchWriteItem", input);
        cr_assert_str_empty(a.code, "%s", a.message);
        ddb_answer_free(&a);
        json_decref(input);
    }
}

/* --- what is recorded ----------------------------------------------------------------------- */

static void expect_images(json_t *record, const char *event, const char *images, int size)
{
    json_t *body = json_deep_copy(json_object_get(record, "dynamodb"));
    json_t *wanted = ddb_json(images);
    cr_expect_str_eq(json_string_value(json_object_get(record, "eventName")), event);
    cr_expect_eq(json_integer_value(json_object_get(body, "SizeBytes")), size, "%s: %d", event,
                 (int)json_integer_value(json_object_get(body, "SizeBytes")));
    cr_expect_eq(json_integer_value(json_object_get(body, "ApproximateCreationDateTime")),
                 timer.now / CLOCK_SECOND);
    (void)json_object_del(body, "SizeBytes");
    (void)json_object_del(body, "SequenceNumber");
    (void)json_object_del(body, "ApproximateCreationDateTime");
    (void)json_object_del(body, "StreamViewType");
    char *text = json_dumps(body, 0);
    cr_expect(json_equal(body, wanted), "%s is %s", event, text);
    free(text);
    json_decref(body);
    json_decref(wanted);
}

static void change_three_times(void)
{
    expect("PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'n': {'N': '1'}}}", "{}");
    expect("UpdateItem",
           "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'UpdateExpression': 'ADD n :o',"
           " 'ExpressionAttributeValues': {':o': {'N': '1'}}}",
           "{}");
    expect("DeleteItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}", "{}");
}

#define KEYS "'Keys': {'id': {'S': 'a'}}"
#define ITEM(n) "{'id': {'S': 'a'}, 'n': {'N': '" n "'}}"

Test(streams, views)
{
    static const struct {
        const char *view;
        const char *images[3];
        int sizes[3];
    } cases[] = {
        {"KEYS_ONLY", {"{" KEYS "}", "{" KEYS "}", "{" KEYS "}"}, {3, 3, 3}},
        {"NEW_IMAGE",
         {"{" KEYS ", 'NewImage': " ITEM("1") "}", "{" KEYS ", 'NewImage': " ITEM("2") "}",
          "{" KEYS "}"},
         {9, 9, 3}},
        {"OLD_IMAGE",
         {"{" KEYS "}", "{" KEYS ", 'OldImage': " ITEM("1") "}",
          "{" KEYS ", 'OldImage': " ITEM("2") "}"},
         {3, 9, 9}},
        {"NEW_AND_OLD_IMAGES",
         {"{" KEYS ", 'NewImage': " ITEM("1") "}",
          "{" KEYS ", 'NewImage': " ITEM("2") ", 'OldImage': " ITEM("1") "}",
          "{" KEYS ", 'OldImage': " ITEM("2") "}"},
         {9, 15, 9}},
    };
    static const char *const events[] = {"INSERT", "MODIFY", "REMOVE"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char arn[TEXT_ROOM];
        enable("plain", cases[i].view);
        change_three_times();
        latest_arn("plain", arn);
        json_t *records = read_all(arn, 0);
        cr_assert_eq(json_array_size(records), 3, "%s", cases[i].view);
        for (size_t j = 0; j < 3; j++)
            expect_images(json_array_get(records, j), events[j], cases[i].images[j],
                          cases[i].sizes[j]);
        json_decref(records);
        expect("UpdateTable",
               "{'TableName': 'plain', 'StreamSpecification': {'StreamEnabled': false}}", NULL);
    }
}

Test(streams, what_changes_nothing_is_not_told)
{
    char arn[TEXT_ROOM];
    enable("plain", "NEW_IMAGE");
    latest_arn("plain", arn);
    expect("DeleteItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}", "{}");
    for (int i = 0; i < 2; i++) {
        expect("PutItem",
               i ? "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 's': {'SS': ['x', 'y']}}}"
                 : "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 's': {'SS': ['y', 'x']}}}",
               "{}");
        expect("UpdateItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}", "{}");
    }
    fault("PutItem",
          "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}},"
          " 'ConditionExpression': 'attribute_not_exists(id)'}",
          "ConditionalCheckFailedException", "");
    fault("TransactWriteItems",
          "{'TransactItems': [{'Put': {'TableName': 'plain', 'Item': {'id': {'S': 'b'}}}},"
          " {'ConditionCheck': {'TableName': 'plain', 'Key': {'id': {'S': 'a'}},"
          " 'ConditionExpression': 'attribute_not_exists(id)'}}]}",
          "TransactionCanceledException", "");
    put("plain", 1);
    json_t *records = read_all(arn, 0);
    cr_expect_eq(json_array_size(records), 2, "%zu records", json_array_size(records));
    cr_expect_str_eq(event_of(records, 0), "INSERT");
    cr_expect_str_eq(event_of(records, 1), "INSERT");
    json_decref(records);
}

Test(streams, batches_and_transactions_are_told)
{
    char arn[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    expect("BatchWriteItem",
           "{'RequestItems': {'plain': [{'PutRequest': {'Item': {'id': {'S': 'a'}}}},"
           " {'PutRequest': {'Item': {'id': {'S': 'b'}}}}]}}",
           NULL);
    expect("TransactWriteItems",
           "{'TransactItems': [{'Delete': {'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}},"
           " {'Update': {'TableName': 'plain', 'Key': {'id': {'S': 'b'}}, 'UpdateExpression':"
           " 'SET n = :n', 'ExpressionAttributeValues': {':n': {'N': '1'}}}},"
           " {'Put': {'TableName': 'sorted', 'Item': {'id': {'S': 'a'}, 'seq': {'N': '1'}}}}]}",
           "{}");
    json_t *records = read_all(arn, 0);
    static const char *const events[] = {"INSERT", "INSERT", "REMOVE", "MODIFY"};
    cr_assert_eq(json_array_size(records), 4);
    char last[TEXT_ROOM] = "";
    for (size_t i = 0; i < 4; i++) {
        char number[TEXT_ROOM];
        sequence_of(records, i, number);
        cr_expect_str_eq(event_of(records, i), events[i]);
        cr_expect_eq(strlen(number), 21);
        cr_expect(strcmp(number, last) > 0, "%s after %s", number, last);
        (void)snprintf(last, sizeof last, "%s", number);
    }
    json_decref(records);
}

Test(streams, expired_items_are_removed_by_the_service)
{
    char arn[TEXT_ROOM];
    enable("plain", "OLD_IMAGE");
    latest_arn("plain", arn);
    expect("UpdateTimeToLive",
           "{'TableName': 'plain', 'TimeToLiveSpecification': {'Enabled': true,"
           " 'AttributeName': 'ends'}}",
           NULL);
    expect("PutItem",
           "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'ends': {'N': '1700000100'}}}", "{}");
    advance(HOUR);
    json_t *records = read_all(arn, 0);
    json_t *wanted = ddb_json("{'PrincipalId': 'dynamodb.amazonaws.com', 'Type': 'Service'}");
    cr_assert_eq(json_array_size(records), 2);
    cr_expect_str_eq(event_of(records, 1), "REMOVE");
    cr_expect(json_equal(json_object_get(json_array_get(records, 1), "userIdentity"), wanted));
    json_decref(wanted);
    json_decref(records);
}

/* --- iterators ------------------------------------------------------------------------------ */

Test(streams, iterators_stand_where_they_were_asked_to)
{
    char arn[TEXT_ROOM];
    char latest[TEXT_ROOM];
    char iterator[TEXT_ROOM];
    char number[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    for (int i = 0; i < 3; i++)
        put("plain", i);
    get_iterator(arn, 0, "LATEST", NULL, latest);
    json_t *all = read_all(arn, 0);
    sequence_of(all, 1, number);
    put("plain", 3);
    static const struct {
        const char *type;
        size_t count;
    } cases[] = {{"TRIM_HORIZON", 4}, {"AT_SEQUENCE_NUMBER", 3}, {"AFTER_SEQUENCE_NUMBER", 2}};
    for (size_t i = 0; i < 3; i++) {
        get_iterator(arn, 0, cases[i].type, i > 0 ? number : NULL, iterator);
        json_t *records = read_on(iterator, 1000);
        cr_expect_eq(json_array_size(records), cases[i].count, "%s", cases[i].type);
        json_decref(records);
        records = read_on(iterator, 1000);
        cr_expect_eq(json_array_size(records), 0);
        json_decref(records);
    }
    json_t *records = read_on(latest, 1000);
    cr_expect_eq(json_array_size(records), 1);
    json_decref(records);
    json_decref(all);
}

Test(streams, nothing_is_skipped_behind_a_number_that_no_record_has_yet)
{
    char arn[TEXT_ROOM];
    char first[TEXT_ROOM];
    char iterator[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    json_t *description = describe(arn, "");
    json_t *shard = json_array_get(json_object_get(description, "Shards"), 0);
    text_of(json_object_get(shard, "SequenceNumberRange"), "StartingSequenceNumber", first,
            sizeof first);
    json_decref(description);
    get_iterator(arn, 0, "AFTER_SEQUENCE_NUMBER", first, iterator);
    put("plain", 1);
    put("plain", 2);
    json_t *records = read_on(iterator, 1000);
    cr_expect_eq(json_array_size(records), 2);
    json_decref(records);
    get_iterator(arn, 0, "AFTER_SEQUENCE_NUMBER", first, iterator);
    records = read_on(iterator, 1000);
    cr_expect_eq(json_array_size(records), 1);
    json_decref(records);
}

/* A list of empty strings: nine characters of JSON for each byte that counts. */
static void put_swollen(int strings, const char *mark)
{
    json_t *list = json_array();
    for (int i = 0; i < strings; i++)
        cr_assert_eq(json_array_append_new(list, json_pack("{s:s}", "S", "")), 0);
    json_t *input = json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:o}}}", "TableName", "plain", "Item",
                              "id", "S", "a", "mark", "S", mark, "list", "L", list);
    struct ddb_answer a = ddb_call_json(&place, "PutItem", input);
    cr_assert_str_empty(a.code, "%s", a.message);
    ddb_answer_free(&a);
    json_decref(input);
}

Test(streams, two_images_of_the_largest_items_are_kept)
{
    char arn[TEXT_ROOM];
    enum { STRINGS = 400 * 1024 - 64 };
    enable("plain", "NEW_AND_OLD_IMAGES");
    latest_arn("plain", arn);
    put_swollen(STRINGS, "1");
    put_swollen(STRINGS, "2");
    char iterator[TEXT_ROOM];
    get_iterator(arn, 0, "TRIM_HORIZON", NULL, iterator);
    json_decref(read_on(iterator, 1));
    json_t *records = read_on(iterator, 1);
    json_t *change = json_object_get(json_array_get(records, 0), "dynamodb");
    static const char *const images[] = {"OldImage", "NewImage"};
    for (size_t i = 0; i < 2; i++)
        cr_expect_eq(json_array_size(json_object_get(
                         json_object_get(json_object_get(change, images[i]), "list"), "L")),
                     STRINGS, "%s", images[i]);
    json_decref(records);
}

Test(streams, pages_join)
{
    char arn[TEXT_ROOM];
    char iterator[TEXT_ROOM];
    enable("plain", "NEW_IMAGE");
    latest_arn("plain", arn);
    put_many("plain", 0, 10);
    get_iterator(arn, 0, "TRIM_HORIZON", NULL, iterator);
    size_t sizes[4];
    for (int i = 0; i < 4; i++) {
        json_t *records = read_on(iterator, 4);
        sizes[i] = json_array_size(records);
        json_decref(records);
    }
    cr_expect(sizes[0] == 4 && sizes[1] == 4 && sizes[2] == 2 && sizes[3] == 0);
}

Test(streams, a_page_ends_at_a_megabyte)
{
    char arn[TEXT_ROOM];
    enable("plain", "NEW_IMAGE");
    latest_arn("plain", arn);
    char *large = calloc(1, 300 * 1024 + 1);
    cr_assert_not_null(large);
    memset(large, 'x', 300 * 1024);
    for (int i = 0; i < 6; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        json_t *input = json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "TableName", "plain", "Item", "id",
                                  "S", id, "x", "S", large);
        struct ddb_answer a = ddb_call_json(&place, "PutItem", input);
        cr_expect_str_empty(a.code);
        ddb_answer_free(&a);
        json_decref(input);
    }
    free(large);
    json_t *records = read_all(arn, 0);
    cr_expect_eq(json_array_size(records), 4);
    json_decref(records);
}

Test(streams, iterators_expire_and_are_refused)
{
    char arn[TEXT_ROOM];
    char iterator[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    get_iterator(arn, 0, "TRIM_HORIZON", NULL, iterator);
    expect_records_fault("nonsense", INVALID);
    expect_records_fault("", INVALID);
    expect_records_fault("a|1|", INVALID);
    for (size_t i = 0; i < strlen(iterator); i += 7) {
        char changed[TEXT_ROOM];
        (void)snprintf(changed, sizeof changed, "%s", iterator);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        expect_records_fault(changed, INVALID);
    }
    advance(15 * 60 * CLOCK_SECOND);
    char again[TEXT_ROOM];
    (void)snprintf(again, sizeof again, "%s", iterator);
    json_decref(read_on(again, 1));
    advance(CLOCK_SECOND);
    expect_records_fault(iterator, "ExpiredIteratorException");
    json_decref(read_on(again, 1));
}

Test(streams, refusals)
{
    char arn[TEXT_ROOM];
    char shard[TEXT_ROOM];
    char input[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    shard_id(arn, 0, shard);
    static const struct {
        const char *type, *sequence, *part;
    } cases[] = {
        {"SOMEWHERE", NULL, "enum value set"},
        {"AT_SEQUENCE_NUMBER", NULL, "SequenceNumber is required"},
        {"AFTER_SEQUENCE_NUMBER", "7", "Invalid SequenceNumber"},
        {"AFTER_SEQUENCE_NUMBER", "100000000000000000009", "Invalid SequenceNumber"},
        {"AT_SEQUENCE_NUMBER", "1000000000000000000001", "Invalid SequenceNumber"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        iterator_input(input, arn, shard, cases[i].type, cases[i].sequence);
        fault("GetShardIterator", input, INVALID, cases[i].part);
    }
    iterator_input(input, arn, "shardId-00000001700000000000-0000ffff", "LATEST", NULL);
    fault("GetShardIterator", input, NOT_FOUND, "not found");
    iterator_input(input, arn, "shard", "LATEST", NULL);
    fault("GetShardIterator", input, INVALID, "Invalid ShardId");
    arn[strlen(arn) - 1] ^= 1;
    iterator_input(input, arn, shard, "LATEST", NULL);
    fault("GetShardIterator", input, NOT_FOUND, "Stream: arn:aws:dynamodb:eu-west-1:");
    fault("DescribeStream", "{'StreamArn': 'arn:aws:dynamodb:eu-west-1:000000000000:table/plain'}",
          INVALID, "Invalid StreamArn");
    fault("DescribeStream", "{}", INVALID, "StreamArn");
    fault("GetRecords", "{'ShardIterator': 'x', 'Limit': 1001}", INVALID, "Limit");
    fault("UpdateTable",
          "{'TableName': 'plain', 'StreamSpecification': {'StreamEnabled': true,"
          " 'StreamViewType': 'NEW_IMAGE'}}",
          INVALID, "Table already has an enabled stream");
    fault("UpdateTable", "{'TableName': 'sorted', 'StreamSpecification': {'StreamEnabled': false}}",
          INVALID, "Table has no stream to disable");
    fault("UpdateTable", "{'TableName': 'ghost', 'StreamSpecification': {'StreamEnabled': false}}",
          NOT_FOUND, "ghost");
    fault("PutItems", "{}", "UnknownOperationException", "");
}

/* --- shards --------------------------------------------------------------------------------- */

static size_t shard_count(const char *arn, const char *more)
{
    json_t *description = describe(arn, more);
    size_t count = json_array_size(json_object_get(description, "Shards"));
    json_decref(description);
    return count;
}

/* Each shard names the one before, and begins where that ends. */
static void check_lineage(json_t *shards)
{
    json_t *before = NULL;
    for (size_t i = 0; i < json_array_size(shards); i++) {
        json_t *shard = json_array_get(shards, i);
        json_t *range = json_object_get(shard, "SequenceNumberRange");
        json_t *end = json_object_get(range, "EndingSequenceNumber");
        cr_expect_eq(end == NULL, i + 1 == json_array_size(shards));
        cr_expect(json_equal(json_object_get(shard, "ParentShardId"),
                             json_object_get(before, "ShardId")) ||
                  !before);
        if (before)
            cr_expect(strcmp(json_string_value(json_object_get(range, "StartingSequenceNumber")),
                             json_string_value(
                                 json_object_get(json_object_get(before, "SequenceNumberRange"),
                                                 "EndingSequenceNumber"))) > 0);
        before = shard;
    }
}

Test(streams, full_shards_are_rolled)
{
    char arn[TEXT_ROOM];
    char iterator[TEXT_ROOM];
    char latest[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    get_iterator(arn, 0, "LATEST", NULL, latest);
    put_many("plain", 0, 2 * SHARD_RECORDS + 1);
    json_t *description = describe(arn, "");
    json_t *shards = json_object_get(description, "Shards");
    cr_assert_eq(json_array_size(shards), 3);
    check_lineage(shards);
    static const size_t sizes[] = {SHARD_RECORDS, SHARD_RECORDS, 1};
    for (size_t i = 0; i < 3; i++) {
        get_iterator(arn, i, "TRIM_HORIZON", NULL, iterator);
        json_t *records = read_on(iterator, 1000);
        cr_expect_eq(json_array_size(records), sizes[i]);
        cr_expect_eq(iterator[0] == '\0', i < 2, "shard %zu", i);
        json_decref(records);
    }
    json_t *records = read_on(latest, 1000);
    cr_expect_eq(json_array_size(records), SHARD_RECORDS);
    cr_expect_str_empty(latest);
    json_decref(records);
    get_iterator(arn, 0, "LATEST", NULL, iterator);
    records = read_on(iterator, 1000);
    cr_expect_eq(json_array_size(records), 0);
    cr_expect_str_empty(iterator);
    json_decref(records);
    json_decref(description);
}

Test(streams, shards_are_told_in_pages_and_by_parent)
{
    char arn[TEXT_ROOM];
    char more[TEXT_ROOM];
    char id[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    put_many("plain", 0, 2 * SHARD_RECORDS + 1);
    json_t *page = describe(arn, ", 'Limit': 2");
    text_of(page, "LastEvaluatedShardId", id, sizeof id);
    cr_expect_eq(json_array_size(json_object_get(page, "Shards")), 2);
    json_decref(page);
    (void)snprintf(more, sizeof more, ", 'ExclusiveStartShardId': '%s'", id);
    page = describe(arn, more);
    cr_expect_eq(json_array_size(json_object_get(page, "Shards")), 1);
    cr_expect_null(json_object_get(page, "LastEvaluatedShardId"));
    json_decref(page);
    for (size_t i = 0; i < 3; i++) {
        shard_id(arn, i, id);
        (void)snprintf(more, sizeof more,
                       ", 'ShardFilter': {'Type': 'CHILD_SHARDS', 'ShardId': '%s'}", id);
        cr_expect_eq(shard_count(arn, more), i < 2 ? 1 : 0, "children of shard %zu", i);
    }
}

Test(streams, old_shards_are_rolled_and_trimmed)
{
    char arn[TEXT_ROOM];
    char first[TEXT_ROOM];
    char shard[TEXT_ROOM];
    char input[TEXT_ROOM];
    char horizon[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    put("plain", 1);
    json_t *records = read_all(arn, 0);
    sequence_of(records, 0, first);
    json_decref(records);
    shard_id(arn, 0, shard);
    advance(3 * HOUR);
    cr_expect_eq(shard_count(arn, ""), 1);
    put("plain", 2);
    advance(2 * HOUR);
    cr_expect_eq(shard_count(arn, ""), 2);
    advance(20 * HOUR);
    iterator_input(input, arn, shard, "AT_SEQUENCE_NUMBER", first);
    fault("GetShardIterator", input, "TrimmedDataAccessException", "TRIM_HORIZON");
    get_iterator(arn, 0, "AFTER_SEQUENCE_NUMBER", first, horizon);
    records = read_on(horizon, 10);
    cr_expect_eq(json_array_size(records), 1);
    json_decref(records);
    advance(10 * HOUR);
    iterator_input(input, arn, shard, "TRIM_HORIZON", NULL);
    fault("GetShardIterator", input, NOT_FOUND, shard);
    json_t *description = describe(arn, "");
    json_t *oldest = json_array_get(json_object_get(description, "Shards"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(oldest, "ParentShardId")), shard);
    json_decref(description);
}

Test(streams, a_reader_that_was_too_slow_is_told)
{
    char arn[TEXT_ROOM];
    char iterator[TEXT_ROOM];
    char number[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    put("plain", 1);
    json_t *records = read_all(arn, 0);
    sequence_of(records, 0, number);
    json_decref(records);
    advance(24 * HOUR - 60 * CLOCK_SECOND);
    get_iterator(arn, 0, "AT_SEQUENCE_NUMBER", number, iterator);
    advance(2 * 60 * CLOCK_SECOND);
    expect_records_fault(iterator, "TrimmedDataAccessException");
    records = read_all(arn, 0);
    cr_expect_eq(json_array_size(records), 0);
    json_decref(records);
}

/* --- life and death ------------------------------------------------------------------------- */

Test(streams, numbers_go_on_after_a_restart_and_after_trimming)
{
    char arn[TEXT_ROOM];
    char again[TEXT_ROOM];
    char before[TEXT_ROOM];
    char after[TEXT_ROOM];
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arn);
    put("plain", 1);
    json_t *records = read_all(arn, 0);
    sequence_of(records, 0, before);
    json_decref(records);
    advance(25 * HOUR);
    ddb_place_reopen(&place);
    latest_arn("plain", again);
    cr_expect_str_eq(again, arn);
    put("plain", 2);
    records = read_all(arn, shard_count(arn, "") - 1);
    cr_assert_eq(json_array_size(records), 1);
    sequence_of(records, 0, after);
    cr_expect(strcmp(after, before) > 0, "%s after %s", after, before);
    json_decref(records);
}

static void expect_status(const char *arn, const char *status)
{
    json_t *description = describe(arn, "");
    cr_expect_str_eq(json_string_value(json_object_get(description, "StreamStatus")), status);
    json_decref(description);
}

Test(streams, a_dropped_table_leaves_its_stream_for_a_day)
{
    static const char create[] =
        "{'TableName': 'tee', 'AttributeDefinitions': [{'AttributeName': 'id', 'AttributeType':"
        " 'S'}], 'KeySchema': [{'AttributeName': 'id', 'KeyType': 'HASH'}], 'BillingMode':"
        " 'PAY_PER_REQUEST', 'StreamSpecification': {'StreamEnabled': true, 'StreamViewType':"
        " 'NEW_IMAGE'}}";
    char arn[TEXT_ROOM];
    char other[TEXT_ROOM];
    char input[TEXT_ROOM];
    expect("CreateTable", create, NULL);
    latest_arn("tee", arn);
    put("tee", 1);
    expect_status(arn, "ENABLED");
    expect("DeleteTable", "{'TableName': 'tee'}", NULL);
    expect_status(arn, "DISABLED");
    expect("CreateTable", create, NULL);
    latest_arn("tee", other);
    cr_expect(strcmp(arn, other) != 0, "two streams are called %s", arn);
    put("tee", 2);
    json_t *records = read_all(arn, 0);
    cr_expect_eq(json_array_size(records), 1);
    json_decref(records);
    advance(25 * HOUR);
    (void)snprintf(input, sizeof input, "{'StreamArn': '%s'}", arn);
    fault("DescribeStream", input, NOT_FOUND, arn);
    expect_status(other, "ENABLED");
}

Test(streams, are_listed)
{
    char arns[2][TEXT_ROOM];
    char input[TEXT_ROOM];
    expect("ListStreams", "{}", "{'Streams': []}");
    enable("sorted", "KEYS_ONLY");
    enable("plain", "KEYS_ONLY");
    latest_arn("plain", arns[0]);
    latest_arn("sorted", arns[1]);
    struct ddb_answer a = ddb_call(&place, "ListStreams", "{'Limit': 1}");
    cr_expect_str_eq(json_string_value(json_object_get(a.output, "LastEvaluatedStreamArn")),
                     arns[0]);
    ddb_answer_free(&a);
    (void)snprintf(input, sizeof input, "{'ExclusiveStartStreamArn': '%s'}", arns[0]);
    a = ddb_call(&place, "ListStreams", input);
    json_t *list = json_object_get(a.output, "Streams");
    cr_expect_eq(json_array_size(list), 1);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "StreamArn")),
                     arns[1]);
    ddb_answer_free(&a);
    expect("ListStreams", "{'TableName': 'bytes'}", "{'Streams': []}");
}

Test(streams, ensured_once_and_not_against_the_user)
{
    struct error err = {0};
    char arn[TEXT_ROOM];
    char again[TEXT_ROOM];
    cr_expect_eq(local_dynamodb_ensure_stream(place.d, "plain", "NEW_IMAGE", &err), 0);
    latest_arn("plain", arn);
    cr_expect_eq(local_dynamodb_ensure_stream(place.d, "plain", "NEW_IMAGE", &err), 0);
    latest_arn("plain", again);
    cr_expect_str_eq(again, arn);
    expect("UpdateTable", "{'TableName': 'plain', 'StreamSpecification': {'StreamEnabled': false}}",
           NULL);
    cr_expect_eq(local_dynamodb_ensure_stream(place.d, "plain", "NEW_IMAGE", &err), 0);
    expect_status(arn, "DISABLED");
    put("plain", 1);
    json_t *records = read_all(arn, 0);
    cr_expect_eq(json_array_size(records), 0);
    json_decref(records);
}

/* What a file of the first version held, with a table that asked for a stream in vain. */
static const char version_1[] =
    "DROP TABLE records; DROP TABLE shards; DROP TABLE streams; DROP VIEW heads;"
    "UPDATE tables SET definition = json_set(definition, '$.StreamSpecification',"
    " json('{\"StreamEnabled\":true,\"StreamViewType\":\"NEW_IMAGE\"}')) WHERE name = 'plain';"
    "PRAGMA user_version = 1;";

Test(streams, a_file_from_before_is_completed)
{
    struct error err = {0};
    char arn[TEXT_ROOM];
    put("plain", 1);
    place.d = local_dynamodb_close(place.d);
    struct db *db = db_open(place.file, DB_READ_WRITE, &err);
    cr_assert_not_null(db, "%s", err.message);
    cr_assert_eq(db_exec(db, version_1, &err), 0, "%s", err.message);
    db_close(db);
    for (int i = 0; i < 2; i++) {
        ddb_place_reopen(&place);
        expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'i1'}}}",
               "{'Item': {'id': {'S': 'i1'}, 'n': {'N': '1'}}}");
        latest_arn("plain", arn);
        put("plain", 2 + i);
        json_t *records = read_all(arn, 0);
        cr_expect_eq(json_array_size(records), (size_t)(1 + i));
        json_decref(records);
    }
}
