/* mirror: copies the audit tables' rows of active runs into the store.
 *
 * A pass is a Query of the run's details, page by page; rows that were seen before are dropped
 * here, the rest goes to the store. Where the table has a stream that can be read, one pass begun
 * after it was in reach is enough: from then on rows come as its records. Elsewhere passes follow
 * in intervals that grow to 5 s while nothing moves. After a run's execution has ended one full,
 * consistent pass, begun after that, is the last word; the summary row is read behind it (not with
 * each pass: it carries the whole spec). Used by the control thread only; callbacks run inside
 * aws_poll. */
#ifndef STEPFLEET_MIRROR_H
#define STEPFLEET_MIRROR_H

#include "lib/audit/audit.h"
#include "lib/spec/spec.h"
#include "server/loop/loop.h"

struct mirror;
struct mirror_run;

struct mirror_options {
    const struct loop *loop; /* borrowed, must outlive the mirror */
    int64_t interval;        /* the shortest, microseconds; 0: 250 ms */
    const char *tables[3];   /* details tables whose streams are followed, 1 and 2; NULL: none */
    int64_t stream_interval; /* shortest time between reads of a shard, microseconds; 0: 400 ms */
    int64_t stream_retry;    /* until a stream is looked for again; 0: 60 s */
    void (*moved)(void *ctx, int64_t run_id); /* rows of a run changed; may be NULL */
    void *ctx;
};

/* NULL when memory is out. */
struct mirror *mirror_new(const struct mirror_options *options, struct error *err);
/* Call after the struct aws was freed (its callbacks point here). NULL-safe; returns NULL. */
struct mirror *mirror_free(struct mirror *m);

/* Begins to mirror a run; due at once. Copies the names of tables and keys from the spec. */
struct mirror_run *mirror_follow(struct mirror *m, int64_t run_id, const struct spec *spec,
                                 struct error *err);
/* Stops; the run must not be used any more. NULL-safe. */
void mirror_leave(struct mirror_run *r);

/* Where the run's rows are. Texts belong to the run. */
struct mirror_tables {
    const char *workflow_name;
    struct audit_table details, summary;
};
/* For whoever writes rows of the run. */
void mirror_tables(const struct mirror_run *r, struct mirror_tables *out);

/* Sends what is due for all runs; returns the monotonic time to be called again. */
int64_t mirror_step(struct mirror *m);

/* Monotonic: each row that is older is in the store; LOOP_NEVER: nothing is waited for. It may lie
 * in the future: that is when it is looked next. */
int64_t mirror_behind_since(const struct mirror *m);

/* Asks for a full pass that begins not before `at` (monotonic) and is the last word, unless it is
 * asked for again. */
void mirror_finish(struct mirror_run *r, int64_t at);

/* What the last word was. Texts belong to the run; NULL: nothing to be said. */
struct mirror_end {
    const char *reason;  /* of the summary row */
    const char *problem; /* why the tables could not be read */
};
/* NULL until the pass that was asked for is complete, or cannot be made. */
const struct mirror_end *mirror_finished(const struct mirror_run *r);

#endif
