/* server/store: the outbox, the mirror's rows, events, and the end of runs. */
#include "tests/unit/store_fixture.h"

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

TestSuite(store_life, .init = setup, .fini = teardown);

static const char arn[] = "arn:aws:states:eu-west-1:123456789012:execution:machine:x-1";

static void start(int64_t id)
{
    struct error err = {0};
    cr_assert_eq(store_outbox_started(f.store, id, arn, 5000, &err), 0, "%s", err.message);
}

/* --- outbox --- */

struct due {
    int64_t id[8];
    int64_t attempts[8];
    bool cancelled[8];
    size_t count;
};

static void collect_due(void *ctx, const struct store_outbox_row *row)
{
    struct due *due = ctx;
    due->id[due->count] = row->run_id;
    due->attempts[due->count] = row->attempts;
    due->cancelled[due->count] = row->cancelled;
    due->count++;
    cr_assert_eq(row->pattern, 1);
    cr_assert_eq(strncmp(row->execution_name, "x-", 2), 0);
    cr_assert_eq(row->input_len, strlen("{\"pattern\":1}"));
}

static struct due due_at(int64_t now, int64_t *next)
{
    struct due due = {.count = 0};
    struct error err = {0};
    cr_assert_eq(store_outbox_due(f.store, now, 8, collect_due, &due, next, &err), 0);
    return due;
}

Test(store_life, outbox_rows_come_due_are_postponed_and_leave)
{
    struct error err = {0};
    int64_t next = -1;
    int64_t now = clock_wall(clock_system());
    store_fixture_create(f.store, 1, 1);
    store_fixture_create(f.store, 2, 1);
    int64_t later = now + 3600 * CLOCK_SECOND;
    struct due due = due_at(later, &next);
    cr_assert_eq(due.count, 2);
    cr_assert_eq(due.id[0], 1);
    cr_assert_eq(next, 0);

    cr_assert_eq(store_outbox_postpone(f.store, 1, later + 5, "Rate exceeded", &err), 0);
    due = due_at(later, &next);
    cr_assert_eq(due.count, 1);
    cr_assert_eq(due.id[0], 2);
    cr_assert_eq(next, later + 5);
    struct run_copy run = store_fixture_get(f.store, 1);
    cr_assert_str_eq(run.start_error, "Rate exceeded");
    cr_assert_eq(run.run.start_attempts, 1);
    cr_assert_eq(run.run.status, AUDIT_SUBMITTED);
    cr_assert_eq(due_at(later + 5, &next).attempts[1], 1);

    start(1);
    run = store_fixture_get(f.store, 1);
    cr_assert_eq(run.run.status, AUDIT_RUNNING);
    cr_assert_str_eq(run.arn, arn);
    cr_assert_str_eq(run.start_error, "");
    cr_assert_eq(run.run.started_at, 5000);
    cr_assert_eq(store_outbox_started(f.store, 1, arn, 6000, &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
    cr_assert_eq(store_outbox_postpone(f.store, 1, later, "x", &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);

    cr_assert_eq(store_outbox_refused(f.store, 2, "there is no such state machine", &err), 0);
    run = store_fixture_get(f.store, 2);
    cr_assert_eq(run.run.status, AUDIT_FAILED);
    cr_assert_str_eq(run.reason, "there is no such state machine");
    cr_assert_eq(run.run.failed_tasks, 1);
    cr_assert_eq(run.run.submitted_tasks, 0);
    cr_assert_neq(run.run.ended_at, 0);
    cr_assert_eq(store_fixture_task(f.store, 2, 0).task.status, AUDIT_FAILED);
    cr_assert_eq(due_at(later + 5, &next).count, 0);
}

Test(store_life, cancelling_makes_a_waiting_run_due)
{
    struct error err = {0};
    int64_t next = -1;
    int64_t later = clock_wall(clock_system()) + 3600 * CLOCK_SECOND;
    store_fixture_create(f.store, 1, 1);
    cr_assert_eq(store_outbox_postpone(f.store, 1, later, "Rate exceeded", &err), 0);
    cr_assert_eq(due_at(later - 1, &next).count, 0);
    cr_assert_eq(store_run_cancel(f.store, 1, NULL, &err), 0);
    int64_t version = store_fixture_get(f.store, 1).run.version;
    struct due due = due_at(later - 1, &next);
    cr_assert_eq(due.count, 1);
    cr_assert(due.cancelled[0]);
    cr_assert_eq(store_run_cancel(f.store, 1, NULL, &err), 0);
    cr_assert_eq(store_fixture_get(f.store, 1).run.version, version, "the second changes nothing");
}

static void same_reason(void *ctx, const struct store_run *run)
{
    cr_assert_str_eq(run->cancel_reason, ctx);
}

Test(store_life, the_first_reason_of_a_cancelling_is_kept)
{
    struct error err = {0};
    store_fixture_create(f.store, 1, 1);
    cr_assert_eq(store_run_cancel(f.store, 1, "first", &err), 0);
    cr_assert_eq(store_run_cancel(f.store, 1, "second", &err), 0);
    store_fixture_reopen(&f);
    cr_assert_eq(store_run_get(f.store, 1, same_reason, (void *)"first", &err), 0);
}

/* --- the mirror --- */

struct mirror_case {
    const char *what;
    struct audit_detail row; /* of task-0 in run 1 */
    enum audit_status status;
    const char *ecs_task_id;
};

#define ROW(id, at, n, started, updated)                                                           \
    {                                                                                              \
        .workflow_run_id = 1, .ecs_task_id = (id), .task_name = "task-0", .status = (at),          \
        .attempt = (n), .start_time = (started), .update_time = (updated),                         \
        .exec_time_in_seconds = -1, .bytes = -1, .exit_code = -1                                   \
    }

/* Taken over one after the other. */
static const struct mirror_case mirror_cases[] = {
    {"first row", ROW("a", AUDIT_RUNNING, 1, 10, 10), AUDIT_RUNNING, "a"},
    {"same again", ROW("a", AUDIT_RUNNING, 1, 10, 10), AUDIT_RUNNING, "a"},
    {"backwards", ROW("a", AUDIT_SUBMITTED, 1, 10, 20), AUDIT_RUNNING, "a"},
    {"fails", ROW("a", AUDIT_FAILED, 1, 10, 30), AUDIT_FAILED, "a"},
    {"stale running", ROW("a", AUDIT_RUNNING, 1, 10, 40), AUDIT_FAILED, "a"},
    {"other final", ROW("a", AUDIT_COMPLETED, 1, 10, 50), AUDIT_FAILED, "a"},
    {"learns its reason", ROW("a", AUDIT_FAILED, 1, 10, 31), AUDIT_FAILED, "a"},
    {"older attempt", ROW("z", AUDIT_COMPLETED, 0, 99, 99), AUDIT_FAILED, "a"},
    {"newer attempt", ROW("b", AUDIT_RUNNING, 2, 60, 60), AUDIT_RUNNING, "b"},
    {"first attempt again", ROW("a", AUDIT_FAILED, 1, 10, 30), AUDIT_RUNNING, "b"},
    {"completes", ROW("b", AUDIT_COMPLETED, 2, 60, 70), AUDIT_COMPLETED, "b"},
    {"no attempt, started later", ROW("c", AUDIT_RUNNING, 2, 80, 80), AUDIT_RUNNING, "c"},
    {"no attempt, started before", ROW("d", AUDIT_FAILED, 2, 70, 90), AUDIT_RUNNING, "c"},
};

static int64_t count_of(const struct store_run *run, enum audit_status status)
{
    const int64_t counts[AUDIT_STATUS_COUNT] = {
        [AUDIT_SUBMITTED] = run->submitted_tasks, [AUDIT_RUNNING] = run->running_tasks,
        [AUDIT_COMPLETED] = run->completed_tasks, [AUDIT_FAILED] = run->failed_tasks,
        [AUDIT_CANCELLED] = run->cancelled_tasks,
    };
    return counts[status];
}

Test(store_life, mirrored_rows_never_go_backwards)
{
    struct error err = {0};
    store_fixture_create(f.store, 1, 2);
    start(1);
    for (size_t i = 0; i < sizeof mirror_cases / sizeof *mirror_cases; i++) {
        const struct mirror_case *c = &mirror_cases[i];
        cr_assert_eq(store_tasks_mirror(f.store, 1, &c->row, 1, &err), 0, "%s", err.message);
        struct task_copy task = store_fixture_task(f.store, 1, 0);
        cr_expect_eq(task.task.status, c->status, "%s", c->what);
        cr_expect_str_eq(task.ecs_task_id, c->ecs_task_id, "%s", c->what);
        struct run_copy run = store_fixture_get(f.store, 1);
        cr_expect_eq(run.run.task_count, 2, "%s", c->what);
        cr_expect_eq(run.run.submitted_tasks, 1, "%s", c->what);
        cr_expect_eq(count_of(&run.run, c->status), 1, "%s", c->what);
    }
}

Test(store_life, rows_that_say_nothing_new_change_nothing)
{
    struct error err = {0};
    store_fixture_create(f.store, 1, 2);
    start(1);
    cr_assert_eq(store_tasks_mirror(f.store, 1, &mirror_cases[0].row, 1, &err), 0);
    int64_t version = store_fixture_get(f.store, 1).run.version;
    cr_assert_eq(store_tasks_mirror(f.store, 1, &mirror_cases[0].row, 1, &err), 0);
    cr_assert_eq(store_fixture_get(f.store, 1).run.version, version);
}

Test(store_life, unlisted_rows_follow_the_listed_ones)
{
    struct error err = {0};
    store_fixture_create(f.store, 1, 2);
    start(1);
    struct audit_detail row = mirror_cases[0].row;
    row.task_name = "surprise";
    row.ecs_task_id = "s";
    cr_assert_eq(store_tasks_mirror(f.store, 1, &row, 1, &err), 0);
    row.task_name = NULL;
    row.ecs_task_id = "nameless";
    cr_assert_eq(store_tasks_mirror(f.store, 1, &row, 1, &err), 0);
    cr_assert_str_eq(store_fixture_task(f.store, 1, 2).name, "surprise");
    cr_assert_str_eq(store_fixture_task(f.store, 1, 3).name, "nameless");
    struct run_copy run = store_fixture_get(f.store, 1);
    cr_assert_eq(run.run.task_count, 4);
    cr_assert_eq(run.run.running_tasks, 2);
    cr_assert_eq(run.run.submitted_tasks, 2);
}

static void count_task(void *ctx, const struct store_task *task)
{
    (void)task;
    ++*(int *)ctx;
}

Test(store_life, tasks_are_paged_and_filtered)
{
    struct error err = {0};
    bool more;
    int count = 0;
    store_fixture_create(f.store, 1, 5);
    start(1);
    cr_assert_eq(store_tasks_mirror(f.store, 1, &mirror_cases[0].row, 1, &err), 0);
    cr_assert_eq(store_task_list(f.store, 1, -1, -1, 3, count_task, &count, &more, &err), 0);
    cr_assert(count == 3 && more);
    cr_assert_eq(store_task_list(f.store, 1, -1, 2, 3, count_task, &count, &more, &err), 0);
    cr_assert(count == 5 && !more);
    count = 0;
    cr_assert_eq(
        store_task_list(f.store, 1, AUDIT_SUBMITTED, -1, 4, count_task, &count, &more, &err), 0);
    cr_assert(count == 4 && !more);
    count = 0;
    cr_assert_eq(store_task_list(f.store, 1, AUDIT_RUNNING, -1, 4, count_task, &count, &more, &err),
                 0);
    cr_assert_eq(count, 1);
}

/* --- events --- */

struct seen_events {
    int64_t id[16];
    size_t count;
};

static void collect_event(void *ctx, const struct store_event *event)
{
    struct seen_events *seen = ctx;
    seen->id[seen->count++] = event->id;
    cr_assert_str_eq(event->type, "TaskScheduled");
}

static int64_t last_event;

static void note_last_event(void *ctx, const struct store_active *active)
{
    (void)ctx;
    last_event = active->last_event_id;
}

static void add_events(int64_t from, int64_t to)
{
    struct error err = {0};
    struct store_event events[8];
    size_t count = 0;
    for (int64_t id = from; id <= to; id++)
        events[count++] = (struct store_event){id, id - 1, 1000 + id, "TaskScheduled", "{}"};
    cr_assert_eq(store_events_add(f.store, 1, events, count, &err), 0, "%s", err.message);
    cr_assert_eq(store_active_list(f.store, note_last_event, NULL, &err), 0);
}

Test(store_life, history_is_complete_up_to_its_first_gap)
{
    struct error err = {0};
    bool more;
    struct seen_events seen = {.count = 0};
    store_fixture_create(f.store, 1, 1);
    start(1);
    add_events(1, 2);
    cr_assert_eq(last_event, 2);
    add_events(5, 6);
    cr_assert_eq(last_event, 2, "3 and 4 are missing");
    int64_t version = store_fixture_get(f.store, 1).run.version;
    add_events(5, 6);
    cr_assert_eq(store_fixture_get(f.store, 1).run.version, version);
    add_events(2, 4);
    cr_assert_eq(last_event, 6);
    cr_assert_eq(store_event_list(f.store, 1, 0, 4, collect_event, &seen, &more, &err), 0);
    cr_assert(more && seen.count == 4);
    cr_assert_eq(store_event_list(f.store, 1, 4, 4, collect_event, &seen, &more, &err), 0);
    cr_assert(!more && seen.count == 6);
    for (size_t i = 0; i < seen.count; i++)
        cr_assert_eq(seen.id[i], (int64_t)i + 1);
}

/* --- the end --- */

static int close_with(int64_t id, enum audit_status status, enum audit_status tasks,
                      struct error *err)
{
    struct store_close end = {status, "why", 0, tasks, "no final audit row was written"};
    return store_run_close(f.store, id, &end, err);
}

Test(store_life, closing_ends_open_tasks_and_is_final)
{
    struct error err = {0};
    store_fixture_create(f.store, 1, 3);
    start(1);
    struct audit_detail row = mirror_cases[0].row;
    row.status = AUDIT_COMPLETED;
    cr_assert_eq(store_tasks_mirror(f.store, 1, &row, 1, &err), 0);
    struct store_execution execution = {"FAILED", 5000, 9000, "Oops", "because"};
    cr_assert_eq(store_execution_set(f.store, 1, &execution, &err), 0);
    struct run_copy run = store_fixture_get(f.store, 1);
    cr_assert_str_eq(run.execution_status, "FAILED");
    cr_assert_eq(run.run.status, AUDIT_RUNNING, "not final before it is closed");
    cr_assert_eq(store_execution_set(f.store, 1, &execution, &err), 0);
    cr_assert_eq(store_fixture_get(f.store, 1).run.version, run.run.version);

    cr_assert_eq(close_with(1, AUDIT_RUNNING, AUDIT_FAILED, &err), -1);
    cr_assert_eq(err.code, ERR_INTERNAL);
    cr_assert_eq(close_with(1, AUDIT_FAILED, AUDIT_FAILED, &err), 0, "%s", err.message);
    run = store_fixture_get(f.store, 1);
    cr_assert_eq(run.run.status, AUDIT_FAILED);
    cr_assert_str_eq(run.reason, "why");
    cr_assert_eq(run.run.ended_at, 9000);
    cr_assert_eq(run.run.completed_tasks, 1);
    cr_assert_eq(run.run.failed_tasks, 2);
    cr_assert_eq(run.run.submitted_tasks, 0);
    cr_assert_str_eq(store_fixture_task(f.store, 1, 1).stopped_reason,
                     "no final audit row was written");

    cr_assert_eq(close_with(1, AUDIT_COMPLETED, AUDIT_FAILED, &err), -1);
    cr_assert_eq(err.code, ERR_CONFLICT);
    row = mirror_cases[7].row;
    cr_assert_eq(store_tasks_mirror(f.store, 1, &row, 1, &err), 0);
    cr_assert_eq(store_run_cancel(f.store, 1, NULL, &err), 0);
    cr_assert_eq(store_fixture_get(f.store, 1).run.version, run.run.version, "nothing moves it");
}

Test(store_life, closing_takes_a_run_out_of_the_outbox)
{
    struct error err = {0};
    int64_t next = -1;
    store_fixture_create(f.store, 1, 1);
    cr_assert_eq(close_with(1, AUDIT_CANCELLED, AUDIT_CANCELLED, &err), 0, "%s", err.message);
    cr_assert_eq(due_at(INT64_MAX, &next).count, 0);
    cr_assert_eq(store_fixture_get(f.store, 1).run.cancelled_tasks, 1);
    cr_assert_neq(store_fixture_get(f.store, 1).run.ended_at, 0);
}

static void count_active(void *ctx, const struct store_active *active)
{
    ++*(int *)ctx;
    cr_assert_str_eq(active->execution_arn, arn);
    cr_assert_str_eq(active->workflow_name, "copy");
    cr_assert_null(active->execution_status);
}

Test(store_life, active_runs_have_an_execution_and_are_not_final)
{
    struct error err = {0};
    int count = 0;
    for (int64_t id = 1; id <= 3; id++)
        store_fixture_create(f.store, id, 1);
    start(1);
    start(2);
    cr_assert_eq(close_with(2, AUDIT_COMPLETED, AUDIT_COMPLETED, &err), 0);
    cr_assert_eq(store_active_list(f.store, count_active, &count, &err), 0);
    cr_assert_eq(count, 1);
}
