/* What the mirror asks of the store: positions, runs started elsewhere, letting go, and requests
 * that came before. */
#include "lib/db/db.h"
#include "server/embed/embed.h"
#include "server/run/run.h"
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>

static struct store_fixture f;

static void setup(void)
{
    store_fixture_open(&f);
}

static void teardown(void)
{
    store_fixture_close(&f);
}

TestSuite(store_mirror, .init = setup, .fini = teardown);

/* --- runs without their list of tasks --- */

static void add_row(int64_t id, const char *name, enum audit_status status)
{
    struct error err = {0};
    const struct audit_detail row = {.workflow_run_id = id,
                                     .ecs_task_id = name,
                                     .task_name = name,
                                     .status = status,
                                     .start_time = 1,
                                     .update_time = 1,
                                     .exec_time_in_seconds = -1,
                                     .bytes = -1,
                                     .exit_code = -1};
    cr_assert_eq(store_tasks_mirror(f.store, id, &row, 1, &err), 0, "%s", err.message);
}

/* A run of three tasks that was found elsewhere, and its list was not. */
static struct store_new_run *create_unlisted(int64_t id)
{
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(id, 3);
    run->execution_arn = "arn:of:it";
    run->started_at = 1;
    run->unlisted = "no list";
    run->task_count = 0;
    cr_assert_eq(store_run_create(f.store, run, &existing, &err), 0, "%s", err.message);
    run->task_count = 3;
    return run;
}

static void count_unlisted(void *ctx, int64_t id, const char *execution_arn)
{
    int64_t *found = ctx;
    cr_expect_str_eq(execution_arn, "arn:of:it");
    *found = id;
}

static int64_t find_unlisted(void)
{
    struct error err = {0};
    int64_t found = 0;
    cr_assert_eq(store_unlisted_list(f.store, 1, count_unlisted, &found, &err), 0);
    cr_assert_eq(store_unlisted_list(f.store, 2, count_unlisted, &found, &err), 0);
    return found;
}

Test(store_mirror, a_list_that_comes_later_leaves_what_rows_have_told)
{
    struct error err = {0};
    struct store_new_run *run = create_unlisted(9);
    add_row(9, "task-1", AUDIT_COMPLETED);
    add_row(9, "not-listed", AUDIT_RUNNING);
    cr_expect_eq(find_unlisted(), 9);
    int64_t before = store_fixture_get(f.store, 9).run.version;
    cr_assert_eq(store_run_complete(f.store, run, &err), 0, "%s", err.message);
    struct run_copy copy = store_fixture_get(f.store, 9);
    cr_expect_gt(copy.run.version, before);
    cr_expect_null(copy.run.unlisted);
    cr_expect_eq(copy.run.task_count, 4);
    cr_expect_eq(copy.run.submitted_tasks, 2);
    cr_expect_eq(copy.run.running_tasks, 1);
    cr_expect_eq(copy.run.completed_tasks, 1);
    cr_expect_str_eq(store_fixture_task(f.store, 9, 0).name, "task-1");
    cr_expect_eq(store_fixture_task(f.store, 9, 0).task.status, AUDIT_COMPLETED);
    cr_expect_str_eq(store_fixture_task(f.store, 9, 2).name, "task-0");
    cr_expect_str_eq(store_fixture_task(f.store, 9, 3).name, "task-2");
    cr_expect_eq(find_unlisted(), 0);
    cr_assert_eq(store_run_complete(f.store, run, &err), 0, "again: %s", err.message);
    cr_expect_eq(store_fixture_get(f.store, 9).run.task_count, 4);
    store_fixture_run_free(run);
}

Test(store_mirror, a_list_that_comes_too_late_changes_nothing)
{
    struct error err = {0};
    struct store_new_run *run = create_unlisted(9);
    const struct store_close end = {AUDIT_COMPLETED, NULL, 5, AUDIT_FAILED, "-"};
    cr_assert_eq(store_run_close(f.store, 9, &end, &err), 0, "%s", err.message);
    cr_expect_eq(find_unlisted(), 0);
    cr_expect_eq(store_run_complete(f.store, run, &err), -1);
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_eq(store_fixture_get(f.store, 9).run.task_count, 0);
    cr_expect_not_null(store_fixture_get(f.store, 9).run.unlisted);
    store_fixture_run_free(run);
}

/* --- letting go --- */

static void count_task(void *ctx, const struct store_task *task)
{
    int64_t *count = ctx;
    *count += task->name != NULL;
}

static void count_event(void *ctx, const struct store_event *event)
{
    int64_t *count = ctx;
    *count += event->id > 0;
}

/* Tasks and events of a run that are in the store. */
static int64_t rows_of(int64_t run_id)
{
    bool more;
    struct error err = {0};
    int64_t count = 0;
    cr_assert_eq(store_task_list(f.store, run_id, -1, -1, 100, count_task, &count, &more, &err), 0);
    cr_assert_eq(store_event_list(f.store, run_id, 0, 100, count_event, &count, &more, &err), 0);
    return count;
}

static void ended_run(int64_t id, int64_t ended_at)
{
    struct error err = {0};
    const struct store_event events[] = {{1, 0, 1, "ExecutionStarted", NULL},
                                         {2, 1, 2, "ExecutionFailed", NULL}};
    const struct store_close end = {AUDIT_FAILED, "it failed", ended_at, AUDIT_FAILED, "it failed"};
    store_fixture_create(f.store, id, 5);
    cr_assert_eq(store_outbox_started(f.store, id, "arn", 1, &err), 0, "%s", err.message);
    cr_assert_eq(store_events_add(f.store, id, events, 2, &err), 0, "%s", err.message);
    cr_assert_eq(store_run_close(f.store, id, &end, &err), 0, "%s", err.message);
}

Test(store_mirror, old_runs_keep_their_totals_only)
{
    struct error err = {0};
    bool more = true;
    ended_run(1, 1000);
    ended_run(2, 5000);
    store_fixture_create(f.store, 3, 5);
    int steps = 0;
    for (; more; steps++)
        cr_assert_eq(store_retain(f.store, 3000, 2, &more, &err), 0, "%s", err.message);
    cr_expect_geq(steps, 3, "it goes by small steps");
    struct run_copy run = store_fixture_get(f.store, 1);
    cr_expect_eq(rows_of(1), 0);
    cr_expect_eq(run.run.failed_tasks, 5);
    cr_expect_eq(run.run.task_count, 5);
    cr_expect_neq(run.run.trimmed_at, 0);
    cr_expect_str_eq(run.reason, "it failed");
    cr_expect_eq(rows_of(2), 7, "it ended later");
    cr_expect_eq(store_fixture_get(f.store, 2).run.trimmed_at, 0);
    cr_expect_eq(rows_of(3), 5, "it is not over");
}

/* What is left of its tasks would pass for all. */
Test(store_mirror, a_run_whose_tasks_are_not_kept_is_not_repeated)
{
    struct error err = {0};
    struct json_problems problems = {0};
    struct run_accepted accepted;
    const struct services sv = {.store = f.store, .clock = clock_system()};
    bool more;
    ended_run(1, 1000);
    cr_assert_eq(store_retain(f.store, 3000, 2, &more, &err), 0, "%s", err.message);
    cr_expect_eq(run_retry(&sv, &(struct run_retry){.parent_id = 1}, &accepted, &problems, &err),
                 -1);
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_not_null(strstr(err.message, "not kept here"), "%s", err.message);
    json_problems_free(&problems);
}

/* --- a database from before --- */

/* As the first three migrations made it, with run 9 under way: a task of it has failed, one runs.
 */
static void write_old_database(const char *path)
{
    static const char run[] =
        "INSERT INTO runs (id, version, pattern, workflow_name, status, execution_name,"
        " execution_arn, request_hash, task_count, submitted_tasks, running_tasks, failed_tasks,"
        " submitted_at, started_at, updated_at) VALUES (9, 41, 1, 'copy', 1, 'x-9', 'arn:x-9', 'h',"
        " 3, 1, 1, 1, 5, 6, 7);"
        "INSERT INTO run_specs VALUES (9, '{}', '{\"pattern\":1}');"
        "INSERT INTO tasks (run_id, seq, name, ecs_task_id, status, exit_code) VALUES"
        " (9, 0, 'task-0', 'a', 3, 137), (9, 1, 'task-1', 'b', 1, -1), (9, 2, 'task-2', NULL, 0,"
        " -1);";
    struct error err = {0};
    struct migration steps[3];
    size_t count = 0;
    for (size_t i = 0; i < embed_count && count < 3; i++)
        if (strncmp(embed_files[i].name, "migrations/", 11) == 0) {
            steps[count] =
                (struct migration){(int)count + 1, embed_files[i].name, embed_files[i].data};
            count++;
        }
    struct db *db = db_open(path, DB_READ_WRITE, &err);
    cr_assert(db && db_migrate(db, steps, count, &err) == 0 && db_exec(db, run, &err) == 0, "%s",
              err.message);
    db_close(db);
}

static void expect_active(void *ctx, const struct store_active *active)
{
    int *count = ctx;
    ++*count;
    cr_expect_eq(active->id, 9);
    cr_expect_str_eq(active->execution_arn, "arn:x-9");
}

static void expect_changed(void *ctx, const struct store_task *task)
{
    int *count = ctx;
    ++*count;
    cr_expect_str_eq(task->name, "task-1");
    cr_expect_gt(task->version, 41);
}

/* The run goes on where it was: followed, mirrored and closed as every other. */
Test(store_mirror, a_run_under_way_outlives_an_upgrade)
{
    struct error err = {0};
    const struct store_task_place seen = {41, INT64_MAX};
    const struct audit_detail row = {.workflow_run_id = 9,
                                     .ecs_task_id = "b",
                                     .task_name = "task-1",
                                     .status = AUDIT_COMPLETED,
                                     .update_time = 8,
                                     .exit_code = 0};
    const struct store_close end = {AUDIT_FAILED, "it failed", 0, AUDIT_FAILED, "no row"};
    int active = 0, changed = 0;
    bool more;
    f.store = store_close(f.store);
    cr_assert_eq(remove(f.path), 0);
    write_old_database(f.path);
    f.store = store_open(&(struct store_options){f.path, clock_system(), NULL}, &err);
    cr_assert_not_null(f.store, "%s", err.message);
    cr_assert_eq(store_active_list(f.store, expect_active, &active, &err), 0);
    cr_expect_eq(active, 1);
    cr_expect_eq(store_execution_known(f.store, 1, "arn:x-9", "x-9", &err), 1);
    cr_assert_eq(store_tasks_mirror(f.store, 9, &row, 1, &err), 0, "%s", err.message);
    cr_assert_eq(store_task_changes(f.store, 9, &seen, 10, expect_changed, &changed, &more, &err),
                 0);
    cr_expect_eq(changed, 1);
    cr_assert_eq(store_run_close(f.store, 9, &end, &err), 0, "%s", err.message);
    struct run_copy run = store_fixture_get(f.store, 9);
    cr_expect_eq(run.run.failed_tasks, 2);
    cr_expect_eq(run.run.completed_tasks, 1);
    cr_expect_not(run.run.elsewhere);
}

/* --- started elsewhere --- */

/* Run `id` as it was found, under this execution name and with this input. */
static int adopt(int64_t id, const char *name, const char *input, struct error *err)
{
    int64_t existing;
    struct store_new_run *whole = store_fixture_run(id, 2);
    struct store_new_run run = *whole;
    char arn[64];
    (void)snprintf(arn, sizeof arn, "arn:%s", name);
    run.execution_name = name;
    run.execution_arn = arn;
    run.started_at = 77;
    run.input = input;
    run.input_len = strlen(input);
    int rc = store_run_create(f.store, &run, &existing, err);
    store_fixture_run_free(whole);
    return rc;
}

static void fail_row(void *ctx, const struct store_outbox_row *row)
{
    (void)ctx;
    cr_assert_fail("run %lld would be started", (long long)row->run_id);
}

Test(store_mirror, a_run_found_elsewhere_is_running_and_never_started)
{
    struct error err = {0};
    int64_t next_due;
    cr_assert_eq(store_execution_known(f.store, 1, "arn:hand", "hand", &err), 0);
    cr_assert_eq(adopt(9, "hand", "{}", &err), 0, "%s", err.message);
    struct run_copy run = store_fixture_get(f.store, 9);
    cr_expect(run.run.elsewhere);
    cr_expect_eq(run.run.status, AUDIT_RUNNING);
    cr_expect_eq(run.run.submitted_at, 77);
    cr_expect_str_eq(run.arn, "arn:hand");
    cr_assert_eq(store_outbox_due(f.store, INT64_MAX - 1, 10, fail_row, NULL, &next_due, &err), 0);
    cr_expect_eq(store_execution_known(f.store, 1, "arn:hand", "hand", &err), 1);
    cr_expect_eq(adopt(9, "other", "{}", &err), -1);
    cr_expect_eq(err.code, ERR_CONFLICT);
}

Test(store_mirror, an_execution_is_known_while_its_run_waits_to_be_started)
{
    struct error err = {0};
    store_fixture_create(f.store, 5, 1);
    cr_expect_eq(store_execution_known(f.store, 1, "arn:x-5", "x-5", &err), 1);
    cr_expect_eq(store_execution_known(f.store, 2, "arn:x-5", "x-5", &err), 0);
    cr_assert_eq(store_outbox_refused(f.store, 5, "the name is taken", &err), 0);
    cr_expect_eq(store_execution_known(f.store, 1, "arn:x-5", "x-5", &err), 0,
                 "the name belongs to another run's execution");
}

/* --- requests that came before --- */

/* A submission with a key whose execution name is "key-k". */
static int submit(int64_t id, const char *input, int64_t *existing, struct error *err)
{
    struct store_new_run *whole = store_fixture_run(id, 2);
    struct store_new_run run = *whole;
    run.idempotency_key = "k";
    run.request_hash = "hash";
    run.execution_name = "key-k";
    run.input = input;
    run.input_len = strlen(input);
    int rc = store_run_create(f.store, &run, existing, err);
    store_fixture_run_free(whole);
    return rc;
}

Test(store_mirror, a_key_used_elsewhere_finds_its_run)
{
    struct error err = {0};
    int64_t existing;
    cr_assert_eq(adopt(9, "key-k", "{\"a\":1,\"workflowRunId\":9}", &err), 0);
    cr_assert_eq(submit(10, "{\"workflowRunId\":10,\"a\":1}", &existing, &err), 0, "%s",
                 err.message);
    cr_expect_eq(existing, 9);
    cr_assert_eq(submit(11, "{\"a\":2}", &existing, &err), 0, "by the key now");
    cr_expect_eq(existing, 9);
}

Test(store_mirror, a_key_used_elsewhere_for_something_else_is_refused)
{
    struct error err = {0};
    int64_t existing;
    cr_assert_eq(adopt(9, "key-k", "{\"a\":1}", &err), 0);
    cr_assert_eq(submit(10, "{\"a\":2}", &existing, &err), -1);
    cr_expect_eq(err.code, ERR_IDEMPOTENCY);
    cr_expect_not_null(strstr(err.message, "run 9"), "%s", err.message);
}

/* A child of run 1 with tasks task-0 ... */
static int retry(int64_t id, size_t tasks, const char *hash, const char *key, int64_t *existing,
                 struct error *err)
{
    struct store_new_run *run = store_fixture_run(id, tasks);
    run->parent_id = 1;
    run->request_hash = hash;
    run->idempotency_key = key;
    int rc = store_run_create(f.store, run, existing, err);
    store_fixture_run_free(run);
    return rc;
}

Test(store_mirror, tasks_are_repeated_once_at_a_time)
{
    struct error err = {0};
    int64_t existing;
    store_fixture_create(f.store, 1, 3);
    cr_assert_eq(retry(2, 2, "two", NULL, &existing, &err), 0);
    cr_expect_eq(existing, 0);
    cr_assert_eq(retry(3, 2, "two", NULL, &existing, &err), 0);
    cr_expect_eq(existing, 2, "the same tasks");
    cr_assert_eq(retry(4, 3, "three", NULL, &existing, &err), -1);
    cr_expect_eq(err.code, ERR_RETRYING);
    cr_expect_not_null(strstr(err.message, "task-0 is being repeated by run 2"), "%s", err.message);
    cr_assert_eq(retry(5, 3, "three", "a key", &existing, &err), 0, "a key says which is meant");
    cr_expect_eq(existing, 0);
    const struct store_close end = {AUDIT_CANCELLED, NULL, 1, AUDIT_CANCELLED, NULL};
    cr_assert_eq(store_run_close(f.store, 2, &end, &err), 0);
    cr_assert_eq(store_run_close(f.store, 5, &end, &err), 0);
    cr_assert_eq(retry(6, 3, "three", NULL, &existing, &err), 0, "%s", err.message);
    cr_expect_eq(existing, 0);
}

/* --- positions --- */

static void collect(void *ctx, const struct store_position *p)
{
    char *text = ctx;
    size_t n = strlen(text);
    (void)snprintf(text + n, 128 - n, "%s=%s%s;", p->shard, p->sequence ? p->sequence : "-",
                   p->done ? "!" : "");
}

static void expect_positions(const char *stream, const char *wanted)
{
    char text[128] = "";
    struct error err = {0};
    cr_assert_eq(store_position_list(f.store, stream, collect, text, &err), 0, "%s", err.message);
    cr_expect_str_eq(text, wanted);
}

static void set(const char *stream, const char *shard, const char *sequence, bool done)
{
    struct error err = {0};
    const struct store_position position = {"rows", stream, shard, sequence, done};
    cr_assert_eq(store_position_set(f.store, &position, &err), 0, "%s", err.message);
}

Test(store_mirror, positions_are_kept_by_shard_and_forgotten_by_stream)
{
    struct error err = {0};
    set("old", "a", "1", false);
    set("new", "a", NULL, false);
    set("new", "b", "5", false);
    set("new", "b", "6", true);
    store_fixture_reopen(&f);
    expect_positions("new", "a=-;b=6!;");
    cr_assert_eq(store_position_forget(f.store, "rows", "new", NULL, &err), 0);
    expect_positions("old", "");
    cr_assert_eq(store_position_forget(f.store, "rows", "new", "b", &err), 0);
    expect_positions("new", "a=-;");
    cr_assert_eq(store_position_forget(f.store, "other", NULL, NULL, &err), 0);
    expect_positions("new", "a=-;");
    cr_assert_eq(store_position_forget(f.store, "rows", NULL, NULL, &err), 0);
    expect_positions("new", "");
}

static struct audit_detail at_work(const char *task, enum audit_status status, int64_t start,
                                   int64_t update)
{
    return (struct audit_detail){.workflow_run_id = 1,
                                 .ecs_task_id = task,
                                 .task_name = task,
                                 .status = status,
                                 .start_time = start,
                                 .update_time = update};
}

/* Seconds after the run was submitted: task-0 runs from 10 and is complete at 20, task-1 runs from
 * 12, task-2 never does; both have failed at 22, when the run ends. */
Test(store_mirror, tells_how_tasks_stood)
{
    enum { SECOND = 1000000, COUNT = 9, OPEN = 6 };
    static const int64_t expected[COUNT][AUDIT_STATUS_COUNT] = {
        {0}, {0}, {3}, {3}, {2, 1}, {1, 2}, {1, 1, 1}, {0, 0, 1, 2}, {0}};
    struct error err = {0};
    store_fixture_create(f.store, 1, 3);
    const int64_t start = store_fixture_get(f.store, 1).run.submitted_at;
    const int64_t begun = start + 12 * SECOND;
    const int64_t ended = start + 22 * SECOND;
    const struct audit_detail rows[] = {
        at_work("task-0", AUDIT_COMPLETED, start + 10 * SECOND, start + 20 * SECOND),
        at_work("task-1", AUDIT_RUNNING, begun, begun),
        at_work("task-1", AUDIT_FAILED, begun, ended),
        at_work("task-2", AUDIT_FAILED, 0, ended),
    };
    const struct store_close end = {AUDIT_FAILED, "it failed", ended, AUDIT_FAILED, "no row"};
    int64_t points[COUNT][AUDIT_STATUS_COUNT];
    cr_assert_eq(store_outbox_started(f.store, 1, "arn", start, &err), 0);
    cr_assert_eq(store_tasks_mirror(f.store, 1, rows, 2, &err), 0, "%s", err.message);
    cr_assert_eq(store_series(f.store, start - 10 * SECOND, 5 * SECOND, OPEN, points, &err), 0);
    for (size_t i = 0; i < OPEN; i++)
        cr_expect_arr_eq(points[i], expected[i], sizeof points[i], "open, point %zu", i);
    cr_assert_eq(store_tasks_mirror(f.store, 1, rows + 2, 2, &err), 0, "%s", err.message);
    cr_assert_eq(store_run_close(f.store, 1, &end, &err), 0, "%s", err.message);
    cr_assert_eq(store_series(f.store, start - 10 * SECOND, 5 * SECOND, COUNT, points, &err), 0);
    for (size_t i = 0; i < COUNT; i++)
        cr_expect_arr_eq(points[i], expected[i], sizeof points[i], "over, point %zu", i);
}
