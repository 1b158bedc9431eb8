/* One execution: described, its manifest read, and made a run. */
#include "lib/aws/s3.h"
#include "lib/json/json_read.h"
#include "lib/manifest/manifest.h"
#include "server/discover/discover_private.h"

#define RETRY_MIN CLOCK_SECOND
#define RETRY_MAX (60 * CLOCK_SECOND)
enum { REFUSALS_MAX = 5 };

/* Calls that are made whether there are runs or not: they tell whether AWS is in reach, and a
 * refusal tells that it is. */
void finder_note(const struct finder *f, const struct error *err)
{
    loop_note(f->discover->o.loop, err && loop_fault(err) == LOOP_PASSING ? err : NULL);
}

/* The queue's first is done with. */
static void next_execution(struct finder *f)
{
    found_free(&f->now);
    (void)json_array_remove(f->queue, 0);
    f->failures = 0;
}

static const char *queued(const struct finder *f, const char *member)
{
    return json_str(json_array_get(f->queue, 0), member, "");
}

static void pass_over(struct finder *f, const struct error *err)
{
    log_info(f->discover->o.loop->log, "an execution is no run of ours",
             LOG_STR("execution", queued(f, "arn")), LOG_STR("error", err->message));
    (void)seen_add(&f->passed, seen_hash_text(SEEN_START, queued(f, "arn")));
    next_execution(f);
}

/* What is wrong with the input stays so. A refusal may pass: an execution may be listed before it
 * can be described, and a permission be given. */
static bool is_hopeless(const struct finder *f, const struct error *err)
{
    if (json_array_size(f->queue) == 0)
        return false;
    return err->code == ERR_SPEC_INVALID || err->code == ERR_SYNTAX || err->code == ERR_CONFLICT ||
           (f->failures >= REFUSALS_MAX && loop_fault(err) != LOOP_PASSING);
}

void finder_failed(struct finder *f, const struct error *err)
{
    const struct loop *loop = f->discover->o.loop;
    if (is_hopeless(f, err)) {
        pass_over(f, err);
        return;
    }
    found_free(&f->now);
    f->failures++;
    f->due = loop_now(loop) + pace_backoff(RETRY_MIN, RETRY_MAX, f->failures);
    if ((f->failures & (f->failures - 1)) == 0)
        log_warn(loop->log, "runs started elsewhere cannot be looked for",
                 LOG_INT("pattern", f->pattern), LOG_STR("error", err->message));
}

static void adopt(struct finder *f, json_t *list)
{
    struct error err = {0};
    if (found_adopt(f, list, &err)) {
        finder_failed(f, &err);
        return;
    }
    next_execution(f);
    if (f->discover->o.found)
        f->discover->o.found(f->discover->o.ctx);
}

static void got_manifest(void *ctx, struct aws_response *response, const struct error *err)
{
    struct finder *f = ctx;
    struct error why = {0};
    struct manifest_ref ref;
    json_t *list = NULL;
    f->busy = false;
    finder_note(f, err);
    json_t *holder = err ? NULL : json_pack("{s:O}", "taskManifest", f->now.manifest);
    if (!err &&
        (!holder || manifest_ref_read(holder, &ref, &why) ||
         manifest_read(buf_str(&response->http.body), response->http.body.len, &ref, &list, &why)))
        err = &why;
    if (err)
        finder_failed(f, err);
    else
        adopt(f, list);
    json_decref(holder);
}

static void get_manifest(struct finder *f)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = s3_get_object(&request, json_str(f->now.manifest, "s3BucketName", ""),
                           json_str(f->now.manifest, "objectKey", ""), BUF_MAX_MANIFEST, &err);
    if (rc || aws_send(f->discover->o.loop->aws, &request, got_manifest, f, &err)) {
        aws_request_free(&request);
        finder_failed(f, &err);
        return;
    }
    f->busy = true;
}

static void described(void *ctx, struct aws_response *response, const struct error *err)
{
    struct finder *f = ctx;
    struct sfn_execution execution;
    struct error why = {0};
    f->busy = false;
    finder_note(f, err);
    if (err || sfn_describe_result(response, &execution, &why) || found_read(f, &execution, &why))
        finder_failed(f, err ? err : &why);
    else if (f->now.manifest)
        get_manifest(f);
    else
        adopt(f, NULL);
}

void finder_describe(struct finder *f)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (sfn_describe_execution(&request, queued(f, "arn"), &err) ||
        aws_send(f->discover->o.loop->aws, &request, described, f, &err)) {
        aws_request_free(&request);
        finder_failed(f, &err);
        return;
    }
    f->busy = true;
}
