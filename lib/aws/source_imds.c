/* The instance metadata service of EC2, version 2 only: a token is asked for first, so that an
 * instance's credentials cannot be had by whoever makes a server fetch a URL. Source: EC2 User
 * Guide, "Use the Instance Metadata Service". */
#include "lib/aws/source.h"

#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"
#include "lib/json/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

enum { ORIGIN_MAX = 512, REPLY_MAX = 64 * 1024, UNAUTHORIZED = 401, NOT_FOUND = 404 };

struct imds {
    const struct source_input *in;
    char origin[ORIGIN_MAX];
    char token[1024];
    long timeout_ms;
    int attempts;
};

/* A whole number from 1 to `max` in a variable; the default if it is not set. */
static int read_number(const struct aws_options *o, const char *name, long usual, long max,
                       long *out, struct error *err)
{
    const char *text = aws_getenv(o, name);
    char *end = NULL;
    *out = text ? strtol(text, &end, 10) : usual;
    if (!text || (*end == '\0' && *out >= 1 && *out <= max))
        return 0;
    return err_set(err, ERR_ARGUMENT, "%s must be a number from 1 to %ld, not '%.32s'", name, max,
                   text);
}

static int find_origin(const struct aws_options *o, char out[ORIGIN_MAX], struct error *err)
{
    const char *url = aws_getenv(o, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = aws_getenv(o, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    bool v6 = mode && strcasecmp(mode, "IPv6") == 0;
    if (mode && !v6 && strcasecmp(mode, "IPv4") != 0)
        return err_set(err, ERR_ARGUMENT,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE must be IPv4 or IPv6, not '%.32s'",
                       mode);
    if (!url)
        url = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    if (!http_url_base(url, out, ORIGIN_MAX))
        return err_set(err, ERR_ARGUMENT,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT '%.200s' must be http://HOST[:PORT]",
                       url);
    return 0;
}

static int imds_open(struct imds *m, const struct source_input *in, struct error *err)
{
    long seconds = 0;
    long attempts = 0;
    *m = (struct imds){.in = in};
    int rc = find_origin(in->options, m->origin, err);
    if (!rc)
        rc = read_number(in->options, "AWS_METADATA_SERVICE_TIMEOUT", 1, 60, &seconds, err);
    if (!rc)
        rc = read_number(in->options, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1, 20, &attempts, err);
    m->timeout_ms = seconds * 1000;
    m->attempts = (int)attempts;
    return rc;
}

static int exchange(const struct imds *m, const char *method, const char *path,
                    const struct http_header *header, struct http_response *out, struct error *err)
{
    char url[ORIGIN_MAX + 512];
    *out = (struct http_response){0};
    if (snprintf(url, sizeof url, "%s%s", m->origin, path) >= (int)sizeof url)
        return err_set(err, ERR_LIMIT, "a path of the instance metadata is too long");
    const struct http_request request = {.method = method,
                                         .url = url,
                                         .headers = header,
                                         .header_count = 1,
                                         .max_reply = REPLY_MAX,
                                         .timeout_ms = m->timeout_ms,
                                         .no_proxy = true};
    const struct source_http how = {&request, m->attempts, CLOCK_SECOND};
    return source_http_call(m->in, &how, out, err);
}

/* No answer at all means that this is no instance, or a container behind one hop too many. */
static enum found fetch_token(struct imds *m, struct error *err)
{
    static const struct http_header ttl = {"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    struct http_response r;
    if (exchange(m, "PUT", "/latest/api/token", &ttl, &r, err)) {
        err_wrap(err, "no answer from the instance metadata (in a container on EC2 its hop limit "
                      "must be 2)");
        return NOT_CONFIGURED;
    }
    bool sound = r.status == 200 && r.body.len && r.body.len < sizeof m->token &&
                 !strpbrk(buf_str(&r.body), "\r\n") && strlen(buf_str(&r.body)) == r.body.len;
    if (sound)
        memcpy(m->token, buf_str(&r.body), r.body.len + 1);
    else
        err_set(err, ERR_DENIED, "the instance metadata gave no session token (HTTP %d)", r.status);
    http_response_free(&r);
    return sound ? FOUND : FAILED;
}

/* The answer to a path, with a new token once if the service takes the old one for expired. */
static enum found get(struct imds *m, const char *path, struct http_response *out,
                      struct error *err)
{
    const struct http_header header = {"X-aws-ec2-metadata-token", m->token};
    for (int tries = 0; tries < 2; tries++) {
        enum found found = m->token[0] ? FOUND : fetch_token(m, err);
        if (found != FOUND)
            return found;
        if (exchange(m, "GET", path, &header, out, err))
            return FAILED;
        if (out->status != UNAUTHORIZED)
            return FOUND;
        http_response_free(out);
        m->token[0] = '\0';
    }
    err_set(err, ERR_DENIED, "the instance metadata refuses its own session token (HTTP 401)");
    return FAILED;
}

/* The role's name: the first line. */
static enum found read_role(struct imds *m, struct buf *path, struct error *err)
{
    struct http_response r;
    enum found found = get(m, ROLE_PATH, &r, err);
    if (found != FOUND)
        return found;
    const char *name = buf_str(&r.body);
    size_t len = strcspn(name, "\r\n");
    buf_adds(path, ROLE_PATH);
    sigv4_encode(path, name, len, false);
    if (r.status == NOT_FOUND || (r.status == 200 && !len)) {
        err_set(err, ERR_ARGUMENT, "the instance has no role: attach an instance profile");
        found = FAILED;
    } else if (r.status != 200 || len > 128) {
        err_set(err, ERR_DENIED, "the instance metadata tells no role (HTTP %d)", r.status);
        found = FAILED;
    }
    http_response_free(&r);
    return found;
}

/* A 200 may still say that there are no credentials. */
static int read_credentials(const struct http_response *r, struct credentials *out,
                            struct error *err)
{
    json_t *body = NULL;
    struct error why = {0};
    int rc = 0;
    if (r->status != 200)
        return err_set(err, ERR_DENIED, "the instance metadata answered HTTP %d", r->status);
    if (json_parse(buf_str(&r->body), r->body.len, &body, &why))
        return err_set(err, ERR_SYNTAX, "the answer is not a JSON object");
    const char *code = json_str(body, "Code", "Success");
    if (strcmp(code, "Success") == 0)
        rc = source_read_object(body, "Token", out, err);
    else
        rc = err_set(err, ERR_DENIED, "the instance metadata gives no credentials: %.100s %.300s",
                     code, json_str(body, "Message", ""));
    json_decref(body);
    return rc;
}

enum found source_imds(const struct source_input *in, struct credentials *out, struct error *err)
{
    struct imds m;
    struct buf path;
    struct http_response r = {0};
    if (aws_is_true(in->options, "AWS_EC2_METADATA_DISABLED"))
        return NOT_CONFIGURED;
    if (imds_open(&m, in, err))
        return FAILED;
    buf_init(&path, 512);
    enum found found = read_role(&m, &path, err);
    if (found == FOUND && buf_check(&path, err))
        found = FAILED;
    if (found == FOUND)
        found = get(&m, buf_str(&path), &r, err);
    if (found == FOUND && read_credentials(&r, out, err))
        found = FAILED;
    http_response_free(&r);
    buf_free(&path);
    return found;
}

enum found imds_region(const struct aws_options *options, char *out, size_t size, struct error *err)
{
    const struct source_input in = {options, NULL};
    struct imds m;
    struct http_response r = {0};
    if (aws_is_true(options, "AWS_EC2_METADATA_DISABLED"))
        return NOT_CONFIGURED;
    if (imds_open(&m, &in, err))
        return FAILED;
    enum found found = get(&m, "/latest/meta-data/placement/region", &r, err);
    if (found == FOUND && (r.status != 200 || r.body.len == 0 || r.body.len >= size)) {
        err_set(err, ERR_DENIED, "the instance metadata tells no region (HTTP %d)", r.status);
        found = NOT_CONFIGURED;
    } else if (found == FOUND) {
        memcpy(out, buf_str(&r.body), r.body.len + 1);
    }
    http_response_free(&r);
    return found;
}
