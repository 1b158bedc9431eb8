/* cursor: where a launch stands between two calls of the launcher. Travels through the state
 * machine, so it is small however many tasks there are. Pure; a plain value. */
#ifndef STEPFLEET_WORKERS_CURSOR_H
#define STEPFLEET_WORKERS_CURSOR_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { CURSOR_WAITING_MAX = 500 };

struct cursor {
    int64_t chunk;        /* calls of the launcher before this one */
    int64_t next;         /* first task that was not tried yet */
    int64_t refused;      /* tasks that have got a Failed row */
    int64_t rotation;     /* which subnets are offered, moved on when one has no capacity */
    int64_t wait_seconds; /* what was waited before this call */
    int64_t starved_at;   /* wall; nothing was started for lack of capacity since; 0: it was */
    int64_t tokens;       /* level of the bucket, at ... */
    int64_t at;           /* ... this wall time; 0: never */
    size_t waiting_count;
    int64_t waiting[CURSOR_WAITING_MAX]; /* tried before `next`, and to be tried again */
};

/* NULL reads as the start of a launch. -1 with ERR_SYNTAX for one that cannot belong to a run of
 * so many tasks. */
int cursor_read(json_t *object, int64_t tasks, struct cursor *out, struct error *err);
/* A new reference, NULL when memory is out. */
json_t *cursor_write(const struct cursor *c);

#endif
