/* server/submit: the list of tasks is in S3 before the execution that reads it is started. */
#include "lib/crypto/crypto.h"
#include "lib/manifest/manifest.h"
#include "tests/unit/control_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TASKS = 1500 };

static struct control_fixture f;

static void setup(void)
{
    control_fixture_open(&f);
}

static void teardown(void)
{
    control_fixture_close(&f);
}

TestSuite(submit_manifest, .init = setup, .fini = teardown, .timeout = 60);

static const char started[] = "{\"executionArn\":\"" FIXTURE_ARN "\",\"startDate\":1700000000.25}";

/* The digest of the tasks of a fixture's run. */
static void digest(const struct store_new_run *run, char out[SHA256_HEX])
{
    struct buf object;
    struct json_writer w;
    buf_init(&object, BUF_MAX_MANIFEST);
    manifest_begin(&w, &object);
    for (size_t i = 0; i < run->task_count; i++)
        manifest_add(&w, &(struct spec_task){run->tasks[i].name, run->tasks[i].s3_bucket,
                                             run->tasks[i].object_key});
    manifest_end(&w);
    cr_assert_eq(crypto_sha256_hex(object.data, object.len, out, NULL), 0);
    buf_free(&object);
}

/* Run 7 with a manifest; `other`: its digest is of another list. */
static void create(bool other)
{
    char input[1024], sha256[SHA256_HEX];
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(7, TASKS);
    digest(run, sha256);
    if (other)
        sha256[0] = sha256[0] == '0' ? '1' : '0';
    (void)snprintf(input, sizeof input,
                   "{\"workflowRunId\":7,\"taskManifest\":{\"s3BucketName\":\"bucket\","
                   "\"objectKey\":\"stepfleet/7/tasks.json\",\"numberOfTasks\":%d,"
                   "\"sha256\":\"%s\"}}",
                   TASKS, sha256);
    run->input = input;
    run->input_len = strlen(input);
    cr_assert_eq(store_run_create(f.store.store, run, &existing, &err), 0, "%s", err.message);
    store_fixture_run_free(run);
}

static void script_running(void)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    fake_aws_answer(f.aws, "DescribeExecution", 200,
                    "{\"executionArn\":\"" FIXTURE_ARN "\",\"name\":\"x-7\",\"status\":\"RUNNING\","
                    "\"startDate\":1700000000}");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, "{\"events\":[]}");
    control_fixture_rows(&f, "", NULL);
}

static const char slow_down[] =
    "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>not so fast</Message></Error>";
static const char denied[] =
    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no way</Message></Error>";

Test(submit_manifest, is_stored_before_the_start)
{
    fake_aws_answer(f.aws, "PutObject", 200, "");
    script_running();
    create(false);
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_RUNNING);
    cr_assert_eq(fake_aws_count(f.aws, "PutObject"), 1);
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 1);
    cr_assert_lt(fake_aws_place(f.aws, "PutObject", 0), fake_aws_place(f.aws, "StartExecution", 0));
    json_t *list = fake_aws_body(f.aws, "PutObject", 0);
    cr_assert_eq(json_array_size(list), TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "task-%zu", i);
        cr_assert_str_eq(json_str(json_array_get(list, i), "taskName", ""), name);
    }
    json_decref(list);
    json_t *body = fake_aws_body(f.aws, "StartExecution", 0);
    cr_assert_not_null(strstr(json_str(body, "input", ""), "\"taskManifest\""));
    json_decref(body);
}

/* As after a crash between the two calls. */
Test(submit_manifest, is_stored_again_when_the_start_is_repeated)
{
    fake_aws_answer(f.aws, "PutObject", 200, "");
    fake_aws_answer(f.aws, "StartExecution", 500, "");
    script_running();
    create(false);
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_RUNNING);
    cr_assert_eq(fake_aws_count(f.aws, "PutObject"), 2);
    json_t *first = fake_aws_body(f.aws, "PutObject", 0);
    json_t *second = fake_aws_body(f.aws, "PutObject", 1);
    cr_assert(json_equal(first, second));
    json_decref(first);
    json_decref(second);
}

Test(submit_manifest, waits_and_tries_again_when_it_may_pass)
{
    fake_aws_answer(f.aws, "PutObject", 503, slow_down);
    fake_aws_answer(f.aws, "PutObject", 200, "");
    script_running();
    create(false);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await_error(&f);
    cr_assert_not_null(strstr(run.start_error, "not so fast"), "%s", run.start_error);
    cr_assert_eq(run.run.status, AUDIT_SUBMITTED);
    (void)control_fixture_await(&f, AUDIT_RUNNING);
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 1);
}

Test(submit_manifest, a_refusal_is_told_with_a_remedy)
{
    fake_aws_answer(f.aws, "PutObject", 403, denied);
    create(false);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "s3:PutObject"), "%s", run.reason);
    cr_assert_not_null(strstr(run.reason, "no way"), "%s", run.reason);
    cr_assert_eq(run.run.failed_tasks, TASKS);
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 0);
}

Test(submit_manifest, another_list_than_the_inputs_is_not_stored)
{
    create(true);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "s3://bucket/stepfleet/7/tasks.json"), "%s", run.reason);
    cr_assert_eq(fake_aws_count(f.aws, "PutObject"), 0);
}

Test(submit_manifest, a_cancelled_run_stores_nothing)
{
    struct error err = {0};
    fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "none");
    create(false);
    cr_assert_eq(store_run_cancel(f.store.store, 7, NULL, &err), 0);
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_eq(fake_aws_count(f.aws, "PutObject"), 0);
}

/* A task may bear any name. */
Test(submit_manifest, a_task_named_so_is_no_manifest)
{
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(7, 1);
    run->input = "{\"taskList\":[{\"taskName\":\"taskManifest\"}]}";
    run->input_len = strlen(run->input);
    script_running();
    cr_assert_eq(store_run_create(f.store.store, run, &existing, &err), 0, "%s", err.message);
    store_fixture_run_free(run);
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_RUNNING);
    cr_assert_eq(fake_aws_count(f.aws, "PutObject"), 0);
}
