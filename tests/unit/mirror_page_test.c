/* One answer's way into the store, and what it takes of memory. */
#include "server/mirror/mirror_private.h"
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Not file scope by choice: Criterion's setups take no argument. One test runs in one process. */
static struct {
    struct store_fixture store;
    struct loop loop;
    struct mirror mirror;
    struct mirror_run run;
    struct buf body;
} t;

static void setup(void)
{
    struct error err = {0};
    store_fixture_open(&t.store);
    store_fixture_create(t.store.store, 7, 3);
    cr_assert_eq(store_outbox_started(t.store.store, 7, "arn", 1, &err), 0, "%s", err.message);
    t.loop = (struct loop){.clock = clock_system(), .store = t.store.store};
    t.mirror = (struct mirror){.loop = &t.loop};
    t.run = (struct mirror_run){
        .mirror = &t.mirror, .id = 7, .details = {"details", "workflow_run_id", "ecs_task_id"}};
    buf_init(&t.body, BUF_MAX_AWS_REPLY);
}

static void teardown(void)
{
    seen_free(&t.run.seen);
    buf_free(&t.body);
    store_fixture_close(&t.store);
}

TestSuite(mirror_page, .init = setup, .fini = teardown, .timeout = 60);

static void add_row(size_t n, const char *name, const char *status)
{
    buf_addf(&t.body,
             "{\"workflow_run_id\":{\"N\":\"7\"},\"ecs_task_id\":{\"S\":\"id-%zu\"},\"task_name\":"
             "{\"S\":\"%s\"},\"status\":{\"S\":\"%s\"},\"update_time\":"
             "{\"S\":\"2024-01-02T03:04:06.000Z\"},\"more\":{\"L\":[{\"S\":\"\\n\"}]}}",
             n, name, status);
}

/* *key: the caller's. */
static int take(bool *moved, json_t **key, struct error *err)
{
    const struct aws_response response = {.status = 200, .http.body = t.body};
    *moved = false;
    cr_assert_not(t.body.failed);
    return mirror_take_page(&t.run, &response, key, moved, err);
}

Test(mirror_page, rows_that_make_no_sense_do_not_hold_up_the_others)
{
    struct error err = {0};
    json_t *key;
    bool moved;
    buf_adds(&t.body, "{\"Count\":5,\"LastEvaluatedKey\":{\"k\":{\"S\":\"x\"}},\"Items\":[7,{},");
    add_row(0, "task-0", "Completed");
    buf_adds(&t.body, ",{\"status\":{\"S\":\"Failed\"}},");
    add_row(1, "task-1", "Unheard");
    buf_adds(&t.body, ",");
    add_row(2, "task\\u002d2", "Failed");
    buf_adds(&t.body, "],\"ScannedCount\":5}");
    cr_assert_eq(take(&moved, &key, &err), 0, "%s", err.message);
    cr_expect(moved);
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(key, "k"), "S")), "x");
    json_decref(key);
    const struct run_copy run = store_fixture_get(t.store.store, 7);
    cr_expect_eq(run.run.completed_tasks, 1);
    cr_expect_eq(run.run.failed_tasks, 1);
    cr_expect_eq(run.run.submitted_tasks, 1);
    cr_assert_eq(take(&moved, &key, &err), 0);
    cr_expect_not(moved, "the store has it all");
    json_decref(key);
}

/* More than one batch, and tasks that the run does not know. */
Test(mirror_page, a_page_of_any_number_of_rows_is_taken)
{
    enum { ROWS = 10000 };
    struct error err = {0};
    json_t *key;
    bool moved;
    char name[32];
    buf_adds(&t.body, "{\"Items\":[");
    for (size_t i = 0; i < ROWS; i++) {
        (void)snprintf(name, sizeof name, "task-%zu", i);
        if (i)
            buf_addc(&t.body, ',');
        add_row(i, name, "Completed");
    }
    buf_adds(&t.body, "]}");
    cr_assert_eq(take(&moved, &key, &err), 0, "%s", err.message);
    cr_expect(moved);
    cr_expect_null(key);
    cr_expect_eq(store_fixture_get(t.store.store, 7).run.completed_tasks, ROWS);
}

Test(mirror_page, a_list_that_is_there_twice_is_refused)
{
    struct error err = {0};
    json_t *key;
    bool moved;
    buf_adds(&t.body, "{\"Items\":[],\"Items\":[],\"LastEvaluatedKey\":{}}");
    cr_assert_eq(take(&moved, &key, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect_null(key);
}

static long peak_kb(void)
{
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* The largest answer that is let in, of the smallest values there are, and of the deepest. As trees
 * they would take some hundred megabytes; here nothing grows with what they hold. */
Test(mirror_page, a_hostile_answer_takes_no_memory)
{
    static const char *const pieces[] = {"0,", "{},", "{\"status\":{\"S\":\"Running\"}},",
                                         "[[[[]]]],"};
    enum { GROWTH_KB = 16 * 1024 };
    struct error err = {0};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        json_t *key;
        bool moved;
        buf_reset(&t.body);
        buf_adds(&t.body, "{\"Items\":[");
        while (t.body.len < 16 * 1024 * 1024)
            buf_adds(&t.body, pieces[i]);
        buf_adds(&t.body, "0]}");
        const long before = peak_kb();
        cr_assert_eq(json_check(buf_str(&t.body), t.body.len, &err), 0, "%s", err.message);
        cr_assert_eq(take(&moved, &key, &err), 0, "%s", err.message);
        cr_expect_not(moved);
        cr_expect_lt(peak_kb() - before, GROWTH_KB, "%s", pieces[i]);
    }
}
