/* worker_peer: as much of DynamoDB and ECS as the workers' tests need, over HTTP.
 *
 * Two audit tables (conditions: create once, never leave a final status) and a list of ECS tasks.
 * Tests look at and change the members between calls; the peer's threads touch them only while a
 * call is under way. */
#ifndef STEPFLEET_TEST_WORKER_PEER_H
#define STEPFLEET_TEST_WORKER_PEER_H

#include "tests/unit/http_peer.h"
#include "workers/worker.h"

#include <jansson.h>

#define PEER_NOW (INT64_C(1704164645) * CLOCK_SECOND) /* 2024-01-02T03:04:05Z */

struct worker_peer {
    struct peer *http;
    json_t *summary; /* the item, or NULL */
    json_t *details; /* task id -> item */
    json_t *tasks;   /* task id -> Task as DescribeTasks gives it */
    json_t *calls;   /* [{"op": ..., "body": ...}] in order of arrival */
    json_t *faults;  /* operation, or RunTask/<task name>, -> [{"status", "type", "message"}],
                        used up from the front */
    json_t *refuse;  /* task name -> reason of RunTask's failures[] */
    json_t *starts;  /* task name -> how many tasks RunTask has started */
    json_t *lost;    /* task name -> true: the next answer of RunTask is lost, the task started */
    bool forgets_tokens; /* RunTask starts a task again, client token or not */
    size_t page;         /* rows in a page of Query */
    peer_fn s3;          /* answers calls without X-Amz-Target; ctx is s3_ctx */
    void *s3_ctx;
    struct clock clock;
    _Atomic int64_t wall;
    int64_t tick; /* what each call to DynamoDB or ECS moves the wall clock by */
    struct aws *aws;
    struct worker worker;
};

/* What else an AWS client of this peer needs; region is left to the caller. */
struct aws_options worker_peer_options(const struct worker_peer *p);

/* Opens peer and client; fails the test if it cannot. */
void worker_peer_open(struct worker_peer *p);
/* Stops the server and frees what it has seen. */
void worker_peer_close(struct worker_peer *p);

/* A details row as a task would have written it. */
void worker_peer_row(struct worker_peer *p, const char *task_id, const char *task_name,
                     const char *status, const char *stopped_reason);
/* An ECS task of run 77; `more` is merged into the Task (JSON object text). */
void worker_peer_task(struct worker_peer *p, const char *task_id, const char *task_name,
                      const char *last_status, const char *more);
/* The next calls of this operation fail once each. Calls in flight together arrive in any order:
 * "RunTask/<task name>" is the call for that task. */
void worker_peer_fault(struct worker_peer *p, const char *operation, int status, const char *type,
                       const char *message);
/* How many calls of this operation came. */
size_t worker_peer_count(const struct worker_peer *p, const char *operation);
/* A member of a details row ("" if there is none), whatever its type. */
const char *worker_peer_detail(const struct worker_peer *p, const char *task_id,
                               const char *attribute);
/* Parses JSON text; fails the test if it is none. */
json_t *worker_peer_json(const char *text);

#endif
