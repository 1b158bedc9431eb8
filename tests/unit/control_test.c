/* server/control and its rooms against a scripted AWS: from the outbox to the close of a run. */
#include "lib/json/json_read.h"
#include "tests/unit/control_fixture.h"

#include <stdio.h>
#include <string.h>

static struct control_fixture f;

static void setup(void)
{
    control_fixture_open(&f);
}

static void teardown(void)
{
    control_fixture_close(&f);
}

TestSuite(control, .init = setup, .fini = teardown, .timeout = 60);

static const char started[] = "{\"executionArn\":\"" FIXTURE_ARN "\",\"startDate\":1700000000.25}";
static const char two_events[] =
    "{\"events\":[{\"id\":2,\"previousEventId\":1,\"timestamp\":1700000001,"
    "\"type\":\"TaskStateEntered\",\"stateEnteredEventDetails\":{\"name\":\"InvokeTaskLauncher\"}},"
    "{\"id\":1,\"previousEventId\":0,\"timestamp\":1700000000,\"type\":\"ExecutionStarted\"}]}";

/* A last page [4, 3] with a token. */
static void script_last_page(const char *last_type)
{
    char page[512];
    (void)snprintf(page, sizeof page,
                   "{\"events\":[{\"id\":4,\"previousEventId\":3,\"timestamp\":1700000009,"
                   "\"type\":\"%s\"},{\"id\":3,\"previousEventId\":2,\"timestamp\":1700000008,"
                   "\"type\":\"TaskStateExited\"}],\"nextToken\":\"older\"}",
                   last_type);
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, page);
}

/* The last page, then [2, 1]. */
static void script_last_history(const char *last_type)
{
    script_last_page(last_type);
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
}

/* Everything a run needs that ends with this status at the first look. */
static void script_end(const char *status, const char *more, const char *last_type)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 0, status, more);
    script_last_history(last_type);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, "{\"taskArns\":[]}");
}

static void count_event(void *ctx, const struct store_event *event)
{
    int64_t *last = ctx;
    cr_assert_eq(event->id, *last + 1);
    *last = event->id;
}

static int64_t stored_events(void)
{
    int64_t last = 0;
    bool more;
    struct error err = {0};
    cr_assert_eq(store_event_list(f.store.store, 7, 0, 100, count_event, &last, &more, &err), 0);
    return last;
}

/* --- starting --- */

Test(control, starts_a_run_under_its_name)
{
    script_end("SUCCEEDED", "", "ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_str_eq(run.arn, FIXTURE_ARN);
    cr_assert_eq(run.run.started_at, INT64_C(1700000000250000));
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 1);
    json_t *body = fake_aws_body(f.aws, "StartExecution", 0);
    cr_assert_str_eq(json_str(body, "name", ""), "x-7");
    cr_assert_str_eq(json_str(body, "stateMachineArn", ""), FIXTURE_MACHINE);
    cr_assert_not_null(strstr(json_str(body, "input", ""), "\"workflowRunId\":7"));
    json_decref(body);
    cr_assert_neq(atomic_load(&f.health.aws_ok_at), 0);
    cr_assert_neq(atomic_load(&f.health.mirror_at), 0);
}

Test(control, adopts_an_execution_whose_answer_was_lost)
{
    fake_aws_answer(f.aws, "StartExecution", 500, "");
    fake_aws_refuse(f.aws, "StartExecution", "ExecutionAlreadyExists", "it exists");
    control_fixture_describe(&f, 3, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
    control_fixture_rows(&f, "a task-0 Running;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    cr_assert_eq(control_fixture_await_error(&f).run.start_attempts, 1);
    struct run_copy run = control_fixture_await(&f, AUDIT_RUNNING);
    cr_assert_str_eq(run.arn, FIXTURE_ARN);
    cr_assert_str_eq(run.start_error, "");
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 2);
}

Test(control, refuses_a_name_that_belongs_to_another_input)
{
    fake_aws_refuse(f.aws, "StartExecution", "ExecutionAlreadyExists", "it exists");
    fake_aws_answer(f.aws, "DescribeExecution", 200,
                    "{\"executionArn\":\"" FIXTURE_ARN "\",\"name\":\"x-7\",\"status\":\"RUNNING\","
                    "\"startDate\":1700000000,\"input\":\"{}\"}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "another input"), "%s", run.reason);
    cr_assert_eq(run.run.failed_tasks, 3);
}

/* Names are taken within one state machine only: with another pattern under the same key another
 * control plane has made another run. */
Test(control, a_key_that_the_other_pattern_has_used_starts_nothing)
{
    f.both = true;
    f.key = "key-abc";
    fake_aws_answer(f.aws, "DescribeExecution", 200,
                    "{\"executionArn\":\"arn:other\",\"name\":\"key-abc\",\"status\":"
                    "\"SUCCEEDED\",\"startDate\":1700000000,\"input\":\"{}\"}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "use a new key"), "%s", run.reason);
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 0);
    json_t *asked = fake_aws_body(f.aws, "DescribeExecution", 0);
    cr_assert_str_eq(json_str(asked, "executionArn", ""),
                     "arn:aws:states:eu-west-1:123456789012:execution:pattern-2:key-abc");
    json_decref(asked);
}

/* What is not there, or may not be looked at, keeps nobody from starting. */
Test(control, a_key_is_looked_for_before_the_start)
{
    static const char *const types[] = {"ExecutionDoesNotExist", "AccessDeniedException"};
    for (size_t i = 0; i < 2; i++) {
        if (i > 0) {
            teardown();
            setup();
        }
        f.both = true;
        f.key = "key-abc";
        fake_aws_answer(f.aws, "DescribeExecution", 500, "");
        fake_aws_refuse(f.aws, "DescribeExecution", types[i], "no");
        control_fixture_describe(&f, 3, "RUNNING", "");
        fake_aws_answer(f.aws, "StartExecution", 200,
                        "{\"executionArn\":\"" FIXTURE_ARN "\",\"startDate\":1700000000.25}");
        fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
        control_fixture_rows(&f, "a task-0 Running;", NULL);
        control_fixture_start(&f);
        control_fixture_run(&f);
        (void)control_fixture_await(&f, AUDIT_RUNNING);
        cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 1);
        cr_assert_gt(fake_aws_place(f.aws, "StartExecution", 0),
                     fake_aws_place(f.aws, "DescribeExecution", 1));
    }
}

static const struct {
    const char *type;
    const char *says;
} refusals[] = {
    {"StateMachineDoesNotExist", "deploy"},
    {"InvalidExecutionInput", "mend the spec"},
    {"AccessDeniedException", "states:StartExecution"},
    {"StateMachineDeleting", "deploy"},
};

Test(control, tells_refusals_with_a_remedy)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        fake_aws_refuse(f.aws, "StartExecution", refusals[i].type, "no way");
        control_fixture_start(&f);
        control_fixture_run(&f);
        struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
        cr_expect_not_null(strstr(run.reason, "no way"), "%s", run.reason);
        cr_expect_not_null(strstr(run.reason, refusals[i].says), "%s", run.reason);
        cr_expect_eq(fake_aws_count(f.aws, "StartExecution"), 1);
        teardown();
        setup();
    }
}

static const char *const passing[] = {"ThrottlingException", "ExecutionLimitExceeded",
                                      "ExpiredTokenException"};

Test(control, waits_and_tries_again_when_it_may_pass)
{
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        fake_aws_refuse(f.aws, "StartExecution", passing[i], "later please");
        fake_aws_answer(f.aws, "StartExecution", 200, started);
        control_fixture_describe(&f, 0, "RUNNING", "");
        fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
        control_fixture_rows(&f, "", NULL);
        control_fixture_start(&f);
        control_fixture_run(&f);
        struct run_copy run = control_fixture_await_error(&f);
        cr_expect_not_null(strstr(run.start_error, "later please"), "%s", run.start_error);
        cr_expect_eq(run.run.status, AUDIT_SUBMITTED);
        (void)control_fixture_await(&f, AUDIT_RUNNING);
        teardown();
        setup();
    }
}

/* The row was put off by a clock that has been set back by an hour since. */
Test(control, a_clock_that_is_set_back_holds_no_start_up)
{
    struct error err = {0};
    control_fixture_run(&f);
    int64_t due = clock_wall(clock_system()) + 3600 * CLOCK_SECOND;
    cr_assert_eq(store_outbox_postpone(f.store.store, 7, due, "Rate exceeded", &err), 0);
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 0, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, "{\"events\":[]}");
    control_fixture_rows(&f, "a task-0 Running;", NULL);
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_RUNNING);
}

Test(control, a_pattern_without_a_machine_is_refused)
{
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(7, 1);
    run->pattern = 2;
    cr_assert_eq(store_run_create(f.store.store, run, &existing, &err), 0);
    store_fixture_run_free(run);
    control_fixture_start(&f);
    struct run_copy refused = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(refused.reason, "state machine"), "%s", refused.reason);
}

/* --- following --- */

Test(control, closes_only_after_history_and_a_full_pass)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 1, "SUCCEEDED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
    script_last_history("ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Running;b task-1 Completed;", "b");
    control_fixture_rows(&f, "c task-2 Running;", NULL);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;", "b");
    control_fixture_rows(&f, "c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_eq(run.run.completed_tasks, 3);
    cr_assert_eq(run.run.ended_at, INT64_C(1700000009500000));
    cr_assert_str_eq(run.reason, "");
    cr_assert_eq(stored_events(), 4);
    cr_assert_eq(store_fixture_task(f.store.store, 7, 0).task.status, AUDIT_COMPLETED);

    size_t queries = fake_aws_count(f.aws, "Query");
    json_t *second = fake_aws_body(f.aws, "Query", 1);
    json_t *key = json_object_get(second, "ExclusiveStartKey");
    cr_assert_str_eq(json_str(json_object_get(key, "ecs_task_id"), "S", ""), "b");
    json_decref(second);
    size_t terminal = fake_aws_place(f.aws, "DescribeExecution", 1);
    cr_assert_gt(fake_aws_place(f.aws, "Query", queries - 1), terminal);
    cr_assert_gt(fake_aws_place(f.aws, "GetItem", 0), fake_aws_place(f.aws, "Query", queries - 1));
}

Test(control, reads_history_backwards_to_what_is_known)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 1, "SUCCEEDED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
    script_last_history("ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_eq(stored_events(), 4);
    json_t *first = fake_aws_body(f.aws, "GetExecutionHistory", 0);
    cr_assert(json_bool(first, "reverseOrder", false));
    cr_assert_str_eq(json_str(first, "nextToken", ""), "");
    json_decref(first);
    json_t *last = fake_aws_body(f.aws, "GetExecutionHistory",
                                 fake_aws_count(f.aws, "GetExecutionHistory") - 1);
    cr_assert_str_eq(json_str(last, "nextToken", ""), "older");
    json_decref(last);
}

/* The history can tell of the end before DescribeExecution does. */
Test(control, a_last_event_that_is_known_is_not_waited_for)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 1, "SUCCEEDED", "");
    script_last_history("ExecutionSucceeded");
    script_last_page("ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_eq(stored_events(), 4);
    cr_assert_lt(fake_aws_count(f.aws, "GetExecutionHistory"), 10, "so many looks are late ones");
}

static int64_t fast_mono(const struct clock *self)
{
    (void)self;
    return 100 * clock_mono(clock_system());
}

static int64_t fast_wall(const struct clock *self)
{
    (void)self;
    return clock_wall(clock_system());
}

/* The first page can be read, the one before it never: the run ends all the same. */
Test(control, a_history_that_the_service_fails_to_give_is_not_waited_for_for_ever)
{
    static const struct clock fast = {.wall = fast_wall, .mono = fast_mono};
    f.clock = &fast;
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 0, "SUCCEEDED", "");
    for (int i = 0; i < 12; i++) {
        script_last_page("ExecutionSucceeded");
        fake_aws_answer(f.aws, "GetExecutionHistory", 500, "{}");
    }
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_gt(fake_aws_count(f.aws, "GetExecutionHistory"), 2, "it was given no time");
}

Test(control, late_rows_are_waited_for)
{
    script_end("SUCCEEDED", "", "ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;", NULL);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;", NULL);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    cr_assert_eq(control_fixture_await(&f, AUDIT_COMPLETED).run.completed_tasks, 3);
}

Test(control, a_success_that_the_rows_contradict_is_a_failure)
{
    script_end("SUCCEEDED", "", "ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Running;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "2 of 3 tasks have no final audit row"), "%s",
                       run.reason);
    cr_assert_eq(run.run.completed_tasks, 1);
    cr_assert_eq(run.run.failed_tasks, 2);
    cr_assert_str_eq(store_fixture_task(f.store.store, 7, 1).stopped_reason,
                     "no final audit row was written");
}

Test(control, a_failed_execution_tells_error_and_cause)
{
    script_end("FAILED", ",\"error\":\"States.Runtime\",\"cause\":\"the path is wrong\"",
               "ExecutionFailed");
    control_fixture_rows(&f, "", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_str_eq(run.reason, "the execution failed: States.Runtime: the path is wrong");
    cr_assert_eq(run.run.failed_tasks, 3);
}

static const char one_task[] =
    "{\"taskArns\":[\"arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/a\"]}";

static void script_task(const char *status)
{
    char body[512];
    (void)snprintf(
        body, sizeof body,
        "{\"tasks\":[{\"taskArn\":\"arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/a\","
        "\"lastStatus\":\"%s\",\"overrides\":{\"containerOverrides\":[{\"name\":\"s3\","
        "\"environment\":[{\"name\":\"task_name\",\"value\":\"task-0\"}]}]}}]}",
        status);
    fake_aws_answer(f.aws, "DescribeTasks", 200, body);
}

/* A task that is stopped with its run may just have done its work. */
Test(control, tasks_left_behind_have_the_last_word)
{
    fake_aws_answer(f.aws, "ListTasks", 200, one_task);
    fake_aws_answer_about(f.aws, "ListTasks", "\"STOPPED\"", one_task);
    fake_aws_answer(f.aws, "StopTask", 200, "{\"task\":{}}");
    script_task("RUNNING");
    script_end("TIMED_OUT", "", "ExecutionTimedOut");
    control_fixture_rows(&f, "a task-0 Running;b task-1 Failed;c task-2 Completed;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    fake_aws_wait(f.aws, "StopTask", 1);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Failed;c task-2 Completed;", NULL);
    script_task("STOPPED");
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_eq(run.run.completed_tasks, 2);
    cr_assert_eq(run.run.failed_tasks, 1);
}

/* Or they would run, and be paid for, until their own time limit. */
Test(control, tasks_left_behind_are_stopped_once_ecs_lets_us)
{
    fake_aws_answer(f.aws, "ListTasks", 500, "{}");
    for (int i = 0; i < 2; i++)
        fake_aws_answer(f.aws, "ListTasks", 200, one_task);
    fake_aws_refuse(f.aws, "StopTask", "ThrottlingException", "slow down");
    fake_aws_answer(f.aws, "StopTask", 200, "{\"task\":{}}");
    script_end("FAILED", ",\"error\":\"E\"", "ExecutionFailed");
    control_fixture_rows(&f, "a task-0 Failed;b task-1 Failed;c task-2 Completed;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    (void)control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_eq(fake_aws_count(f.aws, "StopTask"), 2);
}

Test(control, an_execution_may_be_unknown_at_first)
{
    char now[256];
    (void)snprintf(now, sizeof now, "{\"executionArn\":\"" FIXTURE_ARN "\",\"startDate\":%lld}",
                   (long long)(clock_wall(clock_system()) / CLOCK_SECOND));
    fake_aws_answer(f.aws, "StartExecution", 200, now);
    fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "unknown");
    control_fixture_describe(&f, 0, "SUCCEEDED", "");
    script_last_history("ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
}

Test(control, a_missing_audit_table_does_not_hold_a_run_for_ever)
{
    script_end("FAILED", ",\"error\":\"States.TaskFailed\"", "ExecutionFailed");
    fake_aws_refuse(f.aws, "Query", "ResourceNotFoundException", "no such table");
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_str_eq(run.reason, "the execution failed: States.TaskFailed");
    cr_assert_eq(run.run.failed_tasks, 3);
}

/* The details are there and are read again and again: that must not hide that the summary never is.
 */
Test(control, gives_up_on_a_missing_summary_table)
{
    script_end("FAILED", ",\"error\":\"E\",\"cause\":\"why\"", "ExecutionFailed");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Failed;", NULL);
    fake_aws_refuse(f.aws, "GetItem", "ResourceNotFoundException", "no such table");
    control_fixture_start(&f);
    control_fixture_run(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "E: why"));
    cr_assert_eq(run.run.completed_tasks, 2);
}

Test(control, a_person_reads_what_holds_a_run_up)
{
    control_fixture_active(&f, 7);
    control_fixture_describe(&f, 0, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
    fake_aws_refuse(f.aws, "Query", "AccessDeniedException", "not allowed to dynamodb:Query");
    control_fixture_rows(&f, "a task-0 Running;", NULL);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await_reason(&f, true);
    cr_assert_eq(run.run.status, AUDIT_RUNNING);
    cr_assert_not_null(strstr(run.reason, "the audit rows cannot be read"), "%s", run.reason);
    cr_assert_not_null(strstr(run.reason, "dynamodb:Query"), "%s", run.reason);
    cr_assert_eq(control_fixture_await_reason(&f, false).run.status, AUDIT_RUNNING);
}

Test(control, a_deleted_execution_ends_its_run)
{
    control_fixture_active(&f, 7);
    fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "unknown");
    control_fixture_rows(&f, "a task-0 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, "{\"taskArns\":[]}");
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "does not know this execution"), "%s", run.reason);
    cr_assert_eq(run.run.completed_tasks, 1);
}

/* Some seconds although it seems to have been started long ago: by a clock that is ahead it has. */
Test(control, an_execution_may_be_unknown_at_first_by_a_clock_that_is_ahead)
{
    control_fixture_active(&f, 7);
    for (int i = 0; i < 4; i++)
        fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "unknown");
    control_fixture_describe(&f, 0, "SUCCEEDED", "");
    script_last_history("ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
}

/* Among the first calls: those of several runs come in any order. */
static int descriptions_of(const char *arn, size_t calls)
{
    int count = 0;
    for (size_t i = 0; i < calls; i++) {
        json_t *body = fake_aws_body(f.aws, "DescribeExecution", i);
        count += strcmp(json_str(body, "executionArn", ""), arn) == 0;
        json_decref(body);
    }
    return count;
}

Test(control, many_runs_are_told_ended_by_listing)
{
    static const char listed[] =
        "{\"executions\":[{\"executionArn\":\"%.*s8\",\"name\":\"x-8\",\"status\":\"RUNNING\","
        "\"startDate\":1},{\"executionArn\":\"%.*s9\",\"name\":\"x-9\",\"status\":\"RUNNING\","
        "\"startDate\":1}]}";
    char page[1024];
    int prefix = (int)strlen(FIXTURE_ARN) - 1;
    (void)snprintf(page, sizeof page, listed, prefix, FIXTURE_ARN, prefix, FIXTURE_ARN);
    for (int64_t id = 7; id <= 9; id++)
        control_fixture_active(&f, id);
    control_fixture_describe(&f, 3, "SUCCEEDED", "");
    fake_aws_answer(f.aws, "ListExecutions", 200, page);
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
    control_fixture_rows(&f, "", NULL);
    f.list_above = 2;
    control_fixture_start(&f);
    fake_aws_wait(f.aws, "DescribeExecution", 4);
    cr_assert_eq(descriptions_of(FIXTURE_ARN, 4), 2, "once at first, once for not being listed");
    json_t *body = fake_aws_body(f.aws, "ListExecutions", 0);
    cr_assert_str_eq(json_str(body, "statusFilter", ""), "RUNNING");
    json_decref(body);
}

/* --- stopping and starting the loop --- */

Test(control, goes_on_where_it_was_after_a_restart)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    control_fixture_describe(&f, 0, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, two_events);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    control_fixture_run(&f);
    (void)control_fixture_await(&f, AUDIT_RUNNING);
    fake_aws_wait(f.aws, "Query", 1);
    f.control = control_stop(f.control);
    control_fixture_describe(&f, 0, "SUCCEEDED", "");
    script_last_history("ExecutionSucceeded");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 1);
    cr_assert_eq(stored_events(), 4);
}

Test(control, stops_with_calls_in_flight)
{
    fake_aws_answer(f.aws, "StartExecution", 200, started);
    fake_aws_answer(f.aws, "DescribeExecution", 0, "");
    fake_aws_answer(f.aws, "Query", 0, "");
    control_fixture_start(&f);
    control_fixture_run(&f);
    fake_aws_wait(f.aws, "Query", 1);
    fake_aws_wait(f.aws, "DescribeExecution", 1);
    int64_t before = clock_mono(clock_system());
    f.control = control_stop(f.control);
    int64_t took = clock_mono(clock_system()) - before;
    cr_assert_lt(took, 6 * CLOCK_SECOND);
    cr_assert_eq(store_fixture_get(f.store.store, 7).run.status, AUDIT_RUNNING);
}
