#include "tests/unit/raw_http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_MAX = 64 * 1024 * 1024, RAW_TIMEOUT_SECONDS = 20 };

void raw_open(struct raw_http *c, uint16_t port, bool v6)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct timeval limit = {.tv_sec = RAW_TIMEOUT_SECONDS};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr = in6addr_loopback;
    c->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(c->fd, 0);
    cr_assert_eq(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    const struct sockaddr *to = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    cr_assert_eq(connect(c->fd, to, v6 ? sizeof in6 : sizeof in), 0, "connect to port %u", port);
    buf_init(&c->in, RAW_MAX);
}

void raw_close(struct raw_http *c)
{
    close(c->fd);
    buf_free(&c->in);
}

void raw_send(struct raw_http *c, const void *data, size_t len)
{
    const char *at = data;
    while (len) {
        const ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* closed by the server: raw_read will tell */
        at += n;
        len -= (size_t)n;
    }
}

void raw_sendf(struct raw_http *c, const char *fmt, ...)
{
    char text[16384];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cr_assert(n >= 0 && (size_t)n < sizeof text);
    raw_send(c, text, (size_t)n);
}

static bool more(struct raw_http *c)
{
    char piece[65536];
    const ssize_t n = recv(c->fd, piece, sizeof piece, 0);
    if (n <= 0)
        return false;
    buf_add(&c->in, piece, (size_t)n);
    return true;
}

static void eat(struct raw_http *c, size_t len, struct buf *into)
{
    buf_add(into, c->in.data, len);
    memmove(c->in.data, c->in.data + len, c->in.len - len);
    buf_truncate(&c->in, c->in.len - len);
}

const char *raw_header(const struct raw_reply *r, const char *name, char *out, size_t size)
{
    const size_t len = strlen(name);
    const char *line = strstr(buf_str(&r->head), "\r\n");
    while (line && *(line += 2)) {
        const char *end = strstr(line, "\r\n");
        if (end && !strncasecmp(line, name, len) && line[len] == ':') {
            const char *value = line + len + 1 + strspn(line + len + 1, " ");
            (void)snprintf(out, size, "%.*s", (int)(end - value), value);
            return out;
        }
        line = end;
    }
    return NULL;
}

bool raw_read(struct raw_http *c, struct raw_reply *r, bool head_only)
{
    char text[32];
    buf_init(&r->head, RAW_MAX);
    buf_init(&r->body, RAW_MAX);
    const char *end = NULL;
    while (!(end = strstr(buf_str(&c->in), "\r\n\r\n"))) {
        if (!more(c))
            return false;
    }
    eat(c, (size_t)(end - c->in.data) + 4, &r->head);
    r->status = (int)strtol(r->head.data + strcspn(r->head.data, " "), NULL, 10);
    if (head_only || r->status == 100 || r->status == 204 || r->status == 304)
        return true;
    const char *length = raw_header(r, "Content-Length", text, sizeof text);
    cr_assert_not_null(length, "a reply without Content-Length: %s", buf_str(&r->head));
    const size_t want = strtoul(length, NULL, 10);
    while (c->in.len < want) {
        if (!more(c))
            return false;
    }
    if (want)
        eat(c, want, &r->body);
    return true;
}

void raw_call(uint16_t port, const char *method, const char *path, const char *headers,
              const char *body, struct raw_reply *r)
{
    struct raw_http c;
    raw_open(&c, port, false);
    raw_sendf(&c, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: %zu\r\n%s\r\n", method,
              path, (unsigned)port, strlen(body), headers);
    raw_send(&c, body, strlen(body));
    cr_assert(raw_read(&c, r, !strcmp(method, "HEAD")), "no reply to %s %s", method, path);
    raw_close(&c);
}

void raw_reply_free(struct raw_reply *r)
{
    buf_free(&r->head);
    buf_free(&r->body);
}
