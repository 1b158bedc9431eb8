/* The pure parts of the control loop: pace, quota, sets, ARNs, details, endings. */
#include "lib/json/json_read.h"
#include "server/control/ending.h"
#include "server/loop/loop.h"
#include "server/loop/pace.h"
#include "server/loop/seen.h"
#include "server/submit/submit.h"
#include "server/watch/watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(loop, intervals_grow_while_nothing_moves)
{
    struct pace p;
    pace_init(&p, 200, 1000);
    cr_assert_eq(p.due, 0);
    const int64_t due[] = {300, 450, 675, 1000, 1000};
    for (size_t i = 0; i < sizeof due / sizeof *due; i++) {
        pace_looked(&p, 10000, false, 0);
        cr_assert_eq(p.due, 10000 + due[i], "look %zu: %lld", i, (long long)p.due);
    }
    pace_looked(&p, 10000, true, 0);
    cr_assert_eq(p.due, 10200);
    pace_looked(&p, 10000, true, 700);
    cr_assert_eq(p.due, 10700, "not before the floor");
    pace_moved(&p, 10000);
    cr_assert_eq(p.due, 10200);
    pace_moved(&p, 10100);
    cr_assert_eq(p.due, 10200, "a hint never delays");
}

Test(loop, backoff_is_jittered_between_its_bounds)
{
    for (int64_t failures = 1; failures < 100; failures++) {
        int64_t wait = pace_backoff(250, 60000, failures);
        cr_assert_geq(wait, 250);
        cr_assert_leq(wait, 60000);
        if (failures == 1)
            cr_assert_leq(wait, 500);
    }
}

Test(loop, a_quota_holds_a_second_and_refills)
{
    struct quota q;
    int64_t next = 0;
    quota_init(&q, 2, 0);
    cr_assert(quota_take(&q, 0, &next));
    cr_assert(quota_take(&q, 0, &next));
    cr_assert_not(quota_take(&q, 0, &next));
    cr_assert_geq(next, CLOCK_SECOND / 2);
    cr_assert_leq(next, CLOCK_SECOND / 2 + 2);
    cr_assert(quota_take(&q, next, &next));
    cr_assert(quota_take(&q, 100 * CLOCK_SECOND, &next));
    cr_assert(quota_take(&q, 100 * CLOCK_SECOND, &next));
    cr_assert_not(quota_take(&q, 100 * CLOCK_SECOND, &next), "not more than one second's worth");
}

Test(loop, a_set_knows_what_was_seen)
{
    struct seen s = {0};
    cr_assert_not(seen_has(&s, 1));
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t hash = seen_hash(SEEN_START, &i, sizeof i);
        cr_assert_eq(seen_add(&s, hash), 1);
        cr_assert_eq(seen_add(&s, hash), 0);
    }
    cr_assert_eq(seen_add(&s, 0), 1);
    cr_assert(seen_has(&s, 0));
    cr_assert_not(seen_has(&s, 12345));
    cr_assert_eq(s.count, 5001);
    cr_assert_neq(seen_hash_text(seen_hash_text(SEEN_START, "a"), "bc"),
                  seen_hash_text(seen_hash_text(SEEN_START, "ab"), "c"));
    seen_free(&s);
    cr_assert_not(seen_has(&s, 0));
}

static const struct {
    struct error err;
    enum loop_fault fault;
} faults[] = {
    {{.code = ERR_NETWORK}, LOOP_PASSING},
    {{.code = ERR_TIMEOUT}, LOOP_PASSING},
    {{.code = ERR_LIMIT}, LOOP_FINAL},
    {{.code = ERR_REMOTE, .http_status = 500, .remote = "InternalError"}, LOOP_PASSING},
    {{.code = ERR_REMOTE, .http_status = 503}, LOOP_PASSING},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ThrottlingException"}, LOOP_PASSING},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ExecutionLimitExceeded"}, LOOP_PASSING},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "ExpiredTokenException"}, LOOP_PASSING},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "AccessDeniedException"}, LOOP_DENIED},
    {{.code = ERR_REMOTE, .http_status = 403}, LOOP_DENIED},
    {{.code = ERR_REMOTE, .http_status = 400, .remote = "StateMachineDoesNotExist"}, LOOP_FINAL},
};

Test(loop, judges_errors)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        cr_expect_eq(loop_fault(&faults[i].err), faults[i].fault, "%zu %s", i,
                     faults[i].err.remote);
}

/* --- submit --- */

static const struct {
    const char *machine;
    const char *arn; /* NULL: refused */
} arns[] = {
    {"arn:aws:states:eu-west-1:1:stateMachine:m", "arn:aws:states:eu-west-1:1:execution:m:run"},
    {"arn:aws-cn:states:cn-north-1:1:stateMachine:m:live",
     "arn:aws-cn:states:cn-north-1:1:execution:m:run"},
    {"arn:aws:states:eu-west-1:1:stateMachine:m:7", "arn:aws:states:eu-west-1:1:execution:m:run"},
    {"arn:aws:states:eu-west-1:1:stateMachine:", NULL},
    {"arn:aws:states:eu-west-1:1:activity:m", NULL},
    {"m", NULL},
};

Test(loop, derives_execution_arns)
{
    for (size_t i = 0; i < sizeof arns / sizeof *arns; i++) {
        char out[SUBMIT_ARN_MAX] = "";
        struct error err = {0};
        int rc = submit_execution_arn(arns[i].machine, "run", out, &err);
        cr_expect_eq(rc, arns[i].arn ? 0 : -1, "%s", arns[i].machine);
        if (arns[i].arn)
            cr_expect_str_eq(out, arns[i].arn);
        else
            cr_expect_eq(err.code, ERR_ARGUMENT);
    }
}

Test(loop, compares_inputs_as_json)
{
    cr_expect(submit_same_input("{\"a\":1,\"b\":[2]}", "{ \"b\": [2], \"a\": 1 }"));
    cr_expect_not(submit_same_input("{\"a\":1}", "{\"a\":2}"));
    cr_expect_not(submit_same_input("{\"a\":1}", "no json"));
    cr_expect(submit_same_input("no json", "no json"));
}

/* --- watch --- */

static void details_of(const char *name, char fill, size_t len, struct buf *out)
{
    struct buf text;
    buf_init(&text, BUF_MAX_SPEC);
    for (size_t i = 0; i < len; i++)
        buf_addc(&text, fill);
    json_t *details = json_object();
    json_object_set_new(details, "name", json_string("InvokeTaskMonitor"));
    json_object_set_new(details, name, json_string(buf_str(&text)));
    watch_details(details, out);
    json_decref(details);
    buf_free(&text);
}

Test(loop, long_details_are_cut_and_say_so)
{
    struct buf out;
    buf_init(&out, BUF_MAX_SPEC);
    watch_details(NULL, &out);
    cr_assert_eq(out.len, 0);
    details_of("input", 'x', 100, &out);
    cr_assert_gt(out.len, 100);
    cr_assert_null(strstr(buf_str(&out), "in all"));
    buf_reset(&out);
    details_of("input", 'x', 262144, &out);
    cr_assert_leq(out.len, (size_t)WATCH_DETAILS_MAX);
    cr_assert_not_null(strstr(buf_str(&out), "... (262144 bytes in all)"));
    cr_assert_not_null(strstr(buf_str(&out), "InvokeTaskMonitor"));
    buf_free(&out);
}

/* --- endings --- */

static const struct {
    struct ending_facts facts;
    enum audit_status status;
    enum audit_status tasks;
    const char *reason; /* "": none */
} endings[] = {
    {{.execution_status = "SUCCEEDED", .tasks = {0, 0, 3, 0, 0}},
     AUDIT_COMPLETED,
     AUDIT_FAILED,
     ""},
    {{.execution_status = "SUCCEEDED", .tasks = {0, 0, 2, 1, 0}},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "1 of 3 tasks failed (0 tolerated)"},
    {{.execution_status = "SUCCEEDED", .tasks = {0, 0, 2, 1, 0}, .tolerated = 1},
     AUDIT_COMPLETED,
     AUDIT_FAILED,
     "1 of 3 tasks failed (1 tolerated)"},
    {{.execution_status = "SUCCEEDED", .tasks = {1, 1, 1, 0, 0}, .tolerated = 3},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution succeeded, but 2 of 3 tasks have no final audit row"},
    {{.execution_status = "SUCCEEDED", .tasks = {3, 0, 0, 0, 0}, .mirror_problem = "no table"},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution succeeded, but the audit rows cannot be read: no table"},
    {{.execution_status = "SUCCEEDED", .tasks = {2, 0, 1, 0, 0}, .found_ended = true},
     AUDIT_COMPLETED,
     AUDIT_COMPLETED,
     "Step Functions says that the execution succeeded; this server found it later, and of 2 of "
     "its 3 tasks there is no audit row"},
    {{.execution_status = "SUCCEEDED",
      .tasks = {3, 0, 0, 0, 0},
      .found_ended = true,
      .tolerated = 2,
      .mirror_problem = "no table"},
     AUDIT_COMPLETED,
     AUDIT_COMPLETED,
     "Step Functions says that the execution succeeded; this server found it later, and of 3 of "
     "its 3 tasks there is no audit row (no table); up to 2 may have failed"},
    {{.execution_status = "SUCCEEDED", .tasks = {1, 1, 1, 0, 0}, .found_ended = true},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution succeeded, but 2 of 3 tasks have no final audit row"},
    {{.execution_status = "SUCCEEDED", .tasks = {1, 0, 1, 1, 0}, .found_ended = true},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution succeeded, but 1 of 3 tasks have no final audit row"},
    {{.execution_status = "FAILED", .tasks = {3, 0, 0, 0, 0}, .found_ended = true},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution failed"},
    {{.execution_status = "FAILED", .error = "States.Runtime", .cause = "bad path"},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution failed: States.Runtime: bad path"},
    {{.execution_status = "FAILED",
      .error = "Stepfleet.Denied",
      .cause = "{\"errorMessage\":\"no cluster\",\"errorType\":\"x\"}"},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution failed: Stepfleet.Denied: no cluster"},
    {{.execution_status = "FAILED", .error = "X", .summary_reason = "2 of 3 tasks failed"},
     AUDIT_FAILED,
     AUDIT_FAILED,
     "the execution failed: 2 of 3 tasks failed"},
    {{.execution_status = "FAILED"}, AUDIT_FAILED, AUDIT_FAILED, "the execution failed"},
    {{.execution_status = "TIMED_OUT"}, AUDIT_FAILED, AUDIT_FAILED, "the execution timed out"},
    {{.execution_status = "ABORTED", .cancelled = true},
     AUDIT_CANCELLED,
     AUDIT_CANCELLED,
     "cancelled on request"},
    {{.execution_status = "ABORTED", .cause = "by the operator"},
     AUDIT_CANCELLED,
     AUDIT_CANCELLED,
     "the execution was stopped: by the operator"},
};

Test(loop, runs_end_with_the_truth)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct ending ending;
        ending_decide(&endings[i].facts, &ending);
        cr_expect_eq(ending.close.status, endings[i].status, "case %zu", i);
        cr_expect_eq(ending.close.task_status, endings[i].tasks, "case %zu", i);
        cr_expect_str_eq(ending.close.reason ? ending.close.reason : "", endings[i].reason);
        cr_expect_not_null(ending.close.task_reason);
    }
}

Test(loop, long_reasons_are_cut_between_characters)
{
    char cause[4096];
    for (size_t i = 0; i + 1 < sizeof cause; i += 2)
        memcpy(cause + i, "\xc3\xa9", 2);
    cause[sizeof cause - 2] = '\0';
    struct ending ending;
    struct ending_facts facts = {.execution_status = "FAILED", .cause = cause};
    ending_decide(&facts, &ending);
    size_t len = strlen(ending.reason);
    cr_assert_lt(len, (size_t)ENDING_REASON_MAX);
    cr_assert_gt(len, (size_t)ENDING_REASON_MAX - 3);
    cr_assert_eq((unsigned char)ending.reason[len - 1], 0xa9);
}
