/* http_peer: a small HTTP/1.1 server for tests: it answers as a function of the test says, and it
 * can misbehave (reset, fall silent, hold answers back, send raw bytes).
 *
 * Opened and closed by the test's thread; a thread of its own serves each connection. The test's
 * function is called by those threads, one at a time; what it writes may be read by the test after
 * peer_close, or through atomics. */
#ifndef STEPFLEET_TEST_HTTP_PEER_H
#define STEPFLEET_TEST_HTTP_PEER_H

#include "lib/base/buf.h"

#include <stddef.h>

/* One request as it came; borrowed for the call. */
struct peer_request {
    int number; /* 1, 2, ... over all connections */
    char method[16];
    char target[2048];   /* as on the wire */
    const char *headers; /* raw lines after the request line */
    const char *body;
    size_t body_len;
};

enum peer_action {
    PEER_ANSWER, /* status, headers, body */
    PEER_HOLD,   /* the same, but only after peer_release */
    PEER_RESET,  /* the connection is reset */
    PEER_SILENT, /* nothing ever comes */
    PEER_RAW,    /* the body's bytes are all there is, then the connection is closed */
};

struct peer_reply {
    enum peer_action action;
    int status;         /* 0: 200 */
    struct buf headers; /* "Name: value\r\n" lines */
    struct buf body;
};

typedef void (*peer_fn)(void *ctx, const struct peer_request *request, struct peer_reply *reply);

struct peer;
/* Listens on a free port of 127.0.0.1. Fails the test if it cannot. */
struct peer *peer_open(peer_fn fn, void *ctx);
const char *peer_url(const struct peer *p); /* http://127.0.0.1:PORT */
int peer_held(struct peer *p);              /* answers held back at this moment */
void peer_release(struct peer *p);          /* lets held answers go, now and later */
/* Ends all connections, waits for the threads and frees everything. */
void peer_close(struct peer *p);

/* The value of a header of a request, copied to out, or "". */
const char *peer_header(const struct peer_request *request, const char *name, char *out,
                        size_t size);

#endif
