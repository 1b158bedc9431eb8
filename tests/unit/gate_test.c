/* server/local/gate: who may come in, which service a request reaches, the forms of answers. */
#include "lib/crypto/crypto.h"
#include "server/local/gate/gate.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTH_AS(service)                                                                           \
    "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20240102/us-east-1/" service "/aws4_request," \
    " SignedHeaders=host;x-amz-date, "                                                             \
    "Signature=0123456789012345678901234567890123456789012345678901234567890123\r\n"
#define DYNAMODB AUTH_AS("dynamodb") "X-Amz-Target: DynamoDB_20120810."
#define SFN AUTH_AS("states") "X-Amz-Target: AWSStepFunctions."
#define ECS AUTH_AS("ecs") "X-Amz-Target: AmazonEC2ContainerServiceV20141113."

struct fixture {
    char dir[TEMP_FOLDER_MAX];
    struct local_s3 *s3;
    struct local_service dynamodb, sfn, ecs;
    struct gate *gate;
    uint16_t port;
    pthread_t thread;
};

static void *answer_later(void *data)
{
    struct local_call *call = data;
    local_reply(call, json_pack("{s:O}", "Later", call->input));
    return NULL;
}

/* A service that answers by the name of the operation. */
static void serve(void *self, struct local_call *call)
{
    struct fixture *f = self;
    if (!strcmp(call->operation, "Echo")) {
        local_reply(call, json_incref(call->input));
    } else if (!strcmp(call->operation, "Later")) {
        cr_assert_eq(pthread_create(&f->thread, NULL, answer_later, call), 0);
    } else if (!strcmp(call->operation, "Nothing")) {
        local_reply(call, NULL);
    } else if (!strcmp(call->operation, "Cancel")) {
        json_t *extra = json_pack("{s:[s]}", "CancellationReasons", "None");
        const struct local_fault fault = {400, "TransactionCanceledException", "no", extra};
        call->done(call, NULL, &fault);
        json_decref(extra);
    } else {
        local_fault(call, 400, "UnknownOperationException", "no %s", call->operation);
    }
}

static void start(struct fixture *f)
{
    struct error err = {0};
    memset(f, 0, sizeof *f);
    temp_folder_make(f->dir, "gate");
    const struct local_s3_options s3 = {
        .dir = f->dir, .region = "us-east-1", .clock = clock_system()};
    f->s3 = local_s3_open(&s3, &err);
    cr_assert_not_null(f->s3, "%s", err.message);
    f->dynamodb = (struct local_service){"dynamodb", f, serve};
    f->ecs = (struct local_service){"ecs", f, serve};
    const struct gate_options options = {
        .host = "127.0.0.1", .s3 = f->s3, .dynamodb = &f->dynamodb, .ecs = &f->ecs};
    f->gate = gate_open(&options, &err);
    cr_assert_not_null(f->gate, "%s", err.message);
    f->port = (uint16_t)strtoul(strrchr(gate_url(f->gate), ':') + 1, NULL, 10);
}

static void stop(struct fixture *f)
{
    cr_expect_null(gate_close(f->gate));
    local_s3_close(f->s3);
    temp_folder_remove(f->dir);
}

struct step {
    const char *method, *path, *headers, *body;
    int status;
    const char *says;
};

static void run_steps(struct fixture *f, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        struct raw_reply r;
        raw_call(f->port, s->method, s->path, s->headers, s->body, &r);
        cr_expect_eq(r.status, s->status, "step %zu: %d %s", i, r.status, buf_str(&r.body));
        cr_expect(strstr(buf_str(&r.head), s->says) || strstr(buf_str(&r.body), s->says),
                  "step %zu: no '%s' in %s%s", i, s->says, buf_str(&r.head), buf_str(&r.body));
        raw_reply_free(&r);
    }
}

#define RUN(f, steps) run_steps((f), (steps), sizeof(steps) / sizeof *(steps))

Test(gate, tells_services_apart)
{
    static const struct step steps[] = {
        {"POST", "/", DYNAMODB "Echo\r\n", "{\"a\":1}", 200, "{\"a\":1}"},
        {"POST", "/", DYNAMODB "Echo\r\n", "{}", 200, "application/x-amz-json-1.0"},
        {"POST", "/", DYNAMODB "Echo\r\n", "", 200, "{}"},
        {"POST", "/", AUTH_AS("dynamodb") "X-Amz-Target: DynamoDBStreams_20120810.Echo\r\n",
         "{\"s\":1}", 200, "{\"s\":1}"},
        {"POST", "/", ECS "Echo\r\n", "{\"e\":1}", 200, "application/x-amz-json-1.1"},
        {"POST", "/", ECS "Echo\r\n", "{\"e\":1}", 200, "x-amzn-RequestId: "},
        {"GET", "/", AUTH_AS("s3"), "", 200, "ListAllMyBucketsResult"},
        {"PUT", "/2015-03-31/", AUTH_AS("s3"), "", 200, "Location: /2015-03-31"},
        {"POST", "/", SFN "Echo\r\n", "{}", 400, "AWSStepFunctions.Echo is not offered here"},
        {"POST", "/2015-03-31/functions/f/invocations", AUTH_AS("lambda"), "{}", 400,
         "x-amzn-errortype: UnknownOperationException"},
        {"POST", "/", AUTH_AS("kinesis") "X-Amz-Target: Kinesis_20131202.PutRecord\r\n", "{}", 400,
         "Kinesis_20131202.PutRecord is not offered here"},
        {"POST", "/", AUTH_AS("sts"), "Version=2011-06-15&Action=GetCallerIdentity", 200,
         "<Arn>arn:aws:iam::000000000000:root</Arn>"},
        {"GET", "/?Action=GetCallerIdentity", AUTH_AS("sts"), "", 200, "GetCallerIdentityResult"},
        {"POST", "/", AUTH_AS("sts"), "Action=GetCallerIdentityX", 400,
         "<Error><Type>Sender</Type><Code>InvalidAction</Code>"},
        {"POST", "/", AUTH_AS("sts"), "", 400, "InvalidAction"},
        {"POST", "/", AUTH_AS("sqs"), "Action=ListQueues", 501, "sqs is not offered here"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

Test(gate, answers_in_the_services_form)
{
    static const struct step steps[] = {
        {"POST", "/", DYNAMODB "Get\r\n", "{}", 400,
         "{\"__type\":\"UnknownOperationException\",\"message\":\"no Get\"}"},
        {"POST", "/", DYNAMODB "Cancel\r\n", "{}", 400,
         "{\"__type\":\"TransactionCanceledException\",\"Message\":\"no\","
         "\"CancellationReasons\":[\"None\"]}"},
        {"POST", "/", DYNAMODB "Nothing\r\n", "{}", 500, "InternalServerError"},
        {"POST", "/", DYNAMODB "Echo\r\n", "{\"a\":", 400, "SerializationException"},
        {"POST", "/", DYNAMODB "Echo\r\n", "[]", 400, "SerializationException"},
        {"POST", "/", DYNAMODB "Echo\r\n", "\xff", 400, "SerializationException"},
        {"POST", "/", DYNAMODB "Later\r\n", "{\"a\":1}", 200, "{\"Later\":{\"a\":1}}"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    pthread_join(f.thread, NULL);
    stop(&f);
}

Test(gate, dynamodb_answers_carry_their_crc32)
{
    struct fixture f;
    struct raw_reply r;
    char text[32], crc[32];
    start(&f);
    raw_call(f.port, "POST", "/", DYNAMODB "Echo\r\n", "{\"a\":1}", &r);
    (void)snprintf(crc, sizeof crc, "%u", crypto_crc32(0, r.body.data, r.body.len));
    const char *header = raw_header(&r, "x-amz-crc32", text, sizeof text);
    cr_assert_not_null(header);
    cr_expect_str_eq(header, crc);
    raw_reply_free(&r);
    raw_call(f.port, "POST", "/", ECS "Echo\r\n", "{\"a\":1}", &r);
    cr_expect_null(raw_header(&r, "x-amz-crc32", text, sizeof text));
    raw_reply_free(&r);
    stop(&f);
}

Test(gate, unsigned_and_ill_signed_requests_are_refused)
{
#define PRESIGNED(date, signature)                                                                 \
    "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20240102%2Fus-east-1%2Fs3%2F"         \
    "aws4_request" date "&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" signature
#define SIGNATURE "0123456789012345678901234567890123456789012345678901234567890123"
    static const struct step steps[] = {
        {"GET", "/", "", "", 403, "<Code>AccessDenied</Code>"},
        {"POST", "/", "X-Amz-Target: DynamoDB_20120810.Echo\r\n", "{}", 403,
         "MissingAuthenticationTokenException"},
        {"POST", "/2015-03-31/functions/f/invocations", "", "{}", 403,
         "x-amzn-errortype: MissingAuthenticationTokenException"},
        {"GET", "/", "Authorization: Basic YTpi\r\n", "", 400, "AuthorizationHeaderMalformed"},
        {"GET", "/",
         "Authorization: AWS4-HMAC-SHA256 Credential=A/2024/us-east-1/s3/aws4_request, "
         "SignedHeaders=host, Signature=" SIGNATURE "\r\n",
         "", 400, "AuthorizationHeaderMalformed"},
        {"GET", "/",
         "Authorization: AWS4-HMAC-SHA256 Credential=A/20240102/us-east-1/s3/aws4_request, "
         "SignedHeaders=host, Signature=00\r\n",
         "", 400, "AuthorizationHeaderMalformed"},
        {"GET", "/",
         "Authorization: AWS4-HMAC-SHA256 Credential=A/20240102/us-east-1/s3/aws4_request, "
         "Signature=" SIGNATURE "\r\n",
         "", 400, "AuthorizationHeaderMalformed"},
        {"GET", "/",
         "Authorization: AWS4-HMAC-SHA256 Credential=A/B/20240102/us-east-1/s3/aws4_request, "
         "SignedHeaders=host, Signature=" SIGNATURE "\r\n",
         "", 200, "ListAllMyBucketsResult"},
        {"POST", "/", AUTH_AS("ecs") "X-Amz-Target: DynamoDB_20120810.Echo\r\n", "{}", 403,
         "'dynamodb'"},
        {"GET", PRESIGNED("&X-Amz-Date=20240102T000000Z", SIGNATURE), "", "", 200,
         "ListAllMyBucketsResult"},
        {"GET", PRESIGNED("", SIGNATURE), "", "", 400, "AuthorizationHeaderMalformed"},
        {"GET", PRESIGNED("&X-Amz-Date=20240102T000000Z", "0"), "", "", 400,
         "AuthorizationHeaderMalformed"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

Test(gate, web_pages_are_kept_out)
{
    static const struct step steps[] = {
        {"GET", "/", AUTH_AS("s3") "Origin: http://127.0.0.1\r\n", "", 403, "AccessDenied"},
        {"POST", "/", DYNAMODB "Echo\r\nOrigin: null\r\n", "{}", 403, "AccessDeniedException"},
        {"OPTIONS", "/", "Origin: http://evil.example\r\n", "", 403, "AccessDenied"},
        {"GET", "/", AUTH_AS("s3") "Sec-Fetch-Site: cross-site\r\n", "", 403, "AccessDenied"},
        {"GET", "/", AUTH_AS("s3") "Sec-Fetch-Site: none\r\n", "", 200, "ListAllMyBuckets"},
    };
    struct fixture f;
    start(&f);
    RUN(&f, steps);
    stop(&f);
}

Test(gate, only_its_own_names_are_hosts)
{
    static const struct {
        const char *host;
        const char *headers;
        int status;
        bool port, own_port;
    } cases[] = {
        {"127.0.0.1", AUTH_AS("s3"), 200, true, true},
        {"localhost", AUTH_AS("s3"), 200, true, true},
        {"LocalHost", AUTH_AS("s3"), 200, true, true},
        {"[::1]", AUTH_AS("s3"), 200, true, true},
        {"bkt.localhost", AUTH_AS("s3"), 404, true, true},
        {"bkt.localhost", DYNAMODB "Echo\r\n", 403, true, true},
        {"127.0.0.1", AUTH_AS("s3"), 403, true, false},
        {"127.0.0.1", AUTH_AS("s3"), 403, false, false},
        {"evil.example", AUTH_AS("s3"), 403, true, true},
        {"localhost.evil.example", AUTH_AS("s3"), 403, true, true},
        {"127.0.0.1.evil.example", AUTH_AS("s3"), 403, true, true},
    };
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char port[16] = "";
        if (cases[i].port)
            (void)snprintf(port, sizeof port, ":%u", cases[i].own_port ? f.port : 1U);
        raw_open(&c, f.port, false);
        raw_sendf(&c, "GET / HTTP/1.1\r\nHost: %s%s\r\n%s\r\n", cases[i].host, port,
                  cases[i].headers);
        cr_assert(raw_read(&c, &r, false));
        cr_expect_eq(r.status, cases[i].status, "case %zu, %s%s: %d", i, cases[i].host, port,
                     r.status);
        raw_reply_free(&r);
        raw_close(&c);
    }
    stop(&f);
}

Test(gate, a_port_in_use_is_told)
{
    struct fixture f;
    struct error err = {0};
    start(&f);
    const struct gate_options options = {.host = "127.0.0.1", .port = f.port};
    cr_expect_null(gate_open(&options, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_not_null(strstr(err.message, "is in use"), "%s", err.message);
    stop(&f);
}

struct holder {
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct local_call *call;
};

static void hold_call(void *self, struct local_call *call)
{
    struct holder *h = self;
    pthread_mutex_lock(&h->lock);
    h->call = call;
    pthread_cond_signal(&h->came);
    pthread_mutex_unlock(&h->lock);
}

Test(gate, closing_answers_what_is_under_way_and_late_answers_are_dropped)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    struct holder held = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
    start(&f);
    f.dynamodb = (struct local_service){"dynamodb", &held, hold_call};
    raw_open(&c, f.port, false);
    raw_sendf(&c,
              "POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 2\r\n" DYNAMODB
              "Wait\r\n\r\n{}",
              f.port);
    pthread_mutex_lock(&held.lock);
    while (!held.call)
        pthread_cond_wait(&held.came, &held.lock);
    pthread_mutex_unlock(&held.lock);
    gate_quiesce(f.gate);
    f.gate = gate_close(f.gate);
    cr_assert(raw_read(&c, &r, false));
    cr_expect_eq(r.status, 503);
    raw_reply_free(&r);
    raw_close(&c);
    local_reply(held.call, json_object());
    stop(&f);
}

Test(gate, nobody_enters_a_service_once_it_is_quiet)
{
    struct fixture f;
    struct raw_http c;
    start(&f);
    raw_open(&c, f.port, false);
    for (int round = 0; round < 2; round++) {
        struct raw_reply r;
        raw_sendf(&c,
                  "POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 2\r\n" DYNAMODB
                  "Echo\r\n\r\n{}",
                  f.port);
        cr_assert(raw_read(&c, &r, false));
        cr_expect_eq(r.status, round == 0 ? 200 : 503);
        raw_reply_free(&r);
        gate_quiesce(f.gate);
    }
    raw_close(&c);
    stop(&f);
}
