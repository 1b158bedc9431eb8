/* Compilation of choice rules. Messages are made to stand behind "SCHEMA_VALIDATION_FAILED: " and
 * follow the service's wording where it is known; the caller appends the place.
 *
 * A rule is And, Or or Not over rules, or one comparison of a Variable with an operand. Everything
 * about it that does not depend on a document is settled here: operand types, patterns, timestamps.
 * https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html */
#include "server/local/asl/asl_choice.h"

#include <stdlib.h>
#include <string.h>

static struct asl_choice *compile(json_t *rule, unsigned depth, struct error *err);

/* Also frees rules that were only half built. */
struct asl_choice *asl_choice_free(struct asl_choice *c)
{
    if (!c)
        return NULL;
    for (size_t i = 0; i < c->count; i++)
        (void)asl_choice_free(c->kids[i]);
    free(c->kids);
    (void)asl_path_free(c->variable);
    (void)asl_path_free(c->other);
    json_decref(c->operand);
    free(c);
    return NULL;
}

/* Variable and the ...Path operands must be reference paths: a rule compares single values. */
static struct asl_path *compile_reference(json_t *value, const char *field, struct error *err)
{
    struct error why = {.code = ERR_NONE};
    if (!json_is_string(value)) {
        (void)err_set(err, ERR_SYNTAX, "Expected value of type [STRING] for the field '%s'", field);
        return NULL;
    }
    struct asl_path *p = asl_path_compile(json_string_value(value), &why);
    if (!p)
        (void)err_set(err, ERR_SYNTAX, "Value is not a Reference Path: %s", why.message);
    else if (!asl_path_is_reference(p)) {
        (void)err_set(err, ERR_SYNTAX,
                      "Value is not a Reference Path: '%s' may select more than one value",
                      asl_path_text(p));
        p = asl_path_free(p);
    }
    return p;
}

/* Whether a literal operand fits its operator. Timestamps have a message of their own, recorded
 * for the Wait state's field. */
static int check_operand(const struct asl_operator *op, const char *name, json_t *value,
                         struct error *err)
{
    static const char *const words[] = {
        [ASL_VALUE_STRING] = "STRING",   [ASL_VALUE_NUMERIC] = "NUMBER",
        [ASL_VALUE_BOOLEAN] = "BOOLEAN", [ASL_VALUE_TIMESTAMP] = "STRING",
        [ASL_VALUE_NULL] = "BOOLEAN",    [ASL_VALUE_PRESENT] = "BOOLEAN",
    };
    if (op->kind == ASL_CHOICE_COMPARE && op->type == ASL_VALUE_TIMESTAMP &&
        json_is_string(value) && !asl_value_is(value, ASL_VALUE_TIMESTAMP))
        return err_set(err, ERR_SYNTAX, "String does not match RFC3339 timestamp");
    if (op->kind == ASL_CHOICE_IS ? !json_is_boolean(value) : !asl_value_is(value, op->type))
        return err_set(err, ERR_SYNTAX, "Expected value of type [%s] for the field '%s'",
                       op->kind == ASL_CHOICE_IS ? "BOOLEAN" : words[op->type], name);
    if (op->kind == ASL_CHOICE_MATCH && !asl_pattern_valid(json_string_value(value)))
        return err_set(err, ERR_SYNTAX,
                       "The pattern of 'StringMatches' has a backslash that escapes nothing");
    return 0;
}

/* Stores the operand, a literal or a compiled path. */
static int set_operand(struct asl_choice *c, const char *name, json_t *value, struct error *err)
{
    if (c->op.path) {
        c->other = compile_reference(value, name, err);
        return c->other ? 0 : -1;
    }
    if (check_operand(&c->op, name, value, err))
        return -1;
    c->operand = json_incref(value);
    c->wanted = json_is_true(value);
    return 0;
}

/* Members of a rule that say nothing about its condition. */
static bool is_neutral(const char *name)
{
    static const char *const names[] = {"Next", "Comment", "Assign", "Output", "Variable"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The rule's one operator. -1 with err when there is none, more than one, or one unknown. */
static int find_operator(json_t *rule, struct asl_operator *op, const char **found,
                         struct error *err)
{
    const char *name;
    json_t *value;
    *found = NULL;
    json_object_foreach (rule, name, value) {
        struct asl_operator each;
        if (is_neutral(name))
            continue;
        if (!asl_operator_parse(name, &each))
            return err_set(err, ERR_SYNTAX, "Field '%s' is not supported", name);
        if (*found)
            return err_set(err, ERR_SYNTAX, "Only one of the fields '%s' and '%s' is allowed",
                           *found, name);
        *found = name;
        *op = each;
    }
    if (!*found)
        return err_set(err, ERR_SYNTAX, "A choice rule must have a comparison operator");
    return 0;
}

/* A rule that is not And, Or or Not. */
static int compile_comparison(struct asl_choice *c, json_t *rule, struct error *err)
{
    const char *name;
    json_t *variable = json_object_get(rule, "Variable");
    if (find_operator(rule, &c->op, &name, err))
        return -1;
    if (!variable)
        return err_set(err, ERR_SYNTAX, "These fields are required: [Variable]");
    c->variable = compile_reference(variable, "Variable", err);
    if (!c->variable)
        return -1;
    return set_operand(c, name, json_object_get(rule, name), err);
}

/* And and Or take a list, Not a single rule. */
static int compile_group(struct asl_choice *c, const char *name, json_t *rules, unsigned depth,
                         struct error *err)
{
    bool single = c->op.kind == ASL_CHOICE_NOT;
    if (!single && (!json_is_array(rules) || json_array_size(rules) == 0))
        return err_set(err, ERR_SYNTAX, "The field '%s' must be a list of at least one rule", name);
    size_t count = single ? 1 : json_array_size(rules);
    c->kids = calloc(count, sizeof(struct asl_choice *));
    if (!c->kids)
        return err_set(err, ERR_MEMORY, "out of memory");
    for (; c->count < count; c->count++) {
        c->kids[c->count] =
            compile(single ? rules : json_array_get(rules, c->count), depth + 1, err);
        if (!c->kids[c->count])
            return -1;
    }
    return 0;
}

/* Whatever stands beside And, Or or Not besides the neutral members is refused. */
static int compile_rule(struct asl_choice *c, json_t *rule, unsigned depth, struct error *err)
{
    static const struct {
        const char *name;
        enum asl_choice_kind kind;
    } groups[] = {{"And", ASL_CHOICE_AND}, {"Or", ASL_CHOICE_OR}, {"Not", ASL_CHOICE_NOT}};
    const char *name;
    json_t *value;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        json_t *rules = json_object_get(rule, groups[i].name);
        if (!rules)
            continue;
        json_object_foreach (rule, name, value)
            if (strcmp(name, groups[i].name) != 0 &&
                (!is_neutral(name) || strcmp(name, "Variable") == 0))
                return err_set(err, ERR_SYNTAX, "Field '%s' is not supported beside '%s'", name,
                               groups[i].name);
        c->op.kind = groups[i].kind;
        return compile_group(c, groups[i].name, rules, depth, err);
    }
    return compile_comparison(c, rule, err);
}

/* Depth is bounded, so that testing and freeing may recurse. */
static struct asl_choice *compile(json_t *rule, unsigned depth, struct error *err)
{
    if (!json_is_object(rule)) {
        (void)err_set(err, ERR_SYNTAX, "Expected value of type [OBJECT] for a choice rule");
        return NULL;
    }
    if (depth > ASL_NESTING_MAX) {
        (void)err_set(err, ERR_LIMIT, "Choice rules are nested too deeply");
        return NULL;
    }
    struct asl_choice *c = calloc(1, sizeof *c);
    if (!c)
        (void)err_set(err, ERR_MEMORY, "out of memory");
    else if (compile_rule(c, rule, depth, err))
        c = asl_choice_free(c);
    return c;
}

/* The outermost rule is at depth 0. */
struct asl_choice *asl_choice_compile(json_t *rule, struct error *err)
{
    return compile(rule, 0, err);
}
