/* store_bench: figures of the control plane's store, in a folder that is thrown away.
 *
 *   store_bench history   rows of histories: pages of a hundred by eight writers, and one at a time
 *   store_bench mirror    audit rows as DynamoDB sends them: read from JSON and stored
 *   store_bench submit    a run of 10,000 tasks in one transaction
 *   store_bench pages     a page of a hundred runs, of 1,000 and of 1,000,000 of them
 *
 * Each prints one JSON object. All is durable (synchronous=FULL) before it counts. */
#include "lib/db/db.h"
#include "lib/json/json_pull.h"
#include "server/mirror/mirror_private.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { WRITERS = 8, EVENTS = 100, TASKS = 10000, PAGE = 1000, LOOKS = 3000 };

static const char details[] =
    "{\"name\":\"InvokeTaskMonitor\",\"input\":\"{\\\"continue\\\":true,\\\"waitSeconds\\\":120}\","
    "\"inputDetails\":{\"truncated\":false}}";

static struct error err;

static void die(const char *what)
{
    (void)fprintf(stderr, "store_bench: %s: %s\n", what, err.message);
    exit(1);
}

static double seconds_since(int64_t began)
{
    return (double)(clock_mono(clock_system()) - began) / (double)CLOCK_SECOND;
}

/* --- a store in a folder of its own ----------------------------------------------------------- */

struct bench {
    char dir[64];
    char path[96];
    struct store *store;
};

static void bench_open(struct bench *b)
{
    (void)snprintf(b->dir, sizeof b->dir, "./store-bench-XXXXXX");
    if (!mkdtemp(b->dir))
        die("making a folder");
    (void)snprintf(b->path, sizeof b->path, "%s/store.db", b->dir);
    b->store = store_open(&(struct store_options){.path = b->path, .clock = clock_system()}, &err);
    if (!b->store)
        die("opening the store");
}

static void bench_close(struct bench *b)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    b->store = store_close(b->store);
    for (size_t i = 0; i < COUNT(ends); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", b->path, ends[i]);
        (void)unlink(path);
    }
    (void)rmdir(b->dir);
}

/* A run that was started, with so many tasks. */
static void create_run(struct bench *b, int64_t id, size_t tasks)
{
    struct store_new_task *list = calloc(tasks, sizeof *list);
    char(*names)[32] = calloc(tasks, sizeof *names);
    char execution[32];
    int64_t existing;
    (void)snprintf(execution, sizeof execution, "x-%" PRId64, id);
    for (size_t i = 0; i < tasks; i++) {
        (void)snprintf(names[i], sizeof names[i], "task-%05zu", i);
        list[i] = (struct store_new_task){names[i], "stepfleet-pattern-1", "input/sample.bin"};
    }
    const struct store_new_run run = {.id = id,
                                      .pattern = 1,
                                      .workflow_name = "bench_pattern_1",
                                      .execution_name = execution,
                                      .request = "{}",
                                      .request_len = 2,
                                      .input = "{}",
                                      .input_len = 2,
                                      .request_hash = "",
                                      .tasks = list,
                                      .task_count = tasks};
    if (store_run_create(b->store, &run, &existing, &err) ||
        store_outbox_started(b->store, id, execution, 1, &err))
        die("creating a run");
    free(list);
    free(names);
}

/* --- histories -------------------------------------------------------------------------------- */

struct writer {
    struct bench *b;
    int64_t run_id;
    size_t page, pages;
    pthread_t thread;
};

static void *write_history(void *ctx)
{
    struct writer *w = ctx;
    struct store_event events[EVENTS];
    int64_t id = 0;
    for (size_t p = 0; p < w->pages; p++) {
        for (size_t i = 0; i < w->page; i++, id++)
            events[i] = (struct store_event){id + 1, id, id, "LambdaFunctionSucceeded", details};
        if (store_events_add(w->b->store, w->run_id, events, w->page, &err))
            die("adding events");
    }
    return NULL;
}

/* Rows a second of `writers` threads, each with a run of its own. */
static double history_rate(size_t writers, size_t page, size_t pages)
{
    struct bench b;
    struct writer w[WRITERS];
    bench_open(&b);
    for (size_t i = 0; i < writers; i++)
        create_run(&b, (int64_t)i + 1, 1);
    int64_t began = clock_mono(clock_system());
    for (size_t i = 0; i < writers; i++) {
        w[i] = (struct writer){&b, (int64_t)i + 1, page, pages, 0};
        if (pthread_create(&w[i].thread, NULL, write_history, &w[i]))
            die("starting a thread");
    }
    for (size_t i = 0; i < writers; i++)
        (void)pthread_join(w[i].thread, NULL);
    double rate = (double)(writers * page * pages) / seconds_since(began);
    bench_close(&b);
    return rate;
}

static void bench_history(void)
{
    double grouped = history_rate(WRITERS, EVENTS, 300);
    double single = history_rate(1, 1, 10000);
    (void)printf("{\"rowsPerSecond\": %.0f, \"onePerTransaction\": %.0f, \"ratio\": %.1f}\n",
                 grouped, single, grouped / single);
}

/* --- audit rows ------------------------------------------------------------------------------- */

/* The answer to a Query as it comes over the wire. */
static void write_page(struct buf *out, int64_t run_id, size_t from, const char *status)
{
    buf_reset(out);
    buf_addf(out, "{\"Count\":%d,\"Items\":[", PAGE);
    for (size_t i = from; i < from + PAGE; i++)
        buf_addf(out,
                 "%s{\"workflow_run_id\":{\"N\":\"%" PRId64 "\"},\"ecs_task_id\":{\"S\":"
                 "\"0123456789abcdef0123456789a%05zu\"},\"task_name\":{\"S\":\"task-%05zu\"},"
                 "\"status\":{\"S\":\"%s\"},\"start_time\":{\"S\":\"2026-11-25T12:00:00.000Z\"},"
                 "\"update_time\":{\"S\":\"2026-11-25T12:00:0%d.000Z\"},\"exec_time_in_seconds\":"
                 "{\"N\":\"0.013\"},\"object_key\":{\"S\":\"input/sample.bin\"},"
                 "\"destination_key\":{\"S\":\"input/sample.bin_0123456789abcdef\"},"
                 "\"bytes\":{\"N\":\"1048576\"},\"exit_code\":{\"N\":\"0\"}}",
                 i == from ? "" : ",", run_id, i, i, status, *status == 'R' ? 1 : 2);
    buf_addf(out,
             "],\"LastEvaluatedKey\":{\"workflow_run_id\":{\"N\":\"%" PRId64
             "\"},\"ecs_task_id\":{\"S\":\"0123456789abcdef0123456789a%05zu\"}},"
             "\"ScannedCount\":%d}",
             run_id, from + PAGE - 1, PAGE);
    if (buf_check(out, &err))
        die("writing a page");
}

/* What the AWS client and the mirror do with an answer: it is checked to be JSON, its rows are read
 * and stored. */
static void take_page(struct mirror_run *run, const struct buf *text)
{
    const struct aws_response response = {.status = 200, .http.body = *text};
    json_t *key = NULL;
    bool moved = false;
    if (json_check(buf_str(text), text->len, &err))
        die("parsing a page");
    if (mirror_take_page(run, &response, &key, &moved, &err) || !moved || !key)
        die("mirroring rows");
    json_decref(key);
}

static void bench_mirror(void)
{
    static const char *const statuses[] = {"Running", "Completed"};
    static const struct audit_table table = {"details", "workflow_run_id", "ecs_task_id"};
    struct bench b;
    struct buf text;
    double seconds = 0;
    size_t rows = 0;
    bench_open(&b);
    const struct loop loop = {.clock = clock_system(), .store = b.store};
    struct mirror mirror = {.loop = &loop};
    buf_init(&text, BUF_MAX_PAYLOAD);
    for (int64_t run = 1; run <= 5; run++) {
        struct mirror_run followed = {.mirror = &mirror, .id = run, .details = table};
        create_run(&b, run, TASKS);
        for (size_t s = 0; s < COUNT(statuses); s++) {
            for (size_t from = 0; from < TASKS; from += PAGE, rows += PAGE) {
                write_page(&text, run, from, statuses[s]);
                int64_t began = clock_mono(clock_system());
                take_page(&followed, &text);
                seconds += seconds_since(began);
            }
        }
        seen_free(&followed.seen);
    }
    buf_free(&text);
    bench_close(&b);
    (void)printf("{\"rows\": %zu, \"rowsPerSecond\": %.0f}\n", rows, (double)rows / seconds);
}

static void bench_submit(void)
{
    struct bench b;
    double best = 0, worst = 0;
    bench_open(&b);
    for (int64_t run = 1; run <= 10; run++) {
        int64_t began = clock_mono(clock_system());
        create_run(&b, run, TASKS);
        double took = seconds_since(began);
        best = run == 1 || took < best ? took : best;
        worst = took > worst ? took : worst;
    }
    bench_close(&b);
    (void)printf("{\"tasks\": %d, \"bestSeconds\": %.3f, \"worstSeconds\": %.3f}\n", TASKS, best,
                 worst);
}

/* --- pages of runs ---------------------------------------------------------------------------- */

static void fill_runs(const struct bench *b, int64_t count)
{
    char sql[1024];
    struct db *db = db_open(b->path, DB_READ_WRITE, &err);
    (void)snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %" PRId64
        ") INSERT INTO runs (id, version, pattern, workflow_name, status,"
        " execution_name, request_hash, task_count, submitted_tasks, completed_tasks,"
        " submitted_at, updated_at) SELECT i, i, 1 + i %% 2, 'copy_pattern_1', 2,"
        " 'copy_pattern_1-' || i, '', 10, 0, 10, i, i FROM n",
        count);
    if (!db || db_begin(db, &err) || db_exec(db, sql, &err) || db_commit(db, &err))
        die("filling the table of runs");
    (void)db_close(db);
}

static void count_run(void *ctx, const struct store_run *run)
{
    size_t *count = ctx;
    *count += run->id > 0;
}

static int compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Microseconds of a page somewhere in the list. */
static void look(const struct bench *b, int64_t runs, int64_t took[LOOKS])
{
    for (size_t i = 0; i < LOOKS; i++) {
        size_t count = 0;
        bool more;
        const struct store_run_filter filter = {
            .status = -1,
            .limit = 100,
            .before = 101 + (int64_t)(drand48() * (double)(runs - 101))};
        int64_t began = clock_mono(clock_system());
        if (store_run_list(b->store, &filter, count_run, &count, &more, &err) || count != 100)
            die("reading a page");
        took[i] = clock_mono(clock_system()) - began;
    }
    qsort(took, LOOKS, sizeof *took, compare);
}

static void bench_pages(void)
{
    static const int64_t sizes[] = {1000, 1000000};
    static int64_t took[COUNT(sizes)][LOOKS];
    srand48(7);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct bench b;
        bench_open(&b);
        fill_runs(&b, sizes[i]);
        look(&b, sizes[i], took[i]);
        bench_close(&b);
    }
    (void)printf("{\"p50Small\": %" PRId64 ", \"p99Small\": %" PRId64 ", \"p50Large\": %" PRId64
                 ", \"p99Large\": %" PRId64 "}\n",
                 took[0][LOOKS / 2], took[0][LOOKS * 99 / 100], took[1][LOOKS / 2],
                 took[1][LOOKS * 99 / 100]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } benches[] = {{"history", bench_history},
                   {"mirror", bench_mirror},
                   {"submit", bench_submit},
                   {"pages", bench_pages}};
    for (size_t i = 0; i < COUNT(benches); i++) {
        if (argc == 2 && strcmp(argv[1], benches[i].name) == 0) {
            benches[i].run();
            return 0;
        }
    }
    (void)fprintf(stderr, "usage: store_bench history|mirror|submit|pages\n");
    return 2;
}
