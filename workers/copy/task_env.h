/* task_env: what the container is told by its environment, the starter kit's nine variables. */
#ifndef STEPFLEET_WORKERS_TASK_ENV_H
#define STEPFLEET_WORKERS_TASK_ENV_H

#include "lib/audit/audit.h"

/* Texts are borrowed from the environment. */
struct task_env {
    const char *region;
    struct audit_table details;
    const char *workflow_name;
    int64_t workflow_run_id;
    const char *task_name;
    const char *s3_bucket_name;
    const char *object_key;
    const char *metadata_uri; /* of this container: endpoint version 4, else 3 */
    int64_t hold_seconds;     /* STEPFLEET_HOLD_SECONDS: waits before the copy; default 0 */
};

/* -1 with ERR_ARGUMENT and one sentence that names everything that is missing or wrong. */
int task_env_read(struct task_env *out, const char *(*getenv_fn)(const char *name),
                  struct error *err);

#endif
