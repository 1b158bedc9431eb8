/* `stepfleet demo`: starts a server of its own, puts an input object, posts both example specs over
 * REST, follows them, and then checks every output where a user would look for it. */
#include "server/demo/demo.h"

#include "lib/aws/s3.h"
#include "lib/http_client/http_client.h"
#include "lib/json/json_read.h"
#include "lib/options/options.h"
#include "server/demo/demo_check.h"
#include "server/demo/demo_server.h"
#include "server/demo/demo_view.h"
#include "server/embed/embed.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    INPUT_BYTES = 8 * 1024 * 1024,
    POLL_MS = 100,
    EXIT_OK = 0,
    EXIT_BAD = 1,
    EXIT_USAGE = 2,
};
#define RUN_WAIT (INT64_C(300) * CLOCK_SECOND)

/* All that perform() opens and finish() closes. */
struct demo {
    struct demo_server server;
    struct http_client *http;
    struct aws *aws;
    struct spec specs[DEMO_RUNS];
    const struct embedded *files[DEMO_RUNS];
    char sha256[SHA256_HEX];
    struct demo_progress progress[DEMO_RUNS];
    sigset_t signals; /* blocked: taken where the demo waits */
};

/* The very files that the repository shows as examples. */
static int open_specs(struct demo *d, struct error *err)
{
    struct json_problems problems = {0};
    int rc = 0;
    for (int i = 0; i < DEMO_RUNS && !rc; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "specs/pattern-%d.json", i + 1);
        d->files[i] = embed_find(name);
        rc = d->files[i] ? spec_parse(d->files[i]->data, d->files[i]->len, i + 1, NULL,
                                      &d->specs[i], &problems, err)
                         : err_set(err, ERR_INTERNAL, "%s is not part of this binary", name);
    }
    json_problems_free(&problems);
    return rc;
}

/* One client for REST and one for the AWS endpoint: the demo sees both sides, like a user. */
static int open_clients(struct demo *d, struct error *err)
{
    const struct http_client_options http = {.user_agent = "stepfleet-demo"};
    const struct aws_options aws = {.region = "us-east-1",
                                    .endpoint = d->server.aws_url,
                                    .access_key_id = "demo",
                                    .secret_access_key = "demo"};
    d->http = http_client_new(&http, err);
    if (d->http)
        d->aws = aws_new(&aws, err);
    return d->aws ? 0 : -1;
}

/* Makes 8 MiB of random bytes and puts them where each spec's tasks look for them. */
static int put_input(struct demo *d, struct error *err)
{
    unsigned char *data = malloc(INPUT_BYTES);
    if (!data)
        return err_set(err, ERR_MEMORY, "out of memory");
    int rc = crypto_random(data, INPUT_BYTES, err);
    if (!rc)
        rc = crypto_sha256_hex(data, INPUT_BYTES, d->sha256, err);
    for (int i = 0; i < DEMO_RUNS && !rc; i++) {
        const struct spec_task *task = &d->specs[i].tasks[0];
        struct aws_request req = {0};
        struct aws_response res = {0};
        rc = s3_put_object(&req, task->s3_bucket_name, task->object_key, data, INPUT_BYTES,
                           "application/octet-stream", err);
        if (!rc)
            rc = aws_call(d->aws, &req, &res, err);
        aws_response_free(&res);
        if (!rc)
            (void)printf("put   s3://%s/%s (8 MiB, SHA-256 %.12s...)\n", task->s3_bucket_name,
                         task->object_key, d->sha256);
    }
    free(data);
    return rc;
}

/* Sends a request to the control plane and parses the answer, which must have `status`. */
static int call_rest(struct demo *d, const struct http_request *req, int status, json_t **out,
                     struct error *err)
{
    struct http_response res = {0};
    int rc = http_client_call(d->http, req, &res, err);
    if (!rc && res.status != status)
        rc = err_set(err, ERR_REMOTE, "%s %s answered %d: %.600s", req->method, req->url,
                     res.status, buf_str(&res.body));
    if (!rc)
        rc = json_parse(buf_str(&res.body), res.body.len, out, err);
    http_response_free(&res);
    return rc;
}

static void copy_text(char *out, size_t size, const json_t *object, const char *name)
{
    (void)snprintf(out, size, "%s", json_str(object, name, ""));
}

/* What the page shows, too. */
static void read_progress(struct demo_progress *p, const json_t *run)
{
    const json_t *tasks = json_object_get(run, "tasks");
    const json_t *execution = json_object_get(run, "execution");
    p->id = json_int(run, "workflowRunId", 0);
    copy_text(p->status, sizeof p->status, run, "status");
    copy_text(p->reason, sizeof p->reason, run, "reason");
    copy_text(p->execution_arn, sizeof p->execution_arn, execution, "arn");
    copy_text(p->execution_status, sizeof p->execution_status, execution, "status");
    p->total = json_int(tasks, "total", 0);
    p->running = json_int(tasks, "running", 0);
    p->completed = json_int(tasks, "completed", 0);
    p->failed = json_int(tasks, "failed", 0);
    p->over = json_str(run, "endedAt", NULL) != NULL;
}

/* The body is the file as it stands; only the pattern is said in the query. */
static int post_spec(struct demo *d, int i, struct error *err)
{
    static const struct http_header type = {"Content-Type", "application/json"};
    char url[DEMO_URL_MAX + 48];
    json_t *run = NULL;
    (void)snprintf(url, sizeof url, "%s/workflows?pattern=%d", d->server.url, i + 1);
    const struct http_request req = {.method = "POST",
                                     .url = url,
                                     .headers = &type,
                                     .header_count = 1,
                                     .body = d->files[i]->data,
                                     .body_len = d->files[i]->len,
                                     .no_proxy = true};
    int rc = call_rest(d, &req, 202, &run, err);
    d->progress[i].pattern = i + 1;
    if (!rc) {
        read_progress(&d->progress[i], run);
        (void)printf("post  %s -> run %" PRId64 "\n", d->files[i]->name, d->progress[i].id);
    }
    json_decref(run);
    return rc;
}

/* A run whose endedAt is set will not change any more. */
static int poll_run(struct demo *d, int i, struct error *err)
{
    char url[DEMO_URL_MAX + 48];
    json_t *run = NULL;
    (void)snprintf(url, sizeof url, "%s/workflows/%" PRId64, d->server.url, d->progress[i].id);
    const struct http_request req = {.method = "GET", .url = url, .no_proxy = true};
    int rc = call_rest(d, &req, 200, &run, err);
    if (!rc)
        read_progress(&d->progress[i], run);
    json_decref(run);
    return rc;
}

/* Watches both runs until they are over. */
static int watch(struct demo *d, struct error *err)
{
    static const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    struct demo_view view;
    int64_t end = clock_mono(clock_system()) + RUN_WAIT;
    bool over = false;
    demo_view_open(&view);
    while (!over) {
        over = true;
        for (int i = 0; i < DEMO_RUNS; i++) {
            if (!d->progress[i].over && poll_run(d, i, err))
                return -1;
            over = over && d->progress[i].over;
        }
        demo_view_show(&view, d->progress);
        if (!over && clock_mono(clock_system()) > end)
            return err_set(err, ERR_TIMEOUT, "the runs did not end within 5 minutes");
        if (!over && sigtimedwait(&d->signals, NULL, &pause) > 0)
            return err_set(err, ERR_SYSTEM, "interrupted");
    }
    return 0;
}

/* Both are checked even if the first one is not as expected. */
static bool check(struct demo *d)
{
    bool good = true;
    for (int i = 0; i < DEMO_RUNS; i++) {
        const struct demo_check c = {
            .aws = d->aws, .spec = &d->specs[i], .run = &d->progress[i], .input_sha256 = d->sha256};
        (void)printf("pattern %d\n", i + 1);
        good = demo_check_run(&c) && good;
    }
    return good;
}

/* Everything up to the verdict; false with the reason printed. */
static bool perform(struct demo *d)
{
    struct error err = {0};
    int64_t start = clock_mono(clock_system());
    int rc = open_specs(d, &err);
    if (!rc)
        rc = demo_server_open(&d->server, &err);
    if (!rc)
        rc = open_clients(d, &err);
    if (!rc) {
        (void)printf("serve %s (AWS endpoint %s, data in %s)\n", d->server.url, d->server.aws_url,
                     d->server.folder);
        rc = put_input(d, &err);
    }
    for (int i = 0; i < DEMO_RUNS && !rc; i++)
        rc = post_spec(d, i, &err);
    if (!rc)
        rc = watch(d, &err);
    bool good = !rc && check(d);
    if (rc)
        (void)fprintf(stderr, "stepfleet demo: %s\n", err.message);
    else
        (void)printf("%s in %.1f s\n", good ? "all expected outputs were seen" : "NOT as expected",
                     (double)(clock_mono(clock_system()) - start) / (double)CLOCK_SECOND);
    return good;
}

/* Until a signal comes; the server goes on. */
static void stay(const struct demo *d)
{
    int got;
    (void)printf("\nthe page: %s    (Ctrl-C ends it)\n", d->server.url);
    (void)fflush(stdout);
    while (sigwait(&d->signals, &got) != 0)
        continue;
    (void)printf("\n");
}

static const struct option_row demo_rows[] = {
    {"keep", "STEPFLEET_DEMO_KEEP", NULL, NULL, "stay up afterwards", OPTION_SWITCH, false, 0, 0},
    {"no-keep", "STEPFLEET_DEMO_NO_KEEP", NULL, NULL, "end afterwards", OPTION_SWITCH, false, 0, 0},
};

static const char *environment(const char *name)
{
    return getenv(name);
}

/* Taken by sigwait and sigtimedwait: so the server and its folder are always cleaned up. */
static void block_signals(struct demo *d)
{
    sigemptyset(&d->signals);
    sigaddset(&d->signals, SIGINT);
    sigaddset(&d->signals, SIGTERM);
    sigaddset(&d->signals, SIGHUP); /* the terminal was closed */
    (void)pthread_sigmask(SIG_BLOCK, &d->signals, NULL);
}

/* Ends the server; after a failure its folder is kept for a look at the log. */
static int finish(struct demo *d, bool good)
{
    struct error err = {0};
    int rc = demo_server_close(&d->server, !good, &err);
    if (rc)
        (void)fprintf(stderr, "stepfleet demo: %s\n", err.message);
    else if (!good && d->server.folder[0])
        (void)fprintf(stderr, "stepfleet demo: log and data are kept in %s\n", d->server.folder);
    aws_free(d->aws);
    http_client_free(d->http);
    for (int i = 0; i < DEMO_RUNS; i++)
        spec_free(&d->specs[i]);
    return rc;
}

/* On a terminal it stays up afterwards, so that the page can be looked at; in a pipe it ends. */
int command_demo(int argc, const char **argv)
{
    struct option_value values[2];
    struct error err = {0};
    struct demo d = {0};
    int operands = 0;
    if (options_read(demo_rows, 2, argc, argv, environment, values, &operands, &err) || operands) {
        (void)fprintf(stderr, "stepfleet demo: %s\n",
                      err.message[0] ? err.message : "no operands are expected");
        return EXIT_USAGE;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    block_signals(&d);
    bool good = perform(&d);
    bool keep = isatty(STDOUT_FILENO) == 1;
    if (option_on(&values[0]) || option_on(&values[1]))
        keep = option_on(&values[0]) && !option_on(&values[1]);
    if (good && keep)
        stay(&d);
    return finish(&d, good) || !good ? EXIT_BAD : EXIT_OK;
}
