/* Pattern 2 launches from the state machine, which can neither split a literal by a separator of
 * more than one character nor turn a large number into text reliably: both are done here. So is the
 * choice of the Map: a history has room for the launches of some hundred tasks. */
#include "workers/monitor/actions.h"
#include "workers/monitor/inline_map.h"
#include "workers/run/plan.h"

#include <stdio.h>
#include <stdlib.h>

static int out_of_memory(struct error *err)
{
    return err_set(err, ERR_MEMORY, "out of memory while answering");
}

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
    return bad ? out_of_memory(err) : 0;
}

/* What each launch and the monitor need of the run, in one member that goes into every item. The id
 * is there as text, too, because environment values are strings; the deadline is what the state
 * machine compares the time with before each launch. */
static int write_run(struct plan *p, json_t **out, struct error *err)
{
    char run_id[RUN_ID_TEXT_MAX], deadline[CLOCK_TEXT_MAX];
    const struct spec *spec = &p->spec;
    int64_t tasks = p->run.number_of_tasks;
    (void)snprintf(run_id, sizeof run_id, "%lld", (long long)p->run.workflow_run_id);
    (void)clock_rfc3339(p->run.start_time + p->run.run_timeout_seconds * CLOCK_SECOND, deadline);
    p->run.history_events = p->manifest ? 0 : tasks * inline_events_each(tasks);
    json_t *run = run_write(&p->run);
    int bad = json_object_set_new(run, "workflowRunIdText", json_string(run_id));
    bad |= json_object_set_new(run, "deadline", json_string(deadline));
    bad |= json_object_set_new(run, "region", json_string(spec->region));
    bad |= json_object_set_new(run, "containerName", json_string(spec->container_name));
    bad |= json_object_set_new(run, "taskDefinition", json_string(spec->task_definition));
    int rc = bad ? out_of_memory(err) : 0;
    if (rc == 0)
        rc = add_pieces(run, "subnets", spec->subnet_id_literal, spec->separator, err);
    if (rc == 0)
        rc = add_pieces(run, "securityGroups", spec->security_group_id, spec->separator, err);
    *out = run;
    return rc;
}

/* A distributed run's list stays in S3: the state has the reference, and where results go. */
static int write_manifest(const struct plan *p, json_t *answer)
{
    char prefix[64];
    (void)snprintf(prefix, sizeof prefix, "stepfleet/%lld/results",
                   (long long)p->run.workflow_run_id);
    (void)json_object_del(answer, "taskList");
    int bad = json_object_set(answer, "taskManifest", p->manifest);
    return bad | json_object_set_new(answer, "resultsPrefix", json_string(prefix));
}

/* The completed spec, so that users find the names they know, and what was made of it. */
static int write_plan(struct plan *p, json_t *answer, struct error *err)
{
    char start[CLOCK_TEXT_MAX];
    json_t *run = NULL;
    int rc = write_run(p, &run, err);
    if (rc == 0 && json_object_set(answer, "run", run) != 0)
        rc = out_of_memory(err);
    json_decref(run);
    int bad = p->manifest ? write_manifest(p, answer) : 0;
    bad |= json_object_set_new(answer, "distributed", json_boolean(p->manifest != NULL));
    bad |= json_object_set_new(answer, "startTime",
                               json_string(clock_rfc3339(p->run.start_time, start)));
    bad |= json_object_set_new(answer, "numberOfTasks", json_integer(p->run.number_of_tasks));
    return rc == 0 && bad ? out_of_memory(err) : rc;
}

/* The list is stored before the row that refers to it is written. */
int action_plan(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct plan p;
    if (plan_open(&p, w, event, 2, err) != 0)
        return -1;
    int rc = plan_store_tasks(&p, w, err);
    if (rc == 0)
        rc = plan_write_summary(&p, w, err);
    if (rc == 0)
        rc = write_plan(&p, p.spec.root, err);
    if (rc == 0)
        *answer = json_incref(p.spec.root);
    plan_close(&p);
    return rc;
}
