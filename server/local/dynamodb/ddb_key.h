/* ddb_key: primary keys as bytes whose memcmp order is DynamoDB's order. Pure functions.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_KEY_H
#define STEPFLEET_DDB_KEY_H

#include "server/local/dynamodb/ddb_value.h"

#include <stdint.h>

enum {
    DDB_HASH_MAX = 2048,
    DDB_RANGE_MAX = 1024,
    DDB_HASH_ROOM = DDB_HASH_MAX,
    DDB_RANGE_ROOM = DDB_RANGE_MAX + 1 /* a bound may have one byte more than a key */
};

/* Names are borrowed from the table's definition. */
struct ddb_schema {
    const char *hash;        /* attribute names */
    const char *range;       /* NULL: the table has none */
    enum ddb_type hash_type; /* S, N or B */
    enum ddb_type range_type;
};

/* A key as it is stored. `slot` spreads hash keys evenly over 32 bits; scans go by it. */
struct ddb_key {
    uint32_t slot;
    size_t hash_len;
    size_t range_len;
    unsigned char hash[DDB_HASH_ROOM];
    unsigned char range[DDB_RANGE_ROOM];
};

/* Reads the key out of an item (PutItem) in normal form. */
int ddb_key_of_item(const struct ddb_schema *schema, json_t *item, struct ddb_key *key,
                    struct ddb_fault *f);
/* Reads a Key parameter in normal form: exactly the key's attributes. */
int ddb_key_of_key(const struct ddb_schema *schema, json_t *map, struct ddb_key *key,
                   struct ddb_fault *f);

/* The two halves on their own, for key conditions; `value` is in normal form. */
int ddb_key_hash(const struct ddb_schema *schema, json_t *value, struct ddb_key *key,
                 struct ddb_fault *f);
/* Writes the range key only; the type must be that of the schema. */
int ddb_key_range(const struct ddb_schema *schema, json_t *value, struct ddb_key *key,
                  struct ddb_fault *f);

/* The key's attributes of an item; a new reference, NULL when memory is out. */
json_t *ddb_key_attributes(const struct ddb_schema *schema, json_t *item);
/* Byte by byte, both halves. */
bool ddb_key_equal(const struct ddb_key *a, const struct ddb_key *b);
/* True if `name` is one of the key's attributes. */
bool ddb_schema_has(const struct ddb_schema *schema, const char *name);

#endif
