/* Audit rows read from text beside rows read from a tree: nothing may differ, whatever another
 * program has put into the table. */
#include "lib/audit/audit.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20000, SEED = 42 };

static const struct audit_table table = {"details", "workflow_run_id", "ecs_task_id"};
/* Keys that are called as other attributes of ours are. */
static const struct audit_table odd_table = {"odd", "bytes", "task_name"};

static int pull(const char *text, const struct audit_table *t, struct json_texts *room,
                struct audit_detail *out, struct error *err)
{
    struct json_pull p;
    const size_t len = strlen(text);
    cr_assert_eq(json_texts_open(room, 2 * len, NULL), 0);
    jp_init(&p, text, len);
    const int rc = audit_detail_pull(&p, t, room, out, err);
    cr_assert_eq(jp_end(&p, NULL), 0, "the item is passed over: %s", text);
    return rc;
}

static void expect_text(const char *got, const char *want, const char *item)
{
    cr_expect((!got && !want) || (got && want && strcmp(got, want) == 0), "%s: %s, not %s", item,
              got ? got : "none", want ? want : "none");
}

static void expect_same(const struct audit_detail *got, const struct audit_detail *want,
                        const char *item)
{
    expect_text(got->ecs_task_id, want->ecs_task_id, item);
    expect_text(got->task_name, want->task_name, item);
    expect_text(got->object_key, want->object_key, item);
    expect_text(got->destination_key, want->destination_key, item);
    expect_text(got->stop_code, want->stop_code, item);
    expect_text(got->stopped_reason, want->stopped_reason, item);
    cr_expect_eq(got->workflow_run_id, want->workflow_run_id, "%s", item);
    cr_expect_eq(got->start_time, want->start_time, "%s", item);
    cr_expect_eq(got->update_time, want->update_time, "%s", item);
    cr_expect_eq(got->exec_time_in_seconds, want->exec_time_in_seconds, "%s", item);
    cr_expect_eq(got->attempt, want->attempt, "%s", item);
    cr_expect_eq(got->bytes, want->bytes, "%s", item);
    cr_expect_eq(got->exit_code, want->exit_code, "%s", item);
    cr_expect_eq(got->created_at, want->created_at, "%s", item);
    cr_expect_eq(got->pull_started_at, want->pull_started_at, "%s", item);
    cr_expect_eq(got->pull_stopped_at, want->pull_stopped_at, "%s", item);
    cr_expect_eq(got->container_started_at, want->container_started_at, "%s", item);
}

/* Both ways, with the same end and the same words. Returns whether it is a row. */
static bool compare(const char *text, const struct audit_table *t)
{
    json_t *tree = NULL;
    struct json_texts room;
    struct audit_detail got, want;
    struct error err = {0}, why = {0};
    cr_assert_eq(json_parse(text, strlen(text), &tree, &why), 0, "%s: %s", text, why.message);
    const int rc = audit_detail_read(tree, t, &want, &why);
    cr_assert_eq(pull(text, t, &room, &got, &err), rc, "%s: %s", text, err.message);
    expect_same(&got, &want, text);
    if (rc)
        cr_expect_str_eq(err.message, why.message, "%s", text);
    else
        cr_expect_eq(got.status, want.status, "%s", text);
    json_texts_free(&room);
    json_decref(tree);
    return rc == 0;
}

/* --- items by chance --- */

static size_t below(size_t n)
{
    return (size_t)(drand48() * (double)n);
}

static const char *one_of(const char *const *list, size_t count)
{
    return list[below(count)];
}
#define ONE_OF(list) one_of((list), sizeof(list) / sizeof((list)[0]))

/* Mostly what belongs there. */
static void add_value(struct buf *out)
{
    static const char *const values[] = {
        "{\"S\":\"Running\"}",
        "{\"S\":\"Completed\"}",
        "{\"S\":\"2026-11-25T12:00:00.000Z\"}",
        "{\"S\":\"2026-11-25T14:00:00.5+02:00\"}",
        "{\"S\":\"Tue Jan 02\"}",
        "{\"N\":\"7\"}",
        "{\"N\":\"0\"}",
        "{\"N\":\"-1\"}",
        "{\"N\":\"0.013\"}",
        "{\"N\":\"1E+3\"}",
        "{\"N\":\"9223372036854775807\"}",
        "{\"N\":\"9223372036854775808\"}",
        "{\"N\":\"\"}",
        "{\"N\":\" 5\"}",
        "{\"N\":\"5 \"}",
        "{\"N\":\"nan\"}",
        "{\"N\":\"inf\"}",
        "{\"N\":\"0x10\"}",
        "{\"N\":7}",
        "{\"S\":7}",
        "{\"S\":null}",
        "{\"S\":\"\"}",
        "\"S\"",
        "7",
        "null",
        "[]",
        "{}",
        "[{\"S\":\"x\"}]",
        "{\"NULL\":true}",
        "{\"BOOL\":false}",
        "{\"M\":{\"S\":{\"S\":\"inner\"},\"status\":{\"S\":\"Failed\"}}}",
        "{\"L\":[{\"N\":\"1\"}]}",
        "{\"SS\":[\"a\"]}",
        "{\"S\":\"both\",\"N\":\"5\"}",
        "{\"N\":\"6\",\"S\":\"2026-11-25T12:00:00Z\"}",
        "{\"S\":\"a\\u0062\\ud83d\\ude00\\n\"}",
        "{\"S\":\"cut\\u0000here\"}",
        "{\"N\":\"5\\u0000x\"}",
        "{\"N\":\"\\u0035\"}",
        "{\"\\u0053\":\"escaped\"}",
        "{\"S\":\"\xc3\xa4\"}",
    };
    buf_adds(out, ONE_OF(values));
}

static void add_item(struct buf *out)
{
    static const char *const names[] = {"workflow_run_id",
                                        "ecs_task_id",
                                        "status",
                                        "task_name",
                                        "start_time",
                                        "update_time",
                                        "exec_time_in_seconds",
                                        "attempt",
                                        "object_key",
                                        "destination_key",
                                        "bytes",
                                        "stop_code",
                                        "stopped_reason",
                                        "exit_code",
                                        "created_at",
                                        "pull_started_at",
                                        "pull_stopped_at",
                                        "started_at",
                                        "Status",
                                        "extra",
                                        "",
                                        "S",
                                        "st\\u0061rted"};
    enum { NAMES = sizeof names / sizeof names[0] };
    const char *separator = "{";
    const size_t first = below(NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        const char *name = names[(first + i) % NAMES];
        const bool needed = (first + i) % NAMES < 3;
        if (below(3) == 0 && !(needed && below(8)))
            continue;
        buf_addf(out, "%s\"%s\": ", separator, name);
        if (needed && below(8))
            buf_adds(out, name[0] == 'w'   ? "{\"N\":\"77\"}"
                          : name[0] == 'e' ? "{\"S\":\"0123\"}"
                                           : "{\"S\":\"Failed\"}");
        else
            add_value(out);
        separator = " ,";
    }
    buf_adds(out, *separator == '{' ? "{}" : "}");
}

Test(audit_pull, reads_what_is_read_from_a_tree)
{
    struct buf text;
    size_t rows = 0, odd_rows = 0;
    buf_init(&text, BUF_MAX_LINE);
    srand48(SEED);
    for (size_t i = 0; i < ROUNDS; i++) {
        buf_reset(&text);
        add_item(&text);
        cr_assert_not(text.failed);
        rows += compare(buf_str(&text), &table);
        odd_rows += compare(buf_str(&text), &odd_table);
    }
    cr_expect(rows > ROUNDS / 4 && rows < ROUNDS, "%zu rows", rows);
    cr_expect(odd_rows > 0 && odd_rows < ROUNDS, "%zu rows", odd_rows);
    buf_free(&text);
}

#define KEYS "\"workflow_run_id\":{\"N\":\"77\"},\"ecs_task_id\":{\"S\":\"abc\"}"

/* The same by name, for whoever reads this. */
Test(audit_pull, rows_of_other_programs)
{
    static const struct {
        const char *item;
        bool row;
    } cases[] = {
        {"{" KEYS ",\"status\":{\"S\":\"Running\"}}", true},
        {"{" KEYS ",\"status\":{\"S\":\"running\"}}", false},
        {"{" KEYS "}", false},
        {"{\"workflow_run_id\":{\"N\":\"77\"},\"status\":{\"S\":\"Running\"}}", false},
        {"{\"workflow_run_id\":{\"S\":\"77\"},\"ecs_task_id\":{\"S\":\"a\"},"
         "\"status\":{\"S\":\"Running\"}}",
         false},
        {"{" KEYS ",\"status\":{\"S\":\"Failed\"},\"task_name\":{\"N\":\"5\"},"
         "\"start_time\":{\"N\":\"1700000000\"},\"exit_code\":{\"S\":\"137\"},\"tags\":{\"M\":{}}}",
         true},
        {"[]", false},
        {"7", false},
        {"null", false},
        {"\"status\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(compare(cases[i].item, &table), cases[i].row, "%s", cases[i].item);
}

/* json_parse refuses the whole document; here the item is refused, if it matters. */
Test(audit_pull, attributes_that_are_there_twice)
{
    static const char sound[] = "\"status\":{\"S\":\"Running\"}";
    static const struct {
        const char *more;
        bool row;
    } cases[] = {
        {"\"status\":{\"S\":\"Running\"}", false}, {"\"stat\\u0075s\":{}", false},
        {"\"ecs_task_id\":{\"S\":\"b\"}", false},  {"\"bytes\":{\"N\":\"1\",\"N\":\"2\"}", false},
        {"\"bytes\":{},\"bytes\":{}", false},      {"\"x\":{},\"x\":{}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_texts room;
        struct audit_detail row;
        struct error err = {0};
        char item[512];
        (void)snprintf(item, sizeof item, "{" KEYS ",%s,%s}", sound, cases[i].more);
        cr_expect_eq(pull(item, &table, &room, &row, &err), cases[i].row ? 0 : -1, "%s", item);
        if (!cases[i].row)
            cr_expect_str_eq(err.message, "an item of details names an attribute twice");
        json_texts_free(&room);
    }
}
