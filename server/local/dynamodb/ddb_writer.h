/* ddb_writer: the one thread that changes the file. Jobs that wait at the same time share one
 * transaction (group commit); a call is answered only after its commit, on the writer's thread.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_WRITER_H
#define STEPFLEET_DDB_WRITER_H

#include "server/local/dynamodb/ddb_store.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <pthread.h>

struct ddb_job;

/* What a kind of job does. */
struct ddb_job_type {
    bool alone; /* it changes tables: no other job shares its transaction */
    /* Inside the transaction: writes and makes job->output; or -1 with job->fault, and then it must
     * have written nothing, unless the fault is internal (the transaction is rolled back). */
    int (*run)(struct ddb_job *job, struct ddb_store *store);
    /* After the commit, before the answer; NULL if there is nothing to do. */
    void (*committed)(struct ddb_job *job);
    void (*free)(struct ddb_job *job); /* all but output and fault */
};

/* Begins every job; the kinds of jobs embed it as their first member. */
struct ddb_job {
    const struct ddb_job_type *type;
    struct ddb_job *next;
    struct local_call *call;
    json_t *output;
    struct ddb_fault fault;
};

/* Ends a job that was not submitted, or was answered; NULL-safe. */
void ddb_job_free(struct ddb_job *job);

struct ddb_writer {
    pthread_t thread;
    const struct clock *clock;
    const struct log *log;
    struct ddb_catalog *catalog;
    struct ddb_store store; /* the thread's own */
    int64_t next_sweep;     /* the thread's own; see ddb_sweep.h */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        /* Jobs in the order in which they came. */
        struct ddb_job *first;
        struct ddb_job *last;
        bool stopping;
    } queue;
};

/* Opens (and migrates) the file, loads its tables into the catalogue, starts the thread. It also
 * sweeps: at its start and then every half minute. */
int ddb_writer_open(struct ddb_writer *w, const char *path, struct ddb_catalog *catalog,
                    const struct clock *clock, const struct log *log, struct error *err);
/* Finishes what was submitted, then ends the thread. */
void ddb_writer_close(struct ddb_writer *w);
/* Hands the job over; job->call is answered later, on the writer's thread. */
void ddb_writer_submit(struct ddb_writer *w, struct ddb_job *job);

#endif
