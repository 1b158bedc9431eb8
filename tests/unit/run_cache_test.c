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
