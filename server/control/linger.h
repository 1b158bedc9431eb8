/* linger: waits for the tasks of an ended run that were told to stop, until they have ended.
 *
 * ECS gives a task stopTimeout seconds (30, on Fargate up to 120) between SIGTERM and SIGKILL, in
 * which it may still finish its work and say so in its row. A census finds the run's tasks; those
 * that go on are described again, 100 a call, ever more rarely, until ECS says that they are over.
 * A person reads in the run's reason how many are waited for. It ends in any case: when ECS refuses
 * to tell, or after the longest stopTimeout and some slack. Used by the control thread only.
 * Private to server/control. */
#ifndef STEPFLEET_CONTROL_LINGER_H
#define STEPFLEET_CONTROL_LINGER_H

#include "server/control/census.h"
#include "server/loop/loop.h"
#include "server/loop/pace.h"

struct linger;

/* Begins; sends nothing yet. `calls` is borrowed: how often tasks may be described again, over all
 * runs. NULL when memory is out. */
struct linger *linger_begin(const struct loop *loop, int64_t run_id, const char *cluster,
                            struct quota *calls, struct error *err);
/* Sends what is due; the monotonic time to be called again, or LOOP_NEVER. */
int64_t linger_step(struct linger *l);
/* Who is there; NULL until that is known. Nothing is in flight at the end of the step that brings
 * it. */
const struct census *linger_census(const struct linger *l);
/* How many tasks have not ended, as far as is known; 0 before the census. */
size_t linger_left(const struct linger *l);
/* All have ended, or it was given up. */
bool linger_done(const struct linger *l);
/* It was given up because ECS does not tell. */
bool linger_blind(const struct linger *l);
/* No call is in flight; true for NULL. Only then may it be freed while the client lives. */
bool linger_idle(const struct linger *l);
/* NULL-safe; returns NULL. */
struct linger *linger_free(struct linger *l);

#endif
