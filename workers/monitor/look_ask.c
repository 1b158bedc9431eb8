/* What a look asks ECS: about every row that is not final, and about tasks without a row. */
#include "workers/monitor/look_private.h"

/* Tasks whose row is not final: the ones ECS has to vouch for; and those it is asked for again. */
static int add_rows(const struct look *l, json_t *ids, struct error *err)
{
    for (size_t i = 0; i < l->rows.count; i++) {
        const struct task_row *row = &l->rows.list[i];
        bool asked = !audit_status_final(row->status) || look_wants_again(row);
        if (asked && json_array_append_new(ids, json_string(row->task_id)) != 0)
            return err_set(err, ERR_MEMORY, "out of memory for task ids");
    }
    return 0;
}

/* Adds ids of the list that have no row: nobody has spoken for them yet. */
static int add_listed(const struct look *l, const char *desired_status, json_t *ids,
                      struct error *err)
{
    json_t *listed = json_array(), *id;
    size_t i;
    int rc = listed ? ecs_view_list(l->w, l->run, desired_status, listed, err)
                    : err_set(err, ERR_MEMORY, "out of memory for task ids");
    json_array_foreach (listed, i, id) {
        bool known = task_rows_find(&l->rows, json_string_value(id)) != NULL;
        if (rc == 0 && !known && json_array_append(ids, id) != 0)
            rc = err_set(err, ERR_MEMORY, "out of memory for task ids");
    }
    json_decref(listed);
    return rc;
}

/* While rows come in, all is well: of a large run ECS lists the tasks that left none only when the
 * rows stand still, and once in a while. ListTasks gives a hundred a call, one page after another.
 */
bool look_lists(const struct look *l, const struct tally *tally)
{
    enum { ALWAYS_BELOW = 500, EVERY = 8 };
    const struct run *run = l->run;
    bool news = tally->completed != run->completed || tally->failed != run->failed ||
                tally->running != run->running;
    return run->number_of_tasks < ALWAYS_BELOW || !news || run->poll % EVERY == 0;
}

int look_ask(struct look *l, enum look_listing listing, struct error *err)
{
    json_t *ids = json_array();
    int rc = ids ? add_rows(l, ids, err) : err_set(err, ERR_MEMORY, "out of memory");
    if (rc == 0 && listing != LOOK_LIST_NONE)
        rc = add_listed(l, "STOPPED", ids, err);
    if (rc == 0 && listing == LOOK_LIST_ALL)
        rc = add_listed(l, "RUNNING", ids, err);
    if (rc == 0)
        rc = ecs_view_describe(&l->ecs, l->w, l->run, ids, err);
    json_decref(ids);
    return rc;
}
