/* map_run: one run of a distributed Map: its items, and the executions that work on them.
 *
 * A run belongs to the frame of its Map state and to the engine's thread. What it must remember is
 * in the database, not in memory: the items as lines of text (map_items.h), and for each item that
 * was begun the row of its execution, which also holds the result. So a run of ten thousand items
 * is as small as one of ten, and after a restart it goes on from what the rows say.
 *
 *   READING --- items are stored ---> RUNNING --- all children have ended ---> ENDING --> over
 *      |                                 |                              results collected or
 *      +--- ItemReader failed            +--- too many failures            written to S3
 *
 * Each arrow is taken only after a commit (struct map_step). Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MAP_RUN_H
#define STEPFLEET_SFN_MAP_RUN_H

#include "server/local/sfn/engine.h"
#include "server/local/sfn/map_items.h"
#include "server/local/sfn/map_limits.h"

enum map_status { MAP_RUN_RUNNING, MAP_RUN_SUCCEEDED, MAP_RUN_FAILED, MAP_RUN_ABORTED };
enum map_phase { MAP_READING, MAP_RUNNING, MAP_ENDING };

enum {
    MAP_ITEMS_MAX = (1 << 24) - 1,           /* items of one run */
    MAP_OUTPUT_MAX = 2 * 1024 * 1024,        /* results that are put together as an output */
    MAP_RESULT_FILE_BYTES = 4 * 1024 * 1024, /* then ResultWriter begins another file */
};

struct map_step;

struct map_run {
    int64_t id;
    char *arn;           /* ...:mapRun:MACHINE/LABEL:UUID */
    char *child_family;  /* MACHINE/LABEL */
    char *machine_arn;   /* ...:stateMachine:MACHINE/LABEL */
    int64_t execution;   /* id of the parent */
    struct frame *frame; /* NULL: it has gone on */
    enum map_status status;
    enum map_phase phase;
    int64_t started, stopped;
    json_t *input; /* of the state: $ of ItemSelector */
    struct map_limits limits;
    int64_t batch_items, batch_bytes; /* 0: no bound; both 0: no batches */
    json_t *batch_input;              /* NULL: none */
    struct map_items items;
    int64_t total;     /* items; < 0: not known yet */
    int64_t taken;     /* items that children were given */
    int64_t children;  /* that were started */
    int64_t running;   /* of these */
    int64_t succeeded; /* children; the others failed in some way */
    int64_t failed_items;
    struct execution *first;     /* children that run */
    struct map_step *step;       /* under way; NULL: none */
    struct map_writing *writing; /* ResultWriter at work; NULL: it is not */
    bool stored, listed;
    bool resuming; /* counts are taken, nothing is decided yet */
    struct map_run *next_dirty;
};

/* --- map_run.c: the frame's side --- */
/* The state begins. */
enum step state_map_distributed(struct engine *e, struct frame *f);
/* The frame ends or its state fails, and the run is over with it. NULL-safe; returns NULL. */
struct map_run *map_run_leave(struct engine *e, struct map_run *run);
/* The run fails, and with it the state. Clears the failure. */
void map_run_fail(struct engine *e, struct map_run *run, struct asl_failure *failure);
/* The run is over, aborted unless it has ended: children that still run are stopped, its ARN is
 * free, its row is marked. */
void map_run_over(struct engine *e, struct map_run *run);
/* Marks its row for the next commit. */
void map_run_touch(struct engine *e, struct map_run *run);
/* Nobody may point to it any more. */
void map_run_free(struct map_run *run);

/* --- map_child.c: the children's side --- */
/* Starts as many as may run; ends the run when there is nothing left to do. */
void map_run_go_on(struct engine *e, struct map_run *run);
/* The same, unless too many items have failed: then the run fails. */
void map_run_check(struct engine *e, struct map_run *run);
/* Puts a child into the run's list. */
void map_run_link(struct map_run *run, struct execution *child);
/* A child has ended; called once, after its last event. */
void map_run_child_ended(struct engine *e, struct execution *child);

/* --- map_input.c --- */
/* Input of the next child: one item or a batch; *count items. New reference, NULL with the
 * failure. There is at least one item left. */
json_t *map_run_next_input(struct engine *e, struct map_run *run, int64_t *count,
                           struct asl_failure *failure);
/* Evaluates what the state says of batches. */
int map_run_read_batcher(struct engine *e, struct map_run *run, struct asl_failure *failure);

/* --- map_read.c: items --- */
/* Reads what the state's ItemReader names, then stores it. */
void map_run_read(struct engine *e, struct map_run *run);
/* Stores the items of an array, then lets children start. */
void map_run_store(struct engine *e, struct map_run *run, const json_t *items);

/* --- map_end.c: results --- */
/* After the commit of the last child's end: the results, by way of S3 if so asked. */
void map_run_end(struct engine *e, struct map_run *run);
/* Forgets what ResultWriter was about. NULL-safe; returns NULL. */
struct map_writing *map_writing_free(struct map_writing *w);
/* The run has succeeded with this result (taken over). */
void map_run_succeed(struct engine *e, struct map_run *run, json_t *result);

/* --- map_step.c: what takes a commit or an answer from S3 --- */
struct map_step {
    struct message message; /* first */
    struct effect effect;
    struct local_call call;
    struct mailbox *mailbox;
    struct map_run *run; /* NULL: it does not wait any more */
    int64_t run_id;
    /* On the engine's thread; owns nothing: the step is freed behind it. */
    void (*then)(struct engine *e, struct map_run *run, struct map_step *step);
    const struct local_service *service; /* NULL: only a commit is awaited */
    json_t *output;                      /* what S3 answered */
    char code[64];                       /* its fault; "": none */
    char *text;
    struct buf lines; /* items to be stored with the commit */
    struct buf keys;  /* of a listing so far, one a line */
    int64_t key_count;
};

/* After the commit of this turn `then` is called. NULL: out of memory. */
struct map_step *map_step_commit(struct engine *e, struct map_run *run,
                                 void (*then)(struct engine *e, struct map_run *run,
                                              struct map_step *step));
/* After the commit S3 is asked; `then` gets its answer. Takes over input. NULL: out of memory. */
struct map_step *
map_step_ask(struct engine *e, struct map_run *run, const char *operation, json_t *input,
             void (*then)(struct engine *e, struct map_run *run, struct map_step *step));
/* True when S3 has refused what it was asked: then the run has failed with this name of an error
 * and S3's own words. */
bool map_step_refused(struct engine *e, struct map_run *run, const struct map_step *step,
                      const char *error);
/* The run waits no more. NULL-safe. */
void map_step_forget(struct map_step *step);

/* The distributed part of the run's state. */
static inline const struct machine_distributed *map_run_spec(const struct map_run *run)
{
    return run->frame->state->u.map.distributed;
}

/* Execution ids of S3-side names: the last part of the run's ARN. */
const char *map_run_uuid(const struct map_run *run);

#endif
