/* Headers are listed once, in the order in which they are sent; the signed ones are picked by name.
 */
#include "lib/aws/attempt.h"

#include <stdio.h>
#include <string.h>

/* What is signed: host, what AWS must see unchanged. Not amz-sdk-*: they differ by attempt and are
 * for AWS's statistics only. */
static bool is_signed(const char *name)
{
    return strncasecmp(name, "x-amz-", 6) == 0 || strcasecmp(name, "host") == 0 ||
           strcasecmp(name, "content-type") == 0 || strcasecmp(name, "content-md5") == 0;
}

/* Room is assured by ATTEMPT_HEADERS_MAX: the request's own and ten of ours. */
static void add(struct attempt *t, const char *name, const char *value)
{
    t->headers[t->count++] = (struct http_header){name, value};
    if (is_signed(name))
        t->to_sign[t->to_sign_count++] = (struct sigv4_header){name, value};
}

/* Host and date come first in any case: without them there is nothing to sign. */
static void add_headers(struct attempt *t, const struct attempt_input *in)
{
    const struct aws_request *r = in->request;
    const struct aws_service_info *service = aws_service_info(r->service);
    add(t, "Host", buf_str(&t->target.host));
    add(t, "X-Amz-Date", t->date);
    if (in->credentials->session_token && !r->anonymous)
        add(t, "X-Amz-Security-Token", in->credentials->session_token);
    if (service->target_prefix)
        add(t, "X-Amz-Target", t->x_target);
    if (service->content_type)
        add(t, "Content-Type", service->content_type);
    if (r->service == AWS_S3)
        add(t, "X-Amz-Content-Sha256", in->payload_hash);
    for (size_t i = 0; i < r->header_count; i++)
        add(t, r->headers[i].name, buf_str(&r->headers[i].value));
    add(t, "amz-sdk-invocation-id", in->invocation_id);
    add(t, "amz-sdk-request", t->sdk_request);
}

/* S3 signs paths as they are sent; all other services sign them normalised and encoded once more.
 * Source: "Create a signed AWS API request", IAM User Guide. */
static int sign(struct attempt *t, const struct attempt_input *in, struct error *err)
{
    const struct aws_request *r = in->request;
    bool s3 = r->service == AWS_S3;
    struct sigv4_request req = {
        .method = r->method,
        .path = buf_str(&t->target.path),
        .query = buf_str(&r->query),
        .headers = t->to_sign,
        .header_count = t->to_sign_count,
        .normalize = !s3,
        .double_encode = !s3,
    };
    (void)snprintf(req.payload_hash, sizeof req.payload_hash, "%s", in->payload_hash);
    struct sigv4_scope scope = {t->date, in->region, aws_service_info(r->service)->signing_name};
    struct sigv4_credentials cred = {in->credentials->access_key_id,
                                     in->credentials->secret_access_key};
    if (sigv4_authorization(&req, &scope, &cred, &t->authorization, err))
        return -1;
    add(t, "Authorization", buf_str(&t->authorization));
    return 0;
}

static void fill_http(struct attempt *t, const struct aws_request *r)
{
    t->http = (struct http_request){
        .method = r->method,
        .url = buf_str(&t->target.url),
        .headers = t->headers,
        .header_count = t->count,
        .body = buf_str(&r->body),
        .body_len = r->body.len,
        .max_reply = r->max_reply,
        .timeout_ms = r->timeout_ms,
        .no_proxy = t->target.loopback,
    };
}

/* Headers point into this struct: it must not move until the request was handed to the HTTP client,
 * which copies them. */
int attempt_open(struct attempt *t, const struct attempt_input *in, struct error *err)
{
    const struct aws_request *r = in->request;
    const char *prefix = aws_service_info(r->service)->target_prefix;
    memset(t, 0, sizeof *t);
    buf_init(&t->target.url, 2 * BUF_MAX_LINE);
    buf_init(&t->target.host, BUF_MAX_LINE);
    buf_init(&t->target.path, BUF_MAX_LINE);
    buf_init(&t->authorization, BUF_MAX_LINE);
    clock_iso_basic(in->wall, t->date);
    (void)snprintf(t->x_target, sizeof t->x_target, "%s%s", prefix ? prefix : "", r->operation);
    (void)snprintf(t->sdk_request, sizeof t->sdk_request, "attempt=%d; max=%d", in->number,
                   in->max);
    if (endpoint_resolve(in->endpoints, r, in->region, &t->target, err))
        goto close;
    add_headers(t, in);
    if (!r->anonymous && sign(t, in, err))
        goto close;
    fill_http(t, r);
    return 0;

close:
    attempt_close(t);
    return -1;
}

void attempt_close(struct attempt *t)
{
    buf_free(&t->target.url);
    buf_free(&t->target.host);
    buf_free(&t->target.path);
    buf_free(&t->authorization);
}
