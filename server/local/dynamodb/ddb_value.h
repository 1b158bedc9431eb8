/* ddb_value: attribute values ({"S": "x"}): check, normal form, comparison, sets. Pure functions.
 *
 * Values come in through ddb_value_normal or ddb_item_normal; everything behind that relies on the
 * normal form: exactly one known type, numbers in their one plain spelling, base64 in its one
 * spelling, sets without duplicates. So equal scalars have equal texts. Values are never changed
 * once made; trees share parts by reference. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_VALUE_H
#define STEPFLEET_DDB_VALUE_H

#include "server/local/dynamodb/ddb_fault.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The types that can be keys come first, and B is the last of them: `<= DDB_B` is relied on. */
enum ddb_type {
    DDB_S,
    DDB_N,
    DDB_B,
    DDB_BOOL,
    DDB_NULL,
    DDB_M,
    DDB_L,
    DDB_SS,
    DDB_NS,
    DDB_BS,
    DDB_NO_TYPE
};

/* https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
enum { DDB_ITEM_MAX = 400 * 1024, DDB_NESTING_MAX = 32 };

/* "S", "NS" ... and back (DDB_NO_TYPE for an unknown name). */
const char *ddb_type_name(enum ddb_type type);
/* DDB_NO_TYPE for a name that is none. */
enum ddb_type ddb_type_named(const char *name);
static inline bool ddb_type_is_set(enum ddb_type type)
{
    return type == DDB_SS || type == DDB_NS || type == DDB_BS;
}

/* Checks a value and gives its normal form, a new reference (often the same tree). Adds its bytes,
 * counted as DynamoDB does, to *size. NULL with ValidationException or SerializationException. */
json_t *ddb_value_normal(json_t *value, size_t *size, struct ddb_fault *f);
/* The same for an item (names to values); sets *size to the item's size. Does not judge it. */
json_t *ddb_item_normal(json_t *item, size_t *size, struct ddb_fault *f);

/* From here on values are in normal form. NULL is answered as DDB_NO_TYPE and NULL. */
enum ddb_type ddb_type_of(json_t *value);
/* What stands behind the type's name; borrowed. */
json_t *ddb_content(json_t *value); /* what is behind the type's name, borrowed */

/* {"S": text} and so on; takes content over (NULL allowed); NULL when memory is out. */
json_t *ddb_value_new(enum ddb_type type, json_t *content);

/* 1 equal, 0 different, -1 memory is out. Sets are equal in any order. */
int ddb_value_equal(json_t *a, json_t *b);
/* Orders two values of one type S, N or B. False if they cannot be ordered. */
bool ddb_value_compare(json_t *a, json_t *b, int *order);
/* The condition functions; 1, 0, or -1 when memory is out. */
int ddb_value_contains(json_t *value, json_t *part);
/* Strings and binaries of one type only; anything else does not begin with it. */
int ddb_value_begins_with(json_t *value, json_t *prefix);
/* The function size: characters, bytes or elements; -1 for types that have no size. */
long long ddb_value_length(json_t *value);

/* a + b or a - b of two N values; a new reference, NULL with a fault. */
json_t *ddb_value_sum(json_t *a, json_t *b, bool subtract, struct ddb_fault *f);
/* The union (remove: the difference) of two sets of one type; a new reference. */
json_t *ddb_set_combine(json_t *set, json_t *other, bool remove, struct ddb_fault *f);

#endif
