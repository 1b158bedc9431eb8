#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t fake_time(const struct clock *self)
{
    return ((const struct sfn_fixture *)(const void *)self)->now;
}

static struct fake_call *add_call(struct sfn_fixture *f, const char *what)
{
    cr_assert_lt(f->call_count, FAKE_CALLS_MAX);
    struct fake_call *call = &f->calls[f->call_count++];
    *call = (struct fake_call){0};
    (void)snprintf(call->what, sizeof call->what, "%s", what);
    return call;
}

static void fake_invoke(void *self, const char *function, const void *payload, size_t len,
                        void (*done)(void *ctx, const struct lambda_outcome *outcome), void *ctx)
{
    struct fake_call *call = add_call(self, function);
    cr_assert_eq(json_parse(payload, len, &call->input, NULL), 0);
    call->done = done;
    call->ctx = ctx;
}

static void fake_service(void *self, struct local_call *service)
{
    const struct sfn_fixture *f = self;
    if (strcmp(service->operation, "StopTask") == 0 && !f->holds_stops) {
        struct fake_call *call = add_call(self, service->operation);
        call->input = json_incref(service->input);
        local_reply(service, json_object());
        return;
    }
    struct fake_call *call = add_call(self, service->operation);
    call->input = json_incref(service->input);
    call->service = service;
}

static uint64_t fake_watch(void *self, const char *arn, void (*stopped)(void *ctx, json_t *task),
                           void *ctx)
{
    struct sfn_fixture *f = self;
    struct fake_watch *watch = &f->watches[f->watch_count++];
    (void)snprintf(watch->arn, sizeof watch->arn, "%s", arn);
    watch->stopped = stopped;
    watch->ctx = ctx;
    return f->watch_count;
}

static bool fake_unwatch(void *self, uint64_t number)
{
    struct sfn_fixture *f = self;
    bool waits = number >= 1 && f->watches[number - 1].stopped != NULL;
    if (waits)
        f->watches[number - 1].stopped = NULL;
    return waits;
}

static void open_engine(struct sfn_fixture *f)
{
    struct error err = {0};
    const struct local_sfn_options options = {
        .path = f->path, .region = "eu-west-1", .clock = &f->clock};
    f->sfn = sfn_open_with(&options, &f->backend, &err);
    cr_assert_not_null(f->sfn, "%s", err.message);
    cr_assert_eq(sfn_resume(f->sfn, &err), 0, "%s", err.message);
}

struct sfn_fixture *fixture_open(void)
{
    struct sfn_fixture *f = calloc(1, sizeof *f);
    cr_assert_not_null(f);
    f->clock = (struct clock){.wall = fake_time, .mono = fake_time};
    f->now = INT64_C(1700000000) * CLOCK_SECOND;
    temp_folder_make(f->dir, "sfn");
    (void)snprintf(f->path, sizeof f->path, "%s/sfn.db", f->dir);
    f->ecs = (struct local_service){.name = "ecs", .self = f, .call = fake_service};
    f->dynamodb = (struct local_service){.name = "dynamodb", .self = f, .call = fake_service};
    f->s3 = (struct local_service){.name = "s3", .self = f, .call = fake_s3};
    f->objects = json_object();
    f->backend = (struct sfn_backend){.invoke = fake_invoke,
                                      .lambda = f,
                                      .ecs = &f->ecs,
                                      .watch = fake_watch,
                                      .unwatch = fake_unwatch,
                                      .tasks = f,
                                      .dynamodb = &f->dynamodb,
                                      .s3 = &f->s3};
    open_engine(f);
    return f;
}

/* Calls that are never answered by the test end as a closing service ends them. */
static void drop_calls(struct sfn_fixture *f)
{
    for (size_t i = 0; i < f->call_count; i++) {
        struct fake_call *call = &f->calls[i];
        const struct lambda_outcome gone = {.result = LAMBDA_REFUSED,
                                            .status = 503,
                                            .code = "ServiceException",
                                            .body = "closing",
                                            .body_len = 7};
        if (call->service)
            local_fault(call->service, 503, "ServiceUnavailable", "closing");
        else if (call->done)
            call->done(call->ctx, &gone);
        json_decref(call->input);
    }
    f->call_count = 0;
}

void fixture_close(struct sfn_fixture *f)
{
    local_sfn_close(f->sfn);
    drop_calls(f);
    temp_folder_remove(f->dir);
    json_decref(f->objects);
    free(f);
}

void fixture_reopen(struct sfn_fixture *f)
{
    f->sfn = local_sfn_close(f->sfn);
    drop_calls(f);
    f->watch_count = 0;
    open_engine(f);
    fixture_settle(f);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    size_t n;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    cr_assert(in && out, "%s to %s", from, to);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        cr_assert_eq(fwrite(bytes, 1, n, out), n);
    (void)fclose(in);
    cr_assert_eq(fclose(out), 0);
}

/* The database and its log; the index of the log is made again from it. */
void fixture_kill(struct sfn_fixture *f)
{
    char log[sizeof f->path + 8];
    char next[sizeof f->path];
    char next_log[sizeof f->path + 8];
    (void)snprintf(log, sizeof log, "%s-wal", f->path);
    (void)snprintf(next, sizeof next, "%s/killed%u.db", f->dir, ++f->kills);
    (void)snprintf(next_log, sizeof next_log, "%s-wal", next);
    copy_file(f->path, next);
    copy_file(log, next_log);
    f->sfn = local_sfn_close(f->sfn);
    drop_calls(f);
    f->watch_count = 0;
    (void)snprintf(f->path, sizeof f->path, "%s", next);
    open_engine(f);
}

void fixture_settle(struct sfn_fixture *f)
{
    size_t quiet = 0;
    for (int i = 0; quiet < 8; i++) {
        cr_assert_lt(i, 100000, "the engine does not come to rest");
        quiet = sfn_turn(f->sfn, 0) == 0 ? 0 : quiet + 1;
    }
}

void fixture_wait(struct sfn_fixture *f, double seconds)
{
    f->now += (int64_t)(seconds * (double)CLOCK_SECOND);
    fixture_settle(f);
}

static void keep_answer(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    json_t **answer = call->ctx;
    *answer =
        output ? output : json_pack("{s:s, s:s}", "__type", fault->code, "message", fault->message);
}

json_t *api(struct sfn_fixture *f, const char *operation, json_t *input)
{
    json_t *answer = NULL;
    struct local_call call = {
        .operation = operation, .input = input, .done = keep_answer, .ctx = &answer};
    cr_assert_not_null(input);
    f->sfn->service.call(f->sfn, &call);
    fixture_settle(f);
    cr_assert_not_null(answer, "%s was not answered", operation);
    json_decref(input);
    return answer;
}

void create_machine(struct sfn_fixture *f, const char *name, const char *definition, char arn[256])
{
    json_t *answer = api(f, "CreateStateMachine",
                         json_pack("{s:s, s:s, s:s}", "name", name, "definition", definition,
                                   "roleArn", "arn:aws:iam::000000000000:role/r"));
    cr_assert_null(json_object_get(answer, "__type"), "%s: %s", json_str(answer, "__type", ""),
                   json_str(answer, "message", ""));
    (void)snprintf(arn, 256, "%s", json_str(answer, "stateMachineArn", ""));
    json_decref(answer);
}

void start_machine(struct sfn_fixture *f, const char *definition, const char *input)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    char arn[256];
    char name[9] = "m";
    for (size_t i = 1; i < 8; i++)
        name[i] = letters[rand() % 26];
    create_machine(f, name, definition, arn);
    json_t *answer =
        api(f, "StartExecution", json_pack("{s:s, s:s}", "stateMachineArn", arn, "input", input));
    cr_assert_null(json_object_get(answer, "__type"), "%s: %s", json_str(answer, "__type", ""),
                   json_str(answer, "message", ""));
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s",
                   json_str(answer, "executionArn", ""));
    json_decref(answer);
}

char *outcome(struct sfn_fixture *f)
{
    char *text = NULL;
    json_t *d = api(f, "DescribeExecution", json_pack("{s:s}", "executionArn", f->last_execution));
    const char *status = json_str(d, "status", "?");
    if (json_object_get(d, "output"))
        cr_assert_gt(asprintf(&text, "%s %s", status, json_str(d, "output", "")), 0);
    else
        cr_assert_gt(asprintf(&text, "%s %s%s%s", status, json_str(d, "error", ""),
                              json_object_get(d, "cause") ? ": " : "", json_str(d, "cause", "")),
                     0);
    json_decref(d);
    return text;
}

json_t *events(struct sfn_fixture *f)
{
    json_t *all = json_array();
    const char *token = NULL;
    json_t *page = NULL;
    do {
        json_t *input =
            json_pack("{s:s, s:i}", "executionArn", f->last_execution, "maxResults", 1000);
        if (token)
            json_object_set_new(input, "nextToken", json_string(token));
        json_decref(page);
        page = api(f, "GetExecutionHistory", input);
        json_array_extend(all, json_object_get(page, "events"));
        token = json_str(page, "nextToken", NULL);
    } while (token);
    json_decref(page);
    return all;
}

char *history(struct sfn_fixture *f)
{
    struct buf out;
    size_t i;
    json_t *event;
    json_t *all = events(f);
    buf_init(&out, BUF_MAX_AWS_REPLY);
    json_array_foreach (all, i, event)
        buf_addf(&out, "%lld<%lld %s\n", (long long)json_int(event, "id", 0),
                 (long long)json_int(event, "previousEventId", -1), json_str(event, "type", ""));
    json_decref(all);
    return buf_take(&out, NULL);
}

void expect_outcome(struct sfn_fixture *f, const char *want)
{
    char *got = outcome(f);
    cr_expect_str_eq(got, want, "got %.2000s", got);
    free(got);
}

void expect_history(struct sfn_fixture *f, const char *want)
{
    char *got = history(f);
    cr_expect_str_eq(got, want, "got %.2000s", got);
    free(got);
}

static struct fake_call take_call(struct sfn_fixture *f)
{
    cr_assert_gt(f->call_count, 0, "no call waits");
    struct fake_call first = f->calls[0];
    f->call_count--;
    memmove(&f->calls[0], &f->calls[1], f->call_count * sizeof f->calls[0]);
    return first;
}

json_t *pending_input(struct sfn_fixture *f)
{
    cr_assert_gt(f->call_count, 0, "no call waits");
    return f->calls[0].input;
}

void answer_ok(struct sfn_fixture *f, const char *json)
{
    struct fake_call call = take_call(f);
    const struct lambda_outcome outcome = {.result = LAMBDA_OK,
                                           .status = 200,
                                           .code = "",
                                           .body = json,
                                           .body_len = strlen(json),
                                           .request_id = "r"};
    if (call.service) {
        json_t *output = NULL;
        cr_assert_eq(json_parse(json, strlen(json), &output, NULL), 0);
        local_reply(call.service, output);
    } else {
        call.done(call.ctx, &outcome);
    }
    json_decref(call.input);
    fixture_settle(f);
}

void answer_failed(struct sfn_fixture *f, const char *error, const char *json)
{
    struct fake_call call = take_call(f);
    const struct lambda_outcome outcome = {.result = LAMBDA_FAILED,
                                           .status = 200,
                                           .code = error,
                                           .body = json,
                                           .body_len = strlen(json),
                                           .request_id = "r"};
    if (call.service)
        local_fault(call.service, 400, error, "%s", json);
    else
        call.done(call.ctx, &outcome);
    json_decref(call.input);
    fixture_settle(f);
}

void stop_task(struct sfn_fixture *f, const char *task_json)
{
    json_t *task = NULL;
    cr_assert_gt(f->watch_count, 0, "no task is watched");
    struct fake_watch *watch = &f->watches[f->watch_count - 1];
    cr_assert_not_null(watch->stopped, "nobody watches the task");
    cr_assert_eq(json_parse(task_json, strlen(task_json), &task, NULL), 0);
    void (*stopped)(void *ctx, json_t *task) = watch->stopped;
    watch->stopped = NULL;
    stopped(watch->ctx, task);
    fixture_settle(f);
}
