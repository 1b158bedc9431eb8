/* Reading what a request is about, and its life.
 *
 * Path style and virtual hosts (bucket.localhost) are both understood. The key is everything behind
 * the bucket, percent-decoded once and never normalised: "a//b/../c" is a key like any other, which
 * is safe because no file is named after it. */
#include "server/local/s3/s3d_request.h"

#include "lib/crypto/crypto.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VIRTUAL_HOST ".localhost"

enum { BUCKET_NAME_MIN = 3, BUCKET_NAME_MAX = 63 };

int64_t s3d_now(const struct local_s3 *s3)
{
    return clock_wall(s3->clock) / CLOCK_SECOND * CLOCK_SECOND;
}

/* Two hex digits; -1 if they are not. */
static int hex_value(const char *two)
{
    char text[3] = {two[0], two[0] ? two[1] : '\0', '\0'};
    if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
        return -1;
    return (int)strtol(text, NULL, 16);
}

/* Length of the UTF-8 sequence at `p`, 0 if there is none that is well formed. */
static size_t utf8_sequence(const unsigned char *p)
{
    const unsigned char c = p[0];
    const size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

int s3d_decode(const char *text, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            c = len - i > 2 ? hex_value(text + i + 1) : -1;
            i += 2;
        }
        if (c <= 0 || n + 1 >= size)
            return -1;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    for (const char *p = out; *p;) {
        const size_t step = utf8_sequence((const unsigned char *)p);
        if (!step)
            return -1;
        p += step;
    }
    return 0;
}

/* 192.168.5.4 is no bucket. */
static bool looks_like_an_address(const char *name)
{
    int dots = 0;
    for (const char *p = name; *p; p++) {
        if (*p == '.')
            dots++;
        else if (!isdigit((unsigned char)*p))
            return false;
    }
    return dots == 3;
}

bool s3d_bucket_name_valid(const char *name)
{
    const size_t len = strlen(name);
    if (len < BUCKET_NAME_MIN || len > BUCKET_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != len)
        return false;
    if (!isalnum((unsigned char)name[0]) || !isalnum((unsigned char)name[len - 1]))
        return false;
    return !strstr(name, "..") && !looks_like_an_address(name);
}

int s3d_check_bucket_name(struct s3d_request *rq, const char *name)
{
    if (s3d_bucket_name_valid(name))
        return 0;
    s3d_fail(rq, S3_INVALID_BUCKET_NAME);
    return s3d_fail_extra(rq, "BucketName", name);
}

/* "name.localhost:4566" is the bucket's own host; everything else is path style. */
static const char *bucket_of_host(const struct http_exchange *x, size_t *len)
{
    const char *host = http_header(x, "Host");
    if (!host)
        return NULL;
    const size_t host_len = strcspn(host, ":"), suffix_len = strlen(VIRTUAL_HOST);
    if (host_len <= suffix_len ||
        strncasecmp(host + host_len - suffix_len, VIRTUAL_HOST, suffix_len) != 0)
        return NULL;
    *len = host_len - suffix_len;
    return host;
}

/* Splits the path into bucket and key. */
static int read_path(struct s3d_request *rq)
{
    const char *path = http_raw_path(rq->x);
    size_t len = 0;
    if (*path != '/')
        return s3d_fail(rq, S3_INVALID_URI);
    path++;
    const char *bucket = bucket_of_host(rq->x, &len);
    if (!bucket) {
        bucket = path;
        len = strcspn(path, "/");
        path += len + (path[len] == '/');
    }
    if (s3d_decode(bucket, len, rq->bucket, sizeof rq->bucket))
        return s3d_fail(rq, S3_INVALID_BUCKET_NAME);
    if (!*rq->bucket)
        return *path ? s3d_fail(rq, S3_INVALID_BUCKET_NAME) : 0;
    if (s3d_check_bucket_name(rq, rq->bucket))
        return -1;
    const size_t key_len = strlen(path);
    if (s3d_decode(path, key_len, rq->key, key_len + 1))
        return s3d_fail(rq, S3_INVALID_URI);
    return strlen(rq->key) > S3_KEY_MAX ? s3d_fail(rq, S3_KEY_TOO_LONG) : 0;
}

/* Ids as S3 has them: 16 upper-case hex digits, and base64. */
static int make_ids(struct s3d_request *rq)
{
    unsigned char random[32];
    if (crypto_random(random, sizeof random, NULL))
        return -1;
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(rq->id + 2 * i, 3, "%02X", random[i]);
    crypto_base64(random, sizeof random, rq->host_id);
    return 0;
}

struct s3d_request *s3d_request_new(struct local_s3 *s3, struct http_exchange *x)
{
    struct s3d_request *rq = calloc(1, sizeof *rq);
    if (!rq)
        return NULL;
    rq->s3 = s3;
    rq->x = x;
    atomic_init(&rq->owners, 1);
    rq->key = calloc(1, strlen(http_raw_path(x)) + 1);
    if (!rq->key || make_ids(rq)) {
        s3d_request_release(rq);
        return NULL;
    }
    if (read_path(rq) == 0)
        (void)s3d_route_find(rq);
    return rq;
}

/* The last owner may be the HTTP server's thread or a worker's. */
void s3d_request_release(struct s3d_request *rq)
{
    if (atomic_fetch_sub(&rq->owners, 1) != 1)
        return;
    s3d_sink_close(&rq->sink);
    free(rq->key);
    free(rq);
}

/* On the HTTP thread or on a worker's. */
void s3d_request_run(struct s3d_request *rq)
{
    if (rq->route->run(rq))
        s3d_reply_fault(rq);
}

int s3d_query_number(struct s3d_request *rq, const char *name, uint64_t fallback, uint64_t min,
                     uint64_t max, uint64_t *out)
{
    const char *text = http_query(rq->x, name);
    *out = fallback;
    if (!text || !*text)
        return 0;
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || value < min || value > max) {
        s3d_failf(rq, S3_INVALID_ARGUMENT, "%s must be a whole number from %llu to %llu.", name,
                  (unsigned long long)min, (unsigned long long)max);
        return s3d_fail_extra(rq, "ArgumentName", name);
    }
    *out = value;
    return 0;
}

int s3d_query_page(struct s3d_request *rq, const char *name, uint64_t min, uint64_t *out)
{
    if (s3d_query_number(rq, name, S3_LIST_MAX, min, INT32_MAX, out))
        return -1;
    if (*out > S3_LIST_MAX)
        *out = S3_LIST_MAX;
    return 0;
}
