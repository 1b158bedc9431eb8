/* lib/aws/sigv4: published examples, the rules others get wrong, and AWS's own suite if it is
 * there. */
#include "lib/aws/sigv4.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 16 };

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* --- the examples of the S3 API guide, "Authenticating Requests: Authorization Header" ----------
 */

static const struct sigv4_credentials guide = {"AKIAIOSFODNN7EXAMPLE",
                                               "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
static const struct sigv4_scope guide_scope = {"20130524T000000Z", "us-east-1", "s3"};

struct guide_case {
    const char *method, *path, *query, *hash;
    struct sigv4_header headers[6];
    const char *signature;
};

static const struct guide_case guide_cases[] = {
    {"GET",
     "/test.txt",
     "",
     EMPTY_HASH,
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"Range", "bytes=0-9"},
      {"x-amz-content-sha256", EMPTY_HASH},
      {"x-amz-date", "20130524T000000Z"}},
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT",
     "/test%24file.text",
     "",
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"x-amz-date", "20130524T000000Z"},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET",
     "/",
     "lifecycle",
     EMPTY_HASH,
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-date", "20130524T000000Z"},
      {"x-amz-content-sha256", EMPTY_HASH}},
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET",
     "/",
     "max-keys=2&prefix=J",
     EMPTY_HASH,
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-date", "20130524T000000Z"},
      {"x-amz-content-sha256", EMPTY_HASH}},
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static size_t count_headers(const struct sigv4_header *headers, size_t max)
{
    size_t count = 0;
    while (count < max && headers[count].name)
        count++;
    return count;
}

Test(sigv4, examples_of_the_s3_guide)
{
    for (size_t i = 0; i < sizeof guide_cases / sizeof *guide_cases; i++) {
        const struct guide_case *c = &guide_cases[i];
        struct sigv4_request req = {.method = c->method,
                                    .path = c->path,
                                    .query = c->query,
                                    .headers = c->headers,
                                    .header_count = count_headers(c->headers, 6)};
        struct error err = {0};
        struct buf out;
        char expected[128];
        (void)snprintf(req.payload_hash, sizeof req.payload_hash, "%s", c->hash);
        (void)snprintf(expected, sizeof expected, "Signature=%s", c->signature);
        buf_init(&out, BUF_MAX_LINE);
        cr_assert_eq(sigv4_authorization(&req, &guide_scope, &guide, &out, &err), 0);
        cr_assert_not_null(strstr(buf_str(&out), expected), "case %zu: %s", i, buf_str(&out));
        buf_free(&out);
    }
}

Test(sigv4, authorization_has_its_three_parts)
{
    static const struct sigv4_header headers[] = {{"X-Amz-Date", "20130524T000000Z"},
                                                  {"Host", "h"}};
    struct sigv4_request req = {.method = "GET",
                                .path = "/",
                                .query = "",
                                .headers = headers,
                                .header_count = 2,
                                .payload_hash = EMPTY_HASH};
    static const char start[] =
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=";
    struct error err = {0};
    struct buf out;
    buf_init(&out, BUF_MAX_LINE);
    cr_assert_eq(sigv4_authorization(&req, &guide_scope, &guide, &out, &err), 0);
    cr_assert_eq(strncmp(buf_str(&out), start, sizeof start - 1), 0, "%s", buf_str(&out));
    cr_assert_eq(out.len, sizeof start - 1 + SHA256_HEX - 1);
    buf_free(&out);
}

/* --- canonical forms -----------------------------------------------------------------------------
 */

/* The canonical request of a GET without headers, up to the query. */
static const char *path_and_query(struct buf *out, const char *path, const char *query, bool s3)
{
    struct sigv4_request req = {
        .method = "GET", .path = path, .query = query, .normalize = !s3, .double_encode = !s3};
    struct error err = {0};
    buf_reset(out);
    cr_assert_eq(sigv4_canonical(&req, out, &err), 0, "%s", err.message);
    /* No headers, no hash: what follows the query is four line ends. */
    buf_truncate(out, out->len - 4);
    return buf_str(out);
}

Test(sigv4, paths_and_queries)
{
    static const struct {
        const char *path, *query;
        bool s3;
        const char *expected;
    } cases[] = {
        /* Lambda: the wire's %3A is encoded again. */
        {"/2015-03-31/functions/f%3Aprod/invocations", "Qualifier=%24LATEST", false,
         "GET\n/2015-03-31/functions/f%253Aprod/invocations\nQualifier=%24LATEST"},
        /* S3: the path is the wire's, dots and double slashes included. */
        {"/b/a%20b//../c%2B", "", true, "GET\n/b/a%20b//../c%2B\n"},
        {"", "", true, "GET\n/\n"},
        {"", "", false, "GET\n/\n"},
        {"/a/./b/../c//d/", "", false, "GET\n/a/c/d/\n"},
        {"/../../a", "", false, "GET\n/a\n"},
        {"/a/..", "", false, "GET\n/\n"},
        {"/a../.b/...", "", false, "GET\n/a../.b/...\n"},
        /* A name without a value gets its '='. */
        {"/", "uploads", true, "GET\n/\nuploads="},
        {"/", "uploadId=x&partNumber=2", true, "GET\n/\npartNumber=2&uploadId=x"},
        /* Param-3 sorts after Param though '-' sorts before '='. */
        {"/", "Param-3=3&Param=2", true, "GET\n/\nParam=2&Param-3=3"},
        {"/", "a=2&a=1&&b", true, "GET\n/\na=1&a=2&b="},
        /* Continuation tokens: whatever the wire's spelling, one canonical form. */
        {"/", "t=1%2b%2F%3d", true, "GET\n/\nt=1%2B%2F%3D"},
        {"/", "t=a/b=+%zz%", true, "GET\n/\nt=a%2Fb%3D%2B%25zz%25"},
        {"/", "%41=%7E", true, "GET\n/\nA=~"},
    };
    struct buf out;
    buf_init(&out, BUF_MAX_LINE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(path_and_query(&out, cases[i].path, cases[i].query, cases[i].s3),
                         cases[i].expected, "case %zu: %s", i, buf_str(&out));
    buf_free(&out);
}

Test(sigv4, headers_sort_by_name_and_join)
{
    static const struct sigv4_header headers[] = {
        {"x-amz-copy-source-if-match", "\"e\""},
        {"X-Amz-Copy-Source-Range", "bytes=0-1"},
        {"x-amz-copy-source", "b/k"},
        {"Dup", " 2  b\tc "},
        {"dup", "1"},
        {"Host", "h:1"},
    };
    struct sigv4_request req = {.method = "PUT",
                                .path = "/",
                                .query = "",
                                .headers = headers,
                                .header_count = 6,
                                .payload_hash = "UNSIGNED-PAYLOAD"};
    struct error err = {0};
    struct buf out;
    buf_init(&out, BUF_MAX_LINE);
    cr_assert_eq(sigv4_canonical(&req, &out, &err), 0);
    cr_assert_str_eq(buf_str(&out),
                     "PUT\n/\n\ndup:2 b c,1\nhost:h:1\nx-amz-copy-source:b/k\n"
                     "x-amz-copy-source-if-match:\"e\"\nx-amz-copy-source-range:bytes=0-1\n\n"
                     "dup;host;x-amz-copy-source;x-amz-copy-source-if-match;x-amz-copy-source-range"
                     "\nUNSIGNED-PAYLOAD");
    buf_free(&out);
}

Test(sigv4, encoding_keeps_the_unreserved_only)
{
    struct buf out;
    buf_init(&out, 256);
    sigv4_encode(&out, "aZ09-_.~ /+\xc3\xa4\0x", 15, true);
    cr_assert_str_eq(buf_str(&out), "aZ09-_.~%20/%2B%C3%A4%00x");
    buf_reset(&out);
    sigv4_encode(&out, "a/b", 3, false);
    cr_assert_str_eq(buf_str(&out), "a%2Fb");
    buf_free(&out);
}

Test(sigv4, ceilings_are_errors)
{
    struct sigv4_request req = {.method = "GET", .path = "/", .query = ""};
    struct error err = {0};
    struct buf out;
    buf_init(&out, 4);
    cr_assert_eq(sigv4_canonical(&req, &out, &err), -1);
    cr_assert_eq(err.code, ERR_LIMIT);
    buf_free(&out);
}

/* --- AWS's signing test suite, where it is at hand
 * -------------------------------------------------- */

#define SUITE "../shared/vectors/sigv4"

struct vector {
    const char *name;
    char *text; /* request.txt, cut into pieces */
    json_t *context;
    struct sigv4_header headers[COUNT_MAX];
    struct sigv4_request req;
    struct sigv4_scope scope;
    char timestamp[20];
};

static char *read_case_file(const char *name, const char *file)
{
    char path[512];
    struct buf out;
    (void)snprintf(path, sizeof path, SUITE "/%s/%s", name, file);
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s", path);
    buf_init(&out, BUF_MAX_LINE);
    char piece[4096];
    for (size_t got; (got = fread(piece, 1, sizeof piece, in)) > 0;)
        buf_add(&out, piece, got);
    (void)fclose(in);
    return buf_take(&out, NULL);
}

/* Request line: "METHOD target HTTP/1.1", where the target may hold blanks. */
static char *parse_request_line(struct vector *v)
{
    char *end = strchr(v->text, '\n');
    char *target = strchr(v->text, ' ') + 1;
    char *rest = end ? end + 1 : v->text + strlen(v->text);
    if (end)
        *end = '\0';
    target[-1] = '\0';
    *strstr(target, " HTTP/1.1") = '\0';
    char *query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    v->req.method = v->text;
    v->req.path = target;
    v->req.query = query ? query : "";
    return rest;
}

static void add_header(struct vector *v, const char *name, const char *value)
{
    cr_assert_lt(v->req.header_count, (size_t)COUNT_MAX);
    v->headers[v->req.header_count++] = (struct sigv4_header){name, value};
}

/* Header lines (a line that begins with a blank goes on with the one before), then the body. */
static const char *parse_headers(struct vector *v, char *at)
{
    while (*at && *at != '\n') {
        char *end = at;
        do
            end = end + 1 + strcspn(end + 1, "\n");
        while (*end && end[1] == ' ');
        char *next = *end ? end + 1 : end;
        *end = '\0';
        char *colon = strchr(at, ':');
        *colon = '\0';
        add_header(v, at, colon + 1);
        at = next;
    }
    return *at ? at + 1 : at;
}

static void open_vector(struct vector *v, const char *name)
{
    *v = (struct vector){.name = name};
    char *context = read_case_file(name, "context.json");
    v->context = json_loads(context, 0, NULL);
    free(context);
    cr_assert_not_null(v->context);
    v->text = read_case_file(name, "request.txt");
    const char *body = parse_headers(v, parse_request_line(v));
    const char *stamp = json_string_value(json_object_get(v->context, "timestamp"));
    (void)snprintf(v->timestamp, sizeof v->timestamp, "%.4s%.2s%.5s%.2s%.3s", stamp, stamp + 5,
                   stamp + 8, stamp + 14, stamp + 17);
    add_header(v, "X-Amz-Date", v->timestamp);
    const char *token =
        json_string_value(json_object_get(json_object_get(v->context, "credentials"), "token"));
    if (token && !json_is_true(json_object_get(v->context, "omit_session_token")))
        add_header(v, "X-Amz-Security-Token", token);
    cr_assert_eq(crypto_sha256_hex(body, strlen(body), v->req.payload_hash, NULL), 0);
    if (json_is_true(json_object_get(v->context, "sign_body")))
        add_header(v, "X-Amz-Content-Sha256", v->req.payload_hash);
    v->req.headers = v->headers;
    v->req.normalize = json_is_true(json_object_get(v->context, "normalize"));
    v->req.double_encode = true;
    v->scope =
        (struct sigv4_scope){v->timestamp, json_string_value(json_object_get(v->context, "region")),
                             json_string_value(json_object_get(v->context, "service"))};
}

static void compare_with(const struct vector *v, const char *file, const char *text)
{
    char *expected = read_case_file(v->name, file);
    cr_expect_str_eq(text, expected, "%s/%s", v->name, file);
    free(expected);
}

static void run_vector(const char *name)
{
    struct vector v;
    struct error err = {0};
    struct buf canonical, to_sign;
    char signature[SHA256_HEX];
    open_vector(&v, name);
    buf_init(&canonical, BUF_MAX_LINE);
    buf_init(&to_sign, BUF_MAX_LINE);
    cr_expect_eq(sigv4_canonical(&v.req, &canonical, &err), 0);
    compare_with(&v, "header-canonical-request.txt", buf_str(&canonical));
    cr_expect_eq(sigv4_string_to_sign(&v.scope, &canonical, &to_sign, &err), 0);
    compare_with(&v, "header-string-to-sign.txt", buf_str(&to_sign));
    const char *secret = json_string_value(
        json_object_get(json_object_get(v.context, "credentials"), "secret_access_key"));
    cr_expect_eq(sigv4_signature(&v.scope, secret, &to_sign, signature, &err), 0);
    compare_with(&v, "header-signature.txt", signature);
    buf_free(&to_sign);
    buf_free(&canonical);
    json_decref(v.context);
    free(v.text);
}

Test(sigv4, signing_test_suite)
{
    DIR *dir = opendir(SUITE);
    if (!dir)
        cr_skip_test("left out: the signing test suite is not at " SUITE);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        run_vector(entry->d_name);
        count++;
    }
    closedir(dir);
    cr_assert_eq(count, 38, "the suite has 38 cases, not %d", count);
}
