/* One transaction for all that a turn has changed. Marks are cleared only once it is durable, so
 * that a transaction that failed is simply made again. */
#include "server/local/sfn/map_run.h"

#include <stdlib.h>

/* Frames that ended lose their rows, those that changed get theirs. */
static int write_frames(struct engine *e, const struct execution *x, struct error *err)
{
    for (size_t i = 0; i < x->gone_count; i++)
        if (sfn_db_delete_frame(e->db, x->id, x->gone[i], err))
            return -1;
    for (const struct frame *f = x->dirty_frames; f; f = f->next_dirty)
        if (f->phase != FRAME_OVER && sfn_db_put_frame(e->db, f, err))
            return -1;
    return 0;
}

/* An execution that ended needs no checkpoints any more; its frames are not looked at. */
static int write_execution(struct engine *e, const struct execution *x, struct error *err)
{
    bool over = x->status != EXECUTION_RUNNING;
    if (x->changed && sfn_db_put_execution(e->db, x, err))
        return -1;
    if (x->events.len && sfn_db_put_events(e->db, x, err))
        return -1;
    if (!over)
        return write_frames(e, x, err);
    return x->frames_stored ? sfn_db_delete_frames(e->db, x->id, err) : 0;
}

/* Everything of the turn, in the order in which it came to be. */
static int write_all(struct engine *e, struct error *err)
{
    for (const struct execution *x = e->dirty; x; x = x->next_dirty)
        if (write_execution(e, x, err))
            return -1;
    for (const struct map_run *run = e->dirty_runs; run; run = run->next_dirty)
        if (sfn_db_put_map_run(e->db, run, err))
            return -1;
    for (struct effect *effect = e->effects; effect; effect = effect->next)
        if (effect->write && effect->write(effect, e->db, err))
            return -1;
    return 0;
}

/* The frames of a commit that worked: marks off, ended ones freed. */
static void settle_frames(struct execution *x)
{
    struct frame *f = x->dirty_frames;
    x->dirty_frames = NULL;
    x->gone_count = 0;
    while (f) {
        struct frame *next = f->next_dirty;
        f->listed = false;
        f->dirty = 0;
        if (f->phase == FRAME_OVER) {
            if (!f->queued)
                frame_free(f);
        } else {
            f->stored = true;
            x->frames_stored = true;
            if (f->nest && f->nest->unsaved.len) {
                f->nest->parts++;
                buf_reset(&f->nest->unsaved);
            }
        }
        f = next;
    }
}

/* Buffers that grew large for once are given back. */
static void empty_events(struct execution *x)
{
    if (x->events.cap > EVENTS_CHUNK)
        buf_free(&x->events);
    else
        buf_reset(&x->events);
}

/* Executions that ended leave the engine here, not earlier: until their end is durable a second
 * execution of the same name must find them. */
static void settle_all(struct engine *e)
{
    struct execution *x = e->dirty;
    e->dirty = NULL;
    while (x) {
        struct execution *next = x->next_dirty;
        x->listed = false;
        x->changed = false;
        x->stored = true;
        settle_frames(x);
        empty_events(x);
        if (x->status != EXECUTION_RUNNING) {
            names_remove(&e->executions, x->arn);
            execution_free(x);
        }
        x = next;
    }
}

/* Runs that were left have nobody any more. */
static void settle_runs(struct engine *e)
{
    struct map_run *run = e->dirty_runs;
    e->dirty_runs = NULL;
    while (run) {
        struct map_run *next = run->next_dirty;
        run->listed = false;
        run->stored = true;
        if (!run->frame)
            map_run_free(run);
        run = next;
    }
}

int engine_commit(struct engine *e, struct error *err)
{
    bool writes = e->dirty || e->dirty_runs;
    for (const struct effect *effect = e->effects; effect && !writes; effect = effect->next)
        writes = effect->write != NULL;
    if (!writes)
        return 0;
    if (sfn_db_begin(e->db, err))
        return -1;
    if (write_all(e, err) || sfn_db_commit(e->db, err)) {
        sfn_db_rollback(e->db);
        return -1;
    }
    settle_all(e);
    settle_runs(e);
    return 0;
}
