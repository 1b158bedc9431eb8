/* lib/aws, the parts without a network: endpoints, credentials, retry rules, error answers. */
#include "lib/aws/answer.h"
#include "lib/aws/aws_error.h"
#include "lib/aws/credentials.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/request.h"
#include "lib/aws/retry.h"
#include "lib/aws/retry_heap.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* --- environments: tables of "NAME=value" -------------------------------------------------------
 */

static const char *look_up(const char *const *table, const char *name)
{
    size_t len = strlen(name);
    for (; *table; table++)
        if (strncmp(*table, name, len) == 0 && (*table)[len] == '=')
            return *table + len + 1;
    return NULL;
}

/* Nothing is set, and there is no instance whose metadata could be asked. */
static const char *env_none(const char *name)
{
    static const char *const table[] = {"AWS_EC2_METADATA_DISABLED=true", NULL};
    return look_up(table, name);
}

static const char *env_both_regions(const char *name)
{
    static const char *const table[] = {"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=us-east-1",
                                        NULL};
    return look_up(table, name);
}

static const char *env_default_region(const char *name)
{
    static const char *const table[] = {"AWS_REGION=", "AWS_DEFAULT_REGION=us-east-1", NULL};
    return look_up(table, name);
}

static const char *env_endpoints(const char *name)
{
    static const char *const table[] = {"AWS_ENDPOINT_URL=http://127.0.0.1:4566/",
                                        "AWS_ENDPOINT_URL_S3=https://s3.test:443",
                                        "AWS_ENDPOINT_URL_DYNAMODB=http://db.test:80", NULL};
    return look_up(table, name);
}

static const char *env_ignored_endpoints(const char *name)
{
    if (strcmp(name, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == 0)
        return "true";
    return env_endpoints(name);
}

static const char *env_keys(const char *name)
{
    static const char *const table[] = {"AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=secret",
                                        "AWS_SESSION_TOKEN=token", NULL};
    return look_up(table, name);
}

static const char *env_half(const char *name)
{
    static const char *const table[] = {"AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=", NULL};
    return look_up(table, name);
}

Test(aws_endpoint, regions)
{
    static const struct {
        const char *option;
        const char *(*env)(const char *);
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"ap-south-1", env_both_regions, "ap-south-1"},
        {NULL, env_both_regions, "eu-west-1"},
        {NULL, env_default_region, "us-east-1"},
        {"", env_default_region, "us-east-1"},
        {NULL, env_none, NULL},
        {"eu-west-1.evil.test/", env_none, NULL},
        {"a-region-name-that-is-much-too-long-to-be-one", env_none, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aws_options options = {.region = cases[i].option, .getenv = cases[i].env};
        struct error err = {0};
        char region[AWS_REGION_MAX];
        int rc = aws_region_find(&options, region, &err);
        cr_assert_eq(rc, cases[i].expected ? 0 : -1, "case %zu", i);
        if (cases[i].expected)
            cr_assert_str_eq(region, cases[i].expected);
        else
            cr_assert_eq(err.code, ERR_ARGUMENT);
    }
}

Test(aws_endpoint, where_requests_go)
{
    static const struct {
        const char *(*env)(const char *);
        enum aws_service service;
        const char *region, *path, *query, *url, *host, *signed_path;
    } cases[] = {
        {env_none, AWS_DYNAMODB, "eu-west-1", "/", "", "https://dynamodb.eu-west-1.amazonaws.com/",
         "dynamodb.eu-west-1.amazonaws.com", "/"},
        {env_none, AWS_DYNAMODB_STREAMS, "eu-west-1", "/", "",
         "https://streams.dynamodb.eu-west-1.amazonaws.com/",
         "streams.dynamodb.eu-west-1.amazonaws.com", "/"},
        {env_none, AWS_SFN, "cn-north-1", "/", "", "https://states.cn-north-1.amazonaws.com.cn/",
         "states.cn-north-1.amazonaws.com.cn", "/"},
        {env_none, AWS_S3, "us-east-1", "/bucket-1/a/b", "x=1",
         "https://bucket-1.s3.us-east-1.amazonaws.com/a/b?x=1",
         "bucket-1.s3.us-east-1.amazonaws.com", "/a/b"},
        {env_none, AWS_S3, "us-east-1", "/bucket-1", "",
         "https://bucket-1.s3.us-east-1.amazonaws.com/", "bucket-1.s3.us-east-1.amazonaws.com",
         "/"},
        /* A dot would not be covered by the certificate; upper case is no host name. */
        {env_none, AWS_S3, "us-east-1", "/my.bucket/k", "",
         "https://s3.us-east-1.amazonaws.com/my.bucket/k", "s3.us-east-1.amazonaws.com",
         "/my.bucket/k"},
        {env_none, AWS_S3, "us-east-1", "/Bucket/k", "",
         "https://s3.us-east-1.amazonaws.com/Bucket/k", "s3.us-east-1.amazonaws.com", "/Bucket/k"},
        {env_endpoints, AWS_S3, "us-east-1", "/bucket-1//k", "", "https://s3.test:443/bucket-1//k",
         "s3.test", "/bucket-1//k"},
        {env_endpoints, AWS_DYNAMODB, "us-east-1", "/", "", "http://db.test:80/", "db.test", "/"},
        {env_endpoints, AWS_SFN, "us-east-1", "/", "", "http://127.0.0.1:4566/", "127.0.0.1:4566",
         "/"},
        {env_ignored_endpoints, AWS_ECS, "us-east-1", "/", "",
         "https://ecs.us-east-1.amazonaws.com/", "ecs.us-east-1.amazonaws.com", "/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aws_options options = {.getenv = cases[i].env};
        struct error err = {0};
        struct endpoints e;
        struct aws_request r;
        struct aws_target t = {0};
        cr_assert_eq(endpoints_open(&e, &options, &err), 0, "%s", err.message);
        aws_request_open(&r, cases[i].service, "Test", "GET");
        buf_adds(&r.path, cases[i].path);
        buf_adds(&r.query, cases[i].query);
        buf_init(&t.url, 256);
        buf_init(&t.host, 256);
        buf_init(&t.path, 256);
        cr_assert_eq(endpoint_resolve(&e, &r, cases[i].region, &t, &err), 0);
        cr_assert_str_eq(buf_str(&t.url), cases[i].url);
        cr_assert_str_eq(buf_str(&t.host), cases[i].host);
        cr_assert_str_eq(buf_str(&t.path), cases[i].signed_path);
        buf_free(&t.url);
        buf_free(&t.host);
        buf_free(&t.path);
        aws_request_free(&r);
        endpoints_close(&e);
    }
}

Test(aws_endpoint, refuses_urls_that_are_no_origin)
{
    static const char *const bad[] = {"127.0.0.1:4566",   "ftp://host", "http://",
                                      "http://host/path", "http://h?x", "http://u:p@host",
                                      "http://h ost",     "https:///x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct aws_options options = {.endpoint = bad[i], .getenv = env_none};
        struct error err = {0};
        struct endpoints e;
        cr_assert_eq(endpoints_open(&e, &options, &err), -1, "%s", bad[i]);
        cr_assert_eq(err.code, ERR_ARGUMENT);
    }
}

Test(aws_credentials, chain)
{
    static const struct {
        struct aws_options options;
        const char *id; /* NULL: refused, and the message holds `token` */
        const char *token;
    } cases[] = {
        {{.getenv = env_keys}, "AKID", "token"},
        {{.getenv = env_keys, .access_key_id = "OWN", .secret_access_key = "s"}, "OWN", NULL},
        {{.getenv = env_none}, NULL, "AWS_ACCESS_KEY_ID"},
        {{.getenv = env_half}, NULL, "AWS_SECRET_ACCESS_KEY is not"},
        /* Half of an explicit pair must not fall through to the environment. */
        {{.getenv = env_keys, .access_key_id = "OWN"}, NULL, "both"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct credentials c;
        int rc = credentials_fetch(&cases[i].options, &c, &err);
        cr_assert_eq(rc, cases[i].id ? 0 : -1, "case %zu", i);
        if (cases[i].id) {
            cr_assert_str_eq(c.access_key_id, cases[i].id);
            cr_assert_eq(c.session_token == NULL, cases[i].token == NULL);
        } else {
            cr_assert_not_null(strstr(err.message, cases[i].token), "%s", err.message);
        }
        credentials_close(&c);
    }
}

Test(aws_retry, classification)
{
    static const struct {
        enum aws_service service;
        struct error err;
        enum retry_kind kind;
    } cases[] = {
        {AWS_S3, {.code = ERR_NETWORK}, RETRY_TRANSIENT},
        {AWS_S3, {.code = ERR_TIMEOUT}, RETRY_TIMEOUT},
        {AWS_S3, {.code = ERR_LIMIT}, RETRY_NEVER},
        {AWS_S3, {.code = ERR_REMOTE, .http_status = 500, .remote = "InternalError"}, 1},
        {AWS_S3, {.code = ERR_REMOTE, .http_status = 503, .remote = "SlowDown"}, RETRY_THROTTLE},
        {AWS_S3, {.code = ERR_REMOTE, .http_status = 404, .remote = "NoSuchKey"}, RETRY_NEVER},
        {AWS_S3, {.code = ERR_REMOTE, .http_status = 400, .remote = "RequestTimeout"}, 1},
        {AWS_SFN, {.code = ERR_REMOTE, .http_status = 502, .remote = "HTTP 502"}, 1},
        {AWS_LAMBDA, {.code = ERR_REMOTE, .http_status = 429, .remote = "Odd"}, RETRY_THROTTLE},
        {AWS_DYNAMODB,
         {.code = ERR_REMOTE, .http_status = 400, .remote = "ValidationException"},
         RETRY_NEVER},
        {AWS_DYNAMODB,
         {.code = ERR_REMOTE, .http_status = 400, .remote = "ConditionalCheckFailedException"},
         RETRY_NEVER},
        {AWS_DYNAMODB,
         {.code = ERR_REMOTE,
          .http_status = 400,
          .remote = "ProvisionedThroughputExceededException"},
         RETRY_THROTTLE},
        {AWS_DYNAMODB_STREAMS,
         {.code = ERR_REMOTE, .http_status = 400, .remote = "LimitExceededException"},
         RETRY_THROTTLE},
        {AWS_ECS,
         {.code = ERR_REMOTE, .http_status = 400, .remote = "LimitExceededException"},
         RETRY_NEVER},
        {AWS_ECS,
         {.code = ERR_REMOTE,
          .http_status = 400,
          .remote = "ClientException",
          .message = "ClientException: Rate exceeded."},
         RETRY_THROTTLE},
        {AWS_ECS, {.code = ERR_REMOTE, .http_status = 400, .remote = "ClientException"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(retry_classify(cases[i].service, &cases[i].err), cases[i].kind, "case %zu", i);
        if (cases[i].service != AWS_ECS)
            cr_expect_eq(aws_is_throttle(&cases[i].err), cases[i].kind == RETRY_THROTTLE);
    }
    cr_assert_not(aws_is_throttle(NULL));
}

Test(aws_retry, delays_double_up_to_twenty_seconds)
{
    static const int64_t most[] = {1, 2, 4, 8, 16, 20, 20};
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(retry_delay(i, 0), 0);
        cr_assert_eq(retry_delay(i, 0.5), most[i] * CLOCK_SECOND / 2);
    }
    cr_assert_eq(retry_delay(1000000, 1), 20 * CLOCK_SECOND);
}

Test(aws_retry, bucket_empties_and_fills)
{
    struct retry_bucket b;
    int cost = 0, taken = 0;
    retry_bucket_open(&b);
    while (retry_bucket_take(&b, RETRY_TIMEOUT, &cost))
        taken++;
    cr_assert_eq(taken, RETRY_BUCKET / 10);
    for (int i = 0; i < 5; i++)
        retry_bucket_refund(&b, 0);
    cr_assert_not(retry_bucket_take(&b, RETRY_TIMEOUT, &cost));
    cr_assert(retry_bucket_take(&b, RETRY_THROTTLE, &cost));
    cr_assert_eq(cost, 5);
    for (int i = 0; i < 1000; i++)
        retry_bucket_refund(&b, 10);
    cr_assert_eq(b.tokens, RETRY_BUCKET);
}

Test(aws_retry, heap_gives_the_earliest_and_only_what_is_due)
{
    static const int64_t due[] = {50, 10, 90, 20, 20, 70, 10, 5, 60};
    enum { COUNT = sizeof due / sizeof *due };
    struct retry_heap h = {0};
    int64_t last = 0;
    int popped = 0;
    cr_assert_eq(retry_heap_reserve(&h, COUNT, NULL), 0);
    for (size_t i = 0; i < COUNT; i++)
        retry_heap_push(&h, due[i], (struct flight *)(uintptr_t)due[i]);
    cr_assert_null(retry_heap_pop(&h, 4));
    for (struct flight *f; (f = retry_heap_pop(&h, 70)); popped++) {
        cr_assert_geq((int64_t)(uintptr_t)f, last);
        last = (int64_t)(uintptr_t)f;
    }
    cr_assert_eq(popped, COUNT - 1);
    cr_assert_eq(h.count, 1);
    retry_heap_close(&h);
}

Test(aws_error, answers_of_all_shapes)
{
    static const struct {
        enum aws_protocol protocol;
        int status;
        const char *headers, *body, *code, *message, *id;
    } cases[] = {
        {AWS_JSON, 400, "x-amzn-RequestId: R1\r\n",
         "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\","
         "\"message\":\"Requested resource not found\"}",
         "ResourceNotFoundException", "ResourceNotFoundException: Requested resource not found",
         "R1"},
        {AWS_JSON, 400, "", "{\"__type\":\"Foo:http://x/\",\"Message\":\"m\"}", "Foo", "Foo: m",
         ""},
        {AWS_JSON, 503, "", "<html>Service Unavailable</html>", "HTTP 503", "HTTP 503", ""},
        {AWS_JSON, 500, "", "", "HTTP 500", "HTTP 500", ""},
        {AWS_JSON, 400, "", "[1]", "HTTP 400", "HTTP 400", ""},
        {AWS_REST_JSON, 429, "X-Amzn-ErrorType: TooManyRequestsException:http://x/\r\n",
         "{\"Type\":\"User\",\"message\":\"Rate Exceeded.\"}", "TooManyRequestsException",
         "TooManyRequestsException: Rate Exceeded.", ""},
        {AWS_REST_JSON, 400, "", "{\"code\":\"C\",\"__type\":\"T\"}", "C", "C", ""},
        {AWS_REST_JSON, 404, "", "{\"__type\":\"T\",\"Message\":\"m\"}", "T", "T: m", ""},
        {AWS_REST_XML, 404, "x-amz-request-id: R2\r\nx-amz-id-2: H\r\n",
         "\n<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>&lt;no&gt;</Message>"
         "<Key>k</Key></Error>",
         "NoSuchKey", "NoSuchKey: <no>", "R2"},
        {AWS_REST_XML, 404, "", "", "HTTP 404", "HTTP 404", ""},
        {AWS_REST_XML, 502, "", "<html><body>Bad", "HTTP 502", "HTTP 502", ""},
        {AWS_REST_XML, 500, "", "<Error><Code>\xf4</Code></Error>", "HTTP 500", "HTTP 500", ""},
        {AWS_REST_XML, 500, "", "<Error><Code>two words</Code><Message>m</Message></Error>",
         "HTTP 500", "HTTP 500: m", ""},
        {AWS_QUERY, 403, "",
         "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>"
         "</Error><RequestId>R</RequestId></ErrorResponse>",
         "AccessDenied", "AccessDenied: no", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_response r = {.status = cases[i].status};
        struct error err = {0};
        json_t *json = NULL;
        buf_init(&r.headers, 1024);
        buf_init(&r.body, 1024);
        buf_adds(&r.headers, cases[i].headers);
        buf_adds(&r.body, cases[i].body);
        (void)json_parse(buf_str(&r.body), r.body.len, &json, NULL);
        cr_assert_eq(aws_error_read(cases[i].protocol, &r, json, &err), -1);
        cr_expect_eq(err.code, ERR_REMOTE);
        cr_expect_eq(err.http_status, cases[i].status);
        cr_expect_str_eq(err.remote, cases[i].code);
        cr_expect_str_eq(err.message, cases[i].message);
        cr_expect_str_eq(err.request_id, cases[i].id);
        json_decref(json);
        http_response_free(&r);
    }
}

/* --- answers that stay text --- */

static int judge(int status, const char *body, struct aws_response *out, struct error *err)
{
    const struct aws_request request = {
        .service = AWS_DYNAMODB, .operation = "Query", .as_text = true};
    struct http_response http = {.status = status};
    buf_init(&http.headers, 4096);
    buf_init(&http.body, BUF_MAX_AWS_REPLY);
    buf_adds(&http.headers, "x-amzn-RequestId: req-1\r\n");
    buf_adds(&http.body, body);
    *out = (struct aws_response){0};
    return answer_read(&request, &http, out, err);
}

/* What is damaged is found before the caller sees it, and worth another attempt. */
Test(aws_answer, text_is_checked_and_left_as_it_is)
{
    struct aws_response a;
    struct error err = {0};
    cr_assert_eq(judge(200, "{\"Items\":[]}", &a, &err), 0, "%s", err.message);
    cr_expect_null(a.json);
    cr_expect_str_eq(buf_str(&a.http.body), "{\"Items\":[]}");
    aws_response_free(&a);
    cr_assert_eq(judge(200, "{\"Items\":\n [}", &a, &err), -1);
    cr_expect_eq(err.code, ERR_NETWORK);
    cr_expect_str_eq(err.message, "the answer (request req-1) is not JSON: line 2, column 3: no "
                                  "value where one is due");
    aws_response_free(&a);
    cr_assert_eq(judge(400, "{\"__type\":\"a#ThrottlingException\"}", &a, &err), -1);
    cr_expect(err_is_remote(&err, "ThrottlingException"));
    aws_response_free(&a);
}

Test(aws_answer, a_huge_error_is_no_tree)
{
    struct aws_response a;
    struct error err = {0};
    struct buf body;
    buf_init(&body, BUF_MAX_AWS_REPLY);
    buf_adds(&body, "{\"__type\":\"X\",\"list\":[");
    while (body.len < BUF_MAX_LINE)
        buf_adds(&body, "[],");
    buf_adds(&body, "[]]}");
    cr_assert_eq(judge(400, buf_str(&body), &a, &err), -1);
    cr_expect(err_is_remote(&err, "HTTP 400"));
    cr_expect_str_eq(err.request_id, "req-1");
    cr_expect_null(a.json);
    aws_response_free(&a);
    buf_free(&body);
}
