#include "tests/unit/ddb_support.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int rc, const struct error *err)
{
    cr_assert_eq(rc, 0, "%s", err->message);
}

void ddb_place_reopen(struct ddb_place *p)
{
    struct error err = {0};
    const struct local_dynamodb_options options = {
        .path = p->file, .region = "eu-west-1", .clock = p->clock};
    local_dynamodb_close(p->d);
    p->d = local_dynamodb_open(&options, &err);
    cr_assert_not_null(p->d, "%s", err.message);
    must(local_dynamodb_ensure_table(p->d, "plain", "id", 'S', NULL, 0, &err), &err);
    must(local_dynamodb_ensure_table(p->d, "sorted", "id", 'S', "seq", 'N', &err), &err);
    must(local_dynamodb_ensure_table(p->d, "bytes", "id", 'S', "seq", 'B', &err), &err);
}

void ddb_place_open(struct ddb_place *p)
{
    ddb_place_open_at(p, clock_system());
}

void ddb_place_open_at(struct ddb_place *p, const struct clock *clock)
{
    p->d = NULL;
    p->clock = clock;
    temp_folder_make(p->dir, "ddb");
    (void)snprintf(p->file, sizeof p->file, "%s/dynamodb.db", p->dir);
    ddb_place_reopen(p);
}

void ddb_place_close(struct ddb_place *p)
{
    p->d = local_dynamodb_close(p->d);
    temp_folder_remove(p->dir);
}

json_t *ddb_json(const char *text)
{
    json_error_t at;
    char *copy = strdup(text);
    cr_assert_not_null(copy);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *value = json_loads(copy, JSON_ALLOW_NUL | JSON_DECODE_ANY, &at);
    cr_assert_not_null(value, "%s: %s", at.text, text);
    free(copy);
    return value;
}

struct waited {
    struct local_call call;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    struct ddb_answer answer;
};

static void wake(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct waited *w = call->ctx;
    (void)pthread_mutex_lock(&w->lock);
    w->done = true;
    w->answer.output = output;
    if (fault) {
        (void)snprintf(w->answer.code, sizeof w->answer.code, "%s", fault->code);
        (void)snprintf(w->answer.message, sizeof w->answer.message, "%s", fault->message);
        w->answer.extra = json_incref(fault->extra);
    }
    (void)pthread_cond_signal(&w->ended);
    (void)pthread_mutex_unlock(&w->lock);
}

/* The names of the two services' operations do not meet. */
static const struct local_service *service_of(struct ddb_place *p, const char *operation)
{
    bool streams = strstr(operation, "Stream") || strcmp(operation, "GetShardIterator") == 0 ||
                   strcmp(operation, "GetRecords") == 0;
    return streams ? local_dynamodb_streams(p->d) : local_dynamodb_service(p->d);
}

struct ddb_answer ddb_call_json(struct ddb_place *p, const char *operation, json_t *input)
{
    const struct local_service *service = service_of(p, operation);
    struct waited w = {.call = {.operation = operation, .input = input, .done = wake, .ctx = &w},
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .ended = PTHREAD_COND_INITIALIZER};
    service->call(service->self, &w.call);
    (void)pthread_mutex_lock(&w.lock);
    while (!w.done)
        (void)pthread_cond_wait(&w.ended, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    return w.answer;
}

struct ddb_answer ddb_call(struct ddb_place *p, const char *operation, const char *input)
{
    json_t *object = ddb_json(input);
    struct ddb_answer a = ddb_call_json(p, operation, object);
    json_decref(object);
    return a;
}

void ddb_answer_free(struct ddb_answer *a)
{
    json_decref(a->output);
    json_decref(a->extra);
    a->output = a->extra = NULL;
}

void ddb_expect(struct ddb_place *p, const char *operation, const char *input, const char *wanted)
{
    struct ddb_answer a = ddb_call(p, operation, input);
    cr_expect_str_empty(a.code, "%s %s: %s", operation, input, a.message);
    if (wanted && a.output) {
        json_t *object = ddb_json(wanted);
        char *text = json_dumps(a.output, JSON_ENCODE_ANY);
        cr_expect(json_equal(object, a.output), "%s %s\n gave %s\n not  %s", operation, input, text,
                  wanted);
        free(text);
        json_decref(object);
    }
    ddb_answer_free(&a);
}

void ddb_expect_fault(struct ddb_place *p, const char *operation, const char *input,
                      const char *code, const char *part)
{
    struct ddb_answer a = ddb_call(p, operation, input);
    cr_expect_str_eq(a.code, code, "%s %s: %s", operation, input, a.message);
    cr_expect_not_null(strstr(a.message, part), "%s %s\n said %s\n not  %s", operation, input,
                       a.message, part);
    ddb_answer_free(&a);
}
