/* settle: writes Failed rows for tasks that will not write their own, tells stopped ones why, and
 * stops tasks.
 *
 * Every write is conditional: a task's own final word, even one that arrives in between, stands.
 * One thread. */
#ifndef STEPFLEET_WORKERS_SETTLE_H
#define STEPFLEET_WORKERS_SETTLE_H

#include "workers/monitor/rows.h"

/* What is to become of its row. */
enum settle_row {
    SETTLE_PUT,     /* it has none: a Failed one is put */
    SETTLE_FINISH,  /* it becomes Failed */
    SETTLE_EXPLAIN, /* it is a farewell: it gets the reason that the task could not know */
    SETTLE_NO_ROW,  /* nothing: only the task is to be stopped */
};

/* One task to settle. Texts are copied. */
struct settlement {
    char task_id[RUN_TASK_ID_MAX];
    char task_name[SPEC_NAME_MAX + 1];
    char stop_code[64];
    char reason[512];
    int64_t exit_code; /* -1: none */
    /* Of ECS's record; 0: not known. */
    int64_t created_at, pull_started_at, pull_stopped_at, started_at;
    enum settle_row row;
    int64_t update_time; /* for SETTLE_EXPLAIN; 0: now */
    bool stop;           /* stop the ECS task when its row is written */
};

struct settlements {
    struct settlement *list;
    size_t count;
    size_t room; /* of list */
};

/* A new, empty one at the end; NULL with ERR_MEMORY. */
struct settlement *settlements_add(struct settlements *s, const char *task_id,
                                   const char *task_name, struct error *err);
/* Why; what does not fit is cut. */
void settlement_say(struct settlement *one, const char *stop_code, const char *reason);
/* Empty afterwards; safe on a zeroed struct. */
void settlements_free(struct settlements *s);

/* What became of settlements besides those that were written. */
struct settled {
    size_t changed; /* settled by the task itself meanwhile */
    size_t left;    /* not written: the table throttles, or time is short. The next look has them */
};

/* Writes all of them and stops those that are to be. Rows that were written are changed or added in
 * `rows`. A task that cannot be stopped (it has just ended) is no error. -1 with the first failure
 * to write other than throttling. */
int settle(const struct settlements *s, const struct worker *w, const struct run *run,
           struct task_rows *rows, struct settled *out, struct error *err);

#endif
