/* Task: calls, retries, catchers, timeouts, tokens, jobs; and all of it over restarts. */
#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct sfn_fixture *f;

static void setup(void)
{
    f = fixture_open();
}

static void teardown(void)
{
    fixture_close(f);
}

TestSuite(sfn_task, .init = setup, .fini = teardown);

#define TASK(resource, rest)                                                                       \
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"" resource "\"," rest  \
    "\"End\":true},\"Z\":{\"Type\":\"Pass\",\"End\":true}}}"
#define FUNCTION "arn:aws:lambda:eu-west-1:000000000000:function:fn"
#define INVOKE "arn:aws:states:::lambda:invoke"
#define RUN_TASK "arn:aws:states:::ecs:runTask"
#define RUN_SYNC "\"Parameters\":{\"Cluster\":\"c\",\"TaskDefinition\":\"t\"},"
#define SUBMITTED "{\"failures\":[],\"tasks\":[{\"taskArn\":\"arn:t/1\",\"createdAt\":1.5}]}"

static void expect_starts(const char *want)
{
    char *got = outcome(f);
    cr_expect(strncmp(got, want, strlen(want)) == 0, "got %s", got);
    free(got);
}

Test(sfn_task, a_function_by_its_arn)
{
    start_machine(f, TASK(FUNCTION, ""), "{\"x\":1}");
    cr_assert_eq(f->call_count, 1);
    cr_expect_str_eq(f->calls[0].what, FUNCTION);
    cr_expect_eq(json_int(pending_input(f), "x", 0), 1);
    answer_ok(f, "{\"y\":2}");
    expect_outcome(f, "SUCCEEDED {\"y\":2}");
    expect_history(f,
                   "1<0 ExecutionStarted\n2<0 TaskStateEntered\n3<2 LambdaFunctionScheduled\n"
                   "4<3 LambdaFunctionStarted\n5<4 LambdaFunctionSucceeded\n6<5 TaskStateExited\n"
                   "7<6 ExecutionSucceeded\n");
}

Test(sfn_task, invoke_wraps_the_payload)
{
    start_machine(f,
                  TASK(INVOKE, "\"Parameters\":{\"FunctionName\":\"g\",\"Payload.$\":\"$.p\"},"
                               "\"ResultSelector\":{\"got.$\":\"$.Payload\","
                               "\"status.$\":\"$.StatusCode\"},"),
                  "{\"p\":[1]}");
    cr_expect_str_eq(f->calls[0].what, "g");
    answer_ok(f, "\"done\"");
    expect_outcome(f, "SUCCEEDED {\"got\":\"done\",\"status\":200}");
}

Test(sfn_task, a_payload_that_is_json_text_is_sent_as_it_is)
{
    static const char *const cases[][2] = {{"\"[1, 2]\"", "[1,2]"},
                                           {"\"word\"", "\"word\""},
                                           {"null", "{}"},
                                           {"{\"a\":\"1\"}", "{\"a\":\"1\"}"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_machine(f,
                      TASK(INVOKE, "\"Parameters\":{\"FunctionName\":\"g\",\"Payload.$\":\"$\"},"),
                      cases[i][0]);
        char *sent = json_dumps(pending_input(f), JSON_COMPACT | JSON_ENCODE_ANY);
        cr_expect_str_eq(sent, cases[i][1]);
        free(sent);
        answer_ok(f, "{}");
    }
}

Test(sfn_task, retries_wait_longer_each_time_then_the_catcher_takes_it)
{
    start_machine(f,
                  TASK(FUNCTION, "\"Retry\":[{\"ErrorEquals\":[\"Flaky\"],\"IntervalSeconds\":2,"
                                 "\"BackoffRate\":3,\"MaxAttempts\":2}],"
                                 "\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],"
                                 "\"ResultPath\":\"$.e\",\"Next\":\"Z\"}],"),
                  "{}");
    answer_failed(f, "Flaky", "{\"errorType\":\"Flaky\"}");
    fixture_wait(f, 1.9);
    cr_assert_eq(f->call_count, 0);
    fixture_wait(f, 0.1);
    answer_failed(f, "Flaky", "{}");
    fixture_wait(f, 5.9);
    cr_assert_eq(f->call_count, 0);
    fixture_reopen(f);
    fixture_wait(f, 0.1);
    answer_failed(f, "Flaky", "{}");
    expect_outcome(f, "SUCCEEDED {\"e\":{\"Error\":\"Flaky\",\"Cause\":\"{}\"}}");
}

struct match_case {
    const char *names;
    const char *error;
    bool caught;
};

Test(sfn_task, which_names_take_which_errors)
{
    static const struct match_case cases[] = {
        {"[\"E\"]", "E", true},
        {"[\"X\",\"E\"]", "E", true},
        {"[\"X\"]", "E", false},
        {"[\"States.ALL\"]", "E", true},
        {"[\"States.TaskFailed\"]", "E", true},
        {"[\"States.TaskFailed\"]", "States.Timeout", false},
        {"[\"States.ALL\"]", "States.Timeout", true},
        {"[\"States.ALL\"]", "States.Runtime", false},
        {"[\"States.ALL\"]", "States.DataLimitExceeded", false},
        {"[\"States.DataLimitExceeded\"]", "States.DataLimitExceeded", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char definition[1024];
        (void)snprintf(definition, sizeof definition,
                       TASK(FUNCTION, "\"Catch\":[{\"ErrorEquals\":%s,\"Next\":\"Z\"}],"),
                       cases[i].names);
        start_machine(f, definition, "{}");
        answer_failed(f, cases[i].error, "{}");
        expect_starts(cases[i].caught ? "SUCCEEDED" : "FAILED");
    }
}

Test(sfn_task, a_task_times_out_and_its_late_answer_is_nobodys)
{
    start_machine(f, TASK(INVOKE, "\"Parameters\":{\"FunctionName\":\"g\"},\"TimeoutSeconds\":5,"),
                  "{}");
    fixture_wait(f, 5);
    expect_outcome(f, "FAILED States.Timeout");
    answer_ok(f, "{}");
    expect_outcome(f, "FAILED States.Timeout");
    expect_history(f, "1<0 ExecutionStarted\n2<0 TaskStateEntered\n3<2 TaskScheduled\n"
                      "4<3 TaskStarted\n5<4 TaskTimedOut\n6<5 ExecutionFailed\n");
}

Test(sfn_task, a_call_under_way_is_made_again_after_a_restart)
{
    start_machine(f, TASK(RUN_TASK, RUN_SYNC), "{}");
    char *token = strdup(json_str(pending_input(f), "clientToken", ""));
    cr_expect_gt(strlen(token), 0);
    fixture_reopen(f);
    cr_assert_eq(f->call_count, 1);
    cr_expect_str_eq(json_str(pending_input(f), "clientToken", ""), token);
    cr_expect_str_eq(json_str(pending_input(f), "taskDefinition", ""), "t");
    answer_ok(f, SUBMITTED);
    expect_starts("SUCCEEDED {\"Failures\":[],\"Tasks\":[{\"TaskArn\":\"arn:t/1\","
                  "\"CreatedAt\":1500}],\"SdkHttpMetadata\":");
    free(token);
}

Test(sfn_task, sync_waits_until_the_task_has_stopped)
{
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC), "{}");
    cr_expect_str_eq(json_str(pending_input(f), "startedBy", ""), "AWS Step Functions");
    answer_ok(f, SUBMITTED);
    cr_assert_eq(f->watch_count, 1);
    fixture_reopen(f);
    cr_assert_eq(f->watch_count, 1);
    cr_expect_eq(f->call_count, 0, "a job that was submitted is not submitted again");
    stop_task(f, "{\"taskArn\":\"arn:t/1\",\"containers\":[{\"name\":\"c\",\"exitCode\":0}]}");
    expect_outcome(f, "SUCCEEDED {\"TaskArn\":\"arn:t/1\",\"Containers\":[{\"Name\":\"c\","
                      "\"ExitCode\":0}]}");
    expect_history(f, "1<0 ExecutionStarted\n2<0 TaskStateEntered\n3<2 TaskScheduled\n"
                      "4<3 TaskStarted\n5<4 TaskSubmitted\n6<5 TaskSucceeded\n7<6 TaskStateExited\n"
                      "8<7 ExecutionSucceeded\n");
}

Test(sfn_task, sync_fails_with_the_task_as_its_cause)
{
    static const char *const tasks[] = {
        "{\"taskArn\":\"a\",\"containers\":[{\"exitCode\":0},{\"exitCode\":3}]}",
        "{\"taskArn\":\"a\",\"stopCode\":\"TaskFailedToStart\",\"containers\":[{\"name\":\"c\"}]}",
    };
    for (size_t i = 0; i < 2; i++) {
        start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC), "{}");
        answer_ok(f, SUBMITTED);
        stop_task(f, tasks[i]);
        expect_starts("FAILED States.TaskFailed: {\"TaskArn\":\"a\"");
    }
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC), "{}");
    answer_ok(f, "{\"failures\":[{\"reason\":\"RESOURCE:CPU\"}],\"tasks\":[]}");
    expect_starts("FAILED AmazonECS.Unknown: {\"Failures\":[{\"Reason\":\"RESOURCE:CPU\"}]");
    start_machine(f, TASK(RUN_TASK, RUN_SYNC), "{}");
    answer_failed(f, "ClusterNotFoundException", "Cluster not found.");
    expect_starts("FAILED ECS.ClusterNotFoundException: Cluster not found. (Service: ");
}

Test(sfn_task, stopping_the_execution_stops_its_task)
{
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC), "{}");
    answer_ok(f, SUBMITTED);
    json_decref(api(f, "StopExecution", json_pack("{s:s}", "executionArn", f->last_execution)));
    expect_outcome(f, "ABORTED ");
    cr_assert_eq(f->call_count, 1);
    cr_expect_str_eq(f->calls[0].what, "StopTask");
    cr_expect_str_eq(json_str(pending_input(f), "task", ""), "arn:t/1");
    cr_expect_str_eq(json_str(pending_input(f), "cluster", ""), "c");
    stop_task(f, "{\"taskArn\":\"arn:t/1\",\"containers\":[]}");
}

Test(sfn_task, a_task_that_was_submitted_too_late_is_stopped_too)
{
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC "\"TimeoutSeconds\":3,"), "{}");
    fixture_wait(f, 3);
    expect_outcome(f, "FAILED States.Timeout");
    answer_ok(f, SUBMITTED);
    cr_assert_eq(f->call_count, 1);
    cr_expect_str_eq(f->calls[0].what, "StopTask");
}

/* The answer and the end come in one turn: the job is not watched yet. */
Test(sfn_task, a_task_that_was_submitted_just_in_time_is_stopped_too)
{
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC "\"TimeoutSeconds\":3,"), "{}");
    f->now += 3 * CLOCK_SECOND;
    answer_ok(f, SUBMITTED);
    expect_outcome(f, "FAILED States.Timeout");
    cr_assert_eq(f->call_count, 1);
    cr_expect_str_eq(f->calls[0].what, "StopTask");
}

/* What a start of the engine asks, until the service has answered. */
static void expect_stops_again(size_t count)
{
    fixture_kill(f);
    fixture_settle(f);
    cr_assert_eq(f->call_count, count, "%zu calls, not %zu", f->call_count, count);
    if (count > 0) {
        cr_expect_str_eq(f->calls[0].what, "StopTask");
        cr_expect_str_eq(json_str(pending_input(f), "task", ""), "arn:t/1");
        cr_expect_str_eq(json_str(pending_input(f), "cluster", ""), "c");
    }
}

/* kill -9 between the commit that ended the execution and the answer of StopTask. */
Test(sfn_task, a_stop_that_was_not_answered_is_asked_for_again)
{
    f->holds_stops = true;
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC), "{}");
    answer_ok(f, SUBMITTED);
    json_decref(api(f, "StopExecution", json_pack("{s:s}", "executionArn", f->last_execution)));
    cr_assert_eq(f->call_count, 1);
    expect_stops_again(1);
    expect_stops_again(1);
    answer_failed(f, "ClusterNotFoundException", "no such cluster any more");
    expect_stops_again(0);
    expect_outcome(f, "ABORTED ");
}

Test(sfn_task, a_stop_of_a_late_task_is_asked_for_again)
{
    f->holds_stops = true;
    start_machine(f, TASK(RUN_TASK ".sync", RUN_SYNC "\"TimeoutSeconds\":3,"), "{}");
    f->now += 3 * CLOCK_SECOND;
    answer_ok(f, SUBMITTED);
    cr_assert_eq(f->call_count, 1);
    expect_stops_again(1);
    answer_ok(f, "{}");
    expect_stops_again(0);
}

static void send(const char *operation, const char *token, const char *member, const char *text,
                 const char *want)
{
    json_t *answer = api(f, operation, json_pack("{s:s, s:s}", "taskToken", token, member, text));
    cr_expect_str_eq(json_str(answer, "__type", "ok"), want, "%s: %s", operation,
                     json_str(answer, "message", ""));
    json_decref(answer);
}

Test(sfn_task, a_token_completes_its_task_once)
{
    start_machine(f,
                  TASK(INVOKE ".waitForTaskToken",
                       "\"Parameters\":{\"FunctionName\":\"g\",\"Payload\":{"
                       "\"t.$\":\"$$.Task.Token\"}},\"HeartbeatSeconds\":10,"),
                  "{}");
    char *token = strdup(json_str(pending_input(f), "t", ""));
    answer_ok(f, "{\"ignored\":true}");
    expect_outcome(f, "RUNNING ");
    fixture_wait(f, 9);
    send("SendTaskHeartbeat", token, "x", "", "ok");
    fixture_reopen(f);
    fixture_wait(f, 9);
    expect_outcome(f, "RUNNING ");
    send("SendTaskSuccess", token, "output", "{nonsense", "InvalidOutput");
    send("SendTaskSuccess", token, "output", "{\"r\":1}", "ok");
    expect_outcome(f, "SUCCEEDED {\"r\":1}");
    send("SendTaskSuccess", token, "output", "{}", "TaskTimedOut");
    send("SendTaskSuccess", "short", "output", "{}", "InvalidToken");
    expect_history(f, "1<0 ExecutionStarted\n2<0 TaskStateEntered\n3<2 TaskScheduled\n"
                      "4<3 TaskStarted\n5<4 TaskSubmitted\n6<5 TaskSucceeded\n7<6 TaskStateExited\n"
                      "8<7 ExecutionSucceeded\n");
    free(token);
}

Test(sfn_task, a_missed_heartbeat_answers_to_its_own_name)
{
    start_machine(f,
                  TASK(INVOKE ".waitForTaskToken",
                       "\"Parameters\":{\"FunctionName\":\"g\",\"Payload\":{"
                       "\"t.$\":\"$$.Task.Token\"}},\"HeartbeatSeconds\":10,"
                       "\"Catch\":[{\"ErrorEquals\":[\"States.HeartbeatTimeout\"],"
                       "\"Next\":\"Z\"}],"),
                  "{}");
    answer_ok(f, "{}");
    fixture_wait(f, 10);
    expect_outcome(f, "SUCCEEDED {\"Error\":\"States.Timeout\"}");
}

Test(sfn_task, failure_by_token)
{
    start_machine(f,
                  TASK(INVOKE ".waitForTaskToken",
                       "\"Parameters\":{\"FunctionName\":\"g\",\"Payload\":{"
                       "\"t.$\":\"$$.Task.Token\"}},"),
                  "{}");
    char *token = strdup(json_str(pending_input(f), "t", ""));
    json_t *answer =
        api(f, "SendTaskFailure",
            json_pack("{s:s, s:s, s:s}", "taskToken", token, "error", "Bad", "cause", "because"));
    json_decref(answer);
    expect_outcome(f, "FAILED Bad: because");
    answer_ok(f, "{}");
    free(token);
}

Test(sfn_task, dynamodb_errors_have_the_names_of_the_integration)
{
    start_machine(f,
                  TASK("arn:aws:states:::dynamodb:putItem", "\"Parameters\":{\"TableName\":"
                                                            "\"t\",\"Item\":{}},"),
                  "{}");
    cr_expect_str_eq(f->calls[0].what, "PutItem");
    answer_failed(f, "ConditionalCheckFailedException", "The conditional request failed");
    expect_starts("FAILED DynamoDB.ConditionalCheckFailedException: The conditional request failed "
                  "(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: "
                  "ConditionalCheckFailedException; Request ID: ");
    start_machine(f, TASK("arn:aws:states:::aws-sdk:dynamodb:getItem", "\"Parameters\":{},"), "{}");
    answer_failed(f, "ValidationException", "no");
    expect_starts("FAILED DynamoDb.DynamoDbException: no (Service: DynamoDb, Status Code: 400");
}

Test(sfn_task, a_result_beyond_the_limit_is_refused)
{
    struct buf big;
    buf_init(&big, BUF_MAX_PAYLOAD);
    buf_addc(&big, '"');
    for (int i = 0; i < 262150; i++)
        buf_addc(&big, 'a');
    buf_addc(&big, '"');
    start_machine(f, TASK(INVOKE, "\"Parameters\":{\"FunctionName\":\"g\"},"), "{}");
    answer_ok(f, buf_str(&big));
    expect_outcome(f, "FAILED States.DataLimitExceeded: The state/task 'lambda' returned a result "
                      "with a size exceeding the maximum number of bytes service limit.");
    buf_free(&big);
}

Test(sfn_task, a_nested_execution_is_awaited)
{
    char child[256];
    char definition[1024];
    create_machine(f, "child",
                   "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":5,"
                   "\"Next\":\"P\"},\"P\":{\"Type\":\"Pass\",\"Result\":{\"r\":1},\"End\":true}}}",
                   child);
    (void)snprintf(definition, sizeof definition,
                   TASK("arn:aws:states:::states:startExecution.sync:2",
                        "\"Parameters\":{\"StateMachineArn\":\"%s\",\"Name\":\"kid\","
                        "\"Input\":{\"Aa\":1}},\"OutputPath\":\"$['Input','Output']\","),
                   child);
    start_machine(f, definition, "{}");
    fixture_wait(f, 2);
    fixture_reopen(f);
    expect_outcome(f, "RUNNING ");
    fixture_wait(f, 3);
    expect_outcome(f, "SUCCEEDED {\"Input\":{\"Aa\":1},\"Output\":{\"r\":1}}");
}

Test(sfn_task, stopping_the_parent_stops_the_nested_execution)
{
    char child[256];
    char definition[1024];
    create_machine(f, "child",
                   "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":5,"
                   "\"End\":true}}}",
                   child);
    (void)snprintf(definition, sizeof definition,
                   TASK("arn:aws:states:::states:startExecution.sync",
                        "\"Parameters\":{\"StateMachineArn\":\"%s\",\"Name\":\"kid\"},"),
                   child);
    start_machine(f, definition, "{}");
    json_decref(api(f, "StopExecution", json_pack("{s:s}", "executionArn", f->last_execution)));
    (void)snprintf(f->last_execution, sizeof f->last_execution,
                   "arn:aws:states:eu-west-1:000000000000:execution:child:kid");
    expect_starts("ABORTED ");
}

Test(sfn_task, objects_of_s3_by_the_sdk)
{
    put_object(f, "b", "k", "text");
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":"
                  "\"arn:aws:states:::aws-sdk:s3:getObject\",\"Parameters\":{\"Bucket\":\"b\","
                  "\"Key.$\":\"$.k\"},\"OutputPath\":\"$.Body\",\"End\":true}}}",
                  "{\"k\":\"k\"}");
    expect_outcome(f, "SUCCEEDED \"text\"");
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":"
                  "\"arn:aws:states:::aws-sdk:s3:getObject\",\"Parameters\":{\"Bucket\":\"b\","
                  "\"Key\":\"none\"},\"Catch\":[{\"ErrorEquals\":[\"S3.NoSuchKeyException\"],"
                  "\"Next\":\"B\"}],\"End\":true},\"B\":{\"Type\":\"Pass\",\"Result\":1,\"End\":"
                  "true}}}",
                  "{}");
    expect_outcome(f, "SUCCEEDED 1");
}
