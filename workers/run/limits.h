/* limits: how fast tasks may be started, and how long capacity is waited for. From the function's
 * environment, so that an account with other quotas needs no other program. Pure but for getenv. */
#ifndef STEPFLEET_WORKERS_LIMITS_H
#define STEPFLEET_WORKERS_LIMITS_H

#include "lib/base/error.h"

#include <stdint.h>

/* STEPFLEET_RUN_TASK_RATE (20), STEPFLEET_RUN_TASK_BURST (100), STEPFLEET_CAPACITY_SECONDS (1800).
 */
struct limits {
    int64_t rate;             /* RunTask calls a second: Fargate's quota */
    int64_t burst;            /* and at once */
    int64_t capacity_seconds; /* how long an outage of capacity is sat out */
};

/* Absent and empty variables have their defaults. -1 with ERR_ARGUMENT that names variable, value
 * and range. `getenv_fn` NULL: the process's environment. */
int limits_read(struct limits *out, const char *(*getenv_fn)(const char *name), struct error *err);

#endif
