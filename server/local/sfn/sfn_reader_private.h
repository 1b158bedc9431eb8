/* sfn_reader_private: the reader's statements. Private to sfn_reader*.c. */
#ifndef STEPFLEET_SFN_READER_PRIVATE_H
#define STEPFLEET_SFN_READER_PRIVATE_H

#include "lib/db/db.h"
#include "server/local/sfn/sfn_reader.h"

#include <pthread.h>

enum read_statement {
    READ_MACHINE,
    READ_MACHINE_FOR,
    READ_MACHINE_ID,
    READ_MACHINES,
    READ_TAGS,
    READ_EXECUTION,
    READ_EXECUTIONS,
    READ_EXECUTIONS_BY,
    READ_EXECUTION_ID,
    READ_EVENTS,
    READ_EVENTS_BACK,
    READ_ARN,
    READ_MAP_RUN,
    READ_MAP_RUNS,
    READ_MAP_COUNTS,
    READ_MAP_CHILDREN,
    READ_COUNT
};

struct sfn_reader {
    pthread_mutex_t lock; /* guards all below */
    struct db *db;
    struct stmt *statements[READ_COUNT];
};

/* The id of a standard execution, 0: there is no such execution, -1 with err. */
int64_t sfn_read_execution_id(struct sfn_reader *r, const char *arn, struct error *err);
/* Sets err; -1. */
int read_no_memory(struct error *err);
/* Answers with a page of rows: `list` (taken over) as the member `name`, and where the next page
 * begins if there is one. `step` is what the statement's last stmt_step returned: 1, one row more
 * is there; 0; -1 with err. 0, or -1 with err and *out NULL. */
int page_answer(json_t *list, const char *name, int step, int64_t next, json_t **out,
                struct error *err);
/* The last part of an ARN; borrowed from it. */
const char *arn_name(const char *arn);

#endif
