#include "tests/unit/http_peer.h"

#include "lib/http_client/http_client.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 256, MAX_REQUEST = 8 * 1024 * 1024 };

struct connection {
    struct peer *peer;
    pthread_t thread;
    int fd;
};

struct peer {
    peer_fn fn;
    void *ctx;
    int fd;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below, and serialises fn */
    pthread_cond_t changed;
    struct connection connections[MAX_CONNECTIONS];
    size_t count;
    int requests;
    int held;
    bool released;
    bool closing;
};

/* Reads until `in` holds `need` bytes, or to the end of a header when need is 0. */
static bool fill(int fd, struct buf *in, size_t need)
{
    while (need ? in->len < need : !strstr(buf_str(in), "\r\n\r\n")) {
        char piece[16384];
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0)
            return false;
        buf_add(in, piece, (size_t)got);
        if (in->failed)
            return false;
    }
    return true;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

const char *peer_header(const struct peer_request *request, const char *name, char *out,
                        size_t size)
{
    struct http_response r = {0};
    buf_init(&r.headers, BUF_MAX_LINE);
    buf_adds(&r.headers, request->headers);
    if (!http_response_header(&r, name, out, size))
        out[0] = '\0';
    http_response_free(&r);
    return out;
}

/* Reads one request; `in` holds it. */
static bool read_request(int fd, struct buf *in, struct peer_request *request)
{
    char length[32];
    if (!fill(fd, in, 0))
        return false;
    size_t head = (size_t)(strstr(in->data, "\r\n\r\n") + 4 - in->data);
    if (sscanf(in->data, "%15s %2047s", request->method, request->target) != 2)
        return false;
    request->headers = in->data;
    size_t body = strtoul(peer_header(request, "content-length", length, sizeof length), NULL, 10);
    if (!fill(fd, in, head + body))
        return false;
    in->data[head - 1] = '\0';
    request->headers = in->data + strcspn(in->data, "\n") + 1;
    request->body = in->data + head;
    request->body_len = body;
    return true;
}

static bool send_reply(int fd, const struct peer_request *request, struct peer_reply *reply)
{
    struct buf out;
    buf_init(&out, MAX_REQUEST + MAX_REQUEST);
    bool head = strcmp(request->method, "HEAD") == 0;
    if (reply->action != PEER_RAW) {
        buf_addf(&out, "HTTP/1.1 %d Test\r\n%s", reply->status ? reply->status : 200,
                 buf_str(&reply->headers));
        if (!head)
            buf_addf(&out, "Content-Length: %zu\r\n", reply->body.len);
        buf_adds(&out, "\r\n");
    }
    if (!head)
        buf_add(&out, reply->body.data, reply->body.len);
    bool sent = send_all(fd, buf_str(&out), out.len);
    buf_free(&out);
    return sent && reply->action != PEER_RAW;
}

/* Acts as the test's function says. False: the connection is over. */
static bool act(struct connection *c, const struct peer_request *request, struct peer_reply *reply)
{
    struct peer *p = c->peer;
    if (reply->action == PEER_RESET) {
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        return false;
    }
    if (reply->action == PEER_HOLD || reply->action == PEER_SILENT) {
        pthread_mutex_lock(&p->lock);
        p->held++;
        while (!p->closing && (reply->action == PEER_SILENT || !p->released))
            pthread_cond_wait(&p->changed, &p->lock);
        p->held--;
        pthread_mutex_unlock(&p->lock);
        if (reply->action == PEER_SILENT)
            return false;
    }
    return send_reply(c->fd, request, reply);
}

static bool serve_one(struct connection *c)
{
    struct peer *p = c->peer;
    struct peer_request request = {0};
    struct peer_reply reply = {0};
    struct buf in;
    bool more = false;
    buf_init(&in, MAX_REQUEST);
    buf_init(&reply.headers, BUF_MAX_LINE);
    buf_init(&reply.body, MAX_REQUEST);
    if (read_request(c->fd, &in, &request)) {
        pthread_mutex_lock(&p->lock);
        request.number = ++p->requests;
        p->fn(p->ctx, &request, &reply);
        pthread_mutex_unlock(&p->lock);
        more = act(c, &request, &reply);
    }
    buf_free(&reply.body);
    buf_free(&reply.headers);
    buf_free(&in);
    return more;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    while (serve_one(c))
        continue;
    pthread_mutex_lock(&c->peer->lock);
    close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&c->peer->lock);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct peer *p = arg;
    for (int fd; (fd = accept(p->fd, NULL, NULL)) >= 0;) {
        pthread_mutex_lock(&p->lock);
        struct connection *c = &p->connections[p->count];
        bool room = !p->closing && p->count < MAX_CONNECTIONS;
        if (room) {
            *c = (struct connection){.peer = p, .fd = fd};
            room = pthread_create(&c->thread, NULL, serve, c) == 0;
        }
        if (room)
            p->count++;
        else
            close(fd);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

struct peer *peer_open(peer_fn fn, void *ctx)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct peer *p = calloc(1, sizeof *p);
    cr_assert_not_null(p);
    p->fn = fn;
    p->ctx = ctx;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(p->fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(p->fd, MAX_CONNECTIONS), 0);
    cr_assert_eq(getsockname(p->fd, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    cr_assert_eq(pthread_create(&p->thread, NULL, accept_all, p), 0);
    return p;
}

const char *peer_url(const struct peer *p)
{
    return p->url;
}

int peer_held(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    int held = p->held;
    pthread_mutex_unlock(&p->lock);
    return held;
}

void peer_release(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    p->released = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void peer_close(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->changed);
    for (size_t i = 0; i < p->count; i++)
        if (p->connections[i].fd >= 0)
            (void)shutdown(p->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&p->lock);
    (void)shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    for (size_t i = 0; i < p->count; i++)
        pthread_join(p->connections[i].thread, NULL);
    close(p->fd);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
