/* sfn_reader: what the API reads, on a connection of its own.
 *
 * Any thread; a reader serves one call at a time (a lock inside). Answers are new JSON values in
 * the wire's form. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_READER_H
#define STEPFLEET_SFN_READER_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sfn_reader;

/* The file must exist and have its tables. */
struct sfn_reader *sfn_reader_open(const char *path, struct error *err);
struct sfn_reader *sfn_reader_close(struct sfn_reader *r); /* NULL-safe; returns NULL */
/* False: another thread uses it. */
bool sfn_reader_try(struct sfn_reader *r);
/* Waits for the reader. */
void sfn_reader_lock(struct sfn_reader *r);
/* Gives a locked reader back. */
void sfn_reader_unlock(struct sfn_reader *r);

/* Each: 1 found, 0 there is none, -1 with err. The reader is locked. */
int sfn_read_machine(struct sfn_reader *r, const char *arn, json_t **out, struct error *err);
/* The definition as it was when the execution started. */
int sfn_read_machine_for_execution(struct sfn_reader *r, const char *execution_arn, json_t **out,
                                   struct error *err);
/* The machine's row id, and whether it is an express machine. */
int sfn_read_machine_id(struct sfn_reader *r, const char *arn, int64_t *id, bool *express,
                        struct error *err);
/* The tags as an object key -> value. */
int sfn_read_tags(struct sfn_reader *r, const char *arn, json_t **tags, struct error *err);
/* DescribeExecution; without `data` input and output are left out. */
int sfn_read_execution(struct sfn_reader *r, const char *arn, bool data, json_t **out,
                       struct error *err);

/* A page: an object with `member` an array, and nextToken when there is more. -1 with err. */
struct page {
    int64_t after; /* machines: rows to skip; executions: ids below */
    int64_t limit;
};
/* State machines by name, from page->after rows on. */
int sfn_read_machines(struct sfn_reader *r, const struct page *page, json_t **out,
                      struct error *err);
/* status: NULL all. Newest first. */
int sfn_read_executions(struct sfn_reader *r, int64_t machine, const char *status,
                        const struct page *page, json_t **out, struct error *err);

/* Map runs: 1 found, 0 there is none, -1 with err. */
int sfn_read_map_run(struct sfn_reader *r, const char *arn, json_t **out, struct error *err);
int sfn_read_map_run_id(struct sfn_reader *r, const char *arn, int64_t *id, struct error *err);
/* ListMapRuns of an execution, oldest first; page->after: ids beyond. */
int sfn_read_map_runs(struct sfn_reader *r, const char *execution, const struct page *page,
                      json_t **out, struct error *err);
/* Children of a run, newest first; page->after: numbers of children below. 0, or -1 with err. */
int sfn_read_map_children(struct sfn_reader *r, int64_t run, const char *status,
                          const struct page *page, json_t **out, struct error *err);

struct history_page {
    int64_t at; /* id of the first event of the page; 0: from the start (or end) */
    int64_t limit;
    bool reverse;
    bool data; /* with inputs and outputs */
};
/* A page of events, oldest first or newest first. 1 found, 0 no such execution, -1 with err. */
int sfn_read_history(struct sfn_reader *r, const char *arn, const struct history_page *page,
                     json_t **out, struct error *err);

#endif
