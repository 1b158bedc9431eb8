#include "tests/unit/ddb_support.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ddb_place place;

static void setup(void)
{
    ddb_place_open(&place);
}

static void teardown(void)
{
    ddb_place_close(&place);
}

TestSuite(ddb_service, .init = setup, .fini = teardown);

#define INVALID "ValidationException"

static void expect(const char *operation, const char *input, const char *wanted)
{
    ddb_expect(&place, operation, input, wanted);
}

static void fault(const char *operation, const char *input, const char *code, const char *part)
{
    ddb_expect_fault(&place, operation, input, code, part);
}

/* --- single items --------------------------------------------------------------------------- */

Test(ddb_service, put_get_delete)
{
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}", "{}");
    expect("PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'n': {'N': '1.0'}}}",
           "{}");
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}",
           "{'Item': {'id': {'S': 'a'}, 'n': {'N': '1'}}}");
    expect("PutItem",
           "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}}, 'ReturnValues': 'ALL_OLD'}",
           "{'Attributes': {'id': {'S': 'a'}, 'n': {'N': '1'}}}");
    expect("DeleteItem",
           "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'ReturnValues': 'ALL_OLD'}",
           "{'Attributes': {'id': {'S': 'a'}}}");
    expect("DeleteItem",
           "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'ReturnValues': 'ALL_OLD'}", "{}");
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'ConsistentRead': true}",
           "{}");
}

Test(ddb_service, projection_and_capacity)
{
    expect("PutItem",
           "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'm': {'M': {'x': {'N': '1'}, 'y': "
           "{'N': '2'}}}, 'name': {'S': 'n'}}, 'ReturnConsumedCapacity': 'TOTAL'}",
           "{'ConsumedCapacity': {'TableName': 'plain', 'CapacityUnits': 1.0}}");
    expect("GetItem",
           "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'ProjectionExpression': '#n, m.y',"
           " 'ExpressionAttributeNames': {'#n': 'name'}, 'ReturnConsumedCapacity': 'INDEXES'}",
           "{'Item': {'name': {'S': 'n'}, 'm': {'M': {'y': {'N': '2'}}}},"
           " 'ConsumedCapacity': {'TableName': 'plain', 'CapacityUnits': 0.5,"
           " 'Table': {'CapacityUnits': 0.5}}}");
}

Test(ddb_service, update_return_values)
{
    static const char *const cases[][2] = {
        {"NONE", "{}"},
        {"ALL_OLD", "{'Attributes': {'id': {'S': 'a'}, 'n': {'N': '1'}, 'k': {'S': 'keep'}}}"},
        {"UPDATED_OLD", "{'Attributes': {'n': {'N': '1'}}}"},
        {"ALL_NEW", "{'Attributes': {'id': {'S': 'a'}, 'n': {'N': '2'}, 'k': {'S': 'keep'},"
                    " 'new': {'S': 'x'}}}"},
        {"UPDATED_NEW", "{'Attributes': {'n': {'N': '2'}, 'new': {'S': 'x'}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[512];
        expect("PutItem",
               "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'n': {'N': '1'}, 'k': {'S': "
               "'keep'}}}",
               "{}");
        (void)snprintf(input, sizeof input,
                       "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'UpdateExpression': 'SET "
                       "n = n + :o, #new = :x', 'ExpressionAttributeNames': {'#new': 'new'},"
                       " 'ExpressionAttributeValues': {':o': {'N': '1'}, ':x': {'S': 'x'}},"
                       " 'ReturnValues': '%s'}",
                       cases[i][0]);
        expect("UpdateItem", input, cases[i][1]);
    }
}

Test(ddb_service, update_makes_the_item)
{
    expect("UpdateItem",
           "{'TableName': 'sorted', 'Key': {'id': {'S': 'a'}, 'seq': {'N': '1.0'}},"
           " 'ReturnValues': 'ALL_NEW'}",
           "{'Attributes': {'id': {'S': 'a'}, 'seq': {'N': '1'}}}");
    expect("UpdateItem",
           "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'UpdateExpression': 'ADD n :o',"
           " 'ExpressionAttributeValues': {':o': {'N': '5'}}, 'ReturnValues': 'UPDATED_OLD'}",
           "{}");
    fault("UpdateItem",
          "{'TableName': 'plain', 'Key': {'id': {'S': 'ghost'}}, 'UpdateExpression': 'SET n = :o',"
          " 'ConditionExpression': 'attribute_exists(id)',"
          " 'ExpressionAttributeValues': {':o': {'N': '5'}}}",
          "ConditionalCheckFailedException", "The conditional request failed");
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'ghost'}}}", "{}");
}

Test(ddb_service, conditions)
{
    static const char put[] = "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'n': {'N': '%d'}},"
                              " 'ConditionExpression': 'attribute_not_exists(id)'%s}";
    char input[512];
    (void)snprintf(input, sizeof input, put, 1, "");
    expect("PutItem", input, "{}");
    fault("PutItem", input, "ConditionalCheckFailedException", "The conditional request failed");
    (void)snprintf(input, sizeof input, put, 2,
                   ", 'ReturnValuesOnConditionCheckFailure': 'ALL_OLD'");
    struct ddb_answer a = ddb_call(&place, "PutItem", input);
    json_t *wanted = ddb_json("{'Item': {'id': {'S': 'a'}, 'n': {'N': '1'}}}");
    cr_expect_str_eq(a.code, "ConditionalCheckFailedException");
    cr_expect(json_equal(a.extra, wanted));
    json_decref(wanted);
    ddb_answer_free(&a);
    fault("DeleteItem",
          "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'ConditionExpression': 'n > :n',"
          " 'ExpressionAttributeValues': {':n': {'N': '1'}}}",
          "ConditionalCheckFailedException", "");
    expect("DeleteItem",
           "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}, 'ConditionExpression': 'n >= :n',"
           " 'ExpressionAttributeValues': {':n': {'N': '1.00'}}}",
           "{}");
}

struct fault_case {
    const char *operation;
    const char *input;
    const char *code;
    const char *part;
};

#define KEY_A "'Key': {'id': {'S': 'a'}}"
#define ITEM_A "'Item': {'id': {'S': 'a'}}"

static const struct fault_case fault_cases[] = {
    {"Frobnicate", "{}", "UnknownOperationException", "Frobnicate is not offered"},
    {"PutItem", "{'TableName': 'none', " ITEM_A "}", "ResourceNotFoundException",
     "Requested resource not found"},
    {"PutItem", "{" ITEM_A "}", INVALID, "Value null at 'TableName' failed to satisfy constraint"},
    {"PutItem", "{'TableName': 'plain'}", INVALID, "Value null at 'Item'"},
    {"PutItem", "{'TableName': 5, " ITEM_A "}", "SerializationException", "TableName must be"},
    {"PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}}, 'Expected': {}}", INVALID,
     "The parameter Expected is not offered by this local endpoint: use ConditionExpression"},
    {"PutItem", "{'TableName': 'plain', " ITEM_A ", 'Bogus': 1}", INVALID, "Bogus is not known"},
    {"PutItem", "{'TableName': 'plain', " ITEM_A ", 'ReturnValues': 'ALL_NEW'}", INVALID,
     "Value 'ALL_NEW' at 'returnValues' failed to satisfy constraint"},
    {"PutItem", "{'TableName': 'plain', 'Item': {'n': {'N': '1'}}}", INVALID,
     "One or more parameter values were invalid: Missing the key id in the item"},
    {"PutItem", "{'TableName': 'plain', 'Item': {'id': {'N': '1'}}}", INVALID,
     "Type mismatch for key id expected: S actual: N"},
    {"PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': ''}}}", INVALID,
     "cannot contain an empty string value. Key: id"},
    {"PutItem", "{'TableName': 'bytes', 'Item': {'id': {'S': 'x'}, 'seq': {'B': ''}}}", INVALID,
     "cannot contain an empty binary value. Key: seq"},
    {"PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'n': {'N': 'x'}}}", INVALID,
     "cannot be converted to a numeric value: x"},
    {"PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': 'a'}, '': {'S': 'x'}}}", INVALID,
     "name must not be empty"},
    {"GetItem", "{'TableName': 'plain', 'Key': {'id': {'N': '1'}}}", INVALID,
     "The provided key element does not match the schema"},
    {"GetItem", "{'TableName': 'plain', 'Key': {}}", INVALID, "does not match the schema"},
    {"GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}, 'x': {'S': 'a'}}}", INVALID,
     "does not match the schema"},
    {"GetItem", "{'TableName': 'sorted', " KEY_A "}", INVALID, "does not match the schema"},
    {"GetItem", "{'TableName': 'plain', " KEY_A ", 'AttributesToGet': ['id']}", INVALID,
     "use ProjectionExpression"},
    {"GetItem", "{'TableName': 'plain', " KEY_A ", 'ExpressionAttributeNames': {'#a': 'a'}}",
     INVALID, "ExpressionAttributeNames can only be specified when using expressions"},
    {"UpdateItem", "{'TableName': 'plain', " KEY_A ", 'AttributeUpdates': {}}", INVALID,
     "use UpdateExpression"},
    {"UpdateItem",
     "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'SET id = :x',"
     " 'ExpressionAttributeValues': {':x': {'S': 'x'}}}",
     INVALID, "Cannot update attribute id. This attribute is part of the key"},
    {"UpdateItem",
     "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'SET a = :x',"
     " 'ExpressionAttributeValues': {':x': {'S': 'x'}, ':y': {'S': 'y'}}}",
     INVALID, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:y}"},
    {"UpdateItem",
     "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'REMOVE a',"
     " 'ExpressionAttributeNames': {'#x': 'x'}}",
     INVALID, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"},
    {"UpdateItem",
     "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'REMOVE a',"
     " 'ExpressionAttributeNames': {}}",
     INVALID, "ExpressionAttributeNames must not be empty"},
    {"UpdateItem",
     "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'REMOVE a',"
     " 'ExpressionAttributeNames': {'x': 'x'}}",
     INVALID, "ExpressionAttributeNames contains invalid key: Syntax error; key: \"x\""},
    {"UpdateItem",
     "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'SET a = :x',"
     " 'ExpressionAttributeValues': {':x': {'N': 'x'}}}",
     INVALID,
     "ExpressionAttributeValues contains invalid value: The parameter cannot be converted "
     "to a numeric value: x for key :x"},
    {"DeleteItem", "{'TableName': 'plain', " KEY_A ", 'ExpressionAttributeValues': {':x': {}}}",
     INVALID, "can only be specified when using expressions"},
    {"Query", "{'TableName': 'plain', 'KeyConditions': {}}", INVALID, "use KeyConditionExpression"},
    {"Query", "{'TableName': 'plain', 'IndexName': 'x'}", INVALID, "no secondary indexes"},
    {"Query", "{'TableName': 'plain'}", INVALID, "KeyConditionExpression parameter must be"},
    {"Query", "{'TableName': 'plain', 'Limit': 0}", INVALID, "Limit"},
    {"Scan", "{'TableName': 'plain', 'Segment': 0}", INVALID,
     "TotalSegments parameter is required"},
    {"Scan", "{'TableName': 'plain', 'TotalSegments': 2}", INVALID,
     "Segment parameter is required"},
    {"Scan", "{'TableName': 'plain', 'Segment': 2, 'TotalSegments': 2}", INVALID,
     "Segment: 2 is not less than TotalSegments: 2"},
    {"Scan", "{'TableName': 'plain', 'Select': 'ALL_PROJECTED_ATTRIBUTES'}", INVALID, "'select'"},
    {"Scan", "{'TableName': 'plain', 'Select': 'SPECIFIC_ATTRIBUTES'}", INVALID,
     "ProjectionExpression"},
    {"Scan", "{'TableName': 'plain', 'Select': 'COUNT', 'ProjectionExpression': 'id'}", INVALID,
     "Cannot specify the ProjectionExpression"},
    {"Scan", "{'TableName': 'plain', 'ExclusiveStartKey': {'x': {'S': 'y'}}}", INVALID,
     "The provided starting key is invalid"},
};

Test(ddb_service, refusals)
{
    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++)
        fault(fault_cases[i].operation, fault_cases[i].input, fault_cases[i].code,
              fault_cases[i].part);
    expect("Scan", "{'TableName': 'plain'}", "{'Items': [], 'Count': 0, 'ScannedCount': 0}");
}

/* {"id": {"S": "a"}, "v": {"S": "xxx..."}} inside a PutItem input. */
static json_t *big_put(const char *id, size_t len)
{
    char *text = malloc(len + 1);
    cr_assert_not_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    json_t *input = json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "TableName", "plain", "Item", "id",
                              "S", id, "v", "S", text);
    free(text);
    return input;
}

Test(ddb_service, item_size_limit)
{
    enum { LIMIT = 400 * 1024, AROUND = 2 + 1 + 1 };
    for (size_t over = 0; over <= 1; over++) {
        json_t *input = big_put("a", LIMIT - AROUND + over);
        struct ddb_answer a = ddb_call_json(&place, "PutItem", input);
        cr_expect_str_eq(a.code, over ? INVALID : "");
        if (over)
            cr_expect_str_eq(a.message, "Item size has exceeded the maximum allowed size");
        ddb_answer_free(&a);
        json_decref(input);
    }
    fault("UpdateItem",
          "{'TableName': 'plain', " KEY_A ", 'UpdateExpression': 'SET w = :x',"
          " 'ExpressionAttributeValues': {':x': {'S': 'x'}}}",
          INVALID, "Item size to update has exceeded the maximum allowed size");
    expect("GetItem", "{'TableName': 'plain', " KEY_A ", 'ProjectionExpression': 'w'}",
           "{'Item': {}}");
}

Test(ddb_service, key_size_limits)
{
    for (size_t len = 2048; len <= 2049; len++) {
        json_t *input = big_put("", 1);
        char id[2050] = "";
        memset(id, 'k', len);
        json_object_set_new(json_object_get(input, "Item"), "id", json_pack("{s:s}", "S", id));
        struct ddb_answer a = ddb_call_json(&place, "PutItem", input);
        cr_expect_str_eq(a.code, len > 2048 ? INVALID : "", "%s", a.message);
        ddb_answer_free(&a);
        json_decref(input);
    }
}

Test(ddb_service, text_with_nul)
{
    expect("PutItem",
           "{'TableName': 'plain', 'Item': {'id': {'S': 'a\\u0000b'}, 'v': {'S': '\\u0000'}}}",
           "{}");
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a\\u0000b'}}}",
           "{'Item': {'id': {'S': 'a\\u0000b'}, 'v': {'S': '\\u0000'}}}");
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'a'}}}", "{}");
}

/* --- batches and transactions --------------------------------------------------------------- */

Test(ddb_service, batch_write_and_get)
{
    expect("PutItem", "{'TableName': 'plain', 'Item': {'id': {'S': 'old'}}}", "{}");
    expect("BatchWriteItem",
           "{'RequestItems': {'plain': [{'PutRequest': {'Item': {'id': {'S': 'new'}}}},"
           " {'DeleteRequest': {'Key': {'id': {'S': 'old'}}}}],"
           " 'sorted': [{'PutRequest': {'Item': {'id': {'S': 's'}, 'seq': {'N': '7'}}}}]},"
           " 'ReturnConsumedCapacity': 'TOTAL'}",
           "{'UnprocessedItems': {}, 'ConsumedCapacity': [{'TableName': 'plain', 'CapacityUnits': "
           "2.0}, {'TableName': 'sorted', 'CapacityUnits': 1.0}]}");
    expect("BatchGetItem",
           "{'RequestItems': {'plain': {'Keys': [{'id': {'S': 'old'}}, {'id': {'S': 'new'}}]},"
           " 'sorted': {'Keys': [{'id': {'S': 's'}, 'seq': {'N': '7.0'}}],"
           " 'ProjectionExpression': '#s', 'ExpressionAttributeNames': {'#s': 'seq'}}}}",
           "{'Responses': {'plain': [{'id': {'S': 'new'}}], 'sorted': [{'seq': {'N': '7'}}]},"
           " 'UnprocessedKeys': {}}");
}

#define PUT_A "{'PutRequest': {" ITEM_A "}}"

Test(ddb_service, batch_refusals)
{
    static const struct fault_case cases[] = {
        {"BatchWriteItem", "{'RequestItems': {}}", INVALID, "length greater than or equal to 1"},
        {"BatchWriteItem", "{'RequestItems': {'plain': []}}", INVALID, "cannot be null or empty"},
        {"BatchWriteItem", "{'RequestItems': {'plain': [" PUT_A ", " PUT_A "]}}", INVALID,
         "Provided list of item keys contains duplicates"},
        {"BatchWriteItem", "{'RequestItems': {'plain': [{'Frob': {}}]}}", INVALID,
         "exactly one of PutRequest and DeleteRequest"},
        {"BatchWriteItem", "{'RequestItems': {'none': [" PUT_A "]}}", "ResourceNotFoundException",
         "Requested resource not found"},
        {"BatchGetItem", "{'RequestItems': {'plain': {'Keys': []}}}", INVALID, "or none"},
        {"BatchGetItem",
         "{'RequestItems': {'plain': {'Keys': [{'id': {'S': 'a'}}, {'id': {'S': 'a'}}]}}}", INVALID,
         "contains duplicates"},
        {"BatchGetItem", "{'RequestItems': {'plain': {'Keys': [{'x': {'S': 'a'}}]}}}", INVALID,
         "does not match the schema"},
        {"TransactWriteItems", "{'TransactItems': []}", INVALID, "TransactItems"},
        {"TransactWriteItems", "{'TransactItems': [{'Frob': {}}]}", INVALID,
         "can only contain one of Check, Put, Update or Delete"},
        {"TransactWriteItems",
         "{'TransactItems': [{'Put': {'TableName': 'plain', " ITEM_A "}}, {'Delete': {'TableName': "
         "'plain', " KEY_A "}}]}",
         INVALID, "Transaction request cannot include multiple operations on one item"},
        {"TransactWriteItems",
         "{'TransactItems': [{'ConditionCheck': {'TableName': 'plain', " KEY_A "}}]}", INVALID,
         "ConditionExpression"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fault(cases[i].operation, cases[i].input, cases[i].code, cases[i].part);
    json_t *requests = json_array();
    for (int i = 0; i < 26; i++)
        json_array_append_new(requests, json_pack("{s:{s:{s:{s:o}}}}", "PutRequest", "Item", "id",
                                                  "S", json_sprintf("k%d", i)));
    json_t *input = json_pack("{s:{s:o}}", "RequestItems", "plain", requests);
    struct ddb_answer a = ddb_call_json(&place, "BatchWriteItem", input);
    cr_expect_not_null(strstr(a.message, "Too many items requested"));
    ddb_answer_free(&a);
    json_decref(input);
    expect("Scan", "{'TableName': 'plain'}", "{'Items': [], 'Count': 0, 'ScannedCount': 0}");
}

Test(ddb_service, transactions)
{
    expect("TransactWriteItems",
           "{'TransactItems': [{'Put': {'TableName': 'plain', 'Item': {'id': {'S': 'a'}, 'n': {'N':"
           " '1'}}, 'ConditionExpression': 'attribute_not_exists(id)'}},"
           " {'Update': {'TableName': 'sorted', 'Key': {'id': {'S': 's'}, 'seq': {'N': '1'}},"
           " 'UpdateExpression': 'SET v = :v', 'ExpressionAttributeValues': {':v': {'S': 'x'}}}}]}",
           "{}");
    struct ddb_answer a = ddb_call(
        &place, "TransactWriteItems",
        "{'TransactItems': [{'Delete': {'TableName': 'sorted', 'Key': {'id': {'S': 's'}, 'seq': "
        "{'N': '1'}}}}, {'ConditionCheck': {'TableName': 'plain', " KEY_A
        ", 'ConditionExpression': 'n = :n', 'ExpressionAttributeValues': {':n': {'N': '2'}},"
        " 'ReturnValuesOnConditionCheckFailure': 'ALL_OLD'}},"
        " {'Update': {'TableName': 'plain', 'Key': {'id': {'S': 'b'}}, 'UpdateExpression':"
        " 'SET n = m'}}]}");
    json_t *wanted = ddb_json(
        "{'CancellationReasons': [{'Code': 'None'}, {'Code': 'ConditionalCheckFailed', 'Message': "
        "'The conditional request failed', 'Item': {'id': {'S': 'a'}, 'n': {'N': '1'}}},"
        " {'Code': 'ValidationError', 'Message': 'The provided expression refers to an attribute "
        "that does not exist in the item'}]}");
    cr_expect_str_eq(a.code, "TransactionCanceledException");
    cr_expect_str_eq(
        a.message, "Transaction cancelled, please refer cancellation reasons for specific reasons "
                   "[None, ConditionalCheckFailed, ValidationError]");
    cr_expect(json_equal(a.extra, wanted));
    json_decref(wanted);
    ddb_answer_free(&a);
    expect("TransactGetItems",
           "{'TransactItems': [{'Get': {'TableName': 'sorted', 'Key': {'id': {'S': 's'}, 'seq': "
           "{'N': '1'}}}}, {'Get': {'TableName': 'plain', 'Key': {'id': {'S': 'b'}}}}]}",
           "{'Responses': [{'Item': {'id': {'S': 's'}, 'seq': {'N': '1'}, 'v': {'S': 'x'}}}, {}]}");
}

Test(ddb_service, transaction_tokens)
{
    static const char add[] =
        "{'ClientRequestToken': 'tok', 'TransactItems': [{'Update': {'TableName': 'plain', " KEY_A
        ", 'UpdateExpression': 'ADD n :n', 'ExpressionAttributeValues': {':n': {'N': '%d'}}}}]}";
    char input[512];
    (void)snprintf(input, sizeof input, add, 5);
    expect("TransactWriteItems", input, "{}");
    expect("TransactWriteItems", input, "{}");
    ddb_place_reopen(&place);
    expect("TransactWriteItems", input, "{}");
    expect("GetItem", "{'TableName': 'plain', " KEY_A "}",
           "{'Item': {'id': {'S': 'a'}, 'n': {'N': '5'}}}");
    (void)snprintf(input, sizeof input, add, 6);
    fault("TransactWriteItems", input, "IdempotentParameterMismatchException", "");
}

/* --- tables --------------------------------------------------------------------------------- */

#define TABLE_T                                                                                    \
    "{'TableName': 'tee', 'AttributeDefinitions': [{'AttributeName': 'h', 'AttributeType': 'S'},"  \
    " {'AttributeName': 'r', 'AttributeType': 'N'}], 'KeySchema': [{'AttributeName': 'h',"         \
    " 'KeyType': 'HASH'}, {'AttributeName': 'r', 'KeyType': 'RANGE'}], 'ProvisionedThroughput':"   \
    " {'ReadCapacityUnits': 5, 'WriteCapacityUnits': 6}, 'StreamSpecification': {'StreamEnabled':" \
    " true, 'StreamViewType': 'NEW_IMAGE'}}"

static void expect_member(json_t *object, const char *name, const char *wanted)
{
    json_t *value = ddb_json(wanted);
    char *text = json_dumps(json_object_get(object, name), JSON_ENCODE_ANY);
    cr_expect(json_equal(json_object_get(object, name), value), "%s is %s", name, text);
    free(text);
    json_decref(value);
}

Test(ddb_service, tables_live_and_die)
{
    expect("CreateTable", TABLE_T, NULL);
    fault("CreateTable", TABLE_T, "ResourceInUseException", "Table already exists: tee");
    expect("PutItem",
           "{'TableName': 'tee', 'Item': {'h': {'S': 'a'}, 'r': {'N': '1'}, 'v': {'S': '123'}}}",
           "{}");
    ddb_place_reopen(&place);
    struct ddb_answer a = ddb_call(&place, "DescribeTable", "{'TableName': 'tee'}");
    json_t *table = json_object_get(a.output, "Table");
    expect_member(table, "TableName", "'tee'");
    expect_member(table, "TableStatus", "'ACTIVE'");
    expect_member(table, "TableArn", "'arn:aws:dynamodb:eu-west-1:000000000000:table/tee'");
    expect_member(table, "ItemCount", "1");
    expect_member(table, "TableSizeBytes", "9");
    expect_member(table, "KeySchema",
                  "[{'AttributeName': 'h', 'KeyType': 'HASH'}, {'AttributeName': 'r', 'KeyType': "
                  "'RANGE'}]");
    expect_member(table, "ProvisionedThroughput",
                  "{'NumberOfDecreasesToday': 0, 'ReadCapacityUnits': 5, 'WriteCapacityUnits': 6}");
    expect_member(table, "StreamSpecification",
                  "{'StreamEnabled': true, 'StreamViewType': 'NEW_IMAGE'}");
    cr_expect(json_is_real(json_object_get(table, "CreationDateTime")));
    ddb_answer_free(&a);
    expect("DeleteTable", "{'TableName': 'tee'}", NULL);
    fault("DescribeTable", "{'TableName': 'tee'}", "ResourceNotFoundException",
          "Requested resource not found: Table: tee not found");
    fault("DeleteTable", "{'TableName': 'tee'}", "ResourceNotFoundException", "tee not found");
    expect("CreateTable", TABLE_T, NULL);
    expect("Scan", "{'TableName': 'tee'}", "{'Items': [], 'Count': 0, 'ScannedCount': 0}");
}

Test(ddb_service, table_lists)
{
    expect("ListTables", "{}", "{'TableNames': ['bytes', 'plain', 'sorted']}");
    expect("ListTables", "{'Limit': 2}",
           "{'TableNames': ['bytes', 'plain'], 'LastEvaluatedTableName': 'plain'}");
    expect("ListTables", "{'Limit': 2, 'ExclusiveStartTableName': 'plain'}",
           "{'TableNames': ['sorted']}");
    expect("ListTables", "{'ExclusiveStartTableName': 'p'}", "{'TableNames': ['plain', 'sorted']}");
    fault("ListTables", "{'Limit': 101}", INVALID, "Limit");
}

#define ATTR(name, type) "{'AttributeName': '" name "', 'AttributeType': '" type "'}"
#define KEY(name, type) "{'AttributeName': '" name "', 'KeyType': '" type "'}"
#define TABLE(name, attributes, keys, more)                                                        \
    "{'TableName': '" name "', 'AttributeDefinitions': [" attributes "], 'KeySchema': [" keys      \
    "]" more "}"
#define ON_DEMAND ", 'BillingMode': 'PAY_PER_REQUEST'"

Test(ddb_service, table_refusals)
{
    static const char *const cases[][2] = {
        {TABLE("no", ATTR("h", "S"), KEY("h", "HASH"), ON_DEMAND), "Invalid table/index name"},
        {TABLE("a b c", ATTR("h", "S"), KEY("h", "HASH"), ON_DEMAND), "Invalid table/index name"},
        {TABLE("tee", ATTR("h", "S"), "", ON_DEMAND), "1 or 2 elements"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "RANGE"), ON_DEMAND), "not a HASH key type"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH") "," KEY("h", "HASH"), ON_DEMAND),
         "not a RANGE key type"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH") "," KEY("h", "RANGE"), ON_DEMAND),
         "have the same name"},
        {TABLE("tee", ATTR("x", "S"), KEY("h", "HASH"), ON_DEMAND), "not defined in"},
        {TABLE("tee", ATTR("h", "S") "," ATTR("x", "S"), KEY("h", "HASH"), ON_DEMAND),
         "Number of attributes in KeySchema"},
        {TABLE("tee", ATTR("h", "BOOL"), KEY("h", "HASH"), ON_DEMAND), "enum value set: [B, N, S]"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH"), ""), "must both be specified"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH"),
               ON_DEMAND ", 'ProvisionedThroughput': {'ReadCapacityUnits': 1, "
                         "'WriteCapacityUnits': 1}"),
         "Neither ReadCapacityUnits nor WriteCapacityUnits"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH"), ON_DEMAND ", 'GlobalSecondaryIndexes': []"),
         "not offered by this local endpoint: tables have no secondary indexes"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH"),
               ON_DEMAND ", 'StreamSpecification': {'StreamEnabled': true}"),
         "StreamViewType must be"},
        {TABLE("tee", ATTR("h", "S"), KEY("h", "HASH"), ON_DEMAND ", 'Tags': []"),
         "The parameter Tags is not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fault("CreateTable", cases[i][0], INVALID, cases[i][1]);
    fault("DescribeTable", "{'TableName': 'tee'}", "ResourceNotFoundException", "");
}

Test(ddb_service, time_to_live)
{
    static const char change[] = "{'TableName': 'plain', 'TimeToLiveSpecification': {'Enabled': %s,"
                                 " 'AttributeName': 'expires'}}";
    char input[256];
    expect("DescribeTimeToLive", "{'TableName': 'plain'}",
           "{'TimeToLiveDescription': {'TimeToLiveStatus': 'DISABLED'}}");
    (void)snprintf(input, sizeof input, change, "true");
    expect("UpdateTimeToLive", input,
           "{'TimeToLiveSpecification': {'Enabled': true, 'AttributeName': 'expires'}}");
    fault("UpdateTimeToLive", input, INVALID, "TimeToLive is already enabled");
    ddb_place_reopen(&place);
    expect("DescribeTimeToLive", "{'TableName': 'plain'}",
           "{'TimeToLiveDescription': {'TimeToLiveStatus': 'ENABLED', 'AttributeName': "
           "'expires'}}");
    (void)snprintf(input, sizeof input, change, "false");
    expect("UpdateTimeToLive", input, NULL);
    expect("DescribeTimeToLive", "{'TableName': 'plain'}",
           "{'TimeToLiveDescription': {'TimeToLiveStatus': 'DISABLED'}}");
}

/* The writer looks for expired items before its first job, and reopening gives it one. */
Test(ddb_service, expired_items_go)
{
    char past[40];
    const struct {
        const char *id;
        const char *value;
        bool stays;
    } cases[] = {
        {"an hour ago", past, false},
        {"no number", "{'S': 'x'}", true},
        {"future", "{'N': '99999999999'}", true},
        {"more than five years ago", "{'N': '1000'}", true},
        {"a time as text", "{'S': '1700000000'}", true},
    };
    (void)snprintf(past, sizeof past, "{'N': '%lld.5'}",
                   (long long)(clock_wall(clock_system()) / CLOCK_SECOND - 3600));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[256];
        (void)snprintf(input, sizeof input,
                       "{'TableName': 'plain', 'Item': {'id': {'S': '%s'}, 'it.ends': %s}}",
                       cases[i].id, cases[i].value);
        expect("PutItem", input, "{}");
    }
    fault("UpdateTimeToLive",
          "{'TableName': 'plain', 'TimeToLiveSpecification': {'Enabled': true, 'AttributeName': "
          "'a\\'b'}}",
          INVALID, "not offered");
    expect("UpdateTimeToLive",
           "{'TableName': 'plain', 'TimeToLiveSpecification': {'Enabled': true, 'AttributeName': "
           "'it.ends'}}",
           NULL);
    ddb_place_reopen(&place);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[256];
        (void)snprintf(input, sizeof input, "{'TableName': 'plain', 'Key': {'id': {'S': '%s'}}}",
                       cases[i].id);
        struct ddb_answer a = ddb_call(&place, "GetItem", input);
        cr_expect_eq(json_object_get(a.output, "Item") != NULL, cases[i].stays, "%s", cases[i].id);
        ddb_answer_free(&a);
    }
}

/* --- durability and threads ----------------------------------------------------------------- */

Test(ddb_service, items_survive_reopening)
{
    expect("PutItem",
           "{'TableName': 'sorted', 'Item': {'id': {'S': 'a'}, 'seq': {'N': '1e2'}, 'v': {'M': "
           "{'l': {'L': [{'NULL': true}]}}}}}",
           "{}");
    ddb_place_reopen(&place);
    expect("GetItem", "{'TableName': 'sorted', 'Key': {'id': {'S': 'a'}, 'seq': {'N': '100'}}}",
           "{'Item': {'id': {'S': 'a'}, 'seq': {'N': '100'}, 'v': {'M': {'l': {'L': [{'NULL': "
           "true}]}}}}}");
}

Test(ddb_service, second_ensure_changes_nothing)
{
    struct error err = {0};
    cr_expect_eq(local_dynamodb_ensure_table(place.d, "plain", "other", 'N', NULL, 0, &err), 0);
    expect("PutItem", "{'TableName': 'plain', " ITEM_A "}", "{}");
    cr_expect_eq(local_dynamodb_ensure_table(place.d, "x", "id", 'S', NULL, 0, &err), -1);
    cr_expect_not_null(strstr(err.message, "Invalid table/index name"), "%s", err.message);
}

Test(ddb_service, a_damaged_file_is_refused)
{
    struct error err = {0};
    const struct local_dynamodb_options options = {
        .path = place.file, .region = "r", .clock = clock_system()};
    place.d = local_dynamodb_close(place.d);
    cr_assert_eq(truncate(place.file, 5000), 0);
    cr_expect_null(local_dynamodb_open(&options, &err));
    cr_expect_not_null(strstr(err.message, "move it away or restore it"), "%s", err.message);
}

enum { THREADS = 8, ROUNDS = 100 };

static void *increment(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        expect("UpdateItem",
               "{'TableName': 'plain', 'Key': {'id': {'S': 'counter'}},"
               " 'UpdateExpression': 'ADD n :one', 'ExpressionAttributeValues': {':one': {'N': "
               "'1'}}}",
               "{}");
    return NULL;
}

/* Only one of all threads may take each number. */
static void *take_numbers(void *arg)
{
    int *taken = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char input[256];
        (void)snprintf(input, sizeof input,
                       "{'TableName': 'sorted', 'Item': {'id': {'S': 't'}, 'seq': {'N': '%d'}},"
                       " 'ConditionExpression': 'attribute_not_exists(id)'}",
                       i);
        struct ddb_answer a = ddb_call(&place, "PutItem", input);
        *taken += a.code[0] == '\0';
        ddb_answer_free(&a);
    }
    return NULL;
}

Test(ddb_service, many_threads)
{
    pthread_t threads[2 * THREADS];
    int taken[THREADS] = {0};
    int sum = 0;
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[2 * i], NULL, increment, NULL), 0);
        cr_assert_eq(pthread_create(&threads[2 * i + 1], NULL, take_numbers, &taken[i]), 0);
    }
    for (int i = 0; i < 2 * THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        sum += taken[i];
    cr_expect_eq(sum, ROUNDS);
    expect("GetItem", "{'TableName': 'plain', 'Key': {'id': {'S': 'counter'}}}",
           "{'Item': {'id': {'S': 'counter'}, 'n': {'N': '800'}}}");
}
