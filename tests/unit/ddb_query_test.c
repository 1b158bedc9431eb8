#include "tests/unit/ddb_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ddb_place place;

static void setup(void)
{
    ddb_place_open(&place);
}

static void teardown(void)
{
    ddb_place_close(&place);
}

TestSuite(ddb_query, .init = setup, .fini = teardown);

/* In the order in which a Query must give them. */
static const char *const numbers[] = {"-1E+20", "-100", "-99.5", "-2",   "-1.5", "-0.001", "0",
                                      "0.001",  "1",    "1.5",   "2",    "9",    "10",     "11",
                                      "99",     "100",  "101",   "1000", "1E+20"};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static void put_numbers(const char *id)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        char input[256];
        size_t at = (i * 7 + 3) % NUMBERS; /* in some other order */
        (void)snprintf(input, sizeof input,
                       "{'TableName': 'sorted', 'Item': {'id': {'S': '%s'}, 'seq': {'N': '%s'},"
                       " 'even': {'BOOL': %s}, 'index': {'N': '%zu'}}}",
                       id, numbers[at], at % 2 ? "false" : "true", at);
        ddb_expect(&place, "PutItem", input, "{}");
    }
}

/* Runs a Query of which `more` are further members, and writes the indexes it gave into out. */
static struct ddb_answer query(const char *more, char *out, size_t room)
{
    char input[1024];
    (void)snprintf(input, sizeof input,
                   "{'TableName': 'sorted', 'ExpressionAttributeValues': {':id': {'S': 'a'}%s}",
                   more);
    struct ddb_answer a = ddb_call(&place, "Query", input);
    json_t *items = json_object_get(a.output, "Items");
    json_t *item;
    size_t i;
    size_t len = 0;
    out[0] = '\0';
    json_array_foreach (items, i, item) {
        json_t *index = json_object_get(json_object_get(item, "index"), "N");
        int added = snprintf(out + len, room - len, "%s%s", i ? " " : "", json_string_value(index));
        len += (size_t)added;
    }
    return a;
}

static const char *const key_conditions[][3] = {
    /* values, the condition, indexes */
    {"", "id = :id", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18"},
    {", ':x': {'N': '10.0'}", "id = :id AND seq = :x", "12"},
    {", ':x': {'N': '10.5'}", "id = :id AND seq = :x", ""},
    {", ':x': {'N': '-1.5'}", "id = :id AND seq < :x", "0 1 2 3"},
    {", ':x': {'N': '-1.5'}", "id = :id AND seq <= :x", "0 1 2 3 4"},
    {", ':x': {'N': '99'}", "id = :id AND seq > :x", "15 16 17 18"},
    {", ':x': {'N': '99'}", "id = :id AND seq >= :x", "14 15 16 17 18"},
    {", ':x': {'N': '-0.5'}, ':y': {'N': '1.5'}", "id = :id AND seq BETWEEN :x AND :y",
     "5 6 7 8 9"},
    {", ':x': {'N': '1.5'}", "seq > :x AND id = :id", "10 11 12 13 14 15 16 17 18"},
    {", ':x': {'N': '1.5'}", "(id = :id) AND (seq = :x)", "9"},
};

Test(ddb_query, key_conditions_on_numbers)
{
    put_numbers("a");
    put_numbers("b");
    for (size_t i = 0; i < sizeof key_conditions / sizeof *key_conditions; i++) {
        char more[512];
        char indexes[256];
        (void)snprintf(more, sizeof more, "%s}, 'KeyConditionExpression': '%s'",
                       key_conditions[i][0], key_conditions[i][1]);
        struct ddb_answer a = query(more, indexes, sizeof indexes);
        cr_expect_str_eq(indexes, key_conditions[i][2], "%s: %s %s", key_conditions[i][1], indexes,
                         a.message);
        cr_expect_null(json_object_get(a.output, "LastEvaluatedKey"));
        ddb_answer_free(&a);
    }
}

Test(ddb_query, backward_and_filter)
{
    char indexes[256];
    put_numbers("a");
    struct ddb_answer a =
        query("}, 'KeyConditionExpression': 'id = :id', 'ScanIndexForward': false,"
              " 'Limit': 4",
              indexes, sizeof indexes);
    cr_expect_str_eq(indexes, "18 17 16 15");
    ddb_answer_free(&a);
    a = query(", ':t': {'BOOL': true}, ':x': {'N': '0'}}, 'KeyConditionExpression': 'id = :id AND "
              "seq < :x', 'FilterExpression': 'even = :t'",
              indexes, sizeof indexes);
    cr_expect_str_eq(indexes, "0 2 4");
    cr_expect_eq(json_integer_value(json_object_get(a.output, "Count")), 3);
    cr_expect_eq(json_integer_value(json_object_get(a.output, "ScannedCount")), 6);
    ddb_answer_free(&a);
    ddb_expect(&place, "Query",
               "{'TableName': 'sorted', 'KeyConditionExpression': 'id = :id', 'Select': 'COUNT',"
               " 'ExpressionAttributeValues': {':id': {'S': 'a'}}}",
               "{'Count': 19, 'ScannedCount': 19}");
    ddb_expect(&place, "Query",
               "{'TableName': 'sorted', 'KeyConditionExpression': 'id = :id AND seq = :x',"
               " 'ProjectionExpression': '#i', 'ExpressionAttributeNames': {'#i': 'index'},"
               " 'ExpressionAttributeValues': {':id': {'S': 'a'}, ':x': {'N': '9'}}}",
               "{'Items': [{'index': {'N': '11'}}], 'Count': 1, 'ScannedCount': 1}");
}

static const char *const bad_key_conditions[][3] = {
    {"sorted", "seq = :id", "Query condition missed key schema element: id"},
    {"sorted", "id > :id", "Query key condition not supported"},
    {"sorted", "id = :id OR id = :id", "Invalid operator used in KeyConditionExpression: OR"},
    {"sorted", "NOT id = :id", "Invalid operator used in KeyConditionExpression: NOT"},
    {"sorted", "id <> :id", "Invalid operator used in KeyConditionExpression: <>"},
    {"sorted", "id = :id AND contains(seq, :id)", "KeyConditionExpression: contains"},
    {"sorted", "id = :id AND id = :id", "must only contain one condition per key"},
    {"sorted", "id = :id AND seq = :id", "Condition parameter type does not match schema type"},
    {"sorted", "id = :id AND begins_with(seq, :id)",
     "Invalid operator used in KeyConditionExpression: begins_with"},
    {"sorted", "id = :id AND x = :id", "Query condition missed key schema element: seq"},
    {"plain", "id = :id AND x = :id", "Query condition missed key schema element: id"},
    {"sorted", "id.x = :id", "must be a key attribute"},
    {"sorted", "id = seq", "must be compared with values"},
    {"sorted", "id = :id AND", "Invalid KeyConditionExpression: Syntax error; token: \"<EOF>\""},
};

Test(ddb_query, bad_key_conditions)
{
    for (size_t i = 0; i < sizeof bad_key_conditions / sizeof *bad_key_conditions; i++) {
        char input[512];
        const char *condition = bad_key_conditions[i][1];
        (void)snprintf(
            input, sizeof input, "{'TableName': '%s', 'KeyConditionExpression': '%s'%s}",
            bad_key_conditions[i][0], condition,
            strstr(condition, ":id") ? ", 'ExpressionAttributeValues': {':id': {'S': 'a'}}" : "");
        ddb_expect_fault(&place, "Query", input, "ValidationException", bad_key_conditions[i][2]);
    }
    ddb_expect_fault(&place, "Query",
                     "{'TableName': 'sorted', 'KeyConditionExpression': 'id = :id',"
                     " 'FilterExpression': 'attribute_exists(seq)',"
                     " 'ExpressionAttributeValues': {':id': {'S': 'a'}}}",
                     "ValidationException",
                     "Filter Expression can only contain non-primary key attributes: Primary key "
                     "attribute: seq");
    ddb_expect_fault(&place, "Query",
                     "{'TableName': 'sorted', 'KeyConditionExpression': 'id = :id AND seq > :n',"
                     " 'ExclusiveStartKey': {'id': {'S': 'a'}, 'seq': {'N': '1'}},"
                     " 'ExpressionAttributeValues': {':id': {'S': 'a'}, ':n': {'N': '5'}}}",
                     "ValidationException", "outside query boundaries");
}

/* --- binary range keys: every bound at the edges of bytes ----------------------------------- */

static const char *const blobs[] = {"AA==", "AAA=", "AAE=", "Af8=", "Af//", "AgA=", "/w==", "//8="};

static const char *const prefixes[][2] = {
    {"AA==", "3"},                /* 00, 0000, 0001 */
    {"AQ==", "2"},                /* 01ff, 01ffff */
    {"Af8=", "2"}, {"/w==", "2"}, /* nothing lies above ff... */
    {"//8=", "1"}, {"Aw==", "0"},
};

Test(ddb_query, begins_with_on_bytes)
{
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        char input[256];
        (void)snprintf(input, sizeof input,
                       "{'TableName': 'bytes', 'Item': {'id': {'S': 'a'}, 'seq': {'B': '%s'}}}",
                       blobs[i]);
        ddb_expect(&place, "PutItem", input, "{}");
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char input[512];
        char wanted[64];
        (void)snprintf(input, sizeof input,
                       "{'TableName': 'bytes', 'Select': 'COUNT', 'KeyConditionExpression': 'id = "
                       ":a AND begins_with(seq, :p)', 'ExpressionAttributeValues': {':a': {'S': "
                       "'a'}, ':p': {'B': '%s'}}}",
                       prefixes[i][0]);
        (void)snprintf(wanted, sizeof wanted, "{'Count': %s, 'ScannedCount': %s}", prefixes[i][1],
                       prefixes[i][1]);
        ddb_expect(&place, "Query", input, wanted);
    }
}

/* --- paging --------------------------------------------------------------------------------- */

/* Pages through `operation` with the given input; returns how many items there were in all, and
 * writes the number of pages. Fails if an item comes twice. */
static size_t page_through(const char *operation, json_t *input, json_t *seen, size_t *pages)
{
    size_t items = 0;
    json_t *last;
    *pages = 0;
    do {
        struct ddb_answer a = ddb_call_json(&place, operation, input);
        json_t *item;
        size_t i;
        cr_assert_str_empty(a.code, "%s", a.message);
        json_array_foreach (json_object_get(a.output, "Items"), i, item) {
            char *text = json_dumps(item, JSON_SORT_KEYS);
            cr_expect_null(json_object_get(seen, text), "twice: %s", text);
            json_object_set_new(seen, text, json_true());
            free(text);
            items++;
        }
        last = json_object_get(a.output, "LastEvaluatedKey");
        if (last)
            json_object_set(input, "ExclusiveStartKey", last);
        (*pages)++;
        ddb_answer_free(&a);
    } while (last);
    return items;
}

Test(ddb_query, pages_have_no_gaps)
{
    put_numbers("a");
    put_numbers("b");
    for (int limit = 1; limit <= NUMBERS + 1; limit++)
        for (int forward = 0; forward <= 1; forward++) {
            size_t pages;
            json_t *seen = json_object();
            json_t *input = ddb_json("{'TableName': 'sorted', 'KeyConditionExpression': 'id = :id',"
                                     " 'ExpressionAttributeValues': {':id': {'S': 'a'}}}");
            json_object_set_new(input, "Limit", json_integer(limit));
            json_object_set_new(input, "ScanIndexForward", json_boolean(forward));
            cr_expect_eq(page_through("Query", input, seen, &pages), NUMBERS);
            cr_expect_eq(pages, (size_t)(NUMBERS / limit + 1));
            json_decref(input);
            json_decref(seen);
        }
}

Test(ddb_query, scans_have_no_gaps)
{
    put_numbers("a");
    put_numbers("b");
    put_numbers("c");
    for (int limit = 1; limit <= 60; limit += 7) {
        size_t pages;
        json_t *seen = json_object();
        json_t *input = ddb_json("{'TableName': 'sorted'}");
        json_object_set_new(input, "Limit", json_integer(limit));
        cr_expect_eq(page_through("Scan", input, seen, &pages), 3 * NUMBERS);
        cr_expect_eq(pages, (size_t)(3 * NUMBERS / limit + 1));
        json_decref(input);
        json_decref(seen);
    }
}

Test(ddb_query, segments_share_the_table)
{
    static const int totals[] = {1, 2, 3, 7, 64};
    for (int i = 0; i < 200; i++) {
        char input[128];
        (void)snprintf(input, sizeof input, "{'TableName': 'plain', 'Item': {'id': {'S': 'k%d'}}}",
                       i);
        ddb_expect(&place, "PutItem", input, "{}");
    }
    for (size_t t = 0; t < sizeof totals / sizeof *totals; t++) {
        size_t items = 0;
        size_t largest = 0;
        json_t *seen = json_object();
        for (int segment = 0; segment < totals[t]; segment++) {
            size_t pages;
            json_t *input = json_pack("{s:s, s:i, s:i, s:i}", "TableName", "plain", "Segment",
                                      segment, "TotalSegments", totals[t], "Limit", 9);
            size_t mine = page_through("Scan", input, seen, &pages);
            items += mine;
            largest = mine > largest ? mine : largest;
            json_decref(input);
        }
        cr_expect_eq(items, 200, "%d segments gave %zu", totals[t], items);
        cr_expect(totals[t] == 1 || largest < 200 * 2 / 3 + 1, "one segment has it all");
        json_decref(seen);
    }
}

Test(ddb_query, a_page_ends_at_a_megabyte)
{
    enum { ITEMS = 8, SIZE = 300 * 1024 };
    char *text = malloc(SIZE + 1);
    cr_assert_not_null(text);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    for (int i = 0; i < ITEMS; i++) {
        json_t *input =
            json_pack("{s:s, s:{s:{s:s}, s:{s:o}, s:{s:s}}}", "TableName", "sorted", "Item", "id",
                      "S", "a", "seq", "N", json_sprintf("%d", i), "v", "S", text);
        struct ddb_answer a = ddb_call_json(&place, "PutItem", input);
        cr_assert_str_empty(a.code, "%s", a.message);
        ddb_answer_free(&a);
        json_decref(input);
    }
    size_t pages;
    json_t *seen = json_object();
    json_t *input = ddb_json("{'TableName': 'sorted', 'ProjectionExpression': 'id, seq'}");
    cr_expect_eq(page_through("Scan", input, seen, &pages), ITEMS);
    cr_expect_eq(pages, 3, "%zu pages", pages);
    json_decref(input);
    json_decref(seen);
    free(text);
}
