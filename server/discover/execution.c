/* One execution: described, its manifest read, and made a run. */
#include "lib/aws/s3.h"
#include "lib/json/json_read.h"
#include "lib/manifest/manifest.h"
#include "server/discover/discover_private.h"

#include <inttypes.h>
#include <stdio.h>

#define RETRY_MIN CLOCK_SECOND
#define RETRY_MAX (60 * CLOCK_SECOND)
enum {
    REFUSALS_MAX = 5,
    MANIFEST_TRIES = 3, /* before a run is shown without its tasks, if S3 may only be busy */
    UNLISTED_MAX = 768,
};

/* Calls that are made whether there are runs or not: they tell whether AWS is in reach, and a
 * refusal tells that it is. */
void finder_note(const struct finder *f, const struct error *err)
{
    loop_note(f->discover->o.loop, err && loop_fault(err) == LOOP_PASSING ? err : NULL);
}

/* The queue's first is the one that is looked at. */
static json_t *first(const struct finder *f)
{
    return json_array_get(f->queue, 0);
}

static const char *first_arn(const struct finder *f)
{
    return json_str(first(f), "arn", "");
}

static bool is_unlisted(const struct finder *f)
{
    return json_bool(first(f), "unlisted", false);
}

/* It is done with. */
static void next_execution(struct finder *f)
{
    found_free(&f->now);
    (void)json_array_remove(f->queue, 0);
    f->failures = 0;
}

static void put_off(struct finder *f)
{
    later_put(f, first(f));
    next_execution(f);
}

static void pass_over(struct finder *f, const struct error *err)
{
    log_info(f->discover->o.loop->log, "an execution is no run of ours",
             LOG_STR("execution", first_arn(f)), LOG_STR("error", err->message));
    (void)seen_add(&f->passed, seen_hash_text(SEEN_START, first_arn(f)));
    next_execution(f);
}

/* --- failures --------------------------------------------------------------------------------- */

void finder_failed(struct finder *f, const struct error *err)
{
    const struct loop *loop = f->discover->o.loop;
    f->failures++;
    f->not_before = loop_now(loop) + pace_backoff(RETRY_MIN, RETRY_MAX, f->failures);
    if ((f->failures & (f->failures - 1)) == 0)
        log_warn(loop->log, "runs started elsewhere cannot be looked for",
                 LOG_INT("pattern", f->pattern), LOG_STR("error", err->message));
}

/* What is wrong with the input stays so. */
static bool is_wrong(const struct error *err)
{
    return err->code == ERR_SPEC_INVALID || err->code == ERR_SYNTAX || err->code == ERR_CONFLICT;
}

static bool may_pass(const struct error *err)
{
    return !is_wrong(err) && loop_fault(err) == LOOP_PASSING;
}

static bool is_last_try(const struct finder *f, int64_t tries)
{
    return json_int(first(f), "failures", 0) + 1 >= tries;
}

/* AWS or the store fails: all calls wait, and another execution is the next. */
static void stumble(struct finder *f, const struct error *err)
{
    found_free(&f->now);
    if (json_array_append(f->queue, first(f)) == 0)
        (void)json_array_remove(f->queue, 0);
    finder_failed(f, err);
}

/* A refusal may pass: an execution may be listed before it can be described, and a permission be
 * given. The others do not wait for it. */
static void execution_failed(struct finder *f, const struct error *err)
{
    bool unlisted = is_unlisted(f);
    if (!unlisted && may_pass(err))
        stumble(f, err);
    else if (!unlisted && (is_wrong(err) || is_last_try(f, REFUSALS_MAX)))
        pass_over(f, err);
    else
        put_off(f);
}

/* --- what came -------------------------------------------------------------------------------- */

/* Of a run that has got its tasks, or is over, nothing more is to be known. */
static void complete(struct finder *f, json_t *list)
{
    struct error err = {0};
    if (found_complete(f, list, &err) && err.code != ERR_CONFLICT)
        execution_failed(f, &err);
    else
        next_execution(f);
}

static void adopt(struct finder *f, json_t *list, const char *unlisted)
{
    struct error err = {0};
    if (found_adopt(f, list, unlisted, &err)) {
        execution_failed(f, &err);
        return;
    }
    json_t *entry = unlisted ? json_incref(first(f)) : NULL;
    if (entry) {
        (void)json_object_set_new(entry, "unlisted", json_true());
        (void)json_object_set_new(entry, "id", json_integer(f->now.run_id));
        later_put(f, entry);
        json_decref(entry);
    }
    next_execution(f);
    if (f->discover->o.found)
        f->discover->o.found(f->discover->o.ctx);
}

/* The run is shown all the same, by what Step Functions and the audit rows tell. */
static void manifest_failed(struct finder *f, const struct manifest_ref *ref,
                            const struct error *err)
{
    char text[UNLISTED_MAX];
    if (is_unlisted(f) || (may_pass(err) && !is_last_try(f, MANIFEST_TRIES))) {
        put_off(f);
        return;
    }
    (void)snprintf(text, sizeof text,
                   "the list of its %" PRId64 " tasks, s3://%.64s/%.200s, cannot be read (%.300s): "
                   "only tasks with audit rows are shown; put the object there again, or allow "
                   "this server s3:GetObject on it",
                   ref->tasks, ref->bucket, ref->key, err->message);
    log_warn(f->discover->o.loop->log, "a run is shown without its list of tasks",
             LOG_INT("run_id", f->now.run_id), LOG_STR("error", err->message));
    adopt(f, NULL, text);
}

/* The reference, as found_read has kept it. -1: it is none, and this no run of ours. */
static int read_ref(const struct finder *f, json_t **holder, struct manifest_ref *ref,
                    struct error *err)
{
    *ref = (struct manifest_ref){0};
    *holder = json_pack("{s:O}", "taskManifest", f->now.manifest);
    if (!*holder)
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    return manifest_ref_read(*holder, ref, err);
}

static void got_manifest(void *ctx, struct aws_response *response, const struct error *err)
{
    struct finder *f = ctx;
    struct error why = {0};
    struct manifest_ref ref;
    json_t *list = NULL, *holder;
    f->busy = false;
    finder_note(f, err);
    if (read_ref(f, &holder, &ref, &why))
        execution_failed(f, &why);
    else if (err || manifest_read(buf_str(&response->http.body), response->http.body.len, &ref,
                                  &list, &why))
        manifest_failed(f, &ref, err ? err : &why);
    else if (is_unlisted(f))
        complete(f, list);
    else
        adopt(f, list, NULL);
    json_decref(holder);
}

static int send_get(struct finder *f, const struct manifest_ref *ref, struct error *err)
{
    struct aws_request request = {0};
    int rc = s3_get_object(&request, ref->bucket, ref->key, BUF_MAX_MANIFEST, err);
    if (!rc)
        rc = aws_send(f->discover->o.loop->aws, &request, got_manifest, f, err);
    if (rc)
        aws_request_free(&request);
    f->busy = !rc;
    return rc;
}

static void get_manifest(struct finder *f)
{
    struct manifest_ref ref;
    struct error err = {0};
    json_t *holder;
    if (read_ref(f, &holder, &ref, &err))
        execution_failed(f, &err);
    else if (send_get(f, &ref, &err))
        manifest_failed(f, &ref, &err);
    json_decref(holder);
}

static void described(void *ctx, struct aws_response *response, const struct error *err)
{
    struct finder *f = ctx;
    struct sfn_execution execution;
    struct error why = {0};
    f->busy = false;
    finder_note(f, err);
    if (err || sfn_describe_result(response, &execution, &why) || found_read(f, &execution, &why))
        execution_failed(f, err ? err : &why);
    else if (f->now.manifest)
        get_manifest(f);
    else
        adopt(f, NULL, NULL);
}

static void note_status(void *ctx, const struct store_run *run)
{
    enum audit_status *status = ctx;
    *status = run->status;
}

/* A run that is over keeps the tasks that it has. */
static bool is_over(const struct finder *f)
{
    enum audit_status status = AUDIT_RUNNING;
    struct error err = {0};
    if (!is_unlisted(f))
        return false;
    int rc = store_run_get(f->discover->o.loop->store, json_int(first(f), "id", 0), note_status,
                           &status, &err);
    return rc ? err.code == ERR_NOT_FOUND : audit_status_final(status);
}

void finder_describe(struct finder *f)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (is_over(f)) {
        next_execution(f);
        return;
    }
    if (sfn_describe_execution(&request, first_arn(f), &err) ||
        aws_send(f->discover->o.loop->aws, &request, described, f, &err)) {
        aws_request_free(&request);
        execution_failed(f, &err);
        return;
    }
    f->busy = true;
}
