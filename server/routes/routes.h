/* routes: which handler a request is for. The table is the REST contract's list of methods and
 * paths; everything else is 404 or 405 as application/problem+json. Any thread. */
#ifndef STEPFLEET_ROUTES_H
#define STEPFLEET_ROUTES_H

#include "lib/http_server/http_server.h"
#include "server/services.h"

/* connection_memory for struct http_server_options. Proxies let 8 KiB of a header through; cookies
 * are there twice, because microhttpd copies them. */
enum { ROUTES_MEMORY = 20 * 1024 };

/* Callbacks for struct http_server_options; ctx is the const struct services. */
void routes_begin(void *services, struct http_exchange *x);
/* Answers 503: too many large bodies at once. */
void routes_crowded(void *services, struct http_exchange *x);
/* Calls fn for each route of the table, with `{id}` where a run's id stands. */
void routes_each(void (*fn)(void *ctx, const char *method, const char *path), void *ctx);
/* Replies before it returns. */
void routes_handle(void *services, struct http_exchange *x);

#endif
