/* http_private: what the files of http_server share. Private to lib/http_server.
 *
 * An exchange has up to two owners: its connection (from the request line to the completion
 * callback) and, once deferred, whoever will reply. The last one to let go frees it, so a reply
 * that comes after the server was stopped finds memory and does nothing. */
#ifndef STEPFLEET_HTTP_PRIVATE_H
#define STEPFLEET_HTTP_PRIVATE_H

#include "lib/http_server/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    HTTP_QUERY_MAX = 64, /* arguments looked at */
    HTTP_REPLY_HEADERS_MAX = 2048,
    HTTP_PEER_MAX = 64,
    HTTP_HOST_MAX = 64,
};

/* A request's way: OPEN -> (DEFERRED ->) REPLIED -> QUEUED -> GONE. */
enum http_state {
    HTTP_OPEN,     /* body is coming, or a handler is at work */
    HTTP_DEFERRED, /* the connection is suspended until a reply comes */
    HTTP_REPLIED,  /* there is a reply (or it could not be built); microhttpd has not got it yet */
    HTTP_QUEUED,   /* microhttpd is sending it */
    HTTP_GONE,     /* the connection has let go; replies are dropped */
};

struct http_pair {
    const char *name;
    const char *value;
};

struct http_body_sink {
    struct buf memory;
    uint64_t max;
    uint64_t len;  /* bytes that were kept */
    uint64_t seen; /* bytes that came */
    int fd;        /* -1: none */
    bool streamed; /* http_body_to_fd was called: nothing is kept in memory */
    bool too_large;
    bool crowded;   /* there was no room for it: it was dropped */
    size_t charged; /* its share of the server's sum */
    bool hurried;   /* it is large: it must keep its pace */
    int64_t since;  /* monotonic: when its pace was looked at last, ... */
    uint64_t then;  /* ... and the bytes that had come by then */
    int error;      /* errno of a failed write */
    void (*piece)(void *data, const void *bytes, size_t len);
    void *piece_data;
};

/* A reply without a known end; guarded by the exchange's lock but for `source`, which is const. */
struct http_stream {
    struct http_stream_source source;
    bool open;
    bool waiting; /* the connection is suspended until it is woken */
    bool woken;   /* since the source was last asked */
    bool ended;   /* the source is not asked any more */
};

struct http_exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_exchange *prev, *next; /* the server's list, guarded by its lock */

    pthread_mutex_t lock; /* guards the six below */
    enum http_state state;
    unsigned owners;
    bool deferred; /* one owner is somebody who will reply */
    struct MHD_Response *response;
    int status;
    struct http_stream stream;

    bool begun; /* these: only touched on the connection's thread */
    bool handled;
    bool suspended; /* also read by http_server_stop, under the server's lock */
    int socket;
    uint16_t port; /* the server's */
    char *method;
    char *path; /* path, NUL, query: one allocation */
    char *query;
    char *decoded; /* the texts that `arguments` point into */
    struct http_pair arguments[HTTP_QUERY_MAX];
    size_t argument_count;
    struct http_pair *request_headers; /* one allocation with its texts */
    size_t request_header_count;
    struct http_pair *headers; /* of the reply; each name owns both texts */
    size_t header_count;
    bool header_lost; /* one could not be kept: there will be no reply */
    char peer[HTTP_PEER_MAX];
    struct http_body_sink body;
    void *data;
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    int listen_fd; /* ours again after quiesce, else microhttpd's */
    bool quiesced;
    uint16_t port;
    char url[HTTP_HOST_MAX + 24];

    atomic_uint connections;
    atomic_size_t bodies; /* bytes in memory of all bodies, without the first ones of each */
    pthread_mutex_t lock; /* guards the five below; taken before an exchange's lock */
    pthread_cond_t idle; /* signalled when the list becomes empty, and when no handler is at work */
    struct http_exchange *exchanges;
    unsigned handling; /* handlers at work (what they deferred not counted) */
    bool closing;      /* requests get 503 instead of a handler */
    bool stopping;
};

/* microhttpd's callbacks. */
void *http_exchange_new(void *server, const char *uri, struct MHD_Connection *connection);
/* The access handler: headers, parts of the body, its end, and once more after a resume. */
enum MHD_Result http_exchange_access(void *server, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version,
                                     const char *upload, size_t *upload_len, void **exchange);
/* The connection lets go of its exchange: answered, lost, or the server stops. Calls the
 * options' `finished`. */
void http_exchange_completed(void *server, struct MHD_Connection *connection, void **exchange,
                             enum MHD_RequestTerminationCode why);

/* Splits and decodes the query into x->arguments. -1 without memory. */
int http_parse_query(struct http_exchange *x);
/* Copies the request's headers, so that they outlive the connection. -1 without memory. */
int http_copy_headers(struct http_exchange *x);
/* One owner less; frees at the last. */
void http_exchange_release(struct http_exchange *x);
/* Hands the reply over, or drops it; `response` (NULL closes the connection) is taken over. */
void http_give(struct http_exchange *x, int status, const char *content_type,
               struct MHD_Response *response);
/* Ends an endless stream, because the server stops. The server's lock is held. */
void http_stream_stop_locked(struct http_exchange *x);
/* Answers a deferred exchange 503 in its owner's place; does nothing in any other state. The
 * server's lock is held. */
void http_exchange_abandon_locked(struct http_exchange *x);

#endif
