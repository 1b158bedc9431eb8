#include "asl_support.h"

#include <stdio.h>

#define STORE                                                                                      \
    "{\"store\":{\"books\":[{\"t\":\"a\",\"p\":8,\"tags\":[\"x\"]},{\"t\":\"b\",\"p\":12.5},"      \
    "{\"t\":\"c\",\"p\":9,\"s\":null}],\"bike\":{\"p\":20,\"c d\":\"red\"}},\"max\":10,"           \
    "\"a-b\":1,\"it's\":2}"

/* Evaluates against STORE as input; expected NULL: nothing may be found. */
static void check(const char *path, const char *expected)
{
    struct error err;
    struct asl_failure f = {0};
    json_t *value = NULL;
    json_t *input = asl_json(STORE);
    json_t *context = asl_json("{\"Execution\":{\"Id\":\"x\"},\"Map\":{\"Item\":{\"Index\":3}}}");
    json_t *variables = asl_json("{\"v\":{\"list\":[1,2,3]},\"n\":7}");
    struct asl_scope scope = {.input = input, .context = context, .variables = variables};
    struct asl_path *p = asl_path_compile(path, &err);
    cr_assert(p != NULL, "%s: %s", path, err.message);
    cr_expect_str_eq(asl_path_text(p), path);
    int found = asl_path_eval(p, &scope, &value, &f);
    if (expected)
        asl_expect(value, expected, path);
    else
        cr_expect_eq(found, 0, "%s should find nothing", path);
    (void)asl_path_free(p);
    json_decref(input);
    json_decref(context);
    json_decref(variables);
}

Test(asl_path, selects_single_values)
{
    check("$.max", "10");
    check("$['max']", "10");
    check("$[\"max\"]", "10");
    check("$.a-b", "1");
    check("$['it\\'s']", "2");
    check("$.store.books[0].t", "\"a\"");
    check("$.store.books[-1].t", "\"c\"");
    check("$.store['bike']['c d']", "\"red\"");
    check("$.store.books[2].s", "null");
    check("$.store.bike['p','c d']", "{\"p\":20,\"c d\":\"red\"}");
    check("$.store.books.length()", "3");
    check("$.store.books[0].t.length()", "1");
    check("$$.Execution.Id", "\"x\"");
    check("$$.Map.Item.Index", "3");
    check("$v.list[1]", "2");
    check("$n", "7");
}

Test(asl_path, selects_lists)
{
    check("$.store.books[*].t", "[\"a\",\"b\",\"c\"]");
    check("$.store.books[0,2].t", "[\"a\",\"c\"]");
    check("$.store.books[0, 9].t", "[\"a\"]");
    check("$.store.books[1:].t", "[\"b\",\"c\"]");
    check("$.store.books[:1].t", "[\"a\"]");
    check("$.store.books[-2:-1].t", "[\"b\"]");
    check("$.store.books[5:9]", "[]");
    check("$.store.bike.*", "[20,\"red\"]");
    check("$..p", "[8,12.5,9,20]");
    check("$..['t','p']", "[\"a\",8,\"b\",12.5,\"c\",9,20]");
    check("$.store..books[0].t", "[\"a\"]");
    check("$..books.length()", "[3]");
    check("$v.list[*]", "[1,2,3]");
}

Test(asl_path, indefinite_paths_find_an_empty_list_where_nothing_is)
{
    check("$.nope[*].x", "[]");
    check("$.nope.deep[1:5].x", "[]");
    check("$.max[*]", "[]");
    check("$..nope", "[]");
    check("$.nope[?(@.a)]", "[]");
    check("$missing[*]", "[]");
}

Test(asl_path, finds_nothing_where_a_definite_path_ends_early)
{
    check("$.nope", NULL);
    check("$.max.nope", NULL);
    check("$.store.books[3]", NULL);
    check("$.store.books[-4]", NULL);
    check("$.store.bike[0]", NULL);
    check("$.max.length()", NULL);
    check("$$.Task.Token", NULL);
    check("$missing.x", NULL);
}

Test(asl_path, filters)
{
    check("$.store.books[?(@.p < 10)].t", "[\"a\",\"c\"]");
    check("$.store.books[?(@.p < $.max)].t", "[\"a\",\"c\"]");
    check("$.store.books[?(@.p >= 9 && @.p <= 12.5)].t", "[\"b\",\"c\"]");
    check("$.store.books[?(@.t == 'a' || @.t == \"c\")].p", "[8,9]");
    check("$.store.books[?(@.t != 'a')].p", "[12.5,9]");
    check("$.store.books[?(@.tags)].t", "[\"a\"]");
    check("$.store.books[?(!@.tags)].t", "[\"b\",\"c\"]");
    check("$.store.books[?(@.s == null)].t", "[\"c\"]");
    check("$.store.books[?(@.tags[*] )].t", "[\"a\"]");
    check("$.store.books[?(!(@.t == 'a') && (@.p == 9.0))].t", "[\"c\"]");
    check("$.store.books[?(@.t in ['b', 'c'])].p", "[12.5,9]");
    check("$.store.books[?(@.t nin ['b'])].p", "[8,9]");
    check("$.store.books[?(@.t > 'a')].t", "[\"b\",\"c\"]");
    check("$.store.books[?(@.t > 1)].t", "[]");
    check("$.store[?(@.p == 20)]", "[]");
    check("$.store.bike[?(@.p == 20)].p", "[20]");
    check("$..[?(@.p > 10)].p", "[12.5,20]");
    check("$.store.books[?(@.tags[?(@ == 'x')])].t", "[\"a\"]");
    check("$v.list[?(@ > 1)]", "[2,3]");
}

Test(asl_path, refuses_what_is_no_path)
{
    static const char *const bad[] = {
        "",
        "a",
        ".a",
        "$.",
        "$..",
        "$.a.",
        "$a b",
        "$.a b",
        "$[",
        "$[]",
        "$['a",
        "$['a'",
        "$[a]",
        "$[1:2:3]",
        "$[1,",
        "$['a',1]",
        "$.a.sum()",
        "$.a.length(",
        "$.length().a",
        "$[99999999999]",
        "$[?]",
        "$[?()]",
        "$[?(@.a]",
        "$[?(@.a ==)]",
        "$[?(1)]",
        "$[?(@.a =~ /x/)]",
        "$[?(@.a == 'x]",
        "$[?(@.a in ['x')]",
        "$.a)",
        "$.a,",
        "$states.input",
        "$1a",
        "$.a[?(@.b && )]",
        "$@",
        "@.a",
        "$[?(!)]",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = {0};
        struct asl_path *p = asl_path_compile(bad[i], &err);
        cr_expect(p == NULL, "'%s' should be refused", bad[i]);
        cr_expect(err.message[0] != '\0', "'%s' needs a message", bad[i]);
        (void)asl_path_free(p);
    }
}

Test(asl_path, refuses_deep_nesting)
{
    struct error err = {0};
    char text[4000] = "$[?(";
    size_t len = strlen(text);
    memset(text + len, '(', 3000);
    text[len + 3000] = '\0';
    cr_expect(asl_path_compile(text, &err) == NULL);
    cr_expect_eq(err.code, ERR_LIMIT);
    memset(text + len, '!', 3000);
    cr_expect(asl_path_compile(text, &err) == NULL);
    cr_expect_eq(err.code, ERR_LIMIT);
}

Test(asl_path, refuses_long_lists_in_filters)
{
    struct error err = {0};
    char text[4000] = "$[?(@.a in [0";
    size_t len = strlen(text);
    for (int i = 0; i < 300; i++, len += 2)
        (void)snprintf(text + len, sizeof text - len, ",1");
    (void)snprintf(text + len, sizeof text - len, "])]");
    cr_expect(asl_path_compile(text, &err) == NULL);
    cr_expect_eq(err.code, ERR_LIMIT);
}

Test(asl_path, gives_up_on_explosive_searches)
{
    struct error err;
    struct asl_failure f = {0};
    json_t *out = NULL;
    json_t *input = json_array();
    for (int i = 0; i < 30; i++) {
        json_t *outer = json_array();
        (void)json_array_append_new(outer, input);
        (void)json_array_append(outer, input);
        input = outer;
    }
    struct asl_scope scope = {.input = input, .state = "S", .entered_id = 2};
    struct asl_path *p = asl_path_compile("$..*..*", &err);
    cr_assert(p != NULL);
    cr_expect_eq(asl_path_eval(p, &scope, &out, &f), -1);
    cr_expect_str_eq(f.error, "States.DataLimitExceeded");
    asl_failure_free(&f);
    (void)asl_path_free(p);
    json_decref(input);
}

Test(asl_path, knows_references)
{
    static const struct {
        const char *path;
        bool reference;
    } cases[] = {
        {"$", true},           {"$.a.b[0]['c']", true}, {"$[-1]", true},    {"$$.a", true},
        {"$v.a", true},        {"$.a[*]", false},       {"$..a", false},    {"$.a[0,1]", false},
        {"$['a','b']", false}, {"$.a[1:]", false},      {"$[?(@)]", false}, {"$.length()", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct asl_path *p = asl_path_compile(cases[i].path, &err);
        cr_assert(p != NULL, "%s: %s", cases[i].path, err.message);
        cr_expect_eq(asl_path_is_reference(p), cases[i].reference, "%s", cases[i].path);
        (void)asl_path_free(p);
    }
}

Test(asl_path, words_what_is_missing)
{
    static const struct {
        const char *path, *text;
    } cases[] = {
        {"$.x", "No results for path: $['x']"},
        {"$.a.x", "No results for path: $['a']['x']"},
        {"$.no.such.path", "Missing property in path $['no']"},
        {"$.a.no.path", "Missing property in path $['a']['no']"},
        {"$.l[5]", "No results for path: $['l'][5]"},
        {"$.l[5].x", "No results for path: $['l'][5]['x']"},
        {"$.a[0]", "Filter: [0] can only be applied to arrays. Current context is: {\"b\":1.5}"},
        {"$.a.b.c", "Property ['c'] not found in path $['a']['b']"},
        {"$$.x", "No results for path: $['x']"},
        {"$v.x", "No results for path: $v['x']"},
    };
    json_t *input = asl_json("{\"a\":{\"b\":1.5},\"l\":[1]}");
    struct asl_scope scope = {.input = input, .context = input};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct buf out;
        buf_init(&out, BUF_MAX_LINE);
        struct asl_path *p = asl_path_compile(cases[i].path, &err);
        cr_assert(p != NULL);
        asl_path_missing(p, &scope, &out);
        cr_expect_str_eq(buf_str(&out), cases[i].text);
        buf_free(&out);
        (void)asl_path_free(p);
    }
    json_decref(input);
}

Test(asl_path, assigns_without_touching_what_was_there)
{
    static const struct {
        const char *root, *path, *out, *cause;
    } cases[] = {
        {"{\"a\":1}", "$", "9", NULL},
        {"{\"a\":1}", "$.b", "{\"a\":1,\"b\":9}", NULL},
        {"{\"a\":1}", "$.a", "{\"a\":9}", NULL},
        {"{}", "$.a.b.c", "{\"a\":{\"b\":{\"c\":9}}}", NULL},
        {"{\"a\":{\"x\":1}}", "$.a['b']", "{\"a\":{\"x\":1,\"b\":9}}", NULL},
        {"{\"l\":[1,2]}", "$.l[0]", "{\"l\":[9,2]}", NULL},
        {"{\"l\":[1,{}]}", "$.l[-1].x", "{\"l\":[1,{\"x\":9}]}", NULL},
        {"[1]", "$.a", NULL, "Unable to apply step \"a\" to input [1]"},
        {"{\"a\":\"t\"}", "$.a.b", NULL, "Unable to apply step \"b\" to input \"t\""},
        {"{\"l\":[1]}", "$.l[1]", NULL, "Unable to apply path '$.l[1]' to input [1]"},
        {"{}", "$.l[0]", NULL, "Unable to apply path '$.l[0]' to input "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct asl_failure f = {0};
        json_t *root = asl_json(cases[i].root);
        json_t *value = json_integer(9);
        struct asl_scope scope = {.input = root};
        struct asl_path *p = asl_path_compile(cases[i].path, &err);
        json_t *out = asl_path_assign(p, root, value, &scope, &f);
        asl_expect(root, cases[i].root, cases[i].path);
        if (cases[i].out) {
            asl_expect(out, cases[i].out, cases[i].path);
        } else {
            cr_expect(out == NULL);
            cr_expect_str_eq(f.error, "States.ResultPathMatchFailure");
            cr_expect_str_eq(f.cause, cases[i].cause);
        }
        asl_failure_free(&f);
        (void)asl_path_free(p);
        json_decref(value);
    }
}
