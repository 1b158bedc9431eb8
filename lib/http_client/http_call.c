/* One exchange: what is sent is fixed when the call is made, so that nothing the caller does later
 * can change it; what comes in is collected under the reply's ceiling. */
#include "lib/http_client/http_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 60000, KEEPALIVE_IDLE_S = 30, KEEPALIVE_EVERY_S = 15 };

/* Methods we send; `body` says whether a length is always announced. */
static const struct method {
    const char *name;
    bool body;
} methods[] = {{"GET", false}, {"HEAD", false}, {"DELETE", false}, {"PUT", true}, {"POST", true}};

/* NULL for methods that nobody here sends. */
static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

/* Spaces, control characters and bytes beyond ASCII must be encoded by the caller. */
size_t http_url_origin(const char *url)
{
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 127)
            return 0;
    size_t host = scheme ? strcspn(url + scheme, "/?#") : 0;
    return host ? scheme + host : 0;
}

bool http_url_base(const char *url, char *out, size_t size)
{
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || len >= size)
        return false;
    memcpy(out, url, len);
    out[len] = '\0';
    return true;
}

/* Appends one header line to the list; on failure the list stays as it was. */
static int add_line(struct curl_slist **list, const char *line, struct error *err)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        return err_set(err, ERR_MEMORY, "out of memory for a header");
    *list = longer;
    return 0;
}

/* Line breaks would smuggle in headers of somebody else's making. */
static int add_header(struct curl_slist **list, const struct http_header *h, struct error *err)
{
    if (strpbrk(h->name, "\r\n: ") || !h->name[0] || strpbrk(h->value, "\r\n"))
        return err_set(err, ERR_ARGUMENT, "header '%.64s' cannot be sent: it holds a line break",
                       h->name);
    struct buf line;
    buf_init(&line, BUF_MAX_LINE);
    /* curl leaves "Name:" out; "Name;" is its way to send an empty value. */
    if (h->value[0])
        buf_addf(&line, "%s: %s", h->name, h->value);
    else
        buf_addf(&line, "%s;", h->name);
    int rc = buf_check(&line, err);
    if (!rc)
        rc = add_line(list, buf_str(&line), err);
    buf_free(&line);
    return rc;
}

static int copy_headers(struct http_call *call, const struct http_request *req, struct error *err)
{
    bool content_type = false;
    for (size_t i = 0; i < req->header_count; i++) {
        content_type = content_type || strcasecmp(req->headers[i].name, "content-type") == 0;
        if (add_header(&call->headers, &req->headers[i], err))
            return -1;
    }
    /* What curl would add by itself: a 100-continue that stalls, and a form's content type. */
    if (add_line(&call->headers, "Expect:", err) || add_line(&call->headers, "Accept:", err))
        return -1;
    return content_type ? 0 : add_line(&call->headers, "Content-Type:", err);
}

/* The memory a request needs, with a byte more so that an empty body has an address, too. */
static int copy_texts(struct http_call *call, const struct http_request *req, struct error *err)
{
    call->url = strdup(req->url);
    call->body = malloc(req->body_len + 1);
    if (!call->url || !call->body)
        return err_set(err, ERR_MEMORY, "out of memory for an HTTP request");
    if (req->body_len)
        memcpy(call->body, req->body, req->body_len);
    call->body[req->body_len] = '\0';
    call->body_len = req->body_len;
    return copy_headers(call, req, err);
}

/* Everything is copied here: the caller's request may be gone when the call's turn comes. */
struct http_call *http_call_new(const struct http_request *req, http_done_fn done, void *ctx,
                                struct error *err)
{
    const struct method *method = find_method(req->method);
    if (!method || (req->body_len && strcmp(method->name, "HEAD") == 0)) {
        err_set(err, ERR_ARGUMENT, "method %.16s cannot be sent this way", req->method);
        return NULL;
    }
    if (!http_url_origin(req->url)) {
        err_set(err, ERR_ARGUMENT, "not an http:// or https:// URL: '%.200s'", req->url);
        return NULL;
    }
    struct http_call *call = calloc(1, sizeof *call);
    if (!call) {
        err_set(err, ERR_MEMORY, "out of memory for an HTTP request");
        return NULL;
    }
    call->done = done;
    call->ctx = ctx;
    call->method = method->name;
    call->sends_body = method->body || req->body_len > 0;
    call->no_proxy = req->no_proxy;
    call->timeout_ms = req->timeout_ms < 0   ? 0
                       : req->timeout_ms > 0 ? req->timeout_ms
                                             : DEFAULT_TIMEOUT_MS;
    buf_init(&call->response.headers, BUF_MAX_LINE);
    buf_init(&call->response.body, req->max_reply ? req->max_reply : BUF_MAX_AWS_REPLY);
    if (copy_texts(call, req, err))
        return http_call_free(call);
    return call;
}

struct http_call *http_call_free(struct http_call *call)
{
    if (!call)
        return NULL;
    if (call->easy)
        curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    http_response_free(&call->response);
    free(call->url);
    free(call->body);
    free(call);
    return NULL;
}

/* Fewer bytes than came tell curl to end the transfer; the outcome is then ERR_LIMIT. */
static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct http_call *call = ctx;
    buf_add(&call->response.body, data, size * count);
    return call->response.body.failed ? 0 : size * count;
}

/* Keeps the lines of the last header block only: a status line starts anew (after 100 Continue). */
static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
    struct http_call *call = ctx;
    struct buf *headers = &call->response.headers;
    size_t len = size * count;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
        buf_reset(headers);
    buf_add(headers, data, len);
    return headers->failed ? 0 : len;
}

/* Method and body. */
static unsigned set_method(struct http_call *call)
{
    CURL *easy = call->easy;
    if (strcmp(call->method, "HEAD") == 0)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    unsigned bad = 0;
    if (call->sends_body) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    }
    bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    return bad;
}

/* Settings are collected with |: any of them can only fail for lack of memory or an old curl. */
static unsigned set_callbacks(struct http_call *call)
{
    CURL *easy = call->easy;
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->reason);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    return bad;
}

/* Redirects are not followed: the request was signed for one host. TCP keepalive notices peers that
 * vanished during long polls. A call that is dropped does not wait for its name's resolver. */
static unsigned set_connection(struct http_call *call, const struct http_client_options *options)
{
    CURL *easy = call->easy;
    unsigned bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_EVERY_S);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, options->connect_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, call->timeout_ms);
    if (options->ca_bundle)
        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_bundle);
    if (options->user_agent)
        bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    /* A curl built without proxies refuses the option, and uses none: both are what we want. */
    if (call->no_proxy)
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    return bad;
}

/* The path goes out as it is: curl would otherwise remove "/../", which S3 keys may contain. */
int http_call_prepare(struct http_call *call, const struct http_client_options *options,
                      struct error *err)
{
    call->easy = curl_easy_init();
    if (!call->easy)
        return err_set(err, ERR_MEMORY, "out of memory for an HTTP handle");
    unsigned bad = set_method(call) | set_callbacks(call) | set_connection(call, options);
    bad |= curl_easy_setopt(call->easy, CURLOPT_URL, call->url);
    bad |= curl_easy_setopt(call->easy, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    if (bad)
        return err_set(err, ERR_INTERNAL, "curl refused an option (out of memory, or too old)");
    return 0;
}

/* Which of our errors a curl failure is. */
static enum err_code error_code(const struct http_call *call, CURLcode code)
{
    if (call->response.body.failed || call->response.headers.failed)
        return ERR_LIMIT;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return ERR_MEMORY;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_ARGUMENT;
    default:
        return ERR_NETWORK;
    }
}

/* Only the origin of the URL is told: paths and queries may hold what does not belong in logs. */
int http_call_outcome(struct http_call *call, CURLcode code, struct error *err)
{
    long status = 0;
    int origin = (int)http_url_origin(call->url);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
        call->response.status = (int)status;
        return 0;
    }
    enum err_code ours = error_code(call, code);
    if (ours == ERR_LIMIT)
        return err_set(err, ERR_LIMIT, "%s %.*s: the answer is larger than %zu bytes", call->method,
                       origin, call->url, call->response.body.max);
    return err_set(err, ours, "%s %.*s: %s", call->method, origin, call->url,
                   call->reason[0] ? call->reason : curl_easy_strerror(code));
}
