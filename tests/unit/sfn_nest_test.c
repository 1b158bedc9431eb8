/* Parallel and Map: order, concurrency, failures, restarts, size. */
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

TestSuite(sfn_nest, .init = setup, .fini = teardown);

#define STATES(text) "{\"StartAt\":\"A\",\"States\":{" text "}}"
#define MAP(options, states)                                                                       \
    STATES("\"A\":{\"Type\":\"Map\"," options                                                      \
           "\"ItemProcessor\":{\"StartAt\":\"I\",\"States\":{" states "}},\"End\":true}")
#define PASS "\"I\":{\"Type\":\"Pass\",\"End\":true}"

Test(sfn_nest, branches_of_parallel_answer_in_their_order)
{
    start_machine(f,
                  STATES("\"A\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":["
                         "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":5,"
                         "\"Next\":\"X\"},\"X\":{\"Type\":\"Pass\",\"Result\":1,\"End\":true}}},"
                         "{\"StartAt\":\"Y\",\"States\":{\"Y\":{\"Type\":\"Pass\",\"Result\":2,"
                         "\"End\":true}}}]}"),
                  "{}");
    fixture_wait(f, 5);
    expect_outcome(f, "SUCCEEDED [1,2]");
    expect_history(f, "1<0 ExecutionStarted\n2<0 ParallelStateEntered\n3<2 ParallelStateStarted\n"
                      "4<3 WaitStateEntered\n5<3 PassStateEntered\n6<5 PassStateExited\n"
                      "7<4 WaitStateExited\n8<7 PassStateEntered\n9<8 PassStateExited\n"
                      "10<9 ParallelStateSucceeded\n11<9 ParallelStateExited\n"
                      "12<11 ExecutionSucceeded\n");
}

Test(sfn_nest, a_failing_branch_ends_the_others_and_can_be_caught)
{
    start_machine(f,
                  STATES("\"A\":{\"Type\":\"Parallel\",\"Next\":\"Z\",\"Branches\":["
                         "{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":50,"
                         "\"End\":true}}},"
                         "{\"StartAt\":\"Y\",\"States\":{\"Y\":{\"Type\":\"Fail\",\"Error\":\"E\","
                         "\"Cause\":\"c\"}}}],\"Catch\":[{\"ErrorEquals\":[\"E\"],"
                         "\"ResultPath\":\"$.e\",\"Next\":\"Z\"}]},\"Z\":{\"Type\":\"Succeed\"}"),
                  "{\"a\":1}");
    expect_outcome(f, "SUCCEEDED {\"a\":1,\"e\":{\"Error\":\"E\",\"Cause\":\"c\"}}");
    expect_history(f, "1<0 ExecutionStarted\n2<0 ParallelStateEntered\n3<2 ParallelStateStarted\n"
                      "4<3 WaitStateEntered\n5<3 FailStateEntered\n6<4 WaitStateAborted\n"
                      "7<5 ParallelStateFailed\n8<7 ParallelStateExited\n9<8 SucceedStateEntered\n"
                      "10<9 SucceedStateExited\n11<10 ExecutionSucceeded\n");
}

Test(sfn_nest, map_runs_one_after_the_other_when_told_so)
{
    start_machine(f, MAP("\"MaxConcurrency\":1,", PASS), "[1,2]");
    expect_outcome(f, "SUCCEEDED [1,2]");
    expect_history(f, "1<0 ExecutionStarted\n2<0 MapStateEntered\n3<2 MapStateStarted\n"
                      "4<3 MapIterationStarted\n5<4 PassStateEntered\n6<5 PassStateExited\n"
                      "7<6 MapIterationSucceeded\n8<6 MapIterationStarted\n9<8 PassStateEntered\n"
                      "10<9 PassStateExited\n11<10 MapIterationSucceeded\n12<11 MapStateSucceeded\n"
                      "13<11 MapStateExited\n14<13 ExecutionSucceeded\n");
}

struct map_case {
    const char *definition;
    const char *input;
    const char *outcome;
};

Test(sfn_nest, map_shapes_its_items_and_results)
{
    static const struct map_case cases[] = {
        {MAP("", PASS), "[]", "SUCCEEDED []"},
        {MAP("\"ItemsPath\":\"$.l\",\"ItemSelector\":{\"i.$\":\"$$.Map.Item.Index\","
             "\"v.$\":\"$$.Map.Item.Value\",\"k.$\":\"$.k\"},",
             PASS),
         "{\"l\":[\"x\",\"y\"],\"k\":9}",
         "SUCCEEDED [{\"i\":0,\"v\":\"x\",\"k\":9},{\"i\":1,\"v\":\"y\",\"k\":9}]"},
        {MAP("\"ItemsPath\":\"$.l\",\"ResultPath\":\"$.r\",",
             "\"I\":{\"Type\":\"Pass\",\"Parameters\":{\"n.$\":\"$$.Map.Item.Index\"},"
             "\"End\":true}"),
         "{\"l\":[5]}", "SUCCEEDED {\"l\":[5],\"r\":[{\"n\":0}]}"},
        {MAP("", PASS), "{}",
         "FAILED States.Runtime: An error occurred while executing the state 'A' (entered at the "
         "event id #2). Reference path \"$\" must point to array."},
        {MAP("\"ToleratedFailureCount\":1,",
             "\"I\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$\",\"NumericEquals\":2,"
             "\"Next\":\"X\"}],\"Default\":\"Y\"},\"X\":{\"Type\":\"Fail\",\"Error\":\"E\"},"
             "\"Y\":{\"Type\":\"Succeed\"}"),
         "[1,2,3]", "SUCCEEDED [1,3]"},
        {MAP("\"ToleratedFailurePercentage\":40,",
             "\"I\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$\","
             "\"NumericGreaterThan\":1,\"Next\":\"X\"}],\"Default\":\"Y\"},"
             "\"X\":{\"Type\":\"Fail\",\"Error\":\"E\"},\"Y\":{\"Type\":\"Succeed\"}"),
         "[1,2,3]",
         "FAILED States.ExceedToleratedFailureThreshold: The specified tolerated failure threshold "
         "was exceeded"},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"Iterator\":{\"StartAt\":\"I\","
         "\"States\":{\"I\":{\"Type\":\"Fail\",\"Error\":\"E\",\"Cause\":\"c\"}}},\"End\":true}}}",
         "[1]", "FAILED E: c"},
        {MAP("", "\"I\":{\"Type\":\"Map\",\"ItemProcessor\":{\"StartAt\":\"J\",\"States\":{\"J\":"
                 "{\"Type\":\"Pass\",\"End\":true}}},\"End\":true}"),
         "[[1,2],[3]]", "SUCCEEDED [[1,2],[3]]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_machine(f, cases[i].definition, cases[i].input);
        expect_outcome(f, cases[i].outcome);
    }
}

Test(sfn_nest, map_is_tried_again_as_a_whole)
{
    start_machine(f,
                  MAP("\"Retry\":[{\"ErrorEquals\":[\"E\"],\"IntervalSeconds\":2,"
                      "\"MaxAttempts\":1}],",
                      "\"I\":{\"Type\":\"Fail\",\"Error\":\"E\"}"),
                  "[1]");
    expect_outcome(f, "RUNNING ");
    fixture_wait(f, 2);
    expect_outcome(f, "FAILED E");
    expect_history(f, "1<0 ExecutionStarted\n2<0 MapStateEntered\n3<2 MapStateStarted\n"
                      "4<3 MapIterationStarted\n5<4 FailStateEntered\n6<5 MapIterationFailed\n"
                      "7<5 MapStateStarted\n8<7 MapIterationStarted\n9<8 FailStateEntered\n"
                      "10<9 MapIterationFailed\n11<9 MapStateFailed\n12<11 ExecutionFailed\n");
}

Test(sfn_nest, a_distributed_map_tells_its_run_not_its_items)
{
    start_machine(f,
                  STATES("\"A\":{\"Type\":\"Map\",\"ItemProcessor\":{\"ProcessorConfig\":{"
                         "\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},"
                         "\"StartAt\":\"I\",\"States\":{" PASS "}},\"End\":true}"),
                  "[1,2,3]");
    expect_outcome(f, "SUCCEEDED [1,2,3]");
    expect_history(f, "1<0 ExecutionStarted\n2<0 MapStateEntered\n3<2 MapStateStarted\n"
                      "4<3 MapRunStarted\n5<4 MapRunSucceeded\n6<5 MapStateSucceeded\n"
                      "7<5 MapStateExited\n8<7 ExecutionSucceeded\n");
}

static char *numbers(int count)
{
    struct buf out;
    buf_init(&out, BUF_MAX_STATE);
    for (int i = 0; i < count; i++)
        buf_addf(&out, "%c%d", i ? ',' : '[', i);
    buf_addc(&out, ']');
    return buf_take(&out, NULL);
}

/* Four events an iteration and those around them. */
Test(sfn_nest, six_thousand_items)
{
    char *input = numbers(6000);
    char *want = NULL;
    start_machine(f, MAP("", PASS), input);
    cr_assert_gt(asprintf(&want, "SUCCEEDED %s", input), 0);
    expect_outcome(f, want);
    json_t *all = events(f);
    cr_expect_eq(json_array_size(all), 24006);
    json_decref(all);
    free(want);
    free(input);
}

Test(sfn_nest, an_execution_has_25000_events_at_most)
{
    char *input = numbers(10000);
    start_machine(f, MAP("", PASS), input);
    expect_outcome(f, "FAILED States.Runtime: The execution reached the maximum number of history "
                      "events (25000).");
    json_t *all = events(f);
    cr_expect_geq(json_array_size(all), 25000);
    cr_expect_leq(json_array_size(all), 25000 + INLINE_CONCURRENCY);
    json_decref(all);
    free(input);
}

Test(sfn_nest, a_map_outlives_restarts_in_its_middle)
{
    char *input = numbers(100);
    char *want = NULL;
    start_machine(
        f, MAP("\"MaxConcurrency\":7,", "\"I\":{\"Type\":\"Wait\",\"Seconds\":3,\"End\":true}"),
        input);
    for (int i = 0; i < 40; i++) {
        fixture_wait(f, 1.5);
        if (i % 3 == 0)
            fixture_reopen(f);
    }
    cr_assert_gt(asprintf(&want, "SUCCEEDED %s", input), 0);
    expect_outcome(f, want);
    char *got = history(f);
    cr_expect(strstr(got, "<0 MapStateEntered\n"), "%s", got);
    size_t started = 0;
    for (const char *at = got; (at = strstr(at, "MapIterationStarted")) != NULL; at++)
        started++;
    cr_expect_eq(started, 100);
    free(got);
    free(want);
    free(input);
}

Test(sfn_nest, stopping_ends_all_that_runs_below)
{
    start_machine(f, MAP("", "\"I\":{\"Type\":\"Wait\",\"Seconds\":300,\"End\":true}"), "[1,2,3]");
    json_t *answer = api(f, "StopExecution",
                         json_pack("{s:s, s:s, s:s}", "executionArn", f->last_execution, "error",
                                   "Stop", "cause", "enough"));
    cr_expect_not_null(json_object_get(answer, "stopDate"));
    json_decref(answer);
    expect_outcome(f, "ABORTED Stop: enough");
    fixture_reopen(f);
    fixture_wait(f, 400);
    expect_outcome(f, "ABORTED Stop: enough");
}

/* {"l":[1],"s":"xxx..."}: it fits once, but not twice. */
static char *half_of_the_bound(void)
{
    struct buf out;
    buf_init(&out, BUF_MAX_STATE);
    buf_adds(&out, "{\"l\":[1],\"s\":\"");
    for (int i = 0; i < STATE_BYTES_MAX * 3 / 5; i++)
        buf_addc(&out, 'x');
    buf_adds(&out, "\"}");
    return buf_take(&out, NULL);
}

static void expect_too_large(const char *definition, const char *what)
{
    char *input = half_of_the_bound();
    char *want = NULL;
    cr_assert_gt(asprintf(&want,
                          "FAILED States.DataLimitExceeded: The state/task 'A' %s with a size "
                          "exceeding the maximum number of bytes service limit.",
                          what),
                 0);
    start_machine(f, definition, input);
    expect_outcome(f, want);
    free(want);
    free(input);
}

#define TWICE "{\"a.$\":\"$.s\",\"b.$\":\"$.s\"}"

Test(sfn_nest, inputs_have_a_bound)
{
    expect_too_large(MAP("\"ItemsPath\":\"$.l\",\"ItemSelector\":" TWICE ",", PASS),
                     "passes on an input");
    expect_too_large(STATES("\"A\":{\"Type\":\"Parallel\",\"End\":true,\"Parameters\":" TWICE
                            ",\"Branches\":[{\"StartAt\":\"I\",\"States\":{" PASS "}}]}"),
                     "passes on an input");
    expect_too_large(STATES("\"A\":{\"Type\":\"Task\",\"End\":true,\"Parameters\":" TWICE
                            ",\"Resource\":\"arn:aws:lambda:eu-west-1:000000000000:function:f\"}"),
                     "is called with parameters");
    cr_expect_eq(f->call_count, 0);
    expect_too_large(STATES("\"A\":{\"Type\":\"Pass\",\"End\":true,\"Parameters\":" TWICE "}"),
                     "returned a result");
}

Test(sfn_nest, results_of_a_distributed_map_that_are_too_large)
{
    char *input = numbers(300);
    start_machine(
        f,
        STATES("\"A\":{\"Type\":\"Map\",\"End\":true,\"ItemProcessor\":{"
               "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":"
               "\"STANDARD\"},\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Pass\","
               "\"End\":true,\"Parameters\":{\"a.$\":\"States.ArrayRange(1,800,1)\"}}}}}"),
        input);
    char *got = outcome(f);
    cr_expect(strncmp(got, "FAILED States.DataLimitExceeded: ", 33) == 0, "%.90s", got);
    free(got);
    free(input);
}
