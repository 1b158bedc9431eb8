/* audit_expr: items and expressions under construction, with sticky failure. Private to lib/audit.
 *
 * Every attribute is aliased ("#status"), because DynamoDB reserves some 570 words. The struct
 * belongs to the caller; audit_expr_free releases it. */
#ifndef STEPFLEET_AUDIT_EXPR_H
#define STEPFLEET_AUDIT_EXPR_H

#include "lib/audit/audit.h"

struct audit_expr {
    json_t *names;     /* ExpressionAttributeNames */
    json_t *values;    /* ExpressionAttributeValues */
    struct buf update; /* "SET #a = :a, ..." */
    bool failed;
};

/* Begins an expression about a row of `t`, with #hash defined as its hash key. */
void audit_expr_init(struct audit_expr *e, const struct audit_table *t);
/* Releases names, values and texts; requests hold copies of them. */
void audit_expr_free(struct audit_expr *e);
/* 0, or -1 with ERR_MEMORY if anything failed so far. */
int audit_expr_check(const struct audit_expr *e, struct error *err);

/* Defines alias "#key" for the attribute `name`. */
void audit_expr_name(struct audit_expr *e, const char *alias, const char *name);
/* Defines ":alias"; takes the reference of `value` over. */
void audit_expr_value(struct audit_expr *e, const char *alias, json_t *value);
/* Adds "#attribute = :attribute" to the update; takes `value` over. */
void audit_expr_set(struct audit_expr *e, const char *attribute, json_t *value);
/* Defines #status and the final statuses :completed, :failed, :cancelled for AUDIT_IS_FINAL. */
void audit_expr_final(struct audit_expr *e);
#define AUDIT_IS_FINAL "#status IN (:completed, :failed, :cancelled)"

/* New attribute values: {"S": RFC 3339 time}, {"N": "1.234"}; NULL when memory is out. */
json_t *audit_value_time(int64_t wall);
/* {"N": "1.234"}: milliseconds are what a task can measure. */
json_t *audit_value_seconds(double seconds);
/* The attribute as a wall time; 0 if it is absent or not RFC 3339 (rows of foreign workers). */
int64_t audit_get_time(const json_t *item, const char *name);
/* The same of its text. */
int64_t audit_time(const char *text);
/* Makes the PutItem of `item` under `condition` / the UpdateItem of a row that must be there and
 * not be final. Each takes item or key over (NULL: memory is out) and frees the expression,
 * whatever the outcome. */
int audit_expr_put(struct audit_expr *e, struct aws_request *r, const struct audit_table *t,
                   json_t *item, const char *condition, struct error *err);
int audit_expr_update(struct audit_expr *e, struct aws_request *r, const struct audit_table *t,
                      json_t *key, struct error *err);
/* The same under another condition, which may use what audit_expr_final defines. */
int audit_expr_update_if(struct audit_expr *e, struct aws_request *r, const struct audit_table *t,
                         json_t *key, const char *condition, struct error *err);

/* {hash: value, range: value} under the table's own names; takes both values over (NULL is
 * allowed); NULL when memory is out. */
json_t *audit_key(const struct audit_table *t, json_t *hash, json_t *range);
/* Puts a member into an item, taking `value` over; -1 when memory is out (value may be NULL). */
int audit_item_set(json_t *item, const char *name, json_t *value);

#endif
