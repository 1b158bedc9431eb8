/* dynamodb: building DynamoDB calls and reading their answers. Pure functions, any thread.
 *
 * Items are json_t objects in DynamoDB's own form ({"name": {"S": "x"}}). Builders borrow all
 * json_t arguments and fill a struct aws_request that the caller sends or frees. */
#ifndef STEPFLEET_AWS_DYNAMODB_H
#define STEPFLEET_AWS_DYNAMODB_H

#include "lib/aws/answer_list.h"

/* {"S": text}; a new reference, NULL when memory is out or text is not UTF-8. */
json_t *dynamodb_s(const char *text);
/* {"N": "number"}; a new reference, NULL when memory is out. */
json_t *dynamodb_n(int64_t number);
/* The string of an S member, borrowed; the fallback if the item (or NULL) has no such member. */
const char *dynamodb_get_s(const json_t *item, const char *name, const char *fallback);
/* The integer of an N member; the fallback if it is absent, fractional or out of range. */
int64_t dynamodb_get_n(const json_t *item, const char *name, int64_t fallback);
/* The same of an item that is text. */
int64_t dynamodb_slice_n(const struct json_slice *item, const char *name, int64_t fallback);
/* The same of the text of an N; NULL: the fallback. */
int64_t dynamodb_number(const char *text, int64_t fallback);

/* What an attribute of an item is, as far as it is S or N. */
struct dynamodb_value {
    bool is_s, is_n, twice; /* twice: one of them is there two times */
    struct json_text s, n;
};
/* Passes over the attribute's value at hand. */
void dynamodb_value_read(struct json_pull *p, struct dynamodb_value *out);

/* DescribeTable. */
int dynamodb_describe_table(struct aws_request *r, const char *table, struct error *err);
struct dynamodb_key {
    const char *name; /* "" if the table has no such key */
    const char *type; /* S, N or B */
};
/* Texts are borrowed from the response's json. */
struct dynamodb_table {
    const char *status; /* ACTIVE, CREATING, UPDATING ... */
    struct dynamodb_key hash;
    struct dynamodb_key range;
    const char *stream; /* NEW_IMAGE ...; NULL: no stream */
};
/* -1 with ERR_SYNTAX if the answer has no TableStatus. */
int dynamodb_table_read(const struct aws_response *response, struct dynamodb_table *out,
                        struct error *err);

/* Members that are NULL are left out of the call. */
struct dynamodb_put {
    const char *table;
    json_t *item;
    const char *condition;
    json_t *names;  /* ExpressionAttributeNames */
    json_t *values; /* ExpressionAttributeValues */
};
/* PutItem. -1 with ERR_LIMIT or ERR_MEMORY and an empty request, as all builders here. */
int dynamodb_put_item(struct aws_request *r, const struct dynamodb_put *in, struct error *err);

struct dynamodb_update {
    const char *table;
    json_t *key;
    const char *update;
    const char *condition;
    json_t *names;
    json_t *values;
    const char *return_values;            /* ALL_NEW ... */
    bool return_old_on_condition_failure; /* ReturnValuesOnConditionCheckFailure ALL_OLD */
};
/* UpdateItem: creates the item unless the condition forbids it. */
int dynamodb_update_item(struct aws_request *r, const struct dynamodb_update *in,
                         struct error *err);

/* GetItem of a whole item. */
int dynamodb_get_item(struct aws_request *r, const char *table, json_t *key, bool consistent,
                      struct error *err);
/* The Item of a GetItem answer (borrowed), or NULL when there is none. */
json_t *dynamodb_item(const struct aws_response *response);

struct dynamodb_query {
    const char *table;
    const char *key_condition;
    const char *filter;
    const char *projection;
    json_t *names;
    json_t *values;
    json_t *start_key; /* LastEvaluatedKey of the page before */
    int64_t limit;     /* 0: none */
    bool consistent;
};
/* Query of one page; go on while dynamodb_last_key tells one (pages may be empty). */
int dynamodb_query(struct aws_request *r, const struct dynamodb_query *in, struct error *err);
/* Items of a Query answer, borrowed; NULL if there are none. */
json_t *dynamodb_items(const struct aws_response *response);
/* Where the next page starts, borrowed; NULL on the last page. */
json_t *dynamodb_last_key(const struct aws_response *response);

/* The same of an answer that was asked for as text: items one by one, from list.pull. */
struct dynamodb_page {
    struct answer_list list;
};
/* Begins before the first item. The answer is borrowed until the page is done with. */
void dynamodb_page_open(struct dynamodb_page *page, const struct aws_response *response);
/* As answer_list_next. */
bool dynamodb_page_next(struct dynamodb_page *page);
/* *key: where the next page starts, a new reference; NULL on the last page. -1 with *key NULL:
 * ERR_SYNTAX, ERR_MEMORY. */
int dynamodb_page_end(struct dynamodb_page *page, json_t **key, struct error *err);

#endif
