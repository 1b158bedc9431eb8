/* Placeholders and memory of one call's expressions.
 *
 * Memory is an arena that ends with the call, so that parsers need not free. Names and values are
 * found by their placeholders; one that no expression has looked up by the end is an error
 * (ddb_scope_finish). */
#include "server/local/dynamodb/ddb_scope.h"

#include "lib/base/buf.h"
#include "server/local/dynamodb/ddb_value.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 4096 };

struct ddb_chunk {
    struct ddb_chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char data[];
};

/* Bumps a pointer within the current chunk; what does not fit gets a chunk of its own size. */
void *ddb_scope_alloc(struct ddb_scope *s, size_t size)
{
    size_t step = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + step - 1) / step * step;
    if (!s->chunks || s->chunks->size - s->chunks->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        struct ddb_chunk *chunk = calloc(1, sizeof *chunk + room);
        if (!chunk)
            return NULL;
        chunk->size = room;
        chunk->next = s->chunks;
        s->chunks = chunk;
    }
    void *memory = s->chunks->data + s->chunks->used;
    s->chunks->used += size;
    return memory;
}

/* The NUL behind it is there: memory of a scope is zeroed. */
char *ddb_scope_text(struct ddb_scope *s, const char *text, size_t len)
{
    char *copy = ddb_scope_alloc(s, len + 1);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

/* The sign and at least one letter, digit or underscore. */
static bool is_placeholder(const char *text, char sign)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    return text[0] == sign && text[1] != '\0' && text[1 + strspn(text + 1, allowed)] == '\0';
}

/* An empty map, and one that nothing could use, are mistakes that DynamoDB refuses. */
static int check_map(json_t *map, const char *what, char sign, bool has_expression,
                     struct ddb_fault *f)
{
    if (!has_expression)
        return ddb_invalid(f, "%s can only be specified when using expressions", what);
    if (json_object_size(map) == 0)
        return ddb_invalid(f, "%s must not be empty", what);
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at))
        if (!is_placeholder(json_object_iter_key(at), sign))
            return ddb_invalid(f, "%s contains invalid key: Syntax error; key: \"%.200s\"", what,
                               json_object_iter_key(at));
    return 0;
}

/* Names are attribute names, never paths: a dot in them is part of the name. */
static int take_names(struct ddb_scope *s, json_t *names, bool has_expression, struct ddb_fault *f)
{
    if (check_map(names, "ExpressionAttributeNames", '#', has_expression, f) != 0)
        return -1;
    for (void *at = json_object_iter(names); at; at = json_object_iter_next(names, at)) {
        json_t *name = json_object_iter_value(at);
        if (!json_is_string(name))
            return ddb_fault_set(f, "SerializationException",
                                 "ExpressionAttributeNames must map to strings");
        if (json_string_length(name) == 0 ||
            strlen(json_string_value(name)) != json_string_length(name))
            return ddb_invalid(f, "ExpressionAttributeNames contains invalid value: %s for key %s",
                               "the name must not be empty or contain U+0000",
                               json_object_iter_key(at));
    }
    s->names = json_incref(names);
    s->unused_names = json_copy(names);
    return s->unused_names ? 0 : ddb_no_memory(f);
}

/* A bad value is told with its key, as it may be one of many. */
static int take_values(struct ddb_scope *s, json_t *values, bool has_expression,
                       struct ddb_fault *f)
{
    if (check_map(values, "ExpressionAttributeValues", ':', has_expression, f) != 0)
        return -1;
    s->values = json_object();
    s->unused_values = json_copy(values);
    if (!s->values || !s->unused_values)
        return ddb_no_memory(f);
    for (void *at = json_object_iter(values); at; at = json_object_iter_next(values, at)) {
        size_t size = 0;
        const char *key = json_object_iter_key(at);
        struct ddb_fault inner = {0};
        json_t *normal = ddb_value_normal(json_object_iter_value(at), &size, &inner);
        if (!normal && !ddb_fault_is_internal(&inner))
            return ddb_invalid(f,
                               "ExpressionAttributeValues contains invalid value: %.800s for key "
                               "%.100s",
                               inner.message, key);
        if (!normal || json_object_set_new_nocheck(s->values, key, normal) != 0)
            return ddb_no_memory(f);
    }
    return 0;
}

int ddb_scope_open(struct ddb_scope *s, json_t *names, json_t *values, bool has_expression,
                   struct ddb_fault *f)
{
    *s = (struct ddb_scope){0};
    if (names && take_names(s, names, has_expression, f) != 0)
        return -1;
    return values ? take_values(s, values, has_expression, f) : 0;
}

void ddb_scope_close(struct ddb_scope *s)
{
    while (s->chunks) {
        struct ddb_chunk *chunk = s->chunks;
        s->chunks = chunk->next;
        free(chunk);
    }
    json_decref(s->names);
    json_decref(s->values);
    json_decref(s->unused_names);
    json_decref(s->unused_values);
    *s = (struct ddb_scope){0};
}

/* Names all that were not used, as DynamoDB does. */
static int check_used(json_t *unused, const char *what, struct ddb_fault *f)
{
    struct buf keys;
    if (json_object_size(unused) == 0)
        return 0;
    buf_init(&keys, BUF_MAX_LINE);
    for (void *at = json_object_iter(unused); at; at = json_object_iter_next(unused, at))
        buf_addf(&keys, "%s%s", keys.len ? ", " : "", json_object_iter_key(at));
    ddb_invalid(f, "Value provided in %s unused in expressions: keys: {%.800s}", what,
                buf_str(&keys));
    buf_free(&keys);
    return -1;
}

int ddb_scope_finish(const struct ddb_scope *s, struct ddb_fault *f)
{
    if (check_used(s->unused_names, "ExpressionAttributeNames", f) != 0)
        return -1;
    return check_used(s->unused_values, "ExpressionAttributeValues", f);
}

/* A placeholder counts as used once it was looked up. */
const char *ddb_scope_name(struct ddb_scope *s, const char *placeholder, size_t len)
{
    json_t *name = json_object_getn(s->names, placeholder, len);
    if (name)
        (void)json_object_deln(s->unused_names, placeholder, len);
    return json_string_value(name);
}

/* The same for values. */
json_t *ddb_scope_value(struct ddb_scope *s, const char *placeholder, size_t len)
{
    json_t *value = json_object_getn(s->values, placeholder, len);
    if (value)
        (void)json_object_deln(s->unused_values, placeholder, len);
    return value;
}
