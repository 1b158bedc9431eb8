/* lib/json: field tables, pointers, hand-built text. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"

#include <criterion/criterion.h>
#include <math.h>
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
