/* Tasks that take their time between SIGTERM and their end, against a scripted AWS: the run waits
 * for their last word, however it ended, and not for ever. */
#include "lib/json/json_read.h"
#include "tests/unit/control_fixture.h"

#include <stdatomic.h>
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

TestSuite(linger, .init = setup, .fini = teardown, .timeout = 60);

static const char no_tasks[] = "{\"taskArns\":[]}";
static const char task_b[] =
    "{\"taskArns\":[\"arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/b\"]}";

/* Every time from here on, until it is told otherwise. */
static void script_task(const char *status)
{
    char body[512];
    (void)snprintf(
        body, sizeof body,
        "{\"tasks\":[{\"taskArn\":\"arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/b\","
        "\"lastStatus\":\"%s\",\"overrides\":{\"containerOverrides\":[{\"name\":\"s3\","
        "\"environment\":[{\"name\":\"task_name\",\"value\":\"task-1\"}]}]}}]}",
        status);
    fake_aws_answer(f.aws, "DescribeTasks", 200, body);
}

/* What sweeps find, one after the other; then ECS knows of one task that is to stop. */
static void script_lists(const char *first, const char *second)
{
    fake_aws_answer(f.aws, "ListTasks", 200, first);
    if (second)
        fake_aws_answer(f.aws, "ListTasks", 200, second);
    fake_aws_answer_about(f.aws, "ListTasks", "\"STOPPED\"", task_b);
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "StopTask", 200, "{\"task\":{}}");
}

static void script_rows(const char *status_of_b)
{
    char rows[128];
    (void)snprintf(rows, sizeof rows, "a task-0 Failed;b task-1 %s;c task-2 Completed;",
                   status_of_b);
    control_fixture_rows(&f, rows, NULL);
}

/* Run 7, whose execution has ended like that. */
static void start_ended(const char *status, const char *event)
{
    char history[256];
    (void)snprintf(history, sizeof history,
                   "{\"events\":[{\"id\":2,\"previousEventId\":1,\"timestamp\":1700000009,"
                   "\"type\":\"%s\"},{\"id\":1,\"previousEventId\":0,\"timestamp\":1700000000,"
                   "\"type\":\"ExecutionStarted\"}]}",
                   event);
    control_fixture_describe(&f, 0, status, "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, history);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_active(&f, 7);
    control_fixture_start(&f);
}

/* Nothing ends before ECS says so; what the row said before that is told. */
static void expect_last_word(const char *over)
{
    fake_aws_wait(f.aws, "DescribeTasks", 3);
    struct run_copy run = control_fixture_await_reason(&f, true);
    cr_assert_str_eq(run.reason, "1 task is stopping");
    cr_assert_eq(run.run.status, AUDIT_RUNNING);
    script_rows("Completed");
    script_task(over);
    run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_eq(run.run.completed_tasks, 2);
    cr_assert_eq(run.run.failed_tasks, 1);
    cr_assert_null(strstr(run.reason, "stopping"), "%s", run.reason);
}

Test(linger, a_failed_run_waits_until_its_tasks_have_ended)
{
    script_lists(task_b, NULL);
    script_task("RUNNING");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    expect_last_word("STOPPED");
    cr_assert_eq(fake_aws_count(f.aws, "StopTask"), 1);
}

/* Of its network nobody needs to know more. */
Test(linger, a_task_that_is_taken_down_has_ended)
{
    script_lists(task_b, NULL);
    script_task("DEACTIVATING");
    script_rows("Running");
    start_ended("TIMED_OUT", "ExecutionTimedOut");
    expect_last_word("DEPROVISIONING");
}

/* They were told before a restart: nothing is left to be stopped. */
Test(linger, tasks_that_were_told_before_a_restart_are_waited_for)
{
    script_lists(no_tasks, NULL);
    script_task("RUNNING");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    expect_last_word("STOPPED");
    cr_assert_eq(fake_aws_count(f.aws, "StopTask"), 0);
}

Test(linger, a_deleted_execution_s_tasks_have_the_last_word)
{
    script_lists(task_b, NULL);
    script_task("RUNNING");
    script_rows("Running");
    fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "gone");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_active(&f, 7);
    control_fixture_start(&f);
    expect_last_word("STOPPED");
}

/* One that says so at once is not asked about. */
Test(linger, tasks_that_end_at_once_cost_no_call)
{
    script_lists(task_b, NULL);
    script_rows("Running");
    script_rows("Cancelled");
    start_ended("FAILED", "ExecutionFailed");
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_eq(run.run.cancelled_tasks, 1);
    cr_assert_eq(fake_aws_count(f.aws, "DescribeTasks"), 0);
}

/* The nth row that was written ends that of task b with this status. */
static void expect_marked(size_t n, const char *status)
{
    json_t *mark = fake_aws_body(f.aws, "UpdateItem", n);
    const json_t *key = json_object_get(json_object_get(mark, "Key"), "ecs_task_id");
    const json_t *values = json_object_get(mark, "ExpressionAttributeValues");
    cr_assert_str_eq(json_str(key, "S", ""), "b");
    cr_assert_str_eq(json_str(json_object_get(values, ":status"), "S", ""), status);
    json_decref(mark);
}

/* They say nothing any more, so nothing is waited for, and their rows tell what REST does. */
Test(linger, tasks_that_have_ended_without_a_word_hold_nothing_up)
{
    script_lists(task_b, NULL);
    script_task("STOPPED");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    cr_assert_eq(control_fixture_await(&f, AUDIT_FAILED).run.failed_tasks, 2);
    cr_assert_eq(fake_aws_count(f.aws, "DescribeTasks"), 1, "by the census");
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 1);
    expect_marked(0, "Failed");
}

/* The task has spoken since its row was read: that stands. */
Test(linger, the_row_that_refuses_to_be_ended_has_the_last_word)
{
    script_lists(task_b, NULL);
    script_task("STOPPED");
    fake_aws_refuse(f.aws, "UpdateItem", "ThrottlingException", "later please");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    fake_aws_wait(f.aws, "UpdateItem", 1);
    script_rows("Completed");
    fake_aws_refuse(f.aws, "UpdateItem", "ConditionalCheckFailedException", "it is final");
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_eq(run.run.completed_tasks, 2);
    cr_assert_eq(run.run.failed_tasks, 1);
}

/* Without the permission the rows have some seconds to come, as they are. */
Test(linger, an_ecs_that_does_not_tell_holds_nothing_up)
{
    script_lists(task_b, NULL);
    fake_aws_refuse(f.aws, "DescribeTasks", "AccessDeniedException", "not allowed");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    cr_assert_eq(control_fixture_await(&f, AUDIT_FAILED).run.failed_tasks, 2);
    cr_assert_eq(fake_aws_count(f.aws, "DescribeTasks"), 5);
}

Test(linger, refusals_after_the_census_end_it_too)
{
    script_lists(task_b, NULL);
    script_task("RUNNING");
    fake_aws_refuse(f.aws, "DescribeTasks", "AccessDeniedException", "not allowed");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    cr_assert_eq(control_fixture_await(&f, AUDIT_FAILED).run.failed_tasks, 2);
    cr_assert_eq(fake_aws_count(f.aws, "DescribeTasks"), 6);
}

/* A clock that jumps ahead when the test says so. */
static _Atomic int64_t ahead;

static int64_t wall_of_system(const struct clock *self)
{
    (void)self;
    return clock_wall(clock_system());
}

static int64_t mono_ahead(const struct clock *self)
{
    (void)self;
    return clock_mono(clock_system()) + atomic_load(&ahead);
}

static const struct clock jumping = {wall_of_system, mono_ahead};

/* Longer than the longest stopTimeout there is. */
Test(linger, a_task_that_never_ends_is_not_waited_for_for_ever)
{
    f.clock = &jumping;
    script_lists(task_b, NULL);
    script_task("RUNNING");
    script_rows("Running");
    start_ended("FAILED", "ExecutionFailed");
    fake_aws_wait(f.aws, "DescribeTasks", 3);
    atomic_store(&ahead, 100 * CLOCK_SECOND);
    control_wake(f.control);
    fake_aws_wait(f.aws, "DescribeTasks", fake_aws_count(f.aws, "DescribeTasks") + 2);
    cr_assert_eq(store_fixture_get(f.store.store, 7).run.status, AUDIT_RUNNING);
    atomic_store(&ahead, 151 * CLOCK_SECOND);
    control_wake(f.control);
    cr_assert_eq(control_fixture_await(&f, AUDIT_FAILED).run.failed_tasks, 2);
}

/* --- cancelling --- */

/* The monitor had no time to begin, so nothing has to be swept twice. */
static void start_cancelled(void)
{
    struct error err = {0};
    fake_aws_refuse(f.aws, "UpdateItem", "ConditionalCheckFailedException", "no row");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    fake_aws_answer(f.aws, "StopExecution", 200, "{\"stopDate\":1700000009}");
    control_fixture_describe(&f, 0, "ABORTED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200,
                    "{\"events\":[{\"id\":1,\"previousEventId\":0,\"timestamp\":1700000009,"
                    "\"type\":\"ExecutionAborted\"}]}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_active(&f, 7);
    cr_assert_eq(store_run_cancel(f.store.store, 7, NULL, &err), 0);
    control_fixture_start(&f);
}

/* A mark would have refused the Completed row of a copy that was done. */
Test(linger, a_cancelled_run_waits_until_its_tasks_have_ended)
{
    script_lists(task_b, NULL);
    script_task("RUNNING");
    script_rows("Running");
    start_cancelled();
    fake_aws_wait(f.aws, "DescribeTasks", 3);
    cr_assert_str_eq(control_fixture_await_reason(&f, true).reason, "1 task is stopping");
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 1, "no row was marked");
    script_rows("Completed");
    script_task("STOPPED");
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_str_eq(run.reason, "cancelled on request");
    cr_assert_eq(run.run.completed_tasks, 2);
    cr_assert_eq(run.run.cancelled_tasks, 0);
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 2, "the summary row's counts");
}

Test(linger, a_row_is_marked_once_its_task_has_ended)
{
    script_lists(task_b, NULL);
    script_task("RUNNING");
    script_rows("Running");
    start_cancelled();
    fake_aws_wait(f.aws, "DescribeTasks", 3);
    script_task("STOPPED");
    cr_assert_eq(control_fixture_await(&f, AUDIT_CANCELLED).run.cancelled_tasks, 1);
    size_t last = fake_aws_count(f.aws, "DescribeTasks") - 1;
    cr_assert_lt(fake_aws_place(f.aws, "DescribeTasks", last),
                 fake_aws_place(f.aws, "UpdateItem", 1));
    expect_marked(1, "Cancelled");
}
