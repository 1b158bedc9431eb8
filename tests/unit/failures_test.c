/* Why tasks failed: the class that is stored with each, the groups, and what REST tells of them. */
#include "lib/db/db.h"
#include "lib/json/json_read.h"
#include "lib/verdict/verdict.h"
#include "tests/unit/routes_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RUN = 77, TASKS = 12 };

/* An audit row of task-<seq> that has ended so. */
static void mirror(struct store *s, int seq, enum audit_status status, const char *stop_code,
                   const char *stopped_reason, int64_t exit_code)
{
    const struct audit_detail row = {.status = status,
                                     .start_time = 1000,
                                     .update_time = (2000 - seq) * CLOCK_SECOND,
                                     .exec_time_in_seconds = -1,
                                     .bytes = -1,
                                     .stop_code = stop_code,
                                     .stopped_reason = stopped_reason,
                                     .exit_code = exit_code,
                                     .created_at = 100 * CLOCK_SECOND,
                                     .container_started_at = 101 * CLOCK_SECOND};
    store_fixture_mirror(s, RUN, seq, &row);
}

/* Seven for memory, two without their object, one of each of two images, one complete. */
static void fail_some(struct store *s)
{
    store_fixture_create(s, RUN, TASKS);
    for (int i = 0; i < 7; i++)
        mirror(s, i, AUDIT_FAILED, "EssentialContainerExited",
               "the task was killed by signal 9 (exit code 137): OutOfMemoryError", 137);
    for (int i = 7; i < 9; i++)
        mirror(s, i, AUDIT_FAILED, "EssentialContainerExited",
               "S3 CopyObject: NoSuchKey: The specified key does not exist.", 1);
    mirror(s, 9, AUDIT_FAILED, "TaskFailedToStart", "CannotPullContainerError: one", -1);
    mirror(s, 10, AUDIT_FAILED, "TaskFailedToStart", "CannotPullContainerError: two", -1);
    mirror(s, 11, AUDIT_COMPLETED, NULL, NULL, 0);
}

static json_t *get(struct routes_fixture *f, const char *rest)
{
    char path[128];
    json_t *body = NULL;
    (void)snprintf(path, sizeof path, "/workflows/%d/%s", RUN, rest);
    cr_assert_eq(routes_call(f, "GET", path, NULL, NULL, &body), 200, "%s", path);
    return body;
}

static const json_t *item(const json_t *body, const char *list, size_t i)
{
    return json_array_get(json_object_get(body, list), i);
}

Test(failures, are_told_with_sentence_and_remedy)
{
    struct routes_fixture f;
    routes_fixture_open(&f);
    fail_some(f.store);
    json_t *body = get(&f, "tasks?reason=outofmemory&status=Failed&limit=2");
    const json_t *task = item(body, "items", 1);
    const json_t *reason = json_object_get(task, "reason");
    cr_expect_str_eq(json_str(task, "taskName", ""), "task-1");
    cr_expect_str_eq(json_str(reason, "class", ""), "OutOfMemory");
    cr_expect_str_eq(json_str(reason, "sentence", ""),
                     "The task ran out of memory and was killed (exit code 137): "
                     "OutOfMemoryError.");
    cr_expect_str_eq(json_str(reason, "remedy", ""), verdict_remedy(VERDICT_OUT_OF_MEMORY));
    cr_expect_str_eq(json_str(task, "createdAt", ""), "1970-01-01T00:01:40.000Z");
    cr_expect_str_eq(json_str(task, "containerStartedAt", ""), "1970-01-01T00:01:41.000Z");
    cr_expect(json_is_null(json_object_get(task, "pullStartedAt")));
    cr_expect_str_eq(json_str(body, "nextCursor", ""), "1");
    json_decref(body);
    body = get(&f, "tasks?status=completed");
    cr_expect_eq(json_array_size(json_object_get(body, "items")), 1);
    cr_expect(json_is_null(json_object_get(item(body, "items", 0), "reason")));
    json_decref(body);
    body = get(&f, "tasks?reason=S3NotFound");
    cr_expect_eq(json_array_size(json_object_get(body, "items")), 2);
    json_decref(body);
    cr_expect_eq(routes_call(&f, "GET", "/workflows/77/tasks?reason=Bad", NULL, NULL, NULL), 400);
    routes_fixture_close(&f);
}

Test(failures, are_grouped_the_largest_first)
{
    struct routes_fixture f;
    routes_fixture_open(&f);
    fail_some(f.store);
    json_t *body = get(&f, "failures");
    cr_expect_eq(json_int(body, "total", 0), 11);
    cr_expect_eq(json_array_size(json_object_get(body, "failures")), 4, "two images, two groups");
    const json_t *first = item(body, "failures", 0);
    cr_expect_str_eq(json_str(first, "class", ""), "OutOfMemory");
    cr_expect_eq(json_int(first, "count", 0), 7);
    cr_expect_eq(json_int(first, "exitCode", 0), 137);
    cr_expect_str_eq(json_str(first, "stopCode", ""), "EssentialContainerExited");
    cr_expect_eq(json_array_size(json_object_get(first, "tasks")), 5);
    cr_expect_str_eq(json_string_value(item(first, "tasks", 4)), "task-4");
    cr_expect_str_eq(json_str(first, "firstAt", ""), "1970-01-01T00:33:14.000Z");
    cr_expect(strstr(json_str(first, "sentence", ""), "ran out of memory"));
    const json_t *third = item(body, "failures", 2);
    cr_expect_str_eq(json_str(third, "class", ""), "ImagePull");
    cr_expect(json_is_null(json_object_get(third, "exitCode")));
    cr_expect_str_eq(json_string_value(item(third, "tasks", 0)), "task-9");
    json_decref(body);
    cr_expect_eq(routes_call(&f, "GET", "/workflows/1/failures", NULL, NULL, NULL), 404);
    cr_expect_eq(routes_call(&f, "GET", "/workflows/77/failures?x=1", NULL, NULL, NULL), 400);
    routes_fixture_close(&f);
}

/* Ten thousand messages that differ behind their beginning are one line. */
Test(failures, differ_by_class_and_the_beginning_of_the_reason)
{
    struct routes_fixture f;
    char reason[160];
    routes_fixture_open(&f);
    store_fixture_create(f.store, RUN, TASKS);
    for (int i = 0; i < TASKS; i++) {
        (void)snprintf(reason, sizeof reason,
                       "CannotPullContainerError: pull image manifest has been retried 5 times: "
                       "failed to resolve ref no.%d",
                       i);
        mirror(f.store, i, AUDIT_FAILED, "TaskFailedToStart", reason, -1);
    }
    json_t *body = get(&f, "failures");
    cr_expect_eq(json_array_size(json_object_get(body, "failures")), 1);
    cr_expect(strstr(json_str(item(body, "failures", 0), "sentence", ""), "no.0"), "of the first");
    json_decref(body);
    routes_fixture_close(&f);
}

Test(failures, of_a_closed_run_have_a_class)
{
    struct routes_fixture f;
    struct error err = {0};
    routes_fixture_open(&f);
    store_fixture_create(f.store, RUN, 3);
    cr_assert_eq(store_outbox_started(f.store, RUN, "arn", 1000, &err), 0);
    const struct store_close end = {.status = AUDIT_CANCELLED,
                                    .task_status = AUDIT_CANCELLED,
                                    .task_reason = "the run was cancelled before the task ended"};
    cr_assert_eq(store_run_close(f.store, RUN, &end, &err), 0, "%s", err.message);
    json_t *body = get(&f, "failures");
    cr_expect_eq(json_int(body, "total", 0), 3);
    cr_expect_str_eq(json_str(item(body, "failures", 0), "class", ""), "Cancelled");
    cr_expect(json_is_null(json_object_get(item(body, "failures", 0), "stopCode")));
    json_decref(body);
    routes_fixture_close(&f);
}

/* What a version without classes has stored gets them when the store is opened. */
Test(failures, of_an_older_version_get_their_class)
{
    struct store_fixture f;
    struct error err = {0};
    store_fixture_open(&f);
    fail_some(f.store);
    f.store = store_close(f.store);
    struct db *db = db_open(f.path, DB_READ_WRITE, &err);
    cr_assert_not_null(db, "%s", err.message);
    cr_assert_eq(db_exec(db, "UPDATE tasks SET reason = NULL", &err), 0, "%s", err.message);
    db_close(db);
    store_fixture_reopen(&f);
    struct task_copy task = store_fixture_task(f.store, RUN, 8);
    cr_expect_str_eq(task.reason, "S3NotFound");
    cr_expect_str_eq(store_fixture_task(f.store, RUN, 11).reason, "");
    store_fixture_close(&f);
}
