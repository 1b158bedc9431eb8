/* workers/runtime: the Lambda Runtime API loop and the task metadata endpoint, against a peer. */
#include "workers/runtime.h"

#include "lib/json/json_read.h"
#include "tests/unit/worker_peer.h"
#include "workers/copy/metadata.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS = 4 };

/* A Runtime API that hands out some events, then 500. */
struct api {
    const char *const *events;
    size_t count;
    size_t handed;
    bool too_large;     /* refuses answers with 413 */
    char posts[8][160]; /* path, error type, body */
    size_t post_count;
};

static void play_api(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    struct api *api = ctx;
    char type[64];
    if (strcmp(request->method, "POST") == 0) {
        peer_header(request, "Lambda-Runtime-Function-Error-Type", type, sizeof type);
        (void)snprintf(api->posts[api->post_count++], sizeof api->posts[0], "%s|%s|%.100s",
                       strrchr(request->target, '/') + 1, type, request->body);
        bool answer = strstr(request->target, "/response") != NULL;
        reply->status = answer && api->too_large ? 413 : 202;
        return;
    }
    if (api->handed == api->count) {
        reply->status = 500;
        return;
    }
    buf_addf(&reply->headers,
             "Lambda-Runtime-Aws-Request-Id: id-%zu\r\nLambda-Runtime-Deadline-Ms: 1704164705000"
             "\r\n",
             api->handed);
    buf_adds(&reply->body, api->events[api->handed++]);
}

static int echo(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    cr_assert_eq(w->deadline, INT64_C(1704164705000) * CLOCK_MS);
    if (json_object_get(event, "denied"))
        return err_set(err, ERR_DENIED, "not you");
    if (json_object_get(event, "broken"))
        return err_set(err, ERR_INTERNAL, "a rule was broken");
    *answer = json_pack("{s:s,s:O}", "id", w->request_id, "event", event);
    return 0;
}

static void serve(struct api *api, struct error *err)
{
    struct worker w = {.clock = clock_system(), .request_id = ""};
    struct peer *p = peer_open(play_api, api);
    cr_assert_eq(runtime_serve(strstr(peer_url(p), "//") + 2, &w, echo, err), -1);
    peer_close(p);
}

Test(runtime, answers_events_until_the_api_ends)
{
    static const char *const events[] = {"{\"a\":1}", "{\"denied\":1}", "nonsense", "{}"};
    struct api api = {.events = events, .count = EVENTS};
    struct error err = {0};
    serve(&api, &err);
    cr_expect(strstr(err.message, "answered 500"), "%s", err.message);
    cr_assert_eq(api.post_count, EVENTS);
    cr_expect_str_eq(api.posts[0], "response||{\"id\":\"id-0\",\"event\":{\"a\":1}}");
    cr_expect_str_eq(api.posts[1],
                     "error|Stepfleet.AccessDenied|{\"errorMessage\":\"not you\",\"errorType\":"
                     "\"Stepfleet.AccessDenied\",\"stackTrace\":[]}");
    cr_expect_eq(strncmp(api.posts[2], "error|Stepfleet.BadEvent|", 25), 0, "%s", api.posts[2]);
    cr_expect_str_eq(api.posts[3], "response||{\"id\":\"id-3\",\"event\":{}}");
}

Test(runtime, turns_an_answer_too_large_into_an_error)
{
    static const char *const events[] = {"{}"};
    struct api api = {.events = events, .count = 1, .too_large = true};
    struct error err = {0};
    serve(&api, &err);
    cr_assert_eq(api.post_count, 2);
    cr_expect_eq(strncmp(api.posts[1], "error|Stepfleet.TooLarge|", 25), 0, "%s", api.posts[1]);
}

Test(runtime, ends_after_an_error_that_puts_the_process_in_doubt)
{
    static const char *const events[] = {"{\"broken\":1}", "{}"};
    struct api api = {.events = events, .count = 2};
    struct error err = {0};
    serve(&api, &err);
    cr_assert_eq(api.post_count, 1);
    cr_expect_eq(err.code, ERR_INTERNAL);
}

Test(runtime, tells_that_it_could_not_start)
{
    struct api api = {.count = 0};
    struct worker w = {.clock = clock_system(), .request_id = ""};
    struct error why;
    struct peer *p = peer_open(play_api, &api);
    err_set(&why, ERR_ARGUMENT, "AWS_REGION is not set");
    runtime_init_failed(strstr(peer_url(p), "//") + 2, &w, &why);
    peer_close(p);
    cr_assert_eq(api.post_count, 1);
    cr_expect(strstr(api.posts[0], "AWS_REGION is not set"), "%s", api.posts[0]);
}

static const struct {
    struct error err;
    const char *type;
} types[] = {
    {{.code = ERR_NETWORK}, "Stepfleet.Transient"},
    {{.code = ERR_TIMEOUT}, "Stepfleet.Transient"},
    {{.code = ERR_REMOTE, .http_status = 503, .remote = "HTTP 503"}, "Stepfleet.Transient"},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ExpiredTokenException"},
     "Stepfleet.Transient"},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ExpiredToken"}, "Stepfleet.Transient"},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ThrottlingException"},
     "Stepfleet.Transient"},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "AccessDeniedException"},
     "Stepfleet.AccessDenied"},
    {{.code = ERR_REMOTE, .http_status = 403, .remote = "AccessDenied"}, "Stepfleet.AccessDenied"},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ResourceNotFoundException"},
     "Stepfleet.ServiceError"},
    {{.code = ERR_SPEC_INVALID}, "Stepfleet.SpecInvalid"},
    {{.code = ERR_CONFLICT}, "Stepfleet.RunIdUsed"},
    {{.code = ERR_INTERNAL}, "Stepfleet.Internal"},
};

Test(runtime, names_errors_for_the_state_machine)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        cr_expect_str_eq(runtime_error_type(&types[i].err), types[i].type, "case %zu", i);
}

/* --- metadata --------------------------------------------------------------------------------- */

static void play_metadata(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    const int *failures = ctx;
    if (strcmp(request->target, "/v4/x/task") != 0 || request->number <= *failures)
        reply->status = 404;
    else
        buf_adds(&reply->body, "{\"Cluster\":\"c\",\"TaskARN\":"
                               "\"arn:aws:ecs:us-east-1:1:task/c/0123abcd\"}");
}

Test(metadata, tells_the_task_id_after_some_tries, .timeout = 30)
{
    int failures = 2;
    struct peer *p = peer_open(play_metadata, &failures);
    struct stop_signal stop;
    struct error err = {0};
    struct metadata me;
    char uri[128];
    cr_assert_eq(stop_signal_open(&stop, &err), 0);
    (void)snprintf(uri, sizeof uri, "%s/v4/x", peer_url(p));
    cr_assert_eq(metadata_get(uri, &stop, &me, &err), 0, "%s", err.message);
    cr_expect_str_eq(me.task_id, "0123abcd");
    stop.came = true;
    cr_expect_eq(metadata_get(uri, &stop, &me, &err), -1, "not when it is to stop");
    stop_signal_close(&stop);
    peer_close(p);
}

/* More than the first try waits; one answer at a time. */
enum { LATE_MS = 2500 };

static void play_late(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    int failures = 0;
    (void)ctx;
    (void)poll(NULL, 0, LATE_MS);
    play_metadata(&failures, request, reply);
}

Test(metadata, that_always_comes_late_is_waited_for, .timeout = 120)
{
    struct peer *p = peer_open(play_late, NULL);
    struct stop_signal stop;
    struct error err = {0};
    struct metadata me;
    char uri[128];
    cr_assert_eq(stop_signal_open(&stop, &err), 0);
    (void)snprintf(uri, sizeof uri, "%s/v4/x", peer_url(p));
    cr_assert_eq(metadata_get(uri, &stop, &me, &err), 0, "%s", err.message);
    cr_expect_str_eq(me.task_id, "0123abcd");
    stop_signal_close(&stop);
    peer_close(p);
}

static void play_silence(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    atomic_int *asked = ctx;
    (void)request;
    reply->action = PEER_SILENT;
    atomic_fetch_add(asked, 1);
}

struct stopper {
    struct peer *peer;
    pthread_t whom;
};

/* SIGINT for a thread whose request is waited for. */
static void *stop_asker(void *ctx)
{
    const struct stopper *s = ctx;
    while (peer_held(s->peer) == 0)
        (void)poll(NULL, 0, 5); /* polls the peer */
    (void)pthread_kill(s->whom, SIGINT);
    return NULL;
}

Test(metadata, is_given_up_for_a_signal, .timeout = 60)
{
    atomic_int asked = 0;
    struct stopper s = {.peer = peer_open(play_silence, &asked), .whom = pthread_self()};
    struct stop_signal stop;
    struct error err = {0};
    struct metadata me;
    pthread_t thread;
    char uri[128];
    cr_assert_eq(stop_signal_open(&stop, &err), 0);
    (void)snprintf(uri, sizeof uri, "%s/v4/x", peer_url(s.peer));
    cr_assert_eq(pthread_create(&thread, NULL, stop_asker, &s), 0);
    cr_expect_eq(metadata_get(uri, &stop, &me, &err), -1);
    cr_expect_eq(err.code, ERR_BUSY, "%s", err.message);
    (void)pthread_join(thread, NULL);
    stop_signal_close(&stop);
    peer_close(s.peer);
    cr_expect_eq(asked, 1, "and asked no more");
}
