/* watch_private: the watcher's own structs. Private to server/watch. */
#ifndef STEPFLEET_WATCH_PRIVATE_H
#define STEPFLEET_WATCH_PRIVATE_H

#include "server/loop/pace.h"
#include "server/loop/seen.h"
#include "server/loop/trouble.h"
#include "server/watch/watch.h"

#define WATCH_MIN (200 * CLOCK_MS)
#define WATCH_MAX (5 * CLOCK_SECOND)
/* How long an execution that was just started may be unknown to DescribeExecution. By our clock,
 * which may be ahead of theirs: so it is asked about for some seconds in any case. */
#define WATCH_GRACE (120 * CLOCK_SECOND)
#define WATCH_UNKNOWN_MIN (5 * CLOCK_SECOND)

enum { WATCH_CAUSE_MAX = 1024 };

/* Listing the running executions of one state machine. */
struct watch_list {
    struct watch *watch;
    char *machine_arn; /* NULL: not listed */
    struct pace pace;
    bool busy;
    int64_t began; /* runs followed since are not judged by this list */
    char *token;
    struct seen running; /* hashes of ARNs seen in this pass */
};

struct watch {
    const struct loop *loop;
    struct quota describes;
    struct quota histories;
    double calls_per_second;
    int list_above;
    int run_count; /* followed and not ended */
    struct watch_run *runs;
    struct watch_list lists[3]; /* by pattern */
};

/* One run. It has at most one call in flight (`busy`); when it is left meanwhile (`left`), the
 * callback frees it.
 *
 *     describe, now and then, until it is terminal (or a stop was asked for: StopExecution first)
 *     read the history, now and then and whenever the status has moved
 *     terminal and the event that ends an execution was read -> ended
 *
 * Describing and reading are paced apart: a state machine that waits has no events, one that works
 * has many while its status stays RUNNING. */
struct watch_run {
    struct watch *watch;
    struct watch_run *next;
    int64_t id;
    int pattern;
    char *arn;
    int64_t since;      /* monotonic: followed since */
    int64_t started_at; /* wall */
    bool busy, left;
    struct trouble trouble;

    struct pace describe;
    char status[32]; /* as stored; "" before the first answer */
    bool terminal;
    bool cancel, stopped;      /* StopExecution is wanted; was answered */
    struct trouble stopping;   /* apart: an execution that cannot be stopped may end by itself */
    char why[WATCH_CAUSE_MAX]; /* its cause; "": none was given */

    struct pace history;
    int64_t last_event; /* history is stored up to it */
    int64_t newest;     /* of the reading under way */
    bool newest_final;  /* that one ends an execution */
    bool reading;
    int page_size;
    char *token;
    int late; /* readings after the end that lacked the last event */
    int64_t
        unread_since; /* monotonic: the service has been failing to give it since; 0: it has not */

    bool ended;
    struct watch_end end;
    char *error, *cause;
};

/* What every callback does first: frees a run that was left (false: do not go on). */
bool watch_back(struct watch_run *r, const struct error *err);
/* Backs off after an error; the run's call is tried again later. `what` begins a sentence. */
void watch_failed(struct watch_run *r, const char *what, const struct error *err);
/* The least interval of a run's calls, so that all runs get their share. */
int64_t watch_floor(const struct watch *w);
/* Sends; on failure backs off. The request is taken over. */
void watch_send(struct watch_run *r, struct aws_request *request, int built, aws_done_fn done,
                struct error *err);

/* Each sends one call of the run, which must not have one in flight. */
void watch_describe(struct watch_run *r);
/* StopExecution. */
void watch_stop(struct watch_run *r);
/* GetExecutionHistory: the next page of the reading under way, or the first of a new one. */
void watch_history(struct watch_run *r);
/* The execution is terminal and nothing more can be read. */
void watch_finish(struct watch_run *r);

/* Whether there are so many runs that executions are listed. */
bool watch_lists(const struct watch *w);
/* Sends the next page when it is due; the time to be called again, or LOOP_NEVER. */
int64_t watch_list_step(struct watch_list *l, int64_t now);
/* Releases what the struct holds. */
void watch_list_free(struct watch_list *l);

#endif
