/* Building stops being checked at each step: a failure sticks until audit_expr_check. */
#include "lib/audit/audit_expr.h"

#include <stdio.h>

void audit_expr_init(struct audit_expr *e, const struct audit_table *t)
{
    *e = (struct audit_expr){.names = json_object(), .values = json_object()};
    e->failed = !e->names || !e->values;
    buf_init(&e->update, BUF_MAX_LINE);
    audit_expr_name(e, "hash", t->hash_key);
}

void audit_expr_free(struct audit_expr *e)
{
    json_decref(e->names);
    json_decref(e->values);
    buf_free(&e->update);
    e->names = e->values = NULL;
}

int audit_expr_check(const struct audit_expr *e, struct error *err)
{
    if (e->failed)
        return err_set(err, ERR_MEMORY, "out of memory while building an audit row");
    return buf_check(&e->update, err);
}

/* Adds `sign` + alias to one of the two tables; takes `value` over. */
static void define(struct audit_expr *e, json_t *table, char sign, const char *alias, json_t *value)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%c%s", sign, alias);
    if (audit_item_set(table, key, value) != 0)
        e->failed = true;
}

void audit_expr_name(struct audit_expr *e, const char *alias, const char *name)
{
    define(e, e->names, '#', alias, json_string(name));
}

void audit_expr_value(struct audit_expr *e, const char *alias, json_t *value)
{
    define(e, e->values, ':', alias, value);
}

void audit_expr_set(struct audit_expr *e, const char *attribute, json_t *value)
{
    audit_expr_name(e, attribute, attribute);
    audit_expr_value(e, attribute, value);
    buf_addf(&e->update, "%s#%s = :%s", e->update.len ? ", " : "SET ", attribute, attribute);
}

void audit_expr_final(struct audit_expr *e)
{
    audit_expr_name(e, "status", "status");
    audit_expr_value(e, "completed", dynamodb_s(audit_status_name(AUDIT_COMPLETED)));
    audit_expr_value(e, "failed", dynamodb_s(audit_status_name(AUDIT_FAILED)));
    audit_expr_value(e, "cancelled", dynamodb_s(audit_status_name(AUDIT_CANCELLED)));
}

/* DynamoDB refuses a map of values that is there and empty. */
int audit_expr_put(struct audit_expr *e, struct aws_request *r, const struct audit_table *t,
                   json_t *item, const char *condition, struct error *err)
{
    e->failed |= !item;
    const struct dynamodb_put put = {.table = t->table,
                                     .item = item,
                                     .condition = condition,
                                     .names = e->names,
                                     .values = json_object_size(e->values) ? e->values : NULL};
    int rc = audit_expr_check(e, err);
    if (rc == 0)
        rc = dynamodb_put_item(r, &put, err);
    json_decref(item);
    audit_expr_free(e);
    return rc;
}

int audit_expr_update_if(struct audit_expr *e, struct aws_request *r, const struct audit_table *t,
                         json_t *key, const char *condition, struct error *err)
{
    audit_expr_final(e);
    e->failed |= !key;
    const struct dynamodb_update update = {.table = t->table,
                                           .key = key,
                                           .update = buf_str(&e->update),
                                           .condition = condition,
                                           .names = e->names,
                                           .values = e->values};
    int rc = audit_expr_check(e, err);
    if (rc == 0)
        rc = dynamodb_update_item(r, &update, err);
    json_decref(key);
    audit_expr_free(e);
    return rc;
}

/* Existence is part of the condition: an UpdateItem of an absent row would make one up. */
int audit_expr_update(struct audit_expr *e, struct aws_request *r, const struct audit_table *t,
                      json_t *key, struct error *err)
{
    return audit_expr_update_if(e, r, t, key,
                                "attribute_exists(#hash) AND NOT (" AUDIT_IS_FINAL ")", err);
}

json_t *audit_key(const struct audit_table *t, json_t *hash, json_t *range)
{
    json_t *key = json_object();
    int bad = audit_item_set(key, t->hash_key, hash);
    bad |= audit_item_set(key, t->range_key, range);
    if (!bad)
        return key;
    json_decref(key);
    return NULL;
}

json_t *audit_value_time(int64_t wall)
{
    char text[CLOCK_TEXT_MAX];
    return dynamodb_s(clock_rfc3339(wall, text));
}

json_t *audit_value_seconds(double seconds)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.3f", seconds);
    return json_pack("{s:s}", "N", text);
}

/* A time that makes no sense reads as none: one bad attribute must not hide the row. */
int64_t audit_time(const char *text)
{
    int64_t wall;
    return clock_parse_rfc3339(text, &wall, NULL) == 0 ? wall : 0;
}

int64_t audit_get_time(const json_t *item, const char *name)
{
    return audit_time(dynamodb_get_s(item, name, ""));
}

int audit_item_set(json_t *item, const char *name, json_t *value)
{
    return item && value ? json_object_set_new(item, name, value) : (json_decref(value), -1);
}
