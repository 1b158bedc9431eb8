#include "asl_support.h"

#define INPUT                                                                                      \
    "{\"n\":5,\"r\":5.0,\"big\":9007199254740993,\"big2\":9007199254740992,\"s\":\"b*c\","         \
    "\"t\":\"2020-01-01T12:00:00Z\",\"t2\":\"2020-01-01T13:00:00+01:00\",\"z\":null,\"y\":true,"   \
    "\"l\":[1],\"e\":\"\",\"day\":\"2020-01-01\",\"back\":\"a\\\\b\"}"

/* Tests a rule written with apostrophes for quotes. Answers 0, 1, or -1 when it fails. */
static int test_rule(const char *rule, char **cause)
{
    struct error err;
    struct asl_failure f = {0};
    bool match = false;
    char text[1000];
    (void)snprintf(text, sizeof text, "%s", rule);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *input = asl_json(INPUT);
    json_t *source = asl_json(text);
    struct asl_scope scope = {.input = input, .state = "C", .entered_id = 4};
    struct asl_choice *c = asl_choice_compile(source, &err);
    cr_assert(c != NULL, "%s: %s", rule, err.message);
    int rc = asl_choice_test(c, &scope, &match, &f);
    *cause = f.cause;
    (void)asl_choice_free(c);
    json_decref(source);
    json_decref(input);
    return rc < 0 ? -1 : match;
}

static void check(const char *rule, bool expected)
{
    char *cause;
    int got = test_rule(rule, &cause);
    cr_expect_eq(got, expected, "%s: %d %s", rule, got, cause ? cause : "");
    free(cause);
}

Test(asl_choice, compares_values_of_its_type)
{
    check("{'Variable':'$.n','NumericEquals':5}", true);
    check("{'Variable':'$.r','NumericEquals':5}", true);
    check("{'Variable':'$.n','NumericEquals':5.5}", false);
    check("{'Variable':'$.n','NumericLessThan':5}", false);
    check("{'Variable':'$.n','NumericLessThanEquals':5}", true);
    check("{'Variable':'$.n','NumericGreaterThan':4.9}", true);
    check("{'Variable':'$.n','NumericGreaterThanEquals':6}", false);
    check("{'Variable':'$.big','NumericGreaterThanPath':'$.big2'}", true);
    check("{'Variable':'$.s','StringEquals':'b*c'}", true);
    check("{'Variable':'$.s','StringLessThan':'b'}", false);
    check("{'Variable':'$.s','StringGreaterThan':'b'}", true);
    check("{'Variable':'$.s','StringLessThanEqualsPath':'$.s'}", true);
    check("{'Variable':'$.e','StringEquals':''}", true);
    check("{'Variable':'$.y','BooleanEquals':true}", true);
    check("{'Variable':'$.y','BooleanEqualsPath':'$.y'}", true);
    check("{'Variable':'$.t','TimestampEqualsPath':'$.t2'}", true);
    check("{'Variable':'$.t','TimestampEquals':'2020-01-01T12:00:00.000Z'}", true);
    check("{'Variable':'$.t','TimestampLessThan':'2020-01-01T12:00:00.001Z'}", true);
    check("{'Variable':'$.t2','TimestampGreaterThanEquals':'2020-01-01T12:00:01Z'}", false);
    check("{'Variable':'$.l[0]','NumericEquals':1,'Next':'X','Comment':'c'}", true);
}

Test(asl_choice, values_of_other_types_match_nothing)
{
    check("{'Variable':'$.s','NumericEquals':5}", false);
    check("{'Variable':'$.n','StringEquals':'5'}", false);
    check("{'Variable':'$.z','BooleanEquals':false}", false);
    check("{'Variable':'$.n','BooleanEquals':true}", false);
    check("{'Variable':'$.day','TimestampEquals':'2020-01-01T00:00:00Z'}", false);
    check("{'Variable':'$.n','NumericEqualsPath':'$.s'}", false);
    check("{'Variable':'$.l','StringMatches':'*'}", false);
}

Test(asl_choice, asks_for_types)
{
    check("{'Variable':'$.z','IsNull':true}", true);
    check("{'Variable':'$.n','IsNull':false}", true);
    check("{'Variable':'$.z','IsPresent':true}", true);
    check("{'Variable':'$.nope','IsPresent':true}", false);
    check("{'Variable':'$.nope.deep','IsPresent':false}", true);
    check("{'Variable':'$nope','IsPresent':false}", true);
    check("{'Variable':'$.r','IsNumeric':true}", true);
    check("{'Variable':'$.s','IsNumeric':true}", false);
    check("{'Variable':'$.s','IsString':true}", true);
    check("{'Variable':'$.z','IsString':false}", true);
    check("{'Variable':'$.y','IsBoolean':true}", true);
    check("{'Variable':'$.t','IsTimestamp':true}", true);
    check("{'Variable':'$.day','IsTimestamp':true}", false);
    check("{'Variable':'$.n','IsTimestamp':false}", true);
}

Test(asl_choice, matches_patterns)
{
    check("{'Variable':'$.s','StringMatches':'b*'}", true);
    check("{'Variable':'$.s','StringMatches':'*c'}", true);
    check("{'Variable':'$.s','StringMatches':'*'}", true);
    check("{'Variable':'$.s','StringMatches':'**b**c**'}", true);
    check("{'Variable':'$.s','StringMatches':'b\\\\*c'}", true);
    check("{'Variable':'$.t','StringMatches':'b\\\\*c'}", false);
    check("{'Variable':'$.t','StringMatches':'2020*12:*Z'}", true);
    check("{'Variable':'$.t','StringMatches':'2020*12:*0'}", false);
    check("{'Variable':'$.e','StringMatches':'*'}", true);
    check("{'Variable':'$.e','StringMatches':'?'}", false);
    check("{'Variable':'$.back','StringMatches':'a\\\\\\\\*'}", true);
    check("{'Variable':'$.s','StringMatches':'b'}", false);
}

Test(asl_choice, combines_rules)
{
#define YES "{'Variable':'$.n','NumericEquals':5}"
#define NO "{'Variable':'$.n','NumericEquals':6}"
#define BAD "{'Variable':'$.nope','NumericEquals':6}"
    check("{'And':[" YES "," YES "]}", true);
    check("{'And':[" YES "," NO "]}", false);
    check("{'And':[" NO "," BAD "]}", false);
    check("{'Or':[" NO "," YES "]}", true);
    check("{'Or':[" YES "," BAD "],'Next':'X'}", true);
    check("{'Or':[" NO "," NO "]}", false);
    check("{'Not':" NO "}", true);
    check("{'Not':{'Or':[" NO ",{'Not':{'And':[" YES "]}}]},'Next':'X'}", true);
    check("{'And':[{'Variable':'$','IsPresent':true},{'Not':{'Variable':'$.z','IsNull':false}}]}",
          true);
}

Test(asl_choice, fails_on_paths_that_lead_nowhere)
{
    static const struct {
        const char *rule, *path;
    } cases[] = {
        {"{'Variable':'$.nope','NumericEquals':6}", "$.nope"},
        {"{'Variable':'$.nope','IsNull':true}", "$.nope"},
        {"{'Variable':'$.n','NumericEqualsPath':'$.gone'}", "$.gone"},
        {"{'Not':{'Variable':'$.l[4]','StringMatches':'*'}}", "$.l[4]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *cause, expected[300];
        cr_expect_eq(test_rule(cases[i].rule, &cause), -1, "%s", cases[i].rule);
        (void)snprintf(expected, sizeof expected,
                       "An error occurred while executing the state 'C' (entered at the event id "
                       "#4). Invalid path '%s': The choice state's condition path references an "
                       "invalid value.",
                       cases[i].path);
        cr_assert(cause != NULL);
        cr_expect_str_eq(cause, expected);
        free(cause);
    }
}

Test(asl_choice, refuses_what_is_no_rule)
{
    static const struct {
        const char *rule, *message;
    } cases[] = {
        {"[]", "Expected value of type [OBJECT]"},
        {"{}", "must have a comparison operator"},
        {"{\"Variable\":\"$.a\"}", "must have a comparison operator"},
        {"{\"StringEquals\":\"a\"}", "These fields are required: [Variable]"},
        {"{\"Variable\":\"$.a\",\"StringEqual\":\"a\"}", "Field 'StringEqual' is not supported"},
        {"{\"Variable\":\"$.a\",\"BooleanLessThan\":true}", "'BooleanLessThan' is not supported"},
        {"{\"Variable\":\"$.a\",\"NullEquals\":true}", "'NullEquals' is not supported"},
        {"{\"Variable\":\"$.a\",\"StringMatchesPath\":\"$\"}", "is not supported"},
        {"{\"Variable\":\"$.a\",\"IsNull\":true,\"IsString\":true}", "Only one of the fields"},
        {"{\"Variable\":\"$.a\",\"StringEquals\":1}", "Expected value of type [STRING]"},
        {"{\"Variable\":\"$.a\",\"IsNull\":\"yes\"}", "Expected value of type [BOOLEAN]"},
        {"{\"Variable\":\"$.a\",\"NumericEquals\":\"1\"}", "Expected value of type [NUMBER]"},
        {"{\"Variable\":\"$.a\",\"TimestampEquals\":\"2020-01-01\"}",
         "String does not match RFC3339 timestamp"},
        {"{\"Variable\":\"$.a\",\"NumericEqualsPath\":5}", "Expected value of type [STRING]"},
        {"{\"Variable\":\"$.a[*]\",\"NumericEquals\":5}", "Value is not a Reference Path"},
        {"{\"Variable\":\"a\",\"NumericEquals\":5}", "Value is not a Reference Path"},
        {"{\"Variable\":\"$.a\",\"StringMatches\":\"a\\\\b\"}", "escapes nothing"},
        {"{\"And\":[]}", "The field 'And' must be a list"},
        {"{\"Or\":{}}", "The field 'Or' must be a list"},
        {"{\"Not\":[]}", "Expected value of type [OBJECT]"},
        {"{\"Not\":{\"Variable\":\"$\",\"IsNull\":true},\"IsNull\":true}", "beside 'Not'"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = {0};
        json_t *source = asl_json(cases[i].rule);
        cr_expect(asl_choice_compile(source, &err) == NULL, "%s", cases[i].rule);
        cr_expect(strstr(err.message, cases[i].message) != NULL, "%s: %s", cases[i].rule,
                  err.message);
        json_decref(source);
    }
}

Test(asl_choice, refuses_deep_nesting)
{
    struct error err = {0};
    json_t *rule = asl_json("{\"Variable\":\"$\",\"IsNull\":true}");
    for (int i = 0; i < 100; i++)
        rule = json_pack("{so}", "Not", rule);
    cr_expect(asl_choice_compile(rule, &err) == NULL);
    cr_expect_eq(err.code, ERR_LIMIT);
    json_decref(rule);
}
