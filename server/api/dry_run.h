/* dry_run: the answer to POST /workflows?dryRun=true. Any thread. */
#ifndef STEPFLEET_API_DRY_RUN_H
#define STEPFLEET_API_DRY_RUN_H

#include "server/api/api.h"
#include "server/run/run.h"

/* Answers 200 with what would happen, or with the problem of the spec. */
void dry_run_reply(struct api_call *call, const struct run_request *request, int64_t task_seconds);

#endif
