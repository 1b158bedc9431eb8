/* An exchange from its request line to its end: who owns it, who answers it, and the race between
 * a handler that defers and the thread that replies. */
#include "lib/base/clock.h"
#include "lib/http_server/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOPPING "the server is stopping\n"
#define CROWDED "too many large requests at once: send it again in a moment\n"

enum {
    STATUS_UNAVAILABLE = 503,
    /* A client that goes on sending this much beyond a body's ceiling is cut off. */
    DROP_MAX = 64 * 1024 * 1024,
    /* Of each body so much is not counted: small requests are heard beside any number of large
     * ones. */
    BODY_FREE = 16 * 1024,
    /* Shorter ones are waited for as long as their connection lives. */
    BODY_PATIENT = 64 * 1024,
    BODY_RATE = 32 * 1024, /* bytes a second */
};

/* The socket is asked for while the connection is sure to be there. */
void http_exchange_list_locked(struct http_exchange *x)
{
    struct http_server *s = x->server;
    if (x->listed)
        return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    x->socket = info ? info->connect_fd : -1;
    x->listed = true;
    x->next = s->exchanges;
    if (x->next)
        x->next->prev = x;
    s->exchanges = x;
}

static void list_remove(struct http_server *s, struct http_exchange *x)
{
    pthread_mutex_lock(&s->lock);
    if (x->prev)
        x->prev->next = x->next;
    else
        s->exchanges = x->next;
    if (x->next)
        x->next->prev = x->prev;
    pthread_mutex_unlock(&s->lock);
}

/* One less of something that http_server_quiesce or _stop may be waiting for. They set `closing`
 * before they look at the number: whoever takes it down either is seen there or sees that. */
static void count_down(struct http_server *s, atomic_size_t *count)
{
    (void)atomic_fetch_sub(count, 1);
    if (!atomic_load(&s->closing))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

/* Nobody else knows of it any more. */
static void exchange_free(struct http_exchange *x)
{
    if (x->response)
        http_response_drop(x->response, x->kept);
    buf_free(&x->body.memory);
    http_memory_free(&x->memory);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

/* The lock is let go before the memory, which holds it, is freed. */
void http_exchange_release(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const unsigned left = --x->owners;
    pthread_mutex_unlock(&x->lock);
    if (!left)
        exchange_free(x);
}

/* Called with the request line; what it returns comes back as *exchange in every later call.
 * Without memory that is NULL, and the access handler closes the connection. */
void *http_exchange_new(void *server, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *s = server;
    struct http_exchange *x = malloc(sizeof *x);
    if (!x)
        return NULL;
    memset(x, 0, offsetof(struct http_exchange, memory.first));
    if (pthread_mutex_init(&x->lock, NULL)) {
        free(x);
        return NULL;
    }
    x->server = s;
    x->connection = connection;
    x->owners = 1;
    x->path = http_memory_text(&x->memory, uri, strlen(uri));
    x->socket = x->body.fd = -1;
    x->port = s->port;
    x->body.max = s->options.max_body;
    if (!x->path) {
        exchange_free(x);
        return NULL;
    }
    char *query = x->path + strcspn(x->path, "?");
    if (*query)
        *query++ = '\0';
    x->query = query;
    (void)atomic_fetch_add(&s->open, 1);
    return x;
}

/* The body is let go, and its share with it. */
static void drop_body(struct http_exchange *x)
{
    buf_free(&x->body.memory);
    atomic_fetch_sub(&x->server->bodies, x->body.charged);
    x->body.charged = 0;
}

/* Once for each exchange, whatever became of it. The state is set first, so that a reply which
 * comes at this moment is dropped. */
void http_exchange_completed(void *server, struct MHD_Connection *connection, void **exchange,
                             enum MHD_RequestTerminationCode why)
{
    struct http_server *s = server;
    struct http_exchange *x = *exchange;
    (void)connection;
    (void)why;
    if (!x)
        return;
    *exchange = NULL;
    pthread_mutex_lock(&x->lock);
    x->state = HTTP_GONE;
    pthread_mutex_unlock(&x->lock);
    if (x->begun && s->options.finished)
        s->options.finished(s->options.ctx, x);
    if (x->body.charged)
        atomic_fetch_sub(&s->bodies, x->body.charged);
    if (x->listed)
        list_remove(s, x);
    http_exchange_release(x);
    count_down(s, &s->open);
}

/* Hands the reply that is there to microhttpd. */
static enum MHD_Result queue_reply(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    struct MHD_Response *response = x->response;
    struct http_kept *kept = x->kept;
    x->response = NULL;
    x->state = HTTP_QUEUED;
    pthread_mutex_unlock(&x->lock);
    if (!response)
        return MHD_NO;
    const enum MHD_Result rc = MHD_queue_response(x->connection, (unsigned)x->status, response);
    http_response_drop(response, kept);
    return rc;
}

/* The whole piece, or the errno that kept it. */
static void body_write(struct http_body_sink *body, const char *bytes, size_t len)
{
    while (len && body->fd >= 0) {
        const ssize_t n = write(body->fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            body->error = errno;
            return;
        }
        bytes += n;
        len -= (size_t)n;
    }
}

/* False when all bodies together leave no room for this piece. */
static bool charge(struct http_exchange *x, size_t len)
{
    struct http_server *s = x->server;
    struct http_body_sink *body = &x->body;
    const size_t counted = BODY_FREE + body->charged;
    const size_t more = body->memory.len + len > counted ? body->memory.len + len - counted : 0;
    if (more && atomic_fetch_add(&s->bodies, more) + more > s->options.max_bodies) {
        atomic_fetch_sub(&s->bodies, more);
        return false;
    }
    body->charged += more;
    return true;
}

static void keep_in_memory(struct http_exchange *x, const char *bytes, size_t len)
{
    if (charge(x, len)) {
        buf_add(&x->body.memory, bytes, len);
        return;
    }
    x->body.crowded = true;
    drop_body(x);
}

/* microhttpd closes a connection that brings nothing for so long. */
static void set_patience(const struct http_exchange *x, unsigned seconds)
{
    (void)MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* False when a large body that others could have the room of does not come on: silence is
 * microhttpd's to notice, a trickle is noticed here. */
static bool keeps_its_pace(struct http_exchange *x)
{
    const unsigned seconds = x->server->options.stall_seconds;
    struct http_body_sink *body = &x->body;
    const int64_t now = clock_mono(clock_system());
    if (!body->hurried) {
        body->hurried = true;
        set_patience(x, seconds);
    } else if (now - body->since < (int64_t)seconds * CLOCK_SECOND) {
        return true;
    } else if (body->seen - body->then < (uint64_t)seconds * BODY_RATE) {
        return false;
    }
    body->since = now;
    body->then = body->seen;
    return true;
}

/* -1: the client goes on far beyond the ceiling, or hardly at all. */
static int body_add(struct http_exchange *x, const char *bytes, size_t len)
{
    struct http_body_sink *body = &x->body;
    body->seen += len;
    if (body->seen > body->max) {
        body->too_large = true;
        return body->seen - body->max > DROP_MAX ? -1 : 0;
    }
    if (x->handled || body->error || body->crowded)
        return 0;
    body->len += len;
    if (!body->streamed) {
        keep_in_memory(x, bytes, len);
        return body->memory.len > BODY_PATIENT && !keeps_its_pace(x) ? -1 : 0;
    }
    if (body->piece)
        body->piece(body->piece_data, bytes, len);
    body_write(body, bytes, len);
    return 0;
}

/* The first call of a request: its headers are there. */
static enum MHD_Result begin(struct http_exchange *x, const char *method)
{
    const struct http_server_options *o = &x->server->options;
    x->method = http_memory_text(&x->memory, method, strlen(method));
    if (!x->method || http_parse_query(x) || http_copy_headers(x))
        return MHD_NO;
    x->begun = true;
    buf_init(&x->body.memory, o->max_body);
    if (o->begin)
        o->begin(o->ctx, x);
    x->body.memory.max = x->body.max > SIZE_MAX - 1 ? SIZE_MAX - 1 : (size_t)x->body.max;
    x->handled = x->state == HTTP_REPLIED;
    /* Refused before the body: a client that asks first is told at once. */
    if (x->handled && http_header(x, "Expect"))
        return queue_reply(x);
    return MHD_YES;
}

/* False when the server is closing: no handler may begin any more. */
static bool handler_enter(struct http_server *s)
{
    (void)atomic_fetch_add(&s->handling, 1);
    if (!atomic_load(&s->closing))
        return true;
    count_down(s, &s->handling);
    return false;
}

/* Whoever is to answer: the handler, or who says that there was no room for the body. */
static void call_handler(struct http_exchange *x)
{
    const struct http_server_options *o = &x->server->options;
    if (!x->body.crowded) {
        o->handle(o->ctx, x);
    } else if (o->crowded) {
        o->crowded(o->ctx, x);
    } else {
        http_add_header(x, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        http_reply_const(x, STATUS_UNAVAILABLE, "text/plain", CROWDED, strlen(CROWDED));
    }
}

/* The body is there. */
static enum MHD_Result handle(struct http_exchange *x)
{
    struct http_server *s = x->server;
    struct error err;
    x->handled = true;
    if (x->body.hurried)
        set_patience(x, s->options.idle_seconds);
    if (buf_check(&x->body.memory, &err))
        return MHD_NO;
    if (handler_enter(s)) {
        call_handler(x);
        count_down(s, &s->handling);
    } else {
        http_reply_const(x, STATUS_UNAVAILABLE, "text/plain", STOPPING, strlen(STOPPING));
    }
    /* A suspended exchange may have been answered by now: microhttpd calls again for it. */
    return x->suspended ? MHD_YES : queue_reply(x);
}

/* microhttpd calls this once for the headers, once for each part of the body, once for its end,
 * and once more when a suspended connection was resumed. */
enum MHD_Result http_exchange_access(void *server, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version,
                                     const char *upload, size_t *upload_len, void **exchange)
{
    struct http_exchange *x = *exchange;
    (void)server;
    (void)connection;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO;
    if (!x->begun)
        return begin(x, method);
    if (*upload_len) {
        const int rc = body_add(x, upload, *upload_len);
        *upload_len = 0;
        return rc ? MHD_NO : MHD_YES;
    }
    return x->handled ? queue_reply(x) : handle(x);
}

/* Suspended before anybody else can know of the exchange, so that a reply which overtakes the
 * handler finds a connection to resume. */
void http_defer(struct http_exchange *x)
{
    struct http_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    http_exchange_list_locked(x);
    pthread_mutex_lock(&x->lock);
    x->owners++;
    x->deferred = true;
    x->state = HTTP_DEFERRED;
    pthread_mutex_unlock(&x->lock);
    if (s->stopping) {
        http_exchange_abandon_locked(x);
    } else {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
    }
    pthread_mutex_unlock(&s->lock);
}

/* The owner's own reply, should it still come, finds the state changed and is dropped. */
void http_exchange_abandon_locked(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->state == HTTP_DEFERRED) {
        x->state = HTTP_REPLIED;
        x->status = STATUS_UNAVAILABLE;
        x->response = MHD_create_response_from_buffer(strlen(STOPPING), (char *)STOPPING,
                                                      MHD_RESPMEM_PERSISTENT);
        if (x->suspended)
            MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&x->lock);
}
