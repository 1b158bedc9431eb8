/* CreateTable, DescribeTable, ListTables, DeleteTable. */
#include "server/local/dynamodb/ddb_table_job.h"

#include "server/local/dynamodb/ddb_definition.h"
#include "server/local/dynamodb/ddb_stream.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 100 };

void ddb_table_job_free(struct ddb_job *job)
{
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    ddb_table_release(t->table);
    json_decref(t->wanted);
    free(t->name);
    free(t);
}

struct ddb_table_job *ddb_table_job_new(struct local_dynamodb *d, const struct ddb_job_type *type,
                                        const char *name, struct ddb_fault *f)
{
    struct ddb_table_job *t = calloc(1, sizeof *t);
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

int ddb_table_job_find(struct ddb_table_job *t)
{
    t->table = ddb_catalog_need(&t->d->catalog, t->name, &t->job.fault);
    return t->table ? 0 : -1;
}

int ddb_table_job_describe(struct ddb_table_job *t, const char *member, const char *status)
{
    json_t *description = ddb_definition_describe(t->table, t->d->region, status, 0, 0);
    t->job.output = json_pack("{s:o}", member, description);
    return t->job.output ? 0 : ddb_no_memory(&t->job.fault);
}

/* The catalogue gets a reference of its own. */
void ddb_table_job_publish(struct ddb_job *job)
{
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    ddb_catalog_put(&t->d->catalog, ddb_table_hold(t->table));
}

/* --- CreateTable ---------------------------------------------------------------------------- */

/* On the writer's thread, so that two that come at once cannot both pass. */
static int already_there(struct ddb_table_job *t)
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
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    struct error err;
    int64_t id = 0;
    int64_t now = clock_wall(t->d->clock);
    if (already_there(t) != 0)
        return -1;
    if (ddb_store_add_table(store, t->name, now, t->wanted, &id, &err) != 0)
        return ddb_internal(&job->fault, &err);
    if (ddb_stream_attach(store, id, t->name, t->wanted, &err) != 0)
        return ddb_internal(&job->fault, &err);
    t->table = ddb_table_new(id, t->name, now, json_incref(t->wanted));
    if (!t->table || ddb_catalog_reserve(&t->d->catalog) != 0)
        return ddb_no_memory(&job->fault);
    return ddb_table_job_describe(t, "TableDescription", "ACTIVE");
}

static const struct ddb_job_type create_type = {.alone = true,
                                                .run = run_create,
                                                .committed = ddb_table_job_publish,
                                                .free = ddb_table_job_free};

struct ddb_job *ddb_create_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    const char *name = NULL;
    json_t *definition = ddb_definition_read(input, &name, f);
    struct ddb_table_job *t = definition ? ddb_table_job_new(d, &create_type, name, f) : NULL;
    if (!t) {
        json_decref(definition);
        return NULL;
    }
    t->wanted = definition;
    return &t->job;
}

/* --- DeleteTable ---------------------------------------------------------------------------- */

/* Calls in flight find the table gone when their turn comes. The stream can be read on. */
static int run_delete(struct ddb_job *job, struct ddb_store *store)
{
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    struct error err;
    if (ddb_table_job_find(t) != 0)
        return -1;
    if ((t->table->stream && ddb_stream_disable(store, t->table->stream, &err) != 0) ||
        ddb_store_drop_table(store, t->table->id, &err) != 0)
        return ddb_internal(&job->fault, &err);
    return ddb_table_job_describe(t, "TableDescription", "DELETING");
}

/* After the commit of a DeleteTable. */
static void withdraw(struct ddb_job *job)
{
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    ddb_catalog_remove(&t->d->catalog, t->name);
}

static const struct ddb_job_type delete_type = {
    .alone = true, .run = run_delete, .committed = withdraw, .free = ddb_table_job_free};

static const struct field name_fields[] = {DDB_REQUIRED("TableName", FIELD_STRING, table)};

struct ddb_job *ddb_delete_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    struct ddb_input in = {0};
    if (ddb_input_read(name_fields, 1, input, &in, f) != 0)
        return NULL;
    struct ddb_table_job *t = ddb_table_job_new(d, &delete_type, in.table, f);
    return t ? &t->job : NULL;
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
