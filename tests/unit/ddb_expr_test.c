#include "lib/base/buf.h"
#include "server/local/dynamodb/ddb_condition.h"
#include "server/local/dynamodb/ddb_expr.h"
#include "server/local/dynamodb/ddb_project.h"
#include "server/local/dynamodb/ddb_update.h"
#include "server/local/dynamodb/ddb_value.h"
#include "server/local/dynamodb/ddb_words.h"
#include "tests/unit/ddb_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* --- conditions ----------------------------------------------------------------------------- */

static const char item_text[] =
    "{'s': {'S': 'hello'}, 'e': {'S': ''}, 'n': {'N': '10'}, 'neg': {'N': '-2.5'},"
    " 'b': {'B': 'aGVsbG8='}, 't': {'BOOL': true}, 'nul': {'NULL': true},"
    " 'm': {'M': {'x': {'N': '1'}, 'y': {'L': [{'S': 'a'}, {'M': {'z': {'S': 'deep'}}}]}}},"
    " 'l': {'L': [{'S': 'a'}, {'N': '2'}, {'BOOL': false}]},"
    " 'ss': {'SS': ['a', 'b']}, 'ns': {'NS': ['1', '2.5']}, 'bs': {'BS': ['aGVsbG8=']},"
    " 'with.dot': {'S': 'dot'}, 'u': {'S': 'h\\u00e9llo'}, 'status': {'S': 'Running'}}";

static const char names_text[] = "{'#s': 's', '#dot': 'with.dot', '#m': 'm', '#y': 'y',"
                                 " '#status': 'status'}";
static const char values_text[] =
    "{':hello': {'S': 'hello'}, ':hel': {'S': 'hel'}, ':ell': {'S': 'ell'}, ':empty': {'S': ''},"
    " ':n10': {'N': '10.0'}, ':n9': {'N': '9'}, ':n11': {'N': '11'}, ':n2': {'N': '2'},"
    " ':n5': {'N': '5'}, ':n3': {'N': '3'}, ':n1': {'N': '1'}, ':b': {'B': 'aGVsbG8='},"
    " ':bell': {'B': 'ZWxs'}, ':true': {'BOOL': true}, ':null': {'NULL': true}, ':a': {'S': 'a'},"
    " ':deep': {'S': 'deep'}, ':S': {'S': 'S'}, ':N': {'S': 'N'}, ':M': {'S': 'M'},"
    " ':ba': {'SS': ['b', 'a']}, ':Running': {'S': 'Running'}, ':Done': {'S': 'Done'},"
    " ':l': {'L': [{'S': 'a'}, {'N': '2.0'}, {'BOOL': false}]}, ':dot': {'S': 'dot'},"
    " ':m': {'M': {'y': {'L': [{'S': 'a'}, {'M': {'z': {'S': 'deep'}}}]}, 'x': {'N': '1'}}}}";

struct condition_case {
    const char *text;
    int wanted;
};

static const struct condition_case conditions[] = {
    {"s = :hello", 1},
    {"#s = :hello", 1},
    {"s <> :hello", 0},
    {"s = :hel", 0},
    {"s > :hel", 1},
    {"s >= :hello AND s <= :hello", 1},
    {"n = :n10", 1},
    {"n <> :n10", 0},
    {"n > :n9 and n < :n11", 1},
    {"n >= :n10", 1},
    {"n < :n9", 0},
    {"neg < :n2", 1},
    {"n = :hello", 0},
    {"n <> :hello", 1},
    {"n < :hello", 0},
    {"b = :b", 1},
    {"b >= :b", 1},
    {"t = :true", 1},
    {"nul = :null", 1},
    {"ss = :ba", 1},
    {"l = :l", 1},
    {"m = :m", 1},
    {":hello = s", 1},
    {":n9 < n", 1},
    {"m.x = n", 0},
    {"m.x < n", 1},
    /* what is not there */
    {"absent = :hello", 0},
    {"absent <> :hello", 1},
    {"absent < :n9", 0},
    {"NOT absent = :hello", 1},
    {"absent BETWEEN :n1 AND :n9", 0},
    {"absent IN (:n1, :n9)", 0},
    {"begins_with(absent, :hel)", 0},
    {"contains(absent, :hel)", 0},
    {"size(absent) < :n9", 0},
    {"attribute_type(absent, :S)", 0},
    /* paths */
    {"m.y[1].z = :deep", 1},
    {"m.#y[0] = :a", 1},
    {"#m.#y[1].z = :deep", 1},
    {"m.y[7] = :a", 0},
    {"s.x = :a", 0},
    {"l[1] = :n2", 1},
    {"l.x = :n2", 0},
    {"#dot = :dot", 1},
    /* BETWEEN, IN */
    {"n BETWEEN :n9 AND :n11", 1},
    {"n BETWEEN :n10 AND :n10", 1},
    {"n BETWEEN :n1 AND :n9", 0},
    {"n between :n9 and :n11 and s = :hello", 1},
    {":n10 BETWEEN m.x AND :n11", 1},
    {"n IN (:n9, :n10)", 1},
    {"n IN (:n9, :n11)", 0},
    {"s in (:hel,:hello)", 1},
    /* functions */
    {"attribute_exists(s)", 1},
    {"attribute_exists(m.y[1].z)", 1},
    {"attribute_exists(m.nope)", 0},
    {"attribute_not_exists(absent)", 1},
    {"attribute_not_exists(s)", 0},
    {"attribute_type(s, :S)", 1},
    {"attribute_type(n, :S)", 0},
    {"attribute_type(m, :M)", 1},
    {"begins_with(s, :hel)", 1},
    {"begins_with(s, :ell)", 0},
    {"begins_with(s, :empty)", 1},
    {"begins_with(n, :hel)", 0},
    {"contains(s, :ell)", 1},
    {"contains(s, :a)", 0},
    {"contains(b, :bell)", 1},
    {"contains(ss, :a)", 1},
    {"contains(ss, :hello)", 0},
    {"contains(ns, :n1)", 1},
    {"contains(ns, :a)", 0},
    {"contains(bs, :b)", 1},
    {"contains(l, :n2)", 1},
    {"contains(l, :n9)", 0},
    {"size(s) = :n5", 1},
    {"size(u) = :n5", 1},
    {"size(e) < :n1", 1},
    {"size(b) = :n5", 1},
    {"size(l) = :n3", 1},
    {"size(m) = :n2", 1},
    {"size(ss) = :n2", 1},
    {"size(n) > :n1", 0},
    {"size(s) BETWEEN :n1 AND :n9", 1},
    {":n5 = size(s)", 1},
    /* precedence: NOT before AND before OR */
    {"s = :hello OR s = :hel AND n = :n9", 1},
    {"(s = :hello OR s = :hel) AND n = :n9", 0},
    {"NOT s = :hel AND n = :n10", 1},
    {"NOT (s = :hello AND n = :n9)", 1},
    {"NOT s = :hello OR n = :n10", 1},
    {"NOT NOT s = :hello", 1},
    {"NOT n BETWEEN :n1 AND :n9 AND s = :hello", 1},
    {"n = :n9 OR n = :n11 OR n = :n10", 1},
    {"n = :n10 AND n = :n10 AND n = :n9", 0},
    {"#status IN (:Running, :Done) AND attribute_exists(s)", 1},
    /* spelling */
    {"  s=:hello  ", 1},
    {"s\n=\t:hello", 1},
    {"n<:n11 AnD n>:n9", 1},
};

/* Compiles within a scope of the names and values above and tests; -2 for a fault. */
static int test_condition(const char *text, json_t *item, struct ddb_fault *f)
{
    struct ddb_scope scope;
    json_t *names = ddb_json(names_text);
    json_t *values = ddb_json(values_text);
    int result = -2;
    cr_assert_eq(ddb_scope_open(&scope, names, values, true, f), 0, "%s", f->message);
    struct ddb_node *node = ddb_parse_condition(&scope, "ConditionExpression", text, f);
    if (node)
        result = ddb_condition_test(node, item);
    ddb_scope_close(&scope);
    json_decref(names);
    json_decref(values);
    return result;
}

Test(ddb_expr, conditions)
{
    json_t *item = ddb_json(item_text);
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        struct ddb_fault f = {0};
        int result = test_condition(conditions[i].text, item, &f);
        cr_expect_eq(result, conditions[i].wanted, "%s gave %d %s", conditions[i].text, result,
                     f.message);
    }
    json_decref(item);
}

Test(ddb_expr, conditions_on_nothing)
{
    struct ddb_fault f = {0};
    cr_expect_eq(test_condition("attribute_not_exists(s)", NULL, &f), 1);
    cr_expect_eq(test_condition("attribute_exists(s)", NULL, &f), 0);
    cr_expect_eq(test_condition("s = :hello", NULL, &f), 0);
}

static const char *const bad_conditions[][2] = {
    {"", "Invalid ConditionExpression: The expression can not be empty;"},
    {"   ", "The expression can not be empty;"},
    {"s", "Syntax error; token: \"<EOF>\", near: \"s\""},
    {"s =", "Syntax error; token: \"<EOF>\", near: \"=\""},
    {"s = = :a", "Syntax error; token: \"=\", near: \"= = :a\""},
    {"s = :a :a", "Syntax error; token: \":a\", near: \":a :a\""},
    {"= :a", "Syntax error; token: \"=\", near: \"= :a\""},
    {"(s = :a", "Syntax error; token: \"<EOF>\", near: \":a\""},
    {"s = :a)", "Syntax error; token: \")\", near: \":a)\""},
    {"s = :a AND", "Syntax error; token: \"<EOF>\", near: \"AND\""},
    {"s ! :a", "Syntax error; token: \"!\", near: \"s ! :a\""},
    {"s = 5", "Syntax error; token: \"5\", near: \"= 5\""},
    {"s = 'x'", "Syntax error; token: \"'\", near: \"= 'x\""},
    {"s BETWEEN :a", "Syntax error; token: \"<EOF>\""},
    {"s BETWEEN :a OR :a", "Syntax error; token: \"OR\""},
    {"s IN :a", "Syntax error; token: \":a\""},
    {"s IN ()", "Syntax error; token: \")\""},
    {"l[x] = :a", "Syntax error; token: \"x\", near: \"[x]\""},
    {"l[-1] = :a", "Syntax error; token: \"-\""},
    {"m. = :a", "Syntax error; token: \"=\""},
    {"# = :a", "Syntax error; token: \"#\""},
    {"_s = :a", "Syntax error; token: \"_\""},
    {"#x = :a", "An expression attribute name used in the document path is not defined; attribute "
                "name: #x"},
    {"s = :x", "An expression attribute value used in expression is not defined; attribute value: "
               ":x"},
    {"status = :a", "Attribute name is a reserved keyword; reserved keyword: status"},
    {"s.Name = :a", "Attribute name is a reserved keyword; reserved keyword: Name"},
    {"foo(s)", "Invalid function name; function: foo"},
    {"Attribute_Exists(s)", "Invalid function name; function: Attribute_Exists"},
    {"if_not_exists(s, :a) = :a", "The function is not allowed in a condition expression; "
                                  "function: if_not_exists"},
    {"begins_with(s)", "Incorrect number of operands for operator or function; operator or "
                       "function: begins_with, number of operands: 1"},
    {"attribute_exists(s, :a)", "number of operands: 2"},
    {"attribute_exists(:a)", "Operator or function requires a document path; operator or function: "
                             "attribute_exists"},
    {"attribute_type(s, :a)", "Invalid attribute type name found; type: a, valid types: "
                              "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"},
    {"attribute_type(s, :n1)", "Incorrect operand type for operator or function; operator or "
                               "function: attribute_type, operand type: N"},
    {"begins_with(s, :n1)", "operator or function: begins_with, operand type: N"},
    {"s < :true", "operator or function: <, operand type: BOOL"},
    {"s BETWEEN :true AND :true", "operator or function: BETWEEN, operand type: BOOL"},
    {"size(:n1) = :n1", "operator or function: size, operand type: N"},
    {"size(s)", "The function is not allowed to be used this way in an expression; function: size"},
    {"s = contains(s, :a)", "The function is not allowed to be used this way"},
    {"n BETWEEN :n9 AND :n1", "The BETWEEN operator requires upper bound to be greater than or "
                              "equal to lower bound; lower bound operand: AttributeValue: "
                              "{\"N\":\"9\"}, upper bound operand: AttributeValue: {\"N\":\"1\"}"},
    {"n BETWEEN :n9 AND :a", "requires same data type for lower and upper bounds"},
    {"s = s", "The first operand must be distinct from the remaining operands for this operator or "
              "function; operator: =, first operand: [s]"},
    {"((s = :a))", "The expression has redundant parentheses;"},
    {"s = :a + :a", "Syntax error; token: \"+\""},
    {"l[1234567890] = :a", "List index is not within the allowable range"},
};

Test(ddb_expr, bad_conditions)
{
    for (size_t i = 0; i < sizeof bad_conditions / sizeof *bad_conditions; i++) {
        struct ddb_fault f = {0};
        cr_expect_eq(test_condition(bad_conditions[i][0], NULL, &f), -2, "%s",
                     bad_conditions[i][0]);
        cr_assert_not_null(f.code);
        cr_expect_str_eq(f.code, "ValidationException");
        cr_expect_eq(strncmp(f.message, "Invalid ConditionExpression: ", 29), 0, "%s", f.message);
        cr_expect_not_null(strstr(f.message, bad_conditions[i][1]), "%s said %s",
                           bad_conditions[i][0], f.message);
    }
}

/* `count` times `part` between `head` and `tail`; free() it. */
static char *repeated(const char *head, const char *part, size_t count, const char *tail)
{
    struct buf b;
    buf_init(&b, BUF_MAX_PAYLOAD);
    buf_adds(&b, head);
    while (count-- > 0)
        buf_adds(&b, part);
    buf_adds(&b, tail);
    char *text = buf_take(&b, NULL);
    cr_assert_not_null(text);
    return text;
}

Test(ddb_expr, limits)
{
    static const struct {
        const char *head, *part;
        size_t count;
        const char *tail, *message;
    } cases[] = {
        {"s = :a", " ", 5000, "", "Expression size has exceeded the maximum allowed size"},
        {"s=:a", " OR s=:a", 149, "", NULL},
        {"s=:a", " OR s=:a", 150, "", "The expression contains too many operators"},
        {"", "NOT ", 400, "s = :a", "The expression contains too many operators"},
        {"", "(", 2000, "", "nested too deeply"},
        {"s IN (:a", ",:a", 99, ")", NULL},
        {"s IN (:a", ",:a", 100, ")", "The IN operator is provided with too many operands"},
        {"s", ".x", 31, " = :a", NULL},
        {"s", ".x", 32, " = :a",
         "The document path has too many nesting elements; nesting levels: "
         "33"},
        {"", "size(", 700, "", "nested too deeply"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ddb_fault f = {0};
        char *text = repeated(cases[i].head, cases[i].part, cases[i].count, cases[i].tail);
        int result = test_condition(text, NULL, &f);
        if (cases[i].message)
            cr_expect_not_null(strstr(f.message, cases[i].message), "%zu: %.200s", i, f.message);
        else
            cr_expect_eq(result, 0, "%zu: %.200s", i, f.message);
        free(text);
    }
}

Test(ddb_expr, reserved_words)
{
    static const char *const words[] = {"ABORT",  "status", "Zone",  "size",
                                        "NAME",   "ttl",    "count", "localtimestamp",
                                        "bucket", "region", "time"};
    static const char *const free_words[] = {"id",      "seq",   "workflow_name", "ecs_task_id", "",
                                             "statusx", "ZONES", "avgx",          "attempt"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect(ddb_word_reserved(words[i], strlen(words[i])), "%s", words[i]);
    for (size_t i = 0; i < sizeof free_words / sizeof *free_words; i++)
        cr_expect_not(ddb_word_reserved(free_words[i], strlen(free_words[i])), "%s", free_words[i]);
}

/* --- updates -------------------------------------------------------------------------------- */

struct update_case {
    const char *item;
    const char *text;
    const char *wanted; /* the item afterwards, or (behind a '!') a part of the message */
};

static const char update_names[] = "{'#a': 'a', '#n': 'name'}";
static const char update_values[] =
    "{':1': {'N': '1'}, ':2': {'N': '2'}, ':x': {'S': 'x'}, ':y': {'S': 'y'}, ':t': {'BOOL': true},"
    " ':l': {'L': [{'S': 'x'}]}, ':m': {'M': {}}, ':sx': {'SS': ['x']}, ':sxy': {'SS': ['x', 'y']},"
    " ':n1': {'NS': ['1']}, ':e': {'L': []}}";

static const struct update_case updates[] = {
    {"{}", "SET a = :1", "{'a': {'N': '1'}}"},
    {"{'a': {'N': '1'}}", "SET a = :x", "{'a': {'S': 'x'}}"},
    {"{}", "set #n = :x, #a = :1", "{'name': {'S': 'x'}, 'a': {'N': '1'}}"},
    {"{'a': {'N': '5'}}", "SET a = a + :1", "{'a': {'N': '6'}}"},
    {"{'a': {'N': '5'}}", "SET a = a - :1", "{'a': {'N': '4'}}"},
    {"{'a': {'N': '5'}}", "SET a=a-:1", "{'a': {'N': '4'}}"},
    {"{'a': {'N': '5'}}", "SET a = :1 + :2", "{'a': {'N': '3'}}"},
    {"{'a': {'N': '5'}}", "SET b = a, a = :1", "{'a': {'N': '1'}, 'b': {'N': '5'}}"},
    {"{'a': {'N': '1'}, 'b': {'N': '2'}}", "SET a = b, b = a",
     "{'a': {'N': '2'}, 'b': {'N': '1'}}"},
    {"{}", "SET a = if_not_exists(a, :1)", "{'a': {'N': '1'}}"},
    {"{'a': {'N': '7'}}", "SET a = if_not_exists(a, :1)", "{'a': {'N': '7'}}"},
    {"{}", "SET a = if_not_exists(a, :1) + :2", "{'a': {'N': '3'}}"},
    {"{'b': {'N': '9'}}", "SET a = if_not_exists(a, b)", "{'a': {'N': '9'}, 'b': {'N': '9'}}"},
    {"{'a': {'L': [{'N': '1'}]}}", "SET a = list_append(a, :l)",
     "{'a': {'L': [{'N': '1'}, {'S': 'x'}]}}"},
    {"{'a': {'L': [{'N': '1'}]}}", "SET a = list_append(:l, a)",
     "{'a': {'L': [{'S': 'x'}, {'N': '1'}]}}"},
    {"{}", "SET a = list_append(if_not_exists(a, :e), :l)", "{'a': {'L': [{'S': 'x'}]}}"},
    {"{'a': {'M': {'b': {'N': '1'}}}}", "SET a.b = a.b + :1, a.c = :x",
     "{'a': {'M': {'b': {'N': '2'}, 'c': {'S': 'x'}}}}"},
    {"{'a': {'L': [{'N': '1'}, {'N': '2'}]}}", "SET a[1] = :x",
     "{'a': {'L': [{'N': '1'}, {'S': 'x'}]}}"},
    {"{'a': {'L': [{'N': '1'}]}}", "SET a[9] = :x", "{'a': {'L': [{'N': '1'}, {'S': 'x'}]}}"},
    {"{'a': {'N': '1'}, 'b': {'N': '2'}}", "REMOVE a", "{'b': {'N': '2'}}"},
    {"{'b': {'N': '2'}}", "REMOVE a", "{'b': {'N': '2'}}"},
    {"{'a': {'L': [{'N': '0'}, {'N': '1'}, {'N': '2'}, {'N': '3'}]}}", "REMOVE a[0], a[2], a[9]",
     "{'a': {'L': [{'N': '1'}, {'N': '3'}]}}"},
    {"{'a': {'L': [{'N': '0'}, {'N': '1'}]}}", "REMOVE a[0] SET a[1] = :x",
     "{'a': {'L': [{'S': 'x'}]}}"},
    {"{'a': {'M': {'b': {'N': '1'}, 'c': {'N': '2'}}}}", "REMOVE a.b",
     "{'a': {'M': {'c': {'N': '2'}}}}"},
    {"{}", "ADD a :2", "{'a': {'N': '2'}}"},
    {"{'a': {'N': '5'}}", "ADD a :2", "{'a': {'N': '7'}}"},
    {"{}", "ADD a :sx", "{'a': {'SS': ['x']}}"},
    {"{'a': {'SS': ['y']}}", "ADD a :sxy", "{'a': {'SS': ['y', 'x']}}"},
    {"{'a': {'M': {}}}", "ADD a.b :2", "{'a': {'M': {'b': {'N': '2'}}}}"},
    {"{'a': {'SS': ['x', 'y', 'z']}}", "DELETE a :sxy", "{'a': {'SS': ['z']}}"},
    {"{'a': {'SS': ['x']}, 'b': {'N': '1'}}", "DELETE a :sxy", "{'b': {'N': '1'}}"},
    {"{'b': {'N': '1'}}", "DELETE a :sx", "{'b': {'N': '1'}}"},
    {"{'a': {'N': '1'}, 'b': {'N': '1'}, 'c': {'SS': ['x', 'y']}}",
     "SET d = :x REMOVE a ADD b :1 DELETE c :sx",
     "{'b': {'N': '2'}, 'c': {'SS': ['y']}, 'd': {'S': 'x'}}"},
    {"{'a': {'M': {'b': {'M': {'c': {'N': '1'}}}}}}", "SET a.b.c = :x, a.b.d = :y",
     "{'a': {'M': {'b': {'M': {'c': {'S': 'x'}, 'd': {'S': 'y'}}}}}}"},
    /* what cannot be done with this item */
    {"{}", "SET a = b", "!The provided expression refers to an attribute that does not exist"},
    {"{}", "SET a = a + :1", "!The provided expression refers to an attribute that does not exist"},
    {"{'a': {'S': 'x'}}", "SET a = a + :1",
     "!An operand in the update expression has an incorrect"},
    {"{'a': {'S': 'x'}}", "SET a = list_append(a, :l)", "!has an incorrect data type"},
    {"{'a': {'S': 'x'}}", "ADD a :1", "!has an incorrect data type"},
    {"{'a': {'SS': ['x']}}", "ADD a :n1", "!has an incorrect data type"},
    {"{'a': {'SS': ['x']}}", "DELETE a :n1", "!has an incorrect data type"},
    {"{}", "SET a.b = :x", "!The document path provided in the update expression is invalid"},
    {"{'a': {'S': 'x'}}", "SET a.b = :x", "!document path provided"},
    {"{'a': {'M': {}}}", "SET a[0] = :x", "!document path provided"},
    {"{}", "REMOVE a.b", "!document path provided"},
    /* what cannot be done at all */
    {"{}", "", "!Invalid UpdateExpression: The expression can not be empty;"},
    {"{}", "a = :1", "!Syntax error; token: \"a\", near: \"a =\""},
    {"{}", "SET a = :1 SET b = :1", "!The \"SET\" section can only be used once in an update"},
    {"{}", "SET a = :1,", "!Syntax error; token: \"<EOF>\", near: \",\""},
    {"{}", "SET a = :1 + :1 + :1", "!Syntax error; token: \"+\""},
    {"{}", "SET a", "!Syntax error; token: \"<EOF>\", near: \"a\""},
    {"{}", "ADD a b", "!Syntax error; token: \"b\""},
    {"{}", "SET name = :1", "!Attribute name is a reserved keyword; reserved keyword: name"},
    {"{}", "SET a = :1, a = :2",
     "!Two document paths overlap with each other; must remove or "
     "rewrite one of these paths; path one: [a], path two: [a]"},
    {"{}", "SET a.b = :1 REMOVE #a", "!path one: [a, b], path two: [a]"},
    {"{}", "SET a[1].b = :1, a[1] = :1", "!path one: [a, [1], b], path two: [a, [1]]"},
    {"{}", "SET a.b = :1, a[0] = :1", "!Two document paths conflict with each other"},
    {"{}", "ADD a :x",
     "!Incorrect operand type for operator or function; operator or function: "
     "ADD, operand type: S"},
    {"{}", "DELETE a :1", "!operator or function: DELETE, operand type: N"},
    {"{}", "SET a = :x + :1", "!operator or function: +, operand type: S"},
    {"{}", "SET a = list_append(:x, :l)", "!operator or function: list_append, operand type: S"},
    {"{}", "SET a = size(a)",
     "!The function is not allowed in an update expression; function: "
     "size"},
    {"{}", "SET a = if_not_exists(:x, :1)", "!requires a document path"},
};

static json_t *apply_update(const char *text, json_t *item, struct ddb_fault *f)
{
    struct ddb_scope scope;
    struct ddb_update update;
    json_t *names = ddb_json(update_names);
    json_t *values = ddb_json(update_values);
    json_t *result = NULL;
    cr_assert_eq(ddb_scope_open(&scope, names, values, true, f), 0, "%s", f->message);
    if (ddb_parse_update(&scope, text, &update, f) == 0)
        result = ddb_update_apply(&update, item, f);
    ddb_scope_close(&scope);
    json_decref(names);
    json_decref(values);
    return result;
}

Test(ddb_expr, updates)
{
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        const struct update_case *c = &updates[i];
        struct ddb_fault f = {0};
        json_t *item = ddb_json(c->item);
        json_t *before = json_deep_copy(item);
        json_t *result = apply_update(c->text, item, &f);
        cr_expect(json_equal(item, before), "%s changed the old item", c->text);
        if (c->wanted[0] == '!') {
            cr_expect_null(result, "%s", c->text);
            cr_expect_not_null(strstr(f.message, c->wanted + 1), "%s: %s", c->text, f.message);
        } else {
            json_t *wanted = ddb_json(c->wanted);
            char *text = json_dumps(result, 0);
            cr_expect(json_equal(result, wanted), "%s on %s gave %s %s", c->text, c->item, text,
                      f.message);
            free(text);
            json_decref(wanted);
        }
        json_decref(result);
        json_decref(before);
        json_decref(item);
    }
}

/* --- projections ---------------------------------------------------------------------------- */

static const char *const projections[][2] = {
    {"s", "{'s': {'S': 'hello'}}"},
    {"s, n", "{'s': {'S': 'hello'}, 'n': {'N': '10'}}"},
    {"absent", "{}"},
    {"absent.x, s.x, l.x, m[0]", "{}"},
    {"m.x", "{'m': {'M': {'x': {'N': '1'}}}}"},
    {"m.y[1].z", "{'m': {'M': {'y': {'L': [{'M': {'z': {'S': 'deep'}}}]}}}}"},
    {"m.y[0], m.x", "{'m': {'M': {'y': {'L': [{'S': 'a'}]}, 'x': {'N': '1'}}}}"},
    {"l[2], l[0], l[7]", "{'l': {'L': [{'S': 'a'}, {'BOOL': false}]}}"},
    {"#dot", "{'with.dot': {'S': 'dot'}}"},
    {"m", "{'m': {'M': {'x': {'N': '1'}, 'y': {'L': [{'S': 'a'}, {'M': {'z': {'S': 'deep'}}}]}}}}"},
    {"s,", "!Invalid ProjectionExpression: Syntax error; token: \"<EOF>\", near: \",\""},
    {"s n", "!Syntax error; token: \"n\", near: \"s n\""},
    {":hello", "!Syntax error; token: \":hello\""},
    {"", "!The expression can not be empty;"},
    {"m, m.x", "!Two document paths overlap with each other"},
    {"s, s", "!Two document paths overlap with each other"},
    {"size(s)", "!Attribute name is a reserved keyword; reserved keyword: size"},
    {"status", "!Attribute name is a reserved keyword"},
};

Test(ddb_expr, projections)
{
    json_t *item = ddb_json(item_text);
    for (size_t i = 0; i < sizeof projections / sizeof *projections; i++) {
        const char *wanted = projections[i][1];
        struct ddb_fault f = {0};
        struct ddb_scope scope;
        struct ddb_paths paths;
        json_t *names = ddb_json(names_text);
        json_t *result = NULL;
        cr_assert_eq(ddb_scope_open(&scope, names, NULL, true, &f), 0);
        if (ddb_parse_projection(&scope, projections[i][0], &paths, &f) == 0)
            result = ddb_project(&paths, item);
        if (wanted[0] == '!') {
            cr_expect_not_null(strstr(f.message, wanted + 1), "%s: %s", projections[i][0],
                               f.message);
        } else {
            json_t *part = ddb_json(wanted);
            cr_expect(json_equal(result, part), "%s %s", projections[i][0], f.message);
            json_decref(part);
        }
        json_decref(result);
        json_decref(names);
        ddb_scope_close(&scope);
    }
    json_decref(item);
}

/* --- values --------------------------------------------------------------------------------- */

static const char *const good_values[][2] = {
    {"{'S': ''}", "{'S': ''}"},
    {"{'N': '1.0'}", "{'N': '1'}"},
    {"{'B': ''}", "{'B': ''}"},
    {"{'B': 'aGk='}", "{'B': 'aGk='}"},
    {"{'BOOL': false}", "{'BOOL': false}"},
    {"{'M': {'a': {'N': '01'}, 'b': {'S': 'x'}}}", "{'M': {'a': {'N': '1'}, 'b': {'S': 'x'}}}"},
    {"{'L': [{'S': 'x'}, {'L': [{'N': '1e1'}]}]}", "{'L': [{'S': 'x'}, {'L': [{'N': '10'}]}]}"},
    {"{'L': []}", "{'L': []}"},
    {"{'NS': ['1.50', '2']}", "{'NS': ['1.5', '2']}"},
};

static const char *const bad_values[][2] = {
    {"{}", "Supplied AttributeValue is empty"},
    {"{'X': 'y'}", "Supplied AttributeValue is empty"},
    {"{'S': 'a', 'N': '1'}", "more than one datatypes set"},
    {"'x'", "An attribute value must be an object"},
    {"{'S': 5}", "must be a string"},
    {"{'N': 5}", "must be a string"},
    {"{'N': ''}", "cannot be converted to a numeric value"},
    {"{'B': '*'}", "must be a base64 string"},
    {"{'BOOL': 'true'}", "must be true or false"},
    {"{'NULL': false}", "Null attribute value types must have the value of true"},
    {"{'M': []}", "must be an object"},
    {"{'L': {}}", "must be a list"},
    {"{'L': [{'N': 'x'}]}", "numeric value: x"},
    {"{'SS': []}", "An string set  may not be empty"},
    {"{'NS': []}", "An number set  may not be empty"},
    {"{'SS': ['a', 'a']}", "contains duplicates"},
    {"{'NS': ['1', '1.0']}", "contains duplicates"},
    {"{'SS': [1]}", "must be a string"},
};

Test(ddb_value, normal_form)
{
    for (size_t i = 0; i < sizeof good_values / sizeof *good_values; i++) {
        struct ddb_fault f = {0};
        size_t size = 0;
        json_t *value = ddb_json(good_values[i][0]);
        json_t *wanted = ddb_json(good_values[i][1]);
        json_t *normal = ddb_value_normal(value, &size, &f);
        cr_expect(json_equal(normal, wanted), "%s %s", good_values[i][0], f.message);
        json_t *again = ddb_value_normal(normal, &size, &f);
        cr_expect_eq(again, normal, "a normal value stays itself: %s", good_values[i][1]);
        json_decref(again);
        json_decref(normal);
        json_decref(wanted);
        json_decref(value);
    }
    for (size_t i = 0; i < sizeof bad_values / sizeof *bad_values; i++) {
        struct ddb_fault f = {0};
        size_t size = 0;
        json_t *value = ddb_json(bad_values[i][0]);
        cr_expect_null(ddb_value_normal(value, &size, &f), "%s", bad_values[i][0]);
        cr_expect_not_null(strstr(f.message, bad_values[i][1]), "%s: %s", bad_values[i][0],
                           f.message);
        json_decref(value);
    }
}

Test(ddb_value, nesting)
{
    for (size_t depth = 31; depth <= 33; depth++) {
        struct ddb_fault f = {0};
        size_t size = 0;
        char *head = repeated("", "{'L': [", depth, "{'S': 'x'}");
        char *text = repeated(head, "]}", depth, "");
        json_t *value = ddb_json(text);
        json_t *normal = ddb_value_normal(value, &size, &f);
        cr_expect_eq(normal != NULL, depth <= 32, "%zu: %s", depth, f.message);
        json_decref(normal);
        json_decref(value);
        free(text);
        free(head);
    }
}

Test(ddb_value, item_size)
{
    static const struct {
        const char *item;
        size_t size;
    } cases[] = {
        {"{}", 0},
        {"{'ab': {'S': 'cde'}}", 5},
        {"{'a': {'B': 'aGVsbG8='}}", 6},
        {"{'a': {'BOOL': true}, 'b': {'NULL': true}}", 4},
        {"{'a': {'N': '12345'}}", 5},
        {"{'a': {'SS': ['x', 'yz']}}", 4},
        {"{'a': {'M': {'b': {'S': 'x'}}}}", 7},
        {"{'a': {'L': [{'S': 'x'}, {'S': 'y'}]}}", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ddb_fault f = {0};
        size_t size = 0;
        json_t *item = ddb_json(cases[i].item);
        json_decref(ddb_item_normal(item, &size, &f));
        cr_expect_eq(size, cases[i].size, "%s: %zu", cases[i].item, size);
        json_decref(item);
    }
}
