/* discover_private: one state machine's executions on their way. Private to server/discover. */
#ifndef STEPFLEET_DISCOVER_PRIVATE_H
#define STEPFLEET_DISCOVER_PRIVATE_H

#include "lib/aws/sfn.h"
#include "lib/spec/spec.h"
#include "server/discover/discover.h"
#include "server/loop/pace.h"
#include "server/loop/seen.h"
#include "server/store/store.h"
#include "server/stream/stream.h"

/* An execution that is looked at: its run's id is known once it was described. */
struct found {
    char *arn, *name;
    char *input;        /* as it was given */
    json_t *spec;       /* the same as a tree, taskManifest taken out */
    json_t *manifest;   /* taskManifest; NULL: the tasks are in the input */
    int64_t started_at; /* wall */
    int64_t run_id;
    bool ended; /* its execution */
};

/* One pattern:
 *
 *     wait for `due` -> ListExecutions, a page -> DescribeExecution (-> GetObject) for each unknown
 *     one -> next page ... until a page brings nothing new
 *
 * One call at a time. An execution is an object {"arn"}; with "failures" and "due" (monotonic) once
 * it was put off, with "unlisted" and "id" when its run is in the store without its tasks. */
struct finder {
    struct discover *discover;
    int pattern;
    char *machine_arn;
    char *range_key;
    struct stream *stream; /* of the summary table; NULL: none is known */
    bool busy;
    bool sweeping;
    bool whole;    /* this sweep goes back as far as runs are kept */
    bool listed;   /* its last page was read */
    char *token;   /* of the next page; NULL: the first */
    json_t *queue; /* executions to be looked at now: of the page, or those that were put off */
    json_t *later; /* executions that were put off */
    struct found now;
    struct seen passed; /* executions that are no runs of ours */
    struct seen known;  /* ids of runs that are here */
    int again;          /* sweeps that follow soon: a new execution may not be listed yet */
    int64_t due;
    int64_t swept_at; /* 0: never */
    /* AWS fails as a whole: no call is made before. */
    int64_t not_before;
    int64_t failures;
};

struct discover {
    struct discover_options o;
    struct finder finders[3]; /* index 1 and 2 */
    struct quota describe;
};

/* Notes for /readyz how a call ended; err is NULL when it worked. */
void finder_note(const struct finder *f, const struct error *err);
/* Describes the queue's first and goes on with it. */
void finder_describe(struct finder *f);
/* The listing failed: no call is made for a while. */
void finder_failed(struct finder *f, const struct error *err);

/* Whether the execution is among those that were put off. */
bool later_has(const struct finder *f, const char *arn);
/* Puts it off, longer with each time. */
void later_put(struct finder *f, json_t *execution);
/* Queues those that are due; returns when the next one is, or LOOP_NEVER. */
int64_t later_take(struct finder *f, int64_t now);
/* After a start: the runs that the store has without their tasks. */
int later_recall(struct finder *f, struct error *err);

/* Reads what DescribeExecution told: 0 it is a run; -1 it is none (ERR_SPEC_INVALID, ERR_SYNTAX),
 * or memory is out. */
int found_read(struct finder *f, const struct sfn_execution *execution, struct error *err);
/* Puts the run into the store; `list` is the task list of a manifest (taken over) or NULL. With
 * `unlisted`, why there is none, it is put there without tasks. */
int found_adopt(struct finder *f, json_t *list, const char *unlisted, struct error *err);
/* Brings the list (taken over) of a run that is there without. */
int found_complete(struct finder *f, json_t *list, struct error *err);
/* Frees what it holds and empties it; an empty one is fine. */
void found_free(struct found *found);

#endif
