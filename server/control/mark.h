/* mark: writes the last details rows of a run: Cancelled, or Failed, for every task that the store
 * holds as not final.
 *
 * A task that has a row gets it ended. Where a launcher may begin later, one that ECS knows gets a
 * row as well, and one that was never started gets a row with the stand-in id that the launcher
 * would have given it, which keeps it from being started. Rows are written conditionally: whoever
 * has spoken for himself is left alone, and whoever comes later is refused. Used by the control
 * thread only. Private to server/control. */
#ifndef STEPFLEET_CONTROL_MARK_H
#define STEPFLEET_CONTROL_MARK_H

#include "lib/audit/audit.h"
#include "server/control/census.h"
#include "server/loop/loop.h"

struct mark;

/* All borrowed. */
struct mark_options {
    const struct loop *loop;
    int64_t run_id;
    const struct audit_table *details; /* only its texts must stay */
    const struct census *census;       /* NULL: tasks without a row get none */
    enum audit_status status;          /* of the rows */
    const char *stop_code, *why;
};

/* Begins; sends nothing yet. NULL when memory is out. */
struct mark *mark_begin(const struct mark_options *options, struct error *err);
/* Sends what is due; the monotonic time to be called again, or LOOP_NEVER. */
int64_t mark_step(struct mark *m);
/* All rows are written, or it was given up because the table refuses. Only then may it be freed
 * while the client lives. */
bool mark_done(const struct mark *m);
/* NULL-safe; returns NULL. */
struct mark *mark_free(struct mark *m);

#endif
