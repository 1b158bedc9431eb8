/* services: what HTTP handlers are given: borrowed pointers, never the application. Const after
 * start; any thread. */
#ifndef STEPFLEET_SERVICES_H
#define STEPFLEET_SERVICES_H

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct calls;
struct store;
struct live;
struct run_cache;

/* Where the rows of an audit table come from. */
enum mirror_source {
    SOURCE_UNKNOWN,     /* not looked for yet, or the table is not known here */
    SOURCE_STREAM,      /* its DynamoDB Stream */
    SOURCE_NO_STREAM,   /* Query: the table has none */
    SOURCE_DENIED,      /* Query: the stream may not be read */
    SOURCE_UNREACHABLE, /* Query: the streams endpoint does not answer */
};
enum mirror_table { MIRROR_SUMMARY, MIRROR_DETAILS, MIRROR_TABLES };

/* How the control loop is doing; written by it, read by /readyz. Times are monotonic us, 0: never.
 */
struct control_health {
    _Atomic int64_t loop_at;     /* last turn of the loop */
    _Atomic int64_t aws_ok_at;   /* last successful AWS call */
    _Atomic int64_t aws_fail_at; /* last failed one */
    _Atomic int64_t mirror_at;   /* last complete pass of the mirror */
    /* Since when audit rows wait to be taken over: each row that is older is in the store. 0: the
     * mirror is up to date. */
    _Atomic int64_t behind_since;
    _Atomic int source[3][MIRROR_TABLES]; /* enum mirror_source, by pattern (1 and 2) */
};

/* How far the mirror is behind the audit tables, in seconds, at a monotonic time. */
static inline double control_lag_seconds(const struct control_health *h, int64_t now)
{
    int64_t since = atomic_load(&h->behind_since);
    return since && now > since ? (double)(now - since) / (double)CLOCK_SECOND : 0;
}

struct services {
    struct store *store;
    const struct clock *clock;
    const struct log *log;
    /* Attributes the deployment knows, an object by pattern: index 1 and 2; NULL: none. */
    json_t *spec_defaults[3];
    const char *log_groups[3]; /* what the deployment's tasks log, index 1 and 2; NULL: not known */
    bool offered[3];           /* patterns that have a state machine here, index 1 and 2 */
    const struct control_health *health;
    const struct calls *calls;       /* of the control loop; NULL: not counted */
    struct live *live;               /* NULL: no feed and no numbers */
    struct run_cache *runs;          /* NULL: runs are read from the store each time */
    const char *definitions[3];      /* state machines by pattern, index 1 and 2 */
    const char *task_logs;           /* folder of local tasks' logs, <id>.log; NULL: none here */
    void (*wake_control)(void *ctx); /* call after something was put into the outbox */
    void *wake_ctx;
    bool local;    /* the embedded AWS endpoint is in use */
    bool loopback; /* bound to loopback: requests with a foreign Host are refused */
};

#endif
