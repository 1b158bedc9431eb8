/* task: what Task states can call, and one call under way.
 *
 * A table of kinds (task_kinds.c) says for each resource which service it is and how a call is made
 * and its answer read. A struct task_call is made by the engine, handed to the kind's start
 * function, and comes back as a message once it is answered, on whatever thread. Until then only
 * the answering side may touch `result`, and only the engine's thread `frame`.
 * Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_TASK_H
#define STEPFLEET_SFN_TASK_H

#include "server/local/asl/asl_eval.h"
#include "server/local/sfn/backend.h"
#include "server/local/sfn/engine.h"
#include "server/local/sfn/mailbox.h"

enum { CLIENT_TOKEN_MAX = 64, TASK_RESULT_MAX = 6 * 1024 * 1024 };

/* What became of a call. */
struct task_result {
    json_t *output;             /* NULL: it failed */
    struct asl_failure failure; /* when output is NULL */
};

enum call_stage { CALL_START, CALL_WATCH };

struct task_call {
    struct message message;
    struct effect effect;
    struct local_call call; /* for kinds that ask a local_service */
    const struct sfn_backend *backend;
    struct mailbox *mailbox; /* held */
    const struct task_kind *kind;
    enum task_pattern pattern;
    enum call_stage stage;
    char *function;     /* bare function ARN; NULL otherwise */
    json_t *parameters; /* as the state gives them */
    json_t *request;    /* as the service takes them; NULL until started */
    char *client_token;
    char *job;                         /* CALL_WATCH: whose end is awaited */
    uint64_t watch;                    /* number of the watch */
    struct frame *frame;               /* who waits; NULL: nobody any more */
    bool sent;                         /* the service has it: it comes back as a message */
    bool answered;                     /* it is on its way back (nested executions) */
    bool stopping;                     /* its effect, a stop, has not been released yet */
    bool arrived;                      /* it came back meanwhile */
    struct task_call *previous, *next; /* the engine's list of calls under way */
    struct task_call *next_watcher;
    struct task_result result;
};

struct task_kind {
    const char *service;   /* "lambda"; NULL: a bare function ARN */
    const char *action;    /* "invoke" */
    bool sdk;              /* arn:aws:states:::aws-sdk:... */
    unsigned patterns;     /* 1 << enum task_pattern of those it has */
    const char *operation; /* of the local_service */
    /* Fills in what the service adds by itself before the call is scheduled (StartedBy). 0 or -1
     * with the failure; NULL: nothing. Gets a value of its own. */
    int (*prepare)(const struct machine_task *task, json_t *parameters,
                   struct asl_failure *failure);
    /* Makes the call; task_call_done comes exactly once. */
    void (*start)(struct task_call *call);
    /* .sync: the job's name in the submitted output (new text, NULL with the failure). */
    char *(*submitted)(const struct task_call *call, struct asl_failure *failure);
    /* .sync: waits for the end of call->job; task_call_done comes at most once. */
    void (*watch)(struct engine *e, struct task_call *call);
    /* .sync: ends the wait; true: the call will not come back. */
    bool (*unwatch)(struct engine *e, struct task_call *call);
    /* .sync: what the service takes to stop the job call->job (StopTask, StopExecution); a new
     * reference, NULL: no memory. */
    json_t *(*stop_input)(const struct task_call *call);
};

/* The kind a Resource names. NULL: there is none. `pattern` and the two texts (borrowed from
 * arn: where resource type and resource begin) are set on success. */
const struct task_kind *task_kind_find(const char *arn, enum task_pattern *pattern,
                                       const char **resource_type, const char **resource);
/* True for a bare function ARN, whose events and results are its own. */
bool task_is_function(const struct task_kind *kind);

/* A call for the frame's Task state, in the engine's list. Copies the frame's client token and job.
 * NULL: out of memory. */
struct task_call *task_call_new(struct engine *e, struct frame *f, enum call_stage stage,
                                json_t *parameters);
/* Hands it out after the commit: start or watch, by its stage. */
void task_call_send(struct engine *e, struct task_call *call);
/* Takes it out of the engine's list and frees it. */
void task_call_end(struct engine *e, struct task_call *call);
/* When the engine closes: no call that is still under way may reach it. */
void task_calls_close(struct engine *e);
/* Hands the call back to the engine; any thread. result has been filled. */
void task_call_done(struct task_call *call);
/* The same with a failure. */
void task_call_fail(struct task_call *call, const char *error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for want of memory. */
void task_call_no_memory(struct task_call *call);
/* The same with a service's fault, named after it: "DynamoDB.ResourceNotFoundException". */
void task_call_fault(struct task_call *call, const char *prefix, const struct local_fault *fault);

/* "SdkHttpMetadata" and "SdkResponseMetadata", as optimised integrations add them to an object.
 * content_type of the service's answer. */
int task_add_metadata(json_t *output, const char *content_type);

/* Asks a local_service the kind's operation with `request` (taken over; NULL: out of memory);
 * `answered` gets the output (to take over) or the fault. A service that is NULL fails the call. */
void task_ask(struct task_call *call, const struct local_service *service, json_t *request,
              void (*answered)(struct local_call *call, json_t *output,
                               const struct local_fault *fault));
/* Has the job of a .sync call stopped, behind the next commit; also by the next start, should this
 * one not live to do it (task_stop.c). */
void task_stop(struct engine *e, const struct task_call *call);
/* After a start: asks again where no answer had come. */
int task_stops_resume(struct engine *e, struct error *err);
/* The call a local_call is embedded in. */
struct task_call *task_call_of(struct local_call *call);

/* Member names of all objects below with their first letter changed; a new value, NULL: no
 * memory. */
json_t *task_to_camel(const json_t *value);
/* camelCase to PascalCase. */
json_t *task_to_pascal(const json_t *value);
/* The same for the object's own members only; members that are null are left out. */
json_t *task_members_to_camel(const json_t *object);

/* Kinds, one file a service. */
void task_function_start(struct task_call *call); /* task_lambda.c */
void task_invoke_start(struct task_call *call);
/* .sync: StartedBy, unless given. */
int task_ecs_prepare(const struct machine_task *task, json_t *parameters,
                     struct asl_failure *failure); /* task_ecs.c */
void task_ecs_start(struct task_call *call);
/* The task's ARN; AmazonECS.Unknown when there are failures. */
char *task_ecs_submitted(const struct task_call *call, struct asl_failure *failure);
/* Awaits that the task has stopped. */
void task_ecs_watch(struct engine *e, struct task_call *call);
/* See task_kind.unwatch. */
bool task_ecs_unwatch(struct engine *e, struct task_call *call);
/* See task_kind.stop_input. */
json_t *task_ecs_stop_input(const struct task_call *call);
void task_dynamodb_start(struct task_call *call); /* task_dynamodb.c */
void task_s3_start(struct task_call *call);       /* task_s3.c */
void task_states_start(struct task_call *call);   /* task_states.c */
void task_sfn_start(struct task_call *call);      /* aws-sdk:sfn */
char *task_states_submitted(const struct task_call *call, struct asl_failure *failure);
/* Awaits the end of the nested execution. */
void task_states_watch(struct engine *e, struct task_call *call);
/* See task_kind.unwatch. */
bool task_states_unwatch(struct engine *e, struct task_call *call);
/* See task_kind.stop_input. */
json_t *task_states_stop_input(const struct task_call *call);
/* An execution has ended: tells the calls that wait for it. */
void task_states_ended(struct engine *e, struct execution *x);

#endif
