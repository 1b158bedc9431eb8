/* asl_filter: the inner form of a path's filter [?( ... )]. Immutable once parsed, any thread.
 * Private to server/local/asl. */
#ifndef STEPFLEET_LOCAL_ASL_FILTER_H
#define STEPFLEET_LOCAL_ASL_FILTER_H

#include "server/local/asl/asl_path.h"

enum asl_filter_kind {
    ASL_FILTER_OR,
    ASL_FILTER_AND,
    ASL_FILTER_NOT,
    ASL_FILTER_EXISTS,  /* @.a, $.b */
    ASL_FILTER_COMPARE, /* @.a == 1 */
};

enum asl_filter_op {
    ASL_OP_EQ,
    ASL_OP_NE,
    ASL_OP_LT,
    ASL_OP_LE,
    ASL_OP_GT,
    ASL_OP_GE,
    ASL_OP_IN,  /* the right operand is a list that holds the left one */
    ASL_OP_NIN, /* the opposite, also when there is no left one */
};

/* A path or a literal: exactly one is set. Owned by the filter. */
struct asl_operand {
    struct asl_path *path;
    json_t *literal;
};

/* A node of the tree. OR and AND use left and right, NOT uses left, EXISTS uses `a` (always a
 * path), COMPARE uses `a`, `op` and `b`. */
struct asl_filter {
    enum asl_filter_kind kind;
    enum asl_filter_op op;
    struct asl_filter *left; /* OR, AND, NOT */
    struct asl_filter *right;
    struct asl_operand a; /* EXISTS, COMPARE */
    struct asl_operand b;
};

#endif
