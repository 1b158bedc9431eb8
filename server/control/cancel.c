/* The steps of a cancelling. Sweeps go on while they stop tasks, because a launcher that was at
 * work when its execution was stopped goes on starting them; they end when nothing is open any
 * more, or when there was nothing to stop for some seconds. */
#include "server/control/cancel_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Passes after the marks while tasks are open in the store, 250 ms, 500 ms ... apart: a refused
 * mark says that a row was final, and the store must have that row. */
enum { SETTLE_MAX = 4 };

static const char row_why[] = "the run was cancelled before the task ended";

/* Copies a text, cut at the end of a UTF-8 sequence. */
static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

struct cancel *cancel_begin(const struct cancel_options *options, struct error *err)
{
    struct cancel *c = calloc(1, sizeof *c);
    if (!c || !(c->cluster = strdup(options->cluster))) {
        err_set(err, ERR_MEMORY, "out of memory for cancelling a run");
        return cancel_free(c);
    }
    c->loop = options->loop;
    c->run_id = options->run_id;
    c->mirror = options->mirror;
    c->describes = options->describes;
    mirror_tables(c->mirror, &c->tables);
    copy_cut(c->reason, sizeof c->reason, options->reason);
    copy_cut(c->stop_why, sizeof c->stop_why, options->stop_why);
    c->stopped_at = options->stopped_at ? options->stopped_at : clock_wall(c->loop->clock);
    c->verdict = AUDIT_CANCELLED;
    c->began = loop_now(c->loop);
    c->quiet_since = c->began;
    return c;
}

struct cancel *cancel_free(struct cancel *c)
{
    if (!c)
        return NULL;
    stop_free(c->stop);
    mark_free(c->mark);
    linger_free(c->linger);
    free(c->cluster);
    free(c);
    return NULL;
}

bool cancel_done(const struct cancel *c)
{
    return c->step == CANCEL_DONE;
}

enum audit_status cancel_verdict(const struct cancel *c)
{
    return c->verdict;
}

/* What memory or store fail to give now they may give later. */
static int64_t try_again(struct cancel *c, const struct error *err)
{
    trouble_add(&c->trouble, c->loop, c->run_id, "the run cannot be cancelled yet", err);
    return c->trouble.not_before;
}

/* ListTasks and StopTask; then the rows are read again, after a while. */
static int64_t sweep(struct cancel *c)
{
    struct error err = {0};
    if (!c->stop)
        c->stop = stop_begin(c->loop, c->run_id, c->cluster, c->stop_why, &err);
    if (!c->stop)
        return try_again(c, &err);
    int64_t next = stop_step(c->stop);
    if (!stop_done(c->stop))
        return next;
    cancel_judge_sweep(c);
    c->stop = stop_free(c->stop);
    mirror_finish(c->mirror, loop_now(c->loop) + cancel_pause(c));
    c->step = CANCEL_LOOK;
    return LOOP_NEVER;
}

/* Tables that cannot be read cannot be marked either. */
static int64_t look(struct cancel *c)
{
    const struct mirror_end *end = mirror_finished(c->mirror);
    struct error err = {0};
    struct cancel_look now = {0};
    if (!end)
        return LOOP_NEVER;
    if (store_run_get(c->loop->store, c->run_id, cancel_read_look, &now, &err))
        return try_again(c, &err);
    if (end->problem)
        c->step = CANCEL_DONE;
    else if (now.open == 0)
        c->step = CANCEL_RECOUNT;
    else if (c->linger)
        c->step = CANCEL_MARK;
    else
        c->step = cancel_beyond_doubt(c) || cancel_quiet(c) ? CANCEL_CENSUS : CANCEL_SWEEP;
    return loop_now(c->loop);
}

/* A first census settles whether the short wait was enough, one after the long wait is final. */
static int64_t judge_census(struct cancel *c)
{
    struct error err = {0};
    bool unknown = false;
    if (!c->wary && !cancel_beyond_doubt(c) && cancel_any_unknown(c, &unknown, &err))
        return try_again(c, &err);
    c->wary = unknown;
    if (unknown) {
        c->linger = linger_free(c->linger);
        c->step = CANCEL_SWEEP;
    } else {
        c->step = linger_done(c->linger) ? CANCEL_MARK : CANCEL_LINGER;
    }
    return loop_now(c->loop);
}

/* Without one, tasks that have no row are taken for never started. */
static int64_t census(struct cancel *c)
{
    struct error err = {0};
    if (!c->linger)
        c->linger = linger_begin(c->loop, c->run_id, c->cluster, c->describes, &err);
    if (!c->linger)
        return try_again(c, &err);
    int64_t next = linger_step(c->linger);
    return linger_census(c->linger) ? judge_census(c) : next;
}

/* A mark would keep a task that finishes its work within its stopTimeout from saying so. Whenever
 * some have ended their rows are read, and once more behind the last one. */
static int64_t await_last_words(struct cancel *c)
{
    int64_t next = linger_step(c->linger);
    size_t left = linger_left(c->linger);
    bool done = linger_done(c->linger);
    if (!mirror_finished(c->mirror) || (!done && left == c->left))
        return next;
    mirror_finish(c->mirror, loop_now(c->loop));
    c->left = left;
    c->step = done ? CANCEL_LOOK : CANCEL_LINGER;
    return next;
}

static int64_t mark(struct cancel *c)
{
    struct error err = {0};
    if (!c->mark)
        c->mark = mark_begin(&(struct mark_options){.loop = c->loop,
                                                    .run_id = c->run_id,
                                                    .details = &c->tables.details,
                                                    .census = linger_census(c->linger),
                                                    .status = AUDIT_CANCELLED,
                                                    .stop_code = "UserInitiated",
                                                    .why = row_why},
                             &err);
    if (!c->mark)
        return try_again(c, &err);
    int64_t next = mark_step(c->mark);
    if (!mark_done(c->mark))
        return next;
    mirror_finish(c->mirror, loop_now(c->loop));
    c->step = CANCEL_RECOUNT;
    return loop_now(c->loop);
}

/* Asks for another pass when the last one did not see all tasks end. */
static int settle(struct cancel *c, bool *again, struct error *err)
{
    struct cancel_look now = {0};
    if (store_run_get(c->loop->store, c->run_id, cancel_read_look, &now, err))
        return -1;
    *again = now.open > 0 && !mirror_finished(c->mirror)->problem && c->settled < SETTLE_MAX;
    if (*again)
        mirror_finish(c->mirror, loop_now(c->loop) + (CANCEL_WAIT << c->settled++));
    return 0;
}

/* The counts are those of the last pass, so it is waited for; a run that had ended keeps its own.
 */
static int64_t recount(struct cancel *c)
{
    struct error err = {0};
    bool again = false;
    if (!mirror_finished(c->mirror) || c->busy)
        return LOOP_NEVER;
    if (settle(c, &again, &err))
        return try_again(c, &err);
    if (again)
        return LOOP_NEVER;
    if (c->verdict != AUDIT_CANCELLED) {
        c->step = CANCEL_DONE;
        return loop_now(c->loop);
    }
    cancel_summary(c);
    return c->busy ? LOOP_NEVER : c->trouble.not_before;
}

/* One move; the time by which it wants the next one. */
static int64_t move(struct cancel *c)
{
    switch (c->step) {
    case CANCEL_UPDATE:
    case CANCEL_READ:
    case CANCEL_CREATE:
        if (!c->busy)
            cancel_summary(c);
        return c->busy ? LOOP_NEVER : c->trouble.not_before;
    case CANCEL_SWEEP:
        return sweep(c);
    case CANCEL_LOOK:
        return look(c);
    case CANCEL_CENSUS:
        return census(c);
    case CANCEL_LINGER:
        return await_last_words(c);
    case CANCEL_MARK:
        return mark(c);
    case CANCEL_RECOUNT:
        return recount(c);
    case CANCEL_DONE:
        break;
    }
    return LOOP_NEVER;
}

/* Goes on as long as something moves without waiting. A step that is over had no lasting trouble.
 */
int64_t cancel_step(struct cancel *c)
{
    int64_t next = LOOP_NEVER;
    enum cancel_step before;
    do {
        if (loop_now(c->loop) < c->trouble.not_before)
            return c->trouble.not_before;
        before = c->step;
        next = move(c);
        if (c->step != before)
            trouble_over(&c->trouble, c->loop, c->run_id);
    } while (c->step != before);
    return next;
}
