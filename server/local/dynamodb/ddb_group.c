/* What BatchWriteItem and TransactWriteItems share. */
#include "server/local/dynamodb/ddb_group.h"

#include <stdlib.h>
#include <string.h>

struct ddb_group *ddb_group_new(struct local_dynamodb *d, const struct ddb_job_type *type,
                                size_t room, struct ddb_fault *f)
{
    struct ddb_group *g = calloc(1, sizeof *g);
    if (g)
        g->actions = calloc(room, sizeof *g->actions);
    if (!g || !g->actions) {
        free(g);
        ddb_no_memory(f);
        return NULL;
    }
    g->job.type = type;
    g->d = d;
    return g;
}

/* Also for a group whose actions were only compiled in part. */
void ddb_group_free(struct ddb_job *job)
{
    struct ddb_group *g = (struct ddb_group *)(void *)job;
    for (size_t i = 0; i < g->count; i++)
        ddb_action_close(&g->actions[i]);
    free(g->actions);
    free(g->token);
    free(g->digest);
    free(g);
}

/* The action counts from before it is compiled, so that ddb_group_free closes it in any case. */
int ddb_group_add(struct ddb_group *g, enum ddb_action_kind kind, const struct ddb_input *in,
                  struct ddb_fault *f)
{
    return ddb_action_compile(&g->actions[g->count++], kind, in, &g->d->catalog, f);
}

/* At most 100 actions: comparing all pairs is cheaper than sorting them. */
bool ddb_group_has_duplicates(const struct ddb_group *g)
{
    for (size_t i = 1; i < g->count; i++)
        for (size_t j = 0; j < i; j++)
            if (g->actions[i].table->id == g->actions[j].table->id &&
                ddb_key_equal(&g->actions[i].key, &g->actions[j].key))
                return true;
    return false;
}

/* Linear: a request names a handful of tables. */
int ddb_capacity_add(json_t *list, const char *mode, const char *table, double units)
{
    json_t *row;
    size_t i;
    json_array_foreach (list, i, row) {
        if (strcmp(json_str(row, "TableName", ""), table) != 0)
            continue;
        double sum = json_num(row, "CapacityUnits", 0) + units;
        return json_object_set_new(row, "CapacityUnits", json_real(sum));
    }
    return json_array_append_new(list, ddb_capacity(mode, table, units));
}

/* After the actions are prepared, for units are of the larger image. */
json_t *ddb_group_capacity(const struct ddb_group *g, double factor)
{
    if (g->capacity[0] == '\0' || strcmp(g->capacity, "NONE") == 0)
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < g->count; i++)
        (void)ddb_capacity_add(list, g->capacity, g->actions[i].table->name,
                               factor * ddb_action_units(&g->actions[i]));
    return list;
}
