/* lib/json/json_pull beside json_parse: both take and refuse the same documents, and read the same
 * from them. */
#include "lib/json/json_pull.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 30000, SEED = 20261125 };

/* --- the same tree by both --- */

static json_t *build(struct json_pull *p);

/* A text as jansson keeps it; `out` is freed by the caller. */
static char *copy_text(const struct json_text *t, size_t *len)
{
    char *out = malloc(t->len + 1);
    cr_assert_not_null(out);
    *len = json_text_copy(t, out);
    cr_assert_leq(*len, t->len);
    cr_assert(json_text_is(t, out, *len));
    cr_assert_not(json_text_is(t, out, *len + 1));
    return out;
}

static json_t *build_string(struct json_pull *p)
{
    struct json_text text;
    size_t len;
    if (!jp_text(p, &text))
        return NULL;
    char *copy = copy_text(&text, &len);
    json_t *string = json_stringn(copy, len);
    cr_assert_eq(text.nul, memchr(copy, '\0', len) != NULL);
    free(copy);
    return string;
}

/* Whether it is an integer tells only the text. */
static json_t *build_number(struct json_pull *p)
{
    struct json_pull again = *p;
    const struct json_slice text = jp_slice(&again);
    double number = 0;
    if (!jp_number(p, &number))
        return NULL;
    for (size_t i = 0; i < text.len; i++)
        if (strchr(".eE", text.text[i]))
            return json_real(number);
    return json_integer(strtoll(text.text, NULL, 10));
}

static json_t *build_object(struct json_pull *p)
{
    json_t *object = json_object();
    struct json_text name;
    size_t len;
    jp_enter(p);
    while (jp_member(p, &name)) {
        char *copy = copy_text(&name, &len);
        if (json_object_getn(object, copy, len))
            jp_refuse(p, "twice");
        json_t *value = build(p);
        if (value)
            (void)json_object_setn_new(object, copy, len, value);
        free(copy);
    }
    return object;
}

static json_t *build_array(struct json_pull *p)
{
    json_t *array = json_array();
    jp_enter(p);
    while (jp_element(p)) {
        json_t *value = build(p);
        if (value)
            (void)json_array_append_new(array, value);
    }
    return array;
}

static json_t *build(struct json_pull *p)
{
    switch (jp_peek(p)) {
    case JP_OBJECT:
        return build_object(p);
    case JP_ARRAY:
        return build_array(p);
    case JP_STRING:
        return build_string(p);
    case JP_NUMBER:
        return build_number(p);
    case JP_TRUE:
        jp_skip(p);
        return json_true();
    case JP_FALSE:
        jp_skip(p);
        return json_false();
    case JP_NULL:
        jp_skip(p);
        return json_null();
    case JP_NONE:
        break;
    }
    return NULL;
}

/* Reads the document by both ways, from memory that ends with its NUL. A NUL within is part of no
 * JSON; jansson takes it for the end. */
static void compare(const char *text, size_t len)
{
    struct error err = {0}, why = {0};
    json_t *want = NULL;
    struct json_pull p;
    char *copy = malloc(len + 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, len);
    copy[len] = '\0';
    const bool whole = memchr(text, '\0', len) == NULL;
    const bool sound = json_parse(copy, len, &want, &why) == 0 && whole;
    jp_init(&p, copy, len);
    json_t *got = build(&p);
    cr_assert_eq(jp_end(&p, &err) == 0, sound, "%.*s: json_parse says '%s', json_pull '%s'",
                 (int)len, copy, why.message, err.message);
    if (sound)
        cr_assert(json_equal(got, want), "%.*s", (int)len, copy);
    /* Members of one name are the caller's to notice. */
    const bool twice = strstr(why.message, "duplicate object key") != NULL;
    if (!twice)
        cr_assert_eq(json_check(copy, len, &err) == 0, sound, "%.*s", (int)len, copy);
    json_decref(got);
    json_decref(want);
    free(copy);
}

Test(json_pull, takes_and_refuses_what_json_parse_does)
{
    static const char *const cases[] = {
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "nul",
        "truex",
        "true1",
        "0",
        "-0",
        "-",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1e5",
        "1E-5",
        "1.5e308",
        "1e309",
        "-1e309",
        "1e-400",
        "0.1",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "123456789012345678",
        "1 2",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "{a:1}",
        "{'a':1}",
        "[",
        "[1",
        "{\"a\":1",
        "]",
        "}",
        "[}",
        "{]",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "{\"\\u0000\":1}",
        "{\"a\":\"\\u0000\"}",
        "\"\\ud800\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud83d\\ude00\"",
        "\"\\uD83D\\uDE00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83d\\n\"",
        "\"\\uffff\"",
        "\"\t\"",
        "\"\n\"",
        "\"\x7f\"",
        "\"\x1f\"",
        "\"\xc3\xa4\"",
        "\"\xc3\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xe0\xa0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xed\x9f\xbf\"",
        "\"\xef\xbf\xbf\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\x80\"",
        "\"\xff\"",
        "\xef\xbb\xbf{}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\r\n\t {\r\n\t } \r\n\t",
        "\v{}",
        "\f",
        "[1]x",
        "/**/1",
        "NaN",
        "Infinity",
        "+1",
        "{\"\":\"\"}",
        "\"12345678\\n12345678\"",
        "\"1234567\"",
        "\"12345678\xc3\xa4\"",
        "[[[[[[[[[[]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        compare(cases[i], strlen(cases[i]));
    compare("\"a\0b\"", 5);
    compare("1\0", 2);
    compare("\0", 1);
}

Test(json_pull, goes_as_deep_as_json_parse)
{
    char text[2 * JSON_PULL_DEPTH + 8];
    for (size_t depth = JSON_PULL_DEPTH - 2; depth <= JSON_PULL_DEPTH + 2; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        compare(text, 2 * depth);
    }
    struct error err = {0};
    memset(text, '[', sizeof text);
    cr_expect_eq(json_check(text, sizeof text - 1, &err), -1);
    cr_expect_not_null(strstr(err.message, "nested too deep"), "%s", err.message);
}

/* --- documents by chance --- */

static size_t below(size_t n)
{
    return (size_t)(drand48() * (double)n);
}

static void add_text(struct buf *out)
{
    static const char *const pieces[] = {
        "a",        "status",           "\\n",     "\\u00e4",      "\\ud83d\\ude00",
        "\xc3\xa4", "\xf0\x9f\x98\x80", "\\u0000", "\\\"",         "\\\\",
        "/",        "0123456789",       "\x7f",    "\xe2\x82\xac", "S",
        "12345678", "\\uFFFF",
    };
    buf_addc(out, '"');
    for (size_t n = below(6); n > 0; n--)
        buf_adds(out, pieces[below(sizeof pieces / sizeof pieces[0])]);
    buf_addc(out, '"');
}

/* Mostly unlike the other members of its object. */
static void add_name(struct buf *out, size_t i)
{
    static const char *const endings[] = {"", "\\u0041", "\xc3\xa4", "_time"};
    if (below(40) == 0)
        buf_adds(out, "\"same\"");
    else
        buf_addf(out, "\"%zu%s\"", i, endings[below(4)]);
}

static void add_space(struct buf *out)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t\r\n  "};
    buf_adds(out, spaces[below(6)]);
}

static void add_value(struct buf *out, size_t depth)
{
    static const char *const scalars[] = {
        "null", "true", "false",   "0",     "-17",
        "1.25", "1e9",  "-2.5E-3", "1e400", "99999999999999999999"};
    const size_t kind = below(depth < 6 ? 8 : 4);
    add_space(out);
    if (kind < 2)
        add_text(out);
    else if (kind < 4)
        buf_adds(out, scalars[below(below(30) ? 8 : 10)]);
    else {
        const bool object = kind < 6;
        const size_t count = below(5);
        buf_addc(out, object ? '{' : '[');
        for (size_t i = 0; i < count; i++) {
            if (i)
                buf_addc(out, ',');
            add_space(out);
            if (object) {
                add_name(out, i);
                buf_addc(out, ':');
            }
            add_value(out, depth + 1);
        }
        buf_addc(out, object ? '}' : ']');
    }
    add_space(out);
}

/* Cuts it, or puts a few bytes that mean something in JSON over others. */
static void mutate(struct buf *text)
{
    static const char bytes[] = "{}[]\",:\\u0eE.-+ \n\x01\xc3\xed\xf4\x80tnf1";
    if (text->len == 0)
        return;
    if (below(3) == 0)
        buf_truncate(text, below(text->len));
    for (size_t n = below(4); n > 0 && text->len > 0; n--)
        text->data[below(text->len)] = bytes[below(sizeof bytes)];
}

Test(json_pull, agrees_with_json_parse_on_documents_by_chance)
{
    struct buf text;
    buf_init(&text, BUF_MAX_LINE * 16);
    srand48(SEED);
    for (size_t i = 0; i < ROUNDS; i++) {
        buf_reset(&text);
        add_value(&text, 0);
        cr_assert_not(text.failed);
        if (i % 2)
            mutate(&text);
        compare(buf_str(&text), text.len);
    }
    buf_free(&text);
}

/* --- what a caller sees --- */

Test(json_pull, tells_line_and_column)
{
    struct error err = {0};
    static const char text[] = "{\n \"\xc3\xa4\": 1,\n \"b\": x}";
    cr_assert_eq(json_check(text, sizeof text - 1, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect_str_eq(err.message, "line 3, column 7: no value where one is due");
    static const char wide[] = "[\"\xc3\xa4\" 1]";
    cr_assert_eq(json_check(wide, sizeof wide - 1, &err), -1);
    cr_expect_str_eq(err.message, "line 1, column 6: no comma or closing bracket where one is due");
}

/* Values of another type than was asked for are passed over. */
Test(json_pull, members_are_read_in_any_order_and_others_passed_over)
{
    static const char text[] =
        "{\"x\":[1,{\"n\":2}],\"s\":\"a\\tb\",\"n\":7,\"no\":\"7\",\"t\":{}}";
    struct json_pull p;
    struct json_text name, s = {0};
    struct json_slice x = {0};
    double n = -1, no = -1;
    jp_init(&p, text, sizeof text - 1);
    cr_assert_eq(jp_peek(&p), JP_OBJECT);
    jp_enter(&p);
    while (jp_member(&p, &name)) {
        if (JSON_TEXT_IS(&name, "x"))
            x = jp_slice(&p);
        else if (JSON_TEXT_IS(&name, "s"))
            cr_expect(jp_text(&p, &s));
        else if (JSON_TEXT_IS(&name, "n"))
            cr_expect(jp_number(&p, &n));
        else if (JSON_TEXT_IS(&name, "no"))
            cr_expect_not(jp_number(&p, &no));
        else
            cr_expect_not(jp_text(&p, &s));
    }
    cr_assert_eq(jp_end(&p, NULL), 0);
    cr_expect_eq(n, 7);
    cr_expect_eq(no, -1);
    cr_assert(x.text && x.len == 11);
    cr_expect_eq(memcmp(x.text, "[1,{\"n\":2}]", 11), 0);
    cr_expect(JSON_TEXT_IS(&s, "a\tb"));
}

Test(json_pull, failure_ends_every_loop)
{
    static const char text[] = "[[1,2],[3,4]]";
    struct json_pull p;
    struct error err = {0};
    size_t seen = 0;
    jp_init(&p, text, sizeof text - 1);
    (void)jp_peek(&p);
    jp_enter(&p);
    while (jp_element(&p)) {
        jp_skip(&p);
        seen++;
        jp_refuse(&p, "one is enough");
        jp_refuse(&p, "more");
    }
    cr_expect_eq(seen, 1);
    cr_expect_eq(jp_peek(&p), JP_NONE);
    cr_expect_null(jp_slice(&p).text);
    cr_assert_eq(jp_check(&p, &err), -1);
    cr_expect_str_eq(err.message, "line 1, column 7: one is enough");
}

Test(json_pull, texts_have_a_ceiling)
{
    struct json_texts texts;
    struct error err = {0};
    const struct json_text t = {.raw = "a\\nb", .len = 4, .escaped = true};
    char small[4], enough[5];
    cr_assert_eq(json_texts_open(&texts, 9, &err), 0);
    cr_expect_str_eq(json_texts_add(&texts, &t), "a\nb");
    const size_t mark = texts.len;
    cr_expect_str_eq(json_texts_add(&texts, &t), "a\nb");
    cr_expect_null(json_texts_add(&texts, &t), "two bytes are left");
    json_texts_reset(&texts, mark);
    cr_expect_not_null(json_texts_add(&texts, &t));
    json_texts_free(&texts);
    cr_expect_not(json_text_fit(&t, small, sizeof small));
    cr_expect_str_empty(small);
    cr_expect(json_text_fit(&t, enough, sizeof enough));
    cr_expect_str_eq(enough, "a\nb");
}
