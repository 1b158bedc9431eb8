/* From an execution's input to a run in the store. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "lib/manifest/manifest.h"
#include "server/discover/discover_private.h"
#include "server/run/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void found_free(struct found *found)
{
    free(found->arn);
    free(found->name);
    free(found->input);
    json_decref(found->spec);
    json_decref(found->manifest);
    *found = (struct found){0};
}

/* The id that the workers give a run whose input has none: the execution's start in milliseconds,
 * and three digits of its name's hash. */
static int derive_id(const struct sfn_execution *e, int64_t *id, struct error *err)
{
    unsigned char hash[SHA256_BYTES];
    if (crypto_sha256(e->name, strlen(e->name), hash, err))
        return -1;
    *id = e->start_time - e->start_time % CLOCK_MS + (hash[0] << 8 | hash[1]) % CLOCK_MS;
    return 0;
}

int found_read(struct finder *f, const struct sfn_execution *e, struct error *err)
{
    struct found *found = &f->now;
    found_free(found);
    if (!e->input || !e->name)
        return err_set(err, ERR_SYNTAX, "the execution has no input");
    found->arn = strdup(e->execution_arn);
    found->name = strdup(e->name);
    found->input = strdup(e->input);
    if (!found->arn || !found->name || !found->input)
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    found->started_at = e->start_time;
    found->ended = strcmp(e->status, "RUNNING") != 0;
    if (json_parse(e->input, strlen(e->input), &found->spec, err))
        return -1;
    found->run_id = json_int(found->spec, "workflowRunId", 0);
    found->manifest = json_incref(json_object_get(found->spec, "taskManifest"));
    (void)json_object_del(found->spec, "taskManifest");
    if (found->run_id <= 0)
        return derive_id(e, &found->run_id, err);
    return 0;
}

/* Where the list cannot be had something stands in for it, so that the rest can be read. */
static int complete_spec(struct found *found, json_t *list, struct error *err)
{
    if (list || !found->manifest)
        return list && json_object_set(found->spec, "taskList", list)
                   ? err_set(err, ERR_MEMORY, "out of memory for a run")
                   : 0;
    if (json_object_set(found->spec, "taskManifest", found->manifest))
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    return manifest_stand_in(found->spec, err);
}

/* As the workers complete it: the region is theirs. A spec that names no bucket for its tasks has
 * it in each of them. */
static int read_spec(struct finder *f, json_t *list, struct spec *spec, struct error *err)
{
    struct json_problems problems = {0};
    struct found *found = &f->now;
    if (complete_spec(found, list, err))
        return -1;
    json_t *defaults = json_pack("{s:s}", "region", aws_region(f->discover->o.loop->aws));
    int rc = spec_read(found->spec, f->pattern, defaults, spec, &problems, err);
    json_decref(defaults);
    json_problems_free(&problems);
    if (!rc && json_object_set_new(spec->root, "workflowRunId", json_integer(found->run_id))) {
        spec_free(spec);
        rc = err_set(err, ERR_MEMORY, "out of memory for a run");
    }
    return rc;
}

struct texts {
    struct buf input, request, labels;
};

static void texts_free(struct texts *t)
{
    buf_free(&t->input);
    buf_free(&t->request);
    buf_free(&t->labels);
}

/* The input in the form in which this server would have written it; the request as it was given, or
 * with the tasks that its manifest names (`listed`), so that it can be repeated. */
static int write_texts(const struct found *found, const struct spec *spec, bool listed,
                       struct texts *out, struct error *err)
{
    json_t *root = json_copy(spec->root);
    const json_t *labels = json_object_get(spec->root, "labels");
    int bad = !root;
    if (root && found->manifest && listed)
        json_dump(&out->request, root);
    else
        buf_adds(&out->request, found->input);
    if (root && found->manifest) {
        bad = json_object_set(root, "taskManifest", found->manifest);
        (void)json_object_del(root, "taskList");
    }
    if (!bad)
        json_dump(&out->input, root);
    if (labels)
        json_dump(&out->labels, labels);
    json_decref(root);
    if (bad)
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    return buf_check(&out->input, err) || buf_check(&out->request, err) ||
                   buf_check(&out->labels, err)
               ? -1
               : 0;
}

/* A name is used twice when both state machines have an execution of it, or when a run of this
 * server could not be started under it: then the ARN serves as the name. */
static int create(struct finder *f, struct store_new_run *run, struct error *err)
{
    struct store *store = f->discover->o.loop->store;
    int64_t existing;
    int rc = store_run_create(store, run, &existing, err);
    if (rc && err->code == ERR_CONFLICT && strcmp(run->execution_name, run->execution_arn) != 0) {
        run->execution_name = run->execution_arn;
        rc = store_run_create(store, run, &existing, err);
    }
    return rc;
}

/* The run as the store takes it, whose parts are the others'. */
static struct store_new_run new_run(const struct finder *f, const struct spec *spec,
                                    const struct store_new_task *tasks, const struct texts *texts)
{
    const struct found *found = &f->now;
    return (struct store_new_run){.id = found->run_id,
                                  .pattern = f->pattern,
                                  .workflow_name = spec->workflow_name,
                                  .execution_name = found->name,
                                  .request = buf_str(&texts->request),
                                  .request_len = texts->request.len,
                                  .input = buf_str(&texts->input),
                                  .input_len = texts->input.len,
                                  .request_hash = "",
                                  .labels = texts->labels.len ? buf_str(&texts->labels) : NULL,
                                  .tasks = tasks,
                                  .task_count = spec->task_count,
                                  .execution_arn = found->arn,
                                  .started_at = found->started_at,
                                  .found_ended = found->ended};
}

static int create_run(struct finder *f, struct store_new_run *run, const char *unlisted,
                      struct error *err)
{
    run->unlisted = unlisted;
    if (unlisted)
        run->task_count = 0;
    if (create(f, run, err))
        return -1;
    log_info(f->discover->o.loop->log, "run found that was started elsewhere",
             LOG_INT("run_id", run->id), LOG_STR("execution", run->execution_arn),
             LOG_INT("tasks", (int64_t)run->task_count));
    return 0;
}

static int complete_run(struct finder *f, const struct store_new_run *run, struct error *err)
{
    if (store_run_complete(f->discover->o.loop->store, run, err))
        return -1;
    log_info(f->discover->o.loop->log, "the tasks of a run started elsewhere were read after all",
             LOG_INT("run_id", run->id), LOG_INT("tasks", (int64_t)run->task_count));
    return 0;
}

/* A new run, or, with `known`, one that is there and gets its tasks. */
static int take_over(struct finder *f, json_t *list, bool known, const char *unlisted,
                     struct error *err)
{
    struct spec spec = {0};
    struct texts texts;
    int rc = read_spec(f, list, &spec, err);
    json_decref(list);
    if (rc)
        return rc;
    buf_init(&texts.input, BUF_MAX_PAYLOAD);
    buf_init(&texts.request, BUF_MAX_PAYLOAD);
    buf_init(&texts.labels, BUF_MAX_LINE);
    struct store_new_task *tasks = run_new_tasks(&spec);
    if (!tasks)
        rc = err_set(err, ERR_MEMORY, "out of memory for a run");
    if (!rc)
        rc = write_texts(&f->now, &spec, !unlisted, &texts, err);
    if (!rc) {
        struct store_new_run run = new_run(f, &spec, tasks, &texts);
        rc = known ? complete_run(f, &run, err) : create_run(f, &run, unlisted, err);
    }
    free(tasks);
    texts_free(&texts);
    spec_free(&spec);
    return rc;
}

int found_adopt(struct finder *f, json_t *list, const char *unlisted, struct error *err)
{
    return take_over(f, list, false, unlisted, err);
}

int found_complete(struct finder *f, json_t *list, struct error *err)
{
    return take_over(f, list, true, NULL, err);
}
