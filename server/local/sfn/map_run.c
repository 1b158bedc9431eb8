/* A distributed Map as its frame sees it: how the run begins, fails and is left. */
#include "server/local/sfn/map_run.h"

#include "lib/crypto/crypto.h"
#include "server/local/sfn/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void map_run_free(struct map_run *run)
{
    if (!run)
        return;
    map_step_forget(run->step);
    map_writing_free(run->writing);
    map_items_close(&run->items);
    json_decref(run->input);
    json_decref(run->batch_input);
    free(run->arn);
    free(run->child_family);
    free(run->machine_arn);
    free(run);
}

const char *map_run_uuid(const struct map_run *run)
{
    return strrchr(run->arn, ':') + 1;
}

void map_run_touch(struct engine *e, struct map_run *run)
{
    if (run->listed)
        return;
    run->listed = true;
    run->next_dirty = e->dirty_runs;
    e->dirty_runs = run;
}

/* Runs below a child are named after the machine too, not after the child's family. */
static int name_run(struct engine *e, struct map_run *run, const struct frame *f)
{
    char uuid[UUID_TEXT];
    const char *machine = strrchr(f->execution->machine_arn, ':') + 1;
    const char *label = f->state->u.map.distributed->label;
    if (crypto_uuid(uuid, NULL) ||
        asprintf(&run->child_family, "%.*s/%s", (int)strcspn(machine, "/"), machine, label) < 0 ||
        asprintf(&run->arn, "arn:aws:states:%s:%s:mapRun:%s:%s", e->region, LOCAL_ACCOUNT,
                 run->child_family, uuid) < 0 ||
        asprintf(&run->machine_arn, "arn:aws:states:%s:%s:stateMachine:%s", e->region,
                 LOCAL_ACCOUNT, run->child_family) < 0)
        return -1;
    return 0;
}

/* A run that is not begun yet; holds the input. NULL: out of memory. */
static struct map_run *run_new(struct engine *e, struct frame *f, json_t *input)
{
    struct map_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->input = json_incref(input);
    run->frame = f;
    run->execution = f->execution->id;
    run->started = e->now;
    run->total = -1;
    run->id = e->next_map_run;
    run->items.run = run->id;
    if (name_run(e, run, f)) {
        map_run_free(run);
        return NULL;
    }
    e->next_map_run++;
    return run;
}

/* MapStateStarted, tolerances, MapRunStarted, in the order that was recorded. From here on the run
 * is the frame's. */
static int begin(struct engine *e, struct frame *f, struct map_run *run, const json_t *items,
                 struct asl_failure *failure)
{
    f->last_event = history_map_started(e, f, f->last_event, json_array_size(items));
    if (map_read_tolerance(e, f, run->input, &run->limits, failure))
        return -1;
    if (names_add(&e->runs, run->arn, run)) {
        failure_no_memory(failure);
        return -1;
    }
    f->run = run;
    f->last_event = history_map_run_started(e, f, f->last_event, run->arn);
    map_run_touch(e, run);
    f->phase = FRAME_CHILDREN;
    frame_touch(e, f, DIRTY_STATE);
    return 0;
}

/* Items come with the input, or are read from S3. */
static void fetch(struct engine *e, struct map_run *run, const json_t *items)
{
    struct asl_failure failure = {0};
    if (map_run_read_batcher(e, run, &failure))
        map_run_fail(e, run, &failure);
    else if (items)
        map_run_store(e, run, items);
    else
        map_run_read(e, run);
}

enum step state_map_distributed(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    bool reads = f->state->u.map.distributed->reader.given;
    json_t *input = data_input(e, f, &failure);
    json_t *items = input && !reads ? map_find_items(e, f, input, &failure) : NULL;
    struct map_run *run = input && (items || reads) ? run_new(e, f, input) : NULL;
    if (!run && !failure.error[0])
        failure_no_memory(&failure);
    int rc = run ? map_read_concurrency(e, f, input, &run->limits, &failure) : -1;
    if (rc == 0)
        rc = begin(e, f, run, items, &failure);
    if (rc == 0)
        fetch(e, run, items);
    else
        map_run_free(run);
    json_decref(input);
    json_decref(items);
    return rc ? frame_failed(e, f, &failure) : STEP_STOP;
}

void map_run_fail(struct engine *e, struct map_run *run, struct asl_failure *failure)
{
    struct frame *f = run->frame;
    run->status = MAP_RUN_FAILED;
    f->last_event = history_map_run_failed(e, f, f->last_event, failure->error, failure->cause);
    if (frame_failed(e, f, failure) == STEP_ON)
        engine_queue(e, f);
}

void map_run_over(struct engine *e, struct map_run *run)
{
    if (run->status == MAP_RUN_RUNNING)
        run->status = MAP_RUN_ABORTED;
    run->stopped = e->now;
    while (run->first)
        execution_abort(e, run->first, NULL, NULL);
    names_remove(&e->runs, run->arn);
    map_run_touch(e, run);
}

/* Freed with the commit that holds its end. */
struct map_run *map_run_leave(struct engine *e, struct map_run *run)
{
    if (!run)
        return NULL;
    map_step_forget(run->step);
    run->step = NULL;
    run->frame->run = NULL;
    run->frame = NULL;
    map_run_over(e, run);
    return NULL;
}
