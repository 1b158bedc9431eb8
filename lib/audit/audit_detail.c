/* The details row of one task. Optional attributes are rows of three tables, which serve writing
 * and reading alike. "bytes" may be 0, so "none" is a number below what can be there. */
#include "lib/audit/audit_expr.h"
#include "lib/json/json_read.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NAMED(attribute) (attribute), sizeof(attribute) - 1

/* The attributes of a row that may be absent, by kind. */
static const struct {
    const char *attribute;
    size_t len; /* of its name */
    size_t offset;
} texts[] = {
    {NAMED("task_name"), offsetof(struct audit_detail, task_name)},
    {NAMED("object_key"), offsetof(struct audit_detail, object_key)},
    {NAMED("destination_key"), offsetof(struct audit_detail, destination_key)},
    {NAMED("stop_code"), offsetof(struct audit_detail, stop_code)},
    {NAMED("stopped_reason"), offsetof(struct audit_detail, stopped_reason)},
};

static const struct {
    const char *attribute;
    size_t len; /* of its name */
    size_t offset;
    int64_t none; /* greatest value that means "not there" */
} numbers[] = {
    {NAMED("attempt"), offsetof(struct audit_detail, attempt), 0},
    {NAMED("bytes"), offsetof(struct audit_detail, bytes), -1},
    {NAMED("exit_code"), offsetof(struct audit_detail, exit_code), -1},
};

/* Absent, too, as long as they are not known. */
static const struct {
    const char *attribute;
    size_t len; /* of its name */
    size_t offset;
} times[] = {
    {NAMED("created_at"), offsetof(struct audit_detail, created_at)},
    {NAMED("pull_started_at"), offsetof(struct audit_detail, pull_started_at)},
    {NAMED("pull_stopped_at"), offsetof(struct audit_detail, pull_stopped_at)},
    {NAMED("started_at"), offsetof(struct audit_detail, container_started_at)},
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
static double seconds_of(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    return *text && !*end && seconds >= 0 ? seconds : -1;
}

static double get_seconds(const json_t *item, const char *name)
{
    return seconds_of(json_str(json_object_get(item, name), "N", ""));
}

/* What a row must have. */
static int check_detail(const struct audit_table *t, struct audit_detail *row, const char *status,
                        struct error *err)
{
    if (!row->ecs_task_id || row->workflow_run_id <= 0)
        return err_set(err, ERR_SYNTAX, "an item of %s has no %s or %s", t->table, t->hash_key,
                       t->range_key);
    return audit_status_parse(status, &row->status, err);
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
    return check_detail(t, out, dynamodb_get_s(item, "status", ""), err);
}

/* --- the same from text --- */

/* An item on its way into a row. */
struct reading {
    const struct audit_table *t;
    size_t hash_len, range_len;
    struct json_texts *texts;
    struct audit_detail *row;
    const char *status;
    uint32_t seen; /* attributes that were there, a bit for each that is read */
    bool twice;    /* one of them came again */
    bool full;     /* there was no room for a text */
};

/* Where the tables' attributes have their bits, and those of the others. */
enum {
    BIT_TEXTS = 0,
    BIT_NUMBERS = BIT_TEXTS + COUNT(texts),
    BIT_TIMES = BIT_NUMBERS + COUNT(numbers),
    BIT_HASH = BIT_TIMES + COUNT(times),
    BIT_RANGE,
    BIT_STATUS,
    BIT_START,
    BIT_UPDATE,
    BIT_SECONDS,
};

static void note(struct reading *r, size_t bit, const struct dynamodb_value *value)
{
    const uint32_t mask = UINT32_C(1) << bit;
    r->twice = r->twice || (r->seen & mask) || value->twice;
    r->seen |= mask;
}

static const char *add_text(struct reading *r, bool present, const struct json_text *text)
{
    const char *copy = present ? json_texts_add(r->texts, text) : NULL;
    r->full = r->full || (present && !copy);
    return copy;
}

/* What is read from a text needs it for a moment only. */
static int64_t value_number(struct reading *r, const struct dynamodb_value *value, int64_t none)
{
    const size_t mark = r->texts->len;
    const int64_t number = dynamodb_number(add_text(r, value->is_n, &value->n), none);
    json_texts_reset(r->texts, mark);
    return number;
}

static int64_t value_time(struct reading *r, const struct dynamodb_value *value)
{
    const size_t mark = r->texts->len;
    const char *text = add_text(r, value->is_s, &value->s);
    const int64_t time = text ? audit_time(text) : 0;
    json_texts_reset(r->texts, mark);
    return time;
}

static double value_seconds(struct reading *r, const struct dynamodb_value *value)
{
    const size_t mark = r->texts->len;
    const char *text = add_text(r, value->is_n, &value->n);
    const double seconds = text ? seconds_of(text) : -1;
    json_texts_reset(r->texts, mark);
    return seconds;
}

/* The attributes of the three tables; false: it is none of them. */
static bool take_optional(struct reading *r, const struct json_text *name,
                          const struct dynamodb_value *value)
{
    for (size_t i = 0; i < COUNT(texts); i++)
        if (json_text_is(name, texts[i].attribute, texts[i].len)) {
            note(r, BIT_TEXTS + i, value);
            *text_of(r->row, i) = add_text(r, value->is_s, &value->s);
            return true;
        }
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (json_text_is(name, numbers[i].attribute, numbers[i].len)) {
            note(r, BIT_NUMBERS + i, value);
            *number_of(r->row, i) = value_number(r, value, numbers[i].none);
            return true;
        }
    for (size_t i = 0; i < COUNT(times); i++)
        if (json_text_is(name, times[i].attribute, times[i].len)) {
            note(r, BIT_TIMES + i, value);
            *time_of(r->row, i) = value_time(r, value);
            return true;
        }
    return false;
}

static void take_other(struct reading *r, const struct json_text *name,
                       const struct dynamodb_value *value)
{
    if (JSON_TEXT_IS(name, "status")) {
        note(r, BIT_STATUS, value);
        r->status = add_text(r, value->is_s, &value->s);
    } else if (JSON_TEXT_IS(name, "start_time")) {
        note(r, BIT_START, value);
        r->row->start_time = value_time(r, value);
    } else if (JSON_TEXT_IS(name, "update_time")) {
        note(r, BIT_UPDATE, value);
        r->row->update_time = value_time(r, value);
    } else if (JSON_TEXT_IS(name, "exec_time_in_seconds")) {
        note(r, BIT_SECONDS, value);
        r->row->exec_time_in_seconds = value_seconds(r, value);
    }
}

/* A table may call its keys as we call another attribute: then one is both. */
static void take(struct reading *r, const struct json_text *name,
                 const struct dynamodb_value *value)
{
    if (json_text_is(name, r->t->hash_key, r->hash_len)) {
        note(r, BIT_HASH, value);
        r->row->workflow_run_id = value_number(r, value, 0);
    }
    if (json_text_is(name, r->t->range_key, r->range_len)) {
        note(r, BIT_RANGE, value);
        r->row->ecs_task_id = add_text(r, value->is_s, &value->s);
    }
    if (!take_optional(r, name, value))
        take_other(r, name, value);
}

static void take_item(struct reading *r, struct json_pull *p)
{
    struct json_text name;
    struct dynamodb_value value;
    if (jp_peek(p) != JP_OBJECT) {
        jp_skip(p);
        return;
    }
    jp_enter(p);
    while (jp_member(p, &name)) {
        dynamodb_value_read(p, &value);
        take(r, &name, &value);
    }
}

int audit_detail_pull(struct json_pull *p, const struct audit_table *t, struct json_texts *room,
                      struct audit_detail *out, struct error *err)
{
    struct reading r = {.t = t,
                        .hash_len = strlen(t->hash_key),
                        .range_len = strlen(t->range_key),
                        .texts = room,
                        .row = out};
    *out = (struct audit_detail){.exec_time_in_seconds = -1};
    for (size_t i = 0; i < COUNT(numbers); i++)
        *number_of(out, i) = numbers[i].none;
    take_item(&r, p);
    if (jp_check(p, err))
        return -1;
    if (r.full)
        return err_set(err, ERR_LIMIT, "an item of %s has more text than its page", t->table);
    if (r.twice)
        return err_set(err, ERR_SYNTAX, "an item of %s names an attribute twice", t->table);
    return check_detail(t, out, r.status ? r.status : "", err);
}
