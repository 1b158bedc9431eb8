/* Cancelling against a scripted AWS: what is stopped, what is written, and who has the last word.
 */
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

TestSuite(cancel, .init = setup, .fini = teardown, .timeout = 60);

#define REFUSED "ConditionalCheckFailedException"

static const char no_tasks[] = "{\"taskArns\":[]}";
static const char task_b[] =
    "{\"taskArns\":[\"arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/b\"]}";

static const char described_b[] =
    "{\"tasks\":[{\"taskArn\":\"arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/b\","
    "\"lastStatus\":\"STOPPED\",\"overrides\":{\"containerOverrides\":[{\"name\":\"s3\","
    "\"environment\":[{\"name\":\"task_name\",\"value\":\"task-1\"}]}]}}]}";

/* An execution that runs until it is stopped, and its history then. */
static void script_running(void)
{
    control_fixture_describe(&f, 0, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, "{\"events\":[]}");
    fake_aws_answer(f.aws, "StopExecution", 200, "{\"stopDate\":1700000009}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
}

static void script_aborted(void)
{
    control_fixture_describe(&f, 0, "ABORTED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200,
                    "{\"events\":[{\"id\":4,\"previousEventId\":3,\"timestamp\":1700000009,"
                    "\"type\":\"ExecutionAborted\"}]}");
}

/* Run 7 with a wish to be cancelled whose execution is stopped already. */
static void start_aborted(const char *reason)
{
    struct error err = {0};
    control_fixture_active(&f, 7);
    cr_assert_eq(store_run_cancel(f.store.store, 7, reason, &err), 0);
    fake_aws_answer(f.aws, "StopExecution", 200, "{\"stopDate\":1700000009}");
    script_aborted();
    control_fixture_start(&f);
}

/* The values of the nth UpdateItem or the item of the nth PutItem: an attribute's text or number.
 */
static void expect_written(const char *operation, size_t n, const char *name, const char *expected)
{
    json_t *body = fake_aws_body(f.aws, operation, n);
    const char *map = strcmp(operation, "PutItem") == 0 ? "Item" : "ExpressionAttributeValues";
    const json_t *value = json_object_get(json_object_get(body, map), name);
    const char *text = json_str(value, "S", json_str(value, "N", "(none)"));
    cr_assert_str_eq(text, expected, "%s %zu: %s is %s", operation, n, name, text);
    json_decref(body);
}

/* The task id of the nth PutItem begins so. */
static void expect_id(size_t n, const char *prefix)
{
    json_t *body = fake_aws_body(f.aws, "PutItem", n);
    const json_t *value = json_object_get(json_object_get(body, "Item"), "ecs_task_id");
    const char *id = json_str(value, "S", "");
    cr_assert_eq(strncmp(id, prefix, strlen(prefix)), 0, "%s", id);
    json_decref(body);
}

Test(cancel, stops_execution_and_tasks)
{
    struct error err = {0};
    script_running();
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Running;", NULL);
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, task_b);
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "StopTask", 200, "{\"task\":{}}");
    control_fixture_active(&f, 7);
    control_fixture_start(&f);
    fake_aws_wait(f.aws, "Query", 1);
    cr_assert_eq(store_run_cancel(f.store.store, 7, "a mistake", &err), 0);
    control_wake(f.control);
    fake_aws_wait(f.aws, "StopExecution", 1);
    script_aborted();
    fake_aws_wait(f.aws, "StopTask", 1);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Cancelled;c task-2 Cancelled;", NULL);
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_str_eq(run.reason, "cancelled on request: a mistake");
    cr_assert_eq(run.run.completed_tasks, 1);
    cr_assert_eq(run.run.cancelled_tasks, 2);
    json_t *stop = fake_aws_body(f.aws, "StopExecution", 0);
    cr_assert_str_eq(json_str(stop, "cause", ""), "a mistake");
    json_decref(stop);
    json_t *list = fake_aws_body(f.aws, "ListTasks", 0);
    cr_assert_str_eq(json_str(list, "startedBy", ""), "stepfleet-7");
    json_decref(list);
    json_t *task = fake_aws_body(f.aws, "StopTask", 0);
    cr_assert_str_eq(json_str(task, "task", ""),
                     "arn:aws:ecs:eu-west-1:123456789012:task/stepfleet/b");
    cr_assert_str_eq(json_str(task, "reason", ""), "Stepfleet: the run was cancelled: a mistake");
    json_decref(task);
    /* The summary row first, then once more with the counts; no task's row, they all had one. */
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 2);
    cr_assert_lt(fake_aws_place(f.aws, "UpdateItem", 0), fake_aws_place(f.aws, "StopTask", 0));
    expect_written("UpdateItem", 0, ":status", "Cancelled");
    expect_written("UpdateItem", 1, ":completed_tasks", "1");
    expect_written("UpdateItem", 1, ":reason", "cancelled on request: a mistake");
}

/* No summary row: the launcher never came to it, and cannot begin any more. */
Test(cancel, marks_what_never_spoke)
{
    fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "no row");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Running;", NULL);
    start_aborted(NULL);
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_str_eq(run.reason, "cancelled on request");
    cr_assert_eq(run.run.cancelled_tasks, 2);
    expect_id(1, "not-started-");
    cr_assert_eq(fake_aws_count(f.aws, "PutItem"), 2);
    expect_written("PutItem", 0, "status", "Cancelled");
    expect_written("PutItem", 0, "number_of_tasks", "3");
    expect_written("PutItem", 1, "task_name", "task-2");
    expect_written("PutItem", 1, "status", "Cancelled");
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 3);
    json_t *finish = fake_aws_body(f.aws, "UpdateItem", 1);
    const json_t *key = json_object_get(finish, "Key");
    cr_assert_str_eq(json_str(json_object_get(key, "ecs_task_id"), "S", ""), "b");
    json_decref(finish);
    expect_written("UpdateItem", 1, ":status", "Cancelled");
}

#define LONG_ID "0123456789abcdef0123456789abcdef-0123456789abcdef0123456789abcdef-worker"

/* Ids are up to whoever writes the rows. */
Test(cancel, the_row_of_a_long_id_is_the_one_that_is_ended)
{
    fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "no row");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    control_fixture_rows(&f, "a task-0 Completed;" LONG_ID " task-1 Running;c task-2 Completed;",
                         NULL);
    start_aborted(NULL);
    (void)control_fixture_await(&f, AUDIT_CANCELLED);
    json_t *finish = fake_aws_body(f.aws, "UpdateItem", 1);
    const json_t *key = json_object_get(finish, "Key");
    cr_assert_str_eq(json_str(json_object_get(key, "ecs_task_id"), "S", ""), LONG_ID);
    json_decref(finish);
}

/* ECS had started it, and stopped it before it could say so. */
Test(cancel, a_task_without_a_row_is_known_by_its_own_id)
{
    fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "no row");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "ListTasks", 200, task_b);
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "DescribeTasks", 200, described_b);
    control_fixture_rows(&f, "a task-0 Completed;c task-2 Completed;", NULL);
    start_aborted(NULL);
    cr_assert_eq(control_fixture_await(&f, AUDIT_CANCELLED).run.cancelled_tasks, 1);
    cr_assert_eq(fake_aws_count(f.aws, "PutItem"), 2);
    expect_id(1, "b");
    json_t *list = fake_aws_body(f.aws, "ListTasks", 1);
    cr_assert_str_eq(json_str(list, "desiredStatus", ""), "STOPPED");
    json_decref(list);
}

/* The mark is refused because the task has spoken, and the first pass does not see its row yet. */
Test(cancel, waits_for_the_row_that_refused_a_mark)
{
    fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "no row");
    fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "it is final");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Running;c task-2 Completed;", NULL);
    start_aborted(NULL);
    fake_aws_wait(f.aws, "UpdateItem", 2);
    fake_aws_wait(f.aws, "Query", fake_aws_count(f.aws, "Query") + 1);
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_eq(run.run.completed_tasks, 3);
    expect_written("UpdateItem", 2, ":completed_tasks", "3");
    json_t *query = fake_aws_body(f.aws, "Query", fake_aws_count(f.aws, "Query") - 1);
    cr_assert(json_is_true(json_object_get(query, "ConsistentRead")));
    json_decref(query);
}

/* ListTasks of the census fails for longer than it took to give it up. */
Test(cancel, the_census_outlasts_throttling)
{
    fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "no row");
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    for (int i = 0; i < 5; i++)
        fake_aws_refuse(f.aws, "ListTasks", "ThrottlingException", "Rate exceeded");
    fake_aws_answer(f.aws, "ListTasks", 200, task_b);
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "DescribeTasks", 200, described_b);
    control_fixture_rows(&f, "a task-0 Completed;c task-2 Completed;", NULL);
    start_aborted(NULL);
    fake_aws_wait(f.aws, "ListTasks", 5);
    cr_assert_eq(control_fixture_await(&f, AUDIT_CANCELLED).run.cancelled_tasks, 1);
    expect_id(1, "b");
}

static const struct {
    const char *row;
    enum audit_status status;
    const char *reason;
} endings[] = {
    {"Completed", AUDIT_COMPLETED, ""},
    {"Failed", AUDIT_FAILED, "the run had failed before it was stopped: too many"},
};

Test(cancel, a_run_that_had_ended_stays_what_it_was)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char item[512];
        (void)snprintf(item, sizeof item,
                       "{\"Item\":{\"workflow_name\":{\"S\":\"copy\"},\"workflow_run_id\":{\"N\":"
                       "\"7\"},\"status\":{\"S\":\"%s\"}%s}}",
                       endings[i].row, i ? ",\"reason\":{\"S\":\"too many\"}" : "");
        fake_aws_refuse(f.aws, "UpdateItem", REFUSED, "it is final");
        fake_aws_answer(f.aws, "GetItem", 200, item);
        fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
        control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
        start_aborted("too late");
        struct run_copy run = control_fixture_await(&f, endings[i].status);
        cr_assert_str_eq(run.reason, endings[i].reason);
        cr_assert_eq(run.run.completed_tasks, 3);
        cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 1, "its counts are left alone");
        control_fixture_close(&f);
        control_fixture_open(&f);
    }
}

/* A launcher that was at work when its run was cancelled may be silent for longer than the quiet
 * sweeps take: five of them and a census (two lists) before it starts another task. */
Test(cancel, a_silent_launcher_is_waited_for)
{
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "PutItem", 200, "{}");
    for (int i = 0; i < 7; i++)
        fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "ListTasks", 200, task_b);
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    fake_aws_answer(f.aws, "StopTask", 200, "{\"task\":{}}");
    control_fixture_rows(&f, "a task-0 Completed;c task-2 Completed;", NULL);
    start_aborted(NULL);
    fake_aws_wait(f.aws, "ListTasks", 5);
    fake_aws_wait(f.aws, "StopTask", 1);
    cr_assert_eq(fake_aws_count(f.aws, "PutItem"), 0, "nobody called it never started");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Cancelled;c task-2 Completed;", NULL);
    cr_assert_eq(control_fixture_await(&f, AUDIT_CANCELLED).run.cancelled_tasks, 1);
}

/* Throttling for longer than quiet sweeps take does not mean that there is nothing to stop. */
Test(cancel, a_task_that_could_not_be_stopped_is_not_given_up)
{
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, task_b);
    for (int i = 0; i < 5; i++)
        fake_aws_refuse(f.aws, "StopTask", "ThrottlingException", "Rate exceeded");
    fake_aws_answer(f.aws, "StopTask", 200, "{\"task\":{}}");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Running;c task-2 Completed;", NULL);
    start_aborted(NULL);
    fake_aws_wait(f.aws, "StopTask", 4);
    fake_aws_wait(f.aws, "StopTask", 6);
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem"), 1, "no task's row was ended");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Cancelled;c task-2 Completed;", NULL);
    cr_assert_eq(control_fixture_await(&f, AUDIT_CANCELLED).run.cancelled_tasks, 1);
}

Test(cancel, goes_on_after_a_restart)
{
    fake_aws_answer(f.aws, "UpdateItem", 200, "{}");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 0, "");
    control_fixture_rows(&f, "a task-0 Running;", NULL);
    start_aborted("enough");
    fake_aws_wait(f.aws, "ListTasks", 1);
    f.control = control_stop(f.control);
    cr_assert_eq(store_fixture_get(f.store.store, 7).run.status, AUDIT_RUNNING);
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    control_fixture_rows(&f, "a task-0 Cancelled;b task-1 Cancelled;c task-2 Cancelled;", NULL);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_str_eq(run.reason, "cancelled on request: enough");
    cr_assert_eq(run.run.cancelled_tasks, 3);
}

/* Permissions may be missing: the run ends all the same. */
Test(cancel, tables_that_refuse_to_be_written_hold_nothing_up)
{
    fake_aws_refuse(f.aws, "UpdateItem", "AccessDeniedException", "not allowed");
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    control_fixture_rows(&f, "a task-0 Cancelled;b task-1 Cancelled;c task-2 Cancelled;", NULL);
    start_aborted(NULL);
    cr_assert_str_eq(control_fixture_await(&f, AUDIT_CANCELLED).reason, "cancelled on request");
}

/* Without the permission to stop it the execution still ends, and so does the run. */
Test(cancel, an_execution_that_may_not_be_stopped_ends_its_run)
{
    struct error err = {0};
    control_fixture_active(&f, 7);
    cr_assert_eq(store_run_cancel(f.store.store, 7, NULL, &err), 0);
    fake_aws_refuse(f.aws, "StopExecution", "AccessDeniedException", "not allowed");
    control_fixture_describe(&f, 2, "SUCCEEDED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200,
                    "{\"events\":[{\"id\":1,\"previousEventId\":0,\"timestamp\":1700000009,"
                    "\"type\":\"ExecutionSucceeded\"}]}");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    control_fixture_start(&f);
    (void)control_fixture_await(&f, AUDIT_COMPLETED);
    cr_assert_geq(fake_aws_count(f.aws, "StopExecution"), 1);
}

/* Nothing is left that could be stopped. */
Test(cancel, an_execution_that_is_gone_ends_its_run)
{
    struct error err = {0};
    control_fixture_active(&f, 7);
    cr_assert_eq(store_run_cancel(f.store.store, 7, NULL, &err), 0);
    fake_aws_refuse(f.aws, "StopExecution", "ExecutionDoesNotExist", "gone");
    fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "gone");
    control_fixture_rows(&f, "a task-0 Completed;", NULL);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, no_tasks);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_FAILED);
    cr_assert_not_null(strstr(run.reason, "does not know this execution"), "%s", run.reason);
}

Test(cancel, before_the_start_nothing_is_started)
{
    struct error err = {0};
    fake_aws_refuse(f.aws, "DescribeExecution", "ExecutionDoesNotExist", "unknown");
    control_fixture_run(&f);
    cr_assert_eq(store_run_cancel(f.store.store, 7, NULL, &err), 0);
    control_fixture_start(&f);
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_assert_str_eq(run.reason, "cancelled before it was started");
    cr_assert_eq(fake_aws_count(f.aws, "StartExecution"), 0);
    cr_assert_eq(fake_aws_count(f.aws, "UpdateItem") + fake_aws_count(f.aws, "PutItem"), 0);
}
