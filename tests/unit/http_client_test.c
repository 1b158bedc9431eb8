/* lib/http_client against a peer in this process. */
#include "lib/http_client/http_client.h"
#include "lib/http_client/http_system.h"
#include "tests/unit/http_peer.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Tells in the answer's body what came in. */
static void echo(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    char a[64], b[64], c[64], d[64];
    (void)ctx;
    buf_adds(&reply->headers, "X-One:  spaced value \r\nX-Empty:\r\n");
    buf_addf(
        &reply->body, "%s %s|%s|%s|%s|%s|%.*s", request->method, request->target,
        peer_header(request, "x-test", a, sizeof a), peer_header(request, "expect", b, sizeof b),
        peer_header(request, "content-type", c, sizeof c),
        peer_header(request, "content-length", d, sizeof d), (int)request->body_len, request->body);
}

static struct http_client *open_client(long connections)
{
    struct error err = {0};
    struct http_client_options options = {.max_connections = connections};
    struct http_client *c = http_client_new(&options, &err);
    cr_assert_not_null(c, "%s", err.message);
    return c;
}

/* One call to the peer; the body of the answer in *out. */
static int call(struct http_client *c, const struct peer *p, struct http_request req,
                const char *path, struct http_response *out, struct error *err)
{
    char url[512];
    (void)snprintf(url, sizeof url, "%s%s", peer_url(p), path);
    req.url = url;
    return http_client_call(c, &req, out, err);
}

static void silent_once(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    if (strcmp(request->target, "/silent") == 0)
        reply->action = PEER_SILENT;
    else
        buf_adds(&reply->body, "here");
}

static bool is_held(void *peer)
{
    return peer_held(peer) > 0;
}

/* The one that was given up is still on its way when the next one is answered. */
Test(http_client, a_call_is_given_up_when_it_is_wanted_no_more, .timeout = 60)
{
    struct peer *p = peer_open(silent_once, NULL);
    struct http_client *c = open_client(4);
    struct http_response r;
    struct error err = {0};
    char url[128];
    (void)snprintf(url, sizeof url, "%s/silent", peer_url(p));
    const struct http_request req = {.method = "GET", .url = url, .max_reply = 100};
    cr_assert_eq(http_client_call_until(c, &req, is_held, p, &r, &err), -1);
    cr_expect_eq(err.code, ERR_TIMEOUT, "%s", err.message);
    http_response_free(&r);
    cr_assert_eq(
        call(c, p, (struct http_request){.method = "GET", .max_reply = 100}, "/", &r, &err), 0,
        "%s", err.message);
    cr_expect_str_eq(buf_str(&r.body), "here");
    http_response_free(&r);
    http_client_free(c);
    peer_close(p);
}

Test(http_client, a_base_is_a_url_of_http_that_paths_can_follow)
{
    static const struct {
        const char *url, *base; /* NULL: refused */
    } cases[] = {
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"https://h/under//", "https://h/under"},
        {"https://h/23456789012345", NULL},
        {"https://h/2345678901234/", "https://h/2345678901234"},
        {"ftp://h", NULL},
        {"h:80", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char base[24] = "as it was";
        const bool taken = http_url_base(cases[i].url, base, sizeof base);
        cr_expect_eq(taken, cases[i].base != NULL, "%s", cases[i].url);
        cr_expect_str_eq(base, taken ? cases[i].base : "as it was", "%s", cases[i].url);
    }
}

Test(http_client, sends_what_it_is_given)
{
    static const struct http_header headers[] = {{"X-Test", ""}};
    static const struct http_header typed[] = {{"content-type", "application/json"},
                                               {"X-Test", "v"}};
    static const struct {
        const char *path;
        struct http_request req;
        const char *body;
    } cases[] = {
        {"/a", {.method = "GET"}, "GET /a|||||"},
        {"/a/../b//c/.?x", {.method = "GET"}, "GET /a/../b//c/.?x|||||"},
        {"/p", {.method = "PUT"}, "PUT /p||||0|"},
        {"/p", {.method = "POST", .body = "hi", .body_len = 2}, "POST /p||||2|hi"},
        {"/d", {.method = "DELETE", .headers = headers, .header_count = 1}, "DELETE /d|||||"},
        {"/h",
         {.method = "POST", .headers = typed, .header_count = 2},
         "POST /h|v||application/json|0|"},
    };
    struct peer *p = peer_open(echo, NULL);
    struct http_client *c = open_client(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct http_response r = {0};
        cr_assert_eq(call(c, p, cases[i].req, cases[i].path, &r, &err), 0, "%s", err.message);
        cr_assert_eq(r.status, 200);
        cr_assert_str_eq(buf_str(&r.body), cases[i].body);
        http_response_free(&r);
    }
    http_client_free(c);
    peer_close(p);
}

Test(http_client, reads_headers_without_case_trimmed_and_cut)
{
    struct peer *p = peer_open(echo, NULL);
    struct http_client *c = open_client(0);
    struct error err = {0};
    struct http_response r = {0};
    char out[64], tiny[4];
    cr_assert_eq(call(c, p, (struct http_request){.method = "HEAD"}, "/", &r, &err), 0);
    cr_assert_str_eq(http_response_header(&r, "x-ONE", out, sizeof out), "spaced value");
    cr_assert_str_eq(http_response_header(&r, "X-One", tiny, sizeof tiny), "spa");
    cr_assert_str_eq(http_response_header(&r, "x-empty", out, sizeof out), "");
    cr_assert_null(http_response_header(&r, "x-on", out, sizeof out));
    cr_assert_eq(r.body.len, 0);
    http_response_free(&r);
    http_client_free(c);
    peer_close(p);
}

/* /big answers 100,000 bytes, /reset and /silent misbehave, /moved redirects. */
static void misbehave(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    if (strcmp(request->target, "/big") == 0) {
        for (int i = 0; i < 1000; i++)
            buf_addf(&reply->body, "%0100d", i);
    } else if (strcmp(request->target, "/reset") == 0) {
        reply->action = PEER_RESET;
    } else if (strcmp(request->target, "/silent") == 0) {
        reply->action = PEER_SILENT;
    } else if (strcmp(request->target, "/short") == 0) {
        reply->action = PEER_RAW;
        buf_adds(&reply->body, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    } else {
        reply->status = 301;
        buf_adds(&reply->headers, "Location: /elsewhere\r\n");
    }
}

Test(http_client, failures_have_their_codes)
{
    static const struct {
        const char *path;
        size_t max_reply;
        long timeout_ms;
        enum err_code code;
    } cases[] = {
        {"/big", 99999, 0, ERR_LIMIT},
        {"/reset", 0, 0, ERR_NETWORK},
        {"/short", 0, 0, ERR_NETWORK},
        {"/silent", 0, 50, ERR_TIMEOUT},
    };
    struct peer *p = peer_open(misbehave, NULL);
    struct http_client *c = open_client(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct http_response r = {0};
        struct http_request req = {
            .method = "GET", .max_reply = cases[i].max_reply, .timeout_ms = cases[i].timeout_ms};
        cr_assert_eq(call(c, p, req, cases[i].path, &r, &err), -1, "%s", cases[i].path);
        cr_assert_eq(err.code, cases[i].code, "%s: %s", cases[i].path, err.message);
        http_response_free(&r);
    }
    struct http_response r = {0};
    struct http_request exact = {.method = "GET", .max_reply = 100000};
    cr_assert_eq(call(c, p, exact, "/big", &r, NULL), 0);
    cr_assert_eq(r.body.len, 100000);
    http_response_free(&r);
    cr_assert_eq(call(c, p, exact, "/moved", &r, NULL), 0);
    cr_assert_eq(r.status, 301, "redirects are not followed");
    http_response_free(&r);
    http_client_free(c);
    peer_close(p);
}

Test(http_client, nobody_listens)
{
    struct http_client *c = open_client(0);
    struct error err = {0};
    struct http_response r = {0};
    struct http_request req = {.method = "GET", .url = "http://127.0.0.1:1/"};
    cr_assert_eq(http_client_call(c, &req, &r, &err), -1);
    cr_assert_eq(err.code, ERR_NETWORK);
    http_client_free(c);
}

static void never(void *ctx, struct http_response *response, const struct error *err)
{
    (void)ctx;
    (void)response;
    (void)err;
    cr_assert_fail("a refused request was answered");
}

Test(http_client, refuses_what_cannot_be_sent)
{
    static const struct http_header split[] = {{"X-A", "b\r\nX-Evil: c"}};
    static const struct http_request bad[] = {
        {.method = "GET", .url = "ftp://host/"},
        {.method = "GET", .url = "http:///path"},
        {.method = "GET", .url = "http://host/a b"},
        {.method = "GET", .url = "http://host/\xc3\xa4"},
        {.method = "TRACE", .url = "http://host/"},
        {.method = "HEAD", .url = "http://host/", .body = "x", .body_len = 1},
        {.method = "GET", .url = "http://host/", .headers = split, .header_count = 1},
    };
    struct http_client *c = open_client(0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        cr_assert_eq(http_client_send(c, &bad[i], never, NULL, &err), -1);
        cr_assert_eq(err.code, ERR_ARGUMENT, "case %zu", i);
    }
    cr_assert_eq(http_client_poll(c, 0, NULL), 0);
    http_client_free(c);
}

static void hold(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    (void)request;
    reply->action = PEER_HOLD;
}

/* Counts answers; each of the first sends one more call from inside the callback. */
struct crowd {
    struct http_client *client;
    struct http_request req;
    int again;
    int answered;
    int failed;
};

static void count_answer(void *ctx, struct http_response *response, const struct error *err)
{
    struct crowd *crowd = ctx;
    crowd->answered += response && !err && response->status == 200;
    crowd->failed += !response;
    if (crowd->again > 0) {
        crowd->again--;
        cr_assert_eq(http_client_send(crowd->client, &crowd->req, count_answer, crowd, NULL), 0);
    }
}

Test(http_client, queues_beyond_its_connections)
{
    enum { LIMIT = 16, CALLS = 100, AGAIN = 40 };
    struct peer *p = peer_open(hold, NULL);
    struct crowd crowd = {.client = open_client(LIMIT), .again = AGAIN};
    crowd.req = (struct http_request){.method = "GET", .url = peer_url(p)};
    for (int i = 0; i < CALLS; i++)
        cr_assert_eq(http_client_send(crowd.client, &crowd.req, count_answer, &crowd, NULL), 0);
    while (peer_held(p) < LIMIT)
        cr_assert_eq(http_client_poll(crowd.client, 10, NULL), CALLS);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(http_client_poll(crowd.client, 1, NULL), CALLS);
    cr_assert_eq(peer_held(p), LIMIT, "no more connections than allowed");
    peer_release(p);
    while (http_client_poll(crowd.client, 1000, NULL) > 0)
        continue;
    cr_assert_eq(crowd.answered, CALLS + AGAIN);
    cr_assert_eq(crowd.failed, 0);
    http_client_free(crowd.client);
    peer_close(p);
}

Test(http_client, free_drops_what_is_in_flight)
{
    struct peer *p = peer_open(hold, NULL);
    struct http_client *c = open_client(2);
    struct http_request req = {.method = "GET", .url = peer_url(p)};
    for (int i = 0; i < 5; i++)
        cr_assert_eq(http_client_send(c, &req, never, NULL, NULL), 0);
    while (peer_held(p) < 2)
        cr_assert_eq(http_client_poll(c, 10, NULL), 5);
    cr_assert_null(http_client_free(c));
    cr_assert_null(http_client_free(NULL));
    peer_close(p);
}

static void *wake(void *arg)
{
    http_client_wakeup(arg);
    return NULL;
}

Test(http_client, wakeup_ends_the_wait, .timeout = 20)
{
    struct http_client *c = open_client(0);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, wake, c), 0);
    cr_assert_eq(http_client_poll(c, 600000, NULL), 0);
    pthread_join(thread, NULL);
    http_client_free(c);
}

Test(http_client, ca_bundle_is_the_first_that_can_be_read)
{
    static const char *const paths[] = {NULL, "/nonexistent/ca.crt", "/proc/self/maps", "/"};
    cr_assert_str_eq(http_first_readable(paths, 4), "/proc/self/maps");
    cr_assert_null(http_first_readable(paths, 2));
    const char *found = http_ca_bundle();
    cr_assert(!found || access(found, R_OK) == 0, "%s", found);
}
