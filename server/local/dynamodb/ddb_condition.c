/* Conditions are walked as compiled. Operands are references into the item or the scope;
 * only size() makes a value of its own. */
#include "server/local/dynamodb/ddb_condition.h"

#include "server/local/dynamodb/ddb_value.h"

#include <stdio.h>
#include <string.h>

/* The number that size() gives, as a value; a new reference. *rc is -1 when memory is out. */
static json_t *size_value(const struct ddb_node *node, json_t *item, int *rc)
{
    json_t *value = node->argv[0]->op == OP_PATH ? ddb_path_get(node->argv[0]->path, item)
                                                 : node->argv[0]->value;
    long long length = ddb_value_length(value);
    char text[24];
    if (length < 0)
        return NULL;
    (void)snprintf(text, sizeof text, "%lld", length);
    json_t *size = ddb_value_new(DDB_N, json_string_nocheck(text));
    if (!size)
        *rc = -1;
    return size;
}

/* An operand's value, a new reference; NULL if the item has none (or *rc is -1). */
static json_t *operand(const struct ddb_node *node, json_t *item, int *rc)
{
    if (node->op == OP_PATH)
        return json_incref(ddb_path_get(node->path, item));
    if (node->op == OP_VALUE)
        return json_incref(node->value);
    return size_value(node, item, rc);
}

/* What is absent equals nothing, so `<>` is then true and every other comparison false. */
static int compare(enum ddb_op op, json_t *a, json_t *b)
{
    int order = 0;
    if (op == OP_EQ)
        return ddb_value_equal(a, b);
    if (op == OP_NE) {
        int equal = ddb_value_equal(a, b);
        return equal < 0 ? -1 : !equal;
    }
    if (!a || !b || !ddb_value_compare(a, b, &order))
        return 0;
    switch (op) {
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* The name was checked when the expression was compiled. */
static int has_type(json_t *value, json_t *name)
{
    return value &&
           strcmp(ddb_type_name(ddb_type_of(value)), json_string_value(ddb_content(name))) == 0;
}

/* Conditions of two operands. */
static int test_pair(enum ddb_op op, json_t *a, json_t *b)
{
    switch (op) {
    case OP_ATTRIBUTE_TYPE:
        return has_type(a, b);
    case OP_BEGINS_WITH:
        return ddb_value_begins_with(a, b);
    case OP_CONTAINS:
        return ddb_value_contains(a, b);
    default:
        return compare(op, a, b);
    }
}

/* Tests argv[0] against argv[index] by `op`. */
static int test_operands(const struct ddb_node *node, enum ddb_op op, size_t index, json_t *item)
{
    int rc = 0;
    json_t *a = operand(node->argv[0], item, &rc);
    json_t *b = rc == 0 ? operand(node->argv[index], item, &rc) : NULL;
    if (rc == 0)
        rc = test_pair(op, a, b);
    json_decref(a);
    json_decref(b);
    return rc;
}

/* Two comparisons, as `a >= low AND a <= high`. */
static int test_between(const struct ddb_node *node, json_t *item)
{
    int rc = test_operands(node, OP_GE, 1, item);
    return rc == 1 ? test_operands(node, OP_LE, 2, item) : rc;
}

/* True at the first operand that is equal. */
static int test_in(const struct ddb_node *node, json_t *item)
{
    int rc = 0;
    for (size_t i = 1; i < node->argc && rc == 0; i++)
        rc = test_operands(node, OP_EQ, i, item);
    return rc;
}

/* AND and OR stop at the operand that decides. Depth is bounded by the parser's ceilings on
 * operators and parentheses. */
int ddb_condition_test(const struct ddb_node *node, json_t *item)
{
    int rc;
    if (!node)
        return 1;
    switch (node->op) {
    case OP_AND:
        rc = ddb_condition_test(node->argv[0], item);
        return rc == 1 ? ddb_condition_test(node->argv[1], item) : rc;
    case OP_OR:
        rc = ddb_condition_test(node->argv[0], item);
        return rc == 0 ? ddb_condition_test(node->argv[1], item) : rc;
    case OP_NOT:
        rc = ddb_condition_test(node->argv[0], item);
        return rc < 0 ? -1 : !rc;
    case OP_ATTRIBUTE_EXISTS:
        return ddb_path_get(node->argv[0]->path, item) != NULL;
    case OP_ATTRIBUTE_NOT_EXISTS:
        return ddb_path_get(node->argv[0]->path, item) == NULL;
    case OP_BETWEEN:
        return test_between(node, item);
    case OP_IN:
        return test_in(node, item);
    default:
        return test_operands(node, node->op, 1, item);
    }
}
