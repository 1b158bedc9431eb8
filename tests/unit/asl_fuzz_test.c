/* Random and damaged expressions: whatever is accepted must evaluate without a crash and answer
 * one of the outcomes the contract names. The seed is fixed, so a failure can be repeated. */
#include "asl_support.h"

#include <stdint.h>

enum { ROUNDS = 20000, TEXT_MAX = 256 };

struct dice {
    uint64_t state;
};

static size_t roll(struct dice *d, size_t sides)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return (size_t)(d->state % sides);
}

static const char *const pieces[] = {
    "$",
    "$$",
    ".",
    "..",
    "[",
    "]",
    "[*]",
    "*",
    "[0]",
    "[-1]",
    "[1:",
    ":]",
    "a",
    "b",
    "['a']",
    "\"b\"",
    "'",
    "\\",
    "(",
    ")",
    ",",
    " ",
    "?(",
    "@",
    "@.a",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "1",
    "-2.5",
    "1e9",
    "true",
    "null",
    "in",
    "['x']",
    "length()",
    "$v",
    "{}",
    "\\{",
    "\\'",
    "é",
    "States.Format(",
    "States.Array(",
    "States.StringSplit(",
    "States.MathAdd(",
    "States.ArrayRange(",
    "States.JsonToString(",
    "States.StringToJson(",
    "States.Hash(",
};

static const char *const seeds[] = {
    "$.a.b[0]['c'].length()",
    "$..a[?(@.b > 1 && !(@.c == 'x' || @.d in ['y', 1]))].e",
    "$$.State['Name'][1:-1]",
    "States.Format('a {} \\'\\{\\}\\\\ {}', $.a, States.ArrayGetItem($.l, 0))",
    "States.JsonMerge(States.StringToJson('{\"a\":[1,2]}'), $.o, false)",
    "States.ArrayPartition(States.StringSplit($.s, ','), States.MathAdd(1, 0.5))",
    "States.Hash(States.Base64Encode(States.Base64Decode($.s)), 'SHA-256')",
};

static void random_text(struct dice *d, char out[TEXT_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t n = 1 + roll(d, 14); n > 0; n--) {
        const char *piece = pieces[roll(d, COUNT(pieces))];
        if (len + strlen(piece) + 1 < TEXT_MAX) {
            memcpy(out + len, piece, strlen(piece) + 1);
            len += strlen(piece);
        }
    }
}

static void damaged_text(struct dice *d, char out[TEXT_MAX])
{
    (void)snprintf(out, TEXT_MAX, "%s", seeds[roll(d, COUNT(seeds))]);
    for (size_t n = 1 + roll(d, 4); n > 0; n--) {
        size_t len = strlen(out), at = roll(d, len + 1);
        if (roll(d, 2) && at < len) {
            memmove(out + at, out + at + 1, len - at);
        } else if (len + 12 < TEXT_MAX) {
            const char *piece = pieces[roll(d, COUNT(pieces))];
            size_t add = strlen(piece) < 4 ? strlen(piece) : 1;
            memmove(out + at + add, out + at, len - at + 1);
            for (size_t i = 0; i < add; i++)
                out[at + i] = piece[i];
        }
    }
}

/* Compiles and evaluates one text; true when it was accepted. */
static bool try_text(const char *text, const struct asl_scope *scope)
{
    struct error err = {0};
    struct asl_failure f = {0};
    json_t *out = NULL;
    struct asl_expr *e = asl_expr_compile(text, &err);
    if (!e) {
        cr_assert(err.message[0] != '\0', "no reason given for '%s'", text);
        return false;
    }
    int rc = asl_expr_eval(e, scope, &out, &f);
    cr_assert(rc >= -1 && rc <= 1);
    cr_assert((rc == 1) == (out != NULL), "%s", text);
    cr_assert((rc == -1) == (f.cause != NULL), "%s", text);
    json_decref(out);
    asl_failure_free(&f);
    (void)asl_expr_free(e);
    return true;
}

Test(asl_fuzz, expressions_never_crash)
{
    struct dice d = {UINT64_C(0x9E3779B97F4A7C15)};
    json_t *input = asl_json("{\"a\":[{\"b\":2,\"c\":\"x\",\"e\":1},{\"a\":{\"b\":[[1]]}}],\"s\":"
                             "\"YQ==,b\",\"o\":{\"k\":null},\"l\":[1.5,true]}");
    char *before = asl_text(input);
    struct asl_scope scope = {
        .input = input, .context = input, .variables = input, .state = "S", .entered_id = 1};
    size_t accepted = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        char text[TEXT_MAX];
        if (i % 2)
            random_text(&d, text);
        else
            damaged_text(&d, text);
        accepted += try_text(text, &scope);
    }
    cr_expect_gt(accepted, ROUNDS / 50, "only %zu texts were accepted", accepted);
    char *after = asl_text(input);
    cr_expect_str_eq(after, before);
    free(before);
    free(after);
    json_decref(input);
}

Test(asl_fuzz, patterns_never_crash)
{
    static const char *const parts[] = {"*", "\\*", "\\\\", "a", "b", "\\"};
    struct dice d = {UINT64_C(88172645463325252)};
    for (size_t i = 0; i < ROUNDS; i++) {
        char pattern[64] = "", text[64] = "";
        for (size_t n = roll(&d, 8); n > 0; n--)
            (void)strncat(pattern, parts[roll(&d, COUNT(parts))], 4);
        for (size_t n = roll(&d, 12); n > 0; n--)
            (void)strncat(text, roll(&d, 2) ? "a" : "b", 2);
        json_t *rule = json_pack("{ssss}", "Variable", "$", "StringMatches", pattern);
        struct error err;
        struct asl_failure f = {0};
        bool match = false;
        json_t *input = json_string(text);
        struct asl_scope scope = {.input = input};
        struct asl_choice *c = asl_choice_compile(rule, &err);
        if (c)
            cr_assert_eq(asl_choice_test(c, &scope, &match, &f), 0);
        (void)asl_choice_free(c);
        json_decref(input);
        json_decref(rule);
    }
}
