/* run_cache: what GET /workflows/{id} has answered lately, so that a run that many poll is neither
 * read from the store nor put together each time.
 *
 * A body is good as long as the store's generation is the one it was read in; the duration of a run
 * that is going on is written anew into it. Beside it is the whole reply that was made of it, good
 * as long as the duration is the same. At most 3 MiB. Any thread. */
#ifndef STEPFLEET_API_RUN_CACHE_H
#define STEPFLEET_API_RUN_CACHE_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/http_server/http_server.h"

#include <stdbool.h>
#include <stdint.h>

struct run_cache;

/* What a body says, and of when. */
struct run_facts {
    int64_t id;
    uint64_t generation; /* store_generation before the run was read */
    int64_t version;     /* the run's */
    int64_t going_since; /* wall us; 0: its duration does not grow any more */
};

/* An empty one; the caller closes it. NULL with err. */
struct run_cache *run_cache_open(struct error *err);
struct run_cache *run_cache_close(struct run_cache *c); /* NULL-safe; returns NULL */

/* Looks for the body of facts->id in facts->generation. True: it was appended as of `now` (wall
 * us), and the other facts are filled in. NULL caches have nothing. */
bool run_cache_get(struct run_cache *c, struct run_facts *facts, int64_t now, struct buf *body);
/* Keeps a copy in place of an older one, unless it is too large. NULL-safe. */
void run_cache_put(struct run_cache *c, const struct run_facts *facts, const struct buf *body);

/* A share of the reply that was made of the body of facts->id in facts->generation, if it is still
 * right at `now`; else NULL. NULL-safe. */
struct http_kept *run_cache_reply(struct run_cache *c, const struct run_facts *facts, int64_t now);
/* Keeps a share of a reply that was made as of `now` of the body that is kept for these facts; does
 * nothing when there is none. Both may be NULL. */
void run_cache_put_reply(struct run_cache *c, const struct run_facts *facts, int64_t now,
                         struct http_kept *reply);

#endif
