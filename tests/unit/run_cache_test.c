/* The cache behind GET /workflows/{id}: what it answers is what the store would. */
#include "server/api/run_cache.h"

#include "lib/json/json_read.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/routes_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void get(struct routes_fixture *f, int64_t id, const char *headers, struct raw_reply *r)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/workflows/%lld", (long long)id);
    raw_call(f->port, "GET", path, headers, "", r);
}

/* The member of the answer as text. */
static void expect_has(struct routes_fixture *f, int64_t id, const char *text)
{
    struct raw_reply r;
    get(f, id, "", &r);
    cr_assert_eq(r.status, 200);
    cr_assert_not_null(strstr(buf_str(&r.body), text), "no %s in %s", text, buf_str(&r.body));
    raw_reply_free(&r);
}

static void note(struct store *s, int64_t id, const char *text)
{
    struct error err = {0};
    cr_assert_eq(store_run_note(s, id, text, &err), 0, "%s", err.message);
}

Test(run_cache, each_change_is_seen_at_once)
{
    struct routes_fixture f;
    char text[64];
    routes_fixture_open(&f);
    store_fixture_create(f.store, 5, 3);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(text, sizeof text, "note %d", i);
        note(f.store, 5, text);
        expect_has(&f, 5, text);
        expect_has(&f, 5, text);
    }
    routes_fixture_close(&f);
}

Test(run_cache, the_duration_goes_on_and_ends)
{
    struct run_cache *c = run_cache_open(NULL);
    struct buf body;
    struct run_facts facts = {.id = 9, .generation = 2, .version = 7, .going_since = 1000000};
    buf_init(&body, BUF_MAX_LINE);
    buf_adds(&body, "{\"a\":\"\\\"durationSeconds\\\":1,\",\"durationSeconds\":0.000,\"b\":1}");
    run_cache_put(c, &facts, &body);
    buf_reset(&body);
    struct run_facts found = {.id = 9, .generation = 2};
    cr_assert(run_cache_get(c, &found, 13345678, &body));
    cr_assert_eq(found.version, 7);
    cr_assert_str_eq(buf_str(&body), "{\"a\":\"\\\"durationSeconds\\\":1,\","
                                     "\"durationSeconds\":12.345,\"b\":1}");
    facts.going_since = 0;
    run_cache_put(c, &facts, &body);
    buf_reset(&body);
    cr_assert(run_cache_get(c, &found, 99345678, &body));
    cr_assert_not_null(strstr(buf_str(&body), "12.345"));
    run_cache_close(c);
    buf_free(&body);
}

Test(run_cache, keeps_nothing_that_may_be_wrong)
{
    struct run_cache *c = run_cache_open(NULL);
    struct buf body;
    struct run_facts facts = {.id = 9, .generation = 3};
    buf_init(&body, BUF_MAX_LINE);
    cr_assert_not(run_cache_get(c, &facts, 1, &body));
    buf_adds(&body, "{}");
    run_cache_put(c, &facts, &body); /* while a commit was under way */
    cr_assert_not(run_cache_get(c, &facts, 1, &body));
    facts.generation = 4;
    run_cache_put(c, &facts, &body);
    cr_assert(run_cache_get(c, &facts, 1, &body));
    cr_assert_not(run_cache_get(c, &(struct run_facts){.id = 9, .generation = 6}, 1, &body));
    cr_assert_not(run_cache_get(c, &(struct run_facts){.id = 8, .generation = 4}, 1, &body));
    for (int i = 0; i < 5000; i++)
        buf_addc(&body, ' ');
    facts.generation = 8;
    run_cache_put(c, &facts, &body);
    cr_assert_not(run_cache_get(c, &facts, 1, &body));
    cr_assert_not(run_cache_get(NULL, &facts, 1, &body));
    run_cache_close(c);
    buf_free(&body);
}

struct reader {
    struct routes_fixture *f;
    int64_t seen; /* the newest version */
};

/* Versions never go back, whoever answers. */
static void *poll_run(void *arg)
{
    struct reader *reader = arg;
    for (int i = 0; i < 300; i++) {
        struct raw_reply r;
        json_t *body = NULL;
        get(reader->f, 5, "", &r);
        cr_assert_eq(json_parse(buf_str(&r.body), r.body.len, &body, NULL), 0);
        const int64_t version = json_int(body, "version", 0);
        cr_assert_geq(version, reader->seen);
        reader->seen = version;
        json_decref(body);
        raw_reply_free(&r);
    }
    return NULL;
}

Test(run_cache, versions_never_go_back)
{
    struct routes_fixture f;
    pthread_t thread;
    char text[64];
    routes_fixture_open(&f);
    store_fixture_create(f.store, 5, 3);
    struct reader reader = {.f = &f};
    cr_assert_eq(pthread_create(&thread, NULL, poll_run, &reader), 0);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(text, sizeof text, "note %d", i);
        note(f.store, 5, text);
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    routes_fixture_close(&f);
}

Test(run_cache, an_unchanged_run_costs_no_body)
{
    struct routes_fixture f;
    struct raw_reply r;
    char etag[64] = "";
    char header[128];
    routes_fixture_open(&f);
    store_fixture_create(f.store, 5, 3);
    for (int i = 0; i < 2; i++) {
        get(&f, 5, "", &r);
        cr_assert_not_null(raw_header(&r, "ETag", etag, sizeof etag));
        raw_reply_free(&r);
        (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
        get(&f, 5, header, &r);
        cr_assert_eq(r.status, 304);
        raw_reply_free(&r);
    }
    note(f.store, 5, "changed");
    get(&f, 5, header, &r);
    cr_assert_eq(r.status, 200);
    raw_reply_free(&r);
    routes_fixture_close(&f);
}

/* Replies are made of an exchange: in a handler, then. */
static void keeps_replies(void *ctx, struct http_exchange *x)
{
    struct run_cache *c = run_cache_open(NULL);
    struct run_facts facts = {.id = 9, .generation = 2, .version = 7, .going_since = 1000000};
    struct buf body;
    (void)ctx;
    buf_init(&body, BUF_MAX_LINE);
    buf_adds(&body, "{}");
    struct http_kept *first = http_kept_new(x, 200, "application/json", &body);
    run_cache_put_reply(c, &facts, 1500000, first); /* there is no body that it is made of */
    cr_expect_null(run_cache_reply(c, &facts, 1500000));
    buf_adds(&body, "{}");
    run_cache_put(c, &facts, &body);
    cr_expect_null(run_cache_reply(c, &facts, 1500000));
    run_cache_put_reply(c, &facts, 1500000, first);
    /* Good for one millisecond, while the run goes on. */
    cr_expect_eq(run_cache_reply(c, &facts, 1500999), first);
    cr_expect_null(run_cache_reply(c, &facts, 1501000));
    cr_expect_null(run_cache_reply(c, &facts, 1499999));
    cr_expect_null(run_cache_reply(c, &facts, 999999));
    cr_expect_null(run_cache_reply(c, &(struct run_facts){.id = 9, .generation = 4}, 1500000));
    cr_expect_null(run_cache_reply(c, &(struct run_facts){.id = 8, .generation = 2}, 1500000));
    cr_expect_null(run_cache_reply(NULL, &facts, 1500000));
    /* Another body, another reply; it ends: that one is good at any time. */
    facts = (struct run_facts){.id = 9, .generation = 4, .version = 8};
    run_cache_put(c, &facts, &body);
    cr_expect_null(run_cache_reply(c, &facts, 1500000));
    run_cache_put_reply(c, &facts, 1500000, first);
    cr_expect_eq(run_cache_reply(c, &facts, 9999999), first);
    run_cache_put_reply(c, &facts, 1500000, NULL);
    run_cache_put_reply(NULL, &facts, 1500000, first);
    for (int shares = 0; shares < 2; shares++) /* that were looked up above */
        http_kept_release(first);
    run_cache_close(c);
    buf_free(&body);
    http_reply_kept(x, first);
}

Test(run_cache, keeps_replies_no_longer_than_they_are_right)
{
    struct error err = {0};
    struct raw_reply r;
    const struct http_server_options options = {
        .host = "127.0.0.1", .threads = 1, .max_body = 1, .handle = keeps_replies};
    struct http_server *s = http_server_start(&options, &err);
    cr_assert_not_null(s, "%s", err.message);
    raw_call(http_server_port(s), "GET", "/", "", "", &r);
    cr_expect_eq(r.status, 200);
    cr_expect_str_eq(buf_str(&r.body), "{}");
    raw_reply_free(&r);
    http_server_stop(s);
}

static double duration(struct routes_fixture *f, int64_t id)
{
    struct raw_reply r;
    json_t *body = NULL;
    get(f, id, "", &r);
    cr_assert_eq(json_parse(buf_str(&r.body), r.body.len, &body, NULL), 0);
    const double seconds = json_number_value(json_object_get(body, "durationSeconds"));
    json_decref(body);
    raw_reply_free(&r);
    return seconds;
}

/* Whole replies are kept, but not for longer than what they tell stays the same. */
Test(run_cache, a_run_that_goes_on_gets_older)
{
    struct routes_fixture f;
    routes_fixture_open(&f);
    store_fixture_create(f.store, 5, 3);
    double last = duration(&f, 5);
    int grown = 0;
    for (int i = 0; grown < 5 && i < 100000; i++) {
        const double now = duration(&f, 5);
        cr_assert_geq(now, last);
        grown += now > last;
        last = now;
    }
    cr_assert_eq(grown, 5);
    routes_fixture_close(&f);
}

/* GET, HEAD and 304 are told the same, whether it is read, rendered or kept. */
Test(run_cache, every_form_of_the_answer_says_the_same)
{
    static const char *const names[] = {"ETag", "Content-Type", "Cache-Control",
                                        "X-Content-Type-Options"};
    struct routes_fixture f;
    struct raw_reply r;
    char text[128], first[4][128], header[160] = "";
    routes_fixture_open(&f);
    store_fixture_create(f.store, 5, 3);
    for (int i = 0; i < 6; i++) {
        raw_call(f.port, i % 2 ? "HEAD" : "GET", "/workflows/5", i < 4 ? "" : header, "", &r);
        cr_assert_eq(r.status, i < 4 ? 200 : 304);
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
            cr_assert_not_null(raw_header(&r, names[n], i ? text : first[n], sizeof text));
            if (i)
                cr_assert_str_eq(text, first[n]);
        }
        (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", first[0]);
        raw_reply_free(&r);
    }
    routes_fixture_close(&f);
}
