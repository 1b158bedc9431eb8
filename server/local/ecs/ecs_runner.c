/* The runner: takes all jobs that wait, applies them in one transaction, commits, and only then
 * lets their effects out. A slow disk makes the rounds larger, not more.
 *
 * round: take jobs -> BEGIN -> record what started -> apply jobs -> choose what starts -> COMMIT
 * durable: answer the jobs, start processes, send signals, tell watchers
 * failed:  ROLLBACK, tell the callers, wait a second, try again; ends of processes are never
 * lost */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Half a minute from SIGTERM to SIGKILL is ECS's own default for stopTimeout. */
enum { PURGE_SECONDS = 60, STOP_GRACE_SECONDS = 30, STOPPED_BYTES_MAX = 16 * 1024 * 1024 };

/* --- the queue ---------------------------------------------------------------------------------*/

/* Under the queue's lock. */
static void append(struct local_ecs *e, struct ecs_job *job)
{
    job->next = NULL;
    *e->queue.end = job;
    e->queue.end = &job->next;
    (void)pthread_cond_signal(&e->queue.arrived);
}

bool ecs_push(struct local_ecs *e, struct ecs_job *job)
{
    (void)pthread_mutex_lock(&e->queue.lock);
    bool taken = !e->queue.closed;
    if (taken)
        append(e, job);
    (void)pthread_mutex_unlock(&e->queue.lock);
    return taken;
}

bool ecs_push_again(struct local_ecs *e, struct ecs_job *job)
{
    (void)pthread_mutex_lock(&e->queue.lock);
    bool taken = !e->queue.closing;
    if (taken)
        append(e, job);
    (void)pthread_mutex_unlock(&e->queue.lock);
    return taken;
}

/* Waits for jobs and takes them all. False: closing, and nothing is left to do. */
static bool take_jobs(struct local_ecs *e, struct ecs_job **jobs, bool *closing)
{
    (void)pthread_mutex_lock(&e->queue.lock);
    while (!e->queue.first && !e->again && !e->queue.closing)
        (void)pthread_cond_wait(&e->queue.arrived, &e->queue.lock);
    /* The first round of closing goes on at once, to kill; later ones wait for the ends of
     * processes. */
    while (!e->queue.first && e->queue.closing && e->live_count > 0 && *closing)
        (void)pthread_cond_wait(&e->queue.arrived, &e->queue.lock);
    *jobs = e->queue.first;
    e->queue.first = NULL;
    e->queue.end = &e->queue.first;
    *closing = e->queue.closing;
    bool done = e->queue.closing && !*jobs && e->live_count == 0;
    if (done)
        e->queue.closed = true;
    (void)pthread_mutex_unlock(&e->queue.lock);
    e->again = false;
    return !done;
}

/* A job whose pusher waits; it lives on the pusher's stack. */
struct sync_job {
    struct ecs_job job;
    int (*apply)(struct local_ecs *e, void *ctx, struct error *err);
    void *ctx;
    struct error *err;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    int rc;
};

/* The result is kept: after a rollback sync_finish overrides it. */
static int sync_apply(struct local_ecs *e, struct ecs_job *job, struct error *err)
{
    struct sync_job *s = (struct sync_job *)job;
    s->rc = s->apply(e, s->ctx, err);
    return s->rc;
}

/* Signals under the lock: the waiter's stack, where `s` lives, is gone once it may go on. */
static void sync_finish(struct local_ecs *e, struct ecs_job *job, const struct error *failure)
{
    (void)e;
    struct sync_job *s = (struct sync_job *)job;
    (void)pthread_mutex_lock(&s->lock);
    if (failure) {
        s->rc = -1;
        if (s->err)
            *s->err = *failure;
    }
    s->done = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

int ecs_run_sync(struct local_ecs *e,
                 int (*apply)(struct local_ecs *e, void *ctx, struct error *err), void *ctx,
                 struct error *err)
{
    struct sync_job s = {.job = {.apply = sync_apply, .finish = sync_finish},
                         .apply = apply,
                         .ctx = ctx,
                         .err = err,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .changed = PTHREAD_COND_INITIALIZER};
    if (!ecs_push(e, &s.job))
        return err_set(err, ERR_BUSY, "the local ECS is closing");
    (void)pthread_mutex_lock(&s.lock);
    while (!s.done)
        (void)pthread_cond_wait(&s.changed, &s.lock);
    (void)pthread_mutex_unlock(&s.lock);
    return s.rc;
}

/* --- one round ---------------------------------------------------------------------------------*/

/* A fixed width for each id; a buffer that overflows fails the round (buf_check in apply_all). */
void ecs_note_stopped(struct local_ecs *e, const char *id)
{
    buf_add(&e->stopped, id, ECS_ID_TEXT);
}

struct ecs_live *ecs_live_find(struct local_ecs *e, const char *id)
{
    struct ecs_live *live = e->live;
    while (live && strcmp(live->task.id, id) != 0)
        live = live->next;
    return live;
}

/* Tasks whose process has started since the last round become RUNNING. */
static int record_running(struct local_ecs *e, struct error *err)
{
    for (struct ecs_live *live = e->live; live; live = live->next) {
        struct ecs_task task = {.doc = NULL};
        if (!live->tell_running)
            continue;
        if (ecs_db_task_load(e->db, NULL, live->task.id, &task, err) < 0)
            return -1;
        ecs_task_run(&task, live->started_at);
        int rc = task.doc ? ecs_db_task_save(e->db, &task, err) : 0;
        ecs_task_free(&task);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* Forgets what stopped long ago, with its log. At most once a minute. */
static int purge(struct local_ecs *e, struct error *err)
{
    int64_t at = clock_mono(e->clock);
    if (at < e->purge_at)
        return 0;
    e->purge_at = at + PURGE_SECONDS * CLOCK_SECOND;
    json_t *ids = json_array();
    int rc = ecs_db_purge(e->db, clock_wall(e->clock) - ECS_KEPT_FOR, ids, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++) {
        char path[4096];
        const char *id = json_string_value(json_array_get(ids, i));
        (void)snprintf(path, sizeof path, "%s/logs/%s.log", e->dir, id);
        (void)unlink(path);
    }
    json_decref(ids);
    return rc;
}

/* The round's transaction: first what has happened, then what was asked, then what can start. */
static int apply_all(struct local_ecs *e, struct ecs_job *jobs, bool closing, struct error *err)
{
    buf_reset(&e->stopped);
    if (ecs_db_begin(e->db, err) != 0)
        return -1;
    int rc = record_running(e, err);
    for (struct ecs_job *job = jobs; job && rc == 0; job = job->next)
        rc = job->apply(e, job, err);
    if (rc == 0 && !closing)
        rc = ecs_launch_choose(e, err);
    if (rc == 0)
        rc = purge(e, err);
    if (rc == 0)
        rc = buf_check(&e->stopped, err);
    return rc == 0 ? ecs_db_commit(e->db, err) : -1;
}

/* Sends what StopTask has made durable, or SIGKILL to all when closing. The lock keeps `process`
 * from ending meanwhile. */
static void stop_due(struct local_ecs *e, bool closing)
{
    (void)pthread_mutex_lock(&e->queue.lock);
    for (struct ecs_live *live = e->live; live; live = live->next) {
        if (live->process && (live->stop_due || closing)) {
            int64_t seconds =
                json_int(ecs_container_of(live->definition), "stopTimeout", STOP_GRACE_SECONDS);
            process_stop(e->processes, live->process, closing ? 0 : (int)seconds * 1000);
        }
        live->stop_due = false;
    }
    (void)pthread_mutex_unlock(&e->queue.lock);
}

/* Renders a task only if somebody watches it. */
static void tell_watchers(struct local_ecs *e)
{
    for (size_t at = 0; at < e->stopped.len; at += ECS_ID_TEXT) {
        const char *id = e->stopped.data + at;
        struct ecs_watch *list = ecs_watch_take(e, id);
        struct ecs_task task = {.doc = NULL};
        if (!list)
            continue;
        json_t *wire = NULL;
        if (ecs_db_task_load(e->db, NULL, id, &task, NULL) == 1)
            wire = ecs_task_wire(&task, true);
        ecs_watch_tell(list, wire);
        json_decref(wire);
        ecs_task_free(&task);
    }
}

/* Each owns its job from here on: it may be freed or queued again. */
static void finish_all(struct local_ecs *e, struct ecs_job *jobs, const struct error *failure)
{
    while (jobs) {
        struct ecs_job *job = jobs;
        jobs = job->next;
        job->finish(e, job, failure);
    }
}

/* Answers first: callers wait for them, while a start takes a millisecond. */
static void round_durable(struct local_ecs *e, struct ecs_job *jobs, bool closing)
{
    for (struct ecs_live *live = e->live; live; live = live->next)
        live->tell_running = false;
    finish_all(e, jobs, NULL);
    ecs_launch_all(e);
    stop_due(e, closing);
    tell_watchers(e);
}

/* The ends of processes are queued again by their finish; a second later all is tried anew. */
static void round_failed(struct local_ecs *e, struct ecs_job *jobs, bool closing,
                         const struct error *failure)
{
    log_error(e->log, "the local ECS cannot record", LOG_STR("error", failure->message));
    ecs_db_rollback(e->db);
    ecs_launch_drop(e);
    for (struct ecs_live *live = e->live; live; live = live->next)
        live->stop_due = false;
    if (closing) /* needs no record: the next opening finds what this one leaves */
        stop_due(e, true);
    finish_all(e, jobs, failure);
    struct timespec second = {.tv_sec = 1};
    (void)nanosleep(&second, NULL);
    e->again = true;
}

void *ecs_runner_main(void *ctx)
{
    struct local_ecs *e = ctx;
    struct ecs_job *jobs = NULL;
    bool closing = false;
    buf_init(&e->stopped, STOPPED_BYTES_MAX);
    while (take_jobs(e, &jobs, &closing)) {
        struct error err = {.code = ERR_NONE};
        if (apply_all(e, jobs, closing, &err) == 0)
            round_durable(e, jobs, closing);
        else
            round_failed(e, jobs, closing, &err);
    }
    buf_free(&e->stopped);
    return NULL;
}
