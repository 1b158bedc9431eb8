/* lib/http_server: bodies, replies, deferring, stopping, many connections. */
#include "lib/http_server/http_server.h"
#include "tests/unit/raw_http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY_LIMIT = 1000, FILE_LIMIT = 3000000, HELD_MAX = 64 };

struct fixture {
    struct http_server *server;
    uint16_t port;
    int file;
    size_t pieces;
    atomic_int finished;
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct http_exchange *held[HELD_MAX];
    size_t held_count;
};

static void count_piece(void *data, const void *bytes, size_t len)
{
    struct fixture *f = data;
    (void)bytes;
    f->pieces += len;
}

static void begin(void *ctx, struct http_exchange *x)
{
    struct fixture *f = ctx;
    if (!strcmp(http_raw_path(x), "/file"))
        http_body_to_fd(x, f->file, FILE_LIMIT, count_piece, f);
    else if (!strcmp(http_raw_path(x), "/pieces"))
        http_body_to_fd(x, -1, FILE_LIMIT, count_piece, f);
    else if (!strcmp(http_raw_path(x), "/small"))
        http_body_limit(x, 3);
    else if (!strcmp(http_raw_path(x), "/refuse"))
        http_reply(x, 403, "text/plain", "no", 2);
}

static void echo(struct http_exchange *x)
{
    struct buf out;
    size_t len = 0;
    const char *body = http_body(x, &len);
    const char *name = http_query(x, "name"), *none = http_query(x, "none");
    const char *header = http_header(x, "x-test");
    buf_init(&out, BUF_MAX_LINE);
    buf_addf(&out, "%s %s ?%s name=%s none=%s x-test=%s body=", http_method(x), http_raw_path(x),
             http_raw_query(x), name ? name : "(null)", none ? none : "(null)",
             header ? header : "(null)");
    buf_add(&out, body, len);
    http_add_header(x, "X-Answer", "42");
    http_reply_take(x, 200, "text/plain", &out);
    buf_free(&out);
}

static void hold(struct fixture *f, struct http_exchange *x)
{
    http_defer(x);
    pthread_mutex_lock(&f->lock);
    f->held[f->held_count++] = x;
    pthread_cond_signal(&f->came);
    pthread_mutex_unlock(&f->lock);
}

static void send_file(struct http_exchange *x)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    cr_assert_gt(fprintf(file, "0123456789"), 0);
    cr_assert_eq(fflush(file), 0);
    const int fd = dup(fileno(file));
    cr_assert_eq(fclose(file), 0);
    const char *len = http_query(x, "len");
    http_reply_fd(x, 206, "text/x", fd, 2, len ? strtoul(len, NULL, 10) : 5);
}

static void *reply_now(void *data)
{
    http_reply(data, 200, NULL, "later", 5);
    return NULL;
}

static void handle(void *ctx, struct http_exchange *x)
{
    struct fixture *f = ctx;
    const char *path = http_raw_path(x);
    char text[64];
    if (http_too_large(x)) {
        http_reply_const(x, 413, "text/plain", "big", 3);
    } else if (!strcmp(path, "/hold")) {
        hold(f, x);
    } else if (!strcmp(path, "/race")) {
        /* The reply comes while the handler is still at work. */
        pthread_t thread;
        http_defer(x);
        cr_assert_eq(pthread_create(&thread, NULL, reply_now, x), 0);
        pthread_join(thread, NULL);
    } else if (!strcmp(path, "/send")) {
        send_file(x);
    } else if (!strcmp(path, "/file") || !strcmp(path, "/pieces")) {
        (void)snprintf(text, sizeof text, "%llu %zu %d", (unsigned long long)http_body_len(x),
                       f->pieces, http_body_errno(x));
        http_reply(x, 200, "text/plain", text, strlen(text));
    } else if (!strcmp(path, "/nothing")) {
        http_reply(x, 204, NULL, NULL, 0);
    } else if (!strcmp(path, "/tagged")) {
        const bool strong = http_has_etag(x, "\"1-2\""), weak = http_has_etag(x, "W/\"1-2\"");
        http_reply_const(x, 200, NULL, strong && weak ? "has" : "not", strong == weak ? 3 : 0);
    } else {
        echo(x);
    }
}

static void finished(void *ctx, struct http_exchange *x)
{
    struct fixture *f = ctx;
    (void)x;
    atomic_fetch_add(&f->finished, 1);
}

/* Serves the paths of `handle` on a free port; the rest is as `options` say. */
static void serve(struct fixture *f, struct http_server_options options)
{
    struct error err = {0};
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->came, NULL);
    f->file = -1;
    options.host = "127.0.0.1";
    options.ctx = f;
    options.handle = handle;
    options.finished = finished;
    f->server = http_server_start(&options, &err);
    cr_assert_not_null(f->server, "%s", err.message);
    f->port = http_server_port(f->server);
}

static void start(struct fixture *f, unsigned threads, unsigned max_connections)
{
    serve(f, (struct http_server_options){.threads = threads,
                                          .max_connections = max_connections,
                                          .max_body = MEMORY_LIMIT,
                                          .begin = begin});
}

static void stop(struct fixture *f)
{
    f->server = http_server_stop(f->server);
    pthread_cond_destroy(&f->came);
    pthread_mutex_destroy(&f->lock);
}

static void wait_held(struct fixture *f, size_t count)
{
    pthread_mutex_lock(&f->lock);
    while (f->held_count < count)
        pthread_cond_wait(&f->came, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

/* Opens connections whose requests are deferred, and waits until all are. */
static void open_held(struct fixture *f, struct raw_http *c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        raw_open(&c[i], f->port, false);
        raw_sendf(&c[i], "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    wait_held(f, count);
}

static void expect(struct fixture *f, const char *method, const char *path, const char *headers,
                   const char *body, int status, const char *reply)
{
    struct raw_reply r;
    raw_call(f->port, method, path, headers, body, &r);
    cr_expect_eq(r.status, status, "%s %s: %d", method, path, r.status);
    cr_expect_str_eq(buf_str(&r.body), reply, "%s %s: %s", method, path, buf_str(&r.body));
    raw_reply_free(&r);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

Test(http_server, hands_requests_on_as_they_came)
{
    struct fixture f;
    start(&f, 2, 0);
    expect(&f, "GET", "/a/b%20c//..?name=x%2By%20z&none&name=2", "X-TEST: v w\r\n", "", 200,
           "GET /a/b%20c//.. ?name=x%2By%20z&none&name=2 name=x+y z none= x-test=v w body=");
    expect(&f, "PUT", "/p?name=a+b%", "", "hello", 200,
           "PUT /p ?name=a+b% name=a b% none=(null) x-test=(null) body=hello");
    expect(&f, "HEAD", "/h", "", "", 200, "");
    expect(&f, "GET", "/nothing", "", "", 204, "");
    stop(&f);
    cr_expect_eq(atomic_load(&f.finished), 4);
}

Test(http_server, separators_without_an_argument_take_no_room)
{
    struct fixture f;
    char path[900], reply[1100];
    memset(path, '&', sizeof path);
    path[0] = '/';
    path[1] = '?';
    memcpy(path + sizeof path - sizeof "name=z", "name=z", sizeof "name=z");
    (void)snprintf(reply, sizeof reply,
                   "GET / %s name=z none=(null) x-test=(null) body=", path + 1);
    start(&f, 2, 0);
    expect(&f, "GET", path, "", "", 200, reply);
    stop(&f);
}

Test(http_server, head_tells_the_length_of_the_body_it_leaves_out)
{
    struct fixture f;
    struct raw_reply r;
    char text[64];
    start(&f, 1, 0);
    raw_call(f.port, "HEAD", "/send", "", "", &r);
    cr_expect_eq(r.status, 206);
    cr_expect_str_eq(raw_header(&r, "content-length", text, sizeof text), "5");
    cr_expect_str_eq(raw_header(&r, "content-type", text, sizeof text), "text/x");
    raw_reply_free(&r);
    stop(&f);
}

Test(http_server, compares_entity_tags_weakly)
{
    struct fixture f;
    start(&f, 1, 0);
    expect(&f, "GET", "/tagged", "", "", 200, "not");
    expect(&f, "GET", "/tagged", "If-None-Match: *\r\n", "", 200, "has");
    expect(&f, "GET", "/tagged", "If-None-Match: \"1-2\"\r\n", "", 200, "has");
    expect(&f, "GET", "/tagged", "If-None-Match: \"a,\", W/\"1-2\" \r\n", "", 200, "has");
    expect(&f, "GET", "/tagged", "If-None-Match: \"1-23\",\"x\r\n", "", 200, "not");
    expect(&f, "GET", "/tagged", "If-None-Match: 1-2, W/, \"W/\"1-2\"\r\n", "", 200, "not");
    stop(&f);
}

Test(http_server, sends_parts_of_files)
{
    struct fixture f;
    start(&f, 2, 0);
    expect(&f, "GET", "/send", "", "", 206, "23456");
    expect(&f, "GET", "/send?len=0", "", "", 206, "");
    stop(&f);
}

Test(http_server, bodies_beyond_their_ceiling_are_told)
{
    struct fixture f;
    char big[MEMORY_LIMIT + 2];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    start(&f, 2, 0);
    expect(&f, "POST", "/", "", big, 413, "big");
    expect(&f, "POST", "/small", "", "1234", 413, "big");
    expect(&f, "POST", "/small", "", "123", 200,
           "POST /small ? name=(null) none=(null) x-test=(null) body=123");
    expect(&f, "POST", "/refuse", "", big, 403, "no");
    stop(&f);
}

/* The status of a POST of so many bytes. */
static int post_bytes(uint16_t port, size_t len)
{
    struct raw_reply r;
    char *body = malloc(len + 1);
    cr_assert_not_null(body);
    memset(body, 'b', len);
    body[len] = '\0';
    raw_call(port, "POST", "/", "", body, &r);
    const int status = r.status;
    raw_reply_free(&r);
    free(body);
    return status;
}

/* An answer is there a moment before its body's room is. */
static bool comes_to(uint16_t port, size_t len, int status)
{
    for (int i = 0; i < 2000; i++) {
        if (post_bytes(port, len) == status)
            return true;
        (void)nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    return false;
}

Test(http_server, bodies_are_bounded_in_sum)
{
    static const char part[50000];
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    serve(&f, (struct http_server_options){.threads = 2, .max_body = 60000, .max_bodies = 60000});
    raw_open(&c, f.port, false);
    raw_sendf(&c, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
    raw_send(&c, part, sizeof part);
    wait_held(&f, 1);
    cr_assert_eq(post_bytes(f.port, 50000), 503);
    cr_assert_eq(post_bytes(f.port, 15000), 200);
    http_reply_const(f.held[0], 200, NULL, "ok", 2);
    cr_assert(raw_read(&c, &r, false));
    cr_assert_eq(r.status, 200);
    raw_reply_free(&r);
    raw_close(&c);
    cr_assert(comes_to(f.port, 50000, 200));
    stop(&f);
}

/* Sends a byte every tenth of a second until the server has closed the connection. */
static void trickle(struct raw_http *c)
{
    for (int i = 0; i < 300; i++) {
        char answer;
        raw_send(c, "x", 1);
        (void)nanosleep(&(struct timespec){0, 100000000}, NULL);
        if (recv(c->fd, &answer, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR))
            return;
    }
    cr_assert_fail("a body may trickle for ever");
}

/* Two clients that sent much and then hardly anything, or nothing, leave the room to others. */
Test(http_server, stalled_bodies_do_not_keep_the_room, .timeout = 60)
{
    static const char part[100000];
    struct fixture f;
    struct raw_http slow, silent;
    char answer;
    serve(&f, (struct http_server_options){
                  .threads = 2, .stall_seconds = 1, .max_body = 300000, .max_bodies = 180000});
    raw_open(&slow, f.port, false);
    raw_open(&silent, f.port, false);
    for (int i = 0; i < 2; i++) {
        raw_sendf(i ? &slow : &silent,
                  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 250000\r\n\r\n");
        raw_send(i ? &slow : &silent, part, sizeof part);
    }
    trickle(&slow);
    cr_assert_eq(recv(silent.fd, &answer, 1, 0), 0);
    cr_assert(comes_to(f.port, 50000, 200));
    raw_close(&slow);
    raw_close(&silent);
    stop(&f);
}

/* Seconds pass between the last byte of a large body and the next request: that is no stalling. */
Test(http_server, a_connection_is_as_patient_as_before_after_a_large_body, .timeout = 60)
{
    static const char part[100000];
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    serve(&f, (struct http_server_options){.threads = 1, .stall_seconds = 1, .max_body = 300000});
    raw_open(&c, f.port, false);
    for (int i = 0; i < 2; i++) {
        raw_sendf(&c, "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                  sizeof part);
        raw_send(&c, part, sizeof part);
        cr_assert(raw_read(&c, &r, false));
        raw_reply_free(&r);
        (void)nanosleep(&(struct timespec){i ? 0 : 3, 0}, NULL);
    }
    raw_close(&c);
    stop(&f);
}

Test(http_server, bodies_go_to_files)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    FILE *file = tmpfile();
    char *big = calloc(1, 2000000);
    cr_assert(file && big);
    start(&f, 2, 0);
    f.file = fileno(file);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "PUT /file HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
    memset(big, 'b', 2000000);
    raw_send(&c, big, 2000000);
    cr_assert(raw_read(&c, &r, false));
    cr_expect_str_eq(buf_str(&r.body), "2000000 2000000 0");
    raw_reply_free(&r);
    cr_expect_eq(lseek(f.file, 0, SEEK_END), 2000000);
    raw_close(&c);
    f.pieces = 0;
    expect(&f, "PUT", "/pieces", "", "12345", 200, "5 5 0");
    f.file = open("/dev/full", O_WRONLY);
    f.pieces = 0;
    expect(&f, "PUT", "/file", "", "12345", 200, "5 5 28");
    close(f.file);
    free(big);
    (void)fclose(file);
    stop(&f);
}

Test(http_server, chunked_bodies_and_pipelined_requests)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f, 2, 0);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"
                  "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(raw_read(&c, &r, false));
    cr_expect_not_null(strstr(buf_str(&r.body), "body=abcde"));
    raw_reply_free(&r);
    cr_assert(raw_read(&c, &r, false));
    cr_expect_not_null(strstr(buf_str(&r.body), "GET /2 "));
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}

/* Twenty bodies that are sent when they are asked for; milliseconds that it took. */
static int64_t send_what_is_asked_for(const struct fixture *f)
{
    struct raw_http c;
    struct raw_reply r;
    const int64_t began = now_ms();
    for (int i = 0; i < 20; i++) {
        raw_open(&c, f->port, false);
        raw_sendf(&c, "PUT /c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                      "Expect: 100-continue\r\n\r\n");
        cr_assert(raw_read(&c, &r, false));
        cr_expect_eq(r.status, 100);
        raw_reply_free(&r);
        raw_sendf(&c, "ok");
        cr_assert(raw_read(&c, &r, false));
        cr_expect_not_null(strstr(buf_str(&r.body), "body=ok"));
        raw_reply_free(&r);
        raw_close(&c);
    }
    return now_ms() - began;
}

/* On a busy machine it may take long now and then, but not each time. */
Test(http_server, continue_comes_at_once_and_a_refusal_in_its_place)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    int64_t took = 2000;
    start(&f, 2, 0);
    for (int i = 0; i < 5 && took >= 2000; i++)
        took = send_what_is_asked_for(&f);
    cr_expect_lt(took, 2000);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n");
    cr_assert(raw_read(&c, &r, false));
    cr_expect_eq(r.status, 403);
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}

Test(http_server, deferred_exchanges_are_answered_from_elsewhere)
{
    struct fixture f;
    struct raw_http c[8];
    struct raw_reply r;
    start(&f, 2, 0);
    open_held(&f, c, 8);
    for (size_t i = 0; i < 8; i++) {
        cr_expect_not(http_gone(f.held[i]));
        http_reply(f.held[i], 200, NULL, "done", 4);
    }
    for (size_t i = 0; i < 8; i++) {
        cr_assert(raw_read(&c[i], &r, false));
        cr_expect_str_eq(buf_str(&r.body), "done");
        raw_reply_free(&r);
        raw_close(&c[i]);
    }
    stop(&f);
    cr_expect_eq(atomic_load(&f.finished), 8);
}

Test(http_server, a_reply_may_overtake_its_handler)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f, 2, 0);
    raw_open(&c, f.port, false);
    for (int i = 0; i < 500; i++) {
        raw_sendf(&c, "GET /race HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(raw_read(&c, &r, false));
        cr_expect_str_eq(buf_str(&r.body), "later");
        raw_reply_free(&r);
    }
    raw_close(&c);
    stop(&f);
}

Test(http_server, tells_when_the_client_of_a_deferred_exchange_has_gone)
{
    struct fixture f;
    struct raw_http c;
    start(&f, 2, 0);
    open_held(&f, &c, 1);
    raw_close(&c);
    const int64_t began = now_ms();
    while (!http_gone(f.held[0]))
        cr_assert_lt(now_ms() - began, 30000);
    http_reply(f.held[0], 200, NULL, "nobody", 6);
    stop(&f);
    cr_expect_eq(atomic_load(&f.finished), 1);
}

Test(http_server, stop_answers_what_is_deferred_and_late_replies_are_harmless)
{
    struct fixture f;
    struct raw_http c[3];
    struct raw_reply r;
    start(&f, 2, 0);
    open_held(&f, c, 3);
    f.server = http_server_stop(f.server);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(raw_read(&c[i], &r, false));
        cr_expect_eq(r.status, 503);
        raw_reply_free(&r);
        raw_close(&c[i]);
        cr_expect(http_gone(f.held[i]));
        http_reply(f.held[i], 200, NULL, "late", 4);
    }
    stop(&f);
}

Test(http_server, stop_does_not_wait_for_a_client_that_does_not_send)
{
    struct fixture f;
    struct raw_http c;
    start(&f, 2, 0);
    raw_open(&c, f.port, false);
    raw_sendf(&c, "PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12");
    expect(&f, "GET", "/nothing", "", "", 204, "");
    const int64_t began = now_ms();
    stop(&f);
    cr_expect_lt(now_ms() - began, 30000, "not its 75 s");
    raw_close(&c);
}

Test(http_server, quiesce_refuses_new_connections_and_goes_on_with_old_ones)
{
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f, 2, 0);
    open_held(&f, &c, 1);
    http_server_quiesce(f.server);
    const int late = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(f.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_expect_eq(connect(late, (const struct sockaddr *)&to, sizeof to), -1);
    close(late);
    http_reply(f.held[0], 200, NULL, "on", 2);
    cr_assert(raw_read(&c, &r, false));
    cr_expect_str_eq(buf_str(&r.body), "on");
    raw_reply_free(&r);
    raw_close(&c);
    stop(&f);
}

Test(http_server, a_port_in_use_and_a_bad_address_are_told)
{
    struct fixture f;
    struct error err = {0};
    char text[96];
    start(&f, 1, 0);
    struct http_server_options options = {
        .host = "127.0.0.1", .port = f.port, .max_body = 1, .ctx = &f, .handle = handle};
    cr_expect_null(http_server_start(&options, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
    (void)snprintf(text, sizeof text, "address 127.0.0.1:%u is in use", f.port);
    cr_expect_str_eq(err.message, text);
    options.host = "localhost";
    cr_expect_null(http_server_start(&options, &err));
    cr_expect_eq(err.code, ERR_ARGUMENT);
    (void)snprintf(text, sizeof text, "http://127.0.0.1:%u", f.port);
    cr_expect_str_eq(http_server_url(f.server), text);
    stop(&f);
}

Test(http_server, serves_ipv6)
{
    struct fixture f = {.file = -1};
    struct error err = {0};
    struct raw_http c;
    struct raw_reply r;
    const struct http_server_options options = {
        .host = "::1", .max_body = 10, .ctx = &f, .handle = handle};
    struct http_server *s = http_server_start(&options, &err);
    cr_assert_not_null(s, "%s", err.message);
    cr_expect_eq(strncmp(http_server_url(s), "http://[::1]:", 13), 0);
    raw_open(&c, http_server_port(s), true);
    raw_sendf(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(raw_read(&c, &r, false));
    cr_expect_eq(r.status, 200);
    raw_reply_free(&r);
    raw_close(&c);
    http_server_stop(s);
}

static void many(struct fixture *f, size_t count)
{
    struct raw_http *c = calloc(count, sizeof *c);
    struct raw_reply r;
    cr_assert_not_null(c);
    for (size_t i = 0; i < count; i++)
        raw_open(&c[i], f->port, false);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count; i++)
            raw_sendf(&c[i], "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", round);
        for (size_t i = 0; i < count; i++) {
            cr_assert(raw_read(&c[i], &r, false), "%zu connections stall", count);
            cr_assert_eq(r.status, 200);
            raw_reply_free(&r);
        }
    }
    for (size_t i = 0; i < count; i++)
        raw_close(&c[i]);
    free(c);
}

Test(http_server, no_number_of_connections_stalls)
{
    struct fixture f;
    for (unsigned threads = 1; threads <= 2; threads++) {
        start(&f, threads, 0);
        many(&f, 127);
        many(&f, 128);
        many(&f, 129);
        many(&f, 256);
        stop(&f);
    }
}

Test(http_server, connections_beyond_the_limit_are_closed)
{
    struct fixture f;
    struct raw_http c[3];
    struct raw_reply r;
    start(&f, 2, 2);
    for (size_t i = 0; i < 3; i++) {
        raw_open(&c[i], f.port, false);
        raw_sendf(&c[i], "GET /%zu HTTP/1.1\r\nHost: x\r\n\r\n", i);
        cr_expect_eq(raw_read(&c[i], &r, false), i < 2);
        raw_reply_free(&r);
    }
    for (size_t i = 0; i < 3; i++)
        raw_close(&c[i]);
    stop(&f);
}

Test(http_server, malformed_requests_end_without_an_exchange_left)
{
    static const char *const texts[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    struct fixture f;
    struct raw_http c;
    struct raw_reply r;
    start(&f, 2, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        raw_open(&c, f.port, false);
        raw_sendf(&c, "%s", texts[i]);
        shutdown(c.fd, SHUT_WR);
        if (raw_read(&c, &r, false))
            cr_expect_geq(r.status, 400, "%s", texts[i]);
        raw_reply_free(&r);
        raw_close(&c);
    }
    expect(&f, "GET", "/nothing", "", "", 204, "");
    stop(&f);
}
