/* Everything that is missing is told at once: a wrong task definition is repaired in one go. */
#include "workers/copy/task_env.h"

#include "lib/spec/spec.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HOLD_MAX = 86400 };

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"region", offsetof(struct task_env, region)},
    {"workflow_details_ddb_table_name", offsetof(struct task_env, details.table)},
    {"workflow_details_hash_key", offsetof(struct task_env, details.hash_key)},
    {"workflow_details_range_key", offsetof(struct task_env, details.range_key)},
    {"workflow_name", offsetof(struct task_env, workflow_name)},
    {"task_name", offsetof(struct task_env, task_name)},
    {"s3_bucket_name", offsetof(struct task_env, s3_bucket_name)},
    {"object_key", offsetof(struct task_env, object_key)},
};

/* A whole decimal number between min and max. */
static int read_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *out,
                       struct error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max)
        return err_set(err, ERR_ARGUMENT, "%s must be a number from %lld to %lld, it is \"%.40s\"",
                       name, (long long)min, (long long)max, text);
    *out = value;
    return 0;
}

/* Version 4 where the platform has it (Fargate 1.4.0), else version 3. */
static const char *metadata_uri(const char *(*getenv_fn)(const char *name))
{
    const char *v4 = getenv_fn("ECS_CONTAINER_METADATA_URI_V4");
    return v4 && *v4 ? v4 : getenv_fn("ECS_CONTAINER_METADATA_URI");
}

/* Empty variables count as missing: that is what a task definition with a gap in it leads to. */
int task_env_read(struct task_env *out, const char *(*getenv_fn)(const char *name),
                  struct error *err)
{
    struct buf missing;
    *out = (struct task_env){.metadata_uri = metadata_uri(getenv_fn)};
    buf_init(&missing, ERR_MESSAGE_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = getenv_fn(texts[i].name);
        if (text && *text)
            memcpy((char *)out + texts[i].offset, &text, sizeof text);
        else
            buf_addf(&missing, " %s", texts[i].name);
    }
    const char *run_id = getenv_fn("workflow_run_id");
    const char *hold = getenv_fn("STEPFLEET_HOLD_SECONDS");
    if (!run_id || !*run_id)
        buf_adds(&missing, " workflow_run_id");
    if (!out->metadata_uri || !*out->metadata_uri)
        buf_adds(&missing, " ECS_CONTAINER_METADATA_URI_V4");
    int rc = missing.len == 0 ? 0
                              : err_set(err, ERR_ARGUMENT,
                                        "missing in the environment:%s (this program runs as an "
                                        "ECS task)",
                                        buf_str(&missing));
    buf_free(&missing);
    if (rc == 0)
        rc = read_number("workflow_run_id", run_id, 1, SPEC_RUN_ID_MAX, &out->workflow_run_id, err);
    if (rc == 0 && hold && *hold)
        rc = read_number("STEPFLEET_HOLD_SECONDS", hold, 0, HOLD_MAX, &out->hold_seconds, err);
    return rc;
}
