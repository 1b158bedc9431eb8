/* Distributed Maps: readers, batches, limits, writers, and what is told of their runs. */
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

TestSuite(sfn_map, .init = setup, .fini = teardown);

#define PASS "\"I\":{\"Type\":\"Pass\",\"End\":true}"
#define TASK                                                                                       \
    "\"I\":{\"Type\":\"Task\",\"End\":true,\"Resource\":"                                          \
    "\"arn:aws:lambda:eu-west-1:000000000000:function:f\"}"
#define MAP_OF(type, options, states)                                                              \
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"Label\":\"lot\"," options            \
    "\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":"          \
    "\"" type "\"},\"StartAt\":\"I\",\"States\":{" states "}},\"End\":true}}}"
#define MAP(options, states) MAP_OF("STANDARD", options, states)
#define READER(config)                                                                             \
    "\"ItemReader\":{\"Resource\":\"arn:aws:states:::s3:getObject\",\"ReaderConfig\":{" config     \
    "},\"Parameters\":{\"Bucket.$\":\"$.b\",\"Key.$\":\"$.k\"}},"
#define WHERE "{\"b\":\"bucket\",\"k\":\"items\"}"

/* ARN of the only run of the last execution. */
static void run_arn(char out[512])
{
    json_t *answer = api(f, "ListMapRuns", json_pack("{s:s}", "executionArn", f->last_execution));
    json_t *runs = json_object_get(answer, "mapRuns");
    cr_assert_eq(json_array_size(runs), 1);
    (void)snprintf(out, 512, "%s", json_str(json_array_get(runs, 0), "mapRunArn", ""));
    cr_expect(strstr(json_str(json_array_get(runs, 0), "stateMachineArn", ""), "/lot"));
    json_decref(answer);
}

static json_t *describe_run(void)
{
    char arn[512];
    run_arn(arn);
    return api(f, "DescribeMapRun", json_pack("{s:s}", "mapRunArn", arn));
}

/* "status total/pending/running/succeeded/failed/timedOut/aborted" of executions, then items. */
static void expect_run(const char *want)
{
    static const char *const names[] = {"total",  "pending",  "running", "succeeded",
                                        "failed", "timedOut", "aborted"};
    struct buf got;
    json_t *run = describe_run();
    buf_init(&got, BUF_MAX_LINE);
    buf_adds(&got, json_str(run, "status", "?"));
    for (int group = 0; group < 2; group++) {
        json_t *counts = json_object_get(run, group ? "itemCounts" : "executionCounts");
        for (size_t i = 0; i < 7; i++)
            buf_addf(&got, "%c%lld", i ? '/' : ' ', (long long)json_int(counts, names[i], -1));
    }
    cr_expect_str_eq(buf_str(&got), want, "got %s", buf_str(&got));
    buf_free(&got);
    json_decref(run);
}

static json_t *children(const char *status)
{
    char arn[512];
    run_arn(arn);
    json_t *input = json_pack("{s:s, s:i}", "mapRunArn", arn, "maxResults", 1000);
    if (status)
        json_object_set_new(input, "statusFilter", json_string(status));
    json_t *answer = api(f, "ListExecutions", input);
    json_t *list = json_incref(json_object_get(answer, "executions"));
    cr_assert(json_is_array(list), "%s", json_str(answer, "message", ""));
    json_decref(answer);
    return list;
}

Test(sfn_map, items_come_from_an_object)
{
    put_object(f, "bucket", "items", " [ {\"n\": 1},\n {\"n\":\n\"a],b\\\"\"}, 3 ]\n");
    start_machine(f, MAP(READER("\"InputType\":\"JSON\""), PASS), WHERE);
    expect_outcome(f, "SUCCEEDED [{\"n\":1},{\"n\":\"a],b\\\"\"},3]");
    expect_history(f, "1<0 ExecutionStarted\n2<0 MapStateEntered\n3<2 MapStateStarted\n"
                      "4<3 MapRunStarted\n5<4 MapRunSucceeded\n6<5 MapStateSucceeded\n"
                      "7<5 MapStateExited\n8<7 ExecutionSucceeded\n");
    expect_run("SUCCEEDED 3/0/0/3/0/0/0 3/0/0/3/0/0/0");
}

Test(sfn_map, children_are_executions_of_their_own)
{
    start_machine(f,
                  MAP("\"ItemSelector\":{\"i.$\":\"$$.Map.Item.Index\",\"v.$\":"
                      "\"$$.Map.Item.Value\",\"p.$\":\"$.x\"},\"ItemsPath\":\"$.l\",",
                      "\"I\":{\"Type\":\"Pass\",\"Parameters\":{\"id.$\":\"$$.Execution.Id\","
                      "\"m.$\":\"$$.StateMachine.Name\",\"in.$\":\"$\"},\"End\":true}"),
                  "{\"l\":[\"a\",\"b\"],\"x\":7}");
    json_t *list = children("SUCCEEDED");
    cr_assert_eq(json_array_size(list), 2);
    json_t *newest = json_array_get(list, 0);
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s",
                   json_str(newest, "executionArn", ""));
    cr_expect(strstr(f->last_execution, ":execution:m") && strstr(f->last_execution, "/lot:"));
    cr_expect_eq(json_int(newest, "itemCount", 0), 1);
    json_t *d = api(f, "DescribeExecution", json_pack("{s:s}", "executionArn", f->last_execution));
    cr_expect_str_eq(json_str(d, "input", ""), "{\"i\":1,\"v\":\"b\",\"p\":7}");
    cr_expect(strstr(json_str(d, "output", ""), f->last_execution));
    cr_expect(strstr(json_str(d, "output", ""), "/lot\",\"in\":{\"i\":1"));
    cr_expect(strstr(json_str(d, "mapRunArn", ""), ":mapRun:m"));
    expect_history(f, "1<0 ExecutionStarted\n2<0 PassStateEntered\n3<2 PassStateExited\n"
                      "4<3 ExecutionSucceeded\n");
    json_decref(d);
    json_decref(list);
}

Test(sfn_map, children_are_not_listed_with_the_machine)
{
    char arn[256];
    create_machine(f, "parent", MAP("", PASS), arn);
    json_decref(
        api(f, "StartExecution", json_pack("{s:s, s:s}", "stateMachineArn", arn, "input", "[1]")));
    json_t *answer = api(f, "ListExecutions", json_pack("{s:s}", "stateMachineArn", arn));
    cr_expect_eq(json_array_size(json_object_get(answer, "executions")), 1);
    json_decref(answer);
}

static void expect_reader(const char *definition, const char *object, const char *want)
{
    put_object(f, "bucket", "items", object);
    start_machine(f, definition, WHERE);
    expect_outcome(f, want);
}

Test(sfn_map, other_formats)
{
    expect_reader(MAP(READER("\"InputType\":\"JSONL\",\"MaxItems\":2"), PASS),
                  "{\"a\":1}\n\n2\r\n3\n", "SUCCEEDED [{\"a\":1},2]");
    expect_reader(MAP(READER("\"InputType\":\"JSON\",\"ItemsPointer\":\"/d/1\""), PASS),
                  "{\"d\":[0,[5,6]]}", "SUCCEEDED [5,6]");
    expect_reader(MAP(READER("\"InputType\":\"CSV\",\"CSVHeaderLocation\":\"FIRST_ROW\","
                             "\"CSVDelimiter\":\"SEMICOLON\""),
                      PASS),
                  "x;y\r\n1;\"a;\"\"b\"\"\nc\"\n2\n",
                  "SUCCEEDED [{\"x\":\"1\",\"y\":\"a;\\\"b\\\"\\nc\"},{\"x\":\"2\",\"y\":\"\"}]");
    expect_reader(MAP(READER("\"InputType\":\"CSV\",\"CSVHeaderLocation\":\"GIVEN\","
                             "\"CSVHeaders\":[\"h\"]"),
                      PASS),
                  "1,9\n2", "SUCCEEDED [{\"h\":\"1\"},{\"h\":\"2\"}]");
    expect_reader(MAP(READER("\"InputType\":\"JSON\""), PASS), "[]", "SUCCEEDED []");
}

Test(sfn_map, what_cannot_be_read)
{
    static const char *const history_of_failure =
        "1<0 ExecutionStarted\n2<0 MapStateEntered\n3<2 MapStateStarted\n4<3 MapRunStarted\n"
        "5<4 MapRunFailed\n6<5 MapStateFailed\n7<6 ExecutionFailed\n";
    expect_reader(MAP(READER("\"InputType\":\"JSON\""), PASS), "{\"a\":[1]}",
                  "FAILED States.ItemReaderFailed: Attempting to map over non-iterable node.");
    expect_history(f, history_of_failure);
    static const char *const cut[] = {"[1,2", "[1,", "[", "[\"a\\"};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++)
        expect_reader(MAP(READER("\"InputType\":\"JSON\""), PASS), cut[i],
                      "FAILED States.ItemReaderFailed: the JSON array is cut off");
    put_object(f, "bucket", "items", "[1,nul]");
    start_machine(f, MAP(READER("\"InputType\":\"JSON\""), PASS), WHERE);
    char *got = outcome(f);
    cr_expect(strncmp(got, "FAILED States.ItemReaderFailed: item 1: ", 40) == 0, "%s", got);
    free(got);
    start_machine(f, MAP(READER("\"InputType\":\"JSON\""), PASS), "{\"b\":\"no\",\"k\":\"n\"}");
    expect_outcome(f,
                   "FAILED States.ItemReaderFailed: NoSuchKey: The specified key does not exist. "
                   "(Service: S3, Bucket: no, Key: n)");
    expect_history(f, history_of_failure);
}

Test(sfn_map, keys_of_a_bucket_are_items)
{
    static const char machine[] =
        MAP("\"ItemReader\":{\"Resource\":\"arn:aws:states:::s3:listObjectsV2\",\"ReaderConfig\":{"
            "\"MaxItems\":5},\"Parameters\":{\"Bucket\":\"b\"}},"
            "\"ItemSelector\":{\"k.$\":\"$$.Map.Item.Value.Key\"},",
            PASS);
    for (char key[] = "a"; key[0] < 'h'; key[0]++)
        put_object(f, "b", key, "x");
    start_machine(f, machine, "{}");
    expect_outcome(f, "SUCCEEDED [{\"k\":\"a\"},{\"k\":\"b\"},{\"k\":\"c\"},{\"k\":\"d\"},"
                      "{\"k\":\"e\"}]");
}

Test(sfn_map, batches)
{
    start_machine(f,
                  MAP("\"ItemBatcher\":{\"MaxItemsPerBatchPath\":\"$.n\",\"BatchInput\":{"
                      "\"s.$\":\"$.x\"}},\"ItemsPath\":\"$.l\",\"ItemSelector\":{\"v.$\":"
                      "\"$$.Map.Item.Value\"},",
                      PASS),
                  "{\"n\":2,\"x\":\"y\",\"l\":[1,2,3]}");
    expect_outcome(f, "SUCCEEDED [{\"BatchInput\":{\"s\":\"y\"},\"Items\":[{\"v\":1},{\"v\":2}]},"
                      "{\"BatchInput\":{\"s\":\"y\"},\"Items\":[{\"v\":3}]}]");
    expect_run("SUCCEEDED 2/0/0/2/0/0/0 3/0/0/3/0/0/0");
    start_machine(f, MAP("\"ItemBatcher\":{\"MaxInputBytesPerBatch\":30},", PASS),
                  "[\"aaaaa\",\"bbbbb\",\"ccccc\",\"ddddddddddddddddddddddddddddddddddd\",1]");
    expect_outcome(f, "SUCCEEDED [{\"Items\":[\"aaaaa\",\"bbbbb\"]},{\"Items\":[\"ccccc\"]},"
                      "{\"Items\":[\"ddddddddddddddddddddddddddddddddddd\"]},{\"Items\":[1]}]");
}

Test(sfn_map, no_more_run_than_may_run)
{
    start_machine(f, MAP("\"MaxConcurrency\":2,", TASK), "[1,2,3,4,5]");
    cr_expect_eq(f->call_count, 2);
    expect_run("RUNNING 5/3/2/0/0/0/0 5/3/2/0/0/0/0");
    answer_ok(f, "10");
    cr_expect_eq(f->call_count, 2);
    char arn[512];
    run_arn(arn);
    json_decref(
        api(f, "UpdateMapRun", json_pack("{s:s, s:i}", "mapRunArn", arn, "maxConcurrency", 3)));
    cr_expect_eq(f->call_count, 3);
    expect_run("RUNNING 5/1/3/1/0/0/0 5/1/3/1/0/0/0");
    while (f->call_count)
        answer_ok(f, "11");
    expect_outcome(f, "SUCCEEDED [10,11,11,11,11]");
    json_t *run = describe_run();
    cr_expect_eq(json_int(run, "maxConcurrency", 0), 3);
    json_decref(run);
}

Test(sfn_map, failures_are_borne_up_to_the_threshold)
{
    start_machine(f, MAP("\"ToleratedFailurePercentage\":40,\"MaxConcurrency\":5,", TASK),
                  "[1,2,3,4,5]");
    answer_failed(f, "E", "{}");
    answer_failed(f, "E", "{}");
    expect_run("RUNNING 5/0/3/0/2/0/0 5/0/3/0/2/0/0");
    while (f->call_count)
        answer_ok(f, "0");
    expect_outcome(f, "SUCCEEDED [0,0,0]");
    start_machine(f, MAP("\"ToleratedFailureCount\":1,\"MaxConcurrency\":4,", TASK), "[1,2,3,4,5]");
    answer_ok(f, "0");
    answer_failed(f, "E", "{}");
    answer_failed(f, "E", "{}");
    expect_outcome(f, "FAILED States.ExceedToleratedFailureThreshold: The specified tolerated "
                      "failure threshold was exceeded");
    expect_run("FAILED 5/0/0/1/2/0/2 5/0/0/1/2/0/2");
}

Test(sfn_map, results_are_written_to_files)
{
    static const char machine[] =
        MAP("\"ToleratedFailureCount\":1,\"MaxConcurrency\":1,\"ResultWriter\":{\"Resource\":"
            "\"arn:aws:states:::s3:putObject\",\"Parameters\":{\"Bucket\":\"out\",\"Prefix.$\":"
            "\"$$.Execution.Name\"}},",
            TASK);
    char key[768];
    char arn[512];
    start_machine(f, machine, "[1,2,3]");
    answer_ok(f, "{\"r\":1}");
    answer_failed(f, "Bad", "{\"errorMessage\":\"no\"}");
    answer_ok(f, "3");
    run_arn(arn);
    const char *name = strrchr(f->last_execution, ':') + 1;
    (void)snprintf(key, sizeof key, "%s/%s/SUCCEEDED_0.json", name, strrchr(arn, ':') + 1);
    json_t *rows = NULL;
    const char *text = get_object(f, "out", key);
    cr_assert_not_null(text, "%s", key);
    cr_assert_eq(json_parse(text, strlen(text), &rows, NULL), 0);
    cr_assert_eq(json_array_size(rows), 2);
    cr_expect_str_eq(json_str(json_array_get(rows, 0), "Output", ""), "{\"r\":1}");
    cr_expect_str_eq(json_str(json_array_get(rows, 1), "Input", ""), "3");
    json_decref(rows);
    (void)snprintf(key, sizeof key, "%s/%s/FAILED_0.json", name, strrchr(arn, ':') + 1);
    cr_expect(strstr(get_object(f, "out", key), "\"Error\":\"Bad\""));
    (void)snprintf(key, sizeof key, "%s/%s/manifest.json", name, strrchr(arn, ':') + 1);
    cr_expect(strstr(get_object(f, "out", key), "SUCCEEDED_0.json\",\"Size\":"));
    char *want = NULL;
    cr_assert_gt(asprintf(&want,
                          "SUCCEEDED {\"MapRunArn\":\"%s\",\"ResultWriterDetails\":{\"Bucket\":"
                          "\"out\",\"Key\":\"%s\"}}",
                          arn, key),
                 0);
    expect_outcome(f, want);
    free(want);
    f->s3_refuses = true;
    start_machine(f, machine, "[]");
    char *got = outcome(f);
    cr_expect(strncmp(got, "FAILED States.ResultWriterFailed: AccessDenied", 46) == 0, "%s", got);
    free(got);
}

Test(sfn_map, stopping_the_parent_stops_the_children)
{
    start_machine(f, MAP("\"MaxConcurrency\":2,", TASK), "[1,2,3]");
    json_decref(api(f, "StopExecution", json_pack("{s:s}", "executionArn", f->last_execution)));
    expect_run("ABORTED 3/1/0/0/0/0/2 3/1/0/0/0/0/2");
    json_t *aborted = children("ABORTED");
    cr_expect_eq(json_array_size(aborted), 2);
    json_decref(aborted);
    fixture_reopen(f);
    expect_run("ABORTED 3/1/0/0/0/0/2 3/1/0/0/0/0/2");
}

Test(sfn_map, stopping_a_child_is_a_failure_of_its_item)
{
    start_machine(f, MAP("", TASK), "[1]");
    json_t *running = children("RUNNING");
    const char *arn = json_str(json_array_get(running, 0), "executionArn", "");
    json_decref(api(f, "StopExecution", json_pack("{s:s}", "executionArn", arn)));
    json_decref(running);
    expect_outcome(f, "FAILED States.ExceedToleratedFailureThreshold: The specified tolerated "
                      "failure threshold was exceeded");
}

Test(sfn_map, maps_below_maps_retries_and_catches)
{
    start_machine(f,
                  MAP("\"Retry\":[{\"ErrorEquals\":[\"States.ALL\"],\"MaxAttempts\":1,"
                      "\"IntervalSeconds\":1}],\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],"
                      "\"Next\":\"A\"}],",
                      "\"I\":{\"Type\":\"Map\",\"End\":true,\"ItemProcessor\":{"
                      "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":"
                      "\"EXPRESS\"},\"StartAt\":\"J\",\"States\":{\"J\":{\"Type\":\"Task\","
                      "\"End\":true,\"Resource\":"
                      "\"arn:aws:lambda:eu-west-1:000000000000:function:f\"}}}}"),
                  "[[1,2],[3]]");
    cr_assert_eq(f->call_count, 3);
    answer_failed(f, "E", "{}");
    fixture_wait(f, 1);
    while (f->call_count > 3)
        answer_ok(f, "0"); /* of the first attempt: nobody waits */
    while (f->call_count)
        answer_ok(f, "1");
    expect_outcome(f, "SUCCEEDED [[1,1],[1]]");
}

Test(sfn_map, ten_thousand_items_and_their_restart)
{
    struct buf input;
    buf_init(&input, BUF_MAX_STATE);
    for (int i = 0; i < 10000; i++)
        buf_addf(&input, "%c%d", i ? ',' : '[', i);
    buf_addc(&input, ']');
    char *want = NULL;
    cr_assert_gt(asprintf(&want, "SUCCEEDED %s", buf_str(&input)), 0);
    start_machine(f, MAP("", PASS), buf_str(&input));
    expect_outcome(f, want);
    expect_run("SUCCEEDED 10000/0/0/10000/0/0/0 10000/0/0/10000/0/0/0");
    start_machine(f, MAP_OF("EXPRESS", "", PASS), buf_str(&input));
    fixture_reopen(f);
    expect_outcome(f, want);
    free(want);
    buf_free(&input);
}

/* The machine may hold what no express machine may; its children are resumed all the same. */
Test(sfn_map, express_children_of_a_standard_machine_are_resumed)
{
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"Label\":\"lot\","
                  "\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\","
                  "\"ExecutionType\":\"EXPRESS\"},"
                  "\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Wait\",\"Seconds\":5,\"End\":"
                  "true}}},\"Next\":\"B\"},\"B\":{\"Type\":\"Task\",\"Resource\":"
                  "\"arn:aws:states:::ecs:runTask.sync\",\"Parameters\":{\"TaskDefinition\":\"t\"},"
                  "\"End\":true}}}",
                  "[1,2]");
    fixture_reopen(f);
    fixture_wait(f, 5);
    expect_run("SUCCEEDED 2/0/0/2/0/0/0 2/0/0/2/0/0/0");
}
