/* mark: writes the last details rows of a cancelled run: Cancelled, for every task that the store
 * holds as not final.
 *
 * A task that has a row gets it ended; one that ECS knows gets a row; one that was never started
 * gets a row with the stand-in id that the launcher would have given it, which also keeps a
 * launcher that begins later from starting it. Rows are written conditionally: whoever has spoken
 * for himself is left alone. Used by the control thread only. Private to server/control. */
#ifndef STEPFLEET_CONTROL_MARK_H
#define STEPFLEET_CONTROL_MARK_H

#include "lib/audit/audit.h"
#include "server/control/census.h"
#include "server/loop/loop.h"

struct mark;

/* Begins; sends nothing yet. Texts of `details` are borrowed, as are `census` and `why`. NULL when
 * memory is out. */
struct mark *mark_begin(const struct loop *loop, int64_t run_id, const struct audit_table *details,
                        const struct census *census, const char *why, struct error *err);
/* Sends what is due; the monotonic time to be called again, or LOOP_NEVER. */
int64_t mark_step(struct mark *m);
/* All rows are written, or it was given up because the table refuses. Only then may it be freed
 * while the client lives. */
bool mark_done(const struct mark *m);
/* NULL-safe; returns NULL. */
struct mark *mark_free(struct mark *m);

#endif
