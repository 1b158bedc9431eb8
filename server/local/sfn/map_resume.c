/* Runs go on from what the rows say: which items were begun, and how their executions ended. A run
 * that was still reading reads again: no child had started. */
#include "server/local/sfn/map_resume.h"

#include <stdlib.h>
#include <string.h>

struct load {
    struct engine *engine;
    struct map_runs *runs;
};

static struct map_run *run_of(const struct map_run_row *row)
{
    struct map_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->id = run->items.run = row->id;
    run->execution = row->execution;
    run->started = row->started;
    run->total = row->total;
    run->limits.concurrency = row->concurrency;
    run->limits.tolerated_count = (double)row->tolerated_count;
    run->limits.tolerated_percentage = row->tolerated_percentage;
    run->stored = run->resuming = true;
    run->arn = strdup(row->arn);
    run->machine_arn = strdup(row->machine_arn);
    run->child_family = strdup(strrchr(row->machine_arn, ':') + 1);
    if (run->arn && run->machine_arn && run->child_family)
        return run;
    map_run_free(run);
    return NULL;
}

static int append(struct map_runs *runs, struct map_run *run)
{
    if (runs->count == runs->capacity) {
        size_t capacity = runs->capacity ? runs->capacity * 2 : 16;
        struct map_run **list = realloc(runs->list, capacity * sizeof(struct map_run *));
        if (!list)
            return -1;
        runs->list = list;
        runs->capacity = capacity;
    }
    runs->list[runs->count++] = run;
    return 0;
}

static int add(void *ctx, const struct map_run_row *row)
{
    struct load *load = ctx;
    struct map_run *run = run_of(row);
    if (!run)
        return -1;
    if (append(load->runs, run) || names_add(&load->engine->runs, run->arn, run)) {
        map_run_free(run);
        return -1;
    }
    return 0;
}

/* Children that run are counted when they are linked. */
static int count(struct engine *e, struct map_run *run, struct error *err)
{
    struct map_counts counts;
    if (sfn_db_map_counts(e->db, run->id, &counts, err))
        return -1;
    for (int i = 0; i < MAP_COUNTS; i++) {
        run->children += counts.children[i];
        run->taken += counts.items[i];
        if (i != EXECUTION_RUNNING && i != EXECUTION_SUCCEEDED)
            run->failed_items += counts.items[i];
    }
    run->succeeded = counts.children[EXECUTION_SUCCEEDED];
    return 0;
}

int map_runs_load(struct engine *e, struct map_runs *runs, struct error *err)
{
    struct load load = {.engine = e, .runs = runs};
    int rc = sfn_db_map_running(e->db, add, &load, err);
    for (size_t i = 0; rc == 0 && i < runs->count; i++)
        rc = count(e, runs->list[i], err);
    return rc;
}

static int compare(const void *key, const void *member)
{
    int64_t id = *(const int64_t *)key;
    int64_t other = (*(struct map_run *const *)member)->id;
    return (id > other) - (id < other);
}

struct map_run *map_runs_find(const struct map_runs *runs, int64_t id)
{
    if (id <= 0 || !runs->count)
        return NULL;
    struct map_run **found =
        bsearch(&id, runs->list, runs->count, sizeof(struct map_run *), compare);
    return found ? *found : NULL;
}

/* Limits come from the row: UpdateMapRun may have changed them. */
int map_run_adopt(struct engine *e, struct map_run *run, struct frame *f)
{
    struct asl_failure failure = {0};
    run->frame = f;
    f->run = run;
    run->input = data_input(e, f, &failure);
    int rc = run->input ? map_run_read_batcher(e, run, &failure) : -1;
    asl_failure_free(&failure);
    return rc;
}

void map_runs_go_on(struct engine *e, struct map_runs *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        struct map_run *run = runs->list[i];
        if (run->status != MAP_RUN_RUNNING)
            continue;
        run->resuming = false;
        if (!run->frame) {
            map_run_over(e, run); /* the parent's row was lost: its children end with it */
        } else if (run->total < 0) {
            map_run_read(e, run);
        } else {
            run->phase = MAP_RUNNING;
            map_run_check(e, run);
        }
    }
}

void map_runs_free(struct map_runs *runs)
{
    free(runs->list);
    *runs = (struct map_runs){0};
}
