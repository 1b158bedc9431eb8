/* ecs_db: the SQLite file of clusters, task definitions, tasks and client tokens.
 *
 * The runner's thread owns it. Private to this room. */
#ifndef STEPFLEET_LOCAL_ECS_DB_H
#define STEPFLEET_LOCAL_ECS_DB_H

#include "lib/db/db.h"
#include "server/local/ecs/ecs_task.h"

/* Stopped tasks are shown for an hour, as in ECS; records and client tokens are kept for a day, so
 * that a RunTask that is repeated late still finds its tasks. */
#define ECS_SHOWN_FOR (INT64_C(3600) * 1000000)
#define ECS_KEPT_FOR (24 * ECS_SHOWN_FOR)

struct ecs_db;

/* Makes or migrates the file. */
struct ecs_db *ecs_db_open(const char *path, struct error *err);
struct ecs_db *ecs_db_close(struct ecs_db *d); /* NULL-safe; returns NULL */
/* One transaction a round; only ecs_db_recover writes outside of one. */
int ecs_db_begin(struct ecs_db *d, struct error *err);
/* What the round has written is durable when this returns 0. */
int ecs_db_commit(struct ecs_db *d, struct error *err);
/* Undoes the round; does nothing outside of one. Never fails. */
void ecs_db_rollback(struct ecs_db *d);

/* Look-ups return 1: found, 0: there is none, -1: failed. */

/* Whether there is a cluster of this name. */
int ecs_db_cluster_find(struct ecs_db *d, const char *name, struct error *err);
/* Does nothing when it exists. */
int ecs_db_cluster_add(struct ecs_db *d, const char *name, struct error *err);
/* Appends all names, sorted, to the array. */
int ecs_db_clusters(struct ecs_db *d, json_t *names, struct error *err);
/* Tasks of the cluster that run, and that wait. */
int ecs_db_cluster_counts(struct ecs_db *d, const char *name, int64_t *running, int64_t *waiting,
                          struct error *err);

/* revision 0: the latest. *doc is a new reference to the wire's TaskDefinition. */
int ecs_db_definition_find(struct ecs_db *d, const char *family, int64_t revision, json_t **doc,
                           struct error *err);
/* 0 with *revision 0 when the family is new. */
int ecs_db_definition_latest(struct ecs_db *d, const char *family, int64_t *revision,
                             struct error *err);
/* ERR_CONFLICT when the revision exists. */
int ecs_db_definition_add(struct ecs_db *d, const char *family, int64_t revision, const json_t *doc,
                          struct error *err);
/* Appends {"family","revision"} of what is registered, in that order, to the array. */
int ecs_db_definitions(struct ecs_db *d, json_t *list, struct error *err);

/* What a task is found by besides its id. */
struct ecs_task_key {
    const char *cluster;
    const char *family;
    const char *started_by; /* "" if none */
};
/* Inserts and sets task->seq. */
int ecs_db_task_add(struct ecs_db *d, const struct ecs_task_key *key, struct ecs_task *task,
                    struct error *err);
/* cluster NULL: any. On 1 the task is the caller's to free. */
int ecs_db_task_load(struct ecs_db *d, const char *cluster, const char *id, struct ecs_task *task,
                     struct error *err);
/* Writes what may have changed; raises the version. */
int ecs_db_task_save(struct ecs_db *d, struct ecs_task *task, struct error *err);
/* The longest waiting task that was not launched yet. */
int ecs_db_task_next(struct ecs_db *d, struct ecs_task *task, struct error *err);

struct ecs_list_filter {
    const char *cluster;
    const char *desired_status;
    const char *family;     /* NULL: any */
    const char *started_by; /* NULL: any */
    int64_t after;          /* seq of the page before, 0: from the start */
    int64_t shown_since;    /* tasks stopped before are left out */
    int limit;
};
/* Appends ids to the array; *last is the seq of the last one. */
int ecs_db_task_list(struct ecs_db *d, const struct ecs_list_filter *filter, json_t *ids,
                     int64_t *last, struct error *err);

/* On 1 *ids is a new reference to the array of task ids, digest what the request was. */
int ecs_db_token_find(struct ecs_db *d, const char *token, char digest[65], json_t **ids,
                      struct error *err);
/* `at`: wall time, for ecs_db_purge. */
int ecs_db_token_add(struct ecs_db *d, const char *token, const char *digest, const json_t *ids,
                     int64_t at, struct error *err);

/* After a restart: processes have died with the server that started them. */
int ecs_db_recover(struct ecs_db *d, int64_t at, const char *code, const char *reason,
                   struct error *err);
/* Removes tasks that stopped before `at` and appends their ids to the array; tokens likewise. */
int ecs_db_purge(struct ecs_db *d, int64_t at, json_t *ids, struct error *err);

#endif
