/* lib/http_server: replies without a known end. */
#include "lib/base/clock.h"
#include "lib/http_server/http_server.h"
#include "tests/unit/raw_http.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 256, WAIT_SECONDS = 60 };

/* One stream: what the test wants sent, and what became of it. */
struct fixture {
    struct http_server *server;
    uint16_t port;
    bool endless;
    bool flood; /* there is always more */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_exchange *exchange;
    char text[TEXT_MAX]; /* to be sent next */
    long ending;         /* what the source says when there is no text */
    unsigned reads, closed;
};

static ssize_t read_text(void *ctx, char *out, size_t size)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    const size_t len = strlen(f->text);
    ssize_t n = f->ending;
    f->reads++;
    if (f->flood) {
        memset(out, 'x', size);
        n = (ssize_t)size;
    } else if (len) {
        cr_assert_leq(len, size);
        memcpy(out, f->text, len);
        f->text[0] = '\0';
        n = (ssize_t)len;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return n;
}

static void note_closed(void *ctx)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    f->closed++;
    f->exchange = NULL;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void handle(void *ctx, struct http_exchange *x)
{
    struct fixture *f = ctx;
    if (strcmp(http_raw_path(x), "/stream") != 0) {
        http_reply_const(x, 200, "text/plain", "other", 5);
        return;
    }
    pthread_mutex_lock(&f->lock);
    f->exchange = x;
    pthread_mutex_unlock(&f->lock);
    const struct http_stream_source source = {
        .read = read_text, .closed = note_closed, .ctx = f, .endless = f->endless};
    http_reply_stream(x, 200, "text/x", &source);
}

static void open_fixture(struct fixture *f, bool endless)
{
    struct error err = {0};
    *f = (struct fixture){.endless = endless};
    cr_assert_eq(pthread_mutex_init(&f->lock, NULL), 0);
    cr_assert_eq(pthread_cond_init(&f->changed, NULL), 0);
    const struct http_server_options options = {
        .host = "127.0.0.1", .threads = 1, .max_body = TEXT_MAX, .ctx = f, .handle = handle};
    f->server = http_server_start(&options, &err);
    cr_assert_not_null(f->server, "%s", err.message);
    f->port = http_server_port(f->server);
}

static void close_fixture(struct fixture *f)
{
    http_server_stop(f->server);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}

/* Sends the text, or ends with what `ending` says. */
static void say(struct fixture *f, const char *text, long ending)
{
    pthread_mutex_lock(&f->lock);
    (void)snprintf(f->text, sizeof f->text, "%s", text);
    f->ending = ending;
    if (f->exchange)
        http_stream_wake(f->exchange);
    pthread_mutex_unlock(&f->lock);
}

static void await_closed(struct fixture *f)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&f->lock);
    while (!f->closed)
        cr_assert_eq(pthread_cond_timedwait(&f->changed, &f->lock, &until), 0, "it stays open");
    cr_assert_eq(f->closed, 1);
    pthread_mutex_unlock(&f->lock);
}

static void ask(struct raw_http *c, const struct fixture *f, const char *method,
                const char *version)
{
    raw_open(c, f->port, false);
    raw_sendf(c, "%s /stream HTTP/%s\r\nHost: 127.0.0.1\r\n\r\n", method, version);
}

/* Reads until `text` has come; false when the server closed before. */
static bool await_text(struct raw_http *c, const char *text)
{
    char piece[4096];
    while (!strstr(buf_str(&c->in), text)) {
        const ssize_t n = recv(c->fd, piece, sizeof piece, 0);
        if (n <= 0)
            return false;
        buf_add(&c->in, piece, (size_t)n);
    }
    return true;
}

Test(http_stream, sends_each_text_when_it_is_there)
{
    struct fixture f;
    struct raw_http c;
    open_fixture(&f, true);
    say(&f, "first.", HTTP_STREAM_WAIT);
    ask(&c, &f, "GET", "1.1");
    cr_assert(await_text(&c, "\r\n6\r\nfirst."));
    cr_assert_not_null(strstr(buf_str(&c.in), "Transfer-Encoding: chunked"));
    say(&f, "second.", HTTP_STREAM_WAIT);
    cr_assert(await_text(&c, "second."));
    say(&f, "last.", HTTP_STREAM_END);
    cr_assert(await_text(&c, "last.\r\n0\r\n\r\n"));
    await_closed(&f);
    raw_close(&c);
    close_fixture(&f);
}

Test(http_stream, ends_with_the_connection_for_http_1_0)
{
    struct fixture f;
    struct raw_http c;
    open_fixture(&f, true);
    say(&f, "first.", HTTP_STREAM_WAIT);
    ask(&c, &f, "GET", "1.0");
    cr_assert(await_text(&c, "\r\n\r\nfirst."));
    say(&f, "last.", HTTP_STREAM_END);
    cr_assert(await_text(&c, "first.last."));
    cr_assert_not(await_text(&c, "more"), "the connection ends");
    raw_close(&c);
    close_fixture(&f);
}

Test(http_stream, head_gets_no_body)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    open_fixture(&f, true);
    say(&f, "first.", HTTP_STREAM_WAIT);
    ask(&c, &f, "HEAD", "1.1");
    cr_assert(raw_read(&c, &r, true));
    cr_assert_eq(r.status, 200);
    raw_reply_free(&r);
    await_closed(&f);
    cr_assert_eq(f.reads, 0);
    cr_assert_not(await_text(&c, "never"));
    cr_assert_eq(c.in.len, 0, "behind the head: %s", buf_str(&c.in));
    raw_close(&c);
    close_fixture(&f);
}

Test(http_stream, an_abort_is_seen_as_such)
{
    struct fixture f;
    struct raw_http c;
    open_fixture(&f, false);
    say(&f, "half.", HTTP_STREAM_ABORT);
    ask(&c, &f, "GET", "1.1");
    cr_assert(await_text(&c, "half."));
    cr_assert_not(await_text(&c, "\r\n0\r\n"), "no end is told");
    await_closed(&f);
    raw_close(&c);
    close_fixture(&f);
}

Test(http_stream, a_client_that_went_away_is_seen)
{
    struct fixture f;
    struct raw_http c;
    open_fixture(&f, true);
    say(&f, "first.", HTTP_STREAM_WAIT);
    ask(&c, &f, "GET", "1.1");
    cr_assert(await_text(&c, "first."));
    bool gone = false;
    raw_close(&c);
    for (int i = 0; i < WAIT_SECONDS * 1000 && !gone; i++) {
        pthread_mutex_lock(&f.lock);
        gone = !f.exchange || http_stream_gone(f.exchange);
        if (gone && f.exchange)
            http_stream_end(f.exchange);
        pthread_mutex_unlock(&f.lock);
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    cr_assert(gone);
    await_closed(&f);
    close_fixture(&f);
}

/* It takes nothing, so its connection is never idle: it has to be cut off. */
Test(http_stream, a_client_that_does_not_read_can_be_ended)
{
    struct fixture f;
    struct raw_http c;
    open_fixture(&f, true);
    f.flood = true;
    ask(&c, &f, "GET", "1.1");
    cr_assert(await_text(&c, "xxx"));
    unsigned before = 0;
    bool stuck = false;
    while (!stuck) {
        (void)nanosleep(&(struct timespec){0, 100000000}, NULL);
        pthread_mutex_lock(&f.lock);
        stuck = f.reads == before;
        before = f.reads;
        pthread_mutex_unlock(&f.lock);
    }
    pthread_mutex_lock(&f.lock);
    http_stream_end(f.exchange);
    pthread_mutex_unlock(&f.lock);
    await_closed(&f);
    raw_close(&c);
    close_fixture(&f);
}

/* Microseconds that it took. */
static int64_t stop_with_an_endless_one(void)
{
    struct fixture f;
    struct raw_http waiting;
    open_fixture(&f, true);
    say(&f, "first.", HTTP_STREAM_WAIT);
    ask(&waiting, &f, "GET", "1.1");
    cr_assert(await_text(&waiting, "first."));
    const int64_t from = clock_mono(clock_system());
    close_fixture(&f);
    const int64_t took = clock_mono(clock_system()) - from;
    cr_assert_eq(f.closed, 1);
    cr_assert(await_text(&waiting, "0\r\n\r\n"), "in good order");
    raw_close(&waiting);
    return took;
}

/* Others get two seconds. On a busy machine it may take long now and then, but not each time. */
Test(http_stream, stopping_ends_endless_ones_at_once)
{
    int64_t took = CLOCK_SECOND;
    for (int i = 0; i < 10 && took >= CLOCK_SECOND; i++)
        took = stop_with_an_endless_one();
    cr_assert_lt(took, CLOCK_SECOND);
}

/* The source says more after each wake; nothing may be lost between "nothing" and falling asleep.
 */
Test(http_stream, no_wake_is_lost)
{
    enum { ROUNDS = 2000 };
    struct fixture f;
    struct raw_http c;
    open_fixture(&f, true);
    say(&f, "[0]", HTTP_STREAM_WAIT);
    ask(&c, &f, "GET", "1.1");
    for (int i = 1; i < ROUNDS; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "[%d]", i - 1);
        cr_assert(await_text(&c, text), "%s", text);
        buf_reset(&c.in);
        (void)snprintf(text, sizeof text, "[%d]", i);
        say(&f, text, HTTP_STREAM_WAIT);
    }
    raw_close(&c);
    close_fixture(&f);
}
