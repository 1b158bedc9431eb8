/* Reading of filters, in order of binding: "||", "&&", "!" and brackets, comparisons. Operands are
 * paths from "@" or "$", texts, numbers, true, false, null, and lists behind "in" and "nin".
 * Nesting and the number of joined conditions are bounded, so freeing and evaluating may recurse.
 */
#include "server/local/asl/asl_filter.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct asl_filter *parse_or(struct asl_cursor *c);

/* NULL with the cursor's err. */
static struct asl_filter *filter_new(struct asl_cursor *c, enum asl_filter_kind kind)
{
    struct asl_filter *filter = calloc(1, sizeof *filter);
    if (!filter) {
        (void)err_set(c->err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    filter->kind = kind;
    return filter;
}

/* What an operand owns; harmless on an empty one. */
static void operand_free(struct asl_operand *o)
{
    (void)asl_path_free(o->path);
    json_decref(o->literal);
}

struct asl_filter *asl_filter_free(struct asl_filter *filter)
{
    if (!filter)
        return NULL;
    (void)asl_filter_free(filter->left);
    (void)asl_filter_free(filter->right);
    operand_free(&filter->a);
    operand_free(&filter->b);
    free(filter);
    return NULL;
}

/* A quoted literal; bytes that are not UTF-8 cannot become JSON and are refused. */
static json_t *parse_text(struct asl_cursor *c)
{
    char *text = asl_parse_quoted(c);
    json_t *value = text ? json_string(text) : NULL;
    if (text && !value)
        (void)err_set(c->err, ERR_SYNTAX, "a text in a filter is not UTF-8");
    free(text);
    return value;
}

/* Integers stay integers when they fit; everything else that looks like a number is a real. */
static json_t *parse_number(struct asl_cursor *c)
{
    char *end;
    size_t len = strspn(c->at, "-+0123456789.eE");
    errno = 0;
    /* Without a point or an exponent it may be an integer, unless it is too large for one. */
    if (len > 0 && strcspn(c->at, ".eE") >= len) {
        long long integer = strtoll(c->at, &end, 10);
        if (errno == 0 && end == c->at + len) {
            c->at = end;
            return json_integer(integer);
        }
    }
    double real = strtod(c->at, &end);
    if (len == 0 || end != c->at + len || !isfinite(real)) {
        (void)err_set(c->err, ERR_SYNTAX, "a value is expected at '%.40s'", c->at);
        return NULL;
    }
    c->at = end;
    return json_real(real);
}

/* Takes a word that ends where a word ends: "in" but not the beginning of "index". */
static bool word(struct asl_cursor *c, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(c->at, text, len) != 0 || isalnum((unsigned char)c->at[len]) || c->at[len] == '_')
        return false;
    c->at += len;
    return true;
}

/* A literal that is no list. */
static json_t *parse_scalar(struct asl_cursor *c)
{
    if (*c->at == '\'' || *c->at == '"')
        return parse_text(c);
    if (word(c, "true"))
        return json_true();
    if (word(c, "false"))
        return json_false();
    return word(c, "null") ? json_null() : parse_number(c);
}

/* ['a', 1, true], as "in" and "nin" take. */
static json_t *parse_list(struct asl_cursor *c)
{
    json_t *list = json_array();
    c->at++;
    asl_skip_space(c);
    while (list && *c->at != ']') {
        json_t *item = parse_scalar(c);
        if (item && (json_array_append_new(list, item) != 0 ||
                     json_array_size(list) > ASL_PATH_UNION_MAX)) {
            (void)err_set(c->err, ERR_LIMIT, "a filter lists too many values");
            item = NULL;
        }
        if (!item) {
            json_decref(list);
            return NULL;
        }
        asl_skip_space(c);
        if (*c->at == ',')
            c->at++;
        else if (*c->at != ']') {
            (void)err_set(c->err, ERR_SYNTAX, "',' or ']' is expected at '%.40s'", c->at);
            json_decref(list);
            return NULL;
        }
        asl_skip_space(c);
    }
    c->at += list ? 1 : 0;
    return list;
}

/* A path or a literal into *o; the filter that holds it frees it. */
static int parse_operand(struct asl_cursor *c, struct asl_operand *o)
{
    asl_skip_space(c);
    if (*c->at == '@' || *c->at == '$') {
        o->path = asl_path_parse(c);
        return o->path ? 0 : -1;
    }
    o->literal = *c->at == '[' ? parse_list(c) : parse_scalar(c);
    return o->literal ? 0 : -1;
}

/* Reads a comparison operator if one follows. */
static bool parse_operator(struct asl_cursor *c, enum asl_filter_op *op)
{
    /* Longer operators stand before those they begin with. */
    static const struct {
        const char *text;
        enum asl_filter_op op;
    } operators[] = {
        {"==", ASL_OP_EQ}, {"!=", ASL_OP_NE}, {"<=", ASL_OP_LE},
        {"<", ASL_OP_LT},  {">=", ASL_OP_GE}, {">", ASL_OP_GT},
    };
    asl_skip_space(c);
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        size_t len = strlen(operators[i].text);
        if (strncmp(c->at, operators[i].text, len) == 0) {
            c->at += len;
            *op = operators[i].op;
            return true;
        }
    }
    if (word(c, "in"))
        *op = ASL_OP_IN;
    else if (word(c, "nin"))
        *op = ASL_OP_NIN;
    else
        return false;
    return true;
}

/* An operand alone asks whether a path leads to something; a literal alone says nothing. */
static struct asl_filter *parse_comparison(struct asl_cursor *c)
{
    struct asl_filter *filter = filter_new(c, ASL_FILTER_EXISTS);
    if (!filter || parse_operand(c, &filter->a))
        return asl_filter_free(filter);
    if (parse_operator(c, &filter->op)) {
        filter->kind = ASL_FILTER_COMPARE;
        if (parse_operand(c, &filter->b))
            return asl_filter_free(filter);
    } else if (!filter->a.path) {
        (void)err_set(c->err, ERR_SYNTAX, "a comparison is expected at '%.40s'", c->at);
        return asl_filter_free(filter);
    }
    return filter;
}

/* ( ... ) from its opening bracket on. */
static struct asl_filter *parse_group(struct asl_cursor *c)
{
    c->at++;
    struct asl_filter *filter = parse_or(c);
    asl_skip_space(c);
    if (filter && *c->at != ')') {
        (void)err_set(c->err, ERR_SYNTAX, "')' is expected at '%.40s'", c->at);
        return asl_filter_free(filter);
    }
    c->at += filter ? 1 : 0;
    return filter;
}

static struct asl_filter *parse_not(struct asl_cursor *c);

/* Every kind of nesting passes through here, so this is where its depth is counted. */
static struct asl_filter *parse_unary(struct asl_cursor *c)
{
    asl_skip_space(c);
    if (++c->depth > ASL_NESTING_MAX) {
        (void)err_set(c->err, ERR_LIMIT, "a filter is nested too deeply");
        return NULL;
    }
    struct asl_filter *filter = *c->at == '('   ? parse_group(c)
                                : *c->at == '!' ? parse_not(c)
                                                : parse_comparison(c);
    c->depth--;
    return filter;
}

/* "!" binds to what follows, also to another "!". */
static struct asl_filter *parse_not(struct asl_cursor *c)
{
    c->at++;
    struct asl_filter *filter = filter_new(c, ASL_FILTER_NOT);
    if (!filter || !(filter->left = parse_unary(c)))
        return asl_filter_free(filter);
    return filter;
}

/* Operands joined by && or ||, which bind to the left. */
static struct asl_filter *parse_joined(struct asl_cursor *c, enum asl_filter_kind kind,
                                       const char *operator,
                                       struct asl_filter * (*operand)(struct asl_cursor *))
{
    struct asl_filter *left = operand(c);
    asl_skip_space(c);
    for (unsigned count = 0; left && strncmp(c->at, operator, 2) == 0; count++) {
        c->at += 2;
        struct asl_filter *both = filter_new(c, kind);
        if (!both || count >= ASL_NESTING_MAX) {
            (void)err_set(c->err, ERR_LIMIT, "a filter joins too many conditions");
            (void)asl_filter_free(both);
            return asl_filter_free(left);
        }
        both->left = left;
        both->right = operand(c);
        left = both->right ? both : asl_filter_free(both);
        asl_skip_space(c);
    }
    return left;
}

/* "&&" binds closer than "||". */
static struct asl_filter *parse_and(struct asl_cursor *c)
{
    return parse_joined(c, ASL_FILTER_AND, "&&", parse_unary);
}

/* The loosest: a whole condition. */
static struct asl_filter *parse_or(struct asl_cursor *c)
{
    return parse_joined(c, ASL_FILTER_OR, "||", parse_and);
}

/* Paths inside end at operators (c->filter); a filter inside such a path keeps that state. */
struct asl_filter *asl_filter_parse(struct asl_cursor *c)
{
    bool outer = c->filter;
    asl_skip_space(c);
    if (*c->at != '(') {
        (void)err_set(c->err, ERR_SYNTAX, "'(' is expected behind '?'");
        return NULL;
    }
    c->filter = true;
    struct asl_filter *filter = parse_unary(c);
    c->filter = outer;
    return filter;
}
