#include "tests/unit/cred_fixture.h"

#include "lib/base/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VARIABLES = 32, FILES = 16, LINES = 32, SEEN = 128 };

static struct {
    char home[TEMP_FOLDER_MAX];
    struct {
        const char *name;
        char value[1024];
        bool set;
    } variables[VARIABLES];
    char files[FILES][TEMP_FOLDER_MAX + 64];
    size_t file_count;
    struct peer *peer;
    pthread_mutex_t lock; /* guards what follows: the peer's threads use it */
    struct cred_line lines[LINES];
    int used[LINES];
    size_t line_count;
    char seen[SEEN][128];
    size_t seen_count;
    char headers[8192];
    char body[32768];
    bool hold;
    _Atomic int64_t passed;
    _Atomic int64_t skew;
    _Atomic int64_t pace;
} fix = {.lock = PTHREAD_MUTEX_INITIALIZER, .pace = 1000};

static const char *fixture_getenv(const char *name)
{
    for (size_t i = 0; i < VARIABLES; i++)
        if (fix.variables[i].name && strcmp(fix.variables[i].name, name) == 0)
            return fix.variables[i].set ? fix.variables[i].value : NULL;
    return NULL;
}

static int64_t fixture_mono(const struct clock *self)
{
    (void)self;
    return clock_mono(clock_system()) * atomic_load(&fix.pace) + atomic_load(&fix.passed);
}

static int64_t fixture_wall(const struct clock *self)
{
    (void)self;
    return CRED_NOW * CLOCK_SECOND + atomic_load(&fix.passed) + atomic_load(&fix.skew);
}

static const struct clock fixture_clock = {.wall = fixture_wall, .mono = fixture_mono};

static bool fits(size_t i, const struct peer_request *r)
{
    const struct cred_line *l = &fix.lines[i];
    return strcmp(l->method, r->method) == 0 &&
           strncmp(l->target, r->target, strlen(l->target)) == 0 &&
           (!l->within || strstr(r->body, l->within) || strstr(r->headers, l->within)) &&
           (!l->times || fix.used[i] < l->times);
}

static void play(void *ctx, const struct peer_request *r, struct peer_reply *reply)
{
    (void)ctx;
    pthread_mutex_lock(&fix.lock);
    if (fix.seen_count < SEEN)
        (void)snprintf(fix.seen[fix.seen_count++], sizeof fix.seen[0], "%.120s", r->target);
    (void)snprintf(fix.headers, sizeof fix.headers, "%s", r->headers);
    (void)snprintf(fix.body, sizeof fix.body, "%.*s", (int)r->body_len, r->body);
    reply->action = fix.hold ? PEER_HOLD : PEER_ANSWER;
    reply->status = 404;
    for (size_t i = 0; i < fix.line_count; i++) {
        if (!fits(i, r))
            continue;
        fix.used[i]++;
        reply->status = fix.lines[i].status;
        buf_adds(&reply->body, fix.lines[i].body);
        break;
    }
    pthread_mutex_unlock(&fix.lock);
}

void cred_open(void)
{
    temp_folder_make(fix.home, "credentials");
    fix.peer = peer_open(play, NULL);
    cred_set("HOME", fix.home);
    cred_set("AWS_EC2_METADATA_DISABLED", "true");
}

void cred_close(void)
{
    peer_close(fix.peer);
    temp_folder_remove(fix.home);
}

void cred_set(const char *name, const char *value)
{
    size_t i = 0;
    while (i < VARIABLES && fix.variables[i].name && strcmp(fix.variables[i].name, name) != 0)
        i++;
    cr_assert_lt(i, (size_t)VARIABLES);
    fix.variables[i].name = name;
    fix.variables[i].set = value != NULL;
    (void)snprintf(fix.variables[i].value, sizeof fix.variables[i].value, "%s", value ? value : "");
}

void cred_set_url(const char *name, const char *path)
{
    char url[512];
    (void)snprintf(url, sizeof url, "%s%s", peer_url(fix.peer), path);
    cred_set(name, url);
}

static char *file_path(const char *name)
{
    char path[sizeof fix.files[0]];
    (void)snprintf(path, sizeof path, "%s/%s", fix.home, name);
    for (size_t i = 0; i < fix.file_count; i++)
        if (strcmp(fix.files[i], path) == 0)
            return fix.files[i];
    cr_assert_lt(fix.file_count, (size_t)FILES);
    return memcpy(fix.files[fix.file_count++], path, sizeof path);
}

const char *cred_file(const char *name, const char *text)
{
    char folder[TEMP_FOLDER_MAX + 64];
    char *path = file_path(name);
    (void)snprintf(folder, sizeof folder, "%s/.aws", fix.home);
    (void)mkdir(folder, 0700);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f, "%s", path);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
    return path;
}

void cred_answer(struct cred_line line)
{
    pthread_mutex_lock(&fix.lock);
    cr_assert_lt(fix.line_count, (size_t)LINES);
    fix.used[fix.line_count] = 0;
    fix.lines[fix.line_count++] = line;
    pthread_mutex_unlock(&fix.lock);
}

void cred_forget(void)
{
    pthread_mutex_lock(&fix.lock);
    fix.line_count = 0;
    pthread_mutex_unlock(&fix.lock);
}

int cred_count(const char *target)
{
    int count = 0;
    pthread_mutex_lock(&fix.lock);
    for (size_t i = 0; i < fix.seen_count; i++)
        count += strncmp(fix.seen[i], target, strlen(target)) == 0;
    pthread_mutex_unlock(&fix.lock);
    return count;
}

const char *cred_last_headers(void)
{
    return fix.headers;
}

const char *cred_last_body(void)
{
    return fix.body;
}

void cred_hold(bool hold)
{
    pthread_mutex_lock(&fix.lock);
    fix.hold = hold;
    pthread_mutex_unlock(&fix.lock);
}

int cred_held(void)
{
    return peer_held(fix.peer);
}

void cred_release(void)
{
    cred_hold(false);
    peer_release(fix.peer);
}

void cred_pass(int64_t seconds)
{
    atomic_fetch_add(&fix.passed, seconds * CLOCK_SECOND);
}

void cred_set_pace(int64_t times)
{
    atomic_store(&fix.pace, times);
}

void cred_set_skew(int64_t seconds)
{
    atomic_store(&fix.skew, seconds * CLOCK_SECOND);
}

struct aws_options cred_options(void)
{
    return (struct aws_options){
        .region = "eu-west-1", .getenv = fixture_getenv, .clock = &fixture_clock};
}

void cred_expect(const char *id, const char *source)
{
    struct aws_options o = cred_options();
    struct credentials c;
    struct error err = {0};
    cr_assert_eq(credentials_fetch(&o, &c, &err), 0, "%s", err.message);
    cr_expect_str_eq(c.access_key_id, id);
    cr_expect_str_eq(c.source, source);
    credentials_close(&c);
}

void cred_expect_refusal(const char *source, const char *says)
{
    struct aws_options o = cred_options();
    struct credentials c;
    struct error err = {0};
    cr_assert_eq(credentials_fetch(&o, &c, &err), -1, "%s", says);
    cr_expect(strstr(err.message, source), "%s", err.message);
    cr_expect(strstr(err.message, says), "%s", err.message);
    cr_expect_null(strstr(err.message, "hush"), "%s", err.message);
    cr_expect_null(c.access_key_id);
}

void cred_instance(void)
{
    cred_set("AWS_EC2_METADATA_DISABLED", NULL);
    cred_set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    cred_answer((struct cred_line){"PUT", "/latest/api/token", NULL, 200, "tok", 0});
    cred_answer(
        (struct cred_line){"GET", CRED_ROLE_PATH "my%2Brole", NULL, 200, CRED_IMDS_BODY, 0});
    cred_answer((struct cred_line){"GET", CRED_ROLE_PATH, NULL, 200, "my+role\nother", 0});
}
