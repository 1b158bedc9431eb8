/* The mirror over a table with a stream, and runs that were started elsewhere, in the control loop
 * against a scripted AWS. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "tests/unit/control_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct control_fixture f;

static void setup(void)
{
    control_fixture_open(&f);
    f.streams = true;
}

static void teardown(void)
{
    control_fixture_close(&f);
}

TestSuite(mirror_stream, .init = setup, .fini = teardown, .timeout = 60);

#define NO_EVENTS "{\"events\":[]}"
#define ENDED_EVENTS                                                                               \
    "{\"events\":[{\"id\":1,\"previousEventId\":0,\"timestamp\":1700000000,"                       \
    "\"type\":\"ExecutionSucceeded\"}]}"

static void script_stream(void)
{
    fake_aws_answer(f.aws, "DescribeTable", 200,
                    "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"LatestStreamArn\":\"arn:stream\","
                    "\"StreamSpecification\":{\"StreamEnabled\":true}}}");
    fake_aws_answer(f.aws, "DescribeStream", 200,
                    "{\"StreamDescription\":{\"StreamStatus\":\"ENABLED\",\"Shards\":["
                    "{\"ShardId\":\"shard\",\"SequenceNumberRange\":{}}]}}");
    fake_aws_answer(f.aws, "GetShardIterator", 200, "{\"ShardIterator\":\"i\"}");
}

/* A page with one record for a task of a run; NULL: an empty one. */
static void script_record(const char *task, const char *status, int run, const char *sequence)
{
    char record[768] = "";
    char page[1024];
    if (task)
        (void)snprintf(record, sizeof record,
                       "{\"eventName\":\"MODIFY\",\"dynamodb\":{\"SequenceNumber\":\"%s\","
                       "\"Keys\":{\"workflow_run_id\":{\"N\":\"%d\"},\"ecs_task_id\":{\"S\":\"e-"
                       "%s\"}},\"NewImage\":{\"workflow_run_id\":{\"N\":\"%d\"},\"ecs_task_id\":"
                       "{\"S\":\"e-%s\"},\"task_name\":{\"S\":\"%s\"},\"status\":{\"S\":\"%s\"},"
                       "\"start_time\":{\"S\":\"2024-01-02T03:04:05.000Z\"},\"update_time\":"
                       "{\"S\":\"2024-01-02T03:04:06.000Z\"}}}}",
                       sequence, run, task, run, task, task, status);
    (void)snprintf(page, sizeof page, "{\"Records\":[%s],\"NextShardIterator\":\"i\"}", record);
    fake_aws_answer(f.aws, "GetRecords", 200, page);
}

/* Waits until run 7 has so many completed tasks. */
static void await_completed(int64_t count)
{
    for (;;) {
        (void)pthread_mutex_lock(&f.lock);
        int64_t seen = f.changes;
        (void)pthread_mutex_unlock(&f.lock);
        if (store_fixture_get(f.store.store, 7).run.completed_tasks >= count)
            return;
        struct timespec until;
        cr_assert_eq(clock_gettime(CLOCK_REALTIME, &until), 0);
        until.tv_sec += 15;
        int rc = 0;
        (void)pthread_mutex_lock(&f.lock);
        while (rc == 0 && f.changes == seen)
            rc = pthread_cond_timedwait(&f.changed, &f.lock, &until);
        (void)pthread_mutex_unlock(&f.lock);
        cr_assert_eq(rc, 0, "no change in time");
    }
}

/* A run that is active when the loop starts; its rows are read once, consistently, when the stream
 * is in reach, and come as records then. */
Test(mirror_stream, rows_come_as_records_behind_one_query)
{
    script_stream();
    control_fixture_describe(&f, 1, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, NO_EVENTS);
    control_fixture_rows(&f, "e-task-0 task-0 Running;", NULL);
    for (int i = 0; i < 5; i++)
        script_record(NULL, NULL, 0, NULL);
    script_record("task-0", "Completed", 8, "1");
    script_record("task-0", "Completed", 7, "2");
    script_record("task-1", "Completed", 7, "3");
    script_record(NULL, NULL, 0, NULL);
    control_fixture_active(&f, 7);
    control_fixture_start(&f);
    await_completed(2);
    size_t queries = fake_aws_count(f.aws, "Query");
    json_t *last = fake_aws_body(f.aws, "Query", queries - 1);
    cr_expect(json_bool(last, "ConsistentRead", false));
    json_decref(last);
    fake_aws_wait(f.aws, "GetRecords", fake_aws_count(f.aws, "GetRecords") + 10);
    cr_expect_eq(fake_aws_count(f.aws, "Query"), queries);
    cr_expect_eq(atomic_load(&f.health.source[1][MIRROR_DETAILS]), SOURCE_STREAM);
}

/* Trimmed records: the table is queried again, and what the query brings is in the store. */
Test(mirror_stream, trimmed_records_lead_to_another_query)
{
    script_stream();
    control_fixture_describe(&f, 1, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, NO_EVENTS);
    for (int i = 0; i < 3; i++)
        control_fixture_rows(&f, "e-task-0 task-0 Running;", NULL);
    control_fixture_rows(&f, "e-task-0 task-0 Completed;e-task-1 task-1 Completed;", NULL);
    for (int i = 0; i < 40; i++)
        script_record(NULL, NULL, 0, NULL);
    for (int i = 0; i < 4; i++) {
        fake_aws_refuse(f.aws, "GetRecords", "TrimmedDataAccessException", "too old");
        script_record(NULL, NULL, 0, NULL);
        script_record(NULL, NULL, 0, NULL);
    }
    control_fixture_active(&f, 7);
    control_fixture_start(&f);
    await_completed(2);
}

/* Whatever is wrong with the stream, the run goes on by queries. */
Test(mirror_stream, without_the_endpoint_rows_come_by_query)
{
    fake_aws_answer(f.aws, "StartExecution", 200,
                    "{\"executionArn\":\"" FIXTURE_ARN "\",\"startDate\":1700000000.25}");
    fake_aws_answer(f.aws, "DescribeTable", 200,
                    "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"LatestStreamArn\":\"arn:stream\","
                    "\"StreamSpecification\":{\"StreamEnabled\":true}}}");
    fake_aws_answer(f.aws, "DescribeStream", 500, "");
    control_fixture_describe(&f, 2, "SUCCEEDED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, ENDED_EVENTS);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, "{\"taskArns\":[]}");
    control_fixture_rows(&f, "a task-0 Completed;b task-1 Completed;c task-2 Completed;", NULL);
    control_fixture_start(&f);
    control_fixture_run(&f);
    cr_expect_eq(control_fixture_await(&f, AUDIT_COMPLETED).run.completed_tasks, 3);
    cr_expect_eq(atomic_load(&f.health.source[1][MIRROR_DETAILS]), SOURCE_UNREACHABLE);
}

/* --- runs started elsewhere --- */

/* ListExecutions with one execution of this name. */
static void script_list(const char *name)
{
    char body[512];
    (void)snprintf(body, sizeof body,
                   "{\"executions\":[{\"executionArn\":\"" FIXTURE_MACHINE ":%s\",\"name\":\"%s\","
                   "\"status\":\"RUNNING\",\"startDate\":%lld.25}]}",
                   name, name, (long long)(clock_wall(clock_system()) / CLOCK_SECOND));
    fake_aws_answer(f.aws, "ListExecutions", 200, body);
}

Test(mirror_stream, an_execution_nobody_here_started_becomes_a_run)
{
    f.streams = false;
    f.discover = true;
    script_list("by-hand");
    control_fixture_describe(&f, 3, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, NO_EVENTS);
    control_fixture_rows(&f, "e-task-0 task-0 Completed;", NULL);
    control_fixture_start(&f);
    /* DescribeExecution tells an input with workflowRunId 7. */
    fake_aws_wait(f.aws, "Query", 1);
    await_completed(1);
    struct run_copy run = store_fixture_get(f.store.store, 7);
    cr_expect(run.run.elsewhere);
    cr_expect_eq(run.run.status, AUDIT_RUNNING);
    cr_expect_eq(run.run.task_count, 3);
    cr_expect_eq(fake_aws_count(f.aws, "StartExecution"), 0);
}

/* A page of executions, as far as script_list tells one, with a token. */
static void script_page(const char *name, const char *token)
{
    char body[512];
    (void)snprintf(body, sizeof body,
                   "{\"executions\":[{\"executionArn\":\"" FIXTURE_MACHINE ":%s\",\"name\":\"%s\","
                   "\"status\":\"RUNNING\",\"startDate\":%lld.25}],\"nextToken\":\"%s\"}",
                   name, name, (long long)(clock_wall(clock_system()) / CLOCK_SECOND), token);
    fake_aws_answer(f.aws, "ListExecutions", 200, body);
}

/* Tokens expire while AWS is out of reach. The second sweep finds its first page known, and goes on
 * all the same. */
Test(mirror_stream, a_token_that_expired_begins_the_sweep_anew)
{
    f.streams = false;
    f.discover = true;
    script_page("by-hand", "one");
    fake_aws_refuse(f.aws, "ListExecutions", "InvalidToken", "expired");
    script_page("by-hand", "two");
    script_list("by-hand");
    control_fixture_describe(&f, 3, "RUNNING", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, NO_EVENTS);
    control_fixture_rows(&f, "e-task-0 task-0 Completed;", NULL);
    control_fixture_start(&f);
    static const char *const tokens[] = {"-", "one", "-", "two"};
    fake_aws_wait(f.aws, "ListExecutions", 4);
    for (size_t i = 0; i < 4; i++) {
        json_t *body = fake_aws_body(f.aws, "ListExecutions", i);
        cr_expect_str_eq(json_str(body, "nextToken", "-"), tokens[i]);
        json_decref(body);
    }
}

#define GONE_EVENTS                                                                                \
    "{\"events\":[{\"id\":1,\"previousEventId\":0,\"timestamp\":1700000000,"                       \
    "\"type\":\"ExecutionAborted\"}]}"

/* Somebody stopped it years ago, and its rows have expired: it is shown, and no row is made up. */
Test(mirror_stream, a_run_that_was_stopped_long_ago_gets_no_new_rows)
{
    f.streams = false;
    f.discover = true;
    script_list("by-hand");
    control_fixture_describe(&f, 0, "ABORTED", "");
    fake_aws_answer(f.aws, "GetExecutionHistory", 200, GONE_EVENTS);
    fake_aws_answer(f.aws, "GetItem", 200, "{}");
    fake_aws_answer(f.aws, "ListTasks", 200, "{\"taskArns\":[]}");
    control_fixture_rows(&f, "", NULL);
    control_fixture_start(&f);
    fake_aws_wait(f.aws, "Query", 1);
    struct run_copy run = control_fixture_await(&f, AUDIT_CANCELLED);
    cr_expect_eq(run.run.cancelled_tasks, 3);
    cr_expect(run.run.found_ended);
    cr_expect_eq(fake_aws_count(f.aws, "PutItem"), 0);
    cr_expect_eq(fake_aws_count(f.aws, "UpdateItem"), 0);
}

Test(mirror_stream, readiness_is_known_without_any_run)
{
    f.streams = false;
    f.discover = true;
    fake_aws_answer(f.aws, "ListExecutions", 500, "");
    control_fixture_start(&f);
    fake_aws_wait(f.aws, "ListExecutions", 2);
    cr_expect_neq(atomic_load(&f.health.aws_fail_at), 0);
    cr_expect_eq(atomic_load(&f.health.aws_ok_at), 0);
}
