/* http_server: an HTTP/1.1 server on loopback or wherever it is told; the only door to
 * libmicrohttpd.
 *
 * Poll mode (MHD 0.9.75's epoll mode stalls at 128 connections in a thread), a pool of `threads`.
 * For each request `begin` is called when the headers are there and says what becomes of the body;
 * `handle` is called when the body is complete. A handler answers at once, or calls
 * http_defer and answers later from any thread. An exchange is owned by the server; after
 * the reply was given it must not be touched again. */
#ifndef STEPFLEET_HTTP_SERVER_H
#define STEPFLEET_HTTP_SERVER_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_server;
struct http_exchange;

struct http_server_options {
    const char *host;         /* numeric address: 127.0.0.1, ::1, 0.0.0.0 */
    uint16_t port;            /* 0: the system picks a free one */
    unsigned threads;         /* 0: one per core, at most 8 */
    unsigned max_connections; /* 0: 4096; beyond it a connection is closed at once */
    unsigned idle_seconds;    /* keep-alive time without a request; 0: 75 */
    unsigned stall_seconds;   /* see max_bodies; 0: 10 */
    /* Holds request line, headers and the part of a body being read, then the reply's headers.
     * microhttpd clears all of it after each request: 64 KiB take a third of a small answer's time.
     * 0: 64 KiB. */
    size_t connection_memory;
    size_t max_body; /* default ceiling of a body kept in memory */
    /* Of all such bodies together; 0: 256 MiB. One of more than 64 KiB must grow by 32 KiB for each
     * of stall_seconds, or its connection is closed: stalled clients do not keep the room. */
    size_t max_bodies;
    const struct log *log; /* borrowed; may be NULL */
    void *ctx;             /* passed to both callbacks */
    /* May be NULL: bodies up to max_body are kept in memory. Otherwise it may call
     * http_body_limit, http_body_to_fd or http_reply_* (the body is then read and dropped). */
    void (*begin)(void *ctx, struct http_exchange *x);
    /* Must reply or defer. Called on a thread of the pool. */
    void (*handle)(void *ctx, struct http_exchange *x);
    /* May be NULL. Called once for each exchange when the server is done with it (answered or
     * connection lost), to release what http_set_data kept. */
    void (*finished)(void *ctx, struct http_exchange *x);
    /* May be NULL: a plain 503. Called instead of `handle` when the bodies that are in memory leave
     * no room for this one (its first 16 KiB always find some). Must reply. */
    void (*crowded)(void *ctx, struct http_exchange *x);
};

/* Binds and starts. -1/NULL with ERR_CONFLICT "address ... is in use" or ERR_SYSTEM. */
struct http_server *http_server_start(const struct http_server_options *options, struct error *err);
/* The port in use, also when the system picked it. */
uint16_t http_server_port(const struct http_server *s);
/* "http://127.0.0.1:8080", brackets around IPv6. Borrowed. */
const char *http_server_url(const struct http_server *s);
/* Stops accepting connections and, on live ones, requests (they get 503). When it returns no
 * handler is at work; what handlers deferred may still be answered. Not from inside a handler. */
void http_server_quiesce(struct http_server *s);
/* Ends all connections (deferred exchanges are answered 503; answers under way get two seconds) and
 * frees. NULL-safe; returns NULL. Whoever holds a deferred exchange may still reply afterwards:
 * the reply is dropped. */
struct http_server *http_server_stop(struct http_server *s);

/* The request. Texts are borrowed and live as long as the exchange; a deferred one lives until its
 * reply is given, whatever becomes of connection and server. */
const char *http_method(const struct http_exchange *x);
/* The path as it came, still percent-encoded, without the query: "/a/b%20c". */
const char *http_raw_path(const struct http_exchange *x);
/* The query as it came, without '?'; "" if there is none. */
const char *http_raw_query(const struct http_exchange *x);
/* A header's value (names without case), or NULL. */
const char *http_header(const struct http_exchange *x, const char *name);
/* True when If-None-Match names this entity tag ("*" names all): the client has it. Weak and strong
 * tags are alike there (RFC 9110, 13.1.2). */
bool http_has_etag(const struct http_exchange *x, const char *etag);
/* Calls fn for each header. */
void http_each_header(const struct http_exchange *x,
                      void (*fn)(void *ctx, const char *name, const char *value), void *ctx);
/* A query argument, percent-decoded; NULL if absent, "" for `?name` and `?name=`. */
const char *http_query(const struct http_exchange *x, const char *name);
/* Calls fn for each of the first 64 query arguments, decoded. */
void http_each_query(const struct http_exchange *x,
                     void (*fn)(void *ctx, const char *name, const char *value), void *ctx);
/* The port the request came to. */
uint16_t http_local_port(const struct http_exchange *x);
/* The body kept in memory ("" if there was none); `len` may be NULL. */
const char *http_body(const struct http_exchange *x, size_t *len);
/* Bytes of the body that came, in memory or written to the fd. */
uint64_t http_body_len(const struct http_exchange *x);
/* A pointer of the handler's own that stays with the exchange. */
void http_set_data(struct http_exchange *x, void *data);
/* What http_set_data kept; NULL before. */
void *http_data(const struct http_exchange *x);

/* In `begin` only: another ceiling for this body; or write it to a file descriptor (borrowed) as
 * it comes, calling `piece` (may be NULL) for each part. A body beyond the ceiling is answered
 * 413 by `too_large` in the options of the handler: handle() is called with http_too_large(). */
void http_body_limit(struct http_exchange *x, uint64_t max);
/* With fd -1 nothing is written: `piece` alone gets the bytes. */
void http_body_to_fd(struct http_exchange *x, int fd, uint64_t max,
                     void (*piece)(void *data, const void *bytes, size_t len), void *data);
/* In `handle`: the body went beyond the ceiling and was dropped: answer 413. */
bool http_too_large(const struct http_exchange *x);
/* In `handle`: writing the body to its fd failed with this errno; 0 if it did not. */
int http_body_errno(const struct http_exchange *x);

/* Adds a header to the reply that is yet to be given. Copies both texts. An empty value
 * is left out (microhttpd has no such headers); one that microhttpd
 * does not take (line breaks, no memory, more than 2,048) closes the connection unanswered. */
void http_add_header(struct http_exchange *x, const char *name, const char *value);

/* Each gives the reply, once. Content-Length is set; HEAD gets the headers only. This one copies.
 */
void http_reply(struct http_exchange *x, int status, const char *content_type, const void *body,
                size_t len);
/* Takes the text over; a buffer that has failed closes the connection. */
void http_reply_take(struct http_exchange *x, int status, const char *content_type,
                     struct buf *body);
/* Borrows for ever: text constants, bodies cached for the life of the program. */
void http_reply_const(struct http_exchange *x, int status, const char *content_type,
                      const void *body, size_t len);
/* A reply that is given many times: built once, with its headers, and counted. Any thread. */
struct http_kept;
/* As http_reply_take would give it now, with the headers that were added to `x`. NULL where that
 * would close the connection. Whoever gets it has one share of it. */
struct http_kept *http_kept_new(const struct http_exchange *x, int status, const char *content_type,
                                struct buf *body);
/* One more share; NULL-safe; returns its argument. */
struct http_kept *http_kept_hold(struct http_kept *kept);
/* Gives one share back; NULL-safe; returns NULL. */
struct http_kept *http_kept_release(struct http_kept *kept);
/* Gives this reply, to GET or HEAD; what was added to `x` is left out. When it has an ETag that the
 * client has (http_has_etag), 304 with the same headers in its place. Takes a share over. NULL
 * closes the connection. */
void http_reply_kept(struct http_exchange *x, struct http_kept *kept);
/* Sends `len` bytes from `offset` by sendfile; closes fd, also when nothing can be sent. */
void http_reply_fd(struct http_exchange *x, int status, const char *content_type, int fd,
                   uint64_t offset, uint64_t len);

/* What a source answers instead of a number of bytes. */
enum {
    HTTP_STREAM_WAIT = 0,   /* nothing now: ask again after http_stream_wake */
    HTTP_STREAM_END = -1,   /* that was all */
    HTTP_STREAM_ABORT = -2, /* cut off, so that the client sees that it is not all */
};

/* Where a reply without a known end comes from. */
struct http_stream_source {
    /* Writes at most `size` bytes and returns how many, or one of the above. Called on a thread of
     * the pool, whenever the client can take more. */
    ssize_t (*read)(void *ctx, char *out, size_t size);
    /* May be NULL. Called once, when nothing is read any more, whatever the cause; the exchange
     * must not be touched afterwards. */
    void (*closed)(void *ctx);
    void *ctx;
    bool endless; /* it ends at once when the server stops; others get the two seconds */
};

/* Gives the reply piece by piece: chunked, or up to the connection's end for HTTP/1.0. Until
 * `closed` was called, the next three may be called from any thread, but not from `read`. */
void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       const struct http_stream_source *source);
/* The source has something again. */
void http_stream_wake(struct http_exchange *x);
/* Ends it: in good order, or, when the client does not read, by cutting it off.
 */
void http_stream_end(struct http_exchange *x);
/* True when the client of a waiting stream has gone (best effort). */
bool http_stream_gone(struct http_exchange *x);

/* In `handle` only: the reply comes later, from any thread, by one of the functions above. The
 * handler must not touch the exchange after handing it on. */
void http_defer(struct http_exchange *x);

/* True in a deferred exchange whose client has gone (best effort). */
bool http_gone(const struct http_exchange *x);

#endif
