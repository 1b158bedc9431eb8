/* Updates: all right-hand sides from the old item first, then the changes on a copy. */
#include "server/local/dynamodb/ddb_update.h"

#include "server/local/dynamodb/ddb_value.h"

#include <stdlib.h>

static json_t *evaluate(const struct ddb_node *node, json_t *item, struct ddb_fault *f);

/* In DynamoDB's words. Always NULL. */
static json_t *wrong_type(struct ddb_fault *f)
{
    ddb_invalid(f, "An operand in the update expression has an incorrect data type");
    return NULL;
}

/* The attribute must be there; if_not_exists is for those that may not be. */
static json_t *path_value(const struct ddb_path *path, json_t *item, struct ddb_fault *f)
{
    json_t *value = ddb_path_get(path, item);
    if (!value)
        ddb_invalid(f, "The provided expression refers to an attribute that does not exist in the "
                       "item");
    return json_incref(value);
}

/* A new list that shares the elements of both. */
static json_t *append_lists(json_t *a, json_t *b, struct ddb_fault *f)
{
    if (ddb_type_of(a) != DDB_L || ddb_type_of(b) != DDB_L)
        return wrong_type(f);
    json_t *list = json_copy(ddb_content(a));
    if (list && json_array_extend(list, ddb_content(b)) != 0) {
        json_decref(list);
        list = NULL;
    }
    json_t *value = ddb_value_new(DDB_L, list);
    if (!value)
        ddb_no_memory(f);
    return value;
}

/* +, - and list_append. */
static json_t *evaluate_pair(const struct ddb_node *node, json_t *item, struct ddb_fault *f)
{
    json_t *a = evaluate(node->argv[0], item, f);
    json_t *b = a ? evaluate(node->argv[1], item, f) : NULL;
    json_t *result = NULL;
    if (b)
        result = node->op == OP_LIST_APPEND ? append_lists(a, b, f)
                                            : ddb_value_sum(a, b, node->op == OP_MINUS, f);
    json_decref(a);
    json_decref(b);
    return result;
}

/* The value of a right-hand side, a new reference. */
static json_t *evaluate(const struct ddb_node *node, json_t *item, struct ddb_fault *f)
{
    switch (node->op) {
    case OP_PATH:
        return path_value(node->path, item, f);
    case OP_VALUE:
        return json_incref(node->value);
    case OP_IF_NOT_EXISTS:
        if (ddb_path_get(node->argv[0]->path, item))
            return path_value(node->argv[0]->path, item, f);
        return evaluate(node->argv[1], item, f);
    default:
        return evaluate_pair(node, item, f);
    }
}

/* ADD to what is not there starts from zero, or from the empty set. */
static json_t *evaluate_add(const struct ddb_assign *a, json_t *item, struct ddb_fault *f)
{
    json_t *old = ddb_path_get(a->path, item);
    json_t *value = a->value->value;
    if (!old)
        return json_incref(value);
    if (ddb_type_of(old) != ddb_type_of(value))
        return wrong_type(f);
    return ddb_type_of(old) == DDB_N ? ddb_value_sum(old, value, false, f)
                                     : ddb_set_combine(old, value, false, f);
}

/* What is left of a set; *gone if that is nothing (or nothing was there). */
static json_t *evaluate_delete(const struct ddb_assign *a, json_t *item, bool *gone,
                               struct ddb_fault *f)
{
    json_t *old = ddb_path_get(a->path, item);
    if (!old) {
        *gone = true;
        return NULL;
    }
    if (ddb_type_of(old) != ddb_type_of(a->value->value))
        return wrong_type(f);
    json_t *rest = ddb_set_combine(old, a->value->value, true, f);
    *gone = rest && json_array_size(ddb_content(rest)) == 0;
    return rest;
}

/* An action ready to be done: a value to put somewhere, or none to remove. */
struct change {
    const struct ddb_path *path;
    json_t *value;
    bool remove;
    bool skip; /* DELETE from a set that is not there */
};

/* Looks at the old item only; see ddb_update_apply. */
static int prepare(const struct ddb_assign *a, json_t *item, struct change *c, struct ddb_fault *f)
{
    c->path = a->path;
    switch (a->kind) {
    case ASSIGN_SET:
        c->value = evaluate(a->value, item, f);
        break;
    case ASSIGN_ADD:
        c->value = evaluate_add(a, item, f);
        break;
    case ASSIGN_DELETE:
        c->value = evaluate_delete(a, item, &c->remove, f);
        c->skip = c->remove && !c->value;
        break;
    case ASSIGN_REMOVE:
        c->remove = true;
        break;
    }
    return c->value || c->remove ? 0 : -1;
}

/* Copies the attribute that a deeper path goes into, unless an earlier change did so already. */
static int own_attribute(const struct ddb_path *path, json_t *item, json_t *old,
                         struct ddb_fault *f)
{
    const char *name = path->steps[0].name;
    json_t *value = json_object_get(item, name);
    if (path->count == 1 || !value || value != json_object_get(old, name))
        return 0;
    if (json_object_set_new_nocheck(item, name, json_deep_copy(value)) != 0)
        return ddb_no_memory(f);
    return 0;
}

/* The later index of a list goes first, so that the earlier ones stay true. */
static int descending(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    return -ddb_path_compare(x->path, y->path);
}

/* Sets first, by indexes as they were; removals last, from the end of each list. */
static int perform(struct change *list, size_t count, json_t *item, json_t *old,
                   struct ddb_fault *f)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = own_attribute(list[i].path, item, old, f);
        if (rc == 0 && !list[i].remove)
            rc = ddb_path_set(list[i].path, item, list[i].value, f);
    }
    qsort(list, count, sizeof *list, descending);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (list[i].remove && !list[i].skip)
            rc = ddb_path_remove(list[i].path, item, f);
    return rc;
}

/* Prepares all changes from `old`, then makes them in `item`, a shallow copy of it. */
static int change_item(const struct ddb_update *update, struct change *list, json_t *item,
                       json_t *old, struct ddb_fault *f)
{
    for (size_t i = 0; i < update->count; i++)
        if (prepare(&update->list[i], old, &list[i], f) != 0)
            return -1;
    return perform(list, update->count, item, old, f);
}

json_t *ddb_update_apply(const struct ddb_update *update, json_t *item, struct ddb_fault *f)
{
    /* Shallow: attributes that no path goes into are shared with the old item. */
    json_t *result = json_copy(item);
    struct change *list = calloc(update->count + 1, sizeof *list);
    int rc;
    if (result && list)
        rc = change_item(update, list, result, item, f);
    else
        rc = ddb_no_memory(f);
    for (size_t i = 0; list && i < update->count; i++)
        json_decref(list[i].value);
    free(list);
    if (rc == 0)
        return result;
    json_decref(result);
    return NULL;
}
