/* http_call: one HTTP exchange: a copy of the request, the curl handle that carries it, the answer
 * as it comes in. Private to lib/http_client; owned by the client's thread. */
#ifndef STEPFLEET_HTTP_CALL_H
#define STEPFLEET_HTTP_CALL_H

#include "lib/http_client/http_client.h"

#include <curl/curl.h>

struct http_host;

struct http_call {
    struct http_call *prev, *next; /* all calls of the client */
    struct http_call *queue_next;  /* calls that wait for a connection to the same host */
    struct http_host *host;
    CURL *easy; /* NULL while waiting */
    http_done_fn done;
    void *ctx;
    const char *method; /* a literal */
    char *url;
    struct curl_slist *headers;
    char *body; /* never NULL, also when it is empty */
    size_t body_len;
    bool sends_body;
    long timeout_ms; /* 0: none, as curl has it */
    bool no_proxy;
    struct http_response response;
    char reason[CURL_ERROR_SIZE];
};

/* Checks the request and copies it. NULL with ERR_ARGUMENT if it cannot be sent as it is. */
struct http_call *http_call_new(const struct http_request *req, http_done_fn done, void *ctx,
                                struct error *err);
/* Releases the call and its curl handle, which is in no multi handle any more. NULL-safe. */
struct http_call *http_call_free(struct http_call *call);

/* Makes the curl handle, ready for a multi handle. */
int http_call_prepare(struct http_call *call, const struct http_client_options *options,
                      struct error *err);

/* Reads what became of the exchange: 0 with the status in call->response, or -1. */
int http_call_outcome(struct http_call *call, CURLcode code, struct error *err);

/* Length of the part of an absolute http(s) URL that names scheme, host and port; 0 if the URL is
 * not one that can be sent as it stands (other scheme, no host, blanks, control or raw 8-bit
 * bytes). */
size_t http_url_origin(const char *url);

#endif
