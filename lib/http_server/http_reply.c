/* Giving the reply: from the handler itself, or from any thread for a deferred exchange. */
#include "lib/http_server/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* A header that cannot be kept is remembered: a reply without it would say something else. */
void http_add_header(struct http_exchange *x, const char *name, const char *value)
{
    const struct http_pair pair = {name, value};
    if (*value && (x->headers.count >= HTTP_REPLY_HEADERS_MAX ||
                   http_fields_add(&x->headers, &x->memory, &pair)))
        x->header_lost = true;
}

/* -1 when microhttpd does not take one. */
static int add_headers(const struct http_exchange *x, struct MHD_Response *response,
                       const char *content_type)
{
    if (x->header_lost)
        return -1;
    if (content_type &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) == MHD_NO)
        return -1;
    for (const struct http_field *f = x->headers.first; f; f = f->next)
        if (MHD_add_response_header(response, f->name, f->value) == MHD_NO)
            return -1;
    return 0;
}

/* Lets go of one that is not given: a kept one stays with its other owners. */
void http_response_drop(struct MHD_Response *response, struct http_kept *kept)
{
    if (kept)
        http_kept_release(kept);
    else
        MHD_destroy_response(response);
}

/* Takes the response over; one that could not be built closes the connection. Once a deferred
 * connection was resumed it may end at any time: after the lock only our own share is touched. */
static void give(struct http_exchange *x, int status, struct MHD_Response *response,
                 struct http_kept *kept)
{
    pthread_mutex_lock(&x->lock);
    const bool was_deferred = x->deferred;
    x->deferred = false;
    if (x->state == HTTP_OPEN || x->state == HTTP_DEFERRED) {
        const bool resume = x->state == HTTP_DEFERRED;
        x->response = response;
        x->kept = kept;
        x->status = status;
        x->state = HTTP_REPLIED;
        response = NULL;
        if (resume)
            MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&x->lock);
    if (response)
        http_response_drop(response, kept);
    if (was_deferred)
        http_exchange_release(x);
}

void http_give(struct http_exchange *x, int status, const char *content_type,
               struct MHD_Response *response)
{
    if (response && add_headers(x, response, content_type)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    give(x, status, response, NULL);
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
static struct MHD_Response *from_buffer(struct buf *body)
{
    size_t len = 0;
    char *text = buf_take(body, &len);
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response)
        free(text);
    return response;
}

void http_reply_take(struct http_exchange *x, int status, const char *content_type,
                     struct buf *body)
{
    http_give(x, status, content_type, from_buffer(body));
}

/* The tag is kept besides the headers, which microhttpd has to itself. */
struct http_kept *http_kept_new(const struct http_exchange *x, int status, const char *content_type,
                                struct buf *body)
{
    const char *etag = "";
    for (const struct http_field *f = x->headers.first; f; f = f->next)
        if (strcasecmp(f->name, MHD_HTTP_HEADER_ETAG) == 0)
            etag = f->value;
    struct MHD_Response *response = from_buffer(body);
    struct http_kept *kept = response ? malloc(sizeof *kept + strlen(etag) + 1) : NULL;
    if (kept && add_headers(x, response, content_type) == 0) {
        atomic_init(&kept->owners, 1);
        kept->response = response;
        kept->status = status;
        memcpy(kept->etag, etag, strlen(etag) + 1);
        return kept;
    }
    free(kept);
    if (response)
        MHD_destroy_response(response);
    return NULL;
}

struct http_kept *http_kept_hold(struct http_kept *kept)
{
    if (kept)
        (void)atomic_fetch_add(&kept->owners, 1);
    return kept;
}

struct http_kept *http_kept_release(struct http_kept *kept)
{
    if (kept && atomic_fetch_sub(&kept->owners, 1) == 1) {
        MHD_destroy_response(kept->response);
        free(kept);
    }
    return NULL;
}

/* microhttpd sends a 304 without the body, of which it tells the length. */
void http_reply_kept(struct http_exchange *x, struct http_kept *kept)
{
    const bool known = kept && kept->etag[0] && http_has_etag(x, kept->etag);
    if (kept)
        give(x, known ? MHD_HTTP_NOT_MODIFIED : kept->status, kept->response, kept);
    else
        give(x, 0, NULL, NULL);
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
