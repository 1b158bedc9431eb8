/* Replies whose end is not known. The source is asked when the connection can take more; while it
 * has nothing the connection is suspended, which costs no thread and no look at its socket. */
#include "lib/http_server/http_private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STREAM_BLOCK = 4096, /* for HTTP/1.0; chunks use the connection's own memory */
    /* What the system may hold of an endless stream: a reader that is slow is to get new things
     * late, not old things in full. */
    SEND_BUFFER = 64 * 1024,
};

/* The connection sleeps unless it was woken since the source looked. */
static bool fall_asleep(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const bool sleep = !x->stream.woken && !x->stream.ended;
    if (sleep) {
        x->stream.waiting = true;
        MHD_suspend_connection(x->connection);
    }
    pthread_mutex_unlock(&x->lock);
    return sleep;
}

/* Takes note of being asked; false when the stream was ended meanwhile. */
static bool begin_read(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    const bool going = !x->stream.ended;
    x->stream.woken = false;
    pthread_mutex_unlock(&x->lock);
    return going;
}

/* microhttpd asks for what comes next, on the connection's thread. */
static ssize_t read_source(void *exchange, uint64_t position, char *out, size_t size)
{
    struct http_exchange *x = exchange;
    (void)position;
    while (begin_read(x)) {
        const ssize_t n = x->stream.source.read(x->stream.source.ctx, out, size);
        if (n > 0)
            return n;
        if (n == HTTP_STREAM_END)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (n != HTTP_STREAM_WAIT)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (fall_asleep(x))
            return 0;
    }
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* microhttpd lets the response go: nobody reads any more. */
static void close_source(void *exchange)
{
    struct http_exchange *x = exchange;
    if (x->stream.source.closed)
        x->stream.source.closed(x->stream.source.ctx);
    http_exchange_release(x);
}

/* microhttpd ends a chunked answer to HEAD with the last chunk all the same, which the client would
 * take for its next answer: such a one is not chunked, and ends its connection. */
static void close_after_head(const struct http_exchange *x, struct MHD_Response *response)
{
    /* It refuses unknown options only. */
    if (response && strcmp(x->method, MHD_HTTP_METHOD_HEAD) == 0)
        (void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

/* The stream is an owner of the exchange besides the connection, so that waking it is harmless
 * until `closed` was called. */
void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       const struct http_stream_source *source)
{
    const int size = SEND_BUFFER;
    pthread_mutex_lock(&x->server->lock);
    http_exchange_list_locked(x);
    pthread_mutex_unlock(&x->server->lock);
    if (source->endless && x->socket >= 0)
        (void)setsockopt(x->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    pthread_mutex_lock(&x->lock);
    x->owners++;
    x->stream.source = *source;
    x->stream.open = true;
    pthread_mutex_unlock(&x->lock);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_source, x, close_source);
    close_after_head(x, response);
    http_give(x, status, content_type, response);
    if (!response)
        close_source(x);
}

/* Both locks, or the exchange's alone, may be held by the caller. */
static void wake_locked(struct http_exchange *x)
{
    x->stream.woken = true;
    if (x->stream.waiting) {
        x->stream.waiting = false;
        MHD_resume_connection(x->connection);
    }
}

void http_stream_wake(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    wake_locked(x);
    pthread_mutex_unlock(&x->lock);
}

/* Does the client take nothing? Then the source is not asked again. */
static bool is_stuck(const struct http_exchange *x)
{
    struct pollfd socket = {.fd = x->socket, .events = POLLOUT};
    return x->state != HTTP_GONE && x->socket >= 0 && poll(&socket, 1, 0) == 0;
}

/* What is asleep, or about to ask its source, ends in good order; what is stuck in sending is cut
 * off. */
static void end_locked(struct http_exchange *x)
{
    x->stream.ended = true;
    if (x->stream.waiting)
        wake_locked(x);
    else if (is_stuck(x))
        (void)shutdown(x->socket, SHUT_RDWR);
}

void http_stream_end(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    end_locked(x);
    pthread_mutex_unlock(&x->lock);
}

void http_stream_stop_locked(struct http_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->stream.open && x->stream.source.endless)
        end_locked(x);
    pthread_mutex_unlock(&x->lock);
}

bool http_stream_gone(struct http_exchange *x)
{
    char byte;
    bool gone = false;
    pthread_mutex_lock(&x->lock);
    /* While it waits the socket is open and nobody reads it. */
    if (x->stream.waiting && x->socket >= 0) {
        const ssize_t n = recv(x->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    }
    pthread_mutex_unlock(&x->lock);
    return gone;
}
