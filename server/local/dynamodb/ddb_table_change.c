/* UpdateTable, UpdateTimeToLive, DescribeTimeToLive. Of a table's settings these can be changed:
 * its stream, and the attribute by which its items expire. */
#include "server/local/dynamodb/ddb_table_job.h"

#include "server/local/dynamodb/ddb_definition.h"
#include "server/local/dynamodb/ddb_stream.h"

#include <string.h>

/* Stores the definition and makes it the job's table; takes it over. */
static int replace_definition(struct ddb_table_job *t, json_t *definition, struct ddb_store *store)
{
    struct error err;
    struct ddb_table *old = t->table;
    int rc = ddb_store_change_table(store, old->id, definition, &err);
    t->table = ddb_table_new(old->id, old->name, old->created, definition);
    ddb_table_release(old);
    if (rc != 0)
        return ddb_internal(&t->job.fault, &err);
    return t->table ? 0 : ddb_no_memory(&t->job.fault);
}

/* --- UpdateTable ---------------------------------------------------------------------------- */

/* Another view takes two calls, and so another stream, as in AWS. */
static int check_stream_change(struct ddb_table_job *t, bool enable)
{
    if (enable && t->table->stream)
        return ddb_invalid(&t->job.fault, "Table already has an enabled stream: TableName: %s",
                           t->name);
    if (!enable && !t->table->stream)
        return ddb_invalid(&t->job.fault, "Table has no stream to disable: TableName: %s", t->name);
    return 0;
}

/* `changed` is a copy of the definition. */
static int switch_stream(struct ddb_table_job *t, json_t *changed, bool enable,
                         struct ddb_store *store)
{
    struct error err;
    int rc = 0;
    if (enable) {
        if (json_object_set(changed, "StreamSpecification", t->wanted) != 0)
            return ddb_no_memory(&t->job.fault);
        rc = ddb_stream_attach(store, t->table->id, t->name, changed, &err);
    } else {
        (void)json_object_del(changed, "StreamSpecification");
        (void)json_object_del(changed, "StreamId");
        rc = ddb_stream_disable(store, t->table->stream, &err);
    }
    return rc == 0 ? 0 : ddb_internal(&t->job.fault, &err);
}

static int run_update(struct ddb_job *job, struct ddb_store *store)
{
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    const bool enable = json_bool(t->wanted, "StreamEnabled", false);
    if (ddb_table_job_find(t) != 0 || check_stream_change(t, enable) != 0)
        return -1;
    json_t *changed = json_deep_copy(t->table->definition);
    if (!changed)
        return ddb_no_memory(&job->fault);
    if (switch_stream(t, changed, enable, store) != 0) {
        json_decref(changed);
        return -1;
    }
    if (replace_definition(t, changed, store) != 0)
        return -1;
    return ddb_table_job_describe(t, "TableDescription", "ACTIVE");
}

static const struct ddb_job_type update_type = {.alone = true,
                                                .run = run_update,
                                                .committed = ddb_table_job_publish,
                                                .free = ddb_table_job_free};

static const struct field update_fields[] = {
    DDB_REQUIRED("TableName", FIELD_STRING, table),
    DDB_REQUIRED("StreamSpecification", FIELD_OBJECT, item),
};

struct ddb_job *ddb_update_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    struct ddb_input in = {0};
    if (ddb_input_read(update_fields, 2, input, &in, f) != 0 ||
        ddb_definition_check_stream(in.item, f) != 0)
        return NULL;
    struct ddb_table_job *t = ddb_table_job_new(d, &update_type, in.table, f);
    if (!t)
        return NULL;
    t->wanted = json_deep_copy(in.item);
    if (t->wanted)
        return &t->job;
    ddb_job_free(&t->job);
    ddb_no_memory(f);
    return NULL;
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
static int change_time_to_live(struct ddb_table_job *t, json_t *wanted, struct ddb_store *store)
{
    const char *current = json_str(t->table->definition, "TimeToLive", NULL);
    bool enable = json_bool(wanted, "Enabled", false);
    if (enable == (current != NULL))
        return ddb_invalid(&t->job.fault, "TimeToLive is already %s",
                           enable ? "enabled" : "disabled");
    const char *attribute = json_str(wanted, "AttributeName", "");
    json_t *changed = with_time_to_live(t->table->definition, enable ? attribute : NULL);
    if (!changed)
        return ddb_no_memory(&t->job.fault);
    if (replace_definition(t, changed, store) != 0)
        return -1;
    t->job.output = json_pack("{s:{s:b, s:s}}", "TimeToLiveSpecification", "Enabled", (int)enable,
                              "AttributeName", attribute);
    return t->job.output ? 0 : ddb_no_memory(&t->job.fault);
}

/* The table is looked up on the writer's thread, where nothing else changes it. */
static int run_time_to_live(struct ddb_job *job, struct ddb_store *store)
{
    struct ddb_table_job *t = (struct ddb_table_job *)(void *)job;
    return ddb_table_job_find(t) == 0 ? change_time_to_live(t, t->wanted, store) : -1;
}

static const struct ddb_job_type time_to_live_type = {.alone = true,
                                                      .run = run_time_to_live,
                                                      .committed = ddb_table_job_publish,
                                                      .free = ddb_table_job_free};

static const struct field name_fields[] = {DDB_REQUIRED("TableName", FIELD_STRING, table)};
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
    struct ddb_table_job *t = ddb_table_job_new(d, &time_to_live_type, in.table, f);
    if (!t)
        return NULL;
    t->wanted = json_incref(in.item);
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
