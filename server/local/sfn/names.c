/* Open addressing with linear probing, at most half full; removal closes the gap instead of leaving
 * tombstones, so that a table that lives as long as the server never slows down. */
#include "server/local/sfn/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a; keys come from this process's own ARNs, not from strangers who could craft collisions
 * beyond slowing their own executions. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return hash;
}

static size_t find(const struct names *n, const char *key, uint64_t hash)
{
    size_t i = hash & (n->capacity - 1);
    while (n->slots[i].key && (n->slots[i].hash != hash || strcmp(n->slots[i].key, key) != 0))
        i = (i + 1) & (n->capacity - 1);
    return i;
}

void *names_get(const struct names *n, const char *key)
{
    return n->count ? n->slots[find(n, key, hash_of(key))].value : NULL;
}

static int grow(struct names *n)
{
    struct names bigger = {.capacity = n->capacity ? n->capacity * 2 : 64, .count = n->count};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        return -1;
    for (size_t i = 0; i < n->capacity; i++)
        if (n->slots[i].key)
            bigger.slots[find(&bigger, n->slots[i].key, n->slots[i].hash)] = n->slots[i];
    free(n->slots);
    *n = bigger;
    return 0;
}

int names_add(struct names *n, const char *key, void *value)
{
    if (n->count * 2 >= n->capacity && grow(n))
        return -1;
    uint64_t hash = hash_of(key);
    n->slots[find(n, key, hash)] = (struct names_slot){.key = key, .value = value, .hash = hash};
    n->count++;
    return 0;
}

void names_remove(struct names *n, const char *key)
{
    if (!n->count)
        return;
    size_t mask = n->capacity - 1;
    size_t hole = find(n, key, hash_of(key));
    if (!n->slots[hole].key)
        return;
    n->count--;
    /* Moves later members of the run back, so that no search ends at the hole too early. */
    for (size_t i = (hole + 1) & mask; n->slots[i].key; i = (i + 1) & mask) {
        size_t home = n->slots[i].hash & mask;
        bool stays = hole <= i ? (hole < home && home <= i) : (hole < home || home <= i);
        if (!stays) {
            n->slots[hole] = n->slots[i];
            hole = i;
        }
    }
    n->slots[hole] = (struct names_slot){0};
}

void *names_each(const struct names *n, size_t *cursor)
{
    while (*cursor < n->capacity) {
        const struct names_slot *slot = &n->slots[(*cursor)++];
        if (slot->key)
            return slot->value;
    }
    return NULL;
}

void names_free(struct names *n)
{
    free(n->slots);
    *n = (struct names){0};
}
