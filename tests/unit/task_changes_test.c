/* Every change of a task has a version, and who asks from one on misses nothing: in the store and
 * over REST. */
#include "lib/json/json_read.h"
#include "tests/unit/routes_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RUN = 77, TASKS = 5 };

struct seen {
    struct store_task_place places[16];
    size_t count;
};

static void note(void *ctx, const struct store_task *task)
{
    struct seen *seen = ctx;
    cr_assert_lt(seen->count, 16);
    seen->places[seen->count++] = (struct store_task_place){task->version, task->seq};
}

static struct seen changes(struct store *s, int64_t version, int64_t seq, int limit, bool *more)
{
    struct seen seen = {.count = 0};
    struct error err = {0};
    const struct store_task_place after = {version, seq};
    cr_assert_eq(store_task_changes(s, RUN, &after, limit, note, &seen, more, &err), 0, "%s",
                 err.message);
    return seen;
}

/* An audit row of task-<seq>. */
static void mirror(struct store *s, int seq, enum audit_status status)
{
    const struct audit_detail row = {.status = status,
                                     .start_time = 1000,
                                     .update_time = 2000,
                                     .exec_time_in_seconds = -1,
                                     .bytes = -1,
                                     .exit_code = -1};
    store_fixture_mirror(s, RUN, seq, &row);
}

Test(task_changes, each_kind_of_change_sets_the_version)
{
    struct store_fixture f;
    struct error err = {0};
    bool more;
    store_fixture_open(&f);
    store_fixture_create(f.store, RUN, TASKS);
    int64_t created = store_fixture_get(f.store, RUN).run.version;
    struct seen seen = changes(f.store, 0, INT64_MAX, 10, &more);
    cr_assert_eq(seen.count, TASKS);
    cr_assert_eq(seen.places[0].version, created);
    cr_assert_eq(changes(f.store, created, INT64_MAX, 10, &more).count, 0);
    mirror(f.store, 3, AUDIT_RUNNING);
    mirror(f.store, 1, AUDIT_COMPLETED);
    seen = changes(f.store, created, INT64_MAX, 10, &more);
    cr_assert_eq(seen.count, 2);
    cr_assert_eq(seen.places[0].seq, 3);
    cr_assert_eq(seen.places[1].seq, 1);
    const struct store_close end = {.status = AUDIT_FAILED, .task_status = AUDIT_FAILED};
    cr_assert_eq(store_outbox_started(f.store, RUN, "arn", 1000, &err), 0);
    cr_assert_eq(store_run_close(f.store, RUN, &end, &err), 0, "%s", err.message);
    seen = changes(f.store, seen.places[1].version, INT64_MAX, 10, &more);
    cr_assert_eq(seen.count, TASKS - 1, "all but the completed one");
    cr_assert_eq(seen.places[0].version, store_fixture_get(f.store, RUN).run.version);
    store_fixture_close(&f);
}

Test(task_changes, pages_end_within_a_version)
{
    struct store_fixture f;
    bool more;
    store_fixture_open(&f);
    store_fixture_create(f.store, RUN, TASKS);
    struct seen first = changes(f.store, 0, INT64_MAX, 3, &more);
    cr_assert_eq(first.count, 3);
    cr_assert(more);
    struct seen rest = changes(f.store, first.places[2].version, first.places[2].seq, 3, &more);
    cr_assert_eq(rest.count, 2);
    cr_assert_not(more);
    cr_assert_eq(rest.places[0].seq, 3);
    store_fixture_close(&f);
}

/* GET /workflows/77/tasks?since=<since><more>; a new reference. */
static json_t *ask(struct routes_fixture *f, int64_t since, const char *more)
{
    char path[128];
    json_t *body = NULL;
    (void)snprintf(path, sizeof path, "/workflows/%d/tasks?since=%" PRId64 "%s", RUN, since, more);
    cr_assert_eq(routes_call(f, "GET", path, NULL, NULL, &body), 200);
    return body;
}

static int64_t size_of(const json_t *body)
{
    return (int64_t)json_array_size(json_object_get(body, "items"));
}

Test(task_changes, rest_tells_where_to_go_on)
{
    struct routes_fixture f;
    routes_fixture_open(&f);
    store_fixture_create(f.store, RUN, TASKS);
    json_t *all = ask(&f, 0, "");
    int64_t version = json_int(all, "version", 0);
    cr_assert_eq(size_of(all), TASKS);
    cr_assert_gt(version, 0);
    json_t *first = ask(&f, 0, "&limit=3");
    const char *cursor = json_str(first, "nextCursor", NULL);
    cr_assert_not_null(cursor);
    cr_assert_lt(json_int(first, "version", -1), version, "two of that version are still to come");
    char more[64];
    (void)snprintf(more, sizeof more, "&limit=3&cursor=%s", cursor);
    json_t *second = ask(&f, 0, more);
    cr_assert_eq(size_of(second), TASKS - 3);
    cr_assert_eq(json_int(second, "version", 0), version);
    mirror(f.store, 2, AUDIT_RUNNING);
    json_t *next = ask(&f, version, "");
    cr_assert_eq(size_of(next), 1);
    const json_t *task = json_array_get(json_object_get(next, "items"), 0);
    cr_assert_str_eq(json_str(task, "taskName", ""), "task-2");
    cr_assert_eq(json_int(task, "version", 0), json_int(next, "version", -1));
    json_t *none = ask(&f, json_int(next, "version", 0), "");
    cr_assert_eq(size_of(none), 0);
    cr_assert_eq(json_int(none, "version", 0), json_int(next, "version", -1));
    json_decref(all);
    json_decref(first);
    json_decref(second);
    json_decref(next);
    json_decref(none);
    routes_fixture_close(&f);
}

Test(task_changes, refuses_what_it_cannot_answer)
{
    static const char *const bad[] = {
        "-1", "x", "1&status=failed", "1&cursor=3", "1&cursor=3.4.5", "1&cursor=.4", "1&limit=0"};
    struct routes_fixture f;
    routes_fixture_open(&f);
    store_fixture_create(f.store, RUN, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/workflows/%d/tasks?since=%s", RUN, bad[i]);
        cr_assert_eq(routes_call(&f, "GET", path, NULL, NULL, NULL), 400, "%s", path);
    }
    cr_assert_eq(routes_call(&f, "GET", "/workflows/1/tasks?since=0", NULL, NULL, NULL), 404);
    routes_fixture_close(&f);
}
