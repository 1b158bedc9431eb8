/* names: a hash table from texts to pointers (executions and machines by ARN).
 *
 * The key lies in the value and must not change while it is in the table. One thread. Private to
 * server/local/sfn. */
#ifndef STEPFLEET_SFN_NAMES_H
#define STEPFLEET_SFN_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names_slot {
    const char *key; /* NULL: free */
    void *value;
    uint64_t hash;
};

struct names {
    struct names_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* The value, NULL: there is none. */
void *names_get(const struct names *n, const char *key);
/* Adds; the key must not be in the table yet. -1: out of memory. */
int names_add(struct names *n, const char *key, void *value);
/* Takes the key out; does nothing when it is not in. */
void names_remove(struct names *n, const char *key);
/* The values one after the other: *cursor starts at 0; NULL at the end. Do not change meanwhile. */
void *names_each(const struct names *n, size_t *cursor);
/* Releases the table, not the values. */
void names_free(struct names *n);

#endif
