/* task_path: the task that a path names. Any thread. */
#ifndef STEPFLEET_API_TASK_PATH_H
#define STEPFLEET_API_TASK_PATH_H

#include "lib/base/error.h"
#include "server/api/api.h"
#include "server/store/store.h"

/* A name of 1,024 characters of four bytes fits. */
enum { TASK_PATH_NAME_MAX = 4096 + 1 };

/* Calls fn with the task of the call's run that its path names. -1: ERR_ARGUMENT for a name that is
 * not percent-encoded as it should be, ERR_NOT_FOUND when run or task are not there, with the
 * reason if they were removed. */
int task_path_get(const struct api_call *call, store_task_fn fn, void *ctx, struct error *err);

#endif
