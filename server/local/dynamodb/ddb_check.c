/* What can be said about operands before any item is seen.
 *
 * DynamoDB refuses an expression whose literals can never fit, whatever the items: with the message
 * of the first rule broken, in the order of ddb_check_operands. What depends on an attribute is
 * left to the evaluation, where it is no error but simply not true. */
#include "server/local/dynamodb/ddb_parser.h"

#include "lib/json/json_read.h"

#include <string.h>

static const char *const op_names[] = {
    [OP_PATH] = "path",
    [OP_VALUE] = "value",
    [OP_SIZE] = "size",
    [OP_IF_NOT_EXISTS] = "if_not_exists",
    [OP_LIST_APPEND] = "list_append",
    [OP_PLUS] = "+",
    [OP_MINUS] = "-",
    [OP_EQ] = "=",
    [OP_NE] = "<>",
    [OP_LT] = "<",
    [OP_LE] = "<=",
    [OP_GT] = ">",
    [OP_GE] = ">=",
    [OP_BETWEEN] = "BETWEEN",
    [OP_IN] = "IN",
    [OP_AND] = "AND",
    [OP_OR] = "OR",
    [OP_NOT] = "NOT",
    [OP_ATTRIBUTE_EXISTS] = "attribute_exists",
    [OP_ATTRIBUTE_NOT_EXISTS] = "attribute_not_exists",
    [OP_ATTRIBUTE_TYPE] = "attribute_type",
    [OP_BEGINS_WITH] = "begins_with",
    [OP_CONTAINS] = "contains",
};

const char *ddb_op_name(enum ddb_op op)
{
    return op_names[op];
}

/* size, + and - make numbers, list_append a list, whatever their operands. */
enum ddb_type ddb_literal_type(const struct ddb_node *node)
{
    if (node->op == OP_VALUE)
        return ddb_type_of(node->value);
    if (node->op == OP_SIZE || node->op == OP_PLUS || node->op == OP_MINUS)
        return DDB_N;
    return node->op == OP_LIST_APPEND ? DDB_L : DDB_NO_TYPE;
}

int ddb_wrong_operand(struct ddb_parser *p, const char *name, enum ddb_type type)
{
    return ddb_invalid(p->fault,
                       "Invalid %s: Incorrect operand type for operator or function; operator or "
                       "function: %s, operand type: %s",
                       p->what, name, ddb_type_name(type));
}

/* Sets of types as bits. */
enum {
    ANY_TYPE = (1 << DDB_NO_TYPE) - 1,
    ORDERED = 1 << DDB_S | 1 << DDB_N | 1 << DDB_B,
    TEXTS = 1 << DDB_S | 1 << DDB_B,
    SIZED = ANY_TYPE & ~(1 << DDB_N | 1 << DDB_BOOL | 1 << DDB_NULL),
};

/* What a literal operand of each operator may be; attributes are judged when the item is there. */
static int allowed_types(enum ddb_op op)
{
    switch (op) {
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_BETWEEN:
        return ORDERED;
    case OP_BEGINS_WITH:
        return TEXTS;
    case OP_SIZE:
        return SIZED;
    case OP_PLUS:
    case OP_MINUS:
        return 1 << DDB_N;
    case OP_LIST_APPEND:
        return 1 << DDB_L;
    default:
        return ANY_TYPE;
    }
}

/* Conditions are no operands: `a = contains(b, :c)` is refused here, as it parses. */
static int check_types(struct ddb_parser *p, const struct ddb_node *node)
{
    int allowed = allowed_types(node->op);
    for (size_t i = 0; i < node->argc; i++) {
        enum ddb_type type = ddb_literal_type(node->argv[i]);
        if (ddb_op_is_condition(node->argv[i]->op))
            return ddb_invalid(p->fault,
                               "Invalid %s: The function is not allowed to be used this way in an "
                               "expression; function: %s",
                               p->what, ddb_op_name(node->argv[i]->op));
        if (type != DDB_NO_TYPE && !(allowed & 1 << type))
            return ddb_wrong_operand(p, ddb_op_name(node->op), type);
    }
    return 0;
}

/* These functions ask about an attribute, which a literal is not. */
static int check_path_needed(struct ddb_parser *p, const struct ddb_node *node)
{
    bool needed = node->op == OP_ATTRIBUTE_EXISTS || node->op == OP_ATTRIBUTE_NOT_EXISTS ||
                  node->op == OP_IF_NOT_EXISTS || node->op == OP_ATTRIBUTE_TYPE;
    if (!needed || node->argv[0]->op == OP_PATH)
        return 0;
    return ddb_invalid(p->fault,
                       "Invalid %s: Operator or function requires a document path; operator or "
                       "function: %s",
                       p->what, ddb_op_name(node->op));
}

/* The second operand of attribute_type is always a literal: it is checked once, not for every
 * item. */
static int check_type_name(struct ddb_parser *p, const struct ddb_node *node)
{
    if (node->op != OP_ATTRIBUTE_TYPE)
        return 0;
    enum ddb_type type = ddb_literal_type(node->argv[1]);
    if (type != DDB_S)
        return ddb_wrong_operand(p, "attribute_type", type);
    const char *name = json_string_value(ddb_content(node->argv[1]->value));
    if (ddb_type_named(name) != DDB_NO_TYPE)
        return 0;
    return ddb_invalid(p->fault,
                       "Invalid %s: Invalid attribute type name found; type: %.40s, valid types: "
                       "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
                       p->what, name);
}

/* `rule` completes "The BETWEEN operator requires ...". */
static int bad_bounds(struct ddb_parser *p, const struct ddb_node *node, const char *rule)
{
    struct buf low;
    struct buf high;
    buf_init(&low, BUF_MAX_LINE);
    buf_init(&high, BUF_MAX_LINE);
    json_dump(&low, node->argv[1]->value);
    json_dump(&high, node->argv[2]->value);
    ddb_invalid(p->fault,
                "Invalid %s: The BETWEEN operator requires %s; lower bound operand: "
                "AttributeValue: %.200s, upper bound operand: AttributeValue: %.200s",
                p->what, rule, buf_str(&low), buf_str(&high));
    buf_free(&low);
    buf_free(&high);
    return -1;
}

/* Literal bounds the wrong way round match nothing: a mistake that DynamoDB refuses. */
static int check_bounds(struct ddb_parser *p, const struct ddb_node *node)
{
    int order = 0;
    if (node->op != OP_BETWEEN || node->argv[1]->op != OP_VALUE || node->argv[2]->op != OP_VALUE)
        return 0;
    if (ddb_literal_type(node->argv[1]) != ddb_literal_type(node->argv[2]))
        return bad_bounds(p, node, "same data type for lower and upper bounds");
    if (!ddb_value_compare(node->argv[1]->value, node->argv[2]->value, &order))
        return ddb_no_memory(p->fault);
    if (order > 0)
        return bad_bounds(p, node, "upper bound to be greater than or equal to lower bound");
    return 0;
}

/* Comparing an attribute with itself is refused, whatever the operator. */
static int check_distinct(struct ddb_parser *p, const struct ddb_node *node)
{
    char text[DDB_PATH_TEXT_MAX];
    bool compares = node->op >= OP_EQ && node->op <= OP_IN;
    compares = compares || node->op == OP_BEGINS_WITH || node->op == OP_CONTAINS;
    for (size_t i = 1; compares && i < node->argc; i++)
        if (node->argv[0]->op == OP_PATH && node->argv[i]->op == OP_PATH &&
            ddb_path_compare(node->argv[0]->path, node->argv[i]->path) == 0)
            return ddb_invalid(p->fault,
                               "Invalid %s: The first operand must be distinct from the remaining "
                               "operands for this operator or function; operator: %s, first "
                               "operand: %s",
                               p->what, ddb_op_name(node->op),
                               ddb_path_text(node->argv[0]->path, text));
    return 0;
}

int ddb_check_operands(struct ddb_parser *p, const struct ddb_node *node)
{
    int rc = check_path_needed(p, node);
    if (rc == 0)
        rc = check_types(p, node);
    if (rc == 0)
        rc = check_type_name(p, node);
    if (rc == 0)
        rc = check_bounds(p, node);
    return rc == 0 ? check_distinct(p, node) : -1;
}
