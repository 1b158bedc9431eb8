/* metadata: who am I, asked of the ECS task metadata endpoint (version 4 or 3). */
#ifndef STEPFLEET_WORKERS_METADATA_H
#define STEPFLEET_WORKERS_METADATA_H

#include "lib/base/buf.h"
#include "workers/copy/stop_signal.h"

/* Appends the task's id (the last part of its ARN) to out. `uri` is the container's metadata URI.
 * The endpoint may fail right after the start: asks up to six times within some six seconds. */
int metadata_task_id(const char *uri, struct stop_signal *stop, struct buf *out, struct error *err);

#endif
