/* Conditions: OR binds loosest, then AND, then NOT, then comparisons.
 *
 * or         = and { OR and }
 * and        = not { AND not }
 * not        = { NOT } primary
 * primary    = "(" or ")" | function | operand comparison
 * comparison = ( "=" | "<>" | "<" | "<=" | ">" | ">=" ) operand
 * comparison = BETWEEN operand AND operand | IN "(" operand { "," operand } ")" */
#include "server/local/dynamodb/ddb_parser.h"

static struct ddb_node *parse_or(struct ddb_parser *p);

/* NULL with the fault when there are too many operators. */
static struct ddb_node *binary(struct ddb_parser *p, enum ddb_op op, struct ddb_node *left,
                               struct ddb_node *right)
{
    struct ddb_node *node = ddb_parser_node(p, op, 2);
    if (node) {
        node->argv[0] = left;
        node->argv[1] = right;
    }
    return node;
}

/* False for a token that compares nothing. */
static bool comparison_of(enum ddb_token_type type, enum ddb_op *op)
{
    switch (type) {
    case TOKEN_EQ:
        *op = OP_EQ;
        return true;
    case TOKEN_NE:
        *op = OP_NE;
        return true;
    case TOKEN_LT:
        *op = OP_LT;
        return true;
    case TOKEN_LE:
        *op = OP_LE;
        return true;
    case TOKEN_GT:
        *op = OP_GT;
        return true;
    case TOKEN_GE:
        *op = OP_GE;
        return true;
    default:
        return false;
    }
}

/* The AND between the bounds belongs to BETWEEN: operands cannot contain another. */
static struct ddb_node *parse_between(struct ddb_parser *p, struct ddb_node *left)
{
    struct ddb_node *node = ddb_parser_node(p, OP_BETWEEN, 3);
    if (!node)
        return NULL;
    ddb_lex_next(&p->lex);
    node->argv[0] = left;
    node->argv[1] = ddb_parse_operand(p);
    if (!node->argv[1])
        return NULL;
    if (!ddb_lex_is(&p->lex, "AND")) {
        ddb_parser_syntax(p);
        return NULL;
    }
    ddb_lex_next(&p->lex);
    node->argv[2] = ddb_parse_operand(p);
    return node->argv[2] && ddb_check_operands(p, node) == 0 ? node : NULL;
}

/* The operands are counted while they are read; the node has room for the most there may be. */
static struct ddb_node *parse_in(struct ddb_parser *p, struct ddb_node *left)
{
    struct ddb_node *node = ddb_parser_node(p, OP_IN, DDB_OPERANDS_MAX + 1);
    if (!node)
        return NULL;
    node->argc = 0;
    node->argv[node->argc++] = left;
    ddb_lex_next(&p->lex);
    if (p->lex.token.type != TOKEN_OPEN) {
        ddb_parser_syntax(p);
        return NULL;
    }
    do {
        ddb_lex_next(&p->lex); /* the parenthesis or a comma */
        if (node->argc > DDB_OPERANDS_MAX) {
            ddb_invalid(p->fault,
                        "Invalid %s: The IN operator is provided with too many operands; number "
                        "of operands: %zu",
                        p->what, node->argc);
            return NULL;
        }
        struct ddb_node *operand = ddb_parse_operand(p);
        if (!operand)
            return NULL;
        node->argv[node->argc++] = operand;
    } while (p->lex.token.type == TOKEN_COMMA);
    return ddb_parser_expect(p, TOKEN_CLOSE) == 0 && ddb_check_operands(p, node) == 0 ? node : NULL;
}

/* What follows an operand must make a condition of it. */
static struct ddb_node *parse_comparison(struct ddb_parser *p, struct ddb_node *left)
{
    enum ddb_op op;
    if (ddb_lex_is(&p->lex, "BETWEEN"))
        return parse_between(p, left);
    if (ddb_lex_is(&p->lex, "IN"))
        return parse_in(p, left);
    if (!comparison_of(p->lex.token.type, &op)) {
        ddb_parser_syntax(p);
        return NULL;
    }
    ddb_lex_next(&p->lex);
    struct ddb_node *right = ddb_parse_operand(p);
    struct ddb_node *node = right ? binary(p, op, left, right) : NULL;
    return node && ddb_check_operands(p, node) == 0 ? node : NULL;
}

/* Doubled parentheses are an error in DynamoDB, and so they are here. */
static struct ddb_node *parse_parentheses(struct ddb_parser *p)
{
    if (++p->parentheses > DDB_PARENTHESES_MAX) {
        ddb_invalid(p->fault, "Invalid %s: The expression is nested too deeply", p->what);
        return NULL;
    }
    ddb_lex_next(&p->lex);
    struct ddb_node *node = parse_or(p);
    if (!node || ddb_parser_expect(p, TOKEN_CLOSE) != 0)
        return NULL;
    if (node->parentheses) {
        ddb_invalid(p->fault, "Invalid %s: The expression has redundant parentheses;", p->what);
        return NULL;
    }
    node->parentheses = true;
    p->parentheses--;
    return node;
}

/* An operand alone is no condition; a condition function is one. */
static struct ddb_node *parse_primary(struct ddb_parser *p)
{
    if (p->lex.token.type == TOKEN_OPEN)
        return parse_parentheses(p);
    struct ddb_node *operand = ddb_parse_operand(p);
    if (!operand)
        return NULL;
    if (ddb_op_is_condition(operand->op))
        return operand;
    if (operand->op == OP_SIZE && p->lex.token.type == TOKEN_END) {
        ddb_invalid(p->fault,
                    "Invalid %s: The function is not allowed to be used this way in an "
                    "expression; function: size",
                    p->what);
        return NULL;
    }
    return parse_comparison(p, operand);
}

/* A row of NOTs is read in a loop, so that its length costs no stack. */
static struct ddb_node *parse_not(struct ddb_parser *p)
{
    struct ddb_node *outer = NULL;
    struct ddb_node **place = &outer;
    while (ddb_lex_is(&p->lex, "NOT")) {
        struct ddb_node *node = ddb_parser_node(p, OP_NOT, 1);
        if (!node)
            return NULL;
        *place = node;
        place = &node->argv[0];
        ddb_lex_next(&p->lex);
    }
    *place = parse_primary(p);
    return *place ? outer : NULL;
}

/* Chains lean to the left: a OR b OR c is (a OR b) OR c. */
static struct ddb_node *parse_and(struct ddb_parser *p)
{
    struct ddb_node *left = parse_not(p);
    while (left && ddb_lex_is(&p->lex, "AND")) {
        ddb_lex_next(&p->lex);
        struct ddb_node *right = parse_not(p);
        left = right ? binary(p, OP_AND, left, right) : NULL;
    }
    return left;
}

static struct ddb_node *parse_or(struct ddb_parser *p)
{
    struct ddb_node *left = parse_and(p);
    while (left && ddb_lex_is(&p->lex, "OR")) {
        ddb_lex_next(&p->lex);
        struct ddb_node *right = parse_and(p);
        left = right ? binary(p, OP_OR, left, right) : NULL;
    }
    return left;
}

/* Also for KeyConditionExpression and FilterExpression, whose further rules are checked on the
 * tree. */
struct ddb_node *ddb_parse_condition(struct ddb_scope *s, const char *what, const char *text,
                                     struct ddb_fault *f)
{
    struct ddb_parser p = {.scope = s, .fault = f, .what = what, .context = IN_CONDITION};
    if (ddb_parser_start(&p, text) != 0)
        return NULL;
    struct ddb_node *node = parse_or(&p);
    return node && ddb_parser_end(&p) == 0 ? node : NULL;
}

int ddb_expr_each_path(const struct ddb_node *node,
                       int (*visit)(const struct ddb_path *path, void *ctx), void *ctx)
{
    if (node->op == OP_PATH)
        return visit(node->path, ctx);
    int rc = 0;
    for (size_t i = 0; i < node->argc && rc == 0; i++)
        rc = ddb_expr_each_path(node->argv[i], visit, ctx);
    return rc;
}
