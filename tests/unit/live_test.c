/* server/live behind GET /events: order, resuming without gaps, coalescing, slow readers, numbers.
 */
#include "server/live/live.h"

#include "lib/json/json_read.h"
#include "server/api/render.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/routes_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SHORT (20 * CLOCK_MS)

static struct live_options options_of(struct store *s)
{
    return (struct live_options){
        .store = s, .clock = clock_system(), .render = render_run, .interval = SHORT};
}

static void open_with(struct routes_fixture *f, struct live_options options)
{
    struct error err = {0};
    f->services.live = live_open(&options, &err);
    cr_assert_not_null(f->services.live, "%s", err.message);
}

static void open_all(struct routes_fixture *f)
{
    routes_fixture_open(f);
    open_with(f, options_of(f->store));
}

static void close_all(struct routes_fixture *f)
{
    f->server = http_server_stop(f->server);
    live_close(f->services.live);
    routes_fixture_close(f);
}

static void follow(struct raw_http *c, const struct routes_fixture *f, const char *query,
                   const char *header)
{
    raw_open(c, f->port, false);
    raw_sendf(c, "GET /events%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", query, header);
}

/* Reads until `text` has come. */
static void await(struct raw_http *c, const char *text)
{
    char piece[16384];
    while (!strstr(buf_str(&c->in), text)) {
        const ssize_t n = recv(c->fd, piece, sizeof piece, 0);
        cr_assert_gt(n, 0, "no '%s' in: %.2000s", text, buf_str(&c->in));
        buf_add(&c->in, piece, (size_t)n);
    }
}

/* An event's first line. */
static const char *event(int64_t version)
{
    static _Thread_local char text[64];
    (void)snprintf(text, sizeof text,
                   "id: %" PRId64 "\nevent: run\ndata: {\"workflowRunId\":", version);
    return text;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

static void note(struct store *s, int64_t id, const char *text)
{
    struct error err = {0};
    cr_assert_eq(store_run_note(s, id, text, &err), 0, "%s", err.message);
}

static int64_t version_of(struct store *s, int64_t id)
{
    return store_fixture_get(s, id).run.version;
}

Test(live, tells_new_runs_and_changes_in_order)
{
    struct routes_fixture f;
    struct raw_http c;
    open_all(&f);
    follow(&c, &f, "", "");
    await(&c, "retry: 2000\nid: 0\n\n");
    store_fixture_create(f.store, 5, 2);
    await(&c, event(version_of(f.store, 5)));
    store_fixture_create(f.store, 3, 2);
    note(f.store, 3, "a reason");
    await(&c, event(version_of(f.store, 3)));
    await(&c, "\"reason\":\"a reason\"");
    await(&c, "\n\n");
    raw_close(&c);
    close_all(&f);
}

Test(live, resumes_without_gaps)
{
    struct routes_fixture f;
    struct raw_http c;
    char header[64];
    open_all(&f);
    store_fixture_create(f.store, 1, 1);
    store_fixture_create(f.store, 2, 1);
    (void)snprintf(header, sizeof header, "Last-Event-ID: %" PRId64 "\r\n", version_of(f.store, 1));
    follow(&c, &f, "", header);
    await(&c, event(version_of(f.store, 2)));
    cr_assert_null(strstr(buf_str(&c.in), "\"workflowRunId\":1,"), "it was seen before");
    note(f.store, 1, "once");
    await(&c, event(version_of(f.store, 1)));
    raw_close(&c);
    close_all(&f);
}

/* As after a restart of the server. */
Test(live, a_new_hub_goes_on_with_the_numbers)
{
    struct routes_fixture f;
    struct raw_http c;
    char header[64];
    open_all(&f);
    store_fixture_create(f.store, 1, 1);
    const int64_t seen = version_of(f.store, 1);
    store_fixture_create(f.store, 2, 1);
    f.services.live = live_close(f.services.live);
    note(f.store, 2, "nobody listened");
    open_with(&f, options_of(f.store));
    (void)snprintf(header, sizeof header, "Last-Event-ID: %" PRId64 "\r\n", seen);
    follow(&c, &f, "", header);
    await(&c, event(version_of(f.store, 2)));
    await(&c, "nobody listened");
    raw_close(&c);
    close_all(&f);
}

Test(live, a_place_of_another_store_begins_anew)
{
    struct routes_fixture f;
    struct raw_http c;
    open_all(&f);
    store_fixture_create(f.store, 1, 1);
    follow(&c, &f, "", "Last-Event-ID: 999999\r\n");
    await(&c, event(version_of(f.store, 1)));
    raw_close(&c);
    close_all(&f);
}

/* More runs than a page of the store and than the hub keeps. */
Test(live, far_behind_gets_everything_once)
{
    enum { MANY = 600 };
    struct routes_fixture f;
    struct raw_http c;
    struct raw_http watcher;
    open_all(&f);
    follow(&watcher, &f, "", ""); /* so that the hub keeps texts */
    await(&watcher, "retry");
    for (int64_t id = 1; id <= MANY; id++)
        store_fixture_create(f.store, id, 0);
    await(&watcher, event(version_of(f.store, MANY)));
    follow(&c, &f, "?since=0", "");
    await(&c, event(version_of(f.store, MANY)));
    cr_assert_eq(count(buf_str(&c.in), "event: run"), MANY);
    cr_assert_eq(count(buf_str(&watcher.in), "event: run"), MANY);
    raw_close(&watcher);
    raw_close(&c);
    close_all(&f);
}

Test(live, one_run_is_told_at_once_and_alone)
{
    struct routes_fixture f;
    struct raw_http c;
    open_all(&f);
    store_fixture_create(f.store, 1, 1);
    store_fixture_create(f.store, 2, 1);
    follow(&c, &f, "?workflow=1", "");
    await(&c, event(version_of(f.store, 1)));
    note(f.store, 2, "not asked for");
    note(f.store, 1, "asked for");
    await(&c, "\"reason\":\"asked for\"");
    note(f.store, 1, "and again");
    await(&c, "\"reason\":\"and again\"");
    cr_assert_null(strstr(buf_str(&c.in), "\"workflowRunId\":2,"));
    raw_close(&c);
    close_all(&f);
}

Test(live, many_changes_become_few_events)
{
    enum { CHANGES = 60 };
    struct routes_fixture f;
    struct raw_http c;
    struct live_options options;
    char text[32];
    routes_fixture_open(&f);
    options = options_of(f.store);
    options.interval = CLOCK_SECOND;
    const int64_t began = clock_mono(options.clock);
    open_with(&f, options);
    store_fixture_create(f.store, 1, 1);
    follow(&c, &f, "", "");
    await(&c, "retry");
    for (int i = 1; i <= CHANGES; i++) {
        (void)snprintf(text, sizeof text, "change %d.", i);
        note(f.store, 1, text);
    }
    await(&c, "change 60.");
    const int64_t seconds = (clock_mono(options.clock) - began) / CLOCK_SECOND;
    cr_assert_leq(count(buf_str(&c.in), "event: run"), (size_t)seconds + 2, "one a second");
    raw_close(&c);
    close_all(&f);
}

Test(live, is_never_silent_for_long)
{
    struct routes_fixture f;
    struct raw_http c;
    routes_fixture_open(&f);
    struct live_options options = options_of(f.store);
    options.heartbeat = SHORT;
    open_with(&f, options);
    follow(&c, &f, "", "");
    await(&c, "\n:\n\n");
    raw_close(&c);
    close_all(&f);
}

/* Its connection takes nothing any more, and nothing is kept for it; later it comes back. */
Test(live, a_slow_reader_is_dropped_and_resumes)
{
    enum { RUNS = 200, TEXT = 30000, RECEIVE = 4096 };
    struct routes_fixture f;
    struct raw_http c;
    struct live_numbers numbers = {.clients = 1};
    const int small = RECEIVE;
    char *text = calloc(1, TEXT);
    routes_fixture_open(&f);
    struct live_options options = options_of(f.store);
    options.patience = CLOCK_SECOND;
    open_with(&f, options);
    cr_assert_not_null(text);
    memset(text, 'x', TEXT - 1);
    for (int64_t id = 1; id <= RUNS; id++)
        store_fixture_create(f.store, id, 0);
    follow(&c, &f, "", "");
    cr_assert_eq(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    await(&c, "retry");
    for (int64_t id = 1; id <= RUNS; id++)
        note(f.store, id, text);
    for (int i = 0; i < 2000 && numbers.clients > 0; i++) {
        (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
        live_numbers(f.services.live, &numbers);
    }
    cr_assert_eq(numbers.clients, 0, "it is still held");
    raw_close(&c);
    /* With the patience that is usual, for this thread may be slow itself. */
    f.services.live = live_close(f.services.live);
    open_with(&f, options_of(f.store));
    follow(&c, &f, "?since=0", "");
    await(&c, event(version_of(f.store, RUNS)));
    raw_close(&c);
    free(text);
    close_all(&f);
}

Test(live, refuses_what_it_cannot_do)
{
    struct routes_fixture f;
    struct raw_http c;
    routes_fixture_open(&f);
    struct live_options options = options_of(f.store);
    options.max_clients = 1;
    open_with(&f, options);
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/events?workflow=4", 404}, {"/events?workflow=x", 400},
                 {"/events?since=-1", 400},   {"/events?run=1", 400},
                 {"/stats?x=1", 400},         {"/metrics?x=1", 400}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(routes_call(&f, "GET", cases[i].path, NULL, NULL, NULL), cases[i].status, "%s",
                     cases[i].path);
    follow(&c, &f, "", "Last-Event-ID: 7x\r\n");
    await(&c, "HTTP/1.1 400 ");
    raw_close(&c);
    follow(&c, &f, "", "");
    await(&c, "retry");
    cr_assert_eq(routes_call(&f, "GET", "/events", NULL, NULL, NULL), 503);
    cr_assert_eq(routes_call(&f, "GET", "/livez", NULL, NULL, NULL), 200);
    raw_close(&c);
    close_all(&f);
}

/* Asks until the hub has looked again. */
static json_t *await_stats(struct routes_fixture *f, const char *status, int64_t wanted)
{
    for (int i = 0; i < 2000; i++) {
        json_t *body = NULL;
        cr_assert_eq(routes_call(f, "GET", "/stats", NULL, NULL, &body), 200);
        if (json_int(json_object_get(body, "runs"), status, -1) == wanted)
            return body;
        json_decref(body);
        (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    cr_assert_fail("no %s runs", status);
    return NULL;
}

static void end_run(struct store *s, int64_t id, int64_t ended_at)
{
    struct error err = {0};
    const struct store_close end = {
        .status = AUDIT_COMPLETED, .task_status = AUDIT_COMPLETED, .ended_at = ended_at};
    cr_assert_eq(store_outbox_started(s, id, "arn", 1000, &err), 0, "%s", err.message);
    cr_assert_eq(store_run_close(s, id, &end, &err), 0, "%s", err.message);
}

/* A run that has ended goes on changing, and old ones are found. */
Test(live, counts_each_end_once)
{
    struct routes_fixture f;
    struct error err = {0};
    struct live_numbers numbers;
    struct raw_http c;
    open_all(&f);
    follow(&c, &f, "", "");
    await(&c, "id: 0");
    store_fixture_create(f.store, 1, 1);
    store_fixture_create(f.store, 2, 1);
    end_run(f.store, 1, 0);
    end_run(f.store, 2, 1000);
    for (int64_t i = 1; i <= 3; i++) {
        const struct store_event late = {.id = i, .time = 1000, .type = "ExecutionSucceeded"};
        cr_assert_eq(store_events_add(f.store, 1, &late, 1, &err), 0, "%s", err.message);
        await(&c, event(version_of(f.store, 1)));
    }
    live_numbers(f.services.live, &numbers);
    cr_assert_eq(numbers.finished[AUDIT_COMPLETED], 1);
    raw_close(&c);
    close_all(&f);
}

/* Whatever the time of day, midnight does not come. */
struct still_clock {
    struct clock clock;
    int64_t at;
};

static int64_t still_wall(const struct clock *self)
{
    return ((const struct still_clock *)self)->at;
}

static int64_t still_mono(const struct clock *self)
{
    (void)self;
    return clock_mono(clock_system());
}

/* Ends are counted as changes are told, which may be a moment after the runs were counted. */
static void await_finished(struct routes_fixture *f, enum audit_status status, int64_t wanted)
{
    struct live_numbers numbers;
    live_numbers(f->services.live, &numbers);
    for (int i = 0; i < 2000 && numbers.finished[status] < wanted; i++) {
        (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
        live_numbers(f->services.live, &numbers);
    }
    cr_assert_eq(numbers.finished[status], wanted);
}

Test(live, counts_runs_and_tasks)
{
    struct routes_fixture f;
    struct error err = {0};
    struct still_clock clock = {{still_wall, still_mono}, clock_wall(clock_system())};
    routes_fixture_open(&f);
    struct live_options options = options_of(f.store);
    options.clock = &clock.clock;
    options.sample = 2 * SHORT;
    open_with(&f, options);
    store_fixture_create(f.store, 1, 3);
    store_fixture_create(f.store, 2, 4);
    json_t *body = await_stats(&f, "submitted", 2);
    cr_assert_eq(json_int(json_object_get(body, "tasks"), "submitted", -1), 7);
    cr_assert_eq(json_int(body, "failedToday", -1), 0);
    json_decref(body);
    const struct store_close end = {.status = AUDIT_FAILED, .task_status = AUDIT_FAILED};
    cr_assert_eq(store_outbox_started(f.store, 1, "arn", 1000, &err), 0);
    cr_assert_eq(store_run_close(f.store, 1, &end, &err), 0, "%s", err.message);
    body = await_stats(&f, "failed", 1);
    cr_assert_eq(json_int(json_object_get(body, "tasks"), "submitted", -1), 4);
    cr_assert_eq(json_int(body, "failedToday", -1), 1);
    cr_assert_geq(json_array_size(json_object_get(body, "series")), 1);
    const json_t *point = json_array_get(json_object_get(body, "series"), 0);
    cr_assert_not_null(json_str(point, "time", NULL));
    cr_assert_not_null(json_object_get(point, "failed"));
    json_decref(body);
    await_finished(&f, AUDIT_FAILED, 1);
    close_all(&f);
}

/* The chart of the page begins before the server did. */
Test(live, tells_the_hour_before_from_the_store)
{
    struct routes_fixture f;
    routes_fixture_open(&f);
    store_fixture_create(f.store, 1, 3);
    struct live_options options = options_of(f.store);
    options.sample = 1; /* all points lie behind the run's submission */
    open_with(&f, options);
    json_t *body = await_stats(&f, "submitted", 1);
    const json_t *series = json_object_get(body, "series");
    cr_assert_eq(json_array_size(series), LIVE_SERIES_MAX);
    cr_assert_eq(json_int(json_array_get(series, 0), "submitted", -1), 3);
    json_decref(body);
    close_all(&f);
}
