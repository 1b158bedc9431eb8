/* The memory of an exchange, and the lists of headers that are kept in it. */
#include "lib/http_server/http_private.h"

#include <stdlib.h>
#include <string.h>

struct http_block {
    struct http_block *next;
    _Alignas(max_align_t) char bytes[];
};

/* What is taken is a multiple of this, so that the next one is aligned, too. */
enum { UNIT = _Alignof(max_align_t), TAKE_MAX = 16 * 1024 * 1024 };

void *http_memory_take(struct http_memory *m, size_t size)
{
    if (size > TAKE_MAX)
        return NULL;
    const size_t rounded = (size + UNIT - 1) / UNIT * UNIT;
    if (rounded <= sizeof m->first - m->used) {
        m->used += rounded;
        return m->first + m->used - rounded;
    }
    struct http_block *block = malloc(sizeof *block + rounded);
    if (!block)
        return NULL;
    block->next = m->blocks;
    m->blocks = block;
    return block->bytes;
}

void http_memory_free(struct http_memory *m)
{
    while (m->blocks) {
        struct http_block *block = m->blocks;
        m->blocks = block->next;
        free(block);
    }
}

char *http_memory_text(struct http_memory *m, const char *text, size_t len)
{
    char *copy = http_memory_take(m, len + 1);
    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

/* One piece: the field, the name behind it, then the value. */
int http_fields_add(struct http_fields *fields, struct http_memory *m, const struct http_pair *pair)
{
    const size_t name_size = strlen(pair->name) + 1, value_size = strlen(pair->value) + 1;
    struct http_field *field = http_memory_take(m, sizeof *field + name_size + value_size);
    if (!field)
        return -1;
    char *texts = (char *)(field + 1);
    memcpy(texts, pair->name, name_size);
    memcpy(texts + name_size, pair->value, value_size);
    *field = (struct http_field){NULL, texts, texts + name_size};
    *(fields->end ? fields->end : &fields->first) = field;
    fields->end = &field->next;
    fields->count++;
    return 0;
}
