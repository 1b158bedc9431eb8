/* lib/http_server: replies that are given many times, and what an exchange keeps of its texts. */
#include "lib/http_server/http_server.h"
#include "tests/unit/raw_http.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { READERS = 4, READS = 200 };

#define BODY "{\"kept\":true}"

struct fixture {
    struct http_server *server;
    uint16_t port;
    pthread_mutex_t lock;
    struct http_kept *kept; /* made by the first request */
};

static struct http_kept *make(struct http_exchange *x)
{
    struct buf body;
    buf_init(&body, BUF_MAX_LINE);
    buf_adds(&body, BODY);
    http_add_header(x, "X-First", "1");
    http_add_header(x, "ETag", "W/\"7\"");
    struct http_kept *kept = http_kept_new(x, 200, "application/json", &body);
    cr_assert_not_null(kept);
    buf_free(&body);
    return kept;
}

static struct http_kept *find(struct fixture *f, struct http_exchange *x)
{
    pthread_mutex_lock(&f->lock);
    if (!f->kept)
        f->kept = make(x);
    struct http_kept *kept = http_kept_hold(f->kept);
    pthread_mutex_unlock(&f->lock);
    return kept;
}

static void add_pair(void *body, const char *name, const char *value)
{
    buf_addf(body, "%s=%s\n", name, value);
}

static void tell_all(struct http_exchange *x)
{
    struct buf body;
    buf_init(&body, BUF_MAX_LINE);
    buf_addf(&body, "%s %s\n", http_method(x), http_raw_path(x));
    http_each_header(x, add_pair, &body);
    http_each_query(x, add_pair, &body);
    http_reply_take(x, 200, "text/plain", &body);
    buf_free(&body);
}

static void handle(void *ctx, struct http_exchange *x)
{
    struct fixture *f = ctx;
    if (strcmp(http_raw_path(x), "/nothing") == 0) {
        http_reply_kept(x, NULL);
    } else if (strcmp(http_raw_path(x), "/deferred") == 0) {
        http_defer(x);
        http_reply_kept(x, find(f, x));
    } else if (strcmp(http_raw_path(x), "/kept") == 0) {
        http_add_header(x, "X-Other", "left out");
        http_reply_kept(x, find(f, x));
    } else {
        tell_all(x);
    }
}

static void start(struct fixture *f)
{
    struct error err = {0};
    *f = (struct fixture){.kept = NULL};
    pthread_mutex_init(&f->lock, NULL);
    const struct http_server_options options = {
        .host = "127.0.0.1", .threads = 2, .max_body = 100, .ctx = f, .handle = handle};
    f->server = http_server_start(&options, &err);
    cr_assert_not_null(f->server, "%s", err.message);
    f->port = http_server_port(f->server);
}

/* A kept reply outlives the server it was made for. */
static void stop(struct fixture *f)
{
    f->server = http_server_stop(f->server);
    f->kept = http_kept_release(f->kept);
    pthread_mutex_destroy(&f->lock);
}

static void expect(uint16_t port, const char *method, const char *path, const char *headers,
                   int status)
{
    struct raw_reply r;
    char text[64];
    raw_call(port, method, path, headers, "", &r);
    cr_expect_eq(r.status, status);
    cr_expect_str_eq(buf_str(&r.body), status == 200 && strcmp(method, "GET") == 0 ? BODY : "");
    cr_expect_str_eq(raw_header(&r, "Content-Type", text, sizeof text), "application/json");
    cr_expect_str_eq(raw_header(&r, "Content-Length", text, sizeof text), "13");
    cr_expect_str_eq(raw_header(&r, "X-First", text, sizeof text), "1");
    cr_expect_str_eq(raw_header(&r, "ETag", text, sizeof text), "W/\"7\"");
    raw_reply_free(&r);
}

Test(http_kept, is_the_same_each_time)
{
    struct fixture f;
    start(&f);
    expect(f.port, "GET", "/deferred", "", 200);
    expect(f.port, "GET", "/kept", "", 200);
    expect(f.port, "HEAD", "/kept", "", 200);
    expect(f.port, "GET", "/kept", "If-None-Match: \"6\"\r\n", 200);
    expect(f.port, "GET", "/kept", "If-None-Match: \"6\", \"7\"\r\n", 304);
    expect(f.port, "HEAD", "/deferred", "If-None-Match: *\r\n", 304);
    stop(&f);
}

/* What follows a 304 on its connection is the next answer, not the body it left out. */
Test(http_kept, a_304_leaves_the_connection_usable)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f);
    raw_open(&c, f.port, false);
    for (int i = 0; i < 4; i++) {
        raw_sendf(&c, "GET /kept HTTP/1.1\r\nHost: x\r\n%s\r\n",
                  i % 2 ? "" : "If-None-Match: W/\"7\"\r\n");
        cr_assert(raw_read(&c, &r, false));
        cr_expect_eq(r.status, i % 2 ? 200 : 304);
        cr_expect_str_eq(buf_str(&r.body), i % 2 ? BODY : "");
        raw_reply_free(&r);
    }
    raw_close(&c);
    stop(&f);
}

Test(http_kept, http_1_0_ends_with_the_connection)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "GET /kept HTTP/1.0\r\n\r\n");
    cr_assert(raw_read(&c, &r, false));
    cr_expect_str_eq(buf_str(&r.body), BODY);
    raw_reply_free(&r);
    cr_expect_not(raw_read(&c, &r, false));
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}

Test(http_kept, nothing_closes_the_connection)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_expect_not(raw_read(&c, &r, false));
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}

static void *read_often(void *fixture)
{
    struct fixture *f = fixture;
    struct raw_http c;
    struct raw_reply r;
    raw_open(&c, f->port, false);
    for (int i = 0; i < READS; i++) {
        raw_sendf(&c, "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(raw_read(&c, &r, false));
        cr_assert_str_eq(buf_str(&r.body), BODY);
        raw_reply_free(&r);
        if (i % 50 == 0) {
            pthread_mutex_lock(&f->lock);
            f->kept = http_kept_release(f->kept);
            pthread_mutex_unlock(&f->lock);
        }
    }
    raw_close(&c);
    return NULL;
}

/* While some give it, others put another one in its place. */
Test(http_kept, is_shared_by_threads)
{
    struct fixture f;
    pthread_t threads[READERS];
    start(&f);
    for (size_t i = 0; i < READERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, read_often, &f), 0);
    for (size_t i = 0; i < READERS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    stop(&f);
}

/* More than an exchange has room for in itself. */
Test(http_kept, all_texts_of_a_request_are_kept)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    struct buf want, head;
    start(&f);
    buf_init(&want, BUF_MAX_LINE);
    buf_init(&head, BUF_MAX_LINE);
    buf_adds(&want, "GET /all\nHost=x\nX-Empty=\n");
    for (int i = 0; i < 60; i++) {
        buf_addf(&head, "X-%d: value %d\r\n", i, i);
        buf_addf(&want, "X-%d=value %d\n", i, i);
    }
    raw_open(&c, f.port, false);
    raw_sendf(&c, "GET /all?");
    for (int i = 0; i < 70; i++)
        raw_sendf(&c, "a%d=%%41%d&", i, i);
    for (int i = 0; i < 64; i++)
        buf_addf(&want, "a%d=A%d\n", i, i);
    raw_sendf(&c, " HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n%s\r\n", buf_str(&head));
    cr_assert(raw_read(&c, &r, false));
    cr_expect_str_eq(buf_str(&r.body), buf_str(&want));
    raw_reply_free(&r);
    raw_close(&c);
    buf_free(&want);
    buf_free(&head);
    stop(&f);
}
