/* metadata: who am I and how did I come to run, asked of the ECS task metadata endpoint (version 4
 * or 3). */
#ifndef STEPFLEET_WORKERS_METADATA_H
#define STEPFLEET_WORKERS_METADATA_H

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "workers/copy/stop_signal.h"

enum { METADATA_ID_MAX = 128 };

/* Wall microseconds; 0: the endpoint did not tell (yet). */
struct metadata {
    char task_id[METADATA_ID_MAX]; /* the last part of the task's ARN */
    int64_t created_at;            /* of the container: the endpoint does not tell the task's */
    int64_t pull_started_at, pull_stopped_at;
    int64_t started_at; /* of the container */
};

/* Reads the answer of `uri`/task. With several containers, that of `uri` is meant, whose last part
 * is its DockerId on Fargate, else the first. -1 with ERR_SYNTAX. */
int metadata_parse(const char *uri, const char *text, size_t len, struct metadata *out,
                   struct error *err);

/* Asks the endpoint. `uri` is the container's metadata URI. The endpoint may fail right after the
 * start, and be slow while many tasks start: asks up to six times, which takes some six seconds
 * when each is refused and a minute when none is answered. -1 also when a signal came (ERR_BUSY),
 * at once. */
int metadata_get(const char *uri, struct stop_signal *stop, struct metadata *out,
                 struct error *err);

#endif
