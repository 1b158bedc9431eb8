/* Open addressing with linear probing. Two different things with one hash would pass for the same;
 * at 64 bits and some ten thousand of them that is not to be expected. */
#include "server/loop/seen.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

uint64_t seen_hash(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

uint64_t seen_hash_text(uint64_t hash, const char *text)
{
    const char *t = text ? text : "";
    return seen_hash(hash, t, strlen(t) + 1);
}

/* The slot that holds the hash, or the free one where it belongs. There is always a free one. */
static uint64_t *slot_of(uint64_t *slots, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)(hash ^ (hash >> 32)) & (capacity - 1);
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

/* Every hash is put anew, as its place depends on the capacity. */
static int grow(struct seen *s)
{
    size_t capacity = s->capacity ? s->capacity * 2 : FIRST_CAPACITY;
    uint64_t *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < s->capacity; i++)
        if (s->slots[i])
            *slot_of(slots, capacity, s->slots[i]) = s->slots[i];
    free(s->slots);
    s->slots = slots;
    s->capacity = capacity;
    return 0;
}

/* Zero marks a free slot, so the hash 0 is kept as 1. */
static uint64_t stored(uint64_t hash)
{
    return hash ? hash : 1;
}

/* At least a quarter of the slots stays free, which bounds the probing. */
int seen_add(struct seen *s, uint64_t hash)
{
    if (s->count * 4 >= s->capacity * 3 && grow(s))
        return -1;
    uint64_t *slot = slot_of(s->slots, s->capacity, stored(hash));
    if (*slot)
        return 0;
    *slot = stored(hash);
    s->count++;
    return 1;
}

bool seen_has(const struct seen *s, uint64_t hash)
{
    return s->count && *slot_of(s->slots, s->capacity, stored(hash)) != 0;
}

void seen_free(struct seen *s)
{
    free(s->slots);
    *s = (struct seen){0};
}
