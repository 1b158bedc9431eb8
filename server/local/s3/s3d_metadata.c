/* The headers that an object keeps: content type and its kin, and x-amz-meta-*. */
#include "server/local/s3/s3d_ops.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define META_PREFIX "x-amz-meta-"
#define RESPONSE_PREFIX "response-"

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html */
enum { USER_METADATA_MAX = 2048, METADATA_MAX = 64 * 1024 };

static const char *const kept[] = {"cache-control",    "content-disposition", "content-encoding",
                                   "content-language", "content-type",        "expires"};

/* What the request's headers have given so far. */
struct collector {
    struct buf lines;
    size_t user_bytes; /* of user metadata, names without prefix */
    bool typed;
};

/* The headers of an object that are not user metadata. */
static bool is_kept(const char *name)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (!strcasecmp(name, kept[i]))
            return true;
    }
    return false;
}

/* aws-chunked is a coding of the request, not of the object. */
static void add_encoding(struct buf *out, const char *value)
{
    struct buf rest;
    buf_init(&rest, METADATA_MAX);
    for (const char *p = value; *p;) {
        p += strspn(p, " ,");
        const size_t len = strcspn(p, ",");
        if (len && strncasecmp(p, "aws-chunked", strlen("aws-chunked")) != 0) {
            if (rest.len)
                buf_addc(&rest, ',');
            buf_add(&rest, p, len);
        }
        p += len;
    }
    if (rest.len)
        buf_addf(out, "content-encoding: %s\n", buf_str(&rest));
    buf_free(&rest);
}

/* One header of the request, if it is to be kept: "name: value\n" with the name in lower case. */
static void collect(void *ctx, const char *name, const char *value)
{
    struct collector *c = ctx;
    const bool user = !strncasecmp(name, META_PREFIX, strlen(META_PREFIX));
    if (!user && !is_kept(name))
        return;
    if (!strcasecmp(name, "content-encoding")) {
        add_encoding(&c->lines, value);
        return;
    }
    if (user)
        c->user_bytes += strlen(name) - strlen(META_PREFIX) + strlen(value);
    if (!strcasecmp(name, "content-type"))
        c->typed = true;
    for (const char *p = name; *p; p++)
        buf_addc(&c->lines, (char)tolower((unsigned char)*p));
    buf_addf(&c->lines, ": %s\n", value);
}

/* Over 2 KB of user metadata is a fault, as in S3; the rest is bounded by the server's headers. */
char *s3d_metadata_read(struct s3d_request *rq)
{
    struct collector c = {.user_bytes = 0};
    struct error err = {0};
    buf_init(&c.lines, METADATA_MAX);
    http_each_header(rq->x, collect, &c);
    if (!c.typed)
        buf_adds(&c.lines, "content-type: binary/octet-stream\n");
    char *text = NULL;
    if (c.user_bytes > USER_METADATA_MAX)
        (void)s3d_fail(rq, S3_METADATA_TOO_LARGE);
    else if (buf_check(&c.lines, &err) || !(text = buf_take(&c.lines, NULL)))
        (void)s3d_fail_err(rq, S3_INTERNAL, &err);
    buf_free(&c.lines);
    return text;
}

/* One line "name: value", unless the query overrides that header. */
static void reply_line(struct s3d_request *rq, const char *line, size_t len)
{
    const size_t name_len = strcspn(line, ":");
    struct buf query, value;
    if (name_len + 2 > len)
        return;
    buf_init(&query, METADATA_MAX);
    buf_init(&value, METADATA_MAX);
    buf_addf(&query, RESPONSE_PREFIX "%.*s", (int)name_len, line);
    buf_add(&value, line + name_len + 2, len - name_len - 2);
    if (!http_query(rq->x, buf_str(&query)))
        http_add_header(rq->x, buf_str(&query) + strlen(RESPONSE_PREFIX), buf_str(&value));
    buf_free(&query);
    buf_free(&value);
}

void s3d_metadata_reply(struct s3d_request *rq, const char *metadata)
{
    for (const char *line = metadata; *line;) {
        const size_t len = strcspn(line, "\n");
        reply_line(rq, line, len);
        line += len + (line[len] == '\n');
    }
}
