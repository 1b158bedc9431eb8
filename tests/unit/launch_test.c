/* workers/launch and workers/run: every task launched once or refused with a row. */
#include "lib/aws/dynamodb.h"
#include "lib/aws/ecs.h"
#include "lib/json/json_read.h"
#include "server/embed/embed.h"
#include "tests/unit/launch_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* RunTask calls are in flight together and arrive in any order. */
static json_t *run_task_call(const struct worker_peer *p, const char *task_name)
{
    json_t *call;
    size_t i;
    json_array_foreach (p->calls, i, call) {
        json_t *body = json_object_get(call, "body");
        const char *name = ecs_task_env(body, "task_name");
        if (name && strcmp(name, task_name) == 0)
            return body;
    }
    return NULL;
}

Test(launch, launches_every_task_with_the_kits_environment)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *answer = launch(&p, "{\"taskTimeoutSeconds\":60}", &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_assert_eq(worker_peer_count(&p, "RunTask"), 10);
    cr_assert_eq(json_object_size(p.details), 0, "rows of tasks are the tasks' own");

    const json_t *check = json_array_get(p.calls, 0), *first = json_array_get(p.calls, 1);
    cr_assert_str_eq(json_str(check, "op", ""), "Query", "whether the id is free");
    cr_assert_str_eq(json_str(first, "op", ""), "PutItem", "the summary row comes first");
    cr_assert_str_eq(dynamodb_get_s(p.summary, "status", ""), "Running");
    cr_assert_str_eq(dynamodb_get_s(p.summary, "start_time", ""), "2024-01-02T03:04:00.123Z");
    cr_assert_eq(dynamodb_get_n(p.summary, "number_of_tasks", 0), 10);
    cr_assert(strstr(dynamodb_get_s(p.summary, "workflow_specs", ""), "\"task-10\""));

    json_t *run = run_task_call(&p, "task-01");
    cr_assert_not_null(run);
    static const char *const environment[][2] = {
        {"region", "us-east-1"},
        {"workflow_details_ddb_table_name", "workflow_details_pattern_1"},
        {"workflow_details_hash_key", "workflow_run_id"},
        {"workflow_details_range_key", "ecs_task_id"},
        {"workflow_name", "workflow_pattern_1"},
        {"workflow_run_id", "77"},
        {"task_name", "task-01"},
        {"s3_bucket_name", "stepfleet-pattern-1"},
        {"object_key", "input/sample.bin"},
    };
    for (size_t i = 0; i < 9; i++)
        cr_expect_str_eq(ecs_task_env(run, environment[i][0]), environment[i][1]);
    cr_expect_str_eq(json_str(run, "launchType", ""), "FARGATE");
    cr_expect_str_eq(json_str(run, "startedBy", ""), "stepfleet-77");
    char token[SHA256_HEX];
    crypto_sha256_hex("77/task-01", 10, token, &err);
    cr_expect_str_eq(json_str(run, "clientToken", ""), token);

    cr_expect_eq(json_int(answer, "launched", -1), 10);
    cr_expect_eq(json_int(answer, "refused", -1), 0);
    cr_expect_eq(json_int(answer, "taskTimeoutSeconds", -1), 60);
    cr_expect_str_eq(json_str(answer, "startTime", ""), "2024-01-02T03:04:00.123Z");
    cr_expect_str_eq(json_str(answer, "clusterName", ""), "stepfleet");
    struct buf text;
    buf_init(&text, BUF_MAX_STATE);
    json_dump(&text, answer);
    cr_expect_null(strstr(buf_str(&text), "arn:"), "no ARNs travel through the state");
    buf_free(&text);
    json_decref(answer);
    worker_peer_close(&p);
}

Test(launch, gives_refused_tasks_a_failed_row_with_the_reason)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_object_set_new(p.refuse, "task-03", json_string("MISSING"));
    worker_peer_fault(&p, "RunTask/task-05", 400, "ClusterNotFoundException", "Cluster not found.");
    json_t *answer = launch(&p, "{}", &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_eq(json_int(answer, "launched", -1), 8);
    cr_expect_eq(json_int(answer, "refused", -1), 2);
    cr_expect_eq(json_object_size(p.details), 2);
    char id[RUN_TASK_ID_MAX];
    cr_assert_eq(run_stand_in_id("not-started", 77, "task-03", id, &err), 0);
    cr_expect_str_eq(worker_peer_detail(&p, id, "status"), "Failed");
    cr_expect_str_eq(worker_peer_detail(&p, id, "task_name"), "task-03");
    cr_expect_str_eq(worker_peer_detail(&p, id, "stop_code"), "TaskFailedToStart");
    cr_expect_str_eq(worker_peer_detail(&p, id, "stopped_reason"), "MISSING");
    cr_assert_eq(run_stand_in_id("not-started", 77, "task-05", id, &err), 0);
    cr_expect_str_eq(worker_peer_detail(&p, id, "stopped_reason"),
                     "ecs RunTask: ClusterNotFoundException: Cluster not found.");
    json_decref(answer);
    worker_peer_close(&p);
}

Test(launch, a_refusal_on_record_stands_when_it_is_repeated)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_object_set_new(p.refuse, "task-03", json_string("MISSING"));
    json_decref(launch(&p, "{}", &err));
    json_object_del(p.refuse, "task-03");
    json_t *answer = launch(&p, "{}", &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_eq(json_int(answer, "launched", -1), 9);
    cr_expect_eq(json_int(answer, "refused", -1), 1);
    cr_expect_eq(worker_peer_count(&p, "RunTask"), 10, "and what was started is taken over");
    char id[RUN_TASK_ID_MAX];
    cr_assert_eq(run_stand_in_id("not-started", 77, "task-03", id, &err), 0);
    cr_expect_str_eq(worker_peer_detail(&p, id, "stopped_reason"), "MISSING");
    json_decref(answer);
    worker_peer_close(&p);
}

Test(launch, tries_again_what_may_pass, .timeout = 30)
{
    struct worker_peer p;
    struct error err = {0};
    struct plan plan;
    worker_peer_open(&p);
    for (int i = 0; i < 6; i++)
        worker_peer_fault(&p, "RunTask", 400, "ThrottlingException", "Rate exceeded");
    worker_peer_fault(&p, "RunTask", 400, "InvalidParameterException",
                      "Capacity is unavailable at this time. Please try again later");
    json_t *event = launch_event("{}");
    cr_assert_eq(plan_open(&plan, &p.worker, event, 1, &err), 0, "%s", err.message);
    cr_assert_eq(launch_plan(&p, &plan, &err), 0, "%s", err.message);
    cr_expect_eq(plan.run.launched, 10);
    cr_expect_eq(json_object_size(p.tasks), 10);
    cr_expect_eq(json_object_size(p.details), 0);
    plan_close(&plan);
    json_decref(event);
    worker_peer_close(&p);
}

/* The first round does not look at the summary row: launch_handle has written it just before. */
Test(launch, starts_nothing_more_once_the_run_has_ended, .timeout = 30)
{
    struct worker_peer p;
    struct error err = {0};
    struct plan plan;
    worker_peer_open(&p);
    worker_peer_fault(&p, "RunTask/task-05", 400, "InvalidParameterException",
                      "Capacity is unavailable at this time. Please try again later");
    worker_peer_fault(&p, "GetItem", 500, "InternalServerError", "a row that cannot be read");
    json_t *event = launch_event("{}");
    cr_assert_eq(plan_open(&plan, &p.worker, event, 1, &err), 0, "%s", err.message);
    cr_assert_eq(plan_write_summary(&plan, &p.worker, &err), 0, "%s", err.message);
    json_object_set_new(p.summary, "status", dynamodb_s("Cancelled"));
    cr_assert_eq(launch_plan(&p, &plan, &err), -1);
    cr_expect_eq(err.code, ERR_CONFLICT, "%s", err.message);
    cr_expect_eq(worker_peer_count(&p, "RunTask"), 10);
    cr_expect_eq(json_object_size(p.tasks), 9);
    cr_expect_eq(json_object_size(p.details), 0, "whoever ended the run writes its rows");
    plan_close(&plan);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch, may_be_repeated_by_the_same_execution_only)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_decref(launch(&p, "{}", &err));
    json_t *again = launch(&p, "{}", &err);
    cr_assert_not_null(again, "%s", err.message);
    json_decref(again);
    json_object_set_new(p.summary, "start_time", dynamodb_s("2024-01-02T03:03:00.000Z"));
    cr_assert_null(launch(&p, "{}", &err), "another execution used this id");
    cr_assert_eq(err.code, ERR_CONFLICT);
    json_object_set_new(p.summary, "start_time", dynamodb_s("2024-01-02T03:04:00.123Z"));
    json_object_set_new(p.summary, "status", dynamodb_s("Completed"));
    cr_assert_null(launch(&p, "{}", &err), "the run has ended");
    cr_assert_eq(err.code, ERR_CONFLICT);
    cr_assert_eq(worker_peer_count(&p, "RunTask"), 10);
    worker_peer_close(&p);
}

Test(launch, refuses_a_bad_spec_before_anything_happens)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    cr_assert_null(launch(&p, "{\"clusterName\":1,\"colour\":2}", &err));
    cr_assert_eq(err.code, ERR_SPEC_INVALID);
    cr_expect(strstr(err.message, "/clusterName must be a string"), "%s", err.message);
    cr_expect(strstr(err.message, "/colour is not a known"), "%s", err.message);
    cr_expect_eq(json_array_size(p.calls), 0);
    worker_peer_close(&p);
}

Test(run, derives_the_id_from_the_execution)
{
    struct error err = {0};
    int64_t a, b, c;
    cr_assert_eq(run_id_of_execution("one", "2024-01-02T03:04:05.678Z", &a, &err), 0);
    cr_assert_eq(run_id_of_execution("one", "2024-01-02T03:04:05.678Z", &b, &err), 0);
    cr_assert_eq(run_id_of_execution("two", "2024-01-02T03:04:05.678Z", &c, &err), 0);
    cr_expect_eq(a, b);
    cr_expect_neq(a, c);
    cr_expect_eq(a / 1000, INT64_C(1704164645678));
    cr_expect_eq(run_id_of_execution("one", "yesterday", &a, &err), -1);
    json_t *bare = worker_peer_json(embed_find("specs/pattern-1.json")->data);
    struct worker_peer p;
    struct plan plan;
    worker_peer_open(&p);
    cr_expect_eq(plan_open(&plan, &p.worker, bare, 1, &err), -1, "no id, no execution");
    cr_expect_eq(err.code, ERR_ARGUMENT);
    json_object_set_new(bare, "workflowRunId", json_integer(5));
    cr_assert_eq(plan_open(&plan, &p.worker, bare, 1, &err), 0, "%s", err.message);
    cr_expect_eq(plan.run.workflow_run_id, 5);
    plan_close(&plan);
    json_decref(bare);
    worker_peer_close(&p);
}

Test(run, survives_the_state_machine)
{
    struct error err = {0};
    struct run run = {
        .workflow_name = "w",
        .workflow_run_id = 77,
        .number_of_tasks = 10,
        .start_time = PEER_NOW,
        .summary = {"s", "h", "r"},
        .details = {"d", "dh", "dr"},
        .cluster_name = "c",
        .monitor_interval_seconds = 7,
        .poll = 3,
        .watched_since = PEER_NOW + CLOCK_SECOND,
    };
    json_t *json = run_write(&run);
    struct run back;
    cr_assert_eq(run_read(json, &back, &err), 0, "%s", err.message);
    json_t *again = run_write(&back);
    cr_expect(json_equal(json, again));
    cr_expect_eq(back.watched_since, run.watched_since);
    json_object_del(json, "clusterName");
    cr_expect_eq(run_read(json, &back, &err), -1);
    cr_expect(strstr(err.message, "/clusterName"), "%s", err.message);
    json_decref(json);
    json_decref(again);
}
