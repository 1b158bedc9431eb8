/* What all expressions are made of: paths, values, function calls; and projections.
 *
 * Recursive descent with one token of look-ahead behind the current one. Ceilings are DynamoDB's
 * (length, operators, nesting); they also bound the recursion here and in everything that walks the
 * tree. All nodes live in the scope: nothing is freed on the way out of a syntax error. */
#include "server/local/dynamodb/ddb_parser.h"

#include "server/local/dynamodb/ddb_words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int ddb_parser_start(struct ddb_parser *p, const char *text)
{
    size_t len = strlen(text);
    if (len > DDB_EXPRESSION_MAX)
        return ddb_invalid(p->fault,
                           "Invalid %s: Expression size has exceeded the maximum allowed size; "
                           "expression size: %zu",
                           p->what, len);
    ddb_lex_start(&p->lex, text);
    if (p->lex.token.type == TOKEN_END)
        return ddb_invalid(p->fault, "Invalid %s: The expression can not be empty;", p->what);
    return 0;
}

int ddb_parser_syntax(struct ddb_parser *p)
{
    const struct ddb_token *t = &p->lex.token;
    size_t near_len;
    const char *near = ddb_lex_near(&p->lex, &near_len);
    bool end = t->type == TOKEN_END;
    return ddb_invalid(p->fault, "Invalid %s: Syntax error; token: \"%.*s\", near: \"%.*s\"",
                       p->what, end ? 5 : (int)t->len, end ? "<EOF>" : t->at, (int)near_len, near);
}

int ddb_parser_end(struct ddb_parser *p)
{
    return p->lex.token.type == TOKEN_END ? 0 : ddb_parser_syntax(p);
}

int ddb_parser_expect(struct ddb_parser *p, enum ddb_token_type type)
{
    if (p->lex.token.type != type)
        return ddb_parser_syntax(p);
    ddb_lex_next(&p->lex);
    return 0;
}

struct ddb_node *ddb_parser_node(struct ddb_parser *p, enum ddb_op op, size_t argc)
{
    if (op != OP_PATH && op != OP_VALUE && ++p->operators > DDB_OPERATORS_MAX) {
        ddb_invalid(p->fault,
                    "Invalid %s: The expression contains too many operators; operator count: %zu",
                    p->what, p->operators);
        return NULL;
    }
    struct ddb_node *node = ddb_scope_alloc(p->scope, sizeof *node);
    if (node && argc > 0)
        node->argv = ddb_scope_alloc(p->scope, argc * sizeof *node->argv);
    if (!node || (argc > 0 && !node->argv)) {
        ddb_no_memory(p->fault);
        return NULL;
    }
    node->op = op;
    node->argc = argc;
    return node;
}

/* --- paths ---------------------------------------------------------------------------------- */

/* A name behind '#': any text, also one that is reserved or holds dots. */
static const char *placeholder_name(struct ddb_parser *p, const struct ddb_token *t)
{
    const char *name = ddb_scope_name(p->scope, t->at, t->len);
    if (!name)
        ddb_invalid(p->fault,
                    "Invalid %s: An expression attribute name used in the document path is not "
                    "defined; attribute name: %.*s",
                    p->what, (int)t->len, t->at);
    return name;
}

/* Reserved words are an error here because they are one in AWS: what works locally must work
 * there. */
static const char *plain_name(struct ddb_parser *p, const struct ddb_token *t)
{
    if (ddb_word_reserved(t->at, t->len)) {
        ddb_invalid(p->fault,
                    "Invalid %s: Attribute name is a reserved keyword; reserved keyword: %.*s",
                    p->what, (int)t->len, t->at);
        return NULL;
    }
    const char *name = ddb_scope_text(p->scope, t->at, t->len);
    if (!name)
        ddb_no_memory(p->fault);
    return name;
}

/* The first or a later name of a path. */
static int read_name(struct ddb_parser *p, struct ddb_step *step)
{
    struct ddb_token t = p->lex.token;
    if (t.type == TOKEN_NAME)
        step->name = placeholder_name(p, &t);
    else if (t.type == TOKEN_WORD)
        step->name = plain_name(p, &t);
    else
        return ddb_parser_syntax(p);
    ddb_lex_next(&p->lex);
    return step->name ? 0 : -1;
}

/* Nine digits fit a size_t on any machine, and no list is that long. */
static int read_index(struct ddb_parser *p, struct ddb_step *step)
{
    enum { INDEX_DIGITS_MAX = 9 };
    struct ddb_token t = p->lex.token;
    if (t.type == TOKEN_NUMBER && t.len > INDEX_DIGITS_MAX)
        return ddb_invalid(
            p->fault, "Invalid %s: List index is not within the allowable range; index: [%.*s]",
            p->what, (int)t.len, t.at);
    if (ddb_parser_expect(p, TOKEN_NUMBER) != 0)
        return -1;
    step->name = NULL;
    step->index = (size_t)strtoul(t.at, NULL, 10);
    return ddb_parser_expect(p, TOKEN_CLOSE_INDEX);
}

/* The steps behind the first name; -1 with a fault. */
static int read_steps(struct ddb_parser *p, struct ddb_step *steps, size_t *count)
{
    while (p->lex.token.type == TOKEN_DOT || p->lex.token.type == TOKEN_OPEN_INDEX) {
        bool dot = p->lex.token.type == TOKEN_DOT;
        if (*count == DDB_NESTING_MAX)
            return ddb_invalid(p->fault,
                               "Invalid %s: The document path has too many nesting elements; "
                               "nesting levels: %zu",
                               p->what, *count + 1);
        ddb_lex_next(&p->lex);
        struct ddb_step *step = &steps[(*count)++];
        if ((dot ? read_name(p, step) : read_index(p, step)) != 0)
            return -1;
    }
    return 0;
}

const struct ddb_path *ddb_parse_path(struct ddb_parser *p)
{
    struct ddb_step steps[DDB_NESTING_MAX];
    size_t count = 1;
    if (read_name(p, &steps[0]) != 0 || read_steps(p, steps, &count) != 0)
        return NULL;
    struct ddb_path *path = ddb_scope_alloc(p->scope, sizeof *path);
    struct ddb_step *copy = ddb_scope_alloc(p->scope, count * sizeof *steps);
    if (!path || !copy) {
        ddb_no_memory(p->fault);
        return NULL;
    }
    memcpy(copy, steps, count * sizeof *steps);
    *path = (struct ddb_path){.count = count, .steps = copy};
    return path;
}

/* --- operands ------------------------------------------------------------------------------- */

/* A literal is always a ':' placeholder; expressions have no literals of their own. */
static struct ddb_node *parse_value(struct ddb_parser *p)
{
    struct ddb_token t = p->lex.token;
    struct ddb_node *node = ddb_parser_node(p, OP_VALUE, 0);
    if (!node)
        return NULL;
    node->value = ddb_scope_value(p->scope, t.at, t.len);
    if (!node->value) {
        ddb_invalid(p->fault,
                    "Invalid %s: An expression attribute value used in expression is not defined; "
                    "attribute value: %.*s",
                    p->what, (int)t.len, t.at);
        return NULL;
    }
    ddb_lex_next(&p->lex);
    return node;
}

/* Decided by the parenthesis: function names are allowed as attribute names. */
bool ddb_parser_at_function(const struct ddb_parser *p)
{
    return p->lex.token.type == TOKEN_WORD && p->lex.after.type == TOKEN_OPEN;
}

struct ddb_node *ddb_parse_operand(struct ddb_parser *p)
{
    if (p->lex.token.type == TOKEN_VALUE)
        return parse_value(p);
    if (ddb_parser_at_function(p))
        return ddb_parse_function(p);
    struct ddb_node *node = ddb_parser_node(p, OP_PATH, 0);
    if (!node)
        return NULL;
    node->path = ddb_parse_path(p);
    return node->path ? node : NULL;
}

/* Names are case-sensitive, unlike keywords. */
struct function {
    const char *name;
    size_t argc;
    enum ddb_op op;
    enum ddb_context context;
};

static const struct function functions[] = {
    {"attribute_exists", 1, OP_ATTRIBUTE_EXISTS, IN_CONDITION},
    {"attribute_not_exists", 1, OP_ATTRIBUTE_NOT_EXISTS, IN_CONDITION},
    {"attribute_type", 2, OP_ATTRIBUTE_TYPE, IN_CONDITION},
    {"begins_with", 2, OP_BEGINS_WITH, IN_CONDITION},
    {"contains", 2, OP_CONTAINS, IN_CONDITION},
    {"size", 1, OP_SIZE, IN_CONDITION},
    {"if_not_exists", 2, OP_IF_NOT_EXISTS, IN_UPDATE},
    {"list_append", 2, OP_LIST_APPEND, IN_UPDATE},
};

/* A known function in the wrong kind of expression has a message of its own. */
static const struct function *find_function(struct ddb_parser *p, const struct ddb_token *t)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct function *fn = &functions[i];
        if (strlen(fn->name) != t->len || memcmp(fn->name, t->at, t->len) != 0)
            continue;
        if (fn->context == p->context)
            return fn;
        ddb_invalid(p->fault,
                    "Invalid %s: The function is not allowed in %s expression; "
                    "function: %s",
                    p->what, p->context == IN_UPDATE ? "an update" : "a condition", fn->name);
        return NULL;
    }
    ddb_invalid(p->fault, "Invalid %s: Invalid function name; function: %.*s", p->what, (int)t->len,
                t->at);
    return NULL;
}

/* Arguments beyond the function's own are read and counted for the message. */
static int parse_arguments(struct ddb_parser *p, const struct function *fn, struct ddb_node *node)
{
    size_t count = 0;
    do {
        ddb_lex_next(&p->lex); /* the parenthesis or a comma */
        struct ddb_node *argument = ddb_parse_operand(p);
        if (!argument)
            return -1;
        if (count < fn->argc)
            node->argv[count] = argument;
        count++;
    } while (p->lex.token.type == TOKEN_COMMA);
    if (ddb_parser_expect(p, TOKEN_CLOSE) != 0)
        return -1;
    if (count != fn->argc)
        return ddb_invalid(p->fault,
                           "Invalid %s: Incorrect number of operands for operator or function; "
                           "operator or function: %s, number of operands: %zu",
                           p->what, fn->name, count);
    return ddb_check_operands(p, node);
}

struct ddb_node *ddb_parse_function(struct ddb_parser *p)
{
    struct ddb_token name = p->lex.token;
    const struct function *fn = find_function(p, &name);
    struct ddb_node *node = fn ? ddb_parser_node(p, fn->op, fn->argc) : NULL;
    if (!node)
        return NULL;
    if (++p->parentheses > DDB_PARENTHESES_MAX) {
        ddb_invalid(p->fault, "Invalid %s: The expression is nested too deeply", p->what);
        return NULL;
    }
    ddb_lex_next(&p->lex);
    int rc = parse_arguments(p, fn, node);
    p->parentheses--;
    return rc == 0 ? node : NULL;
}

/* --- projections ---------------------------------------------------------------------------- */

/* Paths may not overlap: DynamoDB refuses it, and ddb_project relies on it. */
int ddb_parse_projection(struct ddb_scope *s, const char *text, struct ddb_paths *out,
                         struct ddb_fault *f)
{
    struct ddb_parser p = {
        .scope = s, .fault = f, .what = "ProjectionExpression", .context = IN_PROJECTION};
    *out = (struct ddb_paths){0};
    if (ddb_parser_start(&p, text) != 0)
        return -1;
    /* Every path takes at least one character and a comma. */
    out->list = ddb_scope_alloc(s, (strlen(text) / 2 + 1) * sizeof(*out->list));
    if (!out->list)
        return ddb_no_memory(f);
    for (;;) {
        const struct ddb_path *path = ddb_parse_path(&p);
        if (!path)
            return -1;
        out->list[out->count++] = path;
        if (p.lex.token.type != TOKEN_COMMA)
            break;
        ddb_lex_next(&p.lex);
    }
    if (ddb_parser_end(&p) != 0)
        return -1;
    return ddb_paths_check(out->list, out->count, p.what, f);
}
