/* Children of a run: one execution for each item or batch, started as there is room. */
#include "server/local/sfn/map_run.h"

#include "lib/crypto/crypto.h"

#include <stdio.h>
#include <stdlib.h>

/* A child weighs as much as so many events: it is held until its end is committed. */
enum { CHILD_EVENTS = 4 };

void map_run_link(struct map_run *run, struct execution *child)
{
    child->run = run;
    child->run_previous = NULL;
    child->run_next = run->first;
    if (run->first)
        run->first->run_previous = child;
    run->first = child;
    run->running++;
}

static void unlink_child(struct map_run *run, struct execution *child)
{
    if (child->run_previous)
        child->run_previous->run_next = child->run_next;
    else
        run->first = child->run_next;
    if (child->run_next)
        child->run_next->run_previous = child->run_previous;
    child->run = NULL;
    run->running--;
}

/* The child's input has the same bound as any other. */
static struct text *input_text(const json_t *input, struct asl_failure *failure)
{
    struct text *text = input ? text_of(input) : NULL;
    if (text && text->len <= STATE_BYTES_MAX)
        return text;
    if (text)
        asl_fail(failure, "States.DataLimitExceeded",
                 "The input of a child workflow execution exceeds the maximum of %d bytes. Use "
                 "ItemSelector to pass less, or smaller batches.",
                 STATE_BYTES_MAX);
    else if (!failure->error[0])
        failure_no_memory(failure);
    return text_release(text);
}

static int start_child(struct engine *e, struct map_run *run, struct asl_failure *failure)
{
    int64_t count = 0;
    json_t *input = map_run_next_input(e, run, &count, failure);
    struct text *text = input_text(input, failure);
    const struct child_start start = {
        .run = run, .input = text, .input_json = input, .number = run->children, .items = count};
    struct execution *child = text ? execution_start_child(e, &start) : NULL;
    e->turn_bytes += text ? text->len : 0;
    if (text && !child)
        failure_no_memory(failure);
    text_release(text);
    json_decref(input);
    if (!child)
        return -1;
    e->turn_events += CHILD_EVENTS;
    run->children++;
    run->taken += count;
    return 0;
}

static void end_run(struct engine *e, struct map_run *run, struct map_step *step)
{
    (void)step;
    map_run_end(e, run);
}

static void start_more(struct engine *e, struct map_run *run, struct map_step *step)
{
    (void)step;
    map_run_check(e, run);
}

static bool may_start(const struct map_run *run)
{
    return run->phase == MAP_RUNNING && run->taken < run->total &&
           (size_t)run->running < map_slots(&run->limits, DISTRIBUTED_CONCURRENCY);
}

/* What the run goes on with once this turn is stored. */
static int after_commit(struct engine *e, struct map_run *run, struct asl_failure *failure)
{
    bool all_started = run->taken == run->total;
    if (run->step)
        return 0;
    if (all_started)
        run->phase = MAP_ENDING;
    if (map_step_commit(e, run, all_started ? end_run : start_more))
        return 0;
    failure_no_memory(failure);
    return -1;
}

void map_run_go_on(struct engine *e, struct map_run *run)
{
    struct asl_failure failure = {0};
    int rc = 0;
    while (rc == 0 && may_start(run) && !engine_turn_full(e))
        rc = start_child(e, run, &failure);
    bool over = run->phase == MAP_RUNNING && run->running == 0 && run->taken == run->total;
    if (rc == 0 && (over || may_start(run)))
        rc = after_commit(e, run, &failure);
    if (rc)
        map_run_fail(e, run, &failure);
}

/* A run that has been left only loses its child. */
void map_run_child_ended(struct engine *e, struct execution *child)
{
    struct map_run *run = child->run;
    unlink_child(run, child);
    if (child->status == EXECUTION_SUCCEEDED)
        run->succeeded++;
    else
        run->failed_items += child->map_items;
    if (!run->frame || run->resuming || run->phase != MAP_RUNNING)
        return;
    map_run_check(e, run);
}

void map_run_check(struct engine *e, struct map_run *run)
{
    struct asl_failure failure = {0};
    if (map_tolerates(&run->limits, run->failed_items, run->total)) {
        map_run_go_on(e, run);
        return;
    }
    asl_fail(&failure, "States.ExceedToleratedFailureThreshold",
             "The specified tolerated failure threshold was exceeded");
    map_run_fail(e, run, &failure);
}
