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
    HTTP_HOST_MAX = 64,
    HTTP_MEMORY_FIRST = 512, /* the texts of most requests */
};

/* Memory that lives as long as its exchange: a first piece, then one block for each request that
 * finds no room in it. */
struct http_memory {
    struct http_block *blocks;
    size_t used; /* of `first` */
    _Alignas(max_align_t) char first[HTTP_MEMORY_FIRST];
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

/* Headers in the order in which they came or were added. */
struct http_field {
    struct http_field *next;
    const char *name;
    const char *value;
};
struct http_fields {
    struct http_field *first;
    struct http_field **end; /* where the next one is hung up; NULL: at `first` */
    size_t count;
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

    pthread_mutex_t lock; /* guards the seven below */
    enum http_state state;
    unsigned owners;
    bool deferred; /* one owner is somebody who will reply */
    struct MHD_Response *response;
    struct http_kept *kept; /* whose response it is; NULL: it is the exchange's own */
    int status;
    struct http_stream stream;

    bool begun; /* these: only touched on the connection's thread */
    bool handled;
    bool listed;      /* it is in the server's list */
    bool suspended;   /* also read by http_server_stop, under the server's lock */
    bool header_lost; /* one could not be kept: there will be no reply */
    int socket;       /* of one that is listed; else -1 */
    uint16_t port;    /* the server's */
    const char *method;
    char *path; /* path, NUL, query: one text */
    const char *query;
    struct http_pair *arguments; /* of the query, decoded */
    size_t argument_count;
    struct http_fields request_headers;
    struct http_fields headers; /* of the reply */
    struct http_body_sink body;
    void *data;
    struct http_memory memory; /* what the texts above are in; last, because it is large */
};

/* A reply of its own, with an owner more for each exchange that is about to give it. */
struct http_kept {
    atomic_size_t owners;
    struct MHD_Response *response;
    int status;
    char etag[]; /* "": none */
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    int listen_fd; /* ours again after quiesce, else microhttpd's */
    bool quiesced;
    uint16_t port;
    char url[HTTP_HOST_MAX + 24];

    atomic_uint connections;
    atomic_size_t bodies;   /* bytes in memory of all bodies, without the first ones of each */
    atomic_size_t open;     /* exchanges that their connection has not let go */
    atomic_size_t handling; /* handlers at work (what they deferred not counted) */
    atomic_bool closing;    /* requests get 503 instead of a handler */

    pthread_mutex_t lock; /* guards the two below; taken before an exchange's lock */
    pthread_cond_t idle;  /* while it is closing: signalled when one of the two counts is less */
    struct http_exchange *exchanges; /* those that stopping must find: deferred ones, streams */
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

/* Memory of the exchange's own, not initialised; NULL when there is none. */
void *http_memory_take(struct http_memory *m, size_t size);
/* Frees all that was taken. */
void http_memory_free(struct http_memory *m);
/* A copy with a NUL behind it. */
char *http_memory_text(struct http_memory *m, const char *text, size_t len);
/* Adds copies of both texts. -1 without memory. */
int http_fields_add(struct http_fields *fields, struct http_memory *m,
                    const struct http_pair *pair);

/* Splits and decodes the query into x->arguments. -1 without memory. */
int http_parse_query(struct http_exchange *x);
/* Copies the request's headers, so that they outlive the connection. -1 without memory. */
int http_copy_headers(struct http_exchange *x);
/* Puts it on the list of those that stopping must find. The server's lock is held; called on the
 * connection's thread, or for one that is there already. */
void http_exchange_list_locked(struct http_exchange *x);
/* One owner less; frees at the last. */
void http_exchange_release(struct http_exchange *x);
/* Hands the reply over, or drops it; `response` (NULL closes the connection) is taken over. */
void http_give(struct http_exchange *x, int status, const char *content_type,
               struct MHD_Response *response);
/* Lets go of a response that is not given, or was handed to microhttpd; `kept` as in an exchange.
 */
void http_response_drop(struct MHD_Response *response, struct http_kept *kept);
/* Ends an endless stream, because the server stops. The server's lock is held. */
void http_stream_stop_locked(struct http_exchange *x);
/* Answers a deferred exchange 503 in its owner's place; does nothing in any other state. The
 * server's lock is held. */
void http_exchange_abandon_locked(struct http_exchange *x);

#endif
