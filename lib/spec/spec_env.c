#include "lib/spec/spec_env.h"

#include <string.h>

/* Where a value comes from. */
enum source { FROM_SPEC, FROM_TASK, RUN_ID };

#define OF_SPEC(name, member)                                                                      \
    {                                                                                              \
        name, FROM_SPEC, offsetof(struct spec, member)                                             \
    }
#define OF_TASK(name, member)                                                                      \
    {                                                                                              \
        name, FROM_TASK, offsetof(struct spec_task, member)                                        \
    }

static const struct {
    const char *name;
    enum source source;
    size_t offset;
} variables[SPEC_ENV_COUNT] = {
    OF_SPEC("region", region),
    OF_SPEC("workflow_details_ddb_table_name", details_table),
    OF_SPEC("workflow_details_hash_key", details_hash_key),
    OF_SPEC("workflow_details_range_key", details_range_key),
    OF_SPEC("workflow_name", workflow_name),
    {"workflow_run_id", RUN_ID, 0},
    OF_TASK("task_name", task_name),
    OF_TASK("s3_bucket_name", s3_bucket_name),
    OF_TASK("object_key", object_key),
};

const char *spec_env_name(size_t i)
{
    return variables[i].name;
}

const char *spec_env_value(size_t i, const struct spec *spec, const struct spec_task *task,
                           const char *run_id)
{
    const char *value;
    if (variables[i].source == RUN_ID)
        return run_id;
    const char *base = variables[i].source == FROM_SPEC ? (const char *)spec : (const char *)task;
    memcpy(&value, base + variables[i].offset, sizeof value);
    return value;
}
