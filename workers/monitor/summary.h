/* summary: the run's summary row as the monitor reads and moves it. One thread. */
#ifndef STEPFLEET_WORKERS_SUMMARY_H
#define STEPFLEET_WORKERS_SUMMARY_H

#include "workers/run/run.h"
#include "workers/worker.h"

/* The row as it is now. Texts live in `response`; summary_close releases them. */
struct summary_view {
    struct aws_response response;
    bool found;
    struct audit_summary row;
};
/* Reads the row; a row that is not there is no error (found is false). On failure nothing is to
 * close. */
int summary_open(struct summary_view *v, const struct worker *w, const struct run *run,
                 struct error *err);
/* Texts of `row` are gone then. */
void summary_close(struct summary_view *v);

/* The names of all tasks of the run, from the spec in its summary row or the manifest that it
 * names: a new array of strings, empty when there is no row. NULL with err. */
json_t *summary_task_names(const struct worker *w, const struct run *run, struct error *err);

/* Writes counts, status and reason (may be NULL). *status is what the row says afterwards: the
 * given one, or the final one it had before; an absent row is no error (nothing is made up). */
int summary_move(const struct worker *w, const struct run *run, enum audit_status *status,
                 const char *reason, struct error *err);

#endif
