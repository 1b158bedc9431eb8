/* server/local/s3 over the wire: buckets, objects, conditions, copies, listings, uploads, what a
 * crash leaves. */
#include "server/local/s3/local_s3.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PART_MIN = 5 * 1024 * 1024 };

struct fixture {
    char dir[TEMP_FOLDER_MAX];
    struct local_s3 *s3;
    struct http_server *server;
    uint16_t port;
    char seen[4096]; /* the last reply's body */
    char head[4096]; /* and its headers */
};

static void begin(void *ctx, struct http_exchange *x)
{
    local_s3_begin(ctx, x);
}

static void handle(void *ctx, struct http_exchange *x)
{
    local_s3_handle(ctx, x);
}

static void finished(void *ctx, struct http_exchange *x)
{
    local_s3_finished(ctx, x);
}

static void serve(struct fixture *f, const char *region)
{
    struct error err = {0};
    const struct local_s3_options options = {
        .dir = f->dir, .region = region, .clock = clock_system()};
    f->s3 = local_s3_open(&options, &err);
    cr_assert_not_null(f->s3, "%s", err.message);
    const struct http_server_options server = {.host = "127.0.0.1",
                                               .threads = 2,
                                               .max_body = 1000,
                                               .ctx = f->s3,
                                               .begin = begin,
                                               .handle = handle,
                                               .finished = finished};
    f->server = http_server_start(&server, &err);
    cr_assert_not_null(f->server, "%s", err.message);
    f->port = http_server_port(f->server);
}

static void start(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    temp_folder_make(f->dir, "s3");
    serve(f, "eu-west-1");
}

static void halt(struct fixture *f)
{
    f->server = http_server_stop(f->server);
    f->s3 = local_s3_close(f->s3);
}

static void stop(struct fixture *f)
{
    halt(f);
    temp_folder_remove(f->dir);
}

/* Sends a request; the reply's body is kept in f->seen. */
static int call(struct fixture *f, const char *method, const char *path, const char *headers,
                const char *body)
{
    struct raw_reply r;
    raw_call(f->port, method, path, headers, body, &r);
    (void)snprintf(f->seen, sizeof f->seen, "%s", buf_str(&r.body));
    (void)snprintf(f->head, sizeof f->head, "%s", buf_str(&r.head));
    const int status = r.status;
    raw_reply_free(&r);
    return status;
}

/* A row of a table: a request and what must come of it. */
struct step {
    const char *method, *path, *headers, *body;
    int status;
    const char *says; /* is in the reply's headers or body; NULL: anything */
};

static void run_steps(struct fixture *f, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        const int status =
            call(f, s->method, s->path, s->headers ? s->headers : "", s->body ? s->body : "");
        cr_expect_eq(status, s->status, "step %zu, %s %s: %d %s", i, s->method, s->path, status,
                     f->seen);
        if (s->says)
            cr_expect(strstr(f->seen, s->says) || strstr(f->head, s->says),
                      "step %zu, %s %s: no '%s' in %s%s", i, s->method, s->path, s->says, f->head,
                      f->seen);
    }
}

#define RUN(f, steps) run_steps((f), (steps), sizeof(steps) / sizeof *(steps))
#define ETAG_HELLO "\"5d41402abc4b2a76b9719d911017c592\""

Test(local_s3, buckets)
{
    static const struct step steps[] = {
        {"PUT", "/one", NULL, NULL, 200, "Location: /one"},
        {"PUT", "/one", NULL, NULL, 409, "BucketAlreadyOwnedByYou"},
        {"PUT", "/two", NULL,
         "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
         "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
         200, NULL},
        {"PUT", "/three", NULL,
         "<CreateBucketConfiguration><LocationConstraint>us-west-2</LocationConstraint>"
         "</CreateBucketConfiguration>",
         400, "IllegalLocationConstraintException"},
        {"PUT", "/three", NULL, "<Create", 400, "MalformedXML"},
        {"PUT", "/three", NULL, "<CreateBucketConfiguration><Tags/></CreateBucketConfiguration>",
         501, "Tags"},
        {"PUT", "/No", NULL, NULL, 400, "InvalidBucketName"},
        {"HEAD", "/one", NULL, NULL, 200, "x-amz-bucket-region: eu-west-1"},
        {"HEAD", "/three", NULL, NULL, 404, NULL},
        {"GET", "/one?location", NULL, NULL, 200, ">eu-west-1</LocationConstraint>"},
        {"GET", "/", NULL, NULL, 200, "<Name>one</Name>"},
        {"PUT", "/one/k", NULL, "x", 200, NULL},
        {"DELETE", "/one", NULL, NULL, 409, "BucketNotEmpty"},
        {"DELETE", "/one/k", NULL, NULL, 204, NULL},
        {"DELETE", "/one", NULL, NULL, 204, NULL},
        {"DELETE", "/one", NULL, NULL, 404, "<BucketName>one</BucketName>"},
        {"PUT", "/one/k", NULL, "x", 404, "NoSuchBucket"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

Test(local_s3, objects_and_their_headers)
{
    static const struct step steps[] = {
        {"PUT", "/bkt", NULL, NULL, 200, NULL},
        {"PUT", "/bkt/a%20b", "Content-Type: text/x\r\nX-Amz-Meta-Foo: B ar\r\n", "hello", 200,
         "ETag: " ETAG_HELLO},
        {"GET", "/bkt/a%20b", NULL, NULL, 200, "x-amz-meta-foo: B ar"},
        {"GET", "/bkt/a%20b", NULL, NULL, 200, "content-type: text/x"},
        {"GET", "/bkt/a%20b?response-content-type=a%2Fb", NULL, NULL, 200, "content-type: a/b"},
        {"GET", "/bkt/a%20b", "Range: bytes=1-3\r\n", NULL, 206, "Content-Range: bytes 1-3/5"},
        {"GET", "/bkt/a%20b", "Range: bytes=5-\r\n", NULL, 416, "<ActualObjectSize>5<"},
        {"HEAD", "/bkt/a%20b", NULL, NULL, 200, "Content-Length: 5"},
        {"HEAD", "/bkt/none", NULL, NULL, 404, NULL},
        {"GET", "/bkt/none", NULL, NULL, 404, "<Key>none</Key>"},
        {"PUT", "/bkt/empty", NULL, NULL, 200, "d41d8cd98f00b204e9800998ecf8427e"},
        {"GET", "/bkt/empty", NULL, NULL, 200, "content-type: binary/octet-stream"},
        {"PUT", "/bkt/enc", "Content-Encoding: aws-chunked,gzip\r\n", "x", 200, NULL},
        {"GET", "/bkt/enc", NULL, NULL, 200, "content-encoding: gzip"},
        {"DELETE", "/bkt/none", NULL, NULL, 204, NULL},
        {"GET", "/bkt/%00", NULL, NULL, 400, "InvalidURI"},
        {"GET", "/bkt/a%20b?tagging", NULL, NULL, 200, "<TagSet></TagSet>"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    cr_expect_eq(call(&f, "GET", "/bkt/a%20b", "Range: bytes=1-3\r\n", ""), 206);
    cr_expect_str_eq(f.seen, "ell");
    stop(&f);
}

Test(local_s3, conditions)
{
    static const struct step steps[] = {
        {"PUT", "/bkt", NULL, NULL, 200, NULL},
        {"PUT", "/bkt/k", "If-Match: \"x\"\r\n", "hello", 404, "NoSuchKey"},
        {"PUT", "/bkt/k", "If-None-Match: *\r\n", "hello", 200, NULL},
        {"PUT", "/bkt/k", "If-None-Match: *\r\n", "other", 412, "<Condition>If-None-Match<"},
        {"PUT", "/bkt/k", "If-None-Match: \"x\"\r\n", "other", 501, "NotImplemented"},
        {"PUT", "/bkt/k", "If-Match: \"x\"\r\n", "other", 412, "<Condition>If-Match<"},
        {"PUT", "/bkt/k", "If-Match: " ETAG_HELLO "\r\n", "hello", 200, NULL},
        {"GET", "/bkt/k", "If-Match: " ETAG_HELLO "\r\n", NULL, 200, "hello"},
        {"GET", "/bkt/k", "If-Match: \"x\"\r\n", NULL, 412, "PreconditionFailed"},
        {"GET", "/bkt/k", "If-None-Match: " ETAG_HELLO "\r\n", NULL, 304, "ETag: " ETAG_HELLO},
        {"GET", "/bkt/k", "If-None-Match: \"x\"\r\n", NULL, 200, "hello"},
        {"GET", "/bkt/k", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n", NULL, 304, NULL},
        {"GET", "/bkt/k", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n", NULL, 200, NULL},
        {"GET", "/bkt/k", "If-Modified-Since: once upon a time\r\n", NULL, 200, NULL},
        {"GET", "/bkt/k", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n", NULL, 412,
         NULL},
        {"GET", "/bkt/k",
         "If-Match: " ETAG_HELLO "\r\nIf-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n", NULL,
         200, "hello"},
        {"DELETE", "/bkt/k", "If-Match: \"x\"\r\n", NULL, 412, NULL},
        {"GET", "/bkt/k", NULL, NULL, 200, "hello"},
        {"DELETE", "/bkt/k", "If-Match: " ETAG_HELLO "\r\n", NULL, 204, NULL},
        {"GET", "/bkt/k", NULL, NULL, 404, NULL},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

Test(local_s3, bodies_must_be_what_their_headers_say)
{
    static const struct step steps[] = {
        {"PUT", "/bkt", NULL, NULL, 200, NULL},
        {"PUT", "/bkt/k", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n", "hello", 200, NULL},
        {"PUT", "/bkt/k", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n", "hellO", 400, "BadDigest"},
        {"PUT", "/bkt/k", "Content-MD5: no\r\n", "hello", 400, "InvalidDigest"},
        {"PUT", "/bkt/k", "x-amz-checksum-crc32: NhCmhg==\r\n", "hello", 200, NULL},
        {"GET", "/bkt/k", "x-amz-checksum-mode: ENABLED\r\n", NULL, 200,
         "x-amz-checksum-crc32: NhCmhg=="},
        {"PUT", "/bkt/k", "x-amz-checksum-crc32: AAAAAA==\r\n", "hello", 400, "BadDigest"},
        {"PUT", "/bkt/k",
         "x-amz-checksum-crc32: NhCmhg==\r\nx-amz-checksum-sha1: qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n",
         "hello", 400, "InvalidRequest"},
        {"PUT", "/bkt/k",
         "x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
         "\r\n",
         "hello", 200, NULL},
        {"PUT", "/bkt/k",
         "x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
         "\r\n",
         "hellO", 400, "XAmzContentSHA256Mismatch"},
        {"PUT", "/bkt/k",
         "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
         "x-amz-decoded-content-length: 5\r\nx-amz-trailer: x-amz-checksum-crc32\r\n",
         "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 200, ETAG_HELLO},
        {"PUT", "/bkt/k",
         "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
         "x-amz-decoded-content-length: 5\r\nx-amz-trailer: x-amz-checksum-crc32\r\n",
         "5\r\nhello\r\n0\r\n\r\n", 400, "BadDigest"},
        {"PUT", "/bkt/k",
         "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
         "x-amz-decoded-content-length: 6\r\n",
         "5;chunk-signature=0\r\nhello\r\n0;chunk-signature=0\r\n\r\n", 400, "IncompleteBody"},
        {"GET", "/bkt/k", NULL, NULL, 200, "hello"},
    };
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f);
    RUN(&f, steps);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "PUT /bkt/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "1\r\nx\r\n0\r\n\r\n");
    cr_assert(raw_read(&c, &r, false));
    cr_expect_eq(r.status, 411);
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}

Test(local_s3, what_is_not_implemented_says_so)
{
    static const struct step steps[] = {
        {"PUT", "/bkt", NULL, NULL, 200, NULL},
        {"PUT", "/bkt/k", "x-amz-tagging: a=b\r\n", "x", 501, "x-amz-tagging"},
        {"PUT", "/bkt/k", "x-amz-acl: public-read\r\n", "x", 501, "public-read"},
        {"PUT", "/bkt/k", "x-amz-storage-class: GLACIER\r\n", "x", 501, "GLACIER"},
        {"PUT", "/bkt/k", "x-amz-server-side-encryption: aws:kms\r\n", "x", 501, "aws:kms"},
        {"PUT", "/bkt/k", "x-amz-expected-bucket-owner: 123456789012\r\n", "x", 403,
         "AccessDenied"},
        {"PUT", "/bkt/k", "x-amz-acl: private\r\nx-amz-storage-class: STANDARD\r\n", "x", 200,
         NULL},
        {"GET", "/bkt/k?acl", NULL, NULL, 501, "acl"},
        {"GET", "/bkt/k?versionId=x", NULL, NULL, 501, "versionId"},
        {"GET", "/bkt?versioning", NULL, NULL, 501, "versioning"},
        {"POST", "/bkt/k", NULL, NULL, 405, "MethodNotAllowed"},
        {"POST", "/bkt/k?select&select-type=2", NULL, NULL, 501, "NotImplemented"},
        {"PUT", "/bkt?policy", NULL, "{}", 501, "policy"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

#define SOURCE "x-amz-copy-source: "

Test(local_s3, copies)
{
    static const struct step steps[] = {
        {"PUT", "/bkt", NULL, NULL, 200, NULL},
        {"PUT", "/bkt/a%20b", "x-amz-meta-m: 1\r\nContent-Type: t/t\r\n", "hello", 200, NULL},
        {"PUT", "/bkt/c1", SOURCE "bkt/a%20b\r\n", NULL, 200, "5d41402abc4b2a76b9719d911017c592"},
        {"GET", "/bkt/c1", NULL, NULL, 200, "x-amz-meta-m: 1"},
        {"PUT", "/bkt/c2", SOURCE "/bkt%2Fa%20b?versionId=null\r\n", NULL, 200, NULL},
        {"PUT", "/bkt/c2", SOURCE "bkt/a%20b?versionId=x\r\n", NULL, 501, "versionId"},
        {"PUT", "/bkt/c2",
         SOURCE "bkt/c1\r\nx-amz-metadata-directive: REPLACE\r\nx-amz-meta-n: 2\r\n", NULL, 200,
         NULL},
        {"GET", "/bkt/c2", NULL, NULL, 200, "x-amz-meta-n: 2"},
        {"PUT", "/bkt/c1", SOURCE "bkt/c1\r\n", NULL, 400, "copy an object to itself"},
        {"PUT", "/bkt/c1", SOURCE "bkt/c1\r\nx-amz-metadata-directive: REPLACE\r\n", NULL, 200,
         NULL},
        {"PUT", "/bkt/c1", SOURCE "bkt/c2\r\nx-amz-metadata-directive: MERGE\r\n", NULL, 400,
         "InvalidArgument"},
        {"PUT", "/bkt/c3", SOURCE "bkt/none\r\n", NULL, 404, "<Key>none</Key>"},
        {"PUT", "/bkt/c3", SOURCE "none/k\r\n", NULL, 404, "<BucketName>none</BucketName>"},
        {"PUT", "/none/c3", SOURCE "bkt/c1\r\n", NULL, 404, "<BucketName>none</BucketName>"},
        {"PUT", "/bkt/c3", SOURCE "bkt\r\n", NULL, 400, "InvalidArgument"},
        {"PUT", "/bkt/c3", SOURCE "bkt/%zz\r\n", NULL, 400, "InvalidArgument"},
        {"PUT", "/bkt/c3", SOURCE "bkt/c1\r\nx-amz-copy-source-if-match: \"x\"\r\n", NULL, 412,
         "x-amz-copy-source-if-match"},
        {"PUT", "/bkt/c3", SOURCE "bkt/c1\r\nx-amz-copy-source-if-none-match: " ETAG_HELLO "\r\n",
         NULL, 412, NULL},
        {"PUT", "/bkt/c3",
         SOURCE "bkt/c1\r\nx-amz-copy-source-if-match: " ETAG_HELLO "\r\nIf-None-Match: *\r\n",
         NULL, 200, NULL},
        {"PUT", "/bkt/c3", SOURCE "bkt/c1\r\nIf-None-Match: *\r\n", NULL, 412, NULL},
        {"GET", "/bkt/c3", NULL, NULL, 200, "hello"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

static void put_keys(struct fixture *f, const char *const *keys, size_t count)
{
    struct error err = {0};
    cr_assert_eq(local_s3_ensure_bucket(f->s3, "bkt", &err), 0);
    cr_assert_eq(local_s3_ensure_bucket(f->s3, "bkt", &err), 0, "again");
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(local_s3_put(f->s3, "bkt", keys[i], "x", 1, &err), 0, "%s", err.message);
}

/* The values of all <tag> elements, joined by spaces. */
static const char *values(const char *xml, const char *tag, char *out, size_t size)
{
    char open[64];
    (void)snprintf(open, sizeof open, "<%s>", tag);
    out[0] = '\0';
    for (const char *p = xml; (p = strstr(p, open));) {
        p += strlen(open);
        const size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%s%.*s", used ? " " : "", (int)strcspn(p, "<"), p);
    }
    return out;
}

/* What the next page begins with, as a query argument; "" when there is none. */
static void next_page(const char *xml, bool v2, char *out, size_t size)
{
    char names[1024], *last;
    const char *found = values(xml, v2 ? "NextContinuationToken" : "NextMarker", names, 1024);
    if (!*found) /* version 1 without a delimiter: the last key */
        found = (last = strrchr((char *)values(xml, "Key", names, 1024), ' ')) ? last + 1 : names;
    (void)snprintf(out, size, v2 ? "&continuation-token=" : "&marker=");
    for (const char *p = found; *p; p++) {
        const size_t used = strlen(out);
        (void)snprintf(out + used, size - used, *p == '+' ? "%%2B" : "%c", *p);
    }
}

/* Lists page by page; keys and common prefixes in the order they come. */
static void list_all(struct fixture *f, const char *query, bool v2, char *out, size_t size)
{
    char path[1024], next[512] = "", names[1024];
    out[0] = '\0';
    for (int page = 0; page < 100; page++) {
        (void)snprintf(path, sizeof path, "/bkt?%s%s%s", query, v2 ? "&list-type=2" : "", next);
        cr_assert_eq(call(f, "GET", path, "", ""), 200, "%s: %s", path, f->seen);
        for (int i = 0; i < 2; i++) {
            const char *tag = i ? "CommonPrefixes><Prefix" : "Key";
            const char *text = values(f->seen, tag, names, sizeof names);
            const size_t used = strlen(out);
            (void)snprintf(out + used, size - used, "%s%s", text, *text ? " " : "");
        }
        if (strstr(f->seen, "<IsTruncated>false"))
            return;
        next_page(f->seen, v2, next, sizeof next);
    }
    cr_assert_fail("%s does not end", query);
}

Test(local_s3, listings_page_by_page)
{
    static const char *const keys[] = {"a",   "a/1",  "a/2", "a/3", "b/x/1",    "b/x/2",
                                       "b/y", "c/1/", "dd",  "e",   "\xc3\xa9", "\xf0\x9f\x98\x80"};
    static const struct {
        const char *query, *names;
    } cases[] = {
        {"", "a a/1 a/2 a/3 b/x/1 b/x/2 b/y c/1/ dd e \xc3\xa9 \xf0\x9f\x98\x80 "},
        {"&prefix=b", "b/x/1 b/x/2 b/y "},
        {"&prefix=none", ""},
        {"&prefix=e&encoding-type=url", "e "},
        {"&prefix=%C3%A9&encoding-type=url", "%C3%A9 "},
    };
    struct fixture f;
    char query[256], names[1024];
    start(&f);
    put_keys(&f, keys, sizeof keys / sizeof *keys);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int max = 1; max < 14; max++) {
            (void)snprintf(query, sizeof query, "max-keys=%d%s", max, cases[i].query);
            for (int v2 = 0; v2 < 2; v2++) {
                list_all(&f, query, v2, names, sizeof names);
                cr_expect_str_eq(names, cases[i].names, "%s: %s", query, names);
            }
        }
    }
    stop(&f);
}

Test(local_s3, listings_with_a_delimiter)
{
    static const char *const keys[] = {"a",     "a/1", "a/2",  "a/3", "b/x/1",
                                       "b/x/2", "b/y", "c/1/", "dd"};
    struct fixture f;
    char query[64], names[1024];
    start(&f);
    put_keys(&f, keys, sizeof keys / sizeof *keys);
    for (int v2 = 0; v2 < 2; v2++) {
        list_all(&f, "delimiter=/&max-keys=1", v2, names, sizeof names);
        cr_expect_str_eq(names, "a a/ b/ c/ dd ", "%s", names);
        list_all(&f, "delimiter=/", v2, names, sizeof names);
        cr_expect_str_eq(names, "a dd a/ b/ c/ ", "%s", names);
        for (int max = 1; max < 4; max++) {
            (void)snprintf(query, sizeof query, "delimiter=/&prefix=b/&max-keys=%d", max);
            list_all(&f, query, v2, names, sizeof names);
            cr_expect_str_eq(names, max == 1 ? "b/x/ b/y " : "b/y b/x/ ", "%s", names);
        }
        list_all(&f, "delimiter=%2F1&prefix=a", v2, names, sizeof names);
        cr_expect_str_eq(names, "a a/2 a/3 a/1 ", "%s", names);
    }
    stop(&f);
}

Test(local_s3, listings_answer_their_arguments)
{
    static const char *const keys[] = {"a", "b", "c&<", "d"};
    static const struct step steps[] = {
        {"GET", "/bkt?list-type=2&start-after=a&max-keys=1", NULL, NULL, 200, "<Key>b</Key>"},
        {"GET", "/bkt?list-type=2&start-after=a&max-keys=1", NULL, NULL, 200,
         "<StartAfter>a</StartAfter>"},
        {"GET", "/bkt?list-type=2&prefix=c", NULL, NULL, 200, "<Key>c&#x26;&#x3C;</Key>"},
        {"GET", "/bkt?list-type=2&prefix=c&encoding-type=url", NULL, NULL, 200,
         "<Key>c%26%3C</Key>"},
        {"GET", "/bkt?list-type=2&max-keys=0", NULL, NULL, 200, "<KeyCount>0</KeyCount>"},
        {"GET", "/bkt?list-type=2&fetch-owner=true", NULL, NULL, 200, "<Owner>"},
        {"GET", "/bkt?list-type=2&max-keys=-1", NULL, NULL, 400, "InvalidArgument"},
        {"GET", "/bkt?list-type=2&max-keys=5000", NULL, NULL, 200, "<MaxKeys>1000</MaxKeys>"},
        {"GET", "/bkt?list-type=1", NULL, NULL, 400, "InvalidArgument"},
        {"GET", "/bkt?list-type=2&continuation-token=x", NULL, NULL, 400, "InvalidArgument"},
        {"GET", "/bkt?list-type=2&encoding-type=hex", NULL, NULL, 400, "InvalidArgument"},
        {"GET", "/bkt?marker=b", NULL, NULL, 200, "<Marker>b</Marker>"},
        {"GET", "/none?list-type=2", NULL, NULL, 404, "NoSuchBucket"},
        {"GET", "/none?list-type=2&max-keys=0", NULL, NULL, 404, "NoSuchBucket"},
    };
    struct fixture f;
    start(&f);
    put_keys(&f, keys, sizeof keys / sizeof *keys);
    RUN(&f, steps);
    stop(&f);
}

Test(local_s3, deletes_many)
{
    static const char *const keys[] = {"a", "b&", "c", "d"};
    static const struct step steps[] = {
        {"POST", "/bkt?delete", NULL, "<Delete><Object><Key>a</Key></Object></Delete>", 400,
         "Content-MD5"},
        {"POST", "/bkt?delete", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
         "<Delete><Object><Key>a</Key></Object></Delete>", 400, "BadDigest"},
        {"POST", "/bkt?delete", "x-amz-checksum-crc32: R10Oig==\r\n",
         "<Delete><Object><Key>a</Key></Object><Object><Key>b&amp;</Key></Object>"
         "<Object><Key>none</Key></Object></Delete>",
         200, "<Deleted><Key>b&#x26;</Key></Deleted><Deleted><Key>none</Key></Deleted>"},
        {"POST", "/bkt?delete", "x-amz-checksum-crc32: Q8hz4Q==\r\n",
         "<Delete><Object><Key>c</Key><Object></Delete>", 400, "MalformedXML"},
        {"POST", "/bkt?delete", "x-amz-checksum-crc32: 8fVlSg==\r\n", "<Delete></Delete>", 400,
         "MalformedXML"},
        {"POST", "/bkt?delete", "x-amz-checksum-crc32: nLyfxA==\r\n", "<Remove/>", 400,
         "MalformedXML"},
        {"POST", "/bkt?delete", "x-amz-checksum-crc32: zrBqwQ==\r\n",
         "<Delete><Object><Key>c</Key><Key>d</Key></Object></Delete>", 400, "MalformedXML"},
        {"POST", "/bkt?delete", "x-amz-checksum-crc32: dPWQ1Q==\r\n",
         "<Delete><Object><Key>c</Key><VersionId>1</VersionId></Object></Delete>", 501,
         "VersionId"},
        {"GET", "/bkt/a", NULL, NULL, 404, NULL},
        {"GET", "/bkt/b%26", NULL, NULL, 404, NULL},
        {"GET", "/bkt/c", NULL, NULL, 200, NULL},
    };
    struct fixture f;
    start(&f);
    put_keys(&f, keys, sizeof keys / sizeof *keys);
    RUN(&f, steps);
    stop(&f);
}

/* Sends a body of `len` times `c`; the ETag without quotes goes to etag. */
static int put_big(struct fixture *f, const char *path, char c, size_t len, char etag[64])
{
    char *body = malloc(len + 1);
    cr_assert_not_null(body);
    memset(body, c, len);
    body[len] = '\0';
    const int status = call(f, "PUT", path, "", body);
    free(body);
    const char *at = strstr(f->head, "ETag: \"");
    (void)snprintf(etag, 64, "%.*s", at ? (int)strcspn(at + 7, "\"") : 0, at ? at + 7 : "");
    return status;
}

static void create_upload(struct fixture *f, const char *key, char id[64])
{
    char path[128];
    (void)snprintf(path, sizeof path, "/bkt/%s?uploads", key);
    cr_assert_eq(call(f, "POST", path, "x-amz-meta-m: 1\r\n", ""), 200, "%s", f->seen);
    values(f->seen, "UploadId", id, 64);
    cr_assert_neq(*id, '\0');
}

static int complete(struct fixture *f, const char *id, const char *parts)
{
    char path[256], body[1024];
    (void)snprintf(path, sizeof path, "/bkt/k?uploadId=%s", id);
    (void)snprintf(body, sizeof body, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>",
                   parts);
    return call(f, "POST", path, "", body);
}

static const char *two_parts(int n1, const char *e1, int n2, const char *e2, char out[512])
{
    (void)snprintf(out, 512,
                   "<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag></Part>"
                   "<Part><ETag>%s</ETag><PartNumber>%d</PartNumber></Part>",
                   n1, e1, e2, n2);
    return out;
}

Test(local_s3, multipart_uploads)
{
    struct fixture f;
    struct error err = {0};
    char id[64], path[256], text[512], e1[64], e2[64];
    start(&f);
    cr_assert_eq(local_s3_ensure_bucket(f.s3, "bkt", &err), 0);
    create_upload(&f, "k", id);
    (void)snprintf(path, sizeof path, "/bkt/k?partNumber=1&uploadId=%s", id);
    cr_assert_eq(put_big(&f, path, 'a', PART_MIN, e1), 200, "%s", f.seen);
    (void)snprintf(path, sizeof path, "/bkt/k?partNumber=7&uploadId=%s", id);
    cr_assert_eq(put_big(&f, path, 'b', 3, e2), 200, "%s", f.seen);
    (void)snprintf(path, sizeof path, "/bkt/k?uploadId=%s&max-parts=1", id);
    cr_expect_eq(call(&f, "GET", path, "", ""), 200);
    cr_expect_not_null(strstr(f.seen, "<NextPartNumberMarker>1</NextPartNumberMarker>"));
    cr_expect_eq(call(&f, "GET", "/bkt?uploads", "", ""), 200);
    cr_expect_not_null(strstr(f.seen, id));
    cr_expect_eq(complete(&f, id, two_parts(1, e1, 2, e2, text)), 400);
    cr_expect_not_null(strstr(f.seen, "<Code>InvalidPart<"));
    cr_expect_eq(complete(&f, id, two_parts(1, e2, 7, e2, text)), 400);
    cr_expect_eq(complete(&f, id, two_parts(7, e2, 1, e1, text)), 400);
    cr_expect_not_null(strstr(f.seen, "InvalidPartOrder"));
    cr_expect_eq(complete(&f, id, ""), 400);
    cr_expect_eq(complete(&f, id, two_parts(1, e1, 7, e2, text)), 200, "%s", f.seen);
    /* printf 5 MiB of a and bbb through md5sum, their digests through md5sum again */
    cr_expect_not_null(strstr(f.seen, "&quot;06a6ca67e53064f3f30a42ee29a62f5d-2&quot;"), "%s",
                       f.seen);
    cr_expect_eq(complete(&f, id, two_parts(1, e1, 7, e2, text)), 404);
    cr_expect_eq(call(&f, "GET", "/bkt/k", "Range: bytes=5242878-\r\n", ""), 206);
    cr_expect_str_eq(f.seen, "aabbb");
    cr_expect_not_null(strstr(f.head, "x-amz-meta-m: 1"));
    stop(&f);
}

Test(local_s3, parts_by_copy_and_parts_too_small)
{
    struct fixture f;
    struct error err = {0};
    char id[64], path[256], text[512], e1[64], e2[64];
    start(&f);
    cr_assert_eq(local_s3_ensure_bucket(f.s3, "bkt", &err), 0);
    cr_assert_eq(local_s3_put(f.s3, "bkt", "src", "0123456789", 10, &err), 0);
    create_upload(&f, "k", id);
    (void)snprintf(path, sizeof path, "/bkt/k?partNumber=1&uploadId=%s", id);
    cr_expect_eq(
        call(&f, "PUT", path, SOURCE "bkt/src\r\nx-amz-copy-source-range: bytes=2-4\r\n", ""), 200,
        "%s", f.seen);
    /* md5sum of 234 */
    cr_expect_not_null(strstr(f.seen, "289dff07669d7a23de0ef88d2f7129e7"));
    cr_expect_eq(
        call(&f, "PUT", path, SOURCE "bkt/src\r\nx-amz-copy-source-range: bytes=2-10\r\n", ""),
        400);
    (void)snprintf(e1, sizeof e1, "289dff07669d7a23de0ef88d2f7129e7");
    (void)snprintf(path, sizeof path, "/bkt/k?partNumber=2&uploadId=%s", id);
    cr_assert_eq(put_big(&f, path, 'b', 3, e2), 200);
    cr_expect_eq(complete(&f, id, two_parts(1, e1, 2, e2, text)), 400);
    cr_expect_not_null(strstr(f.seen, "EntityTooSmall"));
    (void)snprintf(path, sizeof path, "/bkt/k?partNumber=0&uploadId=%s", id);
    cr_expect_eq(call(&f, "PUT", path, "", "x"), 400);
    (void)snprintf(path, sizeof path, "/bkt/other?uploadId=%s", id);
    cr_expect_eq(call(&f, "DELETE", path, "", ""), 404);
    (void)snprintf(path, sizeof path, "/bkt/k?uploadId=%s", id);
    cr_expect_eq(call(&f, "DELETE", path, "", ""), 204);
    cr_expect_eq(call(&f, "DELETE", path, "", ""), 404);
    cr_expect_not_null(strstr(f.seen, "NoSuchUpload"));
    stop(&f);
}

static size_t files_seen;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    files_seen += type == FTW_F;
    return 0;
}

static size_t count_files(const struct fixture *f)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/objects", f->dir);
    files_seen = 0;
    cr_assert_eq(nftw(path, count_file, 16, FTW_PHYS), 0);
    return files_seen;
}

Test(local_s3, replaced_deleted_and_refused_bodies_leave_no_files)
{
    struct fixture f;
    struct error err = {0};
    char id[64], path[256], etag[64];
    start(&f);
    cr_assert_eq(local_s3_ensure_bucket(f.s3, "bkt", &err), 0);
    cr_expect_eq(call(&f, "PUT", "/bkt/k", "", "1"), 200);
    cr_expect_eq(call(&f, "PUT", "/bkt/k", "", "2"), 200);
    cr_expect_eq(call(&f, "PUT", "/bkt/k", "Content-MD5: no\r\n", "3"), 400);
    cr_expect_eq(call(&f, "PUT", "/bkt/k", "If-None-Match: *\r\n", "3"), 412);
    create_upload(&f, "k", id);
    (void)snprintf(path, sizeof path, "/bkt/k?partNumber=1&uploadId=%s", id);
    cr_expect_eq(put_big(&f, path, 'x', 10, etag), 200);
    cr_expect_eq(put_big(&f, path, 'y', 10, etag), 200);
    halt(&f);
    cr_expect_eq(count_files(&f), 2);
    serve(&f, "eu-west-1");
    (void)snprintf(path, sizeof path, "/bkt/k?uploadId=%s", id);
    cr_expect_eq(call(&f, "DELETE", path, "", ""), 204);
    cr_expect_eq(call(&f, "DELETE", "/bkt/k", "", ""), 204);
    halt(&f);
    cr_expect_eq(count_files(&f), 0);
    serve(&f, "eu-west-1");
    stop(&f);
}

Test(local_s3, opens_with_what_was_there_and_without_what_a_crash_left)
{
    struct fixture f;
    struct error err = {0};
    char path[512];
    start(&f);
    cr_assert_eq(local_s3_ensure_bucket(f.s3, "bkt", &err), 0);
    cr_assert_eq(local_s3_put(f.s3, "bkt", "k", "hello", 5, &err), 0);
    halt(&f);
    (void)snprintf(path, sizeof path, "%s/objects/0/0/00000000000000000000000000000000", f.dir);
    FILE *orphan = fopen(path, "w");
    cr_assert_not_null(orphan);
    cr_assert_eq(fclose(orphan), 0);
    serve(&f, "eu-west-1");
    cr_expect_eq(access(path, F_OK), -1, "the orphan is gone");
    cr_expect(local_s3_has_object(f.s3, "bkt", "k"));
    cr_expect_not(local_s3_has_object(f.s3, "bkt", "none"));
    cr_expect_eq(call(&f, "GET", "/bkt/k", "", ""), 200);
    cr_expect_str_eq(f.seen, "hello");
    stop(&f);
}

Test(local_s3, a_folder_that_cannot_be_used_is_told)
{
    struct error err = {0};
    const struct local_s3_options options = {
        .dir = "/proc/none", .region = "us-east-1", .clock = clock_system()};
    cr_expect_null(local_s3_open(&options, &err));
    cr_expect_not_null(strstr(err.message, "/proc/none"), "%s", err.message);
}

Test(local_s3, virtual_hosts_name_the_bucket)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    struct error err = {0};
    start(&f);
    cr_assert_eq(local_s3_ensure_bucket(f.s3, "bkt", &err), 0);
    cr_assert_eq(local_s3_put(f.s3, "bkt", "dir/k", "hello", 5, &err), 0);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "GET /dir/k HTTP/1.1\r\nHost: bkt.localhost:%u\r\n\r\n", f.port);
    cr_assert(raw_read(&c, &r, false));
    cr_expect_str_eq(buf_str(&r.body), "hello");
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}
