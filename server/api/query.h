/* query: reading the query arguments of list requests, with one clear error for each. Any thread.
 */
#ifndef STEPFLEET_API_QUERY_H
#define STEPFLEET_API_QUERY_H

#include "lib/base/error.h"
#include "lib/http_server/http_server.h"

#include <stddef.h>
#include <stdint.h>

enum { QUERY_LIMIT_DEFAULT = 100, QUERY_LIMIT_MAX = 1000 };

/* An integer argument within min..max; leaves *out alone when it is absent. */
int query_int(const struct http_exchange *x, const char *name, int64_t min, int64_t max,
              int64_t *out, struct error *err);
/* An RFC 3339 time as wall microseconds; leaves *out alone when it is absent. */
int query_time(const struct http_exchange *x, const char *name, int64_t *out, struct error *err);
/* ?status=: one of the status names, any case; leaves *out alone when it is absent. */
int query_status(const struct http_exchange *x, int *out, struct error *err);
/* ?reason=: the name of a class of lib/verdict, any case, as it is stored; leaves *out alone when
 * it is absent. */
int query_reason(const struct http_exchange *x, const char **out, struct error *err);
/* ?limit= and ?cursor= (the opaque text of an earlier page: a number of ours). */
int query_page(const struct http_exchange *x, int *limit, int64_t *cursor, struct error *err);
/* Refuses arguments that are not in the list (a misspelt filter must not be ignored). */
int query_only(struct http_exchange *x, const char *const *names, size_t count, struct error *err);

#endif
