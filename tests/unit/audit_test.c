/* lib/audit: the calls that are built, compared as JSON, and rows read back. */
#include "lib/audit/audit.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct audit_table summary_table = {"sums", "wf", "run"};
static const struct audit_table details_table = {"dets", "run", "task"};

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct error err = {0};
    cr_assert_eq(json_parse(text, strlen(text), &value, &err), 0, "%s in %s", err.message, text);
    return value;
}

static void expect_body(struct aws_request *r, const char *operation, const char *expected)
{
    json_t *want = parse(expected);
    json_t *got = parse(buf_str(&r->body));
    cr_expect_str_eq(r->operation, operation);
    cr_expect_eq(r->service, AWS_DYNAMODB);
    cr_expect(json_equal(want, got), "want %s\n got %s", expected, buf_str(&r->body));
    json_decref(want);
    json_decref(got);
    aws_request_free(r);
}

static const struct audit_summary summary = {
    .workflow_name = "nightly",
    .workflow_run_id = 1700000000000001,
    .workflow_specs = "{}",
    .number_of_tasks = 10,
    .completed_tasks = 2,
    .failed_tasks = 1,
    .running_tasks = 7,
    .status = AUDIT_RUNNING,
    .start_time = INT64_C(1700000000123000),
    .update_time = INT64_C(1700000001000000),
};

Test(audit, creates_a_summary_once)
{
    struct aws_request r = {0};
    struct error err = {0};
    cr_assert_eq(audit_summary_create(&r, &summary_table, &summary, &err), 0, "%s", err.message);
    expect_body(&r, "PutItem",
                "{\"TableName\":\"sums\",\"Item\":{\"wf\":{\"S\":\"nightly\"},\"run\":{\"N\":"
                "\"1700000000000001\"},\"workflow_specs\":{\"S\":\"{}\"},\"number_of_tasks\":{"
                "\"N\":\"10\"},\"status\":{\"S\":\"Running\"},\"start_time\":{\"S\":"
                "\"2023-11-14T22:13:20.123Z\"},\"update_time\":{\"S\":\"2023-11-14T22:13:21.000Z\""
                "},\"completed_tasks\":{\"N\":\"2\"},\"failed_tasks\":{\"N\":\"1\"},"
                "\"running_tasks\":{\"N\":\"7\"}},\"ConditionExpression\":"
                "\"attribute_not_exists(#hash)\",\"ExpressionAttributeNames\":{\"#hash\":\"wf\"}}");
}

Test(audit, updates_only_a_summary_that_is_there_and_not_final)
{
    struct aws_request r = {0};
    struct error err = {0};
    struct audit_summary row = summary;
    row.status = AUDIT_FAILED;
    row.reason = "3 failed";
    cr_assert_eq(audit_summary_update(&r, &summary_table, &row, &err), 0, "%s", err.message);
    expect_body(
        &r, "UpdateItem",
        "{\"TableName\":\"sums\",\"Key\":{\"wf\":{\"S\":\"nightly\"},\"run\":{\"N\":"
        "\"1700000000000001\"}},\"UpdateExpression\":\"SET #status = :status, #update_time = "
        ":update_time, #completed_tasks = :completed_tasks, #failed_tasks = :failed_tasks, "
        "#running_tasks = :running_tasks, #reason = :reason\",\"ConditionExpression\":"
        "\"attribute_exists(#hash) AND NOT (#status IN (:completed, :failed, :cancelled))\","
        "\"ExpressionAttributeNames\":{\"#hash\":\"wf\",\"#status\":\"status\",\"#update_time\":"
        "\"update_time\",\"#completed_tasks\":\"completed_tasks\",\"#failed_tasks\":"
        "\"failed_tasks\",\"#running_tasks\":\"running_tasks\",\"#reason\":\"reason\"},"
        "\"ExpressionAttributeValues\":{\":status\":{\"S\":\"Failed\"},\":update_time\":{\"S\":"
        "\"2023-11-14T22:13:21.000Z\"},\":completed_tasks\":{\"N\":\"2\"},\":failed_tasks\":{"
        "\"N\":\"1\"},\":running_tasks\":{\"N\":\"7\"},\":reason\":{\"S\":\"3 failed\"},"
        "\":completed\":{\"S\":\"Completed\"},\":failed\":{\"S\":\"Failed\"},\":cancelled\":{"
        "\"S\":\"Cancelled\"}}}");
}

Test(audit, cancels_a_summary_unless_the_run_had_ended)
{
    struct aws_request r = {0};
    struct error err = {0};
    struct audit_summary row = summary;
    row.status = AUDIT_CANCELLED;
    cr_assert_eq(audit_summary_cancel(&r, &summary_table, &row, INT64_C(1700000000500000), &err), 0,
                 "%s", err.message);
    json_t *body = parse(buf_str(&r.body));
    cr_assert_str_eq(json_str(body, "ConditionExpression", ""),
                     "attribute_exists(#hash) AND (NOT (#status IN (:completed, :failed, "
                     ":cancelled)) OR #status = :cancelled OR (#status = :failed AND "
                     "#update_time >= :stopped))");
    const json_t *values = json_object_get(body, "ExpressionAttributeValues");
    cr_assert_str_eq(json_str(json_object_get(values, ":stopped"), "S", ""),
                     "2023-11-14T22:13:20.500Z");
    cr_assert_str_eq(json_str(json_object_get(values, ":status"), "S", ""), "Cancelled");
    json_decref(body);
    aws_request_free(&r);
}

static const struct audit_detail started = {
    .workflow_run_id = 77,
    .ecs_task_id = "abc",
    .task_name = "task-01",
    .status = AUDIT_RUNNING,
    .start_time = INT64_C(1700000000123000),
    .update_time = INT64_C(1700000000123000),
    .exec_time_in_seconds = -1,
    .attempt = 1,
    .object_key = "in/a.bin",
    .bytes = -1,
    .exit_code = -1,
};

Test(audit, puts_a_row_unless_a_final_one_is_there)
{
    struct aws_request r = {0};
    struct error err = {0};
    cr_assert_eq(audit_detail_put(&r, &details_table, &started, &err), 0, "%s", err.message);
    expect_body(&r, "PutItem",
                "{\"TableName\":\"dets\",\"Item\":{\"run\":{\"N\":\"77\"},\"task\":{\"S\":\"abc\"},"
                "\"status\":{\"S\":\"Running\"},\"start_time\":{\"S\":\"2023-11-14T22:13:20.123Z\""
                "},\"update_time\":{\"S\":\"2023-11-14T22:13:20.123Z\"},\"task_name\":{\"S\":"
                "\"task-01\"},\"attempt\":{\"N\":\"1\"},\"object_key\":{\"S\":\"in/a.bin\"}},"
                "\"ConditionExpression\":\"attribute_not_exists(#hash) OR NOT (#status IN "
                "(:completed, :failed, :cancelled))\",\"ExpressionAttributeNames\":{\"#hash\":"
                "\"run\",\"#status\":\"status\"},\"ExpressionAttributeValues\":{\":completed\":{"
                "\"S\":\"Completed\"},\":failed\":{\"S\":\"Failed\"},\":cancelled\":{\"S\":"
                "\"Cancelled\"}}}");
}

Test(audit, finishes_only_a_row_that_is_there_and_not_final)
{
    struct aws_request r = {0};
    struct error err = {0};
    struct audit_detail row = {
        .workflow_run_id = 77,
        .ecs_task_id = "abc",
        .status = AUDIT_COMPLETED,
        .update_time = INT64_C(1700000001000000),
        .exec_time_in_seconds = 0.8774,
        .destination_key = "in/a.bin_abc",
        .bytes = 0,
        .exit_code = 0,
    };
    cr_assert_eq(audit_detail_finish(&r, &details_table, &row, &err), 0, "%s", err.message);
    expect_body(
        &r, "UpdateItem",
        "{\"TableName\":\"dets\",\"Key\":{\"run\":{\"N\":\"77\"},\"task\":{\"S\":\"abc\"}},"
        "\"UpdateExpression\":\"SET #status = :status, #update_time = :update_time, "
        "#destination_key = :destination_key, #bytes = :bytes, #exit_code = :exit_code, "
        "#exec_time_in_seconds = :exec_time_in_seconds\",\"ConditionExpression\":"
        "\"attribute_exists(#hash) AND (NOT (#status IN (:completed, :failed, :cancelled)) OR "
        "(#status = :status AND #update_time = :update_time))\","
        "\"ExpressionAttributeNames\":{\"#hash\":\"run\",\"#status\":\"status\",\"#update_time\":"
        "\"update_time\",\"#destination_key\":\"destination_key\",\"#bytes\":\"bytes\","
        "\"#exit_code\":\"exit_code\",\"#exec_time_in_seconds\":\"exec_time_in_seconds\"},"
        "\"ExpressionAttributeValues\":{\":status\":{\"S\":\"Completed\"},\":update_time\":{"
        "\"S\":\"2023-11-14T22:13:21.000Z\"},\":destination_key\":{\"S\":\"in/a.bin_abc\"},"
        "\":bytes\":{\"N\":\"0\"},\":exit_code\":{\"N\":\"0\"},\":exec_time_in_seconds\":{\"N\":"
        "\"0.877\"},\":completed\":{\"S\":\"Completed\"},\":failed\":{\"S\":\"Failed\"},"
        "\":cancelled\":{\"S\":\"Cancelled\"}}}");
}

Test(audit, queries_pages_of_a_run)
{
    struct aws_request r = {0};
    struct error err = {0};
    json_t *start = parse("{\"run\":{\"N\":\"77\"},\"task\":{\"S\":\"m\"}}");
    cr_assert_eq(audit_detail_query(&r, &details_table, 77, NULL, &err), 0, "%s", err.message);
    expect_body(&r, "Query",
                "{\"TableName\":\"dets\",\"KeyConditionExpression\":\"#hash = :run\","
                "\"ExpressionAttributeNames\":{\"#hash\":\"run\"},\"ExpressionAttributeValues\":{"
                "\":run\":{\"N\":\"77\"}},\"ConsistentRead\":false}");
    cr_assert_eq(audit_detail_query_consistent(&r, &details_table, 77, NULL, &err), 0);
    expect_body(&r, "Query",
                "{\"TableName\":\"dets\",\"KeyConditionExpression\":\"#hash = :run\","
                "\"ExpressionAttributeNames\":{\"#hash\":\"run\"},\"ExpressionAttributeValues\":{"
                "\":run\":{\"N\":\"77\"}},\"ConsistentRead\":true}");
    cr_assert_eq(audit_detail_query_status(&r, &details_table, 77, start, &err), 0);
    expect_body(
        &r, "Query",
        "{\"TableName\":\"dets\",\"KeyConditionExpression\":\"#hash = :run\","
        "\"ProjectionExpression\":\"#hash, #range, #task_name, #status, #start_time, #update_time, "
        "#stop_code, #stopped_reason, #exit_code\",\"ExpressionAttributeNames\":{\"#hash\":\"run\","
        "\"#range\":\"task\",\"#exit_code\":\"exit_code\","
        "\"#task_name\":\"task_name\",\"#status\":\"status\",\"#start_time\":\"start_time\",\"#"
        "update_time\":\"update_time\",\"#stop_code\":\"stop_code\","
        "\"#stopped_reason\":\"stopped_reason\"},\"ExpressionAttributeValues\":{\":run\":{\"N\":"
        "\"77\"}},\"ExclusiveStartKey\":{\"run\":{\"N\":\"77\"},\"task\":{\"S\":\"m\"}},"
        "\"ConsistentRead\":false}");
    json_decref(start);
}

Test(audit, gets_a_summary_by_key)
{
    struct aws_request r = {0};
    struct error err = {0};
    cr_assert_eq(audit_summary_get(&r, &summary_table, "nightly", 5, &err), 0, "%s", err.message);
    expect_body(&r, "GetItem",
                "{\"TableName\":\"sums\",\"Key\":{\"wf\":{\"S\":\"nightly\"},\"run\":{\"N\":\"5\"}}"
                ",\"ConsistentRead\":true}");
}

Test(audit, reads_rows_back)
{
    struct aws_request r = {0};
    struct error err = {0};
    cr_assert_eq(audit_summary_create(&r, &summary_table, &summary, &err), 0);
    json_t *call = parse(buf_str(&r.body));
    struct audit_summary s;
    cr_assert_eq(audit_summary_read(json_object_get(call, "Item"), &summary_table, &s, &err), 0);
    cr_assert_str_eq(s.workflow_name, "nightly");
    cr_assert_eq(s.workflow_run_id, summary.workflow_run_id);
    cr_assert_eq(s.running_tasks, 7);
    cr_assert_eq(s.status, AUDIT_RUNNING);
    cr_assert_eq(s.start_time, summary.start_time);
    json_decref(call);
    aws_request_free(&r);

    json_t *item = parse("{\"run\":{\"N\":\"77\"},\"task\":{\"S\":\"abc\"},\"status\":{\"S\":"
                         "\"Failed\"},\"exec_time_in_seconds\":{\"N\":\"1.25\"},\"exit_code\":{"
                         "\"N\":\"137\"},\"start_time\":{\"S\":\"Tue Jan 02 03:04:05 UTC 2024\"}}");
    struct audit_detail d;
    cr_assert_eq(audit_detail_read(item, &details_table, &d, &err), 0, "%s", err.message);
    cr_assert_eq(d.status, AUDIT_FAILED);
    cr_assert_float_eq(d.exec_time_in_seconds, 1.25, 1e-9);
    cr_assert_eq(d.exit_code, 137);
    cr_assert_eq(d.bytes, -1);
    cr_assert_null(d.task_name);
    cr_assert_eq(d.start_time, 0, "a foreign worker's time is no reason to lose its row");
    json_object_del(item, "task");
    cr_assert_eq(audit_detail_read(item, &details_table, &d, &err), -1);
    json_decref(item);
}

Test(audit, keeps_the_times_of_a_task_s_way_to_its_start)
{
    struct aws_request r = {0};
    struct error err = {0};
    struct audit_detail row = started, back;
    row.created_at = INT64_C(1700000000001000);
    row.pull_started_at = INT64_C(1700000000002000);
    row.container_started_at = INT64_C(1700000000004000);
    cr_assert_eq(audit_detail_put(&r, &details_table, &row, &err), 0, "%s", err.message);
    json_t *call = parse(buf_str(&r.body));
    json_t *item = json_object_get(call, "Item");
    cr_assert_eq(audit_detail_read(item, &details_table, &back, &err), 0, "%s", err.message);
    cr_expect_eq(back.created_at, row.created_at);
    cr_expect_eq(back.pull_started_at, row.pull_started_at);
    cr_expect_eq(back.pull_stopped_at, 0, "it was not known");
    cr_expect_eq(back.container_started_at, row.container_started_at);
    cr_expect_str_eq(json_str(json_object_get(item, "started_at"), "S", ""),
                     "2023-11-14T22:13:20.004Z");
    json_decref(call);
    aws_request_free(&r);
}

Test(audit, a_final_status_is_never_left)
{
    for (int from = 0; from < AUDIT_STATUS_COUNT; from++) {
        enum audit_status parsed;
        cr_expect_eq(audit_status_parse(audit_status_name((enum audit_status)from), &parsed, NULL),
                     0);
        cr_expect_eq((int)parsed, from);
        for (int to = 0; to < AUDIT_STATUS_COUNT; to++) {
            bool final = audit_status_final((enum audit_status)from);
            bool back = from == AUDIT_RUNNING && to == AUDIT_SUBMITTED;
            cr_expect_eq(audit_may_move((enum audit_status)from, (enum audit_status)to),
                         !final && !back, "%d to %d", from, to);
        }
    }
    enum audit_status s;
    struct error err = {0};
    cr_expect_eq(audit_status_parse("running", &s, &err), -1);
}
