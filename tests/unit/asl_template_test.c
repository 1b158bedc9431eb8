#include "asl_support.h"

#include <pthread.h>

#define INPUT                                                                                      \
    "{\"a\":1,\"s\":\"text\",\"o\":{\"x\":[1,2.5,null,true,\"t\"],\"y\":{}},\"n\":null,"           \
    "\"l\":[3,1,3,2],\"tpl\":\"<{}>\",\"e\":[],\"f\":-1.5,\"Test\\\\\\\"\\\"Name\\\"\":\"q\"}"

static const char lead[] =
    "An error occurred while executing the state 'S' (entered at the event id #2). ";

/* Evaluates {"v.$": text}; `cause` (behind the sentence about the state) for what must fail. */
static void check(const char *text, const char *expected, const char *cause)
{
    struct error err;
    struct asl_failure f = {0};
    json_t *input = asl_json(INPUT);
    json_t *context = asl_json("{\"State\":{\"Name\":\"S\"}}");
    struct asl_scope scope = {.input = input, .context = context, .state = "S", .entered_id = 2};
    json_t *source = json_pack("{ss}", "v.$", text);
    struct asl_template *t = asl_template_compile(source, &err);
    cr_assert(t != NULL, "%s: %s", text, err.message);
    json_t *out = asl_template_eval(t, &scope, &f);
    if (expected) {
        cr_expect(out != NULL, "%s: %s", text, f.cause ? f.cause : "no result");
        asl_expect(json_incref(json_object_get(out, "v")), expected, text);
    } else {
        cr_assert(out == NULL, "%s should fail", text);
        cr_expect_str_eq(f.error, "States.Runtime");
        cr_assert(strncmp(f.cause, lead, strlen(lead)) == 0, "%s", f.cause);
        cr_expect(strstr(f.cause + strlen(lead), cause) != NULL, "%s: %s", text, f.cause);
    }
    json_decref(out);
    asl_failure_free(&f);
    (void)asl_template_free(t);
    json_decref(source);
    json_decref(input);
    json_decref(context);
}

Test(asl_template, fills_members_and_shares_the_rest)
{
    struct error err;
    struct asl_failure f = {0};
    json_t *input = asl_json(INPUT);
    struct asl_scope scope = {.input = input};
    json_t *source = asl_json("{\"k\":{\"deep\":[1,\"$.a\"]},\"p.$\":\"$.a\",\"list\":[{\"q.$\":"
                              "\"$.s\"},7],\"all.$\":\"$\"}");
    struct asl_template *t = asl_template_compile(source, &err);
    cr_assert(t != NULL);
    json_t *out = asl_template_eval(t, &scope, &f);
    cr_assert(out != NULL);
    cr_expect_eq(json_object_get(out, "k"), json_object_get(source, "k"));
    cr_expect(json_object_del(out, "all") == 0);
    asl_expect(out, "{\"k\":{\"deep\":[1,\"$.a\"]},\"p\":1,\"list\":[{\"q\":\"text\"},7]}", "out");
    (void)asl_template_free(t);
    json_decref(source);
    json_decref(input);
}

Test(asl_template, keeps_the_order_of_members)
{
    struct error err;
    struct asl_failure f = {0};
    json_t *source = asl_json("{\"z.$\":\"$.b\",\"a\":1,\"m.$\":\"$.a\"}");
    json_t *input = asl_json("{\"a\":1,\"b\":2}");
    struct asl_scope scope = {.input = input};
    struct asl_template *t = asl_template_compile(source, &err);
    json_t *out = asl_template_eval(t, &scope, &f);
    char *text = asl_text(out);
    cr_expect_str_eq(text, "{\"z\":2,\"a\":1,\"m\":1}");
    free(text);
    json_decref(out);
    json_decref(source);
    json_decref(input);
    (void)asl_template_free(t);
}

Test(asl_template, words_paths_that_lead_nowhere)
{
    static const struct {
        const char *source, *cause;
    } cases[] = {
        {"{\"value.$\":\"$.nope\"}",
         "The JSONPath '$.nope' specified for the field 'value.$' could "
         "not be found in the input '{\"a\":[1.5]}'"},
        {"{\"o\":{\"in.$\":\"$.a.b\"}}",
         "The JSONPath '$.a.b' specified for the field 'in.$' could "
         "not be found in the input '{\"a\":[1.5]}'"},
        {"{\"t.$\":\"$$.Task.Token\"}", "The JSONPath '$.Task.Token' specified for the field 't.$' "
                                        "could not be found in the input '{\"c\":1}'"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct asl_failure f = {0};
        json_t *input = asl_json("{ \"a\": [1.5] }"), *context = asl_json("{\"c\":1}");
        struct asl_scope scope = {.input = input, .context = context};
        json_t *source = asl_json(cases[i].source);
        struct asl_template *t = asl_template_compile(source, &err);
        cr_expect(asl_template_eval(t, &scope, &f) == NULL);
        cr_expect_str_eq(f.error, "States.Runtime");
        cr_expect_str_eq(f.cause, cases[i].cause);
        asl_failure_free(&f);
        (void)asl_template_free(t);
        json_decref(source);
        json_decref(input);
        json_decref(context);
    }
}

Test(asl_template, refuses_what_is_no_expression)
{
    static const char no_path[] = "The value for the field 'v.$' must be a valid JSONPath or a "
                                  "valid intrinsic function call";
    static const struct {
        const char *source, *message;
    } cases[] = {
        {"{\"v.$\":\"text\"}", no_path},
        {"{\"v.$\":\"$.a b\"}", no_path},
        {"{\"v.$\":\"States.Nope()\"}", no_path},
        {"{\"v.$\":\"States.UUID(1)\"}", no_path},
        {"{\"v.$\":\"States.MathAdd(1)\"}", no_path},
        {"{\"v.$\":\"States.Array(1,)\"}", no_path},
        {"{\"v.$\":\"States.Array(1\"}", no_path},
        {"{\"v.$\":\"States.Array(1) \"}", no_path},
        {"{\"v.$\":\"States.Array(one)\"}", no_path},
        {"{\"v.$\":\"States.StringToJson('a \\\\\\\"b\\\\\\\"')\"}", no_path},
        {"{\"v.$\":\"States.Format('open)\"}", no_path},
        {"{\"v.$\":1}", "The value for the field 'v.$' must be a STRING that contains a JSONPath "
                        "but was a NUMBER"},
        {"[{\"v.$\":{}}]",
         "The value for the field 'v.$' must be a STRING that contains a JSONPath "
         "but was an OBJECT"},
        {"{\"v.$\":\"$\",\"v\":1}", "The fields 'v' and 'v.$' must not be used together"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = {0};
        json_t *source = asl_json(cases[i].source);
        cr_expect(asl_template_compile(source, &err) == NULL, "%s", cases[i].source);
        cr_expect_str_eq(err.message, cases[i].message);
        json_decref(source);
    }
}

Test(asl_template, reads_paths)
{
    check("$.o.x[1]", "2.5", NULL);
    check("$['Test\\\"\"Name\"']", "\"q\"", NULL);
    check("$$.State.Name", "\"S\"", NULL);
    check("$.l[9]", "null", NULL);
    check("$.l[9].x", NULL, "could not be found in the input");
    check("$.s[0]", NULL, "could not be found in the input");
}

Test(asl_intrinsic, texts)
{
    check("States.Format('plain')", "\"plain\"", NULL);
    check("States.Format('{}-{}', $.s, $.a)", "\"text-1\"", NULL);
    check("States.Format('{}', $.o)", "\"{x=[1, 2.5, null, true, t], y={}}\"", NULL);
    check("States.Format('{}', null)", "\"null\"", NULL);
    check("States.Format($.tpl, 'in')", "\"<in>\"", NULL);
    check("States.Format('\\'\\{{}\\}\\\\', 1.5)", "\"'{1.5}\\\\\"", NULL);
    check("States.StringSplit('a,b;c', ',;')", "[\"a\",\"b\",\"c\"]", NULL);
    check("States.StringSplit(',,a,', ',')", "[\"a\"]", NULL);
    check("States.StringSplit(' , ', ',')", "[\" \",\" \"]", NULL);
    check("States.StringSplit('', ',')", "[]", NULL);
    check("States.StringSplit('abc', '')", "[\"abc\"]", NULL);
    check("States.StringSplit('aéb', 'é')", "[\"a\",\"b\"]", NULL);
    check("States.StringSplit('aéb', 'è')", "[\"aéb\"]", NULL);
    check("States.Format('{} {}', 1)", NULL,
          "The function 'States.Format('{} {}', 1)' had the following error: Invalid arguments in "
          "States.Format: number of arguments do not match the occurrences of {}.");
    check("States.Format('{', 1)", NULL, "Invalid template in States.Format: matching '}' not");
    check("States.Format('}')", NULL, "Invalid template in States.Format: matching '{' not");
    check("States.Format(1)", NULL, "Invalid arguments in States.Format");
    check("States.StringSplit(1, ',')", NULL, "Invalid arguments in States.StringSplit");
}

/* As many numbers as fit a state's input. Comparing each with each takes minutes. */
Test(asl_intrinsic, a_long_list_is_made_unique_at_once, .timeout = 30)
{
    enum { MANY = 120000 };
    struct error err = {0};
    struct asl_failure failure = {0};
    json_t *out = NULL, *input = json_array();
    for (int i = 0; i < MANY; i++)
        json_array_append_new(input, json_integer(i));
    const struct asl_scope scope = {.input = input, .state = "S", .entered_id = 1};
    struct asl_expr *e = asl_expr_compile("States.ArrayUnique($)", &err);
    cr_assert_not_null(e, "%s", err.message);
    cr_assert_eq(asl_expr_eval(e, &scope, &out, &failure), 1);
    cr_expect(json_equal(out, input));
    (void)asl_expr_free(e);
    json_decref(out);
    json_decref(input);
}

Test(asl_intrinsic, lists)
{
    check("States.Array()", "[]", NULL);
    check("States.Array(1, 'x', $.n, true, -2.5, $.e)", "[1,\"x\",null,true,-2.5,[]]", NULL);
    check("States.ArrayPartition($.l, 3)", "[[3,1,3],[2]]", NULL);
    check("States.ArrayPartition($.l, 2.9)", "[[3,1],[3,2]]", NULL);
    check("States.ArrayPartition($.e, 1)", "[]", NULL);
    check("States.ArrayPartition($.l, 0)", NULL, "Invalid arguments in States.ArrayPartition");
    check("States.ArrayContains($.l, 2)", "true", NULL);
    check("States.ArrayContains($.e, $.e)", "false", NULL);
    check("States.ArrayContains($.s, 2)", NULL, "Invalid arguments in States.ArrayContains");
    check("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]", NULL);
    check("States.ArrayRange(0, 10, 3)", "[0,3,6,9]", NULL);
    check("States.ArrayRange(3, 1, -1)", "[3,2,1]", NULL);
    check("States.ArrayRange(3, 1, 1)", "[]", NULL);
    check("States.ArrayRange(1, 2, 0)", NULL, "Invalid arguments in States.ArrayRange");
    check("States.ArrayRange(1, 1001, 1)", NULL, "more than 1000 items");
    check("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "1000", NULL);
    check("States.ArrayRange(-9223372036854775807, 9223372036854775807, 1)", NULL, "too large");
    check("States.ArrayRange(1, -9223372036854775807, -1)", NULL, "too large");
    check("States.ArrayRange(0, 9223372036854775807, 1)", NULL, "more than 1000 items");
    check("States.ArrayRange(0, -9223372036854775807, -9223372036854775807)",
          "[0,-9223372036854775807]", NULL);
    check("States.ArrayGetItem($.l, 3)", "2", NULL);
    check("States.ArrayGetItem($.l, 1.9)", "1", NULL);
    check("States.ArrayGetItem($.e, 5)", "null", NULL);
    check("States.ArrayGetItem($.l, 4)", NULL, "Invalid arguments in States.ArrayGetItem");
    check("States.ArrayGetItem($.l, -1)", NULL, "Invalid arguments in States.ArrayGetItem");
    check("States.ArrayLength($.l)", "4", NULL);
    check("States.ArrayUnique($.l)", "[3,1,2]", NULL);
    check("States.ArrayUnique(States.Array('1', 1, 1.0))", "[\"1\",1,1.0]", NULL);
    check("States.ArrayUnique(States.StringToJson('[{\"a\":1,\"b\":[]},{\"b\":[],\"a\":1},[1]]'))",
          "[{\"a\":1,\"b\":[]},[1]]", NULL);
}

Test(asl_intrinsic, codecs)
{
    check("States.Base64Encode('Data to encode')", "\"RGF0YSB0byBlbmNvZGU=\"", NULL);
    check("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "\"Data to encode\"", NULL);
    check("States.Base64Decode('')", "\"\"", NULL);
    check("States.Base64Decode('YWJ')", "\"ab\"", NULL);
    check("States.Base64Decode(' Y!WJj ')", "\"abc\"", NULL);
    check("States.Base64Decode('_w==')", NULL, "Invalid arguments in States.Base64Decode");
    check("States.Base64Decode('/w==')", "\"\xef\xbf\xbd\"", NULL);
    check("States.Hash('input data', 'SHA-1')", "\"aaff4a450a104cd177d28d18d74485e8cae074b7\"",
          NULL);
    check("States.Hash('', 'MD5')", "\"d41d8cd98f00b204e9800998ecf8427e\"", NULL);
    check("States.Hash('abc', 'SHA-256')",
          "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"", NULL);
    check("States.Hash('abc', 'sha-256')", NULL, "Invalid arguments in States.Hash");
    check("States.ArrayLength(States.StringSplit(States.UUID(), '-'))", "5", NULL);
}

Test(asl_intrinsic, codecs_have_a_limit)
{
    char text[10100];
    static const size_t lengths[] = {10000, 10001};
    static const char *const functions[] = {"States.Base64Encode('", "States.Base64Decode('"};
    for (size_t i = 0; i < COUNT(lengths) * COUNT(functions); i++) {
        size_t len = strlen(functions[i / 2]);
        memcpy(text, functions[i / 2], len + 1);
        memset(text + len, 'A', lengths[i % 2]);
        (void)snprintf(text + len + lengths[i % 2], 8, "')");
        struct error err;
        struct asl_failure f = {0};
        struct asl_scope scope = {0};
        json_t *out = NULL;
        struct asl_expr *e = asl_expr_compile(text, &err);
        cr_assert(e != NULL);
        cr_expect_eq(asl_expr_eval(e, &scope, &out, &f), i % 2 ? -1 : 1);
        json_decref(out);
        asl_failure_free(&f);
        (void)asl_expr_free(e);
    }
}

Test(asl_intrinsic, json)
{
    check("States.StringToJson('[1, 2.5, \"x\"]')", "[1,2.5,\"x\"]", NULL);
    check("States.StringToJson('null')", "null", NULL);
    check("States.StringToJson('')", "null", NULL);
    check("States.StringToJson('\\{\"a\":1\\}')", "{\"a\":1}", NULL);
    check("States.StringToJson('{\"a\":1,\"a\":2}')", "{\"a\":2}", NULL);
    check("States.StringToJson('{')", NULL, "Invalid arguments in States.StringToJson");
    check("States.StringToJson(1)", NULL, "Invalid arguments in States.StringToJson");
    check("States.JsonToString($.o)", "\"{\\\"x\\\":[1,2.5,null,true,\\\"t\\\"],\\\"y\\\":{}}\"",
          NULL);
    check("States.JsonToString($.n)", "\"null\"", NULL);
    check("States.JsonMerge($.o, States.StringToJson('{\"y\":1,\"z\":2}'), false)",
          "{\"x\":[1,2.5,null,true,\"t\"],\"y\":1,\"z\":2}", NULL);
    check("States.JsonMerge($.o, $.o, true)", NULL, "Invalid arguments in States.JsonMerge");
    check("States.JsonMerge($.o, $.l, false)", NULL, "Invalid arguments in States.JsonMerge");
}

Test(asl_intrinsic, numbers)
{
    check("States.MathAdd(111, -1)", "110", NULL);
    check("States.MathAdd(1.5, 1.51)", "4", NULL);
    check("States.MathAdd(-1.49, -1.5)", "-2", NULL);
    check("States.MathAdd(-0.5, 0.5)", "1", NULL);
    check("States.MathAdd(2147483646, 1)", "2147483647", NULL);
    check("States.MathAdd(2147483647, 1)", NULL, "Invalid arguments in States.MathAdd");
    check("States.MathAdd(3000000000, 1)", NULL, "Invalid arguments in States.MathAdd");
    check("States.MathAdd('1', 1)", NULL, "Invalid arguments in States.MathAdd");
    check("States.MathRandom(5, 6)", "5", NULL);
    check("States.MathRandom(1.9, 2.1)", "1", NULL);
    check("States.MathRandom(1, 1)", NULL, "Invalid arguments in States.MathRandom");
    check("States.MathRandom(1, 9, null)", NULL, "Invalid arguments in States.MathRandom");
    /* new java.util.Random(0).nextInt(100) is 60, Random(1).nextInt(10) is 5. */
    check("States.MathRandom(1, 101, 0)", "61", NULL);
    check("States.MathRandom(-2147483648, 2147483647, 0)", "991999092", NULL);
    check("States.MathRandom(0, 10, 1)", "5", NULL);
}

Test(asl_intrinsic, names_the_whole_call_when_an_argument_is_missing)
{
    check("States.Array( 1,  States.Format('{}', $.nope))", NULL,
          "The function 'States.Array( 1,  States.Format('{}', $.nope))' had the following error: "
          "The JsonPath argument for the field '$.nope' could not be found in the input '{\"a\":1");
    check("States.Format('{}', $$.Nope)", NULL,
          "The JsonPath argument for the field '$.Nope' could not be found in the input '{\"a\":1");
    check("States.Format('{}', $.l[9])", NULL, "argument for the field '$.l[9]'");
}

Test(asl_intrinsic, nests_ten_deep_and_no_deeper)
{
    for (size_t depth = 10; depth <= 11; depth++) {
        char text[400] = "";
        struct error err = {0};
        for (size_t i = 0; i < depth; i++)
            (void)strncat(text, "States.Array(", sizeof text - strlen(text) - 1);
        for (size_t i = 0; i < depth; i++)
            (void)strncat(text, ")", sizeof text - strlen(text) - 1);
        struct asl_expr *e = asl_expr_compile(text, &err);
        cr_expect_eq(e != NULL, depth == 10);
        (void)asl_expr_free(e);
    }
}

Test(asl_failure, keeps_causes_within_the_limit_and_whole_characters)
{
    struct asl_failure f = {0};
    static const char two[] = {'\xc3', '\xa9'}; /* one character */
    char *text = calloc(1, 40001);
    for (size_t i = 0; i < 40000; i += 2)
        (void)memcpy(text + i, two, sizeof two);
    cr_expect_eq(asl_fail(&f, "States.Runtime", "x%s", text), -1);
    cr_expect_eq(strlen(f.cause), 32767);
    json_t *whole = json_string(f.cause);
    cr_expect(whole != NULL);
    json_decref(whole);
    free(text);
    asl_failure_free(&f);
    cr_expect(f.cause == NULL);
}

struct shared_work {
    const struct asl_template *t;
    const struct asl_scope *scope;
};

static void *evaluate_often(void *arg)
{
    const struct shared_work *work = arg;
    struct asl_failure f = {0};
    for (int i = 0; i < 500; i++) {
        json_t *out = asl_template_eval(work->t, work->scope, &f);
        if (!out)
            return NULL;
        json_decref(out);
    }
    return arg;
}

Test(asl_template, one_template_serves_many_threads)
{
    struct error err;
    pthread_t threads[4];
    json_t *input = asl_json(INPUT);
    json_t *source = asl_json("{\"a.$\":\"$.o\",\"k\":[{}],\"f.$\":\"States.Format('{}', $.l)\","
                              "\"q.$\":\"$.l[?(@ > 1)]\"}");
    struct asl_scope scope = {.input = input};
    struct asl_template *t = asl_template_compile(source, &err);
    cr_assert(t != NULL);
    struct shared_work work = {t, &scope};
    for (size_t i = 0; i < COUNT(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, evaluate_often, &work), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *result;
        cr_assert_eq(pthread_join(threads[i], &result), 0);
        cr_expect_eq(result, &work);
    }
    (void)asl_template_free(t);
    json_decref(source);
    json_decref(input);
}
