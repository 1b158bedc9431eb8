/* The loop. A turn is: messages, due timers, frames that can move, one commit, side effects.
 *
 * The order is the promise: a message may start an execution that runs to its end in the same turn,
 * and its answer still goes out only after the transaction that holds all of it. */
#include "server/local/sfn/map_run.h"
#include "server/local/sfn/task.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_SLEEP CLOCK_SECOND /* so that a wall clock that was set is noticed */
#define STUCK_SLEEP (CLOCK_SECOND / 4)

struct engine *engine_new(const struct engine_options *options, struct error *err)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e) {
        err_set(err, ERR_MEMORY, "out of memory for the engine");
        return NULL;
    }
    e->clock = options->clock;
    e->log = options->log;
    e->region = options->region;
    e->backend = options->backend;
    e->db = options->db;
    e->ready_last = &e->ready;
    e->effects_last = &e->effects;
    e->now = clock_wall(e->clock);
    e->mailbox = mailbox_new(err);
    if (!e->mailbox) {
        free(e);
        return NULL;
    }
    return e;
}

bool engine_turn_full(const struct engine *e)
{
    return e->turn_events >= TURN_EVENTS_MAX || e->turn_bytes >= TURN_BYTES_MAX;
}

/* Appends to the queue of frames that can move; a frame is in it once. */
void engine_queue(struct engine *e, struct frame *f)
{
    if (f->queued)
        return;
    f->queued = true;
    f->next_ready = NULL;
    *e->ready_last = f;
    e->ready_last = &f->next_ready;
}

void engine_effect(struct engine *e, struct effect *effect)
{
    effect->next = NULL;
    *e->effects_last = effect;
    e->effects_last = &effect->next;
}

void engine_touch(struct engine *e, struct execution *x)
{
    if (x->listed)
        return;
    x->listed = true;
    x->next_dirty = e->dirty;
    e->dirty = x;
}

void frame_touch(struct engine *e, struct frame *f, unsigned what)
{
    f->dirty |= what;
    if (f->listed)
        return;
    f->listed = true;
    f->next_dirty = f->execution->dirty_frames;
    f->execution->dirty_frames = f;
    engine_touch(e, f->execution);
}

/* Takes what has arrived, as much as one turn may hold. The wall clock is read once a turn, after
 * waiting: all events of a turn carry the same time. */
static void deliver_messages(struct engine *e, int64_t wait)
{
    if (!e->inbox)
        e->inbox = mailbox_take(e->mailbox, wait);
    e->now = clock_wall(e->clock);
    while (e->inbox && e->turn_bytes < TURN_BYTES_MAX) {
        struct message *m = e->inbox;
        e->inbox = m->next;
        m->deliver(e, m);
    }
}

static void drop_messages(struct engine *e)
{
    while (e->inbox) {
        struct message *m = e->inbox;
        e->inbox = m->next;
        m->drop(m);
    }
    mailbox_shut(e->mailbox);
}

/* Timers that are due by now, earliest first. A timer that fires may arm others; those that are
 * due too fire in the same turn. */
static void fire_timers(struct engine *e)
{
    struct timer *t;
    while ((t = timers_pop(&e->timers, e->now)) != NULL) {
        if (t->kind == TIMER_EXECUTION)
            execution_time_out(e, t->owner);
        else
            frame_timer(e, t->owner, (enum timer_kind)t->kind);
    }
}

/* The frame that has waited longest for its turn; NULL: none can move. */
static struct frame *next_ready(struct engine *e)
{
    struct frame *f = e->ready;
    if (!f)
        return NULL;
    e->ready = f->next_ready;
    if (!e->ready)
        e->ready_last = &e->ready;
    f->queued = false;
    return f;
}

/* Runs frames until none can move or the turn has written enough to be committed. Frames that
 * ended while they were queued are freed here. */
static void run_ready(struct engine *e)
{
    struct frame *f;
    while (!engine_turn_full(e) && (f = next_ready(e)) != NULL) {
        if (f->phase != FRAME_OVER)
            frame_run(e, f);
        else if (!f->listed)
            frame_free(f);
    }
}

/* The list is taken first: what a side effect leads to belongs to the next turn. */
static void release_effects(struct engine *e)
{
    struct effect *effect = e->effects;
    e->effects = NULL;
    e->effects_last = &e->effects;
    while (effect) {
        struct effect *next = effect->next;
        effect->release(effect, e);
        effect = next;
    }
}

/* How long the next turn may sleep. */
static int64_t until_next(struct engine *e)
{
    if (e->stuck)
        return STUCK_SLEEP;
    /* What the last commit released may have left work for another. */
    if (e->inbox || e->ready || e->effects || e->dirty || e->dirty_runs)
        return 0;
    int64_t due = timers_next(&e->timers);
    if (due <= e->now)
        return 0;
    return due - e->now < LONGEST_SLEEP ? due - e->now : LONGEST_SLEEP;
}

int64_t engine_turn(struct engine *e, int64_t wait)
{
    struct error err = {0};
    deliver_messages(e, wait);
    /* While the disk refuses, nothing moves on; what has moved is offered to it again. */
    if (!e->stuck) {
        fire_timers(e);
        run_ready(e);
    }
    if (engine_commit(e, &err)) {
        if (!e->stuck)
            log_error(e->log, "Step Functions cannot store its state; trying again",
                      LOG_STR("error", err.message));
        e->stuck = true;
    } else {
        e->stuck = false;
        e->turn_events = e->turn_bytes = 0; /* side effects write for the next commit */
        release_effects(e);
    }
    return until_next(e);
}

/* Entries of state machines; executions hold their compiled machines themselves. */
static void free_machines(struct engine *e)
{
    size_t cursor = 0;
    struct machine_entry *entry;
    while ((entry = names_each(&e->machines, &cursor)) != NULL)
        machine_entry_free(entry);
    names_free(&e->machines);
}

/* Frees the tree without touching what is stored: it goes on after the next start. */
static void drop_frames(struct engine *e, struct frame *f)
{
    while (f->first_child)
        drop_frames(e, f->first_child);
    timers_cancel(&e->timers, &f->delay);
    timers_cancel(&e->timers, &f->timeout);
    timers_cancel(&e->timers, &f->heartbeat);
    map_run_free(f->run);
    f->run = NULL;
    frame_unlink(f);
    f->phase = FRAME_OVER;
    if (!f->queued)
        frame_free(f);
}

/* Frames that ended in a turn that was never stored. */
static void free_listed(struct execution *x)
{
    struct frame *f = x->dirty_frames;
    while (f) {
        struct frame *next = f->next_dirty;
        f->listed = false;
        if (f->phase == FRAME_OVER && !f->queued)
            frame_free(f);
        f = next;
    }
}

/* Forgets an execution that runs; its checkpoints stay for the next start. */
static void drop_execution(struct engine *e, struct execution *x)
{
    timers_cancel(&e->timers, &x->timeout);
    free_listed(x);
    if (x->root)
        drop_frames(e, x->root);
    if (x->waiting)
        local_fault(x->waiting, 500, "ServiceUnavailable", "The service is shutting down");
    execution_free(x);
}

/* Runs that were left and whose end was never stored. Those that go on lose their steps: these may
 * be with S3, and are freed when they come back. */
static void free_left_runs(struct engine *e)
{
    size_t cursor = 0;
    struct map_run *going;
    while ((going = names_each(&e->runs, &cursor)) != NULL) {
        map_step_forget(going->step);
        going->step = NULL;
    }
    while (e->dirty_runs) {
        struct map_run *run = e->dirty_runs;
        e->dirty_runs = run->next_dirty;
        if (!run->frame)
            map_run_free(run);
    }
    names_free(&e->runs);
}

/* After the executions, what is left in the queue are frames that had ended. */
static void free_executions(struct engine *e)
{
    size_t cursor = 0;
    struct execution *x;
    struct frame *f;
    while ((x = names_each(&e->executions, &cursor)) != NULL)
        drop_execution(e, x);
    while ((f = next_ready(e)) != NULL)
        frame_free(f);
    names_free(&e->executions);
    names_free(&e->tokens);
}

struct engine *engine_free(struct engine *e)
{
    if (!e)
        return NULL;
    while (e->effects) {
        struct effect *effect = e->effects;
        e->effects = effect->next;
        effect->drop(effect);
    }
    task_calls_close(e);
    free_left_runs(e);
    drop_messages(e);
    free_executions(e);
    free_machines(e);
    timers_free(&e->timers);
    mailbox_release(e->mailbox);
    free(e);
    return NULL;
}
