/* discover: finds runs that were started elsewhere, by aws CLI or another control plane.
 *
 * The executions of the configured state machines are listed, newest first: all of them after a
 * start, later as far as there are new ones. One that no run here has is described; its input is
 * the spec, which tells id and tasks (a long list is read from its manifest). The run is put into
 * the store as Running, without an outbox row: it is followed, never started. One whose manifest
 * cannot be read is there without its list, and says why; the manifest is tried again until the run
 * is over. What fails about one execution holds up no other. Records of the
 * summary table's stream tell when to look; without a stream it is looked now and then. What is no
 * spec is no run of ours and passed over. Used by the control thread only. */
#ifndef STEPFLEET_DISCOVER_H
#define STEPFLEET_DISCOVER_H

#include "server/loop/loop.h"

struct discover;

struct discover_options {
    const struct loop *loop;    /* borrowed, must outlive the room */
    const char *machine_arn[3]; /* by pattern, index 1 and 2; NULL: none; copied */
    const char *tables[3];      /* summary tables; NULL: not known */
    const char *range_keys[3];  /* their keys of the run's id; copied */
    int64_t interval;           /* between looks where there is no stream, us; 0: 10 s */
    int64_t stream_interval;    /* as of stream_options */
    int64_t stream_retry;
    int64_t age_max;          /* older executions are left alone, us; 0: 90 days */
    double calls_per_second;  /* of DescribeExecution; 0: 5 */
    void (*found)(void *ctx); /* there are new runs in the store */
    void *ctx;
};

/* NULL when memory is out. */
struct discover *discover_new(const struct discover_options *options, struct error *err);
/* Call after the struct aws was freed (its callbacks point here). NULL-safe; returns NULL. */
struct discover *discover_free(struct discover *d);
/* Sends what is due; returns the monotonic time to be called again, or LOOP_NEVER. */
int64_t discover_step(struct discover *d);
/* As of stream_behind_since, over all summary tables. */
int64_t discover_behind_since(const struct discover *d);

#endif
