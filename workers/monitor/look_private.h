/* look_private: what the files of the look share. Private to workers/monitor/look*.c. */
#ifndef STEPFLEET_WORKERS_LOOK_PRIVATE_H
#define STEPFLEET_WORKERS_LOOK_PRIVATE_H

#include "workers/monitor/look.h"

/* Which tasks that have no row ECS is asked for. */
enum look_listing {
    LOOK_LIST_NONE,
    LOOK_LIST_STOPPED, /* those that died before their row */
    LOOK_LIST_ALL,     /* those that have not stopped, too: there may be thousands */
};

/* Whether tasks without a row are to be listed in this look. */
bool look_lists(const struct look *l, const struct tally *tally);
/* Describes the tasks whose rows are open, and those of the listing. */
int look_ask(struct look *l, enum look_listing listing, struct error *err);

/* --- look_again.c --- */

/* Whether ECS is to be asked about the task although its row is final. */
bool look_wants_again(const struct task_row *row);
bool look_wants_any_again(const struct look *l);
/* Notes what ECS's word on these rows leads to: a reason to write, a task to stop. */
int look_judge_again(const struct look *l, struct settlements *s, struct error *err);

#endif
