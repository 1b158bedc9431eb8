/* engine: the one thread that runs all executions.
 *
 * A turn takes all messages and due timers, runs every frame that can move, then commits what has
 * changed (history, checkpoints, machines) in ONE transaction, and only then lets the side effects
 * go: answers to API calls, calls of Task states. A commit that fails is tried again; nothing is
 * answered meanwhile. Everything here is called on the engine's thread unless it says otherwise.
 * Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_ENGINE_H
#define STEPFLEET_SFN_ENGINE_H

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "server/local/sfn/backend.h"
#include "server/local/sfn/frame.h"
#include "server/local/sfn/mailbox.h"
#include "server/local/sfn/names.h"
#include "server/local/sfn/sfn_db.h"

enum {
    STATE_BYTES_MAX = 262144,       /* input and output of states, bytes of UTF-8 */
    STATE_DEPTH_MAX = 2000,         /* their levels; what checkpoints put around them can be read */
    VARIABLES_BYTES_MAX = 10485760, /* all variables of a chain, as AWS */
    TURN_EVENTS_MAX = 10000,        /* then the turn commits before it goes on */
    TURN_BYTES_MAX = 16777216,      /* the same for texts; far below EVENTS_BUFFER_MAX */
    FRAME_STEPS_MAX = 1000,         /* states a frame runs before others have their turn */
    INLINE_CONCURRENCY = 40,        /* iterations of an inline Map at a time, as AWS */
    DISTRIBUTED_CONCURRENCY = 1000, /* children of a map run; AWS: 10,000 */
};

/* Something that follows a commit. Embedded in the object it is about. */
struct effect {
    struct effect *next;
    /* Writes its rows inside the transaction; NULL: it has none. May be called again when the
     * transaction failed. */
    int (*write)(struct effect *self, struct sfn_db *db, struct error *err);
    /* After the commit; owns itself then. */
    void (*release)(struct effect *self, struct engine *e);
    /* Instead of release when the engine closes with it uncommitted. */
    void (*drop)(struct effect *self);
};

/* A state machine as StartExecution needs it. */
struct machine_entry {
    char *arn;
    const char *name; /* within arn */
    char *role;
    int64_t id;
    int64_t definition_id;
    int64_t created;
    int64_t updated;
    bool express;
    char *revision;          /* NULL until the first update */
    struct machine *machine; /* compiled; NULL until first needed */
};

struct engine {
    const struct clock *clock;
    const struct log *log;
    const char *region;
    const struct sfn_backend *backend;
    struct sfn_db *db;
    struct mailbox *mailbox;
    struct message *inbox; /* taken, not delivered yet */
    struct timers timers;
    struct names executions; /* those that run or whose end is not stored yet, by ARN */
    struct names machines;   /* by ARN */
    struct names tokens;     /* frames by their task token */
    struct names runs;       /* map runs under way, by ARN */
    struct task_call *calls; /* under way */
    int64_t now;             /* wall time of this turn */
    int64_t next_execution, next_machine, next_definition, next_map_run;
    struct frame *ready, **ready_last; /* frames that can move */
    struct execution *dirty;
    struct map_run *dirty_runs;
    struct effect *effects, **effects_last;
    size_t turn_events;
    size_t turn_bytes; /* of history and results */
    bool stuck;        /* the last commit failed */
};

/* --- the loop (engine.c) --- */
struct engine_options {
    const struct clock *clock;
    const struct log *log;
    const char *region;
    const struct sfn_backend *backend; /* borrowed */
    struct sfn_db *db;                 /* borrowed */
};
/* An engine with empty tables on an open database; engine_load and engine_resume fill it. NULL
 * with err. */
struct engine *engine_new(const struct engine_options *options, struct error *err);
/* One turn: waits at most `wait` microseconds for something to do. Answers how long the next turn
 * may wait: microseconds until the next timer, at most one second, 0 if there is more to do. */
int64_t engine_turn(struct engine *e, int64_t wait);
/* Commits what is under way, gives up calls that wait, frees. NULL-safe; returns NULL. */
struct engine *engine_free(struct engine *e);

/* Whether the turn has enough to commit: frames that can move wait for the next one. */
bool engine_turn_full(const struct engine *e);
/* Puts a frame that can move in the queue of this or the next turn. */
void engine_queue(struct engine *e, struct frame *f);
/* Adds a side effect: written with the next commit, released after it. */
void engine_effect(struct engine *e, struct effect *effect);
/* Marks for the next commit. */
void engine_touch(struct engine *e, struct execution *x);
/* Marks a frame (DIRTY_ bits) and its execution for the next commit. */
void frame_touch(struct engine *e, struct frame *f, unsigned what);
/* Writes all that has changed; 0 when it is durable (engine_commit.c). */
int engine_commit(struct engine *e, struct error *err);

/* --- executions (engine_execution.c) --- */
/* Loads the state machines, at open (engine_resume.c). */
int engine_load(struct engine *e, struct error *err);
/* Sets the executions that were running in motion again. */
int engine_resume(struct engine *e, struct error *err);
/* Starts an execution; holds what it needs of the start. NULL: out of memory. */
struct execution_start {
    const struct machine_entry *entry; /* compiled */
    const char *name;
    const char *unique; /* last part of the ARN of an express execution; NULL: standard */
    struct text *input;
    json_t *input_json;
    struct local_call *waiting; /* StartSyncExecution, or NULL */
};
/* Starts it: Started event, root frame, timeout of the whole. */
struct execution *execution_start(struct engine *e, const struct execution_start *start);
/* A child of a map run. */
struct child_start {
    struct map_run *run;
    struct text *input;
    json_t *input_json;
    int64_t number; /* which child */
    int64_t items;  /* how many it works on */
};
/* Starts it, in the run's list. NULL: out of memory. */
struct execution *execution_start_child(struct engine *e, const struct child_start *start);
/* Ends it with the output (its text is held): ExecutionSucceeded. */
void execution_succeed(struct engine *e, struct execution *x, json_t *output, struct text *text);
/* Ends it: ExecutionFailed. The failure stays the caller's. Frees the frames. */
void execution_fail(struct engine *e, struct execution *x, const struct asl_failure *failure);
/* Ends it: ExecutionAborted. error and cause may be NULL. Frees the frames. */
void execution_abort(struct engine *e, struct execution *x, const char *error, const char *cause);
/* Ends it: ExecutionTimedOut. Frees the frames. */
void execution_time_out(struct engine *e, struct execution *x);
/* The compiled machine of an entry (compiled and cached at first use). NULL with err. */
struct machine *engine_machine(struct engine *e, struct machine_entry *entry, struct error *err);
void machine_entry_free(struct machine_entry *entry); /* NULL-safe */

/* --- frames (engine_frame.c) --- */
/* What a step left behind: whether the frame goes on at once. */
enum step { STEP_ON, STEP_STOP };
/* Runs a frame until it waits, ends, or others should have their turn. It may be freed. */
void frame_run(struct engine *e, struct frame *f);
/* The state is done: ResultPath, OutputPath, Assign, the Exited event, then the next state or the
 * end of the chain. `result` is taken over; NULL: the effective input. */
enum step frame_complete(struct engine *e, struct frame *f, json_t *result);
/* The state failed: retry, catch, or the chain fails. Clears the failure. */
enum step frame_failed(struct engine *e, struct frame *f, struct asl_failure *failure);
/* Exited event and the way on. Takes over output; text may be NULL. */
enum step frame_exit(struct engine *e, struct frame *f, json_t *output, json_t *assigned,
                     const struct machine_state *next);
/* Ends a subtree without a result: timers, calls, rows. With `events` what runs in it is told as
 * aborted. */
void frame_abort(struct engine *e, struct frame *f, bool events);
/* A timer of the frame fired. */
void frame_timer(struct engine *e, struct frame *f, enum timer_kind kind);
/* Ends and frees a frame that has no children. */
void frame_end(struct engine *e, struct frame *f);
/* Sentence and name of the failure for what memory refused. */
void failure_no_memory(struct asl_failure *failure);

/* --- retry and catch (engine_errors.c) --- */
/* True when a retrier takes the failure: the frame waits for its next attempt. */
bool frame_retry(struct engine *e, struct frame *f, const struct asl_failure *failure);
/* The catcher that takes the failure; NULL: none. */
const struct machine_catcher *frame_catcher(const struct frame *f,
                                            const struct asl_failure *failure);
/* The heartbeat's own name for a States.Timeout; see asl_failure.error. */
#define HEARTBEAT_TIMEOUT "States.HeartbeatTimeout"

/* --- data (engine_data.c) --- */
struct scope {
    struct asl_scope asl;
    json_t *context; /* owned */
};
/* What expressions of the frame's state see with `input` as $. */
void scope_open(struct engine *e, struct frame *f, json_t *input, struct scope *scope);
/* Releases what scope_open made. */
void scope_close(struct scope *scope);
/* Whether a text is beyond AWS's 262,144 bytes of UTF-8 or has more than STATE_DEPTH_MAX levels, or
 * is NULL: too large for a text at all. Then with the failure. `what` the state does with it:
 * "returned a result". */
bool data_too_large(const struct frame *f, const struct text *text, const char *what,
                    struct asl_failure *failure);
/* InputPath applied to the state's input; new reference or NULL. */
json_t *data_input(struct engine *e, struct frame *f, struct asl_failure *failure);
/* InputPath, then Parameters. */
json_t *data_effective(struct engine *e, struct frame *f, struct asl_failure *failure);
/* ResultSelector applied to a result; new reference or NULL. */
json_t *data_select_result(struct engine *e, struct frame *f, json_t *result,
                           struct asl_failure *failure);
/* ResultPath `path` of `result` into the state's input; new reference or NULL. */
json_t *data_merge(struct engine *e, struct frame *f, const struct machine_path *path,
                   json_t *result, struct asl_failure *failure);
/* OutputPath applied to a value; new reference or NULL. */
json_t *data_output(struct engine *e, struct frame *f, json_t *value, struct asl_failure *failure);
/* Evaluates Assign; *assigned is a new reference or NULL when there is none. */
int data_assign(struct engine *e, struct frame *f, const struct asl_template *assign, json_t *value,
                json_t **assigned, struct asl_failure *failure);
/* The number; -1 with the failure. *given tells whether there is one. */
int data_number(struct engine *e, struct frame *f, const struct machine_number *number,
                json_t *input, json_t **value, struct asl_failure *failure);
/* Evaluates a path that must find something ("Invalid path '$.a' : No results for path: ..."). */
json_t *data_path(const struct asl_path *path, const struct asl_scope *scope,
                  struct asl_failure *failure);

/* --- states (engine_state_*.c); each runs the frame's state once it was entered --- */
enum step state_pass(struct engine *e, struct frame *f);
/* Choice: the first rule that matches decides. */
enum step state_choice(struct engine *e, struct frame *f);
/* Wait: arms the frame's delay, or goes on when the time has passed. */
enum step state_wait(struct engine *e, struct frame *f);
/* Succeed: ends the chain well. */
enum step state_succeed(struct engine *e, struct frame *f);
/* Fail: fails the chain, catchers of this state there are none. */
enum step state_fail(struct engine *e, struct frame *f);
/* Task: schedules a call. */
enum step state_task(struct engine *e, struct frame *f);
/* Parallel: starts all branches. */
enum step state_parallel(struct engine *e, struct frame *f);
/* Map: starts as many iterations as may run. */
enum step state_map(struct engine *e, struct frame *f);

/* The Wait state's time has come. */
enum step state_wait_over(struct engine *e, struct frame *f);

/* Task: what comes back (engine_state_task.c). */
void task_arrived(struct engine *e, struct task_call *call);
/* The attempt's time is up, or a heartbeat was missed: the call is abandoned. */
enum step task_timed_out(struct engine *e, struct frame *f, bool heartbeat);
/* Resumes: makes the call again, or watches the job again. */
void task_resume(struct engine *e, struct frame *f);
/* Gives up what is under way: the answer will find nobody, a submitted job is stopped. */
void task_abandon(struct engine *e, struct frame *f);
/* Forgets what belongs to one attempt, the task token above all. */
void task_clear(struct engine *e, struct frame *f);
/* SendTaskSuccess (output, taken over) or SendTaskFailure (failure, cleared). */
void task_token_used(struct engine *e, struct frame *f, json_t *output,
                     struct asl_failure *failure);

/* Nested chains (engine_nest.c). Both end the child; the failure stays the caller's. */
void nest_child_done(struct engine *e, struct frame *child, json_t *output, struct text *text);
/* The child failed: tolerated, or its siblings are aborted and the state fails. */
void nest_child_failed(struct engine *e, struct frame *child, struct asl_failure *failure);
/* Starts as many iterations as may run. -1 with the failure. */
int map_spawn(struct engine *e, struct frame *f, struct asl_failure *failure);
/* Resuming: sets the nest of a Map up from its state's input once more. */
int map_reopen(struct engine *e, struct frame *f, struct asl_failure *failure);
/* $$.Map of one iteration; new reference. */
json_t *map_item(size_t index, json_t *value);

#endif
