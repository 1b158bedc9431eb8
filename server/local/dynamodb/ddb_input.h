/* ddb_input: reading the parameters of operations by tables. What an operation's table does not
 * name is refused, never ignored. Pure. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_INPUT_H
#define STEPFLEET_DDB_INPUT_H

#include "lib/json/json_read.h"
#include "server/local/dynamodb/ddb_fault.h"

#include <stdbool.h>
#include <stdint.h>

/* The parameters that item operations, Query and Scan know between them; all borrowed. */
struct ddb_input {
    const char *table;
    json_t *item;
    json_t *key;
    json_t *names;
    json_t *values;
    const char *condition;
    const char *update;
    const char *projection;
    const char *key_condition;
    const char *filter;
    const char *return_values;
    const char *on_failure; /* ReturnValuesOnConditionCheckFailure */
    const char *capacity;   /* ReturnConsumedCapacity */
    const char *metrics;    /* ReturnItemCollectionMetrics: there are none to return */
    const char *select;
    json_t *start; /* ExclusiveStartKey */
    bool consistent;
    bool forward;
    int64_t limit;
    int64_t segment;
    int64_t total_segments;
};

#define DDB_OPTIONAL(name, type, member)                                                           \
    {                                                                                              \
        name, type, false, offsetof(struct ddb_input, member), 0, 0                                \
    }
#define DDB_REQUIRED(name, type, member)                                                           \
    {                                                                                              \
        name, type, true, offsetof(struct ddb_input, member), 0, 0                                 \
    }

/* What every operation with expressions knows. */
#define DDB_EXPRESSION_FIELDS                                                                      \
    DDB_REQUIRED("TableName", FIELD_STRING, table),                                                \
        DDB_OPTIONAL("ExpressionAttributeNames", FIELD_OBJECT, names),                             \
        DDB_OPTIONAL("ExpressionAttributeValues", FIELD_OBJECT, values)

/* Fills *out by the table. -1 with ValidationException or SerializationException. */
int ddb_input_read(const struct field *fields, size_t count, json_t *input, void *out,
                   struct ddb_fault *f);

/* -1 unless `value` is NULL or one of the words ("NONE|ALL_OLD"). `member` is its wire name. */
int ddb_input_word(const char *value, const char *member, const char *words, struct ddb_fault *f);

/* A ConsumedCapacity object of `units`, or NULL if `mode` (ReturnConsumedCapacity) asks for none.
 */
json_t *ddb_capacity(const char *mode, const char *table, double units);
/* Units of a read or write of this many bytes. */
double ddb_read_units(size_t size, bool consistent);
/* One unit for each started KB. */
double ddb_write_units(size_t size);

#endif
