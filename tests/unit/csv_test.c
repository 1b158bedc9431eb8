/* server/api/csv, /metrics and server/calls. */
#include "server/api/csv.h"

#include "server/calls.h"
#include "server/live/live.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/routes_fixture.h"

#include <string.h>

static void check_field(const char *text, const char *wanted)
{
    struct buf out;
    buf_init(&out, BUF_MAX_LINE);
    csv_text(&out, text);
    cr_assert_str_eq(buf_str(&out), wanted);
    buf_free(&out);
}

Test(csv, quotes_as_rfc_4180_says)
{
    check_field(NULL, "");
    check_field("", "");
    check_field("plain text", "plain text");
    check_field("a,b", "\"a,b\"");
    check_field("say \"no\"", "\"say \"\"no\"\"\"");
    check_field("two\nlines", "\"two\nlines\"");
    check_field(" blank", "\" blank\"");
}

Test(csv, nothing_is_a_formula)
{
    check_field("=1+1", "\"'=1+1\"");
    check_field("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\"");
    check_field("-2", "\"'-2\"");
    check_field("@SUM(A1)", "\"'@SUM(A1)\"");
    check_field("\t=1", "\"'\t=1\"");
    check_field("a=b", "a=b");
}

Test(csv, a_line_has_the_fields_of_the_head)
{
    struct buf head;
    struct buf line;
    const struct store_task task = {.name = "t,1",
                                    .status = AUDIT_FAILED,
                                    .stopped_reason = "a\r\nb",
                                    .exec_time_in_seconds = 0.5,
                                    .bytes = -1,
                                    .exit_code = 137,
                                    .attempt = 1};
    size_t commas[2] = {0, 0};
    buf_init(&head, BUF_MAX_LINE);
    buf_init(&line, BUF_MAX_LINE);
    csv_head(&head);
    csv_task(&line, &task);
    for (const char *p = buf_str(&head); *p; p++)
        commas[0] += *p == ',';
    for (const char *p = strchr(buf_str(&line) + 1, '"'); *p; p++)
        commas[1] += *p == ',';
    cr_assert_eq(commas[0], commas[1], "%s%s", buf_str(&head), buf_str(&line));
    cr_assert_eq(strncmp(buf_str(&line), "\"t,1\",Failed,,,\"a\r\nb\",137,1,", 27), 0, "%s",
                 buf_str(&line));
    cr_assert_str_eq(buf_str(&line) + line.len - 2, "\r\n");
    buf_free(&head);
    buf_free(&line);
}

Test(calls, counts_by_operation_and_minute)
{
    static struct calls calls;
    calls_note(&calls, "sfn", "StartExecution", CALL_OK, 4 * CLOCK_MS, CLOCK_SECOND);
    calls_note(&calls, "sfn", "StartExecution", CALL_THROTTLED, 30 * CLOCK_SECOND,
               2 * CLOCK_SECOND);
    calls_note(&calls, "dynamodb", "Query", CALL_THROTTLED, CLOCK_MS, 50 * CLOCK_SECOND);
    cr_assert_eq(atomic_load(&calls.count), 2);
    cr_assert_eq(atomic_load(&calls.rows[0].results[CALL_OK]), 1);
    cr_assert_eq(atomic_load(&calls.rows[0].buckets[0]), 1);
    cr_assert_eq(atomic_load(&calls.rows[0].buckets[CALLS_BUCKETS - 1]), 1);
    cr_assert_eq(calls_throttled(&calls, 55 * CLOCK_SECOND), 2);
    cr_assert_eq(calls_throttled(&calls, 63 * CLOCK_SECOND), 1, "the first is a minute old");
    cr_assert_eq(calls_throttled(&calls, 200 * CLOCK_SECOND), 0);
}

/* Each name has its HELP and TYPE before its samples, and the buckets of a histogram add up. */
Test(calls, metrics_are_prometheus_text)
{
    static struct calls calls;
    static const char *const wanted[] = {
        "\n# TYPE stepfleet_aws_request_duration_seconds histogram\n",
        "{service=\"sfn\",op=\"StartExecution\",le=\"0.025\"} 1\n",
        "{service=\"sfn\",op=\"StartExecution\",le=\"+Inf\"} 2\n",
        "op=\"StartExecution\",result=\"throttled\"} 1\n",
        "\nstepfleet_mirror_lag_seconds 0\n",
        "stepfleet_build_info{version=\"",
    };
    struct routes_fixture f;
    struct raw_reply r;
    routes_fixture_open(&f);
    f.services.calls = &calls;
    calls_note(&calls, "sfn", "StartExecution", CALL_OK, 20 * CLOCK_MS, 0);
    calls_note(&calls, "sfn", "StartExecution", CALL_THROTTLED, 30 * CLOCK_SECOND, 0);
    raw_call(f.port, "GET", "/metrics", "", "", &r);
    cr_assert_eq(r.status, 200);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_assert_not_null(strstr(buf_str(&r.body), wanted[i]), "no '%s' in %s", wanted[i],
                           buf_str(&r.body));
    raw_reply_free(&r);
    routes_fixture_close(&f);
}
