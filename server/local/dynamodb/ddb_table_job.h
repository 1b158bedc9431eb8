/* ddb_table_job: a job of the writer that makes, changes or drops a table. It runs alone in its
 * transaction and changes the catalogue after the commit, before the answer: whoever has been
 * answered finds the table as it was told. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_TABLE_JOB_H
#define STEPFLEET_DDB_TABLE_JOB_H

#include "server/local/dynamodb/ddb.h"

struct ddb_table_job {
    struct ddb_job job;
    struct local_dynamodb *d;
    char *name;
    json_t *wanted;          /* the definition (CreateTable), or what is to be changed */
    struct ddb_table *table; /* the table as it is (DeleteTable) or will be */
};

/* A job for the table of this name; NULL with the fault. */
struct ddb_table_job *ddb_table_job_new(struct local_dynamodb *d, const struct ddb_job_type *type,
                                        const char *name, struct ddb_fault *f);
void ddb_table_job_free(struct ddb_job *job); /* for the jobs' types */
/* Finds the table as it is when the job's turn comes; -1 with ResourceNotFoundException. */
int ddb_table_job_find(struct ddb_table_job *t);
/* The answer: the table's description in a member of this name. A table that was just made or is
 * going counts no items. */
int ddb_table_job_describe(struct ddb_table_job *t, const char *member, const char *status);
/* For the jobs' types: from now on the job's table is in the catalogue. */
void ddb_table_job_publish(struct ddb_job *job);

#endif
