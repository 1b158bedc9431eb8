/* Group commit: while one transaction syncs to disk, the next one's jobs gather.
 *
 * queue -> up to GROUP_MAX jobs in one transaction -> COMMIT (WAL, synchronous=FULL) -> answers. A
 * job whose fault is the caller's (a condition that is not met) has written nothing and shares the
 * commit with the others; an internal fault rolls the whole group back and fails all of it. Jobs
 * that change tables run alone. */
#include "server/local/dynamodb/ddb_writer.h"

#include "server/local/dynamodb/ddb_sweep.h"

#include <time.h>

/* Bounds how long the first job of a group waits for its last. */
enum { GROUP_MAX = 256 };

/* What the type owns goes last, for it frees the job itself. */
void ddb_job_free(struct ddb_job *job)
{
    if (!job)
        return;
    json_decref(job->output);
    ddb_fault_clear(&job->fault);
    job->type->free(job);
}

#define SWEEP_INTERVAL (30 * CLOCK_SECOND)

/* Waits until there are jobs, the writer ends, or SWEEP_INTERVAL is over. The lock is held. */
static void wait_synced(struct ddb_writer *w)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SWEEP_INTERVAL / CLOCK_SECOND;
    int rc = 0;
    while (!w->queue.first && !w->queue.stopping && rc == 0)
        rc = pthread_cond_timedwait(&w->queue.changed, &w->queue.lock, &until);
}

/* Takes the jobs of the next transaction off the queue. NULL when none came for a while, or with
 * *ends when the writer ends. */
static struct ddb_job *take_group(struct ddb_writer *w, bool *ends)
{
    (void)pthread_mutex_lock(&w->queue.lock);
    wait_synced(w);
    struct ddb_job *group = w->queue.first;
    *ends = !group && w->queue.stopping;
    struct ddb_job *last = group;
    for (int i = 1; last && last->next && i < GROUP_MAX; i++) {
        if (last->type->alone || last->next->type->alone)
            break;
        last = last->next;
    }
    if (last) {
        w->queue.first = last->next;
        if (!w->queue.first)
            w->queue.last = NULL;
        last->next = NULL;
    }
    (void)pthread_mutex_unlock(&w->queue.lock);
    return group;
}

/* Runs the group up to its commit; -1 if the database failed, and nothing of it was done then. */
static int run_group(struct ddb_writer *w, struct ddb_job *group, struct error *err)
{
    w->store.now = clock_wall(w->clock);
    if (db_begin(w->store.db, err) != 0)
        return -1;
    for (struct ddb_job *job = group; job; job = job->next) {
        if (job->type->run(job, &w->store) == 0 || !ddb_fault_is_internal(&job->fault))
            continue;
        db_rollback(w->store.db);
        return err_set(err, ERR_DATABASE, "%s", job->fault.message);
    }
    if (db_commit(w->store.db, err) == 0)
        return 0;
    db_rollback(w->store.db);
    return -1;
}

/* The job ends before its call does: it holds references to the call's input, which from `done` on
 * may be freed on another thread. A job whose commit failed has an output that is not true. */
static void answer(struct ddb_job *job)
{
    struct local_call *call = job->call;
    json_t *output = job->output;
    struct ddb_fault fault = job->fault;
    job->output = NULL;
    job->fault = (struct ddb_fault){0};
    ddb_job_free(job);
    if (fault.status) {
        json_decref(output);
        ddb_fault_answer(&fault, call);
    } else {
        local_reply(call, output);
    }
    ddb_fault_clear(&fault);
}

/* Nobody is answered before the commit, and everybody is told when it failed. */
static void finish_group(struct ddb_writer *w, struct ddb_job *group)
{
    struct error err;
    int rc = run_group(w, group, &err);
    if (rc != 0)
        log_error(w->log, "dynamodb: a group of writes failed", LOG_STR("error", err.message));
    while (group) {
        struct ddb_job *job = group;
        group = job->next;
        if (rc != 0)
            ddb_internal(&job->fault, &err);
        else if (!job->fault.status && job->type->committed)
            job->type->committed(job);
        answer(job);
    }
}

/* Removes what has expired, if it is time to look. A failure is told and tried again later: an
 * expired item that is still there is nothing unusual in AWS. */
static void sweep(struct ddb_writer *w)
{
    struct error err;
    if (clock_mono(w->clock) < w->next_sweep)
        return;
    w->next_sweep = clock_mono(w->clock) + SWEEP_INTERVAL;
    w->store.now = clock_wall(w->clock);
    if (ddb_sweep(&w->store, w->catalog, &err) != 0)
        log_warn(w->log, "dynamodb: expired items stay", LOG_STR("error", err.message));
}

/* Ends when it is stopping and the queue is empty: what was submitted is done. */
static void *write_loop(void *arg)
{
    struct ddb_writer *w = arg;
    bool ends = false;
    while (!ends) {
        sweep(w);
        struct ddb_job *group = take_group(w, &ends);
        if (group)
            finish_group(w, group);
    }
    return NULL;
}

/* Waits are measured by the clock that nobody sets. */
static int open_condition(pthread_cond_t *changed)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return -1;
    int rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    return rc == 0 ? 0 : -1;
}

static int open_queue(struct ddb_writer *w, struct error *err)
{
    if (pthread_mutex_init(&w->queue.lock, NULL) != 0)
        return err_set(err, ERR_MEMORY, "no lock for the writer");
    if (open_condition(&w->queue.changed) == 0)
        return 0;
    (void)pthread_mutex_destroy(&w->queue.lock);
    return err_set(err, ERR_MEMORY, "no condition for the writer");
}

/* The thread has ended. */
static void close_queue(struct ddb_writer *w)
{
    (void)pthread_cond_destroy(&w->queue.changed);
    (void)pthread_mutex_destroy(&w->queue.lock);
}

int ddb_writer_open(struct ddb_writer *w, const char *path, struct ddb_catalog *catalog,
                    const struct clock *clock, const struct log *log, struct error *err)
{
    *w = (struct ddb_writer){
        .clock = clock, .log = log, .catalog = catalog, .next_sweep = clock_mono(clock)};
    if (ddb_store_open(&w->store, path, DB_READ_WRITE, err) != 0)
        return -1;
    w->store.now = clock_wall(clock);
    if (ddb_store_load_tables(&w->store, catalog, err) != 0)
        goto close_store;
    if (open_queue(w, err) != 0)
        goto close_store;
    if (pthread_create(&w->thread, NULL, write_loop, w) == 0)
        return 0;
    err_set(err, ERR_SYSTEM, "the writer's thread cannot be started");
    close_queue(w);
close_store:
    ddb_store_close(&w->store);
    return -1;
}

/* Jobs that still wait are carried out and answered first. */
void ddb_writer_close(struct ddb_writer *w)
{
    (void)pthread_mutex_lock(&w->queue.lock);
    w->queue.stopping = true;
    (void)pthread_cond_signal(&w->queue.changed);
    (void)pthread_mutex_unlock(&w->queue.lock);
    (void)pthread_join(w->thread, NULL);
    close_queue(w);
    ddb_store_close(&w->store);
}

void ddb_writer_submit(struct ddb_writer *w, struct ddb_job *job)
{
    (void)pthread_mutex_lock(&w->queue.lock);
    job->next = NULL;
    if (w->queue.last)
        w->queue.last->next = job;
    else
        w->queue.first = job;
    w->queue.last = job;
    (void)pthread_cond_signal(&w->queue.changed);
    (void)pthread_mutex_unlock(&w->queue.lock);
}
