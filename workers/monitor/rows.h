/* rows: all details rows of a run, read page by page, and what they amount to. One thread. */
#ifndef STEPFLEET_WORKERS_ROWS_H
#define STEPFLEET_WORKERS_ROWS_H

#include "workers/run/run.h"
#include "workers/worker.h"

struct task_row {
    const char *task_id;
    const char *task_name; /* the task id if the row names none */
    const char *reason;    /* stopped_reason, else stop_code, else "" */
    const char *stop_code; /* "" if the row has none */
    enum audit_status status;
    int64_t start_time, update_time;
    int64_t exit_code; /* negative: none */
};

/* Texts live in `kept` until task_rows_free. */
struct task_rows {
    json_t *kept;
    struct task_row *list;
    size_t count;
    size_t room;   /* of list */
    json_t *by_id; /* task id -> index */
};

/* On failure there is nothing to free. */
int task_rows_read(struct task_rows *rows, const struct worker *w, const struct run *run,
                   struct error *err);
/* Empty afterwards; safe on a zeroed struct. */
void task_rows_free(struct task_rows *rows);
/* The row of this ECS task id, or NULL. Valid until the next task_rows_set. */
struct task_row *task_rows_find(const struct task_rows *rows, const char *task_id);
/* Puts a row that was just written in, in place of one with its task id or as a new one; copies
 * the texts. */
int task_rows_set(struct task_rows *rows, const struct task_row *row, struct error *err);

/* What counts for a task with this name: the best of its rows. */
enum standing { STANDING_NONE, STANDING_FAILED, STANDING_RUNNING, STANDING_COMPLETED };

/* Each task once, by its name, however many rows it has (a task started twice that completed once
 * has completed). `names` maps a name to its standing; json_decref(names). */
struct tally {
    json_t *names;
    int64_t completed;
    int64_t failed; /* Failed and Cancelled */
    int64_t running;
};
/* On failure names is NULL. */
int tally_rows(const struct task_rows *rows, struct tally *out, struct error *err);
/* STANDING_NONE for a name without rows. */
enum standing tally_standing(const struct tally *t, const char *task_name);

#endif
