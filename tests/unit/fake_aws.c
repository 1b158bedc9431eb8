#include "tests/unit/fake_aws.h"

#include "lib/http_server/http_server.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWERS_MAX = 64, CALLS_MAX = 4096, HELD_MAX = 16, WAIT_SECONDS = 50 };

struct answer {
    char operation[AWS_OPERATION_MAX];
    int status;
    const char *about; /* NULL: for every call */
    char *body;
    bool used;
};

struct asked {
    char operation[AWS_OPERATION_MAX];
    char *body;
};

struct fake_aws {
    struct http_server *server;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    struct asked calls[CALLS_MAX];
    size_t call_count;
    struct http_exchange *held[HELD_MAX]; /* those that are not answered before the end */
    size_t held_count;
};

static bool fits(const struct answer *a, const char *operation, const char *body)
{
    return strcmp(a->operation, operation) == 0 && (!a->about || strstr(body, a->about));
}

/* The first unused answer to the call, or the last used one. */
static const struct answer *pick(struct fake_aws *f, const char *operation, const char *body)
{
    struct answer *last = NULL;
    for (size_t i = 0; i < f->answer_count; i++) {
        struct answer *a = &f->answers[i];
        if (!fits(a, operation, body))
            continue;
        last = a;
        if (!a->used)
            break;
    }
    if (last)
        last->used = true;
    return last;
}

static void note_call(struct fake_aws *f, const char *operation, const char *body)
{
    if (f->call_count == CALLS_MAX)
        return;
    struct asked *call = &f->calls[f->call_count++];
    (void)snprintf(call->operation, sizeof call->operation, "%s", operation);
    call->body = strdup(body);
    (void)pthread_cond_broadcast(&f->asked);
}

/* S3 has no X-Amz-Target; objects that are put are all it is asked for here. */
static const char *s3_operation(const char *method)
{
    return strcmp(method, "PUT") == 0 ? "PutObject" : "";
}

static void handle(void *ctx, struct http_exchange *x)
{
    static const char unexpected[] =
        "{\"__type\":\"ValidationException\",\"message\":\"no script\"}";
    static const char type[] = "application/x-amz-json-1.0";
    struct fake_aws *f = ctx;
    const char *target = http_header(x, "x-amz-target");
    const char *dot = target ? strrchr(target, '.') : NULL;
    const char *operation = dot ? dot + 1 : s3_operation(http_method(x));
    const char *body = http_body(x, NULL);
    (void)pthread_mutex_lock(&f->lock);
    const struct answer *answer = pick(f, operation, body);
    note_call(f, operation, body);
    if (!answer) {
        http_reply(x, 400, type, unexpected, strlen(unexpected));
    } else if (answer->status == 0 && f->held_count < HELD_MAX) {
        http_defer(x);
        f->held[f->held_count++] = x;
    } else {
        http_reply(x, answer->status, type, answer->body, strlen(answer->body));
    }
    (void)pthread_mutex_unlock(&f->lock);
}

struct fake_aws *fake_aws_start(void)
{
    struct error err = {0};
    struct fake_aws *f = calloc(1, sizeof *f);
    cr_assert_not_null(f);
    cr_assert_eq(pthread_mutex_init(&f->lock, NULL), 0);
    cr_assert_eq(pthread_cond_init(&f->asked, NULL), 0);
    f->server = http_server_start(&(struct http_server_options){.host = "127.0.0.1",
                                                                .threads = 2,
                                                                .max_body = BUF_MAX_PAYLOAD,
                                                                .ctx = f,
                                                                .handle = handle},
                                  &err);
    cr_assert_not_null(f->server, "%s", err.message);
    return f;
}

void fake_aws_stop(struct fake_aws *f)
{
    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->held_count; i++)
        http_reply(f->held[i], 500, "text/plain", "", 0);
    f->held_count = 0;
    (void)pthread_mutex_unlock(&f->lock);
    http_server_stop(f->server);
    for (size_t i = 0; i < f->answer_count; i++)
        free(f->answers[i].body);
    for (size_t i = 0; i < f->call_count; i++)
        free(f->calls[i].body);
    (void)pthread_cond_destroy(&f->asked);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

struct aws_options fake_aws_options(const struct fake_aws *f)
{
    return (struct aws_options){.region = "eu-west-1",
                                .endpoint = http_server_url(f->server),
                                .access_key_id = "AKIDEXAMPLE",
                                .secret_access_key = "secret",
                                .max_attempts = 1,
                                .getenv = no_environment};
}

static void add_answer(struct fake_aws *f, const struct answer *answer, const char *operation)
{
    (void)pthread_mutex_lock(&f->lock);
    cr_assert_lt(f->answer_count, ANSWERS_MAX);
    struct answer *a = &f->answers[f->answer_count++];
    *a = *answer;
    (void)snprintf(a->operation, sizeof a->operation, "%s", operation);
    cr_assert_not_null(a->body);
    (void)pthread_mutex_unlock(&f->lock);
}

void fake_aws_answer(struct fake_aws *f, const char *operation, int status, const char *body)
{
    add_answer(f, &(struct answer){.status = status, .body = strdup(body)}, operation);
}

void fake_aws_answer_about(struct fake_aws *f, const char *operation, const char *about,
                           const char *body)
{
    add_answer(f, &(struct answer){.status = 200, .about = about, .body = strdup(body)}, operation);
}

void fake_aws_refuse(struct fake_aws *f, const char *operation, const char *type,
                     const char *message)
{
    char body[1024];
    (void)snprintf(body, sizeof body, "{\"__type\":\"%s\",\"message\":\"%s\"}", type, message);
    fake_aws_answer(f, operation, 400, body);
}

static size_t count_of(const struct fake_aws *f, const char *operation)
{
    size_t count = 0;
    for (size_t i = 0; i < f->call_count; i++)
        count += strcmp(f->calls[i].operation, operation) == 0;
    return count;
}

size_t fake_aws_count(struct fake_aws *f, const char *operation)
{
    (void)pthread_mutex_lock(&f->lock);
    size_t count = count_of(f, operation);
    (void)pthread_mutex_unlock(&f->lock);
    return count;
}

void fake_aws_wait(struct fake_aws *f, const char *operation, size_t times)
{
    struct timespec until;
    int rc = clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    (void)pthread_mutex_lock(&f->lock);
    while (rc == 0 && count_of(f, operation) < times)
        rc = pthread_cond_timedwait(&f->asked, &f->lock, &until);
    size_t count = count_of(f, operation);
    (void)pthread_mutex_unlock(&f->lock);
    cr_assert_geq(count, times, "%s was asked for %zu times", operation, count);
}

/* The place of the nth call; the lock is held. */
static size_t place_synced(const struct fake_aws *f, const char *operation, size_t n)
{
    for (size_t i = 0; i < f->call_count; i++)
        if (strcmp(f->calls[i].operation, operation) == 0 && n-- == 0)
            return i;
    cr_assert_fail("%s was not asked for so often", operation);
    return 0;
}

size_t fake_aws_place(struct fake_aws *f, const char *operation, size_t n)
{
    (void)pthread_mutex_lock(&f->lock);
    size_t place = place_synced(f, operation, n);
    (void)pthread_mutex_unlock(&f->lock);
    return place;
}

json_t *fake_aws_body(struct fake_aws *f, const char *operation, size_t n)
{
    struct error err = {0};
    json_t *body = NULL;
    (void)pthread_mutex_lock(&f->lock);
    const char *text = f->calls[place_synced(f, operation, n)].body;
    int rc = json_parse(text, strlen(text), &body, &err);
    (void)pthread_mutex_unlock(&f->lock);
    cr_assert_eq(rc, 0, "%s", err.message);
    return body;
}
