/* server/store: what ECS said of tasks. */
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"

static struct store_fixture f;

static void setup(void)
{
    store_fixture_open(&f);
}

static void teardown(void)
{
    store_fixture_close(&f);
}

TestSuite(descriptions, .init = setup, .fini = teardown);

/* Run 1 with two tasks that have rows, Failed and Running. */
static void fill(void)
{
    struct error err = {0};
    const struct audit_detail rows[] = {{.workflow_run_id = 1,
                                         .ecs_task_id = ID_A,
                                         .task_name = "task-0",
                                         .status = AUDIT_FAILED,
                                         .start_time = 1000,
                                         .update_time = 2000,
                                         .exit_code = 1},
                                        {.workflow_run_id = 1,
                                         .ecs_task_id = ID_B,
                                         .task_name = "task-1",
                                         .status = AUDIT_RUNNING,
                                         .start_time = 1000,
                                         .update_time = 1000}};
    store_fixture_create(f.store, 1, 3);
    cr_assert_eq(store_outbox_started(f.store, 1, "arn:1", 5000, &err), 0, "%s", err.message);
    cr_assert_eq(store_tasks_mirror(f.store, 1, rows, 2, &err), 0, "%s", err.message);
}

static void put(int64_t seq, const char *id, const char *body, bool stopped)
{
    struct error err = {0};
    const struct store_description d = {
        .seq = seq, .ecs_task_id = id, .stopped = stopped, .body = body, .body_len = strlen(body)};
    cr_assert_eq(store_descriptions_put(f.store, 1, &d, 1, &err), 0, "%s", err.message);
}

static void copy_body(void *ctx, const struct store_description *d)
{
    char *out = ctx;
    cr_assert_gt(d->seen_at, 0);
    (void)snprintf(out, 64, "%.*s%s", (int)d->body_len, d->body, d->stopped ? " stopped" : "");
}

/* "" when there is none. */
static const char *body_of(int64_t seq, const char *id, char out[64])
{
    struct error err = {0};
    out[0] = '\0';
    cr_assert_eq(store_description_get(f.store, 1, seq, id, copy_body, out, &err), 0, "%s",
                 err.message);
    return out;
}

Test(descriptions, the_last_one_is_kept_of_the_very_task)
{
    char text[64];
    fill();
    int64_t version = store_fixture_get(f.store, 1).run.version;
    cr_assert_str_eq(body_of(0, ID_A, text), "");
    put(0, ID_A, "{\"a\":1}", false);
    put(0, ID_A, "{\"a\":2}", true);
    cr_assert_str_eq(body_of(0, ID_A, text), "{\"a\":2} stopped");
    cr_assert_str_eq(body_of(0, ID_B, text), "", "of another attempt");
    cr_assert_str_eq(body_of(1, ID_A, text), "");
    put(9, ID_A, "{}", true);
    cr_assert_str_eq(body_of(9, ID_A, text), "", "there is no such task");
    cr_assert_eq(store_fixture_get(f.store, 1).run.version, version, "nobody is woken");
    store_fixture_reopen(&f);
    cr_assert_str_eq(body_of(0, ID_A, text), "{\"a\":2} stopped");
}

Test(descriptions, one_that_is_too_long_refuses_all_of_the_call)
{
    char text[64];
    struct error err = {0};
    char *body = malloc(STORE_DESCRIPTION_MAX + 1);
    fill();
    cr_assert_not_null(body);
    memset(body, ' ', STORE_DESCRIPTION_MAX + 1);
    const struct store_description d[] = {
        {.seq = 0, .ecs_task_id = ID_A, .body = "{}", .body_len = 2},
        {.seq = 1, .ecs_task_id = ID_B, .body = body, .body_len = STORE_DESCRIPTION_MAX + 1}};
    cr_assert_eq(store_descriptions_put(f.store, 1, d, 2, &err), -1);
    cr_assert_eq(err.code, ERR_LIMIT);
    cr_assert_str_eq(body_of(0, ID_A, text), "");
    free(body);
}

struct listed {
    size_t count;
    int64_t seq[8];
    bool described[8];
    struct store_task_place last;
};

static void collect(void *ctx, const struct store_subject *subject)
{
    struct listed *l = ctx;
    l->seq[l->count] = subject->seq;
    l->described[l->count++] = subject->described;
    l->last = (struct store_task_place){subject->version, subject->seq};
}

static struct listed list_from(const struct store_task_place *after, int limit, bool *more)
{
    struct listed l = {.count = 0};
    struct error err = {0};
    cr_assert_eq(store_subject_list(f.store, 1, after, limit, collect, &l, more, &err), 0, "%s",
                 err.message);
    return l;
}

Test(descriptions, subjects_are_what_changed_and_say_whether_all_is_known)
{
    bool more;
    fill();
    put(0, ID_A, "{}", true);
    put(1, ID_B, "{}", false);
    struct listed all = list_from(&(struct store_task_place){0, -1}, 10, &more);
    cr_assert_eq(all.count, 3);
    cr_assert_eq(all.seq[0], 2, "the oldest change first: a task without a row");
    cr_assert_not(all.described[0]);
    cr_assert(all.described[1]);
    cr_assert_not(all.described[2]);
    struct listed page = list_from(&(struct store_task_place){0, -1}, 2, &more);
    cr_assert(more);
    page = list_from(&page.last, 2, &more);
    cr_assert_not(more);
    cr_assert_eq(page.count, 1);
    cr_assert_eq(list_from(&page.last, 2, &more).count, 0);
}

static void count_places(void *ctx, const struct store_places *places)
{
    int *count = ctx;
    cr_assert_eq(places->run_id, 1);
    cr_assert_null(places->cluster, "its input names none");
    (*count)++;
}

static int undescribed(int64_t ended_after)
{
    int count = 0;
    struct error err = {0};
    cr_assert_eq(store_undescribed(f.store, ended_after, count_places, &count, &err), 0, "%s",
                 err.message);
    return count;
}

Test(descriptions, a_run_that_ended_lately_is_told_until_all_is_known)
{
    struct error err = {0};
    const struct store_close c = {
        .status = AUDIT_FAILED, .ended_at = 9000, .task_status = AUDIT_FAILED};
    fill();
    cr_assert_eq(undescribed(1), 0, "it goes on");
    cr_assert_eq(store_run_close(f.store, 1, &c, &err), 0, "%s", err.message);
    cr_assert_eq(undescribed(9000), 0);
    cr_assert_eq(undescribed(8999), 1);
    put(0, ID_A, "{}", true);
    put(1, ID_B, "{}", false);
    cr_assert_eq(undescribed(8999), 1);
    put(1, ID_B, "{}", true);
    cr_assert_eq(undescribed(8999), 0, "the third task was never started");
}

Test(descriptions, leave_with_their_tasks)
{
    char text[64];
    struct error err = {0};
    bool more = true;
    const struct store_close c = {
        .status = AUDIT_FAILED, .ended_at = 9000, .task_status = AUDIT_FAILED};
    fill();
    put(0, ID_A, "{}", true);
    put(1, ID_B, "{}", true);
    cr_assert_eq(store_run_close(f.store, 1, &c, &err), 0, "%s", err.message);
    cr_assert_eq(store_retain(f.store, 9001, 1, &more, &err), 0, "%s", err.message);
    cr_assert(more);
    cr_assert_eq(store_fixture_task(f.store, 1, 2).task.seq, 2, "descriptions go first");
    cr_assert_str_eq(body_of(0, ID_A, text), "");
    cr_assert_str_neq(body_of(1, ID_B, text), "");
    while (more)
        cr_assert_eq(store_retain(f.store, 9001, 1, &more, &err), 0, "%s", err.message);
    cr_assert_str_eq(body_of(1, ID_B, text), "");
    cr_assert_gt(store_fixture_get(f.store, 1).run.trimmed_at, 0);
}

Test(descriptions, ids_of_ecs_are_known_by_their_form)
{
    cr_assert(store_is_ecs_id(ID_A));
    cr_assert(store_is_ecs_id("01234567-89ab-cdef-0123-456789abcdef"));
    cr_assert_not(store_is_ecs_id(NULL));
    cr_assert_not(store_is_ecs_id(""));
    cr_assert_not(store_is_ecs_id("not-started-0123456789abcdef0123"), "what the launcher makes");
    cr_assert_not(store_is_ecs_id("0123456789abcdef0123456789abcde/"));
    cr_assert_not(store_is_ecs_id("0123456789ABCDEF0123456789ABCDEF"));
    cr_assert_not(store_is_ecs_id(ID_A "0"));
    cr_assert_not(store_is_ecs_id("../../../../../../../etc/passwd0"));
}

/* --- the events of an iteration ---
 */

static void add_event(int64_t id, int64_t previous, const char *type, const char *details)
{
    struct error err = {0};
    const struct store_event e = {
        .id = id, .previous_id = previous, .time = id, .type = type, .details = details};
    cr_assert_eq(store_events_add(f.store, 1, &e, 1, &err), 0, "%s", err.message);
}

static void collect_ids(void *ctx, const struct store_event *event)
{
    char *text = ctx;
    size_t len = strlen(text);
    (void)snprintf(text + len, 64 - len, "%lld ", (long long)event->id);
}

static const char *iteration(int64_t index, int limit, char out[64])
{
    struct error err = {0};
    out[0] = '\0';
    cr_assert_eq(store_event_iteration(f.store, 1, index, limit, collect_ids, out, &err), 0, "%s",
                 err.message);
    return out;
}

Test(descriptions, an_iteration_is_the_chain_from_its_start_to_its_end)
{
    char text[64];
    fill();
    add_event(1, 0, "MapStateEntered", "{\"name\":\"M\"}");
    add_event(2, 1, "MapIterationStarted", "{\"index\":0}");
    add_event(3, 1, "MapIterationStarted", "{\"index\":1}");
    add_event(4, 3, "TaskStateEntered", NULL);
    add_event(5, 2, "TaskStateEntered", NULL);
    add_event(6, 5, "TaskScheduled", NULL);
    add_event(7, 4, "TaskFailed", NULL);
    add_event(8, 6, "MapIterationSucceeded", "{\"index\":0}");
    add_event(9, 8, "MapStateExited", NULL);
    cr_assert_str_eq(iteration(0, 16, text), "2 5 6 8 ");
    cr_assert_str_eq(iteration(0, 2, text), "6 8 ", "the newest");
    cr_assert_str_eq(iteration(1, 16, text), "3 4 7 ");
    cr_assert_str_eq(iteration(2, 16, text), "");
}
