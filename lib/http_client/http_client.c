/* The client: which call has a connection, which waits, and who is told when one is done. curl's
 * callbacks only collect bytes; all decisions are made here, between its calls. */
#include "lib/http_client/http_client.h"

#include "lib/http_client/http_call.h"
#include "lib/http_client/http_system.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_CONNECTIONS = 64, DEFAULT_CONNECT_MS = 3100 };

/* Calls to one scheme, host and port. They wait here, not in curl, when all connections are busy:
 * curl counts the time in its own queue against the timeouts of connect and call. */
struct http_host {
    struct http_host *next;
    char *origin;
    size_t active; /* calls that curl has */
    struct http_call *first, *last;
};

struct http_client {
    CURLM *multi;
    struct http_client_options options; /* texts are ours */
    char *ca_bundle;
    char *user_agent;
    struct http_host *hosts;
    struct http_call *calls; /* in flight and waiting */
    int count;               /* of calls */
};

/* Copies a text that may be NULL. */
static int copy_text(char **out, const char *text, struct error *err)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? err_set(err, ERR_MEMORY, "out of memory for the HTTP client") : 0;
}

/* The multi handle keeps connections; easy handles come and go with their calls. */
static int client_open(struct http_client *c, const struct http_client_options *o,
                       struct error *err)
{
    const char *ca_bundle = o->ca_bundle ? o->ca_bundle : http_ca_bundle();
    if (copy_text(&c->ca_bundle, ca_bundle, err) || copy_text(&c->user_agent, o->user_agent, err))
        return -1;
    c->options.ca_bundle = c->ca_bundle;
    c->options.user_agent = c->user_agent;
    c->options.max_connections = o->max_connections > 0 ? o->max_connections : DEFAULT_CONNECTIONS;
    c->options.connect_ms = o->connect_ms > 0 ? o->connect_ms : DEFAULT_CONNECT_MS;
    c->multi = curl_multi_init();
    if (!c->multi)
        return err_set(err, ERR_MEMORY, "out of memory for the HTTP client");
    /* Idle connections kept: enough for a few hosts at once. */
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 4 * c->options.max_connections);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return 0;
}

/* curl_global_init counts its calls; each client has one of its own. */
struct http_client *http_client_new(const struct http_client_options *options, struct error *err)
{
    static const struct http_client_options defaults = {0};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(err, ERR_INTERNAL, "curl could not be initialised");
        return NULL;
    }
    struct http_client *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(err, ERR_MEMORY, "out of memory for the HTTP client");
        curl_global_cleanup();
        return NULL;
    }
    if (client_open(c, options ? options : &defaults, err))
        return http_client_free(c);
    return c;
}

/* Takes a call out of the client's list; it is the caller's to free. */
static void unlink_call(struct http_client *c, struct http_call *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        c->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    c->count--;
}

static struct http_host *host_free(struct http_host *host)
{
    if (host)
        free(host->origin);
    free(host);
    return NULL;
}

/* Handles leave curl before they are freed, and curl before the texts it borrows. */
struct http_client *http_client_free(struct http_client *c)
{
    if (!c)
        return NULL;
    while (c->calls) {
        struct http_call *call = c->calls;
        unlink_call(c, call);
        if (call->easy)
            (void)curl_multi_remove_handle(c->multi, call->easy);
        http_call_free(call);
    }
    while (c->hosts) {
        struct http_host *host = c->hosts;
        c->hosts = host->next;
        host_free(host);
    }
    curl_multi_cleanup(c->multi);
    free(c->ca_bundle);
    free(c->user_agent);
    free(c);
    curl_global_cleanup();
    return NULL;
}

/* The host a URL goes to, made when it is new. */
static struct http_host *host_of(struct http_client *c, const char *url, struct error *err)
{
    size_t len = http_url_origin(url);
    for (struct http_host *host = c->hosts; host; host = host->next)
        if (strlen(host->origin) == len && memcmp(host->origin, url, len) == 0)
            return host;
    struct http_host *host = calloc(1, sizeof *host);
    if (host)
        host->origin = strndup(url, len);
    if (!host || !host->origin) {
        err_set(err, ERR_MEMORY, "out of memory for an HTTP host");
        return host_free(host);
    }
    host->next = c->hosts;
    c->hosts = host;
    return host;
}

/* Forgets a host that nothing uses, so that the list stays as short as the traffic is wide. */
static void drop_idle_host(struct http_client *c, struct http_host *host)
{
    if (host->active || host->first)
        return;
    struct http_host **at = &c->hosts;
    while (*at != host)
        at = &(*at)->next;
    *at = host->next;
    host_free(host);
}

/* Hands a call to curl. */
static int start(struct http_client *c, struct http_call *call, struct error *err)
{
    if (http_call_prepare(call, &c->options, err))
        return -1;
    CURLMcode code = curl_multi_add_handle(c->multi, call->easy);
    if (code != CURLM_OK) {
        curl_easy_cleanup(call->easy);
        call->easy = NULL;
        return err_set(err, ERR_MEMORY, "curl: %s", curl_multi_strerror(code));
    }
    call->host->active++;
    return 0;
}

/* First come, first served within a host. */
static void enqueue(struct http_call *call)
{
    struct http_host *host = call->host;
    if (host->last)
        host->last->queue_next = call;
    else
        host->first = call;
    host->last = call;
}

static struct http_call *dequeue(struct http_host *host)
{
    struct http_call *call = host->first;
    host->first = call->queue_next;
    if (!host->first)
        host->last = NULL;
    call->queue_next = NULL;
    return call;
}

/* Nothing is sent yet: curl's first step is taken by the next poll. */
int http_client_send(struct http_client *c, const struct http_request *req, http_done_fn done,
                     void *ctx, struct error *err)
{
    struct http_call *call = http_call_new(req, done, ctx, err);
    if (!call)
        return -1;
    call->host = host_of(c, call->url, err);
    if (!call->host)
        goto free_call;
    if (call->host->active >= (size_t)c->options.max_connections)
        enqueue(call);
    else if (start(c, call, err))
        goto drop_host;
    call->next = c->calls;
    if (c->calls)
        c->calls->prev = call;
    c->calls = call;
    c->count++;
    return 0;

drop_host:
    drop_idle_host(c, call->host);
free_call:
    http_call_free(call);
    return -1;
}

/* Tells the owner how it ended; the call is gone afterwards. */
static void finish(struct http_client *c, struct http_call *call, bool answered,
                   const struct error *err)
{
    unlink_call(c, call);
    call->done(call->ctx, answered ? &call->response : NULL, answered ? NULL : err);
    http_call_free(call);
}

/* Lets calls that wait for this host go while there is room; one that cannot start has failed. */
static void start_waiting(struct http_client *c, struct http_host *host)
{
    while (host->first && host->active < (size_t)c->options.max_connections) {
        struct http_call *call = dequeue(host);
        struct error err = {0};
        if (start(c, call, &err) == 0)
            continue;
        host->active++; /* keeps the host alive while the callback may send to it */
        finish(c, call, false, &err);
        host->active--;
    }
    drop_idle_host(c, host);
}

/* One transfer that curl calls done. */
static void complete(struct http_client *c, CURL *easy, CURLcode code)
{
    struct http_call *call = NULL;
    struct error err = {0};
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    bool answered = http_call_outcome(call, code, &err) == 0;
    struct http_host *host = call->host;
    (void)curl_multi_remove_handle(c->multi, easy);
    finish(c, call, answered, &err);
    host->active--;
    start_waiting(c, host);
}

/* Moves all transfers on. Returns the number that were done, or -1. */
static int run(struct http_client *c, struct error *err)
{
    int running = 0;
    int left = 0;
    int done = 0;
    CURLMcode code = curl_multi_perform(c->multi, &running);
    if (code != CURLM_OK)
        return err_set(err, ERR_INTERNAL, "curl: %s", curl_multi_strerror(code));
    for (CURLMsg *msg; (msg = curl_multi_info_read(c->multi, &left));) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        complete(c, msg->easy_handle, msg->data.result);
        done++;
    }
    return done;
}

/* Waits only when nothing was done, so that owners hear of answers at once. */
int http_client_poll(struct http_client *c, int timeout_ms, struct error *err)
{
    int done = run(c, err);
    if (done < 0)
        return -1;
    if (done == 0 && timeout_ms > 0) {
        CURLMcode code = curl_multi_poll(c->multi, NULL, 0, timeout_ms, NULL);
        if (code != CURLM_OK)
            return err_set(err, ERR_INTERNAL, "curl: %s", curl_multi_strerror(code));
        if (run(c, err) < 0)
            return -1;
    }
    return c->count;
}

void http_client_wakeup(struct http_client *c)
{
    (void)curl_multi_wakeup(c->multi); /* fails only if its pipe is full: then it wakes anyway */
}

/* Where http_client_call waits for its answer. */
struct waiting {
    bool done;
    struct http_response *out;
    struct error *err;
    int rc;
};

/* The answer moves to the caller's struct. */
static void call_done(void *ctx, struct http_response *response, const struct error *err)
{
    struct waiting *w = ctx;
    w->done = true;
    if (response) {
        *w->out = *response;
        *response = (struct http_response){0};
    } else {
        w->rc = -1;
        if (w->err)
            *w->err = *err;
    }
}

static void ignore_done(void *ctx, struct http_response *response, const struct error *err)
{
    (void)ctx;
    (void)response;
    (void)err;
}

/* Makes sure that nobody writes to `w` any more: its call goes on, and tells nobody. */
static void abandon(struct http_client *c, const struct waiting *w)
{
    for (struct http_call *call = c->calls; call; call = call->next) {
        if (call->ctx == w)
            call->done = ignore_done;
    }
}

/* Polls until its own call is done; others that are in flight move on meanwhile, callbacks and all.
 */
int http_client_call_until(struct http_client *c, const struct http_request *req, http_stop_fn stop,
                           void *ctx, struct http_response *out, struct error *err)
{
    const int slice_ms = stop ? 50 : 1000;
    struct waiting w = {.out = out, .err = err};
    int rc = 0;
    *out = (struct http_response){0};
    if (http_client_send(c, req, call_done, &w, err))
        return -1;
    while (!w.done && rc == 0) {
        if (stop && stop(ctx))
            rc = err_set(err, ERR_TIMEOUT, "told to stop");
        else if (http_client_poll(c, slice_ms, err) < 0)
            rc = -1;
    }
    if (w.done)
        return w.rc;
    abandon(c, &w);
    return rc;
}

int http_client_call(struct http_client *c, const struct http_request *req,
                     struct http_response *out, struct error *err)
{
    return http_client_call_until(c, req, NULL, NULL, out, err);
}
