/* What an earlier try of the same chunk has done, which nobody told: client tokens end some minutes
 * after their task did, rows stay. Rows tell of tasks that have spoken and of refusals that are on
 * record (their rows are final: a task started now would contradict them); ECS tells of the rest.
 */
#include "workers/launch/launch_private.h"
#include "workers/monitor/ecs_view.h"
#include "workers/monitor/rows.h"

#include <string.h>

struct adoption {
    struct launch *l;
    json_t *by_name; /* of tasks that are open: name -> index */
    struct task_rows rows;
    struct ecs_view ecs;
};

static bool is_open(const struct target *t)
{
    return t->outcome == UNTRIED || t->outcome == WAITING;
}

static int index_names(struct adoption *a, struct error *err)
{
    const struct spec *spec = &a->l->plan->spec;
    a->by_name = json_object();
    bool bad = !a->by_name;
    for (size_t i = 0; i < spec->task_count && !bad; i++)
        if (is_open(&a->l->targets[i]))
            bad = json_object_set_new(a->by_name, spec->tasks[i].task_name,
                                      json_integer((json_int_t)i)) != 0;
    return bad ? err_set(err, ERR_MEMORY, "out of memory for task names") : 0;
}

static struct target *open_target(const struct adoption *a, const char *name)
{
    const json_t *index = name ? json_object_get(a->by_name, name) : NULL;
    return index ? &a->l->targets[json_integer_value(index)] : NULL;
}

static int adopt_row(struct adoption *a, const struct task_row *row, struct error *err)
{
    char id[RUN_TASK_ID_MAX];
    struct target *t = open_target(a, row->task_name);
    if (!t)
        return 0;
    if (run_stand_in_id("not-started", a->l->plan->run.workflow_run_id, row->task_name, id, err))
        return -1;
    t->outcome = strcmp(row->task_id, id) == 0 ? RECORDED : LAUNCHED;
    if (t->outcome == RECORDED)
        a->l->cursor->refused++;
    return 0;
}

static int adopt_rows(struct adoption *a, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < a->rows.count && rc == 0; i++)
        rc = adopt_row(a, &a->rows.list[i], err);
    return rc;
}

/* Rows know their tasks' names: only tasks without one have to be described. */
static int list_silent(struct adoption *a, const char *desired_status, json_t *ids,
                       struct error *err)
{
    json_t *listed = json_array(), *id;
    size_t i;
    int rc = listed ? ecs_view_list(a->l->w, &a->l->plan->run, desired_status, listed, err)
                    : err_set(err, ERR_MEMORY, "out of memory for task ids");
    json_array_foreach (listed, i, id) {
        bool known = task_rows_find(&a->rows, json_string_value(id)) != NULL;
        if (rc == 0 && !known && json_array_append(ids, id) != 0)
            rc = err_set(err, ERR_MEMORY, "out of memory for task ids");
    }
    json_decref(listed);
    return rc;
}

static int adopt_tasks(struct adoption *a, struct error *err)
{
    json_t *ids = json_array(), *record;
    const char *id;
    int rc = ids ? list_silent(a, "RUNNING", ids, err)
                 : err_set(err, ERR_MEMORY, "out of memory for task ids");
    if (rc == 0)
        rc = list_silent(a, "STOPPED", ids, err);
    if (rc == 0)
        rc = ecs_view_describe(&a->ecs, a->l->w, &a->l->plan->run, ids, err);
    json_object_foreach (a->ecs.records, id, record) {
        struct target *t = rc == 0 ? open_target(a, ecs_view_task_name(record)) : NULL;
        if (t)
            t->outcome = LAUNCHED;
    }
    json_decref(ids);
    return rc;
}

/* What is adopted may lie behind tasks that the earlier try did not come to start. The cursor goes
 * no further than the first task that was not tried: those are noted as tried, or the next chunk,
 * which adopts nothing, would start what is behind them a second time. They are as many as one
 * round tries. */
static void close_gaps(struct launch *l)
{
    size_t end = l->plan->spec.task_count, open = l->cursor->waiting_count;
    while (end > 0 && is_open(&l->targets[end - 1]))
        end--;
    for (size_t i = (size_t)l->cursor->next; i < end && open < CURSOR_WAITING_MAX; i++) {
        if (l->targets[i].outcome != UNTRIED)
            continue;
        l->targets[i] = (struct target){.outcome = WAITING, .kind = REFUSAL_DOUBTFUL};
        open++;
    }
}

int launch_adopt(struct launch *l, struct error *err)
{
    struct adoption a = {.l = l};
    if (ecs_view_open(&a.ecs, err) != 0)
        return -1;
    int rc = index_names(&a, err);
    if (rc == 0)
        rc = task_rows_read(&a.rows, l->w, &l->plan->run, err);
    if (rc == 0)
        rc = adopt_rows(&a, err);
    if (rc == 0)
        rc = adopt_tasks(&a, err);
    if (rc == 0)
        close_gaps(l);
    task_rows_free(&a.rows);
    ecs_view_close(&a.ecs);
    json_decref(a.by_name);
    return rc == 0 ? 0 : err_wrap(err, "what an earlier try has started");
}
