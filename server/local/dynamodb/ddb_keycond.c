/* Every key condition is an interval of range keys, so that one statement serves them all. */
#include "server/local/dynamodb/ddb_keycond.h"

#include <string.h>

/* The conditions that an expression consists of, told apart by the key they speak of. */
struct found {
    const struct ddb_schema *schema;
    const struct ddb_node *hash;
    const struct ddb_node *range;
    struct ddb_fault *fault;
};

/* <>, IN, OR, NOT and functions other than begins_with are refused in key conditions. */
static int wrong_operator(const struct ddb_node *node, struct ddb_fault *f)
{
    return ddb_invalid(f, "Invalid operator used in KeyConditionExpression: %s",
                       ddb_op_name(node->op));
}

/* A hash key must have its condition; a range key may go without. */
static int missed(const char *name, struct ddb_fault *f)
{
    return ddb_invalid(f, "Query condition missed key schema element: %.200s", name);
}

static int sort_out(struct found *found, const struct ddb_node *node);

/* A condition belongs to the key that its first operand names; all others must be literals. */
static int sort_out_one(struct found *found, const struct ddb_node *node)
{
    const struct ddb_schema *schema = found->schema;
    if (node->argv[0]->op != OP_PATH || node->argv[0]->path->count != 1)
        return ddb_invalid(found->fault, "Invalid KeyConditionExpression: The first operand of a "
                                         "key condition must be a key attribute");
    for (size_t i = 1; i < node->argc; i++)
        if (node->argv[i]->op != OP_VALUE)
            return ddb_invalid(found->fault, "Invalid KeyConditionExpression: Key attributes must "
                                             "be compared with values");
    const char *name = node->argv[0]->path->steps[0].name;
    const struct ddb_node **place;
    if (strcmp(name, schema->hash) == 0)
        place = &found->hash;
    else if (schema->range && strcmp(name, schema->range) == 0)
        place = &found->range;
    else
        return missed(found->hash && schema->range ? schema->range : schema->hash, found->fault);
    if (*place)
        return ddb_invalid(found->fault, "KeyConditionExpressions must only contain one condition "
                                         "per key");
    *place = node;
    return 0;
}

/* Only AND may join key conditions, so that the tree is a list. */
static int sort_out(struct found *found, const struct ddb_node *node)
{
    switch (node->op) {
    case OP_AND:
        if (sort_out(found, node->argv[0]) != 0)
            return -1;
        return sort_out(found, node->argv[1]);
    case OP_EQ:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_BETWEEN:
    case OP_BEGINS_WITH:
        return sort_out_one(found, node);
    default:
        return wrong_operator(node, found->fault);
    }
}

/* Above every range key: longer than the longest, and of the highest bytes. */
static void set_no_high(struct ddb_bounds *b)
{
    b->high_len = sizeof b->high;
    memset(b->high, 0xff, sizeof b->high);
}

/* The first key behind `key` has one zero byte more. */
static void set_low(struct ddb_bounds *b, const struct ddb_key *key, bool behind)
{
    memcpy(b->low.range, key->range, key->range_len);
    b->low.range_len = key->range_len;
    if (behind)
        b->low.range[b->low.range_len++] = 0;
}

/* Up to `key` itself, or with `behind` up to and including it. */
static void set_high(struct ddb_bounds *b, const struct ddb_key *key, bool behind)
{
    memcpy(b->high, key->range, key->range_len);
    b->high_len = key->range_len;
    if (behind)
        b->high[b->high_len++] = 0;
}

/* The first key that does not begin with the prefix: its last byte that can be raised is. */
static void set_prefix(struct ddb_bounds *b, const struct ddb_key *prefix)
{
    size_t len = prefix->range_len;
    set_low(b, prefix, false);
    while (len > 0 && prefix->range[len - 1] == 0xff)
        len--;
    if (len == 0)
        return;
    memcpy(b->high, prefix->range, len);
    b->high[len - 1]++;
    b->high_len = len;
}

/* Every operator becomes an interval [low, high) of key bytes. */
static int range_bounds(const struct ddb_schema *schema, const struct ddb_node *node,
                        struct ddb_bounds *b, struct ddb_fault *f)
{
    struct ddb_key one;
    struct ddb_key two;
    if (node->op == OP_BEGINS_WITH && schema->range_type == DDB_N)
        return wrong_operator(node, f);
    if (ddb_key_range(schema, node->argv[1]->value, &one, f) != 0)
        return -1;
    if (node->op == OP_BETWEEN && ddb_key_range(schema, node->argv[2]->value, &two, f) != 0)
        return -1;
    if (node->op == OP_EQ || node->op == OP_GE || node->op == OP_GT || node->op == OP_BETWEEN)
        set_low(b, &one, node->op == OP_GT);
    if (node->op == OP_EQ || node->op == OP_LE || node->op == OP_LT)
        set_high(b, &one, node->op != OP_LT);
    if (node->op == OP_BETWEEN)
        set_high(b, &two, true);
    if (node->op == OP_BEGINS_WITH)
        set_prefix(b, &one);
    return 0;
}

/* Without a condition on the range key all of the hash key's items are within. */
int ddb_keycond_bounds(const struct ddb_schema *schema, const struct ddb_node *node,
                       struct ddb_bounds *bounds, struct ddb_fault *f)
{
    struct found found = {.schema = schema, .fault = f};
    memset(&bounds->low, 0, sizeof bounds->low);
    set_no_high(bounds);
    if (sort_out(&found, node) != 0)
        return -1;
    if (!found.hash)
        return missed(schema->hash, f);
    if (found.hash->op != OP_EQ)
        return ddb_invalid(f, "Query key condition not supported");
    if (ddb_key_hash(schema, found.hash->argv[1]->value, &bounds->low, f) != 0)
        return -1;
    return found.range ? range_bounds(schema, found.range, bounds, f) : 0;
}

/* As SQLite compares blobs. */
static int compare(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Upward the walk goes on behind the start key, downward before it; the other bound stays. */
int ddb_keycond_start(struct ddb_bounds *bounds, const struct ddb_key *start, bool upward,
                      struct ddb_fault *f)
{
    const struct ddb_key *low = &bounds->low;
    if (start->hash_len != low->hash_len || memcmp(start->hash, low->hash, low->hash_len) != 0 ||
        compare(start->range, start->range_len, low->range, low->range_len) < 0 ||
        compare(start->range, start->range_len, bounds->high, bounds->high_len) >= 0)
        return ddb_invalid(f, "The provided starting key is outside query boundaries based on "
                              "provided conditions");
    if (upward)
        set_low(bounds, start, true);
    else
        set_high(bounds, start, false);
    return 0;
}
