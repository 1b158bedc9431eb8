/* Pattern 2 launches from the state machine, which can neither split a literal by a separator of
 * more than one character nor turn a large number into text reliably: both are done here. */
#include "workers/monitor/actions.h"

#include "workers/run/plan.h"

#include <stdio.h>
#include <stdlib.h>

/* Adds the pieces of a literal as an array: the state machine takes them as they are. */
static int add_pieces(json_t *answer, const char *name, const char *literal, const char *separator,
                      struct error *err)
{
    char **list;
    size_t count;
    if (spec_split(literal, separator, &list, &count, err) != 0)
        return -1;
    json_t *array = json_array();
    int bad = json_object_set_new(answer, name, array);
    for (size_t i = 0; i < count && !bad; i++)
        bad = json_array_append_new(array, json_string(list[i]));
    free(list);
    return bad ? err_set(err, ERR_MEMORY, "out of memory while answering") : 0;
}

/* The spec plus what the Map and the monitor need of the run. The id is there as text, too, because
 * environment values are strings. */
static int write_plan(const struct plan *p, json_t *answer, struct error *err)
{
    char run_id[RUN_ID_TEXT_MAX], start[CLOCK_TEXT_MAX];
    (void)snprintf(run_id, sizeof run_id, "%lld", (long long)p->run.workflow_run_id);
    (void)clock_rfc3339(p->run.start_time, start);
    int bad = json_object_set_new(answer, "workflowRunIdText", json_string(run_id));
    bad |= json_object_set_new(answer, "startTime", json_string(start));
    bad |= json_object_set_new(answer, "numberOfTasks", json_integer(p->run.number_of_tasks));
    if (bad)
        return err_set(err, ERR_MEMORY, "out of memory while answering");
    const struct spec *spec = &p->spec;
    int rc = add_pieces(answer, "subnets", spec->subnet_id_literal, spec->separator, err);
    if (rc == 0)
        rc = add_pieces(answer, "securityGroups", spec->security_group_id, spec->separator, err);
    return rc;
}

/* The answer is the completed spec itself with some members more, so that the Map state finds all
 * it needs under the names that users know. */
int action_plan(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct plan p;
    if (plan_open(&p, w, event, 2, err) != 0)
        return -1;
    int rc = plan_write_summary(&p, w, err);
    if (rc == 0)
        rc = write_plan(&p, p.spec.root, err);
    if (rc == 0)
        *answer = json_incref(p.spec.root);
    plan_close(&p);
    return rc;
}
