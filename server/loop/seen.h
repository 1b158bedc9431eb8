/* seen: a set of 64-bit hashes, for "was this very thing here before?". One thread. */
#ifndef STEPFLEET_LOOP_SEEN_H
#define STEPFLEET_LOOP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise it; seen_free releases it, and it is then empty and usable again. */
struct seen {
    uint64_t *slots; /* 0: free */
    size_t capacity; /* a power of two */
    size_t count;
};

/* FNV-1a over more bytes; start with SEEN_START. */
#define SEEN_START UINT64_C(14695981039346656037)
/* The hash of `len` more bytes. */
uint64_t seen_hash(uint64_t hash, const void *data, size_t len);
/* Over a text and its end, NULL as "". */
uint64_t seen_hash_text(uint64_t hash, const char *text);

/* 1: it is new and now there; 0: it was there; -1: out of memory (nothing is changed). */
int seen_add(struct seen *s, uint64_t hash);
/* Whether seen_add was called with it. */
bool seen_has(const struct seen *s, uint64_t hash);
/* Empties the set. */
void seen_free(struct seen *s);

#endif
