/* The details row of one task. Optional attributes are rows of three tables, which serve writing
 * and reading alike. "bytes" may be 0, so "none" is a number below what can be there. */
#include "lib/audit/audit_expr.h"
#include "lib/json/json_read.h"

#include <stddef.h>
#include <stdlib.h>

/* The attributes of a row that may be absent, by kind. */
static const struct {
    const char *attribute;
    size_t offset;
} texts[] = {
    {"task_name", offsetof(struct audit_detail, task_name)},
    {"object_key", offsetof(struct audit_detail, object_key)},
    {"destination_key", offsetof(struct audit_detail, destination_key)},
    {"stop_code", offsetof(struct audit_detail, stop_code)},
    {"stopped_reason", offsetof(struct audit_detail, stopped_reason)},
};

static const struct {
    const char *attribute;
    size_t offset;
    int64_t none; /* greatest value that means "not there" */
} numbers[] = {
    {"attempt", offsetof(struct audit_detail, attempt), 0},
    {"bytes", offsetof(struct audit_detail, bytes), -1},
    {"exit_code", offsetof(struct audit_detail, exit_code), -1},
};

/* Absent, too, as long as they are not known. */
static const struct {
    const char *attribute;
    size_t offset;
} times[] = {
    {"created_at", offsetof(struct audit_detail, created_at)},
    {"pull_started_at", offsetof(struct audit_detail, pull_started_at)},
    {"pull_stopped_at", offsetof(struct audit_detail, pull_stopped_at)},
    {"started_at", offsetof(struct audit_detail, container_started_at)},
};

/* The number of rows in one of these tables. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The member of a row that a line of the tables above stands for. */
static const char **text_of(struct audit_detail *row, size_t i)
{
    return (const char **)(void *)((char *)row + texts[i].offset);
}

static int64_t *number_of(struct audit_detail *row, size_t i)
{
    return (int64_t *)(void *)((char *)row + numbers[i].offset);
}

static int64_t *time_of(struct audit_detail *row, size_t i)
{
    return (int64_t *)(void *)((char *)row + times[i].offset);
}

static json_t *detail_key(const struct audit_table *t, const struct audit_detail *row)
{
    return audit_key(t, dynamodb_n(row->workflow_run_id), dynamodb_s(row->ecs_task_id));
}

/* All attributes that the row has besides key and start_time, as {"name": value}. */
static json_t *detail_attributes(const struct audit_detail *given)
{
    struct audit_detail row = *given;
    json_t *out = json_object();
    int bad = audit_item_set(out, "status", dynamodb_s(audit_status_name(row.status)));
    bad |= audit_item_set(out, "update_time", audit_value_time(row.update_time));
    for (size_t i = 0; i < COUNT(texts); i++)
        if (*text_of(&row, i))
            bad |= audit_item_set(out, texts[i].attribute, dynamodb_s(*text_of(&row, i)));
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (*number_of(&row, i) > numbers[i].none)
            bad |= audit_item_set(out, numbers[i].attribute, dynamodb_n(*number_of(&row, i)));
    for (size_t i = 0; i < COUNT(times); i++)
        if (*time_of(&row, i) > 0)
            bad |= audit_item_set(out, times[i].attribute, audit_value_time(*time_of(&row, i)));
    if (row.exec_time_in_seconds >= 0)
        bad |= audit_item_set(out, "exec_time_in_seconds",
                              audit_value_seconds(row.exec_time_in_seconds));
    if (!bad)
        return out;
    json_decref(out);
    return NULL;
}

/* A whole row; start_time is written here only, updates leave it alone. */
static json_t *detail_item(const struct audit_table *t, const struct audit_detail *row)
{
    json_t *item = detail_key(t, row);
    json_t *attributes = detail_attributes(row);
    int bad = !item || !attributes;
    if (!bad && row->start_time > 0)
        bad = audit_item_set(item, "start_time", audit_value_time(row->start_time));
    if (!bad)
        bad = json_object_update(item, attributes);
    json_decref(attributes);
    if (!bad)
        return item;
    json_decref(item);
    return NULL;
}

/* The task and the monitor may both write the first row; whoever comes second may only replace one
 * that is not final. */
int audit_detail_put(struct aws_request *r, const struct audit_table *t,
                     const struct audit_detail *row, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    audit_expr_final(&e);
    return audit_expr_put(&e, r, t, detail_item(t, row),
                          "attribute_not_exists(#hash) OR NOT (" AUDIT_IS_FINAL ")", err);
}

/* Every attribute the row has becomes one assignment of the update. */
static void detail_changes(struct audit_expr *e, const struct audit_detail *row)
{
    json_t *attributes = detail_attributes(row);
    e->failed |= !attributes;
    const char *name;
    json_t *value;
    json_object_foreach (attributes, name, value) {
        audit_expr_set(e, name, json_incref(value));
    }
    json_decref(attributes);
}

/* Only what the row has is written: a farewell without a destination leaves the one that is there.
 * Whoever repeats this because the answer was lost finds the very row it wrote, and may. */
int audit_detail_finish(struct aws_request *r, const struct audit_table *t,
                        const struct audit_detail *row, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    detail_changes(&e, row);
    return audit_expr_update_if(&e, r, t, detail_key(t, row),
                                "attribute_exists(#hash) AND (NOT (" AUDIT_IS_FINAL
                                ") OR (#status = :status AND #update_time = :update_time))",
                                err);
}

/* By its reason a farewell is told from a row that is explained already. The condition names all
 * that the expression defines: DynamoDB refuses what is not used. */
int audit_detail_explain(struct aws_request *r, const struct audit_table *t,
                         const struct audit_detail *row, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    audit_expr_set(&e, "stop_code", dynamodb_s(row->stop_code));
    audit_expr_set(&e, "stopped_reason", dynamodb_s(row->stopped_reason));
    audit_expr_set(&e, "update_time", audit_value_time(row->update_time));
    audit_expr_value(&e, "farewell", dynamodb_s(AUDIT_FAREWELL));
    return audit_expr_update_if(&e, r, t, detail_key(t, row),
                                "attribute_exists(#hash) AND " AUDIT_IS_FINAL
                                " AND #status = :cancelled AND #stopped_reason = :farewell",
                                err);
}

/* What the queries of a run's rows differ in. */
struct rows {
    const char *projection; /* only these aliases, which the expression must define; NULL: all */
    bool consistent;
    int64_t limit; /* 0: none */
};

static int detail_query(struct aws_request *r, const struct audit_table *t, struct audit_expr *e,
                        int64_t workflow_run_id, struct rows rows, json_t *start_key,
                        struct error *err)
{
    audit_expr_value(e, "run", dynamodb_n(workflow_run_id));
    if (audit_expr_check(e, err) != 0)
        return -1;
    return dynamodb_query(r,
                          &(struct dynamodb_query){.table = t->table,
                                                   .key_condition = "#hash = :run",
                                                   .projection = rows.projection,
                                                   .consistent = rows.consistent,
                                                   .limit = rows.limit,
                                                   .names = e->names,
                                                   .values = e->values,
                                                   .start_key = start_key},
                          err);
}

int audit_detail_query(struct aws_request *r, const struct audit_table *t, int64_t workflow_run_id,
                       json_t *start_key, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    int rc = detail_query(r, t, &e, workflow_run_id, (struct rows){0}, start_key, err);
    audit_expr_free(&e);
    return rc;
}

int audit_detail_query_consistent(struct aws_request *r, const struct audit_table *t,
                                  int64_t workflow_run_id, json_t *start_key, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    int rc =
        detail_query(r, t, &e, workflow_run_id, (struct rows){.consistent = true}, start_key, err);
    audit_expr_free(&e);
    return rc;
}

int audit_detail_query_any(struct aws_request *r, const struct audit_table *t,
                           int64_t workflow_run_id, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    audit_expr_name(&e, "range", t->range_key);
    const struct rows one = {.projection = "#hash, #range", .consistent = true, .limit = 1};
    int rc = detail_query(r, t, &e, workflow_run_id, one, NULL, err);
    audit_expr_free(&e);
    return rc;
}

/* A look reads all rows of a run: leaving the long attributes out saves transfer and parsing. It
 * saves no read units, and pages stay as short: DynamoDB counts items before it projects them. */
int audit_detail_query_status(struct aws_request *r, const struct audit_table *t,
                              int64_t workflow_run_id, json_t *start_key, struct error *err)
{
    static const char *const wanted[] = {"task_name", "status",         "start_time", "update_time",
                                         "stop_code", "stopped_reason", "exit_code"};
    struct audit_expr e;
    audit_expr_init(&e, t);
    audit_expr_name(&e, "range", t->range_key);
    for (size_t i = 0; i < COUNT(wanted); i++)
        audit_expr_name(&e, wanted[i], wanted[i]);
    const struct rows rows = {.projection =
                                  "#hash, #range, #task_name, #status, #start_time, "
                                  "#update_time, #stop_code, #stopped_reason, #exit_code"};
    int rc = detail_query(r, t, &e, workflow_run_id, rows, start_key, err);
    audit_expr_free(&e);
    return rc;
}

/* A number with a fraction; -1 if it is absent or no number. */
static double get_seconds(const json_t *item, const char *name)
{
    const char *text = json_str(json_object_get(item, name), "N", "");
    char *end;
    double seconds = strtod(text, &end);
    return *text && !*end && seconds >= 0 ? seconds : -1;
}

/* Attributes of foreign workers' rows may be missing; without keys and status a row says nothing.
 */
int audit_detail_read(json_t *item, const struct audit_table *t, struct audit_detail *out,
                      struct error *err)
{
    *out = (struct audit_detail){
        .workflow_run_id = dynamodb_get_n(item, t->hash_key, 0),
        .ecs_task_id = dynamodb_get_s(item, t->range_key, NULL),
        .start_time = audit_get_time(item, "start_time"),
        .update_time = audit_get_time(item, "update_time"),
        .exec_time_in_seconds = get_seconds(item, "exec_time_in_seconds"),
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        *text_of(out, i) = dynamodb_get_s(item, texts[i].attribute, NULL);
    for (size_t i = 0; i < COUNT(numbers); i++)
        *number_of(out, i) = dynamodb_get_n(item, numbers[i].attribute, numbers[i].none);
    for (size_t i = 0; i < COUNT(times); i++)
        *time_of(out, i) = audit_get_time(item, times[i].attribute);
    if (!out->ecs_task_id || out->workflow_run_id <= 0)
        return err_set(err, ERR_SYNTAX, "an item of %s has no %s or %s", t->table, t->hash_key,
                       t->range_key);
    return audit_status_parse(dynamodb_get_s(item, "status", ""), &out->status, err);
}
