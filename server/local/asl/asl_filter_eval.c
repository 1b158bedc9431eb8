/* Evaluation of filters on one element. Values of different types are unequal and have no order,
 * so a filter is never an error: it just does not accept. */
#include "server/local/asl/asl_compare.h"
#include "server/local/asl/asl_filter.h"

/* A new reference, or NULL for a path without a result. */
static json_t *operand_value(const struct asl_operand *o, json_t *element, json_t *document,
                             struct asl_effort *effort)
{
    json_t *out = NULL;
    if (o->literal)
        return json_incref(o->literal);
    json_t *doc = o->path->root == ASL_ROOT_ELEMENT ? element : document;
    return asl_path_select(o->path, doc, document, &out, effort) ? out : NULL;
}

/* Membership in a list; anything but a list has no members. */
static bool is_in(const json_t *item, const json_t *list)
{
    size_t i;
    json_t *value;
    json_array_foreach (list, i, value)
        if (asl_values_equal(item, value))
            return true;
    return false;
}

/* Orders two numbers or two texts; false when the values cannot be ordered. */
static bool order(const json_t *a, const json_t *b, int *out)
{
    if (json_is_number(a) && json_is_number(b))
        *out = asl_compare_numbers(a, b);
    else if (json_is_string(a) && json_is_string(b))
        *out = asl_compare_texts(a, b);
    else
        return false;
    return true;
}

/* The four operators that need an order. */
static bool ordered(enum asl_filter_op op, const json_t *a, const json_t *b)
{
    int o;
    if (!order(a, b, &o))
        return false;
    return op == ASL_OP_LT ? o < 0 : op == ASL_OP_LE ? o <= 0 : op == ASL_OP_GT ? o > 0 : o >= 0;
}

/* NULL stands for a path without a result: unequal to everything, also to null. */
static bool holds(enum asl_filter_op op, const json_t *a, const json_t *b)
{
    switch (op) {
    case ASL_OP_EQ:
        return a && b && asl_values_equal(a, b);
    case ASL_OP_NE:
        return !(a && b && asl_values_equal(a, b));
    case ASL_OP_IN:
        return a && is_in(a, b);
    case ASL_OP_NIN:
        return !(a && is_in(a, b));
    case ASL_OP_LT:
    case ASL_OP_LE:
    case ASL_OP_GT:
    case ASL_OP_GE:
        break;
    }
    return ordered(op, a, b);
}

/* Both operands are fetched even if the first decides: the effort counts them alike. */
static bool compare(const struct asl_filter *filter, json_t *element, json_t *document,
                    struct asl_effort *effort)
{
    json_t *a = operand_value(&filter->a, element, document, effort);
    json_t *b = operand_value(&filter->b, element, document, effort);
    bool yes = !effort->exhausted && holds(filter->op, a, b);
    json_decref(a);
    json_decref(b);
    return yes;
}

/* An indefinite path exists when it selects at least one value. */
static bool exists(const struct asl_filter *filter, json_t *element, json_t *document,
                   struct asl_effort *effort)
{
    json_t *value = operand_value(&filter->a, element, document, effort);
    bool yes = value && (filter->a.path->definite || json_array_size(value) > 0);
    json_decref(value);
    return yes;
}

/* "&&" and "||" stop at the operand that decides. */
bool asl_filter_accepts(const struct asl_filter *filter, json_t *element, json_t *document,
                        struct asl_effort *effort)
{
    if (effort->exhausted)
        return false;
    switch (filter->kind) {
    case ASL_FILTER_OR:
        return asl_filter_accepts(filter->left, element, document, effort) ||
               asl_filter_accepts(filter->right, element, document, effort);
    case ASL_FILTER_AND:
        return asl_filter_accepts(filter->left, element, document, effort) &&
               asl_filter_accepts(filter->right, element, document, effort);
    case ASL_FILTER_NOT:
        return !asl_filter_accepts(filter->left, element, document, effort);
    case ASL_FILTER_EXISTS:
        return exists(filter, element, document, effort);
    case ASL_FILTER_COMPARE:
        break;
    }
    return compare(filter, element, document, effort);
}
