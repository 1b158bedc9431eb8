/* A binary heap in an array; equal times come out in any order. */
#include "lib/aws/retry_heap.h"

#include <stdlib.h>

/* Grows by doubling; push can then not fail. */
int retry_heap_reserve(struct retry_heap *h, size_t count, struct error *err)
{
    if (count <= h->cap)
        return 0;
    size_t cap = h->cap ? 2 * h->cap : 16;
    if (cap < count)
        cap = count;
    struct retry_slot *slots = reallocarray(h->slots, cap, sizeof *slots);
    if (!slots)
        return err_set(err, ERR_MEMORY, "out of memory for retries");
    h->slots = slots;
    h->cap = cap;
    return 0;
}

static void swap(struct retry_slot *a, struct retry_slot *b)
{
    struct retry_slot old = *a;
    *a = *b;
    *b = old;
}

/* Room was reserved. The new one rises until its parent is due earlier. */
void retry_heap_push(struct retry_heap *h, int64_t due, struct flight *flight)
{
    size_t i = h->count++;
    h->slots[i] = (struct retry_slot){due, flight};
    while (i > 0 && h->slots[i].due < h->slots[(i - 1) / 2].due) {
        swap(&h->slots[i], &h->slots[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static size_t smaller_child(const struct retry_heap *h, size_t i)
{
    size_t left = 2 * i + 1;
    if (left + 1 < h->count && h->slots[left + 1].due < h->slots[left].due)
        return left + 1;
    return left;
}

/* The last one takes the root's place and sinks. */
struct flight *retry_heap_pop(struct retry_heap *h, int64_t now)
{
    if (h->count == 0 || h->slots[0].due > now)
        return NULL;
    struct flight *flight = h->slots[0].flight;
    h->slots[0] = h->slots[--h->count];
    for (size_t i = 0;;) {
        size_t child = smaller_child(h, i);
        if (child >= h->count || h->slots[i].due <= h->slots[child].due)
            break;
        swap(&h->slots[i], &h->slots[child]);
        i = child;
    }
    return flight;
}

void retry_heap_close(struct retry_heap *h)
{
    free(h->slots);
    *h = (struct retry_heap){0};
}
