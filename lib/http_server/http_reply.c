/* Giving the reply: from the handler itself, or from any thread for a deferred exchange. */
#include "lib/http_server/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Both texts in one allocation, the value behind the name. */
static char *join(const char *name, const char *value, size_t name_size)
{
    const size_t value_size = strlen(value) + 1;
    char *texts = malloc(name_size + value_size);
    if (texts) {
        memcpy(texts, name, name_size);
        memcpy(texts + name_size, value, value_size);
    }
    return texts;
}

/* A header that cannot be kept is remembered: a reply without it would say something else. */
void http_add_header(struct http_exchange *x, const char *name, const char *value)
{
    if (!*value)
        return;
    const size_t name_size = strlen(name) + 1;
    struct http_pair *headers = NULL;
    char *texts = NULL;
    if (x->header_count < HTTP_REPLY_HEADERS_MAX) {
        headers = reallocarray(x->headers, x->header_count + 1, sizeof *headers);
        texts = join(name, value, name_size);
    }
    if (headers)
        x->headers = headers;
    if (headers && texts)
        x->headers[x->header_count++] = (struct http_pair){texts, texts + name_size};
    else
        free(texts);
    x->header_lost |= !headers || !texts;
}

/* -1 when microhttpd does not take one. */
static int add_headers(const struct http_exchange *x, struct MHD_Response *response,
                       const char *content_type)
{
    if (content_type &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) == MHD_NO)
        return -1;
    for (size_t i = 0; i < x->header_count; i++) {
        if (MHD_add_response_header(response, x->headers[i].name, x->headers[i].value) == MHD_NO)
            return -1;
    }
    return 0;
}

/* Takes the response over; one that could not be built closes the connection. Once a deferred
 * connection was resumed it may end at any time: after the lock only our own share is touched. */
void http_give(struct http_exchange *x, int status, const char *content_type,
               struct MHD_Response *response)
{
    if (response && (x->header_lost || add_headers(x, response, content_type))) {
        MHD_destroy_response(response);
        response = NULL;
    }
    pthread_mutex_lock(&x->lock);
    const bool was_deferred = x->deferred;
    x->deferred = false;
    if (x->state == HTTP_OPEN || x->state == HTTP_DEFERRED) {
        const bool resume = x->state == HTTP_DEFERRED;
        x->response = response;
        x->status = status;
        x->state = HTTP_REPLIED;
        response = NULL;
        if (resume)
            MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&x->lock);
    if (response)
        MHD_destroy_response(response);
    if (was_deferred)
        http_exchange_release(x);
}

static struct MHD_Response *from_memory(const void *body, size_t len,
                                        enum MHD_ResponseMemoryMode mode)
{
    /* microhttpd takes a pointer to bytes it will not write to. */
    return MHD_create_response_from_buffer(len, len ? (void *)body : (void *)"", mode);
}

/* microhttpd copies the body; an empty one needs no copy. */
void http_reply(struct http_exchange *x, int status, const char *content_type, const void *body,
                size_t len)
{
    http_give(x, status, content_type,
              from_memory(body, len, len ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT));
}

void http_reply_const(struct http_exchange *x, int status, const char *content_type,
                      const void *body, size_t len)
{
    http_give(x, status, content_type, from_memory(body, len, MHD_RESPMEM_PERSISTENT));
}

/* A buffer that failed gives no text: the connection is then closed rather than sent half an
 * answer. */
void http_reply_take(struct http_exchange *x, int status, const char *content_type,
                     struct buf *body)
{
    size_t len = 0;
    char *text = buf_take(body, &len);
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response)
        free(text);
    http_give(x, status, content_type, response);
}

void http_reply_fd(struct http_exchange *x, int status, const char *content_type, int fd,
                   uint64_t offset, uint64_t len)
{
    struct MHD_Response *response =
        len ? MHD_create_response_from_fd_at_offset64(len, fd, offset) : NULL;
    if (!response)
        (void)close(fd);
    if (!len)
        response = from_memory(NULL, 0, MHD_RESPMEM_PERSISTENT);
    http_give(x, status, content_type, response);
}

bool http_gone(const struct http_exchange *x)
{
    struct http_exchange *locked = (struct http_exchange *)x;
    char byte;
    pthread_mutex_lock(&locked->lock);
    bool gone = x->state == HTTP_GONE;
    /* While it is deferred the socket is open and nobody reads it. */
    if (x->state == HTTP_DEFERRED && x->socket >= 0) {
        const ssize_t n = recv(x->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    }
    pthread_mutex_unlock(&locked->lock);
    return gone;
}
