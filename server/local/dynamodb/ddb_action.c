/* What each of Put, Update, Delete and ConditionCheck means, from parameters to rows.
 *
 * compile (caller's thread): parameters, expressions, key; no database, so that faults cost no
 * round
 * prepare (writer's thread): old item, condition, new item; nothing is written yet
 * store   (writer's thread): the row; only the database can fail here
 * A transaction prepares all of its actions before it stores the first one. */
#include "server/local/dynamodb/ddb_action.h"

#include "server/local/dynamodb/ddb_change.h"
#include "server/local/dynamodb/ddb_condition.h"
#include "server/local/dynamodb/ddb_project.h"
#include "server/local/dynamodb/ddb_update.h"

#include <stdio.h>
#include <string.h>

/* Without UpdateExpression an UpdateItem only makes the item, if it is not there. */
static int compile_update(struct ddb_action *a, const char *text, struct ddb_fault *f)
{
    if (!text)
        return 0;
    a->updates = true;
    return ddb_parse_update(&a->scope, text, &a->update, f);
}

static int compile_condition(struct ddb_action *a, const char *text, struct ddb_fault *f)
{
    if (!text)
        return 0;
    a->condition = ddb_parse_condition(&a->scope, "ConditionExpression", text, f);
    return a->condition ? 0 : -1;
}

/* Both expressions share one scope, and what neither of them uses is an error. */
static int compile_expressions(struct ddb_action *a, const struct ddb_input *in,
                               struct ddb_fault *f)
{
    bool any = in->update || in->condition;
    if (ddb_scope_open(&a->scope, in->names, in->values, any, f) != 0)
        return -1;
    if (compile_update(a, in->update, f) != 0 || compile_condition(a, in->condition, f) != 0)
        return -1;
    return ddb_scope_finish(&a->scope, f);
}

/* Words that are not offered are refused before anything is looked up, as DynamoDB does. */
static int compile_returns(struct ddb_action *a, const struct ddb_input *in, struct ddb_fault *f)
{
    const char *words =
        a->kind == ACTION_UPDATE ? "NONE|ALL_OLD|UPDATED_OLD|ALL_NEW|UPDATED_NEW" : "NONE|ALL_OLD";
    if (ddb_input_word(in->return_values, "returnValues", words, f) != 0 ||
        ddb_input_word(in->on_failure, "returnValuesOnConditionCheckFailure", "NONE|ALL_OLD", f) !=
            0 ||
        ddb_input_word(in->capacity, "returnConsumedCapacity", "NONE|TOTAL|INDEXES", f) != 0 ||
        ddb_input_word(in->metrics, "returnItemCollectionMetrics", "NONE|SIZE", f) != 0)
        return -1;
    (void)snprintf(a->returns, sizeof a->returns, "%s", in->return_values ? in->return_values : "");
    a->old_on_failure = in->on_failure && strcmp(in->on_failure, "ALL_OLD") == 0;
    return 0;
}

/* A key cannot be updated, only put anew: refused whatever the value would be. */
static int check_key_untouched(const struct ddb_action *a, struct ddb_fault *f)
{
    for (size_t i = 0; i < a->update.count; i++) {
        const char *name = a->update.list[i].path->steps[0].name;
        if (ddb_schema_has(&a->table->schema, name))
            return ddb_invalid(f,
                               "One or more parameter values were invalid: Cannot update attribute "
                               "%.200s. This attribute is part of the key",
                               name);
    }
    return 0;
}

/* The item of a Put must hold the key; a Key must be the key and nothing else. */
static int compile_item(struct ddb_action *a, json_t *item, struct ddb_fault *f)
{
    a->item = ddb_item_normal(item, &a->size, f);
    if (!a->item)
        return -1;
    if (a->kind != ACTION_PUT)
        return ddb_key_of_key(&a->table->schema, a->item, &a->key, f);
    if (json_object_get(a->item, ""))
        return ddb_invalid(f, "One or more parameter values were invalid: An attribute name must "
                              "not be empty");
    if (a->size > DDB_ITEM_MAX)
        return ddb_invalid(f, "Item size has exceeded the maximum allowed size");
    return ddb_key_of_item(&a->table->schema, a->item, &a->key, f);
}

int ddb_action_compile(struct ddb_action *a, enum ddb_action_kind kind, const struct ddb_input *in,
                       struct ddb_catalog *catalog, struct ddb_fault *f)
{
    a->kind = kind;
    if (compile_returns(a, in, f) != 0 || compile_expressions(a, in, f) != 0)
        return -1;
    a->table = ddb_catalog_need(catalog, in->table, f);
    if (!a->table || check_key_untouched(a, f) != 0)
        return -1;
    return compile_item(a, kind == ACTION_PUT ? in->item : in->key, f);
}

/* With ReturnValuesOnConditionCheckFailure ALL_OLD the answer carries the item that stood in
 * the way. */
static int condition_failed(const struct ddb_action *a, struct ddb_fault *f)
{
    ddb_fault_set(f, "ConditionalCheckFailedException", "The conditional request failed");
    if (a->old_on_failure && a->old_image) {
        f->extra = json_pack("{s:O}", "Item", a->old_image);
        if (!f->extra)
            return ddb_no_memory(f);
    }
    return -1;
}

/* 0 when it is met; else the fault. */
static int check_condition(const struct ddb_action *a, struct ddb_fault *f)
{
    int met = ddb_condition_test(a->condition, a->old_image);
    if (met < 0)
        return ddb_no_memory(f);
    return met ? 0 : condition_failed(a, f);
}

/* The updated item went through no check yet: its size and depth are new. */
static int prepare_update(struct ddb_action *a, struct ddb_fault *f)
{
    json_t *base = a->old_image ? a->old_image : a->item;
    json_t *updated = a->updates ? ddb_update_apply(&a->update, base, f) : json_incref(base);
    if (!updated)
        return -1;
    a->new_image = ddb_item_normal(updated, &a->new_size, f);
    json_decref(updated);
    if (!a->new_image)
        return -1;
    if (a->new_size > DDB_ITEM_MAX)
        return ddb_invalid(f, "Item size to update has exceeded the maximum allowed size");
    return 0;
}

/* The table may have gone or changed since the action was compiled: it is looked up again, on the
 * thread that changes tables. */
int ddb_action_prepare(struct ddb_action *a, struct ddb_store *store, struct ddb_catalog *catalog,
                       struct ddb_fault *f)
{
    struct error err;
    if (!ddb_catalog_renew(catalog, &a->table))
        return ddb_fault_set(f, "ResourceNotFoundException", "Requested resource not found");
    if (ddb_store_get(store, a->table->id, &a->key, &a->old_image, &a->old_size, &err) != 0)
        return ddb_internal(f, &err);
    if (check_condition(a, f) != 0)
        return -1;
    if (a->kind == ACTION_UPDATE)
        return prepare_update(a, f);
    if (a->kind == ACTION_PUT) {
        a->new_image = json_incref(a->item);
        a->new_size = a->size;
    } else if (a->kind == ACTION_CHECK) {
        a->new_image = json_incref(a->old_image);
        a->new_size = a->old_size;
    }
    return 0;
}

static int record_change(const struct ddb_action *a, struct ddb_store *store, struct ddb_fault *f)
{
    const struct ddb_change change = {.table = a->table,
                                      .old_image = a->old_image,
                                      .new_image = a->new_image,
                                      .old_size = a->old_size,
                                      .new_size = a->new_size};
    return ddb_change_record(&change, store, f);
}

/* A Delete of what is not there writes nothing. */
int ddb_action_store(struct ddb_action *a, struct ddb_store *store, struct ddb_fault *f)
{
    struct error err;
    int rc = 0;
    if (a->kind == ACTION_CHECK)
        return 0;
    if (a->new_image)
        rc = ddb_store_put(store, a->table->id, &a->key, a->new_image, a->new_size, &err);
    else if (a->old_image)
        rc = ddb_store_remove(store, a->table->id, &a->key, &err);
    return rc == 0 ? record_change(a, store, f) : ddb_internal(f, &err);
}

int ddb_action_attributes(const struct ddb_action *a, json_t **attributes)
{
    /* ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATED_NEW; NONE and "" have neither word. */
    bool is_new = strstr(a->returns, "_NEW") != NULL;
    json_t *image = is_new ? a->new_image : a->old_image;
    *attributes = NULL;
    if (!image || (!is_new && !strstr(a->returns, "_OLD")))
        return 0;
    if (strncmp(a->returns, "ALL", 3) == 0) {
        *attributes = json_deep_copy(image);
        return *attributes ? 0 : -1;
    }
    json_t *part = ddb_project_update(&a->update, image);
    if (part && json_object_size(part) > 0)
        *attributes = json_deep_copy(part);
    int rc = part && (*attributes || json_object_size(part) == 0) ? 0 : -1;
    json_decref(part);
    return rc;
}

double ddb_action_units(const struct ddb_action *a)
{
    return ddb_write_units(a->old_size > a->new_size ? a->old_size : a->new_size);
}

void ddb_action_close(struct ddb_action *a)
{
    ddb_scope_close(&a->scope);
    json_decref(a->item);
    json_decref(a->old_image);
    json_decref(a->new_image);
    ddb_table_release(a->table);
    a->item = a->old_image = a->new_image = NULL;
    a->table = NULL;
}
