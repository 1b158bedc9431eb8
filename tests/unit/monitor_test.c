/* workers/monitor: looks at rows and ECS against a peer; every run ends, with the truth. */
#include "workers/monitor/monitor.h"

#include "lib/aws/dynamodb.h"
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/embed/embed.h"
#include "tests/unit/worker_peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A run of `count` tasks, launched a minute ago; the summary row is there. */
static json_t *run_of(struct worker_peer *p, int count)
{
    struct buf specs;
    buf_init(&specs, BUF_MAX_SPEC);
    buf_adds(&specs, "{\"taskList\":[");
    for (int i = 1; i <= count; i++)
        buf_addf(&specs, "%s{\"taskName\":\"t%d\"}", i > 1 ? "," : "", i);
    buf_adds(&specs, "]}");
    p->summary = json_pack("{s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s}}", "workflow_name", "S", "w",
                           "workflow_run_id", "N", "77", "status", "S", "Running", "start_time",
                           "S", "2024-01-02T03:03:05.000Z", "workflow_specs", "S", buf_str(&specs));
    json_object_set_new(p->summary, "number_of_tasks", dynamodb_n(count));
    buf_free(&specs);
    json_t *run = worker_peer_json(
        "{\"workflowName\":\"w\",\"workflowRunId\":77,\"startTime\":\"2024-01-02T03:03:05.000Z\","
        "\"ddbTableNameWFSummary\":\"workflow_summary_x\",\"hashKeyWFSummary\":\"workflow_name\","
        "\"rangeKeyWFSummary\":\"workflow_run_id\",\"ddbTableNameWFDetails\":"
        "\"workflow_details_x\",\"hashKeyWFDetails\":\"workflow_run_id\",\"rangeKeyWFDetails\":"
        "\"ecs_task_id\",\"clusterName\":\"stepfleet\",\"monitorIntervalSeconds\":10,"
        "\"toleratedFailures\":0,\"runTimeoutSeconds\":3600,\"taskTimeoutSeconds\":600}");
    json_object_set_new(run, "numberOfTasks", json_integer(count));
    return run;
}

/* One invocation; what it answers replaces the run. */
static json_t *look(struct worker_peer *p, json_t *run)
{
    struct error err = {0};
    json_t *answer = NULL;
    json_t *event = json_pack("{s:s,s:o}", "action", "monitor", "run", run);
    int rc = monitor_handle(&p->worker, event, &answer, &err);
    cr_assert_eq(rc, 0, "%s", err.message);
    json_decref(event);
    return answer;
}

static const char *failure(const json_t *answer, const char *member)
{
    return json_str(json_object_get(answer, "failure"), member, "");
}

static const char *summary_status(const struct worker_peer *p)
{
    return dynamodb_get_s(p->summary, "status", "");
}

Test(monitor, follows_a_run_to_its_good_end)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = look(&p, run_of(&p, 4));
    cr_expect(json_bool(run, "continue", false));
    cr_expect_str_eq(json_str(run, "status", ""), "Running");
    cr_expect_eq(json_int(run, "waitSeconds", 0), 1);
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "t%d", i);
        worker_peer_row(&p, id, id, i < 4 ? "Completed" : "Running", NULL);
    }
    worker_peer_task(&p, "t4", "t4", "RUNNING", "{}");
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false));
    cr_expect_eq(json_int(run, "completed", 0), 3, "rows of all pages count");
    cr_expect_eq(json_int(run, "running", 0), 1);
    cr_expect_eq(dynamodb_get_n(p.summary, "completed_tasks", 0), 3);
    cr_expect_eq(json_int(run, "waitSeconds", 0), 2);
    size_t updates = worker_peer_count(&p, "UpdateItem");
    run = look(&p, run);
    cr_expect_eq(worker_peer_count(&p, "UpdateItem"), updates, "no news, no write");
    cr_expect_eq(json_int(run, "waitSeconds", 0), 3);
    worker_peer_row(&p, "t4", "t4", "Completed", NULL);
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(json_str(run, "status", ""), "Completed");
    cr_expect_eq(json_int(run, "poll", 0), 4);
    cr_expect_str_eq(summary_status(&p), "Completed");
    /* Lambda may run the last look again: the answer is the same. */
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(json_str(run, "status", ""), "Completed");
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, groups_the_reasons_of_failures)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 5);
    worker_peer_row(&p, "a", "t1", "Failed", "NoSuchKey: The specified key does not exist.");
    worker_peer_row(&p, "b", "t2", "Failed", "AccessDenied: no");
    worker_peer_row(&p, "c", "t3", "Failed", "NoSuchKey: The specified key does not exist.");
    worker_peer_row(&p, "d", "t4", "Completed", NULL);
    worker_peer_row(&p, "e", "t5", "Cancelled", "stopped by SIGTERM");
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    cr_expect_str_eq(failure(run, "Error"), "Stepfleet.TasksFailed");
    cr_expect_str_eq(failure(run, "Cause"),
                     "4 of 5 tasks failed: 2 x S3NotFound: NoSuchKey: The specified key does not "
                     "exist. (t1, t3); 1 x Cancelled: stopped by SIGTERM (t5); 1 x "
                     "S3AccessDenied: AccessDenied: no (t2)");
    cr_expect_str_eq(summary_status(&p), "Failed");
    cr_expect_str_eq(dynamodb_get_s(p.summary, "reason", ""), failure(run, "Cause"));
    cr_expect_eq(dynamodb_get_n(p.summary, "failed_tasks", 0), 4);
    json_decref(run);
    worker_peer_close(&p);
}

/* The longest names and reasons must not be too much for the cause: the run has to end. */
Test(monitor, ends_with_long_names_and_reasons_too)
{
    enum { TASKS = 40 };
    struct worker_peer p;
    char id[16], name[200], reason[500], many[180];
    worker_peer_open(&p);
    json_t *run = run_of(&p, TASKS);
    json_object_set_new(run, "runTimeoutSeconds", json_integer(1));
    for (int i = 0; i < TASKS; i++) {
        memset(many, 'n', sizeof many);
        memset(reason, 'r', sizeof reason);
        many[sizeof many - 1] = reason[sizeof reason - 1] = '\0';
        (void)snprintf(id, sizeof id, "%d", i);
        (void)snprintf(name, sizeof name, "%d%s", i, many);
        reason[0] = (char)('a' + i % 8);
        worker_peer_row(&p, id, name, i ? "Failed" : "Running", reason);
    }
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    cr_expect(strstr(failure(run, "Cause"), "; and "), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* What is cut is cut between characters: DynamoDB takes no other text, and the run has to end. */
Test(monitor, ends_with_names_and_reasons_in_any_script)
{
    struct worker_peer p;
    struct buf name, reason;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 2);
    json_object_set_new(run, "toleratedFailures", json_integer(2));
    for (int shift = 0; shift < 2; shift++) {
        buf_init(&name, 200);
        buf_init(&reason, 500);
        buf_adds(&name, shift ? "x" : "");
        buf_adds(&reason, shift ? "x" : "");
        for (int i = 0; i < 60; i++)
            buf_adds(&name, "\xc3\xbc");
        for (int i = 0; i < 200; i++)
            buf_adds(&reason, "\xc3\xa9");
        worker_peer_row(&p, shift ? "b" : "a", buf_str(&name), "Failed", buf_str(&reason));
        buf_free(&name);
        buf_free(&reason);
    }
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Completed");
    cr_expect_str_eq(summary_status(&p), "Completed");
    cr_expect(strstr(dynamodb_get_s(p.summary, "reason", ""), "2 of 2 tasks failed"));
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, tolerates_as_many_failures_as_it_is_told)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 2);
    json_object_set_new(run, "toleratedFailures", json_integer(1));
    worker_peer_row(&p, "a", "t1", "Failed", "x");
    worker_peer_row(&p, "b", "t2", "Completed", NULL);
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Completed");
    cr_expect_str_eq(dynamodb_get_s(p.summary, "reason", ""),
                     "1 of 2 tasks failed: 1 x Unknown: x (t1)");
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, counts_a_task_once_by_its_best_row)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 2);
    worker_peer_row(&p, "a", "t1", "Failed", "x");
    worker_peer_row(&p, "b", "t1", "Completed", NULL);
    worker_peer_row(&p, "c", "t2", "Completed", NULL);
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Completed");
    cr_expect_eq(json_int(run, "completed", 0), 2);
    cr_expect_eq(json_int(run, "failed", -1), 0);
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, fails_tasks_that_died_without_a_word)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 4);
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    worker_peer_task(&p, "a", "t1", "STOPPED",
                     "{\"stopCode\":\"EssentialContainerExited\",\"containers\":[{\"exitCode\":137,"
                     "\"reason\":\"OutOfMemoryError\"}]}");
    worker_peer_task(&p, "d", "t4", "STOPPED",
                     "{\"startedAt\":1704164600.5,\"containers\":[{\"exitCode\":2}]}");
    worker_peer_task(&p, "b", "t2", "STOPPED",
                     "{\"stopCode\":\"TaskFailedToStart\",\"stoppedReason\":"
                     "\"CannotPullContainerError\",\"containers\":[{}]}");
    worker_peer_row(&p, "c", "t3", "Completed", NULL);
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(worker_peer_detail(&p, "a", "status"), "Failed");
    cr_expect_str_eq(worker_peer_detail(&p, "a", "exit_code"), "137");
    cr_expect(strstr(worker_peer_detail(&p, "a", "stopped_reason"), "signal 9"));
    cr_expect_str_eq(worker_peer_detail(&p, "b", "status"), "Failed");
    cr_expect_str_eq(worker_peer_detail(&p, "b", "task_name"), "t2");
    cr_expect_str_eq(worker_peer_detail(&p, "b", "stop_code"), "TaskFailedToStart");
    cr_expect_str_eq(worker_peer_detail(&p, "d", "start_time"), "2024-01-02T03:03:20.500Z");
    cr_expect(strstr(failure(run, "Cause"), "3 of 4 tasks failed"), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* Ten rows that throttling keeps out are enough for one look; the next ones go on with the rest. */
Test(monitor, leaves_what_a_throttling_table_does_not_take, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 12);
    for (int i = 1; i <= 12; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "t%d", i);
        worker_peer_task(&p, id, id, "STOPPED", "{\"containers\":[{\"exitCode\":3}]}");
    }
    for (int i = 0; i < 400; i++)
        worker_peer_fault(&p, "PutItem", 400, "ProvisionedThroughputExceededException", "slow");
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false), "it goes on");
    json_object_clear(p.faults);
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect(strstr(failure(run, "Cause"), "12 of 12 tasks failed: 12 x ExitCode: "), "%s",
              failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* A table that takes rows slowly takes some in one invocation and the rest in the next ones. */
Test(monitor, leaves_what_there_is_no_time_for, .timeout = 60)
{
    enum { TASKS = 60 };
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, TASKS);
    for (int i = 1; i <= TASKS; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "t%d", i);
        worker_peer_task(&p, id, id, "STOPPED", "{\"containers\":[{\"exitCode\":3}]}");
    }
    p.tick = 20 * CLOCK_SECOND;
    p.worker.deadline = p.wall + 900 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false), "it goes on");
    cr_expect_lt(p.wall, p.worker.deadline, "and has answered in time");
    json_int_t failed = json_int(run, "failed", 0);
    cr_expect(failed > 0 && failed < TASKS, "%lld", (long long)failed);
    p.tick = 0;
    p.worker.deadline = 0;
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    json_decref(run);
    worker_peer_close(&p);
}

static const char manifest[] = "[{\"taskName\":\"t1\",\"s3BucketName\":\"b\",\"objectKey\":\"k\"},"
                               "{\"taskName\":\"t2\",\"s3BucketName\":\"b\",\"objectKey\":\"k\"}]";

static void serve_manifest(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx;
    bool asked = strcmp(request->target, "/bucket/stepfleet/77/tasks.json") == 0;
    reply->status = asked ? 200 : 404;
    buf_adds(&reply->body, asked ? manifest : "");
}

/* A long list of tasks is an object in S3, and the summary row only says where. */
Test(monitor, finds_the_names_of_lost_tasks_in_the_manifest)
{
    struct worker_peer p;
    char digest[SHA256_HEX];
    char specs[512];
    worker_peer_open(&p);
    p.s3 = serve_manifest;
    json_t *run = run_of(&p, 2);
    cr_assert_eq(crypto_sha256_hex(manifest, strlen(manifest), digest, NULL), 0);
    (void)snprintf(specs, sizeof specs,
                   "{\"taskManifest\":{\"s3BucketName\":\"bucket\",\"objectKey\":"
                   "\"stepfleet/77/tasks.json\",\"numberOfTasks\":2,\"sha256\":\"%s\"}}",
                   digest);
    json_object_set_new(p.summary, "workflow_specs", dynamodb_s(specs));
    run = look(&p, run);
    p.wall += 301 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    cr_expect(strstr(failure(run, "Cause"), "2 x Lost: the task left no row"), "%s",
              failure(run, "Cause"));
    cr_expect(strstr(failure(run, "Cause"), "(t1, t2)"), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void serve_nothing(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)ctx, (void)request;
    reply->status = 404;
    buf_adds(&reply->body, "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>");
}

/* Somebody deleted the list: a look cannot do without it, but what follows from that can. */
Test(monitor, closes_a_run_whose_manifest_is_gone)
{
    struct worker_peer p;
    struct error err = {0};
    json_t *answer = NULL;
    worker_peer_open(&p);
    p.s3 = serve_nothing;
    json_t *run = run_of(&p, 2);
    json_object_set_new(p.summary, "workflow_specs",
                        dynamodb_s("{\"taskManifest\":{\"s3BucketName\":\"bucket\",\"objectKey\":"
                                   "\"k\",\"numberOfTasks\":2,\"sha256\":\"" SHA256_OF_NOTHING
                                   "\"}}"));
    run = look(&p, run);
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    worker_peer_task(&p, "a", "t1", "RUNNING", "{}");
    p.wall += 301 * CLOCK_SECOND;
    json_t *event = json_pack("{s:s,s:o}", "action", "monitor", "run", run);
    cr_assert_neq(monitor_handle(&p.worker, event, &answer, &err), 0);
    json_object_set_new(run, "failure", json_pack("{s:s,s:s}", "Error", "E", "Cause", "no list"));
    json_object_set_new(event, "action", json_string("close"));
    cr_assert_eq(monitor_handle(&p.worker, event, &answer, &err), 0, "%s", err.message);
    cr_expect_str_eq(summary_status(&p), "Failed");
    cr_expect_str_eq(worker_peer_detail(&p, "a", "status"), "Failed");
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 1);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

Test(monitor, believes_a_late_ecs_for_five_minutes)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = look(&p, run_of(&p, 2));
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    p.wall += 290 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false));
    cr_expect_str_eq(worker_peer_detail(&p, "a", "status"), "Running");
    p.wall += 20 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(worker_peer_detail(&p, "a", "stop_code"), "TaskLost");
    cr_expect_eq(json_object_size(p.details), 2, "the task without any trace got a row");
    cr_expect(strstr(failure(run, "Cause"), "t2"), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* One look at ten thousand running tasks is work for each of them, and no more. */
Test(monitor, looks_at_ten_thousand_tasks, .timeout = 60)
{
    enum { TASKS = 10000 };
    struct worker_peer p;
    worker_peer_open(&p);
    p.page = 3000;
    json_t *run = run_of(&p, TASKS);
    for (int i = 1; i <= TASKS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "t%d", i);
        worker_peer_row(&p, id, id, i % 10 ? "Completed" : "Running", NULL);
        if (i % 10 == 0)
            worker_peer_task(&p, id, id, i % 20 ? "STOPPED" : "RUNNING",
                             "{\"containers\":[{\"exitCode\":3}]}");
    }
    int64_t began = clock_mono(clock_system());
    run = look(&p, run);
    int64_t ms = (clock_mono(clock_system()) - began) / CLOCK_MS;
    cr_log_info("a look at %d tasks took %lld ms", TASKS, (long long)ms);
    cr_expect(json_bool(run, "continue", false));
    cr_expect_eq(json_int(run, "completed", 0), 9000);
    cr_expect_eq(json_int(run, "failed", 0), 500);
    cr_expect_eq(json_int(run, "running", 0), 500);
    cr_expect_eq(worker_peer_count(&p, "Query"), 4);
    cr_expect_eq(worker_peer_count(&p, "DescribeTasks"), 10);
    cr_expect_lt(ms, 20000);
    json_decref(run);
    worker_peer_close(&p);
}

/* Of a large run ECS is asked for what left no row only when the rows stand still; until then no
 * task is believed to be lost. */
Test(monitor, lists_tasks_of_a_large_run_only_when_rows_stand_still, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    p.page = 1000;
    json_t *run = look(&p, run_of(&p, 600));
    size_t lists = worker_peer_count(&p, "ListTasks");
    p.wall += 400 * CLOCK_SECOND;
    worker_peer_row(&p, "a", "t1", "Completed", NULL);
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false));
    cr_expect_eq(worker_peer_count(&p, "ListTasks"), lists, "rows come in");
    cr_expect_eq(json_object_size(p.details), 1);
    run = look(&p, run);
    cr_expect_eq(worker_peer_count(&p, "ListTasks"), lists + 2,
                 "those that stopped and the others");
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect(strstr(failure(run, "Cause"), "599 x Lost: "), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, waits_for_tasks_that_ecs_still_holds_back)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = look(&p, run_of(&p, 2));
    worker_peer_task(&p, "a", "t1", "PENDING", "{}");
    worker_peer_task(&p, "b", "t2", "PROVISIONING", "{}");
    p.wall += 400 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false));
    cr_expect_eq(json_object_size(p.details), 0);
    json_decref(run);
    worker_peer_close(&p);
}

/* No row tells of it, and ECS was not asked about rows that are only late. */
Test(monitor, stops_a_silent_task_whose_time_is_up_within_the_grace)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 1);
    json_object_set_new(run, "taskTimeoutSeconds", json_integer(5));
    run = look(&p, run);
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 0);
    worker_peer_task(&p, "a", "t1", "RUNNING", "{\"createdAt\":1704164646.0}");
    p.wall += 10 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 1);
    cr_expect_str_eq(worker_peer_detail(&p, "a", "stop_code"), "TaskTimeout");
    json_decref(run);
    worker_peer_close(&p);
}

/* The look that failed the rows was killed before it could say why: the next one still knows. */
Test(monitor, does_not_forget_that_a_run_s_time_was_up)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 2);
    json_object_set_new(run, "toleratedFailures", json_integer(1));
    worker_peer_row(&p, "a", "t1", "Failed", "the run took longer than runTimeoutSeconds (3600)");
    json_object_set_new(json_object_get(p.details, "a"), "stop_code", dynamodb_s("RunTimeout"));
    worker_peer_row(&p, "b", "t2", "Completed", NULL);
    p.wall += 3600 * CLOCK_SECOND;
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    cr_expect_str_eq(failure(run, "Error"), "Stepfleet.RunTimeout");
    cr_expect(strstr(failure(run, "Cause"), "(3600): 1 of 2 tasks failed"), "%s",
              failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* A task that gets SIGTERM writes that it was cancelled; only ECS knows for what. */
Test(monitor, tells_stopped_tasks_why_they_were)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 4);
    static const char *const ids[] = {"a", "b", "c", "d"}, *const names[] = {"t1", "t2", "t3",
                                                                             "t4"};
    for (size_t i = 0; i < 4; i++)
        worker_peer_row(&p, ids[i], names[i], "Cancelled", "stopped by SIGTERM");
    json_object_set_new(json_object_get(p.details, "a"), "update_time",
                        dynamodb_s("2024-01-02T03:04:01.000Z"));
    worker_peer_task(&p, "a", "t1", "DEPROVISIONING",
                     "{\"stopCode\":\"SpotInterruption\",\"stoppedReason\":"
                     "\"Your Spot Task was interrupted.\",\"containers\":[{\"exitCode\":143}]}");
    worker_peer_task(
        &p, "b", "t2", "STOPPED",
        "{\"stopCode\":\"EssentialContainerExited\",\"containers\":[{\"name\":\"main\","
        "\"exitCode\":143},{\"name\":\"log\",\"exitCode\":1}],\"overrides\":{"
        "\"containerOverrides\":[{\"name\":\"main\"}]}}");
    worker_peer_task(&p, "c", "t3", "STOPPED",
                     "{\"stopCode\":\"UserInitiated\",\"stoppedReason\":\"Ann needs the room\","
                     "\"containers\":[{\"exitCode\":143}]}");
    worker_peer_task(&p, "d", "t4", "STOPPED", "{\"containers\":[{\"exitCode\":143}]}");
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    const char *cause = failure(run, "Cause");
    cr_expect(strstr(cause, "1 x SpotInterruption: stopped by SIGTERM: Your Spot Task"), "%s",
              cause);
    cr_expect(strstr(cause, "1 x EssentialContainerExited: the task was ended because its "
                            "container \"log\" ended with exit code 1"),
              "%s", cause);
    cr_expect(strstr(cause, "1 x Cancelled: stopped by SIGTERM: Ann needs the room"), "%s", cause);
    cr_expect(strstr(cause, "1 x Cancelled: stopped by SIGTERM (t4)"), "%s", cause);
    cr_expect_str_eq(worker_peer_detail(&p, "a", "status"), "Cancelled");
    cr_expect_str_eq(worker_peer_detail(&p, "a", "stop_code"), "SpotInterruption");
    cr_expect_str_eq(worker_peer_detail(&p, "a", "update_time"), "2024-01-02T03:04:01.001Z");
    json_decref(run);
    worker_peer_close(&p);
}

/* The look that failed the row was killed before it could stop the task. */
Test(monitor, stops_what_an_earlier_look_left_running)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 3);
    worker_peer_row(&p, "a", "t1", "Failed", "the task ran longer than taskTimeoutSeconds (600)");
    worker_peer_row(&p, "b", "t2", "Failed", "the task ran longer than taskTimeoutSeconds (600)");
    worker_peer_row(&p, "lost-1", "t3", "Failed", "why");
    json_object_set_new(json_object_get(p.details, "a"), "stop_code", dynamodb_s("TaskTimeout"));
    json_object_set_new(json_object_get(p.details, "b"), "stop_code", dynamodb_s("TaskTimeout"));
    json_object_set_new(json_object_get(p.details, "lost-1"), "stop_code",
                        dynamodb_s("RunTimeout"));
    worker_peer_task(&p, "a", "t1", "RUNNING", "{\"startedAt\":1704164046.0}");
    worker_peer_task(&p, "b", "t2", "RUNNING", "{\"desiredStatus\":\"STOPPED\"}");
    json_decref(look(&p, run));
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 1, "only what is not being stopped already");
    cr_expect_eq(worker_peer_count(&p, "PutItem"), 0);
    worker_peer_close(&p);
}

/* A cluster that was deleted meanwhile has no tasks any more. */
Test(monitor, ends_a_run_whose_cluster_is_gone)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = look(&p, run_of(&p, 2));
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    p.wall += 400 * CLOCK_SECOND;
    for (int i = 0; i < 9; i++) {
        worker_peer_fault(&p, "ListTasks", 400, "ClusterNotFoundException", "Cluster not found.");
        worker_peer_fault(&p, "DescribeTasks", 400, "ClusterNotFoundException",
                          "Cluster not found.");
    }
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    cr_expect(strstr(failure(run, "Cause"), "2 of 2 tasks failed"), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* A row under a name that is not the spec's does not stand for a task that runs. */
Test(monitor, does_not_end_a_run_while_a_task_runs)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 2);
    worker_peer_row(&p, "a", "t1", "Completed", NULL);
    worker_peer_row(&p, "x", "stranger", "Completed", NULL);
    worker_peer_row(&p, "b", "t2", "Running", NULL);
    worker_peer_task(&p, "b", "t2", "RUNNING", "{}");
    run = look(&p, run);
    cr_expect(json_bool(run, "continue", false));
    worker_peer_row(&p, "b", "t2", "Failed", "x");
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, ends_a_run_that_takes_too_long)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = look(&p, run_of(&p, 3));
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    worker_peer_row(&p, "c", "t3", "Completed", NULL);
    p.wall += 3600 * CLOCK_SECOND;
    worker_peer_task(&p, "a", "t1", "RUNNING", "{\"createdAt\":1704168240.0}");
    worker_peer_task(&p, "b", "t2", "PENDING", "{\"createdAt\":1704168240.0}");
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(failure(run, "Error"), "Stepfleet.RunTimeout");
    cr_expect(strstr(failure(run, "Cause"), "runTimeoutSeconds (3600)"));
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 2);
    cr_expect_str_eq(worker_peer_detail(&p, "a", "stop_code"), "RunTimeout");
    cr_expect_str_eq(worker_peer_detail(&p, "b", "status"), "Failed");
    cr_expect_str_eq(worker_peer_detail(&p, "b", "task_name"), "t2");
    cr_expect_str_eq(summary_status(&p), "Failed");
    cr_expect_eq(dynamodb_get_n(p.summary, "running_tasks", -1), 0);
    json_decref(run);
    worker_peer_close(&p);
}

/* Also when nobody has looked for it before: rows came in until the end. */
Test(monitor, keeps_the_reasons_of_what_ended_before_the_run_s_time_was_up, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    p.page = 1000;
    json_t *run = look(&p, run_of(&p, 600));
    p.wall += 3600 * CLOCK_SECOND;
    worker_peer_row(&p, "a", "t1", "Completed", NULL);
    worker_peer_task(&p, "b", "t2", "STOPPED",
                     "{\"stopCode\":\"EssentialContainerExited\",\"containers\":[{\"exitCode\":137,"
                     "\"reason\":\"OutOfMemoryError\"}]}");
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(worker_peer_detail(&p, "b", "stop_code"), "EssentialContainerExited");
    cr_expect(strstr(failure(run, "Cause"), "598 x TimedOut: "), "%s", failure(run, "Cause"));
    cr_expect(strstr(failure(run, "Cause"), "1 x OutOfMemory: "), "%s", failure(run, "Cause"));
    json_decref(run);
    worker_peer_close(&p);
}

/* Rows of launcher and of the action "refuse": the monitor takes their word. */
Test(monitor, tells_refused_launches_by_their_class)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 3);
    worker_peer_row(&p, "a", "t1", "Completed", NULL);
    worker_peer_row(&p, "not-started-2", "t2", "Failed", "RESOURCE:CPU");
    worker_peer_row(&p, "not-started-3", "t3", "Failed", "ECS.ClientException: no");
    for (int i = 2; i <= 3; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "not-started-%d", i);
        json_object_set_new(json_object_get(p.details, id), "stop_code",
                            dynamodb_s("TaskFailedToStart"));
    }
    run = look(&p, run);
    cr_expect_str_eq(json_str(run, "status", ""), "Failed");
    cr_expect_str_eq(
        failure(run, "Cause"),
        "2 of 3 tasks failed: 1 x CapacityUnavailable: RESOURCE:CPU (t2); 1 x Refused: "
        "ECS.ClientException: no (t3)");
    cr_expect_eq(worker_peer_count(&p, "DescribeTasks"), 0, "nothing was open");
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, accepts_that_somebody_cancelled_the_run)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 1);
    worker_peer_row(&p, "a", "t1", "Cancelled", NULL);
    json_object_set_new(p.summary, "status", dynamodb_s("Cancelled"));
    run = look(&p, run);
    cr_expect_not(json_bool(run, "continue", true));
    cr_expect_str_eq(json_str(run, "status", ""), "Cancelled");
    cr_expect_str_eq(summary_status(&p), "Cancelled");
    cr_expect_str_eq(failure(run, "Error"), "Stepfleet.RunEnded");
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, lets_errors_of_services_through)
{
    struct worker_peer p;
    struct error err = {0};
    json_t *answer = NULL;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 1);
    worker_peer_fault(&p, "Query", 400, "AccessDeniedException", "not you");
    cr_assert_eq(monitor_handle(&p.worker, run, &answer, &err), -1);
    cr_expect(err_is_remote(&err, "AccessDeniedException"));
    json_t *bad = worker_peer_json("{\"action\":\"dance\"}");
    cr_expect_eq(monitor_handle(&p.worker, bad, &answer, &err), -1);
    cr_expect_eq(err.code, ERR_ARGUMENT);
    json_decref(bad);
    json_decref(run);
    worker_peer_close(&p);
}

Test(monitor, plans_for_the_map)
{
    struct worker_peer p;
    struct error err = {0};
    json_t *answer = NULL;
    worker_peer_open(&p);
    json_t *event = json_pack("{s:s,s:o,s:{s:s,s:s}}", "action", "plan", "spec",
                              worker_peer_json(embed_find("specs/pattern-2.json")->data),
                              "execution", "name", "e1", "startTime", "2024-01-02T03:04:05.678Z");
    cr_assert_eq(monitor_handle(&p.worker, event, &answer, &err), 0, "%s", err.message);
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)json_int(answer, "workflowRunId", 0));
    const json_t *run = json_object_get(answer, "run");
    cr_expect_str_eq(json_str(run, "workflowRunIdText", ""), text);
    cr_expect_eq(json_int(answer, "workflowRunId", 0) / 1000, INT64_C(1704164645678));
    cr_expect_eq(json_int(answer, "numberOfTasks", 0), 10);
    cr_expect_str_eq(json_str(answer, "startTime", ""), "2024-01-02T03:04:05.678Z");
    cr_expect_not(json_bool(answer, "distributed", true));
    const json_t *subnets = json_object_get(run, "subnets");
    cr_expect_eq(json_array_size(subnets), 2);
    cr_expect_str_eq(json_string_value(json_array_get(subnets, 1)), "subnet-4e5f6a7b");
    cr_expect_eq(json_int(answer, "maxConcurrency", 0), 40);
    const json_t *task = json_array_get(json_object_get(answer, "taskList"), 9);
    cr_expect_str_eq(json_str(task, "s3BucketName", ""), "stepfleet-pattern-2");
    cr_expect_str_eq(summary_status(&p), "Running");
    cr_expect_eq(dynamodb_get_n(p.summary, "workflow_run_id", 0),
                 json_int(answer, "workflowRunId", 1));
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

static json_t *close_run(struct worker_peer *p, json_t *run, const char *start)
{
    struct error err = {0};
    json_t *answer = NULL;
    json_object_set_new(run, "failure",
                        worker_peer_json("{\"Error\":\"Stepfleet.Internal\",\"Cause\":"
                                         "\"{\\\"errorMessage\\\":\\\"it broke\\\"}\"}"));
    json_t *event = json_pack("{s:s,s:o,s:{s:s,s:s}}", "action", "close", "run", run, "execution",
                              "name", "e", "startTime", start);
    cr_assert_eq(monitor_handle(&p->worker, event, &answer, &err), 0, "%s", err.message);
    json_decref(event);
    cr_expect_str_eq(failure(answer, "Error"), "Stepfleet.Internal");
    cr_expect_str_eq(failure(answer, "Cause"), "it broke");
    return answer;
}

Test(monitor, closes_a_run_whose_state_machine_broke)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 3);
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    worker_peer_task(&p, "a", "t1", "RUNNING", "{}");
    worker_peer_row(&p, "b", "t2", "Completed", NULL);
    json_decref(close_run(&p, run, "2024-01-02T03:03:05.000Z"));
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 1);
    cr_expect_str_eq(worker_peer_detail(&p, "a", "stopped_reason"), "it broke");
    cr_expect_str_eq(worker_peer_detail(&p, "b", "status"), "Completed");
    cr_expect_eq(json_object_size(p.details), 3, "the task never launched has a row, too");
    cr_expect_str_eq(summary_status(&p), "Failed");
    cr_expect_str_eq(dynamodb_get_s(p.summary, "reason", ""), "it broke");
    cr_expect_eq(dynamodb_get_n(p.summary, "failed_tasks", 0), 2);
    worker_peer_close(&p);
}

Test(monitor, does_not_close_a_run_of_another_execution)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *run = run_of(&p, 1);
    json_object_del(run, "startTime");
    worker_peer_row(&p, "a", "t1", "Running", NULL);
    json_decref(close_run(&p, run, "2024-01-02T03:04:05.000Z"));
    cr_expect_str_eq(worker_peer_detail(&p, "a", "status"), "Running");
    cr_expect_str_eq(summary_status(&p), "Running");
    json_decref(close_run(&p, json_object(), "2024-01-02T03:04:05.000Z"));
    worker_peer_close(&p);
}

Test(monitor, waits_longer_each_time_but_not_beyond_its_limits)
{
    static const int64_t expected[] = {1, 2, 3, 5, 8, 12, 18, 27, 41, 62, 93, 120, 120};
    struct run run = {
        .number_of_tasks = 10,
        .monitor_interval_seconds = 120,
        .run_timeout_seconds = 86400,
        .start_time = PEER_NOW,
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        run.wait_seconds = monitor_next_wait(&run, PEER_NOW);
        cr_expect_eq(run.wait_seconds, expected[i]);
    }
    cr_expect_eq(monitor_next_wait(&run, PEER_NOW + 86390 * CLOCK_SECOND), 11, "the deadline");
    cr_expect_eq(monitor_next_wait(&run, PEER_NOW + 90000 * CLOCK_SECOND), 1);
    /* A year of 1-second looks would need 31 million of them; the history holds 2,657. */
    int64_t now = PEER_NOW, polls = 0;
    run.monitor_interval_seconds = 1;
    run.run_timeout_seconds = 31536000;
    run.wait_seconds = 0;
    for (; now < PEER_NOW + run.run_timeout_seconds * CLOCK_SECOND && polls < 5000; polls++) {
        run.poll = polls;
        run.wait_seconds = monitor_next_wait(&run, now);
        now += run.wait_seconds * CLOCK_SECOND;
    }
    cr_expect_leq(polls, 2657 + 2, "%lld looks", (long long)polls);
}
