/* Testing of choice rules. The only failure is a path that leads nowhere; types that do not fit
 * simply do not match. */
#include "lib/base/clock.h"
#include "server/local/asl/asl_choice.h"
#include "server/local/asl/asl_compare.h"
#include "server/local/asl/asl_path.h"

#include <string.h>

/* The service's sentence, for Variable and for ...Path operands alike. */
static int fail_path(const struct asl_path *p, const struct asl_scope *scope, struct asl_failure *f)
{
    return asl_fail_in_state(
        f, scope, ASL_ERROR_RUNTIME,
        "Invalid path '%s': The choice state's condition path references an invalid value.",
        p->text);
}

/* Both values have the operator's type. */
static int order(enum asl_value_type type, const json_t *a, const json_t *b)
{
    int64_t x = 0, y = 0;
    if (type == ASL_VALUE_NUMERIC)
        return asl_compare_numbers(a, b);
    if (type == ASL_VALUE_STRING)
        return asl_compare_texts(a, b);
    if (type == ASL_VALUE_TIMESTAMP) {
        (void)clock_parse_rfc3339(json_string_value(a), &x, NULL);
        (void)clock_parse_rfc3339(json_string_value(b), &y, NULL);
        return (x > y) - (x < y);
    }
    return json_is_true(a) - json_is_true(b);
}

/* Values of another type than the operator's match nothing; they are no error. */
static bool related(const struct asl_operator *op, const json_t *a, const json_t *b)
{
    if (!asl_value_is(a, op->type) || !asl_value_is(b, op->type))
        return false;
    int o = order(op->type, a, b);
    switch (op->relation) {
    case ASL_EQ:
        return o == 0;
    case ASL_LT:
        return o < 0;
    case ASL_GT:
        return o > 0;
    case ASL_LE:
        return o <= 0;
    case ASL_GE:
        break;
    }
    return o >= 0;
}

/* Fetches the other side of a ...Path operator and compares. */
static int test_comparison(const struct asl_choice *c, json_t *value, const struct asl_scope *scope,
                           bool *match, struct asl_failure *f)
{
    json_t *other = NULL;
    if (c->other) {
        int found = asl_path_eval(c->other, scope, &other, f);
        if (found <= 0)
            return found < 0 ? -1 : fail_path(c->other, scope, f);
    }
    *match = related(&c->op, value, other ? other : c->operand);
    json_decref(other);
    return 0;
}

/* Patterns work on C strings; a text with a zero byte inside matches none. */
static bool matches(const struct asl_choice *c, const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value) &&
           asl_pattern_matches(json_string_value(c->operand), json_string_value(value));
}

/* Only IsPresent may look at a place that does not exist. */
static int test_variable(const struct asl_choice *c, const struct asl_scope *scope, bool *match,
                         struct asl_failure *f)
{
    json_t *value = NULL;
    bool presence = c->op.kind == ASL_CHOICE_IS && c->op.type == ASL_VALUE_PRESENT;
    int rc = asl_path_eval(c->variable, scope, &value, f);
    if (rc < 0)
        return -1;
    if (rc == 0 && !presence)
        return fail_path(c->variable, scope, f);
    rc = 0;
    if (c->op.kind == ASL_CHOICE_IS)
        *match = asl_value_is(value, c->op.type) == c->wanted;
    else if (c->op.kind == ASL_CHOICE_MATCH)
        *match = matches(c, value);
    else
        rc = test_comparison(c, value, scope, match, f);
    json_decref(value);
    return rc;
}

/* And and Or stop at the first rule that decides, so later paths need not exist. */
int asl_choice_test(const struct asl_choice *c, const struct asl_scope *scope, bool *match,
                    struct asl_failure *f)
{
    if (c->op.kind > ASL_CHOICE_NOT)
        return test_variable(c, scope, match, f);
    /* What one rule may say to decide for all; Not has a single rule and no such thing. */
    bool decisive = c->op.kind != ASL_CHOICE_AND;
    for (size_t i = 0; i < c->count; i++) {
        if (asl_choice_test(c->kids[i], scope, match, f))
            return -1;
        if (*match == decisive && c->op.kind != ASL_CHOICE_NOT)
            return 0;
    }
    if (c->op.kind == ASL_CHOICE_NOT)
        *match = !*match;
    return 0;
}
