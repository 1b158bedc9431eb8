/* lib/aws against a peer in this process: signing on the wire, retries, repairs, many at once. */
#include "lib/aws/dynamodb.h"
#include "lib/aws/s3.h"
#include "lib/aws/sigv4.h"
#include "tests/unit/http_peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_MAX = 16 };

/* What the peer answers to the first, second ... request; 200 "{}" after the last step. */
struct step {
    enum peer_action action;
    int status;
    const char *headers;
    const char *body;
};

struct script {
    const struct step *steps;
    size_t count;
    size_t seen;
    struct seen {
        char target[128]; /* X-Amz-Target */
        char date[32];
        char invocation[64];
        char sdk[64];
        char key_id[32];
        bool sound; /* the signature fits what came in */
    } requests[SEEN_MAX];
};

static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/* Signs the request as it arrived, with the headers that it says are signed. */
static bool is_signed_soundly(const struct peer_request *request, bool s3)
{
    char authorization[2048], names[1024], values[16][512], path[2048], date[32];
    struct sigv4_header headers[16];
    struct sigv4_request req = {.method = request->method, .headers = headers};
    struct error err = {0};
    struct buf mine;
    peer_header(request, "authorization", authorization, sizeof authorization);
    peer_header(request, "x-amz-date", date, sizeof date);
    const char *list = strstr(authorization, "SignedHeaders=");
    if (!list || sscanf(list, "SignedHeaders=%1023[^,]", names) != 1)
        return false;
    char *rest = names;
    for (char *name; (name = strsep(&rest, ";")) && req.header_count < 16;) {
        char *value = values[req.header_count];
        headers[req.header_count++] =
            (struct sigv4_header){name, peer_header(request, name, value, sizeof values[0])};
    }
    (void)snprintf(path, sizeof path, "%s", request->target);
    char *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    req.path = path;
    req.query = query ? query : "";
    req.normalize = req.double_encode = !s3;
    cr_assert_eq(crypto_sha256_hex(request->body, request->body_len, req.payload_hash, &err), 0);
    buf_init(&mine, BUF_MAX_LINE);
    const struct sigv4_scope scope = {date, "eu-west-1", s3 ? "s3" : "dynamodb"};
    const char *id = strstr(authorization, "Credential=") + strlen("Credential=");
    char key_id[32];
    (void)snprintf(key_id, sizeof key_id, "%.*s", (int)strcspn(id, "/"), id);
    const struct sigv4_credentials cred = {key_id, secret};
    cr_assert_eq(sigv4_authorization(&req, &scope, &cred, &mine, &err), 0);
    bool same = strcmp(buf_str(&mine), authorization) == 0;
    buf_free(&mine);
    return same;
}

static void take_note(struct script *s, const struct peer_request *request)
{
    char target[128], authorization[256];
    if (s->seen == SEEN_MAX)
        return;
    struct seen *n = &s->requests[s->seen++];
    peer_header(request, "x-amz-target", target, sizeof target);
    memcpy(n->target, target, sizeof target);
    peer_header(request, "x-amz-date", n->date, sizeof n->date);
    peer_header(request, "amz-sdk-invocation-id", n->invocation, sizeof n->invocation);
    peer_header(request, "amz-sdk-request", n->sdk, sizeof n->sdk);
    peer_header(request, "authorization", authorization, sizeof authorization);
    (void)sscanf(authorization, "AWS4-HMAC-SHA256 Credential=%31[^/]", n->key_id);
    n->sound = is_signed_soundly(request, target[0] == '\0');
}

static void play(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    struct script *s = ctx;
    size_t at = s->seen;
    take_note(s, request);
    if (at >= s->count) {
        buf_adds(&reply->body, "{}");
        return;
    }
    const struct step *step = &s->steps[at];
    reply->action = step->action;
    reply->status = step->status;
    buf_adds(&reply->headers, step->headers ? step->headers : "");
    buf_adds(&reply->body, step->body ? step->body : "");
}

/* --- a client whose clock runs a thousand times as fast, so that back-off costs nothing ----------
 */

static int64_t fast_mono(const struct clock *self)
{
    (void)self;
    return clock_mono(clock_system()) * 1000;
}

static int64_t fixed_wall(const struct clock *self)
{
    (void)self;
    return INT64_C(1704164645) * CLOCK_SECOND; /* 2024-01-02T03:04:05Z */
}

static const struct clock fast_clock = {.wall = fixed_wall, .mono = fast_mono};

/* Nothing is set, and there is no instance whose metadata could be asked. */
static const char *no_env(const char *name)
{
    return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

static struct aws *open_aws(const struct peer *p)
{
    struct error err = {0};
    struct aws_options options = {.region = "eu-west-1",
                                  .endpoint = peer_url(p),
                                  .access_key_id = "AKID",
                                  .secret_access_key = secret,
                                  .session_token = "the/token==",
                                  .getenv = no_env,
                                  .clock = &fast_clock};
    struct aws *a = aws_new(&options, &err);
    cr_assert_not_null(a, "%s", err.message);
    return a;
}

/* How one call ended. */
struct outcome {
    int calls; /* of the callback */
    int status;
    int attempts;
    char request_id[ERR_REQUEST_ID_MAX];
    char body[256];
    bool has_item;
    struct error err;
};

static void note_outcome(void *ctx, struct aws_response *response, const struct error *err)
{
    struct outcome *o = ctx;
    o->calls++;
    if (err)
        o->err = *err;
    if (!response)
        return;
    o->status = response->status;
    o->attempts = response->attempts;
    (void)snprintf(o->request_id, sizeof o->request_id, "%s", response->request_id);
    (void)snprintf(o->body, sizeof o->body, "%s", buf_str(&response->http.body));
    o->has_item = dynamodb_item(response) != NULL;
}

/* Sends a request and polls in short turns, since the waits of a fast clock are shorter still. */
static void run_request(struct aws *a, struct aws_request *r, struct outcome *o)
{
    struct error err = {0};
    *o = (struct outcome){0};
    cr_assert_eq(aws_send(a, r, note_outcome, o, &err), 0, "%s", err.message);
    while (aws_poll(a, 1, &err) > 0)
        continue;
    cr_assert_eq(o->calls, 1);
}

static void get_item(struct aws_request *r)
{
    struct error err = {0};
    json_t *key = json_pack("{s:{s:s}}", "id", "S", "x");
    cr_assert_eq(dynamodb_get_item(r, "t", key, true, &err), 0, "%s", err.message);
    json_decref(key);
}

/* One GetItem to a server that plays the script; both are gone afterwards. */
static void ask_once(struct script *script, struct outcome *o)
{
    struct peer *p = peer_open(play, script);
    struct aws *a = open_aws(p);
    struct aws_request r;
    get_item(&r);
    run_request(a, &r, o);
    aws_free(a);
    peer_close(p);
}

#define THROTTLED                                                                                  \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\"}"
#define INVALID "{\"__type\":\"com.amazon.coral.validate#ValidationException\",\"message\":\"no\"}"

Test(aws_client, what_is_retried_and_what_is_not, .timeout = 60)
{
    static const struct {
        struct step steps[4];
        size_t count;
        size_t requests;    /* that came in */
        const char *remote; /* NULL: success in the end */
        enum err_code code;
    } cases[] = {
        {{{0, 500, NULL, "oops"}}, 1, 2, NULL, ERR_NONE},
        {{{0, 400, NULL, THROTTLED}, {0, 400, NULL, THROTTLED}}, 2, 3, NULL, ERR_NONE},
        {{{0, 400, NULL, THROTTLED}, {0, 503, NULL, ""}, {0, 400, NULL, THROTTLED}},
         3,
         3,
         "ProvisionedThroughputExceededException",
         ERR_REMOTE},
        {{{PEER_RESET, 0, NULL, NULL}}, 1, 2, NULL, ERR_NONE},
        {{{PEER_RESET, 0, NULL, NULL}, {PEER_RESET, 0, NULL, NULL}, {PEER_RESET, 0, NULL, NULL}},
         3,
         3,
         "",
         ERR_NETWORK},
        {{{0, 400, NULL, INVALID}}, 1, 1, "ValidationException", ERR_REMOTE},
        {{{0, 404, NULL, ""}}, 1, 1, "HTTP 404", ERR_REMOTE},
        /* A damaged success: wrong checksum, or JSON cut off. */
        {{{0, 200, "x-amz-crc32: 1\r\n", "{}"}}, 1, 2, NULL, ERR_NONE},
        {{{0, 200, "x-amz-crc32: 2745614147\r\n", "{}"}}, 1, 1, NULL, ERR_NONE},
        {{{0, 200, NULL, "{\"Item\":"}}, 1, 2, NULL, ERR_NONE},
        {{{0, 200, NULL, ""}}, 1, 1, NULL, ERR_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = {.steps = cases[i].steps, .count = cases[i].count};
        struct outcome o;
        ask_once(&script, &o);
        cr_expect_eq(script.seen, cases[i].requests, "case %zu: %zu requests", i, script.seen);
        cr_expect_eq(o.err.code, cases[i].code, "case %zu: %s", i, o.err.message);
        if (cases[i].remote)
            cr_expect_str_eq(o.err.remote, cases[i].remote);
        else
            cr_expect_eq(o.attempts, (int)cases[i].requests);
    }
}

Test(aws_client, every_attempt_is_signed_and_told_apart, .timeout = 60)
{
    static const struct step steps[] = {{0, 500, NULL, ""}, {0, 500, NULL, ""}};
    struct script script = {.steps = steps, .count = 2};
    struct outcome o;
    ask_once(&script, &o);
    cr_assert_eq(script.seen, 3);
    for (size_t i = 0; i < 3; i++) {
        char sdk[32];
        (void)snprintf(sdk, sizeof sdk, "attempt=%zu; max=3", i + 1);
        cr_expect(script.requests[i].sound, "attempt %zu", i);
        cr_expect_str_eq(script.requests[i].sdk, sdk);
        cr_expect_str_eq(script.requests[i].target, "DynamoDB_20120810.GetItem");
        cr_expect_str_eq(script.requests[i].date, "20240102T030405Z");
        cr_expect_str_eq(script.requests[i].invocation, script.requests[0].invocation);
    }
    cr_assert_eq(strlen(script.requests[0].invocation), 36);
}

Test(aws_client, s3_requests_are_signed_as_they_are_sent, .timeout = 60)
{
    static const char *const keys[] = {"a", "a//b/../c", "\xc3\xa4 +%?&=#'", "~._-/x"};
    struct script script = {0};
    struct peer *p = peer_open(play, &script);
    struct aws *a = open_aws(p);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct aws_request r;
        struct outcome o;
        cr_assert_eq(s3_put_object(&r, "bucket", keys[i], "data", 4, "text/plain", NULL), 0);
        run_request(a, &r, &o);
        cr_assert_eq(o.status, 200);
    }
    struct aws_request r;
    struct outcome o;
    struct s3_copy copy = {"src", "k \xc3\xa4", "dst", "to", "\"etag\""};
    struct s3_part_copy part = {copy, "id+/=", 7, 0, 9};
    cr_assert_eq(s3_upload_part_copy(&r, &part, NULL), 0);
    r.expect_root = NULL;
    run_request(a, &r, &o);
    cr_assert_eq(o.status, 200);
    aws_free(a);
    peer_close(p);
    cr_assert_eq(script.seen, 5);
    for (size_t i = 0; i < script.seen; i++)
        cr_expect(script.requests[i].sound, "request %zu", i);
}

Test(aws_client, errors_keep_id_and_answer, .timeout = 60)
{
    static const struct step steps[] = {
        {0, 400, "x-amzn-RequestId: REQ1\r\n",
         "{\"__type\":\"x#ConditionalCheckFailedException\",\"message\":\"The conditional request "
         "failed\",\"Item\":{\"id\":{\"S\":\"x\"}}}"}};
    struct script script = {.steps = steps, .count = 1};
    struct peer *p = peer_open(play, &script);
    struct aws *a = open_aws(p);
    struct aws_request r;
    struct outcome o;
    get_item(&r);
    run_request(a, &r, &o);
    cr_assert(err_is_remote(&o.err, "ConditionalCheckFailedException"));
    cr_assert_str_eq(o.err.request_id, "REQ1");
    cr_assert_str_eq(o.err.message, "dynamodb GetItem: ConditionalCheckFailedException: "
                                    "The conditional request failed");
    cr_assert(o.has_item);
    aws_free(a);
    peer_close(p);
}

Test(aws_client, copies_are_judged_by_their_body, .timeout = 60)
{
    static const struct step steps[] = {
        {0, 200, NULL, "\n\n<Error><Code>InternalError</Code></Error>"},
        {0, 200, NULL, ""},
        {0, 200, NULL,
         "<?xml version=\"1.0\"?>\n  \n<CopyObjectResult><ETag>\"e\"</ETag>"
         "</CopyObjectResult>"},
        {0, 200, NULL, "<Error><Code>SlowDown</Code><Message>slow</Message></Error>"},
        {0, 200, NULL, "<CopyObjectResult><ETag>cut"},
        {0, 200, NULL, "<Error><Code>AccessDenied</Code></Error>"},
    };
    struct script script = {.steps = steps, .count = 6};
    struct peer *p = peer_open(play, &script);
    struct aws *a = open_aws(p);
    struct aws_request r;
    struct outcome o;
    struct s3_copy copy = {"src", "k", "dst", "to", NULL};
    cr_assert_eq(s3_copy_object(&r, &copy, NULL), 0);
    run_request(a, &r, &o);
    cr_assert_eq(o.err.code, ERR_NONE, "%s", o.err.message);
    cr_assert_eq(o.attempts, 3);
    cr_assert_eq(s3_copy_object(&r, &copy, NULL), 0);
    run_request(a, &r, &o);
    cr_assert(err_is_remote(&o.err, "AccessDenied"), "%s", o.err.message);
    cr_assert_eq(o.err.http_status, 500);
    aws_free(a);
    peer_close(p);
}

Test(aws_client, a_wrong_clock_is_put_right_once, .timeout = 60)
{
    static const struct step steps[] = {
        {0, 400, "Date: Tue, 02 Jan 2024 05:04:05 GMT\r\n",
         "{\"__type\":\"x#InvalidSignatureException\",\"message\":\"Signature expired\"}"},
        {0, 200, NULL, "{}"},
        {0, 200, NULL, "{}"},
        {0, 400, "Date: Tue, 02 Jan 2024 05:06:05 GMT\r\n",
         "{\"__type\":\"x#InvalidSignatureException\",\"message\":\"wrong key\"}"}};
    struct script script = {.steps = steps, .count = 4};
    struct peer *p = peer_open(play, &script);
    struct aws *a = open_aws(p);
    struct aws_request r;
    struct outcome o;
    for (int i = 0; i < 2; i++) {
        get_item(&r);
        run_request(a, &r, &o);
        cr_assert_eq(o.status, 200);
    }
    /* Two minutes apart is no skew: the signature is refused for another reason. */
    get_item(&r);
    run_request(a, &r, &o);
    cr_assert(err_is_remote(&o.err, "InvalidSignatureException"));
    aws_free(a);
    peer_close(p);
    cr_assert_eq(script.seen, 4);
    cr_assert_str_eq(script.requests[0].date, "20240102T030405Z");
    cr_assert_str_eq(script.requests[1].date, "20240102T050405Z");
    cr_assert_str_eq(script.requests[2].date, "20240102T050405Z");
    cr_assert_str_eq(script.requests[1].sdk, "attempt=2; max=4");
}

/* The environment of a process whose credentials are rotated between the first and later looks. */
static __thread int rotated_looks;

static const char *rotated_env(const char *name)
{
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return rotated_looks++ == 0 ? "OLD" : "NEW";
    return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? secret : NULL;
}

Test(aws_client, rotated_credentials_are_fetched_once, .timeout = 60)
{
    static const struct step steps[] = {{0, 400, NULL, "{\"__type\":\"ExpiredTokenException\"}"},
                                        {0, 200, NULL, "{}"},
                                        {0, 400, NULL, "{\"__type\":\"ExpiredTokenException\"}"}};
    struct script script = {.steps = steps, .count = 3};
    struct peer *p = peer_open(play, &script);
    struct error err = {0};
    struct aws_options options = {.region = "eu-west-1",
                                  .endpoint = peer_url(p),
                                  .getenv = rotated_env,
                                  .clock = &fast_clock};
    struct aws *a = aws_new(&options, &err);
    cr_assert_not_null(a, "%s", err.message);
    struct aws_request r;
    struct outcome o;
    get_item(&r);
    run_request(a, &r, &o);
    cr_assert_eq(o.status, 200);
    get_item(&r);
    run_request(a, &r, &o);
    cr_assert(err_is_remote(&o.err, "ExpiredTokenException"), "nothing newer: no second try");
    aws_free(a);
    peer_close(p);
    cr_assert_eq(script.seen, 3);
    cr_assert_str_eq(script.requests[0].key_id, "OLD");
    cr_assert_str_eq(script.requests[1].key_id, "NEW");
}

/* S3's own names for it, and a HEAD, whose answer cannot name any. */
Test(aws_client, s3_refusals_look_for_new_credentials, .timeout = 60)
{
    static const struct step steps[] = {
        {0, 403, NULL, "<Error><Code>InvalidAccessKeyId</Code></Error>"},
        {0, 400, NULL, "<Error><Code>InvalidToken</Code></Error>"},
        {0, 400, NULL, NULL},
        {0, 400, NULL, NULL}};
    for (size_t i = 0; i < 3; i++) {
        struct script script = {.steps = &steps[i], .count = 1 + (i == 2)};
        struct peer *p = peer_open(play, &script);
        struct error err = {0};
        struct aws_options options = {.region = "eu-west-1",
                                      .endpoint = peer_url(p),
                                      .getenv = rotated_env,
                                      .clock = &fast_clock};
        rotated_looks = 0;
        struct aws *a = aws_new(&options, &err);
        cr_assert_not_null(a, "%s", err.message);
        struct aws_request r = {0};
        struct outcome o;
        cr_assert_eq(i < 2 ? s3_get_object(&r, "bucket", "k", 100, &err)
                           : s3_head_object(&r, "bucket", "k", &err),
                     0);
        run_request(a, &r, &o);
        cr_expect_eq(o.status, i < 2 ? 200 : 400, "%zu: %d", i, o.status);
        cr_expect_eq(script.seen, 2, "once, not again and again");
        cr_expect_str_eq(script.requests[1].key_id, "NEW");
        aws_free(a);
        peer_close(p);
    }
}

/* Refuses the old key and, with it out of the way, the wrong clock. */
static void refuse_old(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    char authorization[256], date[32];
    (void)ctx;
    peer_header(request, "authorization", authorization, sizeof authorization);
    peer_header(request, "x-amz-date", date, sizeof date);
    reply->status = 400;
    if (strstr(authorization, "Credential=OLD/")) {
        buf_adds(&reply->body, "{\"__type\":\"ExpiredTokenException\"}");
    } else if (strcmp(date, "20240102T030405Z") == 0) {
        buf_adds(&reply->headers, "Date: Tue, 02 Jan 2024 05:04:05 GMT\r\n");
        buf_adds(&reply->body, "{\"__type\":\"InvalidSignatureException\"}");
    } else {
        reply->status = 200;
    }
}

Test(aws_client, one_repair_helps_all_calls_in_flight, .timeout = 60)
{
    enum { CALLS = 40 };
    struct peer *p = peer_open(refuse_old, NULL);
    struct error err = {0};
    struct aws_options options = {.region = "eu-west-1",
                                  .endpoint = peer_url(p),
                                  .getenv = rotated_env,
                                  .clock = &fast_clock};
    struct aws *a = aws_new(&options, &err);
    struct outcome outcomes[CALLS] = {0};
    cr_assert_not_null(a, "%s", err.message);
    for (int i = 0; i < CALLS; i++) {
        struct aws_request r;
        get_item(&r);
        cr_assert_eq(aws_send(a, &r, note_outcome, &outcomes[i], NULL), 0);
    }
    while (aws_poll(a, 1, NULL) > 0)
        continue;
    for (int i = 0; i < CALLS; i++)
        cr_expect_eq(outcomes[i].status, 200, "call %d: %s", i, outcomes[i].err.message);
    aws_free(a);
    peer_close(p);
}

Test(aws_client, an_empty_token_bucket_ends_retries, .timeout = 120)
{
    struct step *steps = calloc(600, sizeof *steps);
    struct script script = {.steps = steps, .count = 600};
    cr_assert_not_null(steps);
    for (size_t i = 0; i < 600; i++)
        steps[i] = (struct step){0, 500, NULL, "{}"};
    struct peer *p = peer_open(play, &script);
    struct aws *a = open_aws(p);
    struct outcome o;
    int attempts = 0;
    /* 500 tokens at 5 a retry: a hundred retries, two a call. */
    for (int i = 0; i < 52; i++) {
        struct aws_request r;
        get_item(&r);
        run_request(a, &r, &o);
        cr_assert_eq(o.err.code, ERR_REMOTE);
        attempts = o.attempts;
        if (i < 50)
            cr_assert_eq(attempts, 3, "call %d", i);
    }
    cr_assert_eq(attempts, 1, "no tokens left");
    aws_free(a);
    peer_close(p);
    free(steps);
}

static void echo_key(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    if (request->number % 3 == 0) {
        reply->status = 500;
        return;
    }
    buf_add(&reply->body, request->body, request->body_len);
}

/* One of many calls: its id, and what became of all. */
struct member {
    int id;
    struct crowd {
        int done;
        int wrong;
    } * crowd;
};

static void check_own_answer(void *ctx, struct aws_response *response, const struct error *err)
{
    const struct member *m = ctx;
    json_t *key = json_object_get(response ? response->json : NULL, "Key");
    m->crowd->done++;
    m->crowd->wrong += err != NULL || dynamodb_get_n(key, "id", -1) != m->id;
}

Test(aws_client, many_calls_in_flight_get_their_own_answers, .timeout = 120)
{
    enum { CALLS = 300 };
    struct crowd crowd = {0};
    struct member members[CALLS];
    struct peer *p = peer_open(echo_key, NULL);
    struct aws *a = open_aws(p);
    for (int i = 0; i < CALLS; i++) {
        struct aws_request r;
        json_t *key = json_pack("{s:o}", "id", dynamodb_n(i));
        members[i] = (struct member){i, &crowd};
        cr_assert_eq(dynamodb_get_item(&r, "t", key, false, NULL), 0);
        json_decref(key);
        r.max_attempts = 20; /* every third answer is a 500 */
        cr_assert_eq(aws_send(a, &r, check_own_answer, &members[i], NULL), 0);
    }
    while (aws_poll(a, 1, NULL) > 0)
        continue;
    cr_assert_eq(crowd.done, CALLS);
    cr_assert_eq(crowd.wrong, 0);
    aws_free(a);
    peer_close(p);
}

static void fall_silent(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    (void)request;
    reply->action = PEER_SILENT;
}

static void big_answer(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    (void)request;
    for (int i = 0; i < 100; i++)
        buf_adds(&reply->body, "0123456789");
}

Test(aws_client, timeouts_and_ceilings, .timeout = 60)
{
    struct peer *silent = peer_open(fall_silent, NULL);
    struct aws *a = open_aws(silent);
    struct aws_request r;
    struct outcome o;
    get_item(&r);
    r.timeout_ms = 30;
    r.max_attempts = 2;
    run_request(a, &r, &o);
    cr_assert_eq(o.err.code, ERR_TIMEOUT, "%s", o.err.message);
    aws_free(a);
    peer_close(silent);
    struct peer *big = peer_open(big_answer, NULL);
    a = open_aws(big);
    cr_assert_eq(s3_get_object(&r, "bucket", "k", 999, NULL), 0);
    run_request(a, &r, &o);
    cr_assert_eq(o.err.code, ERR_LIMIT, "%s", o.err.message);
    cr_assert_eq(s3_get_object(&r, "bucket", "k", 1000, NULL), 0);
    run_request(a, &r, &o);
    cr_assert_eq(o.err.code, ERR_NONE);
    aws_free(a);
    peer_close(big);
}

static void must_not_happen(void *ctx, struct aws_response *response, const struct error *err)
{
    (void)ctx;
    (void)response;
    (void)err;
    cr_assert_fail("called back after aws_free, or for a refused request");
}

Test(aws_client, free_drops_what_is_under_way, .timeout = 60)
{
    struct script script = {0};
    static const struct step steps[] = {{0, 500, NULL, ""}};
    script.steps = steps;
    script.count = 1;
    struct peer *p = peer_open(play, &script);
    struct error err = {0};
    struct aws_options options = {.region = "eu-west-1",
                                  .endpoint = peer_url(p),
                                  .access_key_id = "AKID",
                                  .secret_access_key = secret,
                                  .getenv = no_env};
    struct aws *a = aws_new(&options, &err);
    struct aws_request r;
    get_item(&r);
    cr_assert_eq(aws_send(a, &r, must_not_happen, NULL, NULL), 0);
    cr_assert_eq(aws_poll(a, 0, NULL), 1);
    get_item(&r);
    buf_free(&r.path);
    buf_init(&r.path, 0);
    buf_addc(&r.path, '/');
    cr_assert_eq(aws_send(a, &r, must_not_happen, NULL, &err), -1);
    cr_assert_eq(err.code, ERR_LIMIT);
    cr_assert_eq(r.body.len, 0, "the request was taken over all the same");
    cr_assert_null(aws_free(a));
    cr_assert_null(aws_free(NULL));
    peer_close(p);
}

Test(aws_client, call_waits_for_its_own_answer, .timeout = 60)
{
    static const struct step steps[] = {{0, 200, "x-amzn-requestid: R9\r\n", "{\"Item\":{}}"},
                                        {0, 400, NULL, INVALID}};
    struct script script = {.steps = steps, .count = 2};
    struct peer *p = peer_open(play, &script);
    struct aws *a = open_aws(p);
    struct error err = {0};
    struct aws_request r;
    struct aws_response out;
    get_item(&r);
    cr_assert_eq(aws_call(a, &r, &out, &err), 0, "%s", err.message);
    cr_assert_not_null(dynamodb_item(&out));
    cr_assert_str_eq(out.request_id, "R9");
    aws_response_free(&out);
    get_item(&r);
    cr_assert_eq(aws_call(a, &r, &out, &err), -1);
    cr_assert(err_is_remote(&err, "ValidationException"));
    cr_assert_eq(out.status, 400);
    aws_response_free(&out);
    aws_free(a);
    peer_close(p);
}

Test(aws_client, needs_region_and_credentials)
{
    static const struct {
        struct aws_options options;
        const char *names;
    } cases[] = {
        {{.getenv = no_env}, "AWS_REGION"},
        {{.getenv = no_env, .region = "eu-west-1"}, "AWS_ACCESS_KEY_ID"},
        {{.getenv = no_env, .region = "eu-west-1", .endpoint = "nonsense"}, "nonsense"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        cr_assert_null(aws_new(&cases[i].options, &err));
        cr_assert_eq(err.code, ERR_ARGUMENT);
        cr_assert_not_null(strstr(err.message, cases[i].names), "%s", err.message);
    }
}
