#include "tests/unit/control_fixture.h"

#include "lib/json/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AWAIT_SECONDS = 50 };

static const char input[] =
    "{\"region\":\"eu-west-1\",\"s3BucketName\":\"bucket\",\"subnetIdLiteral\":\"subnet-0a1b2c3d\","
    "\"workflowName\":\"copy\",\"securityGroupId\":\"sg-0123456789abcdef0\","
    "\"ddbTableNameWFSummary\":\"workflow_summary_pattern_1\",\"hashKeyWFSummary\":"
    "\"workflow_name\",\"rangeKeyWFSummary\":\"workflow_run_id\",\"ddbTableNameWFDetails\":"
    "\"workflow_details_pattern_1\",\"hashKeyWFDetails\":\"workflow_run_id\","
    "\"rangeKeyWFDetails\":\"ecs_task_id\",\"clusterName\":\"stepfleet\",\"containerName\":\"s3\","
    "\"taskDefinition\":\"s3-copy-task\",\"workflowRunId\":7,\"pattern\":1,\"taskList\":["
    "{\"taskName\":\"task-0\",\"objectKey\":\"a\"},{\"taskName\":\"task-1\",\"objectKey\":\"b\"},"
    "{\"taskName\":\"task-2\",\"objectKey\":\"c\"}]}";

static void note_change(void *ctx)
{
    struct control_fixture *f = ctx;
    (void)pthread_mutex_lock(&f->lock);
    f->changes++;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
}

void control_fixture_open(struct control_fixture *f)
{
    memset(f, 0, sizeof *f);
    store_fixture_open(&f->store);
    f->aws = fake_aws_start();
    cr_assert_eq(pthread_mutex_init(&f->lock, NULL), 0);
    cr_assert_eq(pthread_cond_init(&f->changed, NULL), 0);
    store_on_change(f->store.store, note_change, f);
}

void control_fixture_close(struct control_fixture *f)
{
    f->control = control_stop(f->control);
    fake_aws_stop(f->aws);
    store_fixture_close(&f->store);
    (void)pthread_cond_destroy(&f->changed);
    (void)pthread_mutex_destroy(&f->lock);
}

void control_fixture_start(struct control_fixture *f)
{
    struct error err = {0};
    struct control_options options = {
        .store = f->store.store,
        .aws = fake_aws_options(f->aws),
        .machine_arn = {NULL, FIXTURE_MACHINE, f->both ? FIXTURE_MACHINE_2 : NULL},
        .clock = f->clock ? f->clock : clock_system(),
        .health = &f->health,
        .calls_per_second = 1000,
        .list_above = f->list_above,
        .discover = f->discover,
        .stream_interval = 20 * CLOCK_MS,
        .stream_retry = 100 * CLOCK_MS};
    if (f->streams)
        options.details_table[1] = "workflow_details_pattern_1";
    f->control = control_start(&options, &err);
    cr_assert_not_null(f->control, "%s", err.message);
}

static void create(struct control_fixture *f, int64_t id)
{
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(id, 3);
    run->input = input;
    run->input_len = strlen(input);
    if (f->key) {
        free((void *)run->execution_name);
        run->execution_name = strdup(f->key);
    }
    cr_assert_eq(store_run_create(f->store.store, run, &existing, &err), 0, "%s", err.message);
    store_fixture_run_free(run);
}

void control_fixture_active(struct control_fixture *f, int64_t id)
{
    char arn[256];
    struct error err = {0};
    create(f, id);
    (void)snprintf(arn, sizeof arn, "%.*s%" PRId64, (int)strlen(FIXTURE_ARN) - 1, FIXTURE_ARN, id);
    cr_assert_eq(store_outbox_started(f->store.store, id, arn, 1, &err), 0, "%s", err.message);
}

void control_fixture_run(struct control_fixture *f)
{
    create(f, 7);
    if (f->control)
        control_wake(f->control);
}

/* Waits for the next change after `seen`; false when the time is up. */
static bool wait_change(struct control_fixture *f, int64_t seen, const struct timespec *until)
{
    int rc = 0;
    (void)pthread_mutex_lock(&f->lock);
    while (rc == 0 && f->changes == seen)
        rc = pthread_cond_timedwait(&f->changed, &f->lock, until);
    (void)pthread_mutex_unlock(&f->lock);
    return rc == 0;
}

static struct run_copy await(struct control_fixture *f, bool (*is)(const struct run_copy *, int),
                             int wanted)
{
    struct timespec until;
    cr_assert_eq(clock_gettime(CLOCK_REALTIME, &until), 0);
    until.tv_sec += AWAIT_SECONDS;
    for (;;) {
        (void)pthread_mutex_lock(&f->lock);
        int64_t seen = f->changes;
        (void)pthread_mutex_unlock(&f->lock);
        struct run_copy run = store_fixture_get(f->store.store, 7);
        if (is(&run, wanted))
            return run;
        cr_assert(wait_change(f, seen, &until), "the run is %s: %s %s",
                  audit_status_name(run.run.status), run.reason, run.start_error);
    }
}

static bool has_status(const struct run_copy *run, int wanted)
{
    return (int)run->run.status == wanted;
}

static bool has_error(const struct run_copy *run, int wanted)
{
    (void)wanted;
    return run->start_error[0] != '\0';
}

struct run_copy control_fixture_await(struct control_fixture *f, enum audit_status status)
{
    return await(f, has_status, (int)status);
}

static bool has_reason(const struct run_copy *run, int wanted)
{
    return (run->reason[0] != '\0') == (wanted != 0);
}

struct run_copy control_fixture_await_reason(struct control_fixture *f, bool any)
{
    return await(f, has_reason, any);
}

struct run_copy control_fixture_await_error(struct control_fixture *f)
{
    return await(f, has_error, 0);
}

static void describe_once(struct control_fixture *f, const char *status, const char *more)
{
    struct buf body;
    struct json_writer w;
    struct error err = {0};
    buf_init(&body, BUF_MAX_SPEC);
    jw_init(&w, &body);
    jw_object(&w, NULL);
    jw_str(&w, "executionArn", FIXTURE_ARN);
    jw_str(&w, "stateMachineArn", FIXTURE_MACHINE);
    jw_str(&w, "name", "x-7");
    jw_str(&w, "status", status);
    jw_num(&w, "startDate", 1700000000.25);
    if (strcmp(status, "RUNNING") != 0)
        jw_num(&w, "stopDate", 1700000009.5);
    jw_str(&w, "input", input);
    buf_adds(&body, more);
    jw_end_object(&w);
    cr_assert_eq(buf_check(&body, &err), 0);
    fake_aws_answer(f->aws, "DescribeExecution", 200, buf_str(&body));
    buf_free(&body);
}

void control_fixture_describe(struct control_fixture *f, int running, const char *status,
                              const char *more)
{
    for (int i = 0; i < running; i++)
        describe_once(f, "RUNNING", "");
    describe_once(f, status, more);
}

void control_fixture_rows(struct control_fixture *f, const char *rows, const char *last_key)
{
    struct buf body;
    struct error err = {0};
    buf_init(&body, BUF_MAX_SPEC);
    buf_adds(&body, "{\"Items\":[");
    const char *separator = "";
    for (const char *p = rows; *p; p = strchr(p, ';') + 1) {
        char id[128];
        char name[16];
        char status[16];
        cr_assert_eq(sscanf(p, "%127[^ ] %15[^ ] %15[^;]", id, name, status), 3);
        buf_addf(&body,
                 "%s{\"workflow_run_id\":{\"N\":\"7\"},\"ecs_task_id\":{\"S\":\"%s\"},"
                 "\"task_name\":{\"S\":\"%s\"},\"status\":{\"S\":\"%s\"},"
                 "\"start_time\":{\"S\":\"2024-01-02T03:04:05.000Z\"},"
                 "\"update_time\":{\"S\":\"2024-01-02T03:04:06.000Z\"}}",
                 separator, id, name, status);
        separator = ",";
    }
    buf_adds(&body, "]");
    if (last_key)
        buf_addf(&body,
                 ",\"LastEvaluatedKey\":{\"workflow_run_id\":{\"N\":\"7\"},"
                 "\"ecs_task_id\":{\"S\":\"%s\"}}",
                 last_key);
    buf_adds(&body, "}");
    cr_assert_eq(buf_check(&body, &err), 0);
    fake_aws_answer(f->aws, "Query", 200, buf_str(&body));
    buf_free(&body);
}
