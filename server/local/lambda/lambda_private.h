/* lambda_private: what the files of the room share.
 *
 * One lock guards functions, queues and environments. Whoever brings an event (an invocation, a
 * call of the Runtime API, the end of a process) moves the state under it and calls `done` after
 * leaving it. What takes time or has to wait for its hour is the manager thread's: starting
 * environments, ending them, timeouts. */
#ifndef STEPFLEET_LOCAL_LAMBDA_PRIVATE_H
#define STEPFLEET_LOCAL_LAMBDA_PRIVATE_H

#include "lib/crypto/crypto.h"
#include "server/local/lambda/local_lambda.h"
#include "server/local/process/environment.h"

#include <pthread.h>

enum {
    LAMBDA_NAME_MAX = 64,
    LAMBDA_PAYLOAD_MAX = 6 * 1024 * 1024,
    /* A little more than the payload's: the ceiling Lambda names in its message. */
    LAMBDA_ANSWER_MAX = LAMBDA_PAYLOAD_MAX + 100,
    LAMBDA_ARN_MAX = 256,
    LAMBDA_PATH_MAX = 4096,
    LAMBDA_QUEUE_MAX = 1000, /* waiting invocations of one function */
    LAMBDA_MEMORY_MB = 512,
    LAMBDA_INIT_SECONDS = 10,
    LAMBDA_IDLE_SECONDS = 300,
};

/* What Lambda says of a payload beyond LAMBDA_PAYLOAD_MAX. */
#define LAMBDA_TOO_LARGE                                                                           \
    "Request must be smaller than 6291456 bytes for the InvokeFunction operation"

/* One event on its way from caller to program and back. */
struct lambda_invocation {
    struct lambda_invocation *next;
    char id[UUID_TEXT];
    struct buf payload; /* until it is delivered */
    void (*done)(void *ctx, const struct lambda_outcome *outcome);
    void *ctx;
    char log_path[LAMBDA_PATH_MAX]; /* "" until it is delivered */
    int64_t log_from;
};

/* STARTING -> IDLE <-> BUSY -> ANSWERED -> IDLE; each may be left for ENDING. */
enum lambda_state {
    LAMBDA_STARTING, /* the program has not asked for an event yet */
    LAMBDA_IDLE,     /* it waits in `next` */
    LAMBDA_BUSY,     /* it has an event */
    LAMBDA_ANSWERED, /* it has answered and not asked again yet */
    LAMBDA_ENDING,   /* killed, or gone already */
};

/* A process that serves one event after another. Under the room's lock, except `api`, `log_path`
 * and `slot`, which only the manager writes. */
struct lambda_environment {
    struct lambda_environment *next;
    struct local_lambda *lambda;
    struct lambda_function *function;
    int slot; /* number of its log file */
    char log_path[LAMBDA_PATH_MAX];
    struct http_server *api; /* the manager's */

    enum lambda_state state;
    struct process *process;       /* NULL before the start and after the end */
    bool gone;                     /* the process has ended or could not be started */
    int64_t due;                   /* monotonic: end of init, of the event, or of idling; 0: none */
    struct http_exchange *waiting; /* the deferred `next` of LAMBDA_IDLE */
    struct lambda_invocation *invocation; /* of LAMBDA_BUSY */
    char answered_id[UUID_TEXT];          /* the last event that was answered */
    struct buf init_error;                /* what init failed with, "" */
};

/* A registered function with its queue and its environments. Never removed before closing. */
struct lambda_function {
    struct lambda_function *next;
    struct local_lambda *lambda;
    char name[LAMBDA_NAME_MAX + 1];
    char arn[LAMBDA_ARN_MAX];
    char *program;
    int timeout_seconds;
    struct environment variables; /* its own, besides the runtime's */
    int64_t registered_at;

    struct lambda_environment *environments;
    struct lambda_invocation *first, **end; /* the queue */
    size_t queued;
};

/* The room. What stands before `lock` is fixed at opening. */
struct local_lambda {
    char *dir;
    char *region;
    struct process_host *processes;
    const struct clock *clock;
    const struct log *log;
    int concurrency;
    pthread_t manager;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* on CLOCK_MONOTONIC */
    char *endpoint;
    struct lambda_function *functions;
    bool stopping;
};

/* lambda_queue.c: under the lock where the name says so. */

/* The function a name, partial ARN or ARN means, NULL if there is none. */
struct lambda_function *lambda_find_locked(struct local_lambda *l, const char *name);
/* Delivers what waits to the environments that idle; wakes the manager when more are needed. */
void lambda_dispatch_locked(struct lambda_function *f);
/* The longest waiting invocation, taken out; NULL if none waits. */
struct lambda_invocation *lambda_take_locked(struct lambda_function *f);
/* True when more wait than will soon be served, and another environment is allowed. */
bool lambda_wants_environment_locked(const struct lambda_function *f);

/* Tells `done` and frees. Not under the lock. NULL-safe. */
void lambda_finish(struct lambda_invocation *i, enum lambda_result result, const char *code,
                   const char *body, size_t len);
/* LAMBDA_REFUSED with the service's own error. */
void lambda_finish_refused(struct lambda_invocation *i, int status, const char *code,
                           const char *message);
/* LAMBDA_FAILED with {"errorType","errorMessage"} of a printf-style message. */
void lambda_finish_failed(struct lambda_invocation *i, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* LAMBDA_FAILED with a body that should hold an errorType; else `type` is told. */
void lambda_finish_error_body(struct lambda_invocation *i, const char *type, const char *body,
                              size_t len);

/* lambda_environment.c */

/* Adds one in LAMBDA_STARTING to the function; NULL when memory is out. */
struct lambda_environment *lambda_environment_add_locked(struct lambda_function *f);
/* Starts its Runtime API and its program. On failure it is `gone` and the longest waiting
 * invocation has failed with the reason. The manager's, not under the lock. */
void lambda_environment_start(struct lambda_environment *v);
/* It has no event, or that has just been taken from it. SIGKILL; its end comes as an event of the
 * process host. */
void lambda_environment_kill_locked(struct lambda_environment *v);
/* Takes a `gone` one out of its function's list. */
void lambda_environment_remove_locked(struct lambda_environment *v);
/* Stops its Runtime API and frees it. The manager's, not under the lock. */
void lambda_environment_free(struct lambda_environment *v);

/* lambda_runtime_api.c */

/* A server of one thread on a free loopback port, for this environment alone. */
struct http_server *lambda_runtime_api_start(struct lambda_environment *v, struct error *err);

/* lambda_manager.c */

/* The thread: ctx is the struct local_lambda. Ends when that is stopping and no environment is
 * left. */
void *lambda_manager_main(void *ctx);

/* lambda_log.c */

/* The environment's log file: its path, and a fresh start when it has grown large. */
void lambda_log_open(struct lambda_environment *v);
/* Its length now. */
int64_t lambda_log_size(const char *path);
/* The last bytes (at most `max`) written since `from`, appended to out. */
void lambda_log_tail(const char *path, int64_t from, size_t max, struct buf *out);

#endif
