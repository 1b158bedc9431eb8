/* raw_http: a blocking HTTP/1.1 client on a bare socket, for tests that must decide every byte.
 *
 * The caller owns the struct; one thread uses it. Failures end the test. */
#ifndef STEPFLEET_TESTS_RAW_HTTP_H
#define STEPFLEET_TESTS_RAW_HTTP_H

#include "lib/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_http {
    int fd;
    struct buf in; /* bytes received and not yet used */
};

/* A reply; buffers belong to the caller, raw_reply_free releases them. */
struct raw_reply {
    int status;
    struct buf head; /* status line and headers */
    struct buf body;
};

/* Connects to 127.0.0.1 (or ::1 with `v6`). */
void raw_open(struct raw_http *c, uint16_t port, bool v6);
/* Closes the connection and drops what has come and was not read. */
void raw_close(struct raw_http *c);
/* Sends all of it. When the server has closed meanwhile the rest is dropped: reading will tell. */
void raw_send(struct raw_http *c, const void *data, size_t len);
/* The same with what printf would write, 16 KiB at most. */
void raw_sendf(struct raw_http *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Reads one reply; `head_only` for HEAD. False when the server closed before a whole one came. */
bool raw_read(struct raw_http *c, struct raw_reply *r, bool head_only);
/* Sends a request with Host and Content-Length and reads the reply, on a connection of its own.
 * `headers` are whole lines, each ended by \r\n, or "". */
void raw_call(uint16_t port, const char *method, const char *path, const char *headers,
              const char *body, struct raw_reply *r);
/* A header's value copied to out, or NULL. */
const char *raw_header(const struct raw_reply *r, const char *name, char *out, size_t size);
/* Empty afterwards. */
void raw_reply_free(struct raw_reply *r);

#endif
