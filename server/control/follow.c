/* The table itself: taking runs up and letting them go. */
#include "server/control/follow_private.h"

#include "lib/manifest/manifest.h"

#include <stdlib.h>
#include <string.h>

#define RELOAD_RETRY (2 * CLOCK_SECOND)
enum { DESCRIBES_PER_SECOND = 2 };

struct follows *follows_new(const struct loop *loop, struct watch *watch, struct mirror *mirror,
                            struct describe *describe, double describes_per_second,
                            struct error *err)
{
    struct follows *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(err, ERR_MEMORY, "out of memory for the runs");
        return NULL;
    }
    f->loop = loop;
    f->watch = watch;
    f->mirror = mirror;
    f->describe = describe;
    quota_init(&f->describes,
               describes_per_second > 0 ? describes_per_second : DESCRIBES_PER_SECOND,
               loop_now(loop));
    f->reload = true;
    return f;
}

/* Watcher and mirror keep their own part while a call is in flight. */
static void follow_free(struct follow *run)
{
    watch_leave(run->watch);
    mirror_leave(run->mirror);
    stop_free(run->stop);
    cancel_free(run->cancel);
    linger_free(run->linger);
    mark_free(run->mark);
    free(run->cluster);
    free(run);
}

struct follows *follows_free(struct follows *f)
{
    if (!f)
        return NULL;
    for (size_t i = 0; i < f->count; i++)
        follow_free(f->runs[i]);
    free((void *)f->runs);
    free(f);
    return NULL;
}

void follows_wake(struct follows *f)
{
    f->reload = true;
}

/* The place of a run, or where it belongs: the table is sorted by id. */
static size_t place_of(const struct follows *f, int64_t run_id)
{
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->runs[middle]->id < run_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct follow *find(const struct follows *f, int64_t run_id)
{
    size_t at = place_of(f, run_id);
    return at < f->count && f->runs[at]->id == run_id ? f->runs[at] : NULL;
}

/* A task that ended is often followed by the execution's end. */
void follows_moved(struct follows *f, int64_t run_id)
{
    struct follow *run = find(f, run_id);
    if (run)
        watch_hint(run->watch);
}

static int make_room(struct follows *f, struct error *err)
{
    if (f->count < f->capacity)
        return 0;
    size_t capacity = f->capacity ? f->capacity * 2 : 16;
    struct follow **runs = (struct follow **)realloc((void *)f->runs, capacity * sizeof *runs);
    if (!runs)
        return err_set(err, ERR_MEMORY, "out of memory for the runs");
    f->runs = runs;
    f->capacity = capacity;
    return 0;
}

/* There is room. */
static void insert(struct follows *f, struct follow *run)
{
    size_t at = place_of(f, run->id);
    for (size_t i = f->count++; i > at; i--)
        f->runs[i] = f->runs[i - 1];
    f->runs[at] = run;
}

/* Reads the run's input for the names of tables and cluster; its tasks are in the store. */
static int read_input(struct follows *f, const struct store_active *active, struct spec *spec,
                      struct error *err)
{
    struct json_problems problems = {0};
    struct buf input;
    json_t *tree = NULL;
    buf_init(&input, BUF_MAX_PAYLOAD);
    int rc = store_run_input(f->loop->store, active->id, &input, err);
    if (!rc)
        rc = json_parse(buf_str(&input), input.len, &tree, err);
    if (!rc)
        rc = manifest_stand_in(tree, err);
    if (!rc)
        rc = spec_read(tree, active->pattern, NULL, spec, &problems, err);
    json_decref(tree);
    json_problems_free(&problems);
    buf_free(&input);
    return rc;
}

/* A run whose input cannot be read is followed without its audit rows. */
static int add_mirror(struct follows *f, struct follow *run, const struct store_active *active,
                      struct error *err)
{
    struct spec spec = {0};
    if (read_input(f, active, &spec, err)) {
        log_error(f->loop->log, "the input of a run cannot be read", LOG_INT("run_id", run->id),
                  LOG_STR("error", err->message));
        return err->code == ERR_MEMORY ? -1 : 0;
    }
    run->tolerated = spec.tolerated_failures;
    run->cluster = strdup(spec.cluster_name);
    run->mirror = mirror_follow(f->mirror, run->id, &spec, err);
    spec_free(&spec);
    if (!run->cluster)
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    return run->mirror ? describe_follow(f->describe, run->id, run->cluster, err) : -1;
}

/* Nothing of the run is kept when a part of it cannot be had: it is tried again with the next
 * reload. */
static int take_up(struct follows *f, const struct store_active *active, struct error *err)
{
    struct follow *run = calloc(1, sizeof *run);
    if (!run)
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    run->id = active->id;
    run->cancelled = active->cancelled;
    run->watch = watch_follow(f->watch, active, err);
    if (!run->watch || add_mirror(f, run, active, err) || make_room(f, err)) {
        follow_free(run);
        return -1;
    }
    insert(f, run);
    return 0;
}

/* One row of the active list: a new run, or one that is to be cancelled now. */
static void note_active(void *ctx, const struct store_active *active)
{
    struct follows *f = ctx;
    struct error err = {0};
    struct follow *run = find(f, active->id);
    if (!run && take_up(f, active, &err)) {
        log_error(f->loop->log, "a run cannot be followed yet", LOG_INT("run_id", active->id),
                  LOG_STR("error", err.message));
        f->reload = true;
    } else if (run && active->cancelled && !run->cancelled) {
        run->cancelled = true;
        watch_cancel(run->watch, active->cancel_reason);
    }
}

/* Reads ids and ARNs only; inputs are read for runs that are new here. */
static void reload(struct follows *f, int64_t now)
{
    struct error err = {0};
    f->reload = false;
    if (store_active_list(f->loop->store, note_active, f, &err)) {
        log_error(f->loop->log, "active runs cannot be read", LOG_STR("error", err.message));
        f->reload = true;
    }
    f->reload_at = f->reload ? now + RELOAD_RETRY : 0;
}

/* Closed runs are taken out in the same walk; callbacks cannot run meanwhile. */
int64_t follows_step(struct follows *f)
{
    int64_t now = loop_now(f->loop);
    if (f->reload && now >= f->reload_at)
        reload(f, now);
    int64_t next = f->reload ? f->reload_at : LOOP_NEVER;
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct follow *run = f->runs[i];
        next = loop_earlier(next, follow_step(f, run, now));
        if (run->closed) {
            describe_closed(f->describe, run->id);
            follow_free(run);
        } else {
            f->runs[kept++] = run;
        }
    }
    f->count = kept;
    return next;
}
