/* server/store: opening, creating, listing, concurrency. */
#include "lib/db/db.h"
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct store_fixture f;

static void setup(void)
{
    store_fixture_open(&f);
}

static void teardown(void)
{
    store_fixture_close(&f);
}

TestSuite(store, .init = setup, .fini = teardown);

/* --- opening --- */

static void refuses(const char *path, enum err_code code, const char *says)
{
    struct error err = {0};
    struct store *s = store_open(&(struct store_options){path, clock_system(), NULL}, &err);
    cr_assert_null(s);
    cr_expect_eq(err.code, code, "%d %s", err.code, err.message);
    cr_expect_not_null(strstr(err.message, says), "%s", err.message);
}

Test(store, tells_why_it_cannot_open)
{
    char path[FIXTURE_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/none/store.db", f.dir);
    refuses(path, ERR_SYSTEM, "does not exist");
    (void)snprintf(path, sizeof path, "%s/store.db/x.db", f.dir);
    refuses(path, ERR_SYSTEM, "is not a folder");
}

Test(store, refuses_a_damaged_file)
{
    static const char garbage[] = "this is not a database, and it is long enough to be looked at "
                                  "as if it were one: sixteen bytes of magic are missing";
    f.store = store_close(f.store);
    int fd = open(f.path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, garbage, sizeof garbage), (ssize_t)sizeof garbage);
    (void)close(fd);
    refuses(f.path, ERR_DATABASE, "damaged");
}

Test(store, refuses_a_newer_schema)
{
    struct error err = {0};
    f.store = store_close(f.store);
    struct db *db = db_open(f.path, DB_READ_WRITE, &err);
    cr_assert_not_null(db);
    cr_assert_eq(db_exec(db, "PRAGMA user_version = 99", &err), 0);
    db_close(db);
    refuses(f.path, ERR_SCHEMA_NEWER, "newer");
}

Test(store, keeps_everything_over_a_restart)
{
    struct error err = {0};
    struct buf text;
    store_fixture_create(f.store, 7, 2);
    int64_t version = store_fixture_get(f.store, 7).run.version;
    store_fixture_reopen(&f);
    cr_assert_eq(store_ping(f.store, &err), 0);
    cr_assert_eq(store_fixture_get(f.store, 7).run.version, version);
    buf_init(&text, BUF_MAX_SPEC);
    cr_assert_eq(store_run_request(f.store, 7, &text, &err), 0);
    cr_assert_str_eq(buf_str(&text), "{\"taskList\":[]}");
    buf_reset(&text);
    cr_assert_eq(store_run_input(f.store, 7, &text, &err), 0);
    cr_assert_str_eq(buf_str(&text), "{\"pattern\":1}");
    buf_free(&text);
    store_fixture_create(f.store, 8, 0);
    cr_assert_gt(store_fixture_get(f.store, 8).run.version, version, "versions go on");
}

/* --- creating --- */

struct create_case {
    const char *what;
    int64_t id;
    const char *execution_name;
    const char *key;
    const char *hash;
    enum err_code code;
    int64_t existing;
};

/* Each against a store with run 1 (execution x-1, key "k", hash "h"). */
static const struct create_case create_cases[] = {
    {"another run", 2, "x-2", "k2", "h", ERR_NONE, 0},
    {"another run without a key", 2, "x-2", NULL, "h", ERR_NONE, 0},
    {"same key, same request", 2, "x-2", "k", "h", ERR_NONE, 1},
    {"same key, same request, same id", 1, "x-1", "k", "h", ERR_NONE, 1},
    {"same key, other request", 2, "x-2", "k", "other", ERR_IDEMPOTENCY, 0},
    {"same id, no key", 1, "x-2", NULL, "h", ERR_CONFLICT, 0},
    {"same id, other key", 1, "x-2", "k2", "h", ERR_CONFLICT, 0},
    {"same execution name", 2, "x-1", NULL, "h", ERR_CONFLICT, 0},
};

static int create_with(const struct create_case *c, int64_t *existing, struct error *err)
{
    struct store_new_run *run = store_fixture_run(c->id, 1);
    free((void *)run->execution_name);
    run->execution_name = strdup(c->execution_name);
    run->idempotency_key = c->key;
    run->request_hash = c->hash;
    int rc = store_run_create(f.store, run, existing, err);
    store_fixture_run_free(run);
    return rc;
}

Test(store, create_conflicts_and_idempotency)
{
    static const struct create_case first = {"first", 1, "x-1", "k", "h", ERR_NONE, 0};
    for (size_t i = 0; i < sizeof create_cases / sizeof *create_cases; i++) {
        const struct create_case *c = &create_cases[i];
        struct error err = {0};
        int64_t existing = -1;
        cr_assert_eq(create_with(&first, &existing, &err), 0);
        int rc = create_with(c, &existing, &err);
        cr_expect_eq(rc, c->code == ERR_NONE ? 0 : -1, "%s", c->what);
        cr_expect_eq(err.code, c->code, "%s: %s", c->what, err.message);
        cr_expect_eq(existing, c->existing, "%s", c->what);
        teardown();
        setup();
    }
}

Test(store, a_refused_run_leaves_nothing)
{
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(5, 2);
    free((void *)run->tasks[1].name);
    ((struct store_new_task *)run->tasks)[1].name = strdup("task-0");
    cr_assert_eq(store_run_create(f.store, run, &existing, &err), -1);
    cr_expect_eq(err.code, ERR_CONFLICT);
    cr_expect_not_null(strstr(err.message, "task-0"), "%s", err.message);
    store_fixture_run_free(run);
    store_fixture_create(f.store, 5, 2);
    cr_expect_eq(store_fixture_get(f.store, 5).run.submitted_tasks, 2);
}

static void ignore_run(void *ctx, const struct store_run *run)
{
    (void)ctx;
    (void)run;
}

Test(store, unknown_runs_are_not_found)
{
    struct error err = {0};
    struct buf text;
    cr_assert_eq(store_run_get(f.store, 123, ignore_run, NULL, &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
    cr_assert_str_eq(err.message, "there is no run 123");
    buf_init(&text, 100);
    cr_assert_eq(store_run_request(f.store, 123, &text, &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
    cr_assert_eq(store_run_cancel(f.store, 123, NULL, &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
}

/* --- lists --- */

struct ids {
    int64_t id[64];
    size_t count;
};

static void collect(void *ctx, const struct store_run *run)
{
    struct ids *ids = ctx;
    cr_assert_lt(ids->count, 64);
    ids->id[ids->count++] = run->id;
}

static void create_named(int64_t id, int pattern, const char *name, const char *key)
{
    struct error err = {0};
    int64_t existing;
    struct store_new_run *run = store_fixture_run(id, 2);
    run->pattern = pattern;
    run->workflow_name = name;
    run->labels = id == 7 ? "{\"team\":\"ledger\"}" : NULL;
    free((void *)run->tasks[1].object_key);
    ((struct store_new_task *)run->tasks)[1].object_key = strdup(key);
    cr_assert_eq(store_run_create(f.store, run, &existing, &err), 0, "%s", err.message);
    store_fixture_run_free(run);
}

/* Reads all pages of a filter; ids must fall from page to page. */
static struct ids all_pages(struct store_run_filter filter, int limit)
{
    struct ids ids = {.count = 0};
    bool more = true;
    filter.limit = limit;
    while (more) {
        struct error err = {0};
        size_t before = ids.count;
        cr_assert_eq(store_run_list(f.store, &filter, collect, &ids, &more, &err), 0, "%s",
                     err.message);
        cr_assert_leq(ids.count - before, (size_t)limit);
        cr_assert(!more || ids.count - before == (size_t)limit);
        if (ids.count)
            filter.before = ids.id[ids.count - 1];
    }
    for (size_t i = 1; i < ids.count; i++)
        cr_assert_lt(ids.id[i], ids.id[i - 1]);
    return ids;
}

Test(store, lists_by_keyset_with_filters)
{
    for (int64_t id = 1; id <= 20; id++)
        create_named(id, id % 2 ? 1 : 2, id <= 5 ? "nightly" : "copy",
                     id == 3 ? "100%_done\\now" : "plain");
    struct error err = {0};
    for (int64_t id = 1; id <= 10; id++)
        cr_assert_eq(store_outbox_refused(f.store, id, "no such machine", &err), 0);
    int64_t first = store_fixture_get(f.store, 1).run.submitted_at;
    int64_t last = store_fixture_get(f.store, 20).run.submitted_at;
    int64_t first_end = store_fixture_get(f.store, 1).run.ended_at;
    int64_t last_end = store_fixture_get(f.store, 10).run.ended_at;
    const struct {
        struct store_run_filter filter;
        size_t count;
    } cases[] = {
        {{.status = -1}, 20},
        {{.status = AUDIT_FAILED}, 10},
        {{.status = AUDIT_SUBMITTED}, 10},
        {{.status = AUDIT_COMPLETED}, 0},
        {{.status = -1, .pattern = 1}, 10},
        {{.status = -1, .name = "nightly"}, 5},
        {{.status = -1, .name = "night"}, 0},
        {{.status = -1, .pattern = 2, .name = "nightly"}, 2},
        {{.status = AUDIT_FAILED, .pattern = 2, .name = "copy"}, 3},
        {{.status = -1, .text = "night"}, 5},
        {{.status = -1, .text = "no such"}, 10},
        {{.status = -1, .text = "task-1"}, 20},
        {{.status = -1, .text = "%_"}, 1},
        {{.status = -1, .text = "e\\n"}, 1},
        {{.status = -1, .text = "object_0"}, 20},
        {{.status = -1, .text = "objectX0"}, 0},
        {{.status = -1, .since = first}, 20},
        {{.status = -1, .since = last + 1}, 0},
        {{.status = -1, .until = first - 1}, 0},
        {{.status = -1, .since = first, .until = last}, 20},
        {{.status = -1, .text = "17"}, 1},
        {{.status = -1, .text = "ledger"}, 1},
        {{.status = -1, .ended_since = first_end}, 10},
        {{.status = AUDIT_FAILED, .pattern = 2, .ended_since = first_end}, 5},
        {{.status = AUDIT_COMPLETED, .ended_since = first_end}, 0},
        {{.status = -1, .ended_since = last_end + 1}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(all_pages(cases[i].filter, 3).count, cases[i].count, "case %zu", i);
        cr_expect_eq(all_pages(cases[i].filter, 1000).count, cases[i].count, "case %zu", i);
    }
}

/* Specs may bring their own ids: these say nothing about when the run came. */
Test(store, lists_by_submission_whatever_the_ids)
{
    static const int64_t submitted[] = {500, 7, 900, 8, 6};
    enum { COUNT = sizeof submitted / sizeof *submitted };
    for (size_t i = 0; i < COUNT; i++)
        store_fixture_create(f.store, submitted[i], 1);
    struct store_run_filter filter = {.status = -1, .limit = 2};
    struct ids ids = {.count = 0};
    for (bool more = true; more; filter.before = ids.id[ids.count - 1])
        cr_assert_eq(store_run_list(f.store, &filter, collect, &ids, &more, NULL), 0);
    cr_assert_eq(ids.count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        cr_expect_eq(ids.id[i], submitted[COUNT - 1 - i], "place %zu", i);
}

Test(store, refuses_limits_out_of_range)
{
    struct error err = {0};
    bool more;
    struct ids ids = {.count = 0};
    struct store_run_filter filter = {.status = -1, .limit = 0};
    cr_assert_eq(store_run_list(f.store, &filter, collect, &ids, &more, &err), -1);
    cr_assert_eq(err.code, ERR_ARGUMENT);
    filter.limit = 1001;
    cr_assert_eq(store_run_list(f.store, &filter, collect, &ids, &more, &err), -1);
}

Test(store, tells_changes_in_order)
{
    struct error err = {0};
    bool more;
    for (int64_t id = 1; id <= 4; id++)
        store_fixture_create(f.store, id, 1);
    int64_t seen = store_fixture_get(f.store, 2).run.version;
    cr_assert_eq(store_run_cancel(f.store, 1, NULL, &err), 0);
    struct ids ids = {.count = 0};
    cr_assert_eq(store_run_changes(f.store, seen, 2, collect, &ids, &more, &err), 0);
    cr_assert(more);
    cr_assert_eq(ids.count, 2);
    cr_assert_eq(ids.id[0], 3);
    cr_assert_eq(ids.id[1], 4);
    seen = store_fixture_get(f.store, 4).run.version;
    cr_assert_eq(store_run_changes(f.store, seen, 2, collect, &ids, &more, &err), 0);
    cr_assert_not(more);
    cr_assert_eq(ids.count, 3);
    cr_assert_eq(ids.id[2], 1);
}

/* --- threads --- */

enum { THREADS = 8, RUNS_EACH = 40 };

struct writing {
    int64_t base;
    int created;
    int conflicts;
};

/* Every run is created twice: the second time must be refused, and must not undo others. */
static void *create_many(void *arg)
{
    struct writing *mine = arg;
    for (int64_t i = 0; i < RUNS_EACH; i++) {
        for (int twice = 0; twice < 2; twice++) {
            struct error err = {0};
            int64_t existing;
            struct store_new_run *run = store_fixture_run(mine->base + i, 3);
            int rc = store_run_create(f.store, run, &existing, &err);
            mine->created += rc == 0;
            mine->conflicts += rc != 0 && err.code == ERR_CONFLICT;
            store_fixture_run_free(run);
        }
    }
    return NULL;
}

static void count_change(void *ctx)
{
    atomic_fetch_add((atomic_int *)ctx, 1);
}

Test(store, eight_threads_write_while_one_reads)
{
    pthread_t threads[THREADS];
    struct writing mine[THREADS] = {{0}};
    atomic_int changes = 0;
    store_on_change(f.store, count_change, &changes);
    for (int i = 0; i < THREADS; i++) {
        mine[i].base = (i + 1) * 1000;
        cr_assert_eq(pthread_create(&threads[i], NULL, create_many, &mine[i]), 0);
    }
    size_t seen = 0;
    while (seen < 64) {
        struct ids ids = {.count = 0};
        struct error err = {0};
        bool more;
        struct store_run_filter filter = {.status = -1, .limit = 64};
        cr_assert_eq(store_run_list(f.store, &filter, collect, &ids, &more, &err), 0);
        cr_assert_geq(ids.count, seen);
        seen = ids.count;
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect_eq(mine[i].created, RUNS_EACH);
        cr_expect_eq(mine[i].conflicts, RUNS_EACH);
    }
    for (int i = 0; i < THREADS; i++)
        for (int64_t k = 0; k < RUNS_EACH; k++)
            cr_expect_eq(store_fixture_get(f.store, mine[i].base + k).run.submitted_tasks, 3);
    store_on_change(f.store, NULL, NULL);
    cr_expect_gt(atomic_load(&changes), 0);
    cr_expect_leq(atomic_load(&changes), THREADS * RUNS_EACH);
}

static void write_inside(void *ctx, const struct store_run *run)
{
    struct error err = {0};
    (void)ctx;
    cr_assert_eq(store_run_cancel(f.store, run->id, NULL, &err), 0, "%s", err.message);
}

Test(store, a_reader_does_not_hold_up_the_writer)
{
    struct error err = {0};
    store_fixture_create(f.store, 1, 1);
    cr_assert_eq(store_run_get(f.store, 1, write_inside, NULL, &err), 0);
    cr_assert_neq(store_fixture_get(f.store, 1).run.cancel_at, 0);
}
