/* lib/json: field tables, pointers, hand-built text. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct thing {
    const char *name;
    int64_t count;
    bool on;
    json_t *list;
};

static const struct field fields[] = {
    {"name", FIELD_STRING, true, offsetof(struct thing, name), 1, 5},
    {"count", FIELD_INT, false, offsetof(struct thing, count), 1, 10},
    {"on", FIELD_BOOL, false, offsetof(struct thing, on), 0, 0},
    {"list", FIELD_ARRAY, false, offsetof(struct thing, list), 1, 2},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct error err = {0};
    cr_assert_eq(json_parse(text, strlen(text), &value, &err), 0, "%s", err.message);
    return value;
}

Test(json_read, takes_what_the_table_says)
{
    struct thing t = {.count = 3};
    struct json_problems problems = {0};
    json_t *doc = parse("{\"name\":\"ab\",\"on\":true,\"list\":[1]}");
    cr_assert_eq(json_read_fields(fields, FIELDS, doc, "", true, &t, &problems), 0);
    cr_assert_str_eq(t.name, "ab");
    cr_assert_eq(t.count, 3);
    cr_assert(t.on);
    cr_assert_eq(json_array_size(t.list), 1);
    json_decref(doc);
}

Test(json_read, tells_all_problems_with_pointers)
{
    struct thing t = {0};
    struct json_problems p = {0};
    json_t *doc = parse("{\"count\":11,\"on\":1,\"list\":[],\"a/b~\":0}");
    cr_assert_eq(json_read_fields(fields, FIELDS, doc, "/x/0", true, &t, &p), 5);
    cr_assert_str_eq(p.list[0].pointer, "/x/0/name");
    cr_assert_str_eq(p.list[1].pointer, "/x/0/count");
    cr_assert_str_eq(p.list[2].pointer, "/x/0/on");
    cr_assert_str_eq(p.list[3].pointer, "/x/0/list");
    cr_assert_str_eq(p.list[4].pointer, "/x/0/a~1b~0");
    json_problems_free(&p);
    json_decref(doc);
}

Test(json_read, syntax_errors_have_line_and_column)
{
    json_t *value = NULL;
    struct error err = {0};
    const char *text = "{\n  \"a\": 1,\n  \"a\": 2\n}";
    cr_assert_eq(json_parse(text, strlen(text), &value, &err), -1);
    cr_assert_eq(err.code, ERR_SYNTAX);
    cr_assert_eq(strncmp(err.message, "line 3, column ", 15), 0, "%s", err.message);
}

static size_t live, peak;

static void *count_alloc(size_t size)
{
    void *p = malloc(size);
    live += p ? malloc_usable_size(p) + sizeof(size_t) : 0;
    peak = live > peak ? live : peak;
    return p;
}

static void count_free(void *p)
{
    live -= p ? malloc_usable_size(p) + sizeof(size_t) : 0;
    free(p);
}

/* An array of one value over and over. */
static void fill_array(struct buf *out, const char *value, size_t count)
{
    buf_reset(out);
    buf_addc(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_addc(out, i ? ',' : ' ');
        buf_adds(out, value);
    }
    buf_addc(out, ']');
}

/* Whatever it is made of: a text that is taken costs no more than that, twice as many values as are
 * ever taken are refused. */
Test(json_read, texts_of_many_values_are_refused_before_they_take_memory)
{
    static const char *const values[] = {"{}", "[]", "[[]]", "{\"a\":{}}", "\"\"", "[1]", "1"};
    struct error err = {0};
    struct buf text;
    json_t *tree = NULL;
    buf_init(&text, BUF_MAX_SPEC);
    json_set_alloc_funcs(count_alloc, count_free);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t count = 8192;
        for (fill_array(&text, values[i], count);
             json_parse(buf_str(&text), text.len, &tree, &err) == 0 && buf_check(&text, NULL) == 0;
             fill_array(&text, values[i], count *= 2)) {
            json_decref(tree);
        }
        cr_expect_eq(err.code, ERR_LIMIT, "%s: %s", values[i], err.message);
        cr_expect(strstr(err.message, "too many values"), "%s", err.message);
        cr_expect_null(tree);
        cr_expect_lt(peak, (size_t)JSON_TREE_MAX, "%zu bytes for %zu times %s", peak, count / 2,
                     values[i]);
    }
    buf_free(&text);
}

/* Brackets inside texts are no values. */
Test(json_read, long_texts_are_not_counted_as_values)
{
    struct error err = {0};
    struct buf text;
    json_t *tree = NULL;
    buf_init(&text, BUF_MAX_SPEC);
    buf_addc(&text, '"');
    while (text.len < 4 * 1024 * 1024)
        buf_adds(&text, "\\\"{[,:\\\\");
    buf_addc(&text, '"');
    cr_assert_eq(json_parse(buf_str(&text), text.len, &tree, &err), 0, "%s", err.message);
    json_decref(tree);
    buf_free(&text);
}

/* Each level holds the one below it twice: 2^64 values, of which nobody writes a thousand. */
Test(json_write, a_tree_that_shares_its_parts_ends_where_the_buffer_does, .timeout = 30)
{
    struct buf out;
    json_t *tree = json_integer(1);
    for (int i = 0; i < 64; i++)
        tree = json_pack("[O,o]", tree, tree);
    buf_init(&out, 1000);
    json_dump(&out, tree);
    cr_expect(out.failed);
    json_decref(tree);
    buf_free(&out);
}

Test(json_write, what_is_too_deep_to_be_read_is_not_written)
{
    struct error err = {0};
    struct buf out;
    json_t *tree = json_integer(1), *again = NULL;
    buf_init(&out, BUF_MAX_LINE);
    for (int i = 1; i < JSON_DEPTH_MAX; i++)
        tree = json_pack("[o]", tree);
    json_dump(&out, tree);
    cr_assert_eq(buf_check(&out, &err), 0, "%s", err.message);
    cr_assert_eq(json_parse(buf_str(&out), out.len, &again, &err), 0, "%s", err.message);
    cr_expect(json_equal(tree, again));
    buf_reset(&out);
    tree = json_pack("[o]", tree);
    json_dump(&out, tree);
    cr_expect(out.failed);
    json_decref(again);
    json_decref(tree);
    buf_free(&out);
}

Test(json_write, escapes_and_nests)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1000);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_str(&w, "t", "q\" \\ \n \x01 \xc3\xa4 \xff");
    jw_array(&w, "l");
    jw_int(&w, NULL, -1);
    jw_null(&w, NULL);
    jw_end_array(&w);
    jw_object(&w, "o");
    jw_end_object(&w);
    jw_bool(&w, "b", true);
    jw_end_object(&w);
    cr_assert_str_eq(buf_str(&b),
                     "{\"t\":\"q\\\" \\\\ \\n \\u0001 \xc3\xa4 \xef\xbf\xbd\",\"l\":[-1,"
                     "null],\"o\":{},\"b\":true}");
    buf_free(&b);
}

Test(json, writes_numbers_as_a_person_would)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.013, "{\"n\":0.013}"},
        {7.0, "{\"n\":7}"},
        {0.1 + 0.2, "{\"n\":0.30000000000000004}"},
        {-1.5e-9, "{\"n\":-1.5e-09}"},
        {INFINITY, "{\"n\":null}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        struct json_writer w;
        buf_init(&b, BUF_MAX_LINE);
        jw_init(&w, &b);
        jw_object(&w, NULL);
        jw_num(&w, "n", cases[i].value);
        jw_end_object(&w);
        cr_expect_str_eq(buf_str(&b), cases[i].text);
        buf_free(&b);
    }
}

Test(json, dump_writes_reals_in_their_fewest_digits)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"1.1", "1.1"},
        {"0.1", "0.1"},
        {"1.0", "1.0"},
        {"[-0.5,2.22,3]", "[-0.5,2.22,3]"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"1e300", "1e+300"},
        {"{ \"b\" : [ true, null ], \"a\" : \"x\\ny\" }", "{\"b\":[true,null],\"a\":\"x\\ny\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value;
        struct error err;
        struct buf out;
        buf_init(&out, BUF_MAX_LINE);
        cr_assert_eq(json_parse(cases[i].in, strlen(cases[i].in), &value, &err), 0);
        json_dump(&out, value);
        cr_expect_str_eq(buf_str(&out), cases[i].out);
        buf_free(&out);
        json_decref(value);
    }
}

Test(json, writes_whole_numbers)
{
    static const int64_t numbers[] = {0, 7, -1, 1000000, INT64_MAX, INT64_MIN};
    struct buf out;
    buf_init(&out, BUF_MAX_LINE);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        json_int_text(&out, numbers[i]);
        buf_addc(&out, ' ');
    }
    cr_expect_str_eq(buf_str(&out), "0 7 -1 1000000 9223372036854775807 -9223372036854775808 ");
    buf_free(&out);
}
