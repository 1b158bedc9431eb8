/* PutItem, UpdateItem, DeleteItem: one compiled action as one job of the writer. They differ only
 * in their parameters; see ddb_action.c for what each does. */
#include "server/local/dynamodb/ddb.h"

#include <stdio.h>
#include <stdlib.h>

/* What every single write knows. */
#define WRITE_FIELDS                                                                               \
    DDB_EXPRESSION_FIELDS, DDB_OPTIONAL("ConditionExpression", FIELD_STRING, condition),           \
        DDB_OPTIONAL("ReturnValues", FIELD_STRING, return_values),                                 \
        DDB_OPTIONAL("ReturnValuesOnConditionCheckFailure", FIELD_STRING, on_failure),             \
        DDB_OPTIONAL("ReturnConsumedCapacity", FIELD_STRING, capacity),                            \
        DDB_OPTIONAL("ReturnItemCollectionMetrics", FIELD_STRING, metrics)

static const struct field put_fields[] = {
    WRITE_FIELDS,
    DDB_REQUIRED("Item", FIELD_OBJECT, item),
};
static const struct field update_fields[] = {
    WRITE_FIELDS,
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
    DDB_OPTIONAL("UpdateExpression", FIELD_STRING, update),
};
static const struct field delete_fields[] = {
    WRITE_FIELDS,
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
};
#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A single write on its way through the writer. */
struct write_job {
    struct ddb_job job;
    struct local_dynamodb *d;
    struct ddb_action action;
    char capacity[8];
};

/* On the writer's thread, inside its transaction. */
static int run_write(struct ddb_job *job, struct ddb_store *store)
{
    struct write_job *w = (struct write_job *)(void *)job;
    json_t *attributes = NULL;
    if (ddb_action_prepare(&w->action, store, &w->d->catalog, &job->fault) != 0 ||
        ddb_action_store(&w->action, store, &job->fault) != 0)
        return -1;
    json_t *capacity = ddb_capacity(w->capacity[0] ? w->capacity : NULL, w->action.table->name,
                                    ddb_action_units(&w->action));
    int rc = ddb_action_attributes(&w->action, &attributes);
    if (rc == 0)
        job->output =
            json_pack("{s:o*, s:o*}", "Attributes", attributes, "ConsumedCapacity", capacity);
    else
        json_decref(capacity);
    return job->output ? 0 : ddb_no_memory(&job->fault);
}

/* For the job's type; a job that failed to compile ends here too. */
static void free_write(struct ddb_job *job)
{
    struct write_job *w = (struct write_job *)(void *)job;
    ddb_action_close(&w->action);
    free(w);
}

static const struct ddb_job_type write_type = {.run = run_write, .free = free_write};

/* All that needs no database is done here, on the thread of the caller. */
static struct ddb_job *compile_write(struct local_dynamodb *d, enum ddb_action_kind kind,
                                     const struct field *fields, size_t count, json_t *input,
                                     struct ddb_fault *f)
{
    struct ddb_input in = {0};
    if (ddb_input_read(fields, count, input, &in, f) != 0)
        return NULL;
    struct write_job *w = calloc(1, sizeof *w);
    if (!w) {
        ddb_no_memory(f);
        return NULL;
    }
    w->job.type = &write_type;
    w->d = d;
    if (ddb_action_compile(&w->action, kind, &in, &d->catalog, f) != 0) {
        ddb_job_free(&w->job);
        return NULL;
    }
    if (in.capacity)
        (void)snprintf(w->capacity, sizeof w->capacity, "%s", in.capacity);
    return &w->job;
}

struct ddb_job *ddb_put_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    return compile_write(d, ACTION_PUT, put_fields, COUNT(put_fields), input, f);
}

struct ddb_job *ddb_update_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    return compile_write(d, ACTION_UPDATE, update_fields, COUNT(update_fields), input, f);
}

struct ddb_job *ddb_delete_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    return compile_write(d, ACTION_DELETE, delete_fields, COUNT(delete_fields), input, f);
}
