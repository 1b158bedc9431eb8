/* Strings and binaries are stored as they are, numbers by ddb_number_key: SQLite then compares keys
 * as DynamoDB would.
 *
 * A key is one hash half and one range half ("" when the table has none). The slot, a checksum of
 * the hash half, comes first in the primary key: a scan meets hash keys in an order that tells
 * nothing, as in DynamoDB, and parallel scans share the slots out. */
#include "server/local/dynamodb/ddb_key.h"

#include "lib/crypto/crypto.h"
#include "server/local/dynamodb/ddb_number.h"

#include <string.h>

/* One half of a key: where it goes, and what its limits are. */
struct half {
    const char *name;
    enum ddb_type type;
    unsigned char *out;
    size_t *len;
    size_t max;
};

/* Where the hash half of a key is written. */
static struct half hash_half(const struct ddb_schema *schema, struct ddb_key *key)
{
    return (struct half){schema->hash, schema->hash_type, key->hash, &key->hash_len, DDB_HASH_MAX};
}

/* The same for the range half; only called when the schema has one, or its name is not looked
 * at. */
static struct half range_half(const struct ddb_schema *schema, struct ddb_key *key)
{
    return (struct half){schema->range, schema->range_type, key->range, &key->range_len,
                         DDB_RANGE_MAX};
}

/* aws: 2048 bytes for a partition key, 1024 for a sort key (worded as AWS does, with its
 * missing space). */
static int too_long(const struct half *h, struct ddb_fault *f)
{
    if (h->max == DDB_HASH_MAX)
        return ddb_invalid(f, "One or more parameter values were invalid: Size of hashkey has "
                              "exceeded the maximum size limit of2048 bytes");
    return ddb_invalid(f, "One or more parameter values were invalid: Aggregated size of all range "
                          "keys has exceeded the size limit of 1024 bytes");
}

/* Numeric order, not that of the text: 9 comes before 10. */
static int encode_number(const struct half *h, json_t *text, struct ddb_fault *f)
{
    struct ddb_number n;
    if (ddb_number_read(json_string_value(text), json_string_length(text), &n, f) != 0)
        return -1;
    *h->len = ddb_number_key(&n, h->out);
    return 0;
}

/* The text is bounded before it is decoded, so that `bytes` holds it. */
static int encode_binary(const struct half *h, json_t *text, struct ddb_fault *f)
{
    unsigned char bytes[DDB_HASH_MAX + 3];
    struct error err;
    size_t len = json_string_length(text);
    if (len / 4 * 3 > h->max + 2)
        return too_long(h, f);
    if (crypto_base64_decode(json_string_value(text), len, bytes, h->len, &err) != 0)
        return ddb_internal(f, &err);
    if (*h->len > h->max)
        return too_long(h, f);
    memcpy(h->out, bytes, *h->len);
    return 0;
}

/* DynamoDB orders strings by UTF-8 bytes, which is how they are stored. */
static int encode_string(const struct half *h, json_t *text, struct ddb_fault *f)
{
    *h->len = json_string_length(text);
    if (*h->len > h->max)
        return too_long(h, f);
    memcpy(h->out, json_string_value(text), *h->len);
    return 0;
}

/* Writes a value whose type was checked. */
static int encode(const struct half *h, json_t *value, struct ddb_fault *f)
{
    json_t *text = ddb_content(value);
    if (json_string_length(text) == 0)
        return ddb_invalid(f,
                           "One or more parameter values are not valid. The AttributeValue for a "
                           "key attribute cannot contain an empty %s value. Key: %.200s",
                           h->type == DDB_B ? "binary" : "string", h->name);
    if (h->type == DDB_N)
        return encode_number(h, text, f);
    return h->type == DDB_B ? encode_binary(h, text, f) : encode_string(h, text, f);
}

/* Evenly spread and cheap; that it is a CRC matters to nobody but files written before. */
static void set_slot(struct ddb_key *key)
{
    key->slot = crypto_crc32(0, key->hash, key->hash_len);
}

/* A missing or wrong key of a PutItem. */
static int half_of_item(const struct half *h, json_t *item, struct ddb_fault *f)
{
    json_t *value = json_object_get(item, h->name);
    if (!value)
        return ddb_invalid(f,
                           "One or more parameter values were invalid: Missing the key %.200s "
                           "in the item",
                           h->name);
    if (ddb_type_of(value) != h->type)
        return ddb_invalid(f,
                           "One or more parameter values were invalid: Type mismatch for key "
                           "%.200s expected: %s actual: %s",
                           h->name, ddb_type_name(h->type), ddb_type_name(ddb_type_of(value)));
    return encode(h, value, f);
}

int ddb_key_of_item(const struct ddb_schema *schema, json_t *item, struct ddb_key *key,
                    struct ddb_fault *f)
{
    struct half hash = hash_half(schema, key);
    struct half range = range_half(schema, key);
    key->range_len = 0;
    if (half_of_item(&hash, item, f) != 0 || (schema->range && half_of_item(&range, item, f) != 0))
        return -1;
    set_slot(key);
    return 0;
}

/* An absent attribute has no type, and matches none. */
static bool half_matches(const struct half *h, json_t *map)
{
    return ddb_type_of(json_object_get(map, h->name)) == h->type;
}

int ddb_key_of_key(const struct ddb_schema *schema, json_t *map, struct ddb_key *key,
                   struct ddb_fault *f)
{
    struct half hash = hash_half(schema, key);
    struct half range = range_half(schema, key);
    if (json_object_size(map) != (schema->range ? 2 : 1) || !half_matches(&hash, map) ||
        (schema->range && !half_matches(&range, map)))
        return ddb_invalid(f, "The provided key element does not match the schema");
    return ddb_key_of_item(schema, map, key, f);
}

/* The same value, reached through a key condition, has another message for a wrong type. */
static int half_of_condition(const struct half *h, json_t *value, struct ddb_fault *f)
{
    if (ddb_type_of(value) != h->type)
        return ddb_invalid(f, "One or more parameter values were invalid: Condition parameter type "
                              "does not match schema type");
    return encode(h, value, f);
}

int ddb_key_hash(const struct ddb_schema *schema, json_t *value, struct ddb_key *key,
                 struct ddb_fault *f)
{
    struct half hash = hash_half(schema, key);
    if (half_of_condition(&hash, value, f) != 0)
        return -1;
    set_slot(key);
    return 0;
}

int ddb_key_range(const struct ddb_schema *schema, json_t *value, struct ddb_key *key,
                  struct ddb_fault *f)
{
    struct half range = range_half(schema, key);
    return half_of_condition(&range, value, f);
}

/* The LastEvaluatedKey: exactly what a Key parameter holds. */
json_t *ddb_key_attributes(const struct ddb_schema *schema, json_t *item)
{
    json_t *map = json_object();
    const char *const names[] = {schema->hash, schema->range};
    for (size_t i = 0; i < 2 && map && names[i]; i++) {
        if (json_object_set_nocheck(map, names[i], json_object_get(item, names[i])) != 0) {
            json_decref(map);
            map = NULL;
        }
    }
    return map;
}

bool ddb_key_equal(const struct ddb_key *a, const struct ddb_key *b)
{
    return a->hash_len == b->hash_len && a->range_len == b->range_len &&
           memcmp(a->hash, b->hash, a->hash_len) == 0 &&
           memcmp(a->range, b->range, a->range_len) == 0;
}

bool ddb_schema_has(const struct ddb_schema *schema, const char *name)
{
    return strcmp(schema->hash, name) == 0 || (schema->range && strcmp(schema->range, name) == 0);
}
