/* ddb_expr: expressions compiled into trees. Everything lives in the scope given at compile time
 * and is not changed afterwards. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_EXPR_H
#define STEPFLEET_DDB_EXPR_H

#include "server/local/dynamodb/ddb_path.h"
#include "server/local/dynamodb/ddb_scope.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    /* https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
    DDB_EXPRESSION_MAX = 4096, /* bytes of one expression */
    DDB_OPERATORS_MAX = 300,
    DDB_OPERANDS_MAX = 100, /* of IN */
    DDB_PARENTHESES_MAX = 100,
};

/* The order matters: operands come first (ddb_op_is_condition), and the comparisons from OP_EQ to
 * OP_IN lie together (check_distinct). */
enum ddb_op {
    /* operands */
    OP_PATH,
    OP_VALUE,
    OP_SIZE,
    OP_IF_NOT_EXISTS,
    OP_LIST_APPEND,
    OP_PLUS,
    OP_MINUS,
    /* conditions */
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_BETWEEN,
    OP_IN,
    OP_AND,
    OP_OR,
    OP_NOT,
    OP_ATTRIBUTE_EXISTS,
    OP_ATTRIBUTE_NOT_EXISTS,
    OP_ATTRIBUTE_TYPE,
    OP_BEGINS_WITH,
    OP_CONTAINS,
};

/* One operand, operator or function with its arguments. */
struct ddb_node {
    enum ddb_op op;
    bool parentheses; /* it stood in a pair of them */
    size_t argc;
    struct ddb_node **argv;
    const struct ddb_path *path; /* OP_PATH */
    json_t *value;               /* OP_VALUE, borrowed from the scope */
};

/* "AND", "begins_with", "<=": as DynamoDB names it in messages. */
const char *ddb_op_name(enum ddb_op op);
static inline bool ddb_op_is_condition(enum ddb_op op)
{
    return op >= OP_EQ;
}

/* The four sections of an UpdateExpression. */
enum ddb_assign_kind { ASSIGN_SET, ASSIGN_REMOVE, ASSIGN_ADD, ASSIGN_DELETE };

/* One action of an UpdateExpression. */
struct ddb_assign {
    enum ddb_assign_kind kind;
    const struct ddb_path *path;
    struct ddb_node *value; /* NULL for REMOVE */
};

/* All actions of all sections, in the order in which they were written. */
struct ddb_update {
    size_t count;
    struct ddb_assign *list;
};

/* A list of paths (ProjectionExpression). */
struct ddb_paths {
    size_t count;
    const struct ddb_path **list;
};

/* Each compiles `text`; `what` names the parameter in messages ("ConditionExpression"). NULL or -1
 * with ValidationException in DynamoDB's words. */
struct ddb_node *ddb_parse_condition(struct ddb_scope *s, const char *what, const char *text,
                                     struct ddb_fault *f);
/* UpdateExpression; overlapping paths are refused. */
int ddb_parse_update(struct ddb_scope *s, const char *text, struct ddb_update *out,
                     struct ddb_fault *f);
/* ProjectionExpression; overlapping paths are refused. */
int ddb_parse_projection(struct ddb_scope *s, const char *text, struct ddb_paths *out,
                         struct ddb_fault *f);

/* Calls `visit` for every path inside the tree; stops and returns what it returned if not 0. */
int ddb_expr_each_path(const struct ddb_node *node,
                       int (*visit)(const struct ddb_path *path, void *ctx), void *ctx);

#endif
