/* http_client: many HTTP calls in flight from one thread; the only door to libcurl.
 *
 * One thread owns a client: it sends, and it polls, and callbacks run inside http_client_poll on
 * that thread. Only http_client_wakeup may be called from elsewhere. Connections are kept alive
 * and reused; redirects are never followed; `Expect:` is never sent; paths go out as given.
 * Replies above the request's ceiling fail with ERR_LIMIT. Calls beyond max_connections to one host
 * wait in a queue; that time does not count against their timeout. The program ignores SIGPIPE
 * (TLS may write to a connection that the other side has closed). */
#ifndef STEPFLEET_HTTP_CLIENT_H
#define STEPFLEET_HTTP_CLIENT_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For a program's main, before it starts a thread: limits names to /etc/hosts and DNS in a program
 * that is linked statically; elsewhere nothing. */
void http_limit_names(void);

struct http_client;

struct http_client_options {
    long max_connections;  /* per host; 0: 64 */
    long connect_ms;       /* 0: 3100 */
    const char *ca_bundle; /* file; NULL: the system's, wherever the system keeps it */
    const char *user_agent;
};

/* Copies the options (NULL: all defaults). NULL with err set if memory is out; freed by
 * http_client_free. */
struct http_client *http_client_new(const struct http_client_options *options, struct error *err);
/* Drops what is in flight without callbacks; NULL-safe; returns NULL. */
struct http_client *http_client_free(struct http_client *c);

struct http_header {
    const char *name;
    const char *value;
};

/* Everything is borrowed for the call of http_client_send only; it copies what it needs. */
struct http_request {
    const char *method; /* GET, PUT, POST, HEAD, DELETE */
    const char *url;    /* absolute, already encoded */
    const struct http_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;  /* 0 with PUT/POST sends Content-Length: 0 */
    size_t max_reply; /* ceiling of the reply's body; 0: BUF_MAX_AWS_REPLY */
    long timeout_ms;  /* whole call; 0: 60 s; negative: none (Lambda's long poll) */
    bool no_proxy;    /* never through http_proxy (metadata, Runtime API) */
};

/* A reply; `body` belongs to the response until it is freed. Header names are compared without
 * case by http_response_header. Zero-initialised responses may be freed. */
struct http_response {
    int status;
    struct buf headers; /* raw header lines, CRLF between */
    struct buf body;
};

/* Copies an http:// or https:// URL, without each '/' at its end, to `out` of `size` bytes: paths
 * are to be put behind it. False: it is of no such scheme or has no room, and `out` is left alone.
 */
bool http_url_base(const char *url, char *out, size_t size);

/* The value of a header copied to out (trimmed, cut at size), or NULL if there is none. */
const char *http_response_header(const struct http_response *r, const char *name, char *out,
                                 size_t size);
/* Releases headers and body. */
void http_response_free(struct http_response *r);

/* Called once a request: err is NULL when an answer came (whatever its status), else it tells why
 * none came (ERR_NETWORK, ERR_TIMEOUT, ERR_LIMIT) and response is NULL. Both are borrowed; the
 * callee may empty the response's buffers by buf_take. It may send new requests. */
typedef void (*http_done_fn)(void *ctx, struct http_response *response, const struct error *err);

/* 0: accepted, `done` will be called. -1: refused (bad URL, no memory), it will not. */
int http_client_send(struct http_client *c, const struct http_request *req, http_done_fn done,
                     void *ctx, struct error *err);

/* Moves transfers on, waits up to timeout_ms (0: not at all) for something to happen, calls what
 * is done. Returns the number of calls in flight, or -1. */
int http_client_poll(struct http_client *c, int timeout_ms, struct error *err);

/* Ends the wait of http_client_poll. Any thread. */
void http_client_wakeup(struct http_client *c);

/* Sends and polls until this call is done. `out` is the caller's to free. For programs that have
 * nothing else in flight. */
int http_client_call(struct http_client *c, const struct http_request *req,
                     struct http_response *out, struct error *err);

/* Whether the answer is wanted no more. */
typedef bool (*http_stop_fn)(void *ctx);
/* The same until `stop` (NULL: never) says so, asked twenty times a second: then -1 with
 * ERR_TIMEOUT, and the transfer ends with the client or by itself. */
int http_client_call_until(struct http_client *c, const struct http_request *req, http_stop_fn stop,
                           void *ctx, struct http_response *out, struct error *err);

#endif
