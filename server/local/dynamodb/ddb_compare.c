/* Comparing and combining values in normal form (declared in ddb_value.h). */
#include "server/local/dynamodb/ddb_value.h"

#include "lib/crypto/crypto.h"
#include "server/local/dynamodb/ddb_number.h"

#include <stdlib.h>
#include <string.h>

/* The bytes of an S or B value. */
struct bytes {
    const unsigned char *data;
    size_t len;
    unsigned char *owned;
};

/* S as it stands, B decoded into `owned`, which the caller frees. False when memory is out. */
static bool bytes_of(json_t *text, enum ddb_type type, struct bytes *b)
{
    size_t len = json_string_length(text);
    *b = (struct bytes){.data = (const unsigned char *)json_string_value(text), .len = len};
    if (type == DDB_S)
        return true;
    b->owned = malloc(len / 4 * 3 + 1);
    b->data = b->owned;
    return b->owned &&
           crypto_base64_decode(json_string_value(text), len, b->owned, &b->len, NULL) == 0;
}

/* DynamoDB orders strings by their UTF-8 bytes, binaries by unsigned bytes. */
static int compare_bytes(const struct bytes *a, const struct bytes *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* A value in normal form cannot fail; the answer is for the compiler and for damaged files. */
static bool read_number(json_t *value, struct ddb_number *n)
{
    struct ddb_fault ignored = {0};
    json_t *text = ddb_content(value);
    return ddb_number_read(json_string_value(text), json_string_length(text), n, &ignored) == 0;
}

bool ddb_value_compare(json_t *a, json_t *b, int *order)
{
    enum ddb_type type = ddb_type_of(a);
    if (type != ddb_type_of(b) || type > DDB_B)
        return false;
    if (type == DDB_N) {
        struct ddb_number x;
        struct ddb_number y;
        if (!read_number(a, &x) || !read_number(b, &y))
            return false;
        *order = ddb_number_compare(&x, &y);
        return true;
    }
    struct bytes x;
    struct bytes y = {0};
    bool sound = bytes_of(ddb_content(a), type, &x) && bytes_of(ddb_content(b), type, &y);
    if (sound)
        *order = compare_bytes(&x, &y);
    free(x.owned);
    free(y.owned);
    return sound;
}

/* An object with the set's elements as members, for look-ups; a new reference. */
static json_t *index_of(json_t *elements)
{
    json_t *index = json_object();
    for (size_t i = 0; index && i < json_array_size(elements); i++) {
        json_t *text = json_array_get(elements, i);
        if (json_object_setn_new_nocheck(index, json_string_value(text), json_string_length(text),
                                         json_true()) != 0) {
            json_decref(index);
            index = NULL;
        }
    }
    return index;
}

/* Whether the index has this element. */
static bool indexed(json_t *index, json_t *text)
{
    return json_object_getn(index, json_string_value(text), json_string_length(text)) != NULL;
}

/* Normal sets have no duplicates: as many elements, and all of one in the other, is equality. */
static int equal_sets(json_t *a, json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return 0;
    json_t *index = index_of(a);
    if (!index)
        return -1;
    int same = 1;
    for (size_t i = 0; same && i < json_array_size(b); i++)
        same = indexed(index, json_array_get(b, i));
    json_decref(index);
    return same;
}

/* Same number of members, and each of a is in b. */
static int equal_maps(json_t *a, json_t *b)
{
    int same = json_object_size(a) == json_object_size(b);
    for (void *at = json_object_iter(a); at && same == 1; at = json_object_iter_next(a, at)) {
        json_t *other = json_object_get(b, json_object_iter_key(at));
        same = other ? ddb_value_equal(json_object_iter_value(at), other) : 0;
    }
    return same;
}

/* Order matters in lists, unlike in sets. */
static int equal_lists(json_t *a, json_t *b)
{
    int same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; same == 1 && i < json_array_size(a); i++)
        same = ddb_value_equal(json_array_get(a, i), json_array_get(b, i));
    return same;
}

int ddb_value_equal(json_t *a, json_t *b)
{
    enum ddb_type type = ddb_type_of(a);
    if (type == DDB_NO_TYPE || type != ddb_type_of(b))
        return 0;
    if (ddb_type_is_set(type))
        return equal_sets(ddb_content(a), ddb_content(b));
    if (type == DDB_M)
        return equal_maps(ddb_content(a), ddb_content(b));
    if (type == DDB_L)
        return equal_lists(ddb_content(a), ddb_content(b));
    return json_equal(ddb_content(a), ddb_content(b));
}

/* Whether `part` is within `value`, or at its start. -1 when memory is out. */
static int search_bytes(json_t *value, json_t *part, enum ddb_type type, bool at_start)
{
    struct bytes all;
    struct bytes wanted = {0};
    int found = -1;
    if (bytes_of(ddb_content(value), type, &all) && bytes_of(ddb_content(part), type, &wanted)) {
        const void *at =
            wanted.len == 0
                ? all.data
                : memmem(all.data, at_start && wanted.len < all.len ? wanted.len : all.len,
                         wanted.data, wanted.len);
        found = at != NULL;
    }
    free(all.owned);
    free(wanted.owned);
    return found;
}

int ddb_value_begins_with(json_t *value, json_t *prefix)
{
    enum ddb_type type = ddb_type_of(value);
    if (type != ddb_type_of(prefix) || (type != DDB_S && type != DDB_B))
        return 0;
    return search_bytes(value, prefix, type, true);
}

/* What a set consists of; DDB_NO_TYPE for what is no set. */
static enum ddb_type element_type(enum ddb_type type)
{
    switch (type) {
    case DDB_SS:
        return DDB_S;
    case DDB_NS:
        return DDB_N;
    case DDB_BS:
        return DDB_B;
    default:
        return DDB_NO_TYPE;
    }
}

/* Normal forms are equal exactly when their texts are. */
static int contains_element(json_t *elements, json_t *text)
{
    for (size_t i = 0; i < json_array_size(elements); i++)
        if (json_equal(json_array_get(elements, i), text))
            return 1;
    return 0;
}

/* A string in a string, an element in a set, a value in a list. */
int ddb_value_contains(json_t *value, json_t *part)
{
    enum ddb_type type = ddb_type_of(value);
    enum ddb_type part_type = ddb_type_of(part);
    if (type == DDB_NO_TYPE || part_type == DDB_NO_TYPE)
        return 0;
    if (type == part_type && (type == DDB_S || type == DDB_B))
        return search_bytes(value, part, type, false);
    if (element_type(type) == part_type)
        return contains_element(ddb_content(value), ddb_content(part));
    int found = 0;
    for (size_t i = 0; type == DDB_L && !found && i < json_array_size(ddb_content(value)); i++)
        found = ddb_value_equal(json_array_get(ddb_content(value), i), part);
    return found;
}

/* Characters are counted as code points: every byte that does not continue one. */
static long long characters(json_t *text)
{
    const char *data = json_string_value(text);
    long long count = 0;
    for (size_t i = 0; i < json_string_length(text); i++)
        count += ((unsigned char)data[i] & 0xc0) != 0x80;
    return count;
}

/* Without decoding: four characters are three bytes, padding counts back. */
static long long base64_bytes(json_t *text)
{
    const char *data = json_string_value(text);
    size_t len = json_string_length(text);
    size_t bytes = len / 4 * 3;
    for (size_t i = len; i > 0 && data[i - 1] == '='; i--)
        bytes--;
    return (long long)bytes;
}

/* aws: "size" counts characters of a string, bytes of a binary, members of everything else. */
long long ddb_value_length(json_t *value)
{
    json_t *content = ddb_content(value);
    switch (ddb_type_of(value)) {
    case DDB_S:
        return characters(content);
    case DDB_B:
        return base64_bytes(content);
    case DDB_M:
        return (long long)json_object_size(content);
    case DDB_L:
    case DDB_SS:
    case DDB_NS:
    case DDB_BS:
        return (long long)json_array_size(content);
    default:
        return -1;
    }
}

/* Rounding does not exist: a result of more than 38 digits is a fault, as in DynamoDB. */
json_t *ddb_value_sum(json_t *a, json_t *b, bool subtract, struct ddb_fault *f)
{
    struct ddb_number x;
    struct ddb_number y;
    char text[DDB_NUMBER_TEXT_MAX];
    if (ddb_type_of(a) != DDB_N || ddb_type_of(b) != DDB_N || !read_number(a, &x) ||
        !read_number(b, &y)) {
        ddb_invalid(f, "An operand in the update expression has an incorrect data type");
        return NULL;
    }
    int rc = subtract ? ddb_number_subtract(&x, &y, &x, f) : ddb_number_add(&x, &y, &x, f);
    if (rc != 0)
        return NULL;
    (void)ddb_number_write(&x, text);
    json_t *sum = ddb_value_new(DDB_N, json_string_nocheck(text));
    if (!sum)
        ddb_no_memory(f);
    return sum;
}

/* Appends to `out` those elements that `index` has not. */
static int append_missing(json_t *out, json_t *elements, json_t *index)
{
    for (size_t i = 0; i < json_array_size(elements); i++) {
        json_t *text = json_array_get(elements, i);
        if (!indexed(index, text) && json_array_append(out, text) != 0)
            return -1;
    }
    return 0;
}

/* Keeps the order of `set`, new elements behind; a difference may leave an empty set, which the
 * caller must remove. */
json_t *ddb_set_combine(json_t *set, json_t *other, bool remove, struct ddb_fault *f)
{
    json_t *mine = ddb_content(set);
    json_t *theirs = ddb_content(other);
    json_t *index = index_of(remove ? theirs : mine);
    json_t *out = remove ? json_array() : json_copy(mine);
    int rc = index && out ? append_missing(out, remove ? mine : theirs, index) : -1;
    json_decref(index);
    if (rc != 0) {
        json_decref(out);
        out = NULL;
    }
    json_t *value = ddb_value_new(ddb_type_of(set), out);
    if (!value)
        ddb_no_memory(f);
    return value;
}
