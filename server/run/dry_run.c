/* Measuring a spec for the preflight: its input and its longest overrides, as they would be sent.
 */
#include "lib/json/json_write.h"
#include "lib/spec/spec_env.h"
#include "server/run/run_private.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>

/* The variables that launcher and state machine give to each task. */
static int64_t measure_overrides(const struct spec *spec, const struct spec_task *task,
                                 const char *run_id, struct buf *out)
{
    struct json_writer w;
    buf_reset(out);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_array(&w, "containerOverrides");
    jw_object(&w, NULL);
    jw_str(&w, "name", spec->container_name);
    jw_array(&w, "environment");
    for (size_t i = 0; i < SPEC_ENV_COUNT; i++) {
        jw_object(&w, NULL);
        jw_str(&w, "name", spec_env_name(i));
        jw_str(&w, "value", spec_env_value(i, spec, task, run_id));
        jw_end_object(&w);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    jw_end_array(&w);
    jw_end_object(&w);
    return (int64_t)out->len;
}

static int64_t longest_overrides(const struct spec *spec, int64_t run_id)
{
    struct buf text;
    char id[24];
    int64_t longest = 0;
    buf_init(&text, BUF_MAX_LINE);
    (void)snprintf(id, sizeof id, "%" PRId64, run_id);
    for (size_t i = 0; i < spec->task_count; i++) {
        int64_t length = measure_overrides(spec, &spec->tasks[i], id, &text);
        longest = length > longest ? length : longest;
    }
    buf_free(&text);
    return longest;
}

/* With a run id as long as a real one. */
static int measure_input(const struct spec *spec, int64_t run_id, struct preflight_facts *facts,
                         struct error *err)
{
    struct run_input input;
    run_input_open(&input);
    int rc = run_input_make(spec, run_id, &input, err);
    facts->input_bytes = (int64_t)input.text.len;
    facts->manifest_bytes = input.manifest_bytes;
    run_input_close(&input);
    return rc;
}

static void run_is_there(void *ctx, const struct store_run *run)
{
    bool *there = ctx;
    *there = run != NULL;
}

/* An id of the spec's own may be in use. */
static void check_id(const struct services *sv, const struct spec *spec, struct preflight *out)
{
    struct error err = {0};
    bool there = false;
    if (!spec->workflow_run_id)
        return;
    (void)store_run_get(sv->store, spec->workflow_run_id, run_is_there, &there, &err);
    if (!there)
        return;
    out->refused = true;
    preflight_warn(out,
                   "run %" PRId64
                   " exists already: it would be refused; leave workflowRunId out or "
                   "give another one",
                   spec->workflow_run_id);
}

int run_dry(const struct services *sv, const struct run_request *request, int64_t task_seconds,
            struct run_forecast *out, struct json_problems *problems, struct error *err)
{
    struct spec spec = {0};
    if (run_read_spec(sv, request, &spec, problems, err))
        return -1;
    int64_t id = spec.workflow_run_id ? spec.workflow_run_id : clock_wall(sv->clock);
    out->facts = (struct preflight_facts){
        .pattern = spec.pattern,
        .tasks = (int64_t)spec.task_count,
        .override_characters = longest_overrides(&spec, id),
        .task_seconds = task_seconds ? task_seconds : PREFLIGHT_TASK_SECONDS,
        .max_concurrency = spec.max_concurrency,
        .monitor_interval_seconds = spec.monitor_interval_seconds,
        .task_timeout_seconds = spec.task_timeout_seconds,
        .run_timeout_seconds = spec.run_timeout_seconds,
    };
    int rc = measure_input(&spec, id, &out->facts, err);
    if (!rc) {
        preflight_compute(&out->facts, &out->preflight);
        check_id(sv, &spec, &out->preflight);
    }
    spec_free(&spec);
    return rc;
}
