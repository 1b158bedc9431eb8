/* lib/audit against tables with real expressions: rows only ever move forward. */
#include "lib/audit/audit.h"
#include "lib/json/json_read.h"
#include "server/local/dynamodb/local_dynamodb.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#define NOW (INT64_C(1704164645) * CLOCK_SECOND)

static const struct audit_table sums = {"sums", "workflow_name", "workflow_run_id"};
static const struct audit_table dets = {"dets", "workflow_run_id", "ecs_task_id"};

struct tables {
    char dir[TEMP_FOLDER_MAX];
    struct local_dynamodb *db;
};

static void tables_open(struct tables *t)
{
    char path[TEMP_FOLDER_MAX + 16];
    struct error err = {0};
    temp_folder_make(t->dir, "audit");
    (void)snprintf(path, sizeof path, "%s/d.db", t->dir);
    t->db = local_dynamodb_open(&(struct local_dynamodb_options){.path = path,
                                                                 .region = "us-east-1",
                                                                 .clock = clock_system()},
                                &err);
    cr_assert_not_null(t->db, "%s", err.message);
    cr_assert_eq(local_dynamodb_ensure_table(t->db, "sums", "workflow_name", 'S', "workflow_run_id",
                                             'N', &err),
                 0, "%s", err.message);
    cr_assert_eq(local_dynamodb_ensure_table(t->db, "dets", "workflow_run_id", 'N', "ecs_task_id",
                                             'S', &err),
                 0, "%s", err.message);
}

static void tables_close(struct tables *t)
{
    local_dynamodb_close(t->db);
    temp_folder_remove(t->dir);
}

/* What a call led to: the error's code ("" when it worked) and the output. */
struct result {
    char code[64];
    json_t *output;
};

/* A call under way; the service may answer on another thread. */
struct waiting {
    struct result result;
    sem_t answered;
};

static void call_done(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct waiting *w = call->ctx;
    w->result.output = output;
    if (fault)
        (void)snprintf(w->result.code, sizeof w->result.code, "%s", fault->code);
    (void)sem_post(&w->answered);
}

/* Applies a built request and waits for the answer. */
static struct result apply(struct tables *t, struct aws_request *r)
{
    struct waiting w = {.result.code = ""};
    json_t *input = NULL;
    struct error err = {0};
    cr_assert_eq(json_parse(buf_str(&r->body), r->body.len, &input, &err), 0, "%s", err.message);
    struct local_call call = {
        .operation = r->operation, .input = input, .done = call_done, .ctx = &w};
    const struct local_service *service = local_dynamodb_service(t->db);
    cr_assert_eq(sem_init(&w.answered, 0, 0), 0);
    service->call(service->self, &call);
    while (sem_wait(&w.answered) != 0)
        continue;
    (void)sem_destroy(&w.answered);
    json_decref(input);
    aws_request_free(r);
    return w.result;
}

/* The code of a call whose output does not matter. */
#define expect_code(t, r, expected)                                                                \
    do {                                                                                           \
        struct result got = apply((t), (r));                                                       \
        cr_expect_str_eq(got.code, (expected));                                                    \
        json_decref(got.output);                                                                   \
    } while (0)

#define REFUSED "ConditionalCheckFailedException"

static struct audit_summary summary(enum audit_status status)
{
    return (struct audit_summary){
        .workflow_name = "w",
        .workflow_run_id = 77,
        .workflow_specs = "{}",
        .number_of_tasks = 2,
        .completed_tasks = status == AUDIT_COMPLETED ? 2 : 0,
        .status = status,
        .start_time = NOW,
        .update_time = NOW,
    };
}

Test(audit_table, a_summary_is_made_once_and_never_leaves_its_end)
{
    struct tables t;
    struct aws_request r = {0};
    tables_open(&t);
    struct audit_summary row = summary(AUDIT_RUNNING), end = summary(AUDIT_COMPLETED);
    cr_assert_eq(audit_summary_update(&r, &sums, &row, NULL), 0);
    expect_code(&t, &r, REFUSED); /* no ghost row */
    cr_assert_eq(audit_summary_create(&r, &sums, &row, NULL), 0);
    expect_code(&t, &r, "");
    cr_assert_eq(audit_summary_create(&r, &sums, &row, NULL), 0);
    expect_code(&t, &r, REFUSED);
    cr_assert_eq(audit_summary_update(&r, &sums, &end, NULL), 0);
    expect_code(&t, &r, "");
    cr_assert_eq(audit_summary_update(&r, &sums, &row, NULL), 0);
    expect_code(&t, &r, REFUSED);

    cr_assert_eq(audit_summary_get(&r, &sums, "w", 77, NULL), 0);
    struct result got = apply(&t, &r);
    struct audit_summary back;
    struct error err = {0};
    cr_assert_eq(audit_summary_read(json_object_get(got.output, "Item"), &sums, &back, &err), 0,
                 "%s", err.message);
    cr_expect_eq(back.status, AUDIT_COMPLETED);
    cr_expect_eq(back.completed_tasks, 2);
    cr_expect_eq(back.start_time, NOW);
    cr_expect_str_eq(back.workflow_specs, "{}");
    json_decref(got.output);
    tables_close(&t);
}

static struct audit_detail detail(const char *id, enum audit_status status)
{
    return (struct audit_detail){
        .workflow_run_id = 77,
        .ecs_task_id = id,
        .task_name = id,
        .status = status,
        .start_time = NOW,
        .update_time = NOW,
        .exec_time_in_seconds = status == AUDIT_RUNNING ? -1 : 1.25,
        .bytes = status == AUDIT_COMPLETED ? 0 : -1,
        .exit_code = -1,
    };
}

Test(audit_table, a_task_s_final_word_stands)
{
    struct tables t;
    struct aws_request r = {0};
    tables_open(&t);
    struct audit_detail running = detail("a", AUDIT_RUNNING), good = detail("a", AUDIT_COMPLETED);
    struct audit_detail bad = detail("a", AUDIT_FAILED);
    cr_assert_eq(audit_detail_finish(&r, &dets, &good, NULL), 0);
    expect_code(&t, &r, REFUSED); /* no ghost row */
    for (int i = 0; i < 2; i++) { /* a repeated first write is fine */
        cr_assert_eq(audit_detail_put(&r, &dets, &running, NULL), 0);
        expect_code(&t, &r, "");
    }
    for (int i = 0; i < 2; i++) { /* so is the last one, repeated because its answer was lost */
        cr_assert_eq(audit_detail_finish(&r, &dets, &good, NULL), 0);
        expect_code(&t, &r, "");
    }
    struct audit_detail later = good;
    later.update_time += CLOCK_SECOND;
    cr_assert_eq(audit_detail_finish(&r, &dets, &later, NULL), 0);
    expect_code(&t, &r, REFUSED);
    cr_assert_eq(audit_detail_finish(&r, &dets, &bad, NULL), 0);
    expect_code(&t, &r, REFUSED);
    cr_assert_eq(audit_detail_put(&r, &dets, &running, NULL), 0);
    expect_code(&t, &r, REFUSED);

    cr_assert_eq(audit_detail_query(&r, &dets, 77, NULL, NULL), 0);
    struct result got = apply(&t, &r);
    struct audit_detail back;
    json_t *items = json_object_get(got.output, "Items");
    cr_assert_eq(json_array_size(items), 1);
    cr_assert_eq(audit_detail_read(json_array_get(items, 0), &dets, &back, NULL), 0);
    cr_expect_eq(back.status, AUDIT_COMPLETED);
    cr_expect_eq(back.bytes, 0);
    cr_expect_eq(back.start_time, NOW, "an update leaves the start alone");
    cr_expect_float_eq(back.exec_time_in_seconds, 1.25, 1e-9);
    json_decref(got.output);
    tables_close(&t);
}

/* Only a farewell can be explained, and only once. */
Test(audit_table, a_farewell_learns_its_reason)
{
    struct tables t;
    struct aws_request r = {0};
    tables_open(&t);
    struct audit_detail running = detail("a", AUDIT_RUNNING), bye = detail("a", AUDIT_CANCELLED);
    bye.stopped_reason = AUDIT_FAREWELL;
    struct audit_detail why = bye;
    why.stop_code = "SpotInterruption";
    why.stopped_reason = "Your Spot Task was interrupted.";
    why.update_time += CLOCK_MS;
    const struct {
        int (*build)(struct aws_request *, const struct audit_table *, const struct audit_detail *,
                     struct error *);
        const struct audit_detail *row;
        const char *code;
    } steps[] = {
        {audit_detail_explain, &why, REFUSED}, {audit_detail_put, &running, ""},
        {audit_detail_explain, &why, REFUSED}, {audit_detail_finish, &bye, ""},
        {audit_detail_explain, &why, ""},      {audit_detail_explain, &why, REFUSED},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cr_assert_eq(steps[i].build(&r, &dets, steps[i].row, NULL), 0);
        expect_code(&t, &r, steps[i].code);
    }
    tables_close(&t);
}

Test(audit_table, a_status_query_gives_what_counting_needs)
{
    struct tables t;
    struct aws_request r = {0};
    tables_open(&t);
    static const char *const ids[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct audit_detail row = detail(ids[i], AUDIT_RUNNING);
        row.object_key = "long/and/of/no/use/here";
        cr_assert_eq(audit_detail_put(&r, &dets, &row, NULL), 0);
        expect_code(&t, &r, "");
    }
    json_t *start =
        json_pack("{s:{s:s},s:{s:s}}", "workflow_run_id", "N", "77", "ecs_task_id", "S", "a");
    cr_assert_eq(audit_detail_query_status(&r, &dets, 77, start, NULL), 0);
    struct result got = apply(&t, &r);
    json_t *items = json_object_get(got.output, "Items");
    cr_assert_eq(json_array_size(items), 2, "the page begins behind its start key");
    struct audit_detail back;
    cr_assert_eq(audit_detail_read(json_array_get(items, 1), &dets, &back, NULL), 0);
    cr_expect_str_eq(back.ecs_task_id, "c");
    cr_expect_str_eq(back.task_name, "c");
    cr_expect_eq(back.start_time, NOW);
    cr_expect_null(back.object_key);
    json_decref(start);
    json_decref(got.output);
    tables_close(&t);
}
