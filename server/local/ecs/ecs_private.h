/* ecs_private: what the files of the room share.
 *
 * One thread, the runner, owns the database and decides everything. All others hand it jobs: what
 * is waiting is applied in one transaction (group commit), and only when that is durable are calls
 * answered, processes started or stopped, and watchers told. */
#ifndef STEPFLEET_LOCAL_ECS_PRIVATE_H
#define STEPFLEET_LOCAL_ECS_PRIVATE_H

#include "lib/base/buf.h"
#include "lib/http_server/http_server.h"
#include "server/local/ecs/ecs_db.h"
#include "server/local/ecs/local_ecs.h"

#include <pthread.h>

/* A piece of work for the runner; embedded as first member of what it is about. */
struct ecs_job {
    struct ecs_job *next;
    /* Inside the transaction. -1: the database failed, everything of this round is rolled back. */
    int (*apply)(struct local_ecs *e, struct ecs_job *job, struct error *err);
    /* Afterwards. failure is NULL when the round is durable. Owns the job from here on. */
    void (*finish)(struct local_ecs *e, struct ecs_job *job, const struct error *failure);
};

/* A task between "its process is about to start" and "its end is recorded". The runner's own,
 * except where said. */
struct ecs_live {
    struct ecs_job ended_job; /* queued once, by `exited` or by a start that failed */
    struct local_ecs *ecs;
    struct ecs_live *next;
    struct ecs_task task; /* as of the launch */
    json_t *definition;
    int64_t started_at; /* 0: the process could not be started */
    bool tell_running;  /* RUNNING is still to be recorded */
    bool stop_due;      /* to be sent SIGTERM once the round is durable */
    char failure[ECS_REASON_MAX];

    /* Guarded by the queue's lock: written by the process host's thread. */
    struct process *process;
    bool ended;
    bool unrecorded; /* killed by local_ecs_close: the next opening tells what became of it */
    int64_t exit_code;
};

/* One who waits for a task's end; in the table until it is told or taken out. */
struct ecs_watch {
    struct ecs_watch *next;
    uint64_t number;
    char id[ECS_ID_TEXT];
    void (*stopped)(void *ctx, json_t *task);
    void *ctx;
};

/* An image name and the program that stands for it. */
struct ecs_image {
    struct ecs_image *next;
    char *image;
    char *program;
};

enum { ECS_WATCH_BUCKETS = 1024 };

struct local_ecs {
    char *dir;
    char *region;
    struct process_host *processes;
    const struct clock *clock;
    const struct log *log;
    size_t concurrency;
    struct local_service service;
    /* Fixed from local_ecs_start until the runner has ended. */
    struct http_server *metadata;
    /* The runner. */
    pthread_t thread;

    /* The runner's own. */
    struct ecs_db *db;
    struct ecs_image *images;
    struct ecs_live *live;      /* have a process, or had one whose end is not recorded yet */
    struct ecs_live *launching; /* start when this round is durable */
    size_t live_count;          /* of both lists */
    char *endpoint;             /* NULL until local_ecs_start */
    struct buf stopped;         /* ids that this round stopped, ECS_ID_TEXT bytes each */
    int64_t purge_at;
    bool again; /* do another round without waiting for jobs */

    struct {
        pthread_mutex_t lock;
        pthread_cond_t arrived;
        struct ecs_job *first, **end;
        bool closing; /* kill what runs, start nothing */
        bool closed;  /* takes no more jobs */
    } queue;

    struct {
        pthread_mutex_t lock;
        struct ecs_watch *buckets[ECS_WATCH_BUCKETS];
        uint64_t last;
    } watches;
};

/* ecs_runner.c */

/* The thread: ctx is the struct local_ecs. Ends when that is closing and nothing is left to do. */
void *ecs_runner_main(void *ctx);
/* Hands a job over; false when the runner takes no more (the job stays the caller's). */
bool ecs_push(struct local_ecs *e, struct ecs_job *job);
/* For a job whose round failed and that must not be lost: hands it over once more. False when the
 * local ECS is closing, because a broken database must not keep it from that. */
bool ecs_push_again(struct local_ecs *e, struct ecs_job *job);
/* Runs `apply` on the runner's thread and waits until that is durable. Not for that thread. */
int ecs_run_sync(struct local_ecs *e,
                 int (*apply)(struct local_ecs *e, void *ctx, struct error *err), void *ctx,
                 struct error *err);
/* Remembers that this round stops the task, for its watchers. */
void ecs_note_stopped(struct local_ecs *e, const char *id);
/* The task's process, NULL if it has none. */
struct ecs_live *ecs_live_find(struct local_ecs *e, const char *id);

/* ecs_launch.c */

/* The one container of a definition (borrowed). */
json_t *ecs_container_of(const json_t *definition);
/* Takes waiting tasks into e->launching while there is room, and marks them durably. */
int ecs_launch_choose(struct local_ecs *e, struct error *err);
/* After the commit: starts the processes of e->launching. */
void ecs_launch_all(struct local_ecs *e);
/* After a rollback: forgets e->launching. */
void ecs_launch_drop(struct local_ecs *e);
/* NULL-safe. */
void ecs_live_free(struct ecs_live *live);

/* ecs_call.c */

/* A call on its way through the runner. */
struct ecs_call {
    struct ecs_job job;
    struct local_call *call;
    json_t *input;  /* borrowed */
    json_t *output; /* a new reference once there is an answer */
    int status;     /* of a fault, else 0 */
    const char *code;
    json_t *extra;
    char message[512];
};

/* Queues the call; `done` comes from the runner's thread. `self` is the struct local_ecs. */
void ecs_call(void *self, struct local_call *call);
/* Makes the answer a fault; returns 0, because the round goes on. */
int ecs_fault(struct ecs_call *c, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* ClusterNotFoundException and so on when there is none. *name is borrowed from `given`, or
 * "default". 1: it exists, 0: answered, -1: failed. */
int ecs_resolve_cluster(struct local_ecs *e, struct ecs_call *c, const char *given,
                        const char **name, struct error *err);
enum { ECS_ARN_MAX = 512 };
/* Writes an ARN of the local account and region; fmt tells what follows "ecs:region:account:".
 * Returns out. */
const char *ecs_arn(const struct local_ecs *e, char out[ECS_ARN_MAX], const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* What follows the last '/'. */
const char *ecs_last_part(const char *arn);
struct field;
/* Reads an input by a field table, strictly. 0, or -1 when the call was answered with what is
 * wrong. */
int ecs_read_input(struct ecs_call *c, const struct field *fields, size_t count, void *out);

/* The operations, in the runner's transaction: 0 when the call has its answer or its fault, -1 when
 * the database failed. */

/* Checks, then inserts `count` tasks, or answers with those of the same client token. */
int ecs_serve_run_task(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* Ends a waiting task; lets a running one be sent SIGTERM after the commit. */
int ecs_serve_stop_task(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* Up to 100 tasks by id or ARN; unknown ones become failures. */
int ecs_serve_describe_tasks(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* ARNs by cluster, family, startedBy and desiredStatus, in the order of RunTask, paged. */
int ecs_serve_list_tasks(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* Answers with the cluster, new or not. */
int ecs_serve_create_cluster(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* All ARNs on one page. */
int ecs_serve_list_clusters(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* By name or ARN, `default` when none is given. */
int ecs_serve_describe_clusters(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* A new revision of the family, with exactly one container. */
int ecs_serve_register_definition(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* By family, family:revision or ARN. */
int ecs_serve_describe_definition(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* ARNs by family and revision, paged. */
int ecs_serve_list_definitions(struct local_ecs *e, struct ecs_call *c, struct error *err);
/* Names by prefix, paged. */
int ecs_serve_list_families(struct local_ecs *e, struct ecs_call *c, struct error *err);

/* ecs_definition.c */

/* "family", "family:3" or an ARN. 1: found, *doc is a new reference. 0: there is none. */
int ecs_definition_load(struct local_ecs *e, const char *name, json_t **doc, struct error *err);
/* Completes a definition with ARN, revision and status and stores it. *doc is changed. */
int ecs_definition_store(struct local_ecs *e, json_t *doc, struct error *err);

/* ecs_metadata.c */

/* A server on a free loopback port; stop it when the runner has ended. */
struct http_server *ecs_metadata_start(struct local_ecs *e, struct error *err);

/* ecs_watch.c */

/* Takes all watches of the task out of the table; a list for ecs_watch_tell. */
struct ecs_watch *ecs_watch_take(struct local_ecs *e, const char *id);
/* Calls each with a reference to `task` (may be NULL) and frees them. */
void ecs_watch_tell(struct ecs_watch *list, json_t *task);
/* At the very end: nobody is told. */
void ecs_watch_free_all(struct local_ecs *e);

#endif
