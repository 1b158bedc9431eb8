/* What a definition may ask of the engine has bounds: loops without end, much data in one turn. */
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

TestSuite(sfn_bound, .init = setup, .fini = teardown, .timeout = 120);

/* As it is now: the call settles what moves only afterwards. */
static void expect_status(const char *want)
{
    json_t *d = api(f, "DescribeExecution", json_pack("{s:s}", "executionArn", f->last_execution));
    cr_expect_str_eq(json_str(d, "status", ""), want);
    json_decref(d);
}

/* Of the only map run of the last execution. */
static int64_t running_children(void)
{
    json_t *runs = api(f, "ListMapRuns", json_pack("{s:s}", "executionArn", f->last_execution));
    json_t *run = json_array_get(json_object_get(runs, "mapRuns"), 0);
    json_t *answer =
        api(f, "DescribeMapRun", json_pack("{s:s}", "mapRunArn", json_str(run, "mapRunArn", "")));
    int64_t count = json_int(json_object_get(answer, "executionCounts"), "running", -1);
    json_decref(answer);
    json_decref(runs);
    return count;
}

static void keep(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    json_t **answer = call->ctx;
    cr_assert_null(fault, "%s", fault ? fault->message : "");
    *answer = output;
}

/* They write no history; what they do is counted all the same. */
Test(sfn_bound, express_children_that_loop_are_ended)
{
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"ItemProcessor\":{"
                  "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"EXPRESS\"},"
                  "\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Pass\",\"Next\":\"J\"},"
                  "\"J\":{\"Type\":\"Pass\",\"Next\":\"I\"}}},\"End\":true}}}",
                  "[1]");
    expect_outcome(f,
                   "FAILED States.ExceedToleratedFailureThreshold: The specified tolerated failure "
                   "threshold was exceeded");
}

/* A machine of `count` Pass states, one after the other; new text. */
static char *chain(int count)
{
    struct buf text;
    buf_init(&text, BUF_MAX_SPEC);
    buf_adds(&text, "{\"StartAt\":\"S0\",\"States\":{");
    for (int i = 0; i < count; i++)
        buf_addf(&text, "\"S%d\":{\"Type\":\"Pass\",\"Next\":\"S%d\"},", i, i + 1);
    buf_addf(&text, "\"S%d\":{\"Type\":\"Succeed\"}}}", count);
    cr_assert_eq(buf_check(&text, NULL), 0);
    return text.data;
}

Test(sfn_bound, the_ceiling_of_states_is_told)
{
    for (int more = 0; more < 2; more++) {
        char *definition = chain(9999 + more);
        json_t *answer =
            api(f, "ValidateStateMachineDefinition", json_pack("{s:s}", "definition", definition));
        const json_t *first = json_array_get(json_object_get(answer, "diagnostics"), 0);
        cr_expect_str_eq(json_str(answer, "result", ""), more ? "FAIL" : "OK");
        cr_expect_str_eq(json_str(first, "message", ""),
                         more ? "A definition can have at most 10000 states" : "");
        json_decref(answer);
        free(definition);
    }
}

/* So many arrays inside one another. */
static void add_arrays(struct buf *text, int levels, const char *inside)
{
    for (int i = 0; i < levels; i++)
        buf_addc(text, '[');
    buf_adds(text, inside);
    for (int i = 0; i < levels; i++)
        buf_addc(text, ']');
}

/* Deeper data could be written into a checkpoint, but not be read from it. */
Test(sfn_bound, data_that_grows_too_deep_ends_the_execution)
{
    struct buf definition, input;
    buf_init(&definition, BUF_MAX_STATE);
    buf_init(&input, BUF_MAX_STATE);
    buf_adds(&definition, "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"B\","
                          "\"Parameters\":{\"a\":");
    add_arrays(&definition, 400, "{\"a.$\":\"$\"}");
    buf_adds(&definition, "}},\"B\":{\"Type\":\"Succeed\"}}}");
    add_arrays(&input, 1900, "");
    start_machine(f, buf_str(&definition), buf_str(&input));
    expect_outcome(f,
                   "FAILED States.DataLimitExceeded: The state/task 'A' returned a result with a "
                   "size exceeding the maximum number of bytes service limit.");
    buf_free(&definition);
    buf_free(&input);
}

Test(sfn_bound, input_that_is_too_deep_is_refused)
{
    struct buf input;
    char arn[256];
    buf_init(&input, BUF_MAX_STATE);
    add_arrays(&input, 2030, "");
    create_machine(f, "deep", "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}", arn);
    json_t *answer = api(f, "StartExecution",
                         json_pack("{s:s, s:s}", "stateMachineArn", arn, "input", buf_str(&input)));
    cr_expect_str_eq(json_str(answer, "__type", ""), "InvalidExecutionInput");
    json_decref(answer);
    buf_free(&input);
}

/* What has no text cannot be stored, and what is not stored holds every other execution up. */
Test(sfn_bound, variables_that_double_end_their_execution_and_no_other)
{
    start_machine(
        f,
        "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Assign\":{\"v\":\"0123456789\"},"
        "\"Next\":\"B\"},\"B\":{\"Type\":\"Pass\",\"Assign\":{\"v.$\":\"States.Array($v, $v)\"},"
        "\"Next\":\"B\"}}}",
        "{}");
    expect_outcome(f,
                   "FAILED States.DataLimitExceeded: The state/task 'B' assigns variables with a "
                   "size exceeding the maximum number of bytes service limit.");
    start_machine(f, "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}", "1");
    expect_outcome(f, "SUCCEEDED 1");
}

/* Each state writes its input twice. Too much of that in one turn could never be stored, and the
 * whole engine would wait for it for ever. */
Test(sfn_bound, much_data_is_stored_in_several_turns)
{
    char arn[256];
    char *definition = chain(60);
    char *input = calloc(1, 200003);
    cr_assert_not_null(input);
    memset(input, 'x', 200002);
    input[0] = input[200001] = '"';
    create_machine(f, "m", definition, arn);
    struct local_call call = {.operation = "StartExecution",
                              .input =
                                  json_pack("{s:s, s:s}", "stateMachineArn", arn, "input", input)};
    json_t *answer = NULL;
    call.ctx = &answer;
    call.done = keep;
    f->sfn->service.call(f->sfn, &call);
    (void)sfn_turn(f->sfn, 0);
    cr_assert_not_null(answer);
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s",
                   json_str(answer, "executionArn", ""));
    expect_status("RUNNING");
    fixture_settle(f);
    char *got = outcome(f);
    cr_expect(strncmp(got, "SUCCEEDED \"xxx", 14) == 0, "got %.200s", got);
    free(got);
    json_decref(answer);
    json_decref(call.input);
    free(definition);
    free(input);
}

/* Larger than any integer that it could be stored as. */
Test(sfn_bound, a_tolerance_without_bounds_outlives_a_restart)
{
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"ItemsPath\":\"$.l\","
                  "\"ToleratedFailureCountPath\":\"$.c\",\"ItemProcessor\":{\"ProcessorConfig\":{"
                  "\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"W\","
                  "\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":5,\"Next\":\"F\"},"
                  "\"F\":{\"Type\":\"Fail\"}}},\"End\":true}}}",
                  "{\"l\":[1,2],\"c\":1e300}");
    fixture_reopen(f);
    fixture_wait(f, 5);
    expect_outcome(f, "SUCCEEDED []");
}

/* More than one turn may hold: all children start nevertheless, without one of them ending. */
Test(sfn_bound, children_with_much_input_start_in_several_turns)
{
    struct buf input;
    buf_init(&input, BUF_MAX_STATE);
    buf_adds(&input, "{\"p\":\"");
    for (int i = 0; i < 200000; i++)
        buf_addc(&input, 'x');
    buf_adds(&input, "\",\"l\":[0");
    for (int i = 1; i < 100; i++)
        buf_adds(&input, ",0");
    buf_adds(&input, "]}");
    start_machine(
        f,
        "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"ItemsPath\":\"$.l\","
        "\"ItemSelector\":{\"p.$\":\"$.p\"},\"ResultPath\":null,\"OutputPath\":\"$.l[0]\","
        "\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\","
        "\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":"
        "\"Wait\",\"Seconds\":5,\"End\":true}}},\"End\":true}}}",
        buf_str(&input));
    cr_expect_eq(running_children(), 100);
    fixture_wait(f, 5);
    expect_outcome(f, "SUCCEEDED 0");
    buf_free(&input);
}

/* All functions answer at once, with more than one turn may hold. */
Test(sfn_bound, much_data_is_delivered_in_several_turns)
{
    static char big[200003];
    const struct lambda_outcome outcome = {.result = LAMBDA_OK,
                                           .status = 200,
                                           .code = "",
                                           .body = big,
                                           .body_len = sizeof big - 1,
                                           .request_id = "r"};
    struct buf text;
    memset(big, 'x', sizeof big - 1);
    big[0] = big[sizeof big - 2] = '"';
    buf_init(&text, BUF_MAX_SPEC);
    buf_adds(&text,
             "{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Parallel\",\"ResultPath\":null,"
             "\"End\":true,\"Branches\":[");
    for (int i = 0; i < 100; i++)
        buf_addf(&text,
                 "%s{\"StartAt\":\"T%d\",\"States\":{\"T%d\":{\"Type\":\"Task\",\"End\":true,"
                 "\"OutputPath\":null,\"Resource\":"
                 "\"arn:aws:lambda:eu-west-1:000000000000:function:f\"}}}",
                 i ? "," : "", i, i);
    buf_adds(&text, "]}}}");
    start_machine(f, buf_str(&text), "1");
    cr_assert_eq(f->call_count, 100);
    for (size_t i = 0; i < 100; i++) {
        f->calls[i].done(f->calls[i].ctx, &outcome);
        json_decref(f->calls[i].input);
    }
    f->call_count = 0;
    (void)sfn_turn(f->sfn, 0);
    expect_status("RUNNING");
    fixture_settle(f);
    expect_outcome(f, "SUCCEEDED 1");
    buf_free(&text);
}
