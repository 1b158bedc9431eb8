/* frame: what runs. An execution is a tree of frames; a frame is one chain of states on its way:
 * the whole machine, a branch of a Parallel state, one iteration of a Map state.
 *
 * All of it belongs to the engine's thread. A frame is checkpointed as one row (sfn_db.h) when it
 * has changed by the end of a turn; a chain that never waits never becomes a row.
 * Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_FRAME_H
#define STEPFLEET_SFN_FRAME_H

#include "lib/base/buf.h"
#include "server/local/call.h"
#include "server/local/sfn/machine.h"
#include "server/local/sfn/text.h"
#include "server/local/sfn/timers.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum execution_status {
    EXECUTION_RUNNING,
    EXECUTION_SUCCEEDED,
    EXECUTION_FAILED,
    EXECUTION_TIMED_OUT,
    EXECUTION_ABORTED,
};

enum {
    EVENTS_BUFFER_MAX = 256 * 1024 * 1024, /* history text of one execution in one turn */
    EVENTS_PER_EXECUTION_MAX = 25000,      /* as AWS; then the execution fails */
    EVENTS_EXPRESS_MAX = 250000,
    EVENTS_CHUNK = 64 * 1024, /* bytes of history text that make one row */
};

/* What a frame is doing. Numbers are part of the stored form: add, never renumber.
 *
 *              +-----------------------------------------------------------+
 *              v                                                           | next state
 *   new --> READY --> (the state runs) --+--> WAIT ------- delay ----------+
 *                        ^               +--> CALL --+-- answer -----------+
 *                        |               |           +--> JOB --- end -----+
 *                        |               |           +--> TOKEN - SendTask-+
 *                        |               +--> CHILDREN -- all have ended --+
 *                        |               +--> RETRY -- delay --+           |
 *                     AGAIN <----------------------------------+           v
 *                                                     last state: OVER, from anywhere on an abort
 *
 * Between two turns a frame is in READY or AGAIN (it can move and is in the engine's queue) or in
 * one of the phases that wait; a checkpoint holds nothing else. */
enum frame_phase {
    FRAME_READY = 0,    /* about to enter its state */
    FRAME_AGAIN = 1,    /* about to run its state once more (after a retry's delay) */
    FRAME_WAIT = 2,     /* Wait state, until `delay` is due */
    FRAME_RETRY = 3,    /* the next attempt begins when `delay` is due */
    FRAME_CALL = 4,     /* Task: the call is under way */
    FRAME_JOB = 5,      /* Task .sync: submitted, the job runs */
    FRAME_TOKEN = 6,    /* Task .waitForTaskToken: submitted, SendTask* is awaited */
    FRAME_CHILDREN = 7, /* Parallel, Map */
    FRAME_OVER = 8,     /* gone from the tree */
};

enum timer_kind { TIMER_DELAY, TIMER_TIMEOUT, TIMER_HEARTBEAT, TIMER_EXECUTION };

enum {
    DIRTY_INPUT = 1, /* what changes only when a state is entered */
    DIRTY_STATE = 2, /* the rest */
};

struct execution;
struct task_call;
struct map_run;

/* What a Map state allows itself (map_limits.h). */
struct map_limits {
    int64_t concurrency;    /* as asked for; 0: as many as may be */
    double tolerated_count; /* failed items that are borne; < 0: not given */
    double tolerated_percentage;
};

/* Children of a Parallel or Map state: how many there are to be, and what became of them.
 *
 * Results are kept in memory for the state's own result, and as text for the next commit. A row of
 * results is only ever added, never changed: a Map of n items writes n results, however many turns
 * it takes. A nest has an id of its own, so that results of an earlier attempt of the same state
 * are never taken for this one's; they go when the execution ends. */
struct nest {
    int64_t id;       /* of this attempt; what stored results name */
    json_t *input;    /* Map: effective input, $ of ItemSelector */
    json_t *items;    /* Map: what is iterated over */
    json_t **results; /* one a child, NULL until it has ended */
    size_t count;     /* children in all */
    size_t next;      /* the next one to be started */
    size_t running;
    size_t done;
    size_t failed;
    struct map_limits limits;
    size_t slots;          /* how many may run at a time */
    int64_t started_event; /* ...StateStarted */
    int64_t last_inner;    /* last event of the child that ended last */
    struct buf unsaved;    /* results that are not stored yet: lines "index result" */
    int64_t parts;         /* rows of results that are stored */
};

struct frame {
    struct execution *execution;
    struct frame *parent;
    struct frame *first_child;
    struct frame *previous, *next; /* siblings */
    struct frame *next_ready;
    struct frame *next_dirty;
    int64_t id;
    int64_t number; /* which branch or iteration of its parent */
    const struct machine_state *state;
    enum frame_phase phase;
    bool queued;
    bool listed; /* in the execution's list of dirty frames */
    bool stored; /* has a row */
    unsigned dirty;
    json_t *input;
    struct text *text; /* of input; NULL until needed */
    json_t *variables; /* an object nobody changes; NULL: none */
    json_t *item;      /* $$.Map of an iteration; NULL: none */
    int64_t last_event;
    int64_t entered_event;
    int64_t entered_time;
    int64_t retries;   /* $$.State.RetryCount */
    int64_t *attempts; /* one a retrier; NULL: none yet */
    struct timer delay, timeout, heartbeat;
    int64_t heartbeat_every; /* microseconds; 0: none */
    struct task_call *call;  /* under way; NULL: none */
    json_t *parameters;      /* of the attempt under way, for making its call again */
    char *token;             /* task token of this attempt */
    char *client_token;      /* what makes the call of this attempt idempotent */
    char *job;               /* ARN of the submitted task or execution */
    struct nest *nest;
    struct map_run *run; /* of a distributed Map; NULL: none */
};

struct execution {
    int64_t id;
    char *arn;
    char *name;
    char *machine_arn;
    char *role;
    int64_t machine_id;
    int64_t definition_id;
    struct machine *machine;
    bool express;
    enum execution_status status;
    int64_t started, stopped; /* wall time */
    struct text *input;
    json_t *input_json;
    struct text *output;
    char *error; /* NULL: none */
    char *cause;
    json_t *context; /* $$.Execution and $$.StateMachine; NULL until needed */
    int64_t next_event;
    int64_t next_frame;
    struct buf events;    /* lines of history since the last commit */
    int64_t events_first; /* id of the first of them */
    struct frame *root;
    struct frame *dirty_frames;
    int64_t *gone; /* ids of rows of frames that ended */
    size_t gone_count, gone_capacity;
    struct timer timeout;
    bool listed; /* in the engine's list of dirty executions */
    bool stored;
    bool frames_stored;  /* some checkpoint has been */
    bool changed;        /* its row */
    bool quiet;          /* an express child of a distributed Map: writes no history */
    struct map_run *run; /* whose child it is; NULL: nobody's */
    int64_t map_run;     /* its id; 0: none */
    int64_t map_item;    /* which child of the run it is */
    int64_t map_items;   /* items it works on */
    struct execution *run_previous, *run_next;
    struct execution *next_dirty;
    struct local_call *waiting; /* StartSyncExecution; NULL: none */
    struct task_call *watchers; /* .sync tasks of other executions */
};

/* "RUNNING", ... */
const char *execution_status_name(enum execution_status status);

/* A new frame below parent (NULL: the root). Takes over nothing; holds input and variables.
 * NULL: out of memory. */
struct frame *frame_new(struct execution *x, struct frame *parent, int64_t number,
                        const struct machine_state *state, json_t *input);
/* Takes a frame that has no children any more out of the tree. */
void frame_unlink(struct frame *f);
/* Frees a frame that is in no tree, queue or list. */
void frame_free(struct frame *f);
/* Sets what the frame's next state gets. text may be NULL; both are held. */
void frame_set_input(struct frame *f, json_t *input, struct text *text);
/* The input's JSON text, made once; NULL: out of memory. Borrowed. */
struct text *frame_text(struct frame *f);
/* $$.Map as seen from here: the nearest iteration's. Borrowed, may be NULL. */
json_t *frame_item(const struct frame *f);
/* Forgets what belongs to one attempt of a task. */
void frame_clear_task(struct frame *f);

/* A nest for `count` children, with an id of its own. NULL: out of memory. */
struct nest *nest_new(struct execution *x, size_t count);
struct nest *nest_free(struct nest *n); /* NULL-safe; returns NULL */

/* Frees an execution that has no frames any more. NULL-safe. */
void execution_free(struct execution *x);

#endif
