/* CreateTable, DescribeTable, ListTables, DeleteTable, UpdateTimeToLive, DescribeTimeToLive.
 *
 * Jobs that change tables run alone in their transaction and change the catalogue after its commit,
 * before the answer: whoever has been answered finds the table as it was told. */
#include "server/local/dynamodb/ddb.h"

#include "server/local/dynamodb/ddb_definition.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 100 };

struct table_job {
    struct ddb_job job;
    struct local_dynamodb *d;
    char *name;
    json_t *definition;      /* CreateTable, UpdateTimeToLive */
    struct ddb_table *table; /* the table as it is (Delete) or will be */
};

/* For the jobs' types. */
static void free_table_job(struct ddb_job *job)
{
    struct table_job *t = (struct table_job *)(void *)job;
    ddb_table_release(t->table);
    json_decref(t->definition);
    free(t->name);
    free(t);
}

/* A job for the table of this name; NULL with the fault. */
static struct table_job *new_table_job(struct local_dynamodb *d, const struct ddb_job_type *type,
                                       const char *name, struct ddb_fault *f)
{
    struct table_job *t = calloc(1, sizeof *t);
    if (t) {
        t->job.type = type;
        t->d = d;
        t->name = strdup(name);
        if (t->name)
            return t;
        ddb_job_free(&t->job);
    }
    ddb_no_memory(f);
    return NULL;
}

/* A table that was just made or is going counts no items. */
static int describe(struct table_job *t, const char *member, const char *status)
{
    json_t *description = ddb_definition_describe(t->table, t->d->region, status, 0, 0);
    t->job.output = json_pack("{s:o}", member, description);
    return t->job.output ? 0 : ddb_no_memory(&t->job.fault);
}

/* The job's table from now on is in the catalogue; the catalogue gets a reference of its own. */
static void publish(struct ddb_job *job)
{
    struct table_job *t = (struct table_job *)(void *)job;
    ddb_catalog_put(&t->d->catalog, ddb_table_hold(t->table));
}

/* --- CreateTable ---------------------------------------------------------------------------- */

/* On the writer's thread, so that two that come at once cannot both pass. */
static int already_there(struct table_job *t)
{
    struct ddb_table *other = ddb_catalog_get(&t->d->catalog, t->name);
    if (!other)
        return 0;
    ddb_table_release(other);
    return ddb_fault_set(&t->job.fault, "ResourceInUseException", "Table already exists: %s",
                         t->name);
}

/* The catalogue gets its room before the commit; see ddb_catalog_reserve. */
static int run_create(struct ddb_job *job, struct ddb_store *store)
{
    struct table_job *t = (struct table_job *)(void *)job;
    struct error err;
    int64_t id = 0;
    int64_t now = clock_wall(t->d->clock);
    if (already_there(t) != 0)
        return -1;
    if (ddb_store_add_table(store, t->name, now, t->definition, &id, &err) != 0)
        return ddb_internal(&job->fault, &err);
    t->table = ddb_table_new(id, t->name, now, json_incref(t->definition));
    if (!t->table || ddb_catalog_reserve(&t->d->catalog) != 0)
        return ddb_no_memory(&job->fault);
    return describe(t, "TableDescription", "ACTIVE");
}

static const struct ddb_job_type create_type = {
    .alone = true, .run = run_create, .committed = publish, .free = free_table_job};

struct ddb_job *ddb_create_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    const char *name = NULL;
    json_t *definition = ddb_definition_read(input, &name, f);
    struct table_job *t = definition ? new_table_job(d, &create_type, name, f) : NULL;
    if (!t) {
        json_decref(definition);
        return NULL;
    }
    t->definition = definition;
    return &t->job;
}

/* --- DeleteTable ---------------------------------------------------------------------------- */

/* The table as it is when the job's turn comes. */
static int find_table(struct table_job *t)
{
    t->table = ddb_catalog_need(&t->d->catalog, t->name, &t->job.fault);
    return t->table ? 0 : -1;
}

/* Calls in flight find the table gone when they ask ddb_catalog_has. */
static int run_delete(struct ddb_job *job, struct ddb_store *store)
{
    struct table_job *t = (struct table_job *)(void *)job;
    struct error err;
    if (find_table(t) != 0)
        return -1;
    if (ddb_store_drop_table(store, t->table->id, &err) != 0)
        return ddb_internal(&job->fault, &err);
    return describe(t, "TableDescription", "DELETING");
}

/* After the commit of a DeleteTable. */
static void withdraw(struct ddb_job *job)
{
    struct table_job *t = (struct table_job *)(void *)job;
    ddb_catalog_remove(&t->d->catalog, t->name);
}

static const struct ddb_job_type delete_type = {
    .alone = true, .run = run_delete, .committed = withdraw, .free = free_table_job};

static const struct field name_fields[] = {DDB_REQUIRED("TableName", FIELD_STRING, table)};

struct ddb_job *ddb_delete_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    struct ddb_input in = {0};
    if (ddb_input_read(name_fields, 1, input, &in, f) != 0)
        return NULL;
    struct table_job *t = new_table_job(d, &delete_type, in.table, f);
    return t ? &t->job : NULL;
}

/* --- UpdateTimeToLive ----------------------------------------------------------------------- */

/* The definition with another TimeToLive (NULL: without). A new reference. */
static json_t *with_time_to_live(json_t *definition, const char *attribute)
{
    json_t *copy = json_deep_copy(definition);
    if (!copy)
        return NULL;
    (void)json_object_del(copy, "TimeToLive");
    if (attribute && json_object_set_new(copy, "TimeToLive", json_string(attribute)) != 0) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

/* Changing the attribute of an enabled TimeToLive takes two calls, as in AWS. */
static int change_time_to_live(struct table_job *t, json_t *wanted, struct ddb_store *store)
{
    struct error err;
    struct ddb_table *old = t->table;
    const char *current = json_str(old->definition, "TimeToLive", NULL);
    bool enable = json_bool(wanted, "Enabled", false);
    if (enable == (current != NULL))
        return ddb_invalid(&t->job.fault, "TimeToLive is already %s",
                           enable ? "enabled" : "disabled");
    const char *attribute = json_str(wanted, "AttributeName", "");
    json_t *changed = with_time_to_live(old->definition, enable ? attribute : NULL);
    if (!changed)
        return ddb_no_memory(&t->job.fault);
    int rc = ddb_store_change_table(store, old->id, changed, &err);
    t->table = ddb_table_new(old->id, old->name, old->created, changed);
    ddb_table_release(old);
    if (rc != 0)
        return ddb_internal(&t->job.fault, &err);
    t->job.output = json_pack("{s:{s:b, s:s}}", "TimeToLiveSpecification", "Enabled", (int)enable,
                              "AttributeName", attribute);
    return t->table && t->job.output ? 0 : ddb_no_memory(&t->job.fault);
}

/* The table is looked up on the writer's thread, where nothing else changes it. */
static int run_time_to_live(struct ddb_job *job, struct ddb_store *store)
{
    struct table_job *t = (struct table_job *)(void *)job;
    return find_table(t) == 0 ? change_time_to_live(t, t->definition, store) : -1;
}

static const struct ddb_job_type time_to_live_type = {
    .alone = true, .run = run_time_to_live, .committed = publish, .free = free_table_job};

static const struct field time_to_live_fields[] = {
    DDB_REQUIRED("TableName", FIELD_STRING, table),
    DDB_REQUIRED("TimeToLiveSpecification", FIELD_OBJECT, item),
};

struct ddb_job *ddb_update_time_to_live(struct local_dynamodb *d, json_t *input,
                                        struct ddb_fault *f)
{
    struct ddb_input in = {0};
    if (ddb_input_read(time_to_live_fields, 2, input, &in, f) != 0)
        return NULL;
    if (!json_is_boolean(json_object_get(in.item, "Enabled")) ||
        json_str(in.item, "AttributeName", "")[0] == '\0') {
        ddb_invalid(f, "TimeToLiveSpecification needs Enabled and AttributeName");
        return NULL;
    }
    if (strchr(json_str(in.item, "AttributeName", ""), '"')) {
        ddb_invalid(f, "A TimeToLive attribute with a quote in its name is not offered by this "
                       "local endpoint");
        return NULL;
    }
    struct table_job *t = new_table_job(d, &time_to_live_type, in.table, f);
    if (!t)
        return NULL;
    t->definition = json_incref(in.item);
    return &t->job;
}

int ddb_describe_time_to_live(struct local_dynamodb *d, json_t *input, json_t **output,
                              struct ddb_fault *f)
{
    struct ddb_input in = {0};
    if (ddb_input_read(name_fields, 1, input, &in, f) != 0)
        return -1;
    struct ddb_table *t = ddb_catalog_need(&d->catalog, in.table, f);
    if (!t)
        return -1;
    const char *attribute = json_str(t->definition, "TimeToLive", NULL);
    *output = json_pack("{s:{s:s, s:s*}}", "TimeToLiveDescription", "TimeToLiveStatus",
                        attribute ? "ENABLED" : "DISABLED", "AttributeName", attribute);
    ddb_table_release(t);
    return *output ? 0 : ddb_no_memory(f);
}

/* --- DescribeTable, ListTables -------------------------------------------------------------- */

/* Counts by walking the rows: exact, where AWS is up to six hours late. */
int ddb_describe_table(struct local_dynamodb *d, json_t *input, json_t **output,
                       struct ddb_fault *f)
{
    struct ddb_input in = {0};
    struct error err;
    int64_t items = 0;
    int64_t bytes = 0;
    if (ddb_input_read(name_fields, 1, input, &in, f) != 0)
        return -1;
    struct ddb_table *t = ddb_catalog_need(&d->catalog, in.table, f);
    if (!t)
        return -1;
    struct ddb_store *store = ddb_readers_take(&d->readers);
    int rc = ddb_store_count(store, t->id, &items, &bytes, &err);
    ddb_readers_give(&d->readers, store);
    if (rc == 0) {
        *output = json_pack("{s:o}", "Table",
                            ddb_definition_describe(t, d->region, "ACTIVE", items, bytes));
        rc = *output ? 0 : ddb_no_memory(f);
    } else {
        ddb_internal(f, &err);
    }
    ddb_table_release(t);
    return rc;
}

static const struct field list_fields[] = {
    DDB_OPTIONAL("ExclusiveStartTableName", FIELD_STRING, table),
    {"Limit", FIELD_INT, false, offsetof(struct ddb_input, limit), 1, LIST_MAX},
};

int ddb_list_tables(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f)
{
    struct ddb_input in = {.limit = LIST_MAX};
    bool more = false;
    if (ddb_input_read(list_fields, 2, input, &in, f) != 0)
        return -1;
    json_t *names = ddb_catalog_names(&d->catalog, in.table, (size_t)in.limit, &more);
    json_t *last = more ? json_array_get(names, json_array_size(names) - 1) : NULL;
    *output = json_pack("{s:O, s:O*}", "TableNames", names, "LastEvaluatedTableName", last);
    json_decref(names);
    return *output ? 0 : ddb_no_memory(f);
}
