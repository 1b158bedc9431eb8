/* Bodies are written straight into the request's buffer; only the caller's items are json_t. */
#include "lib/aws/dynamodb.h"

#include "lib/aws/request.h"
#include "lib/json/json_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *dynamodb_s(const char *text)
{
    return json_pack("{s:s}", "S", text);
}

json_t *dynamodb_n(int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    return json_pack("{s:s}", "N", text);
}

const char *dynamodb_get_s(const json_t *item, const char *name, const char *fallback)
{
    return json_str(json_object_get(item, name), "S", fallback);
}

int64_t dynamodb_get_n(const json_t *item, const char *name, int64_t fallback)
{
    return dynamodb_number(json_str(json_object_get(item, name), "N", NULL), fallback);
}

/* Numbers come as text; a fraction or more than 64 bits counts as no number of ours. */
int64_t dynamodb_number(const char *text, int64_t fallback)
{
    char *end = NULL;
    if (!text || !*text)
        return fallback;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno || *end ? fallback : value;
}

void dynamodb_value_read(struct json_pull *p, struct dynamodb_value *out)
{
    struct json_text type;
    *out = (struct dynamodb_value){0};
    if (jp_peek(p) != JP_OBJECT) {
        jp_skip(p);
        return;
    }
    jp_enter(p);
    while (jp_member(p, &type)) {
        if (JSON_TEXT_IS(&type, "S")) {
            out->twice = out->twice || out->is_s;
            out->is_s = jp_text(p, &out->s);
        } else if (JSON_TEXT_IS(&type, "N")) {
            out->twice = out->twice || out->is_n;
            out->is_n = jp_text(p, &out->n);
        } else {
            jp_skip(p);
        }
    }
}

/* A number of ours has at most twenty characters. */
int64_t dynamodb_slice_n(const struct json_slice *item, const char *name, int64_t fallback)
{
    struct json_pull p;
    struct json_text attribute;
    struct dynamodb_value value;
    char text[64];
    int64_t number = fallback;
    jp_init(&p, item->text, item->len);
    if (jp_peek(&p) != JP_OBJECT)
        return fallback;
    jp_enter(&p);
    while (jp_member(&p, &attribute)) {
        const bool wanted = json_text_is(&attribute, name, strlen(name));
        dynamodb_value_read(&p, &value);
        if (wanted && value.is_n && json_text_fit(&value.n, text, sizeof text))
            number = dynamodb_number(text, fallback);
    }
    return number;
}

/* Opens the body with the table's name, which all operations have. */
static void begin(struct json_writer *w, struct buf *body, const char *table)
{
    aws_body_begin(w, body);
    jw_str(w, "TableName", table);
}

int dynamodb_describe_table(struct aws_request *r, const char *table, struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, table);
    return aws_body_end(&w, r, AWS_DYNAMODB, "DescribeTable", err);
}

/* The element of an array whose member `name` is `value`; NULL if there is none. */
static const json_t *find(const json_t *array, const char *name, const char *value)
{
    size_t i;
    const json_t *item;
    json_array_foreach (array, i, item) {
        if (strcmp(json_str(item, name, ""), value) == 0)
            return item;
    }
    return NULL;
}

/* The schema tells the key's name, its type stands among the attributes. */
static struct dynamodb_key read_key(const json_t *table, const char *kind)
{
    const json_t *schema = json_object_get(table, "KeySchema");
    const json_t *attributes = json_object_get(table, "AttributeDefinitions");
    const char *name = json_str(find(schema, "KeyType", kind), "AttributeName", "");
    const json_t *attribute = find(attributes, "AttributeName", name);
    return (struct dynamodb_key){.name = name, .type = json_str(attribute, "AttributeType", "")};
}

int dynamodb_table_read(const struct aws_response *response, struct dynamodb_table *out,
                        struct error *err)
{
    const json_t *table = json_object_get(response->json, "Table");
    const json_t *stream = json_object_get(table, "StreamSpecification");
    bool on = json_bool(stream, "StreamEnabled", false);
    *out = (struct dynamodb_table){
        .status = json_str(table, "TableStatus", NULL),
        .hash = read_key(table, "HASH"),
        .range = read_key(table, "RANGE"),
        .stream = on ? json_str(stream, "StreamViewType", "on") : NULL,
    };
    return out->status ? 0 : err_set(err, ERR_SYNTAX, "DescribeTable answered without a status");
}

int dynamodb_put_item(struct aws_request *r, const struct dynamodb_put *in, struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, in->table);
    jw_json(&w, "Item", in->item);
    aws_body_str(&w, "ConditionExpression", in->condition);
    aws_body_json(&w, "ExpressionAttributeNames", in->names);
    aws_body_json(&w, "ExpressionAttributeValues", in->values);
    return aws_body_end(&w, r, AWS_DYNAMODB, "PutItem", err);
}

int dynamodb_update_item(struct aws_request *r, const struct dynamodb_update *in, struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, in->table);
    jw_json(&w, "Key", in->key);
    aws_body_str(&w, "UpdateExpression", in->update);
    aws_body_str(&w, "ConditionExpression", in->condition);
    aws_body_json(&w, "ExpressionAttributeNames", in->names);
    aws_body_json(&w, "ExpressionAttributeValues", in->values);
    aws_body_str(&w, "ReturnValues", in->return_values);
    if (in->return_old_on_condition_failure)
        jw_str(&w, "ReturnValuesOnConditionCheckFailure", "ALL_OLD");
    return aws_body_end(&w, r, AWS_DYNAMODB, "UpdateItem", err);
}

int dynamodb_get_item(struct aws_request *r, const char *table, json_t *key, bool consistent,
                      struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, table);
    jw_json(&w, "Key", key);
    jw_bool(&w, "ConsistentRead", consistent);
    return aws_body_end(&w, r, AWS_DYNAMODB, "GetItem", err);
}

json_t *dynamodb_item(const struct aws_response *response)
{
    json_t *item = json_object_get(response->json, "Item");
    return json_is_object(item) ? item : NULL;
}

int dynamodb_query(struct aws_request *r, const struct dynamodb_query *in, struct error *err)
{
    struct json_writer w;
    struct buf body;
    begin(&w, &body, in->table);
    aws_body_str(&w, "KeyConditionExpression", in->key_condition);
    aws_body_str(&w, "FilterExpression", in->filter);
    aws_body_str(&w, "ProjectionExpression", in->projection);
    aws_body_json(&w, "ExpressionAttributeNames", in->names);
    aws_body_json(&w, "ExpressionAttributeValues", in->values);
    aws_body_json(&w, "ExclusiveStartKey", in->start_key);
    if (in->limit > 0)
        jw_int(&w, "Limit", in->limit);
    jw_bool(&w, "ConsistentRead", in->consistent);
    return aws_body_end(&w, r, AWS_DYNAMODB, "Query", err);
}

json_t *dynamodb_items(const struct aws_response *response)
{
    return aws_answer_array(response, "Items");
}

json_t *dynamodb_last_key(const struct aws_response *response)
{
    json_t *key = json_object_get(response->json, "LastEvaluatedKey");
    return json_is_object(key) ? key : NULL;
}

void dynamodb_page_open(struct dynamodb_page *page, const struct aws_response *response)
{
    answer_list_open(&page->list, response, "Items", "LastEvaluatedKey");
}

bool dynamodb_page_next(struct dynamodb_page *page)
{
    return answer_list_next(&page->list);
}

/* The key goes back as it came, so that it becomes a tree. */
int dynamodb_page_end(struct dynamodb_page *page, json_t **key, struct error *err)
{
    const struct json_slice *last = &page->list.marked;
    *key = NULL;
    if (answer_list_end(&page->list, err))
        return -1;
    return last->text && *last->text == '{' ? json_parse(last->text, last->len, key, err) : 0;
}
