/* machine: a state machine definition compiled once into an immutable form.
 *
 * All paths, templates, choice rules, retriers and catchers are parsed here, so that running a
 * state parses nothing. A machine is shared by reference count: every execution that runs it holds
 * one reference. After compilation any thread may read it. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MACHINE_H
#define STEPFLEET_SFN_MACHINE_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "server/local/asl/asl_eval.h"
#include "server/local/sfn/machine_problems.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MACHINE_DEFINITION_MAX = 1048576, /* bytes of a definition's text */
    MACHINE_STATES_MAX = 10000,
    MACHINE_DEPTH_MAX = 32, /* Parallel and Map within one another */
    MACHINE_LABEL_SIZE = 37,
};

enum state_type {
    STATE_PASS,
    STATE_TASK,
    STATE_CHOICE,
    STATE_WAIT,
    STATE_SUCCEED,
    STATE_FAIL,
    STATE_PARALLEL,
    STATE_MAP,
};

/* InputPath, OutputPath, ResultPath: null discards, NULL path stands for the absent "$". */
struct machine_path {
    bool discard;
    struct asl_path *path;
};

/* A number that is literal or comes out of the input by its ...Path form. */
struct machine_number {
    bool given;
    double literal;
    struct asl_path *path; /* NULL: literal */
};

struct machine_retrier {
    json_t *errors; /* ErrorEquals, borrowed from the definition */
    double interval;
    double backoff;
    double max_delay; /* 0: none */
    int64_t max_attempts;
    bool full_jitter;
};

struct machine_state;

struct machine_catcher {
    json_t *errors;
    const struct machine_state *next;
    struct machine_path result_path;
    struct asl_template *assign;
};

/* A chain of states with its own StartAt: the whole machine, a branch, an item processor. */
struct machine_branch {
    const struct machine_state *start;
};

struct machine_rule {
    struct asl_choice *test;
    const struct machine_state *next;
    struct asl_template *assign;
};

struct machine_choice {
    struct machine_rule *rules;
    size_t count;
    const struct machine_state *otherwise; /* Default; NULL: none */
};

enum wait_kind { WAIT_SECONDS, WAIT_SECONDS_PATH, WAIT_TIMESTAMP, WAIT_TIMESTAMP_PATH };

struct machine_wait {
    enum wait_kind kind;
    int64_t seconds;
    int64_t until; /* wall time in microseconds */
    struct asl_path *path;
};

struct machine_fail {
    const char *error; /* borrowed; NULL: none */
    const char *cause;
    struct asl_expr *error_path;
    struct asl_expr *cause_path;
};

enum task_pattern { TASK_RESPONSE, TASK_SYNC, TASK_SYNC2, TASK_TOKEN };

struct task_kind; /* task.h */

struct machine_task {
    const struct task_kind *kind;
    enum task_pattern pattern;
    const char *arn;     /* the Resource as written, borrowed */
    char *resource;      /* "invoke.waitForTaskToken", as events tell it */
    char *resource_type; /* "lambda", "aws-sdk:dynamodb" */
    struct machine_number timeout;
    struct machine_number heartbeat;
};

struct machine_parallel {
    struct machine_branch *branches;
    size_t count;
};

enum reader_input { READ_JSON, READ_JSONL, READ_CSV, READ_KEYS };

/* ItemReader: an object to be taken apart, or the keys of a bucket. */
struct machine_reader {
    bool given;
    enum reader_input input;
    struct asl_template *parameters;
    struct machine_number max_items;
    const char *pointer; /* ItemsPointer, borrowed; NULL: the whole document */
    json_t *headers;     /* CSV: CSVHeaders, borrowed; NULL: the first row has them */
    char delimiter;
};

struct machine_batcher {
    bool given;
    struct machine_number max_items;
    struct machine_number max_bytes;
    struct asl_template *input; /* BatchInput; NULL: none */
};

/* What only a Map has whose iterations are executions of their own. */
struct machine_distributed {
    bool express;
    const char *label;                  /* NULL: none was given */
    char generated[MACHINE_LABEL_SIZE]; /* what stands for it then */
    struct machine_reader reader;
    struct machine_batcher batcher;
    struct asl_template *writer; /* ResultWriter's Parameters; NULL: results are the output */
};

struct machine_map {
    struct machine_branch processor;
    struct machine_distributed *distributed; /* NULL: inline */
    struct machine_path items_path;
    struct asl_template *item_selector;
    struct machine_number concurrency;
    struct machine_number tolerated_count;
    struct machine_number tolerated_percentage;
};

struct machine_state {
    const char *name; /* borrowed from the definition */
    int index;        /* its place in the machine's list: what checkpoints name it by */
    enum state_type type;
    bool needs_context;               /* some expression mentions $$ */
    const struct machine_state *next; /* NULL: the last of its chain (End, Succeed) */
    json_t *source;                   /* its definition, borrowed */
    struct machine_path input_path, output_path, result_path;
    struct asl_template *parameters;
    struct asl_template *result_selector;
    struct asl_template *assign;
    json_t *result; /* Pass: Result, borrowed; NULL: none */
    struct machine_retrier *retriers;
    size_t retrier_count;
    struct machine_catcher *catchers;
    size_t catcher_count;
    union {
        struct machine_choice choice;
        struct machine_wait wait;
        struct machine_fail fail;
        struct machine_task task;
        struct machine_parallel parallel;
        struct machine_map map;
    } u;
};

struct machine {
    int references; /* atomic */
    json_t *definition;
    struct machine_state **states; /* all of them, branches too */
    size_t count;
    struct machine_branch root;
    int64_t timeout_seconds; /* 0: none */
};

struct machine_options {
    const char *region;
    bool express;
};

/* Compiles a definition's text. NULL when it has problems (all of them are in `problems`) or memory
 * is out (then err is set and problems is empty). The machine has one reference. */
struct machine *machine_compile(const char *text, size_t len, const struct machine_options *options,
                                struct machine_problems *problems, struct error *err);
struct machine *machine_hold(struct machine *m);    /* one more reference; returns m */
struct machine *machine_release(struct machine *m); /* NULL-safe; returns NULL */

/* The state a checkpoint names, NULL when the index is none of this machine's. */
const struct machine_state *machine_state_at(const struct machine *m, int64_t index);

/* "Pass", "Task", ... as definitions and event names spell it. */
const char *state_type_name(enum state_type type);

#endif
