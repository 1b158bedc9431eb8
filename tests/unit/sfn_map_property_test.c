/* Distributed Maps against inline ones, and against kill -9 at any moment. */
#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MACHINES = 60, KILLS = 40, ITEMS = 60 };

static unsigned seed;

static int pick(int below)
{
    return (int)((unsigned)rand_r(&seed) % (unsigned)below);
}

/* --- the same machine both ways --- */

/* A chain that looks at item and index, and fails for some items. */
static void write_processor(struct buf *out, const char *config)
{
    static const char *const passes[] = {
        "\"Parameters\":{\"n.$\":\"$.v\",\"s.$\":\"States.Format('{}-{}', $.v, $.i)\"}",
        "\"Result\":{\"v\":1},\"ResultPath\":\"$.r\"",
        "\"InputPath\":\"$.v\"",
        "\"OutputPath\":\"$.i\"",
    };
    buf_addf(out, "\"ItemProcessor\":{%s\"StartAt\":\"C\",\"States\":{", config);
    buf_addf(out,
             "\"C\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.v\",\"NumericEquals\":%d,"
             "\"Next\":\"F\"}],\"Default\":\"P\"},",
             pick(12));
    buf_addf(out, "\"P\":{\"Type\":\"Pass\",%s,\"Next\":\"%s\"},", passes[pick(4)],
             pick(2) ? "W" : "S");
    buf_adds(out, "\"W\":{\"Type\":\"Wait\",\"Seconds\":1,\"Next\":\"S\"},"
                  "\"S\":{\"Type\":\"Succeed\"},\"F\":{\"Type\":\"Fail\",\"Error\":\"E\"}}}");
}

static void write_machine(struct buf *out, unsigned number, const char *config)
{
    seed = number;
    buf_adds(out, "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"ItemsPath\":\"$.l\","
                  "\"ItemSelector\":{\"i.$\":\"$$.Map.Item.Index\",\"v.$\":\"$$.Map.Item.Value\","
                  "\"x.$\":\"$.x\"},");
    buf_addf(out, "\"MaxConcurrency\":%d,", pick(5));
    buf_addf(out, "\"ToleratedFailurePercentage\":%d,", pick(3) * 10);
    if (pick(2))
        buf_addf(out, "\"ResultPath\":\"$.%s\",", pick(2) ? "l" : "out");
    if (pick(3) == 0)
        buf_adds(out, "\"ResultSelector\":{\"all.$\":\"$\"},");
    write_processor(out, config);
    buf_adds(out, ",\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":\"$.e\","
                  "\"Next\":\"K\"}],\"End\":true},\"K\":{\"Type\":\"Pass\",\"End\":true}}}");
}

static char *run_machine(struct sfn_fixture *f, unsigned number, const char *config)
{
    struct buf machine;
    struct buf input;
    buf_init(&machine, BUF_MAX_STATE);
    buf_init(&input, BUF_MAX_STATE);
    write_machine(&machine, number, config);
    buf_adds(&input, "{\"x\":[true,null],\"l\":[");
    for (int i = 0, count = pick(9); i < count; i++)
        buf_addf(&input, "%s%d", i ? "," : "", pick(12));
    buf_adds(&input, "]}");
    start_machine(f, buf_str(&machine), buf_str(&input));
    for (int i = 0; i < 12; i++)
        fixture_wait(f, 1);
    buf_free(&machine);
    buf_free(&input);
    return outcome(f);
}

Test(sfn_map_property, inline_and_distributed_maps_answer_the_same)
{
    static const char *const configs[] = {
        "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},",
        "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"EXPRESS\"},"};
    struct sfn_fixture *f = fixture_open();
    int good = 0;
    for (unsigned number = 1; number <= MACHINES; number++) {
        char *want = run_machine(f, number, "");
        for (size_t i = 0; i < 2; i++) {
            char *got = run_machine(f, number, configs[i]);
            cr_expect_str_eq(got, want, "machine %u: inline %s, distributed %s", number, want, got);
            free(got);
        }
        good += strncmp(want, "SUCCEEDED", 9) == 0;
        free(want);
    }
    cr_expect_gt(good, MACHINES / 2);
    fixture_close(f);
}

/* --- kill -9 --- */

#define TASK "\"Type\":\"Task\",\"Resource\":\"arn:aws:lambda:eu-west-1:000000000000:function:f\""

/* Answers the call with twice its number. */
static void answer_double(struct sfn_fixture *f)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", 2 * (long long)json_integer_value(pending_input(f)));
    answer_ok(f, text);
}

static void start_run(struct sfn_fixture *f)
{
    struct buf items;
    buf_init(&items, BUF_MAX_STATE);
    for (int i = 0; i < ITEMS; i++)
        buf_addf(&items, "%c%d", i ? ',' : '[', i);
    buf_addc(&items, ']');
    put_object(f, "b", "k", buf_str(&items));
    buf_free(&items);
    start_machine(
        f,
        "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"MaxConcurrency\":7,"
        "\"ItemReader\":{\"Resource\":\"arn:aws:states:::s3:getObject\",\"ReaderConfig\":{"
        "\"InputType\":\"JSON\"},\"Parameters\":{\"Bucket\":\"b\",\"Key\":\"k\"}},"
        "\"ResultWriter\":{\"Resource\":\"arn:aws:states:::s3:putObject\",\"Parameters\":{"
        "\"Bucket\":\"out\",\"Prefix\":\"p\"}},\"ItemProcessor\":{\"ProcessorConfig\":{"
        "\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"T\",\"States\":{"
        "\"T\":{" TASK ",\"Next\":\"W\"},\"W\":{\"Type\":\"Wait\",\"Seconds\":2,\"End\":true}}},"
        "\"End\":true}}}",
        "{}");
}

/* Every item has one child, which succeeded with the item's own result, in the order of items. */
static void check_results(struct sfn_fixture *f)
{
    char *got = outcome(f);
    json_t *output = NULL;
    json_t *rows = NULL;
    cr_assert_eq(strncmp(got, "SUCCEEDED ", 10), 0, "seed %u: %s", seed, got);
    cr_assert_eq(json_parse(got + 10, strlen(got) - 10, &output, NULL), 0);
    const char *key = json_str(json_object_get(output, "ResultWriterDetails"), "Key", "");
    char *file = NULL;
    cr_assert_gt(asprintf(&file, "%.*sSUCCEEDED_0.json", (int)(strlen(key) - 13), key), 0);
    const char *text = get_object(f, "out", file);
    cr_assert_not_null(text, "%s", file);
    cr_assert_eq(json_parse(text, strlen(text), &rows, NULL), 0);
    cr_assert_eq(json_array_size(rows), ITEMS);
    for (int i = 0; i < ITEMS; i++) {
        json_t *row = json_array_get(rows, (size_t)i);
        cr_expect_eq(atol(json_str(row, "Input", "-1")), i);
        cr_expect_eq(atol(json_str(row, "Output", "-1")), 2 * i);
    }
    json_decref(rows);
    json_decref(output);
    free(file);
    free(got);
}

static void disturb(struct sfn_fixture *f)
{
    int what = pick(10);
    if (what == 0)
        fixture_kill(f);
    else if (what < 3)
        f->now += pick(3) * CLOCK_SECOND;
    else if (what < 6 && f->call_count)
        answer_double(f);
    else
        (void)sfn_turn(f->sfn, 0);
}

Test(sfn_map_property, a_run_outlives_kill_9_at_any_moment)
{
    for (unsigned number = 1; number <= 10; number++) {
        struct sfn_fixture *f = fixture_open();
        seed = number;
        start_run(f);
        put_object(f, "b", "k", "[\"changed meanwhile\"]");
        for (int i = 0; i < 4000 && f->kills < KILLS; i++)
            disturb(f);
        for (int i = 0; i < 200; i++) {
            while (f->call_count)
                answer_double(f);
            fixture_wait(f, 2);
        }
        cr_expect_gt(f->kills, KILLS / 2);
        check_results(f);
        fixture_close(f);
    }
}
