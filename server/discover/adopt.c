/* From an execution's input to a run in the store. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/discover/discover_private.h"

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
    if (json_parse(e->input, strlen(e->input), &found->spec, err))
        return -1;
    found->run_id = json_int(found->spec, "workflowRunId", 0);
    found->manifest = json_incref(json_object_get(found->spec, "taskManifest"));
    (void)json_object_del(found->spec, "taskManifest");
    if (found->run_id <= 0)
        return derive_id(e, &found->run_id, err);
    return 0;
}

/* As the workers complete it: the region is theirs. A spec that names no bucket for its tasks has
 * it in each of them. */
static int read_spec(struct finder *f, json_t *list, struct spec *spec, struct error *err)
{
    struct json_problems problems = {0};
    struct found *found = &f->now;
    if (list && json_object_set(found->spec, "taskList", list))
        return err_set(err, ERR_MEMORY, "out of memory for a run");
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
 * with the tasks that its manifest names, so that it can be repeated. */
static int write_texts(const struct found *found, const struct spec *spec, struct texts *out,
                       struct error *err)
{
    json_t *root = json_copy(spec->root);
    const json_t *labels = json_object_get(spec->root, "labels");
    int bad = !root;
    if (root && found->manifest) {
        json_dump(&out->request, root);
        bad = json_object_set(root, "taskManifest", found->manifest);
        (void)json_object_del(root, "taskList");
    } else {
        buf_adds(&out->request, found->input);
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

static struct store_new_task *list_tasks(const struct spec *spec)
{
    struct store_new_task *tasks = calloc(spec->task_count, sizeof *tasks);
    for (size_t i = 0; tasks && i < spec->task_count; i++)
        tasks[i] = (struct store_new_task){.name = spec->tasks[i].task_name,
                                           .s3_bucket = spec->tasks[i].s3_bucket_name,
                                           .object_key = spec->tasks[i].object_key};
    return tasks;
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

static int store_it(struct finder *f, const struct spec *spec, struct store_new_task *tasks,
                    const struct texts *texts, struct error *err)
{
    const struct found *found = &f->now;
    struct store_new_run run = {.id = found->run_id,
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
                                .started_at = found->started_at};
    if (create(f, &run, err))
        return -1;
    log_info(f->discover->o.loop->log, "run found that was started elsewhere",
             LOG_INT("run_id", found->run_id), LOG_STR("execution", found->arn),
             LOG_INT("tasks", (int64_t)spec->task_count));
    return 0;
}

int found_adopt(struct finder *f, json_t *list, struct error *err)
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
    struct store_new_task *tasks = list_tasks(&spec);
    if (!tasks)
        rc = err_set(err, ERR_MEMORY, "out of memory for a run");
    if (!rc)
        rc = write_texts(&f->now, &spec, &texts, err);
    if (!rc)
        rc = store_it(f, &spec, tasks, &texts, err);
    free(tasks);
    texts_free(&texts);
    spec_free(&spec);
    return rc;
}
