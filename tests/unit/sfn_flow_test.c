/* Pass, Choice, Wait, Succeed, Fail: what comes out, and the history it leaves. */
#include "tests/unit/sfn_support.h"

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

TestSuite(sfn_flow, .init = setup, .fini = teardown);

#define STATES(text) "{\"StartAt\":\"A\",\"States\":{" text "}}"

struct flow_case {
    const char *definition;
    const char *input;
    const char *outcome;
};

static void check(const struct flow_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        start_machine(f, cases[i].definition, cases[i].input);
        char *got = outcome(f);
        cr_expect_str_eq(got, cases[i].outcome, "%s: got %s", cases[i].definition, got);
        free(got);
    }
}

Test(sfn_flow, data_goes_through_states)
{
    static const struct flow_case cases[] = {
        {STATES("\"A\":{\"Type\":\"Pass\",\"End\":true}"), "{ \"a\" : 1 }",
         "SUCCEEDED { \"a\" : 1 }"},
        {STATES(
             "\"A\":{\"Type\":\"Pass\",\"Result\":{\"b\":2},\"ResultPath\":\"$.r\",\"End\":true}"),
         "{\"a\":1}", "SUCCEEDED {\"a\":1,\"r\":{\"b\":2}}"},
        {STATES("\"A\":{\"Type\":\"Pass\",\"Result\":5,\"ResultPath\":null,\"End\":true}"),
         "{\"a\":1}", "SUCCEEDED {\"a\":1}"},
        {STATES("\"A\":{\"Type\":\"Pass\",\"InputPath\":\"$.x\",\"Parameters\":{\"y.$\":\"$.z\"},"
                "\"OutputPath\":\"$.y\",\"End\":true}"),
         "{\"x\":{\"z\":[1]}}", "SUCCEEDED [1]"},
        {STATES("\"A\":{\"Type\":\"Pass\",\"InputPath\":null,\"End\":true}"), "{\"a\":1}",
         "SUCCEEDED {}"},
        {STATES("\"A\":{\"Type\":\"Pass\",\"Assign\":{\"v.$\":\"$.a\"},\"Next\":\"B\"},"
                "\"B\":{\"Type\":\"Pass\",\"Parameters\":{\"got.$\":\"$v\"},\"End\":true}"),
         "{\"a\":7}", "SUCCEEDED {\"got\":7}"},
        {STATES("\"A\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.n\","
                "\"NumericGreaterThan\":3,\"Next\":\"B\"}],\"Default\":\"C\"},"
                "\"B\":{\"Type\":\"Succeed\",\"OutputPath\":\"$.n\"},"
                "\"C\":{\"Type\":\"Fail\",\"Error\":\"Small\",\"Cause\":\"too small\"}"),
         "{\"n\":4}", "SUCCEEDED 4"},
        {STATES("\"A\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.n\","
                "\"NumericGreaterThan\":3,\"Next\":\"B\"}],\"Default\":\"C\"},"
                "\"B\":{\"Type\":\"Succeed\"},"
                "\"C\":{\"Type\":\"Fail\",\"Error\":\"Small\",\"Cause\":\"too small\"}"),
         "{\"n\":1}", "FAILED Small: too small"},
        {STATES("\"A\":{\"Type\":\"Fail\",\"ErrorPath\":\"$.e\","
                "\"CausePath\":\"States.Format('{}!',$.c)\"}"),
         "{\"e\":\"X\",\"c\":\"why\"}", "FAILED X: why!"},
        {STATES("\"A\":{\"Type\":\"Fail\"}"), "{}", "FAILED "},
        {STATES("\"A\":{\"Type\":\"Pass\",\"OutputPath\":\"$.no\",\"End\":true}"), "{}",
         "FAILED States.Runtime: An error occurred while executing the state 'A' (entered at the "
         "event id #2). Invalid path '$.no' : No results for path: $['no']"},
        {STATES("\"A\":{\"Type\":\"Wait\",\"SecondsPath\":\"$.s\",\"End\":true}"), "{\"s\":-1}",
         "FAILED States.Runtime: An error occurred while executing the state 'A' (entered at the "
         "event id #2). The SecondsPath parameter references a negative value: $.s == -1"},
        {STATES("\"A\":{\"Type\":\"Wait\",\"Timestamp\":\"2001-01-01T00:00:00Z\",\"End\":true}"),
         "{}", "SUCCEEDED {}"},
    };
    check(cases, sizeof cases / sizeof cases[0]);
}

Test(sfn_flow, history_names_what_led_to_what)
{
    start_machine(f,
                  STATES("\"A\":{\"Type\":\"Pass\",\"Next\":\"B\"},"
                         "\"B\":{\"Type\":\"Wait\",\"Seconds\":0,\"Next\":\"C\"},"
                         "\"C\":{\"Type\":\"Succeed\"}"),
                  "{}");
    expect_history(f, "1<0 ExecutionStarted\n"
                      "2<0 PassStateEntered\n"
                      "3<2 PassStateExited\n"
                      "4<3 WaitStateEntered\n"
                      "5<4 WaitStateExited\n"
                      "6<5 SucceedStateEntered\n"
                      "7<6 SucceedStateExited\n"
                      "8<7 ExecutionSucceeded\n");
}

Test(sfn_flow, waits_end_when_their_time_has_come)
{
    start_machine(f, STATES("\"A\":{\"Type\":\"Wait\",\"Seconds\":30,\"End\":true}"), "{\"a\":1}");
    fixture_wait(f, 29.9);
    expect_outcome(f, "RUNNING ");
    fixture_wait(f, 0.1);
    expect_outcome(f, "SUCCEEDED {\"a\":1}");
}

Test(sfn_flow, waits_outlive_a_restart)
{
    start_machine(f,
                  STATES("\"A\":{\"Type\":\"Pass\",\"Assign\":{\"v\":\"kept\"},\"Next\":\"W\"},"
                         "\"W\":{\"Type\":\"Wait\",\"Seconds\":30,\"Next\":\"B\"},"
                         "\"B\":{\"Type\":\"Pass\",\"Parameters\":{\"v.$\":\"$v\",\"in.$\":\"$\"},"
                         "\"End\":true}"),
                  "{\"a\":1}");
    fixture_wait(f, 10);
    fixture_reopen(f);
    expect_outcome(f, "RUNNING ");
    fixture_wait(f, 20);
    expect_outcome(f, "SUCCEEDED {\"v\":\"kept\",\"in\":{\"a\":1}}");
    char *got = history(f);
    cr_expect(strstr(got, "8<7 ExecutionSucceeded\n"), "%s", got);
    free(got);
}

Test(sfn_flow, an_execution_times_out)
{
    start_machine(f,
                  "{\"TimeoutSeconds\":5,\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\","
                  "\"Seconds\":60,\"End\":true}}}",
                  "{}");
    fixture_wait(f, 3);
    fixture_reopen(f);
    fixture_wait(f, 2);
    expect_outcome(f, "TIMED_OUT ");
}

Test(sfn_flow, a_loop_without_end_is_ended)
{
    start_machine(f,
                  STATES("\"A\":{\"Type\":\"Pass\",\"Next\":\"B\"},"
                         "\"B\":{\"Type\":\"Pass\",\"Next\":\"A\"}"),
                  "{}");
    expect_outcome(f, "FAILED States.Runtime: The execution reached the maximum number of "
                      "history events (25000).");
}
