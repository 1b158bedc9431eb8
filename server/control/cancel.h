/* cancel: brings what AWS keeps of a stopped execution to its end: summary row, ECS tasks, details
 * rows.
 *
 * Step Functions stops an execution at once, but neither the functions nor the tasks it has
 * started. The summary row is made Cancelled first: it keeps a launcher from beginning and a
 * monitor from ending the run, and when the run was complete before us, it says so and the run
 * stays Completed. Every step may be repeated, so after a crash it begins anew. Used by the control
 * thread only. Private to server/control. */
#ifndef STEPFLEET_CONTROL_CANCEL_H
#define STEPFLEET_CONTROL_CANCEL_H

#include "server/loop/loop.h"
#include "server/loop/pace.h"
#include "server/mirror/mirror.h"

struct cancel;

struct cancel_options {
    const struct loop *loop; /* borrowed */
    int64_t run_id;
    struct mirror_run
        *mirror;             /* borrowed; passes are asked of it, the last is complete at the end */
    struct quota *describes; /* borrowed: how often tasks that are stopping may be described */
    const char *cluster;
    const char *reason;   /* of the run, for the summary row */
    const char *stop_why; /* for StopTask; cut to what ECS takes */
    int64_t stopped_at;   /* when the execution was stopped, wall us; 0: now */
};

/* Begins; texts are copied. NULL when memory is out. */
struct cancel *cancel_begin(const struct cancel_options *options, struct error *err);
/* Sends what is due; the monotonic time to be called again, or LOOP_NEVER. */
int64_t cancel_step(struct cancel *c);
/* All is done, or what refuses was given up. Only then may it be freed while the client lives. */
bool cancel_done(const struct cancel *c);
/* What the summary row says: Cancelled, or Completed or Failed if the run had ended by itself. */
enum audit_status cancel_verdict(const struct cancel *c);
/* NULL-safe; returns NULL. */
struct cancel *cancel_free(struct cancel *c);

#endif
