/* Task lists that are too long for a state: an object in S3 and its reference in the spec. */
#include "lib/aws/s3.h"
#include "workers/run/plan.h"

#include <string.h>

int plan_fetch_list(const struct worker *w, const struct manifest_ref *ref, json_t **list,
                    struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    int rc = s3_get_object(&request, ref->bucket, ref->key, BUF_MAX_MANIFEST, err);
    if (rc == 0)
        rc = worker_call(w, &request, &response, err);
    if (rc == 0)
        rc = manifest_read(buf_str(&response.http.body), response.http.body.len, ref, list, err);
    aws_request_free(&request);
    aws_response_free(&response);
    return rc == 0 ? 0 : err_wrap(err, "the run's task manifest");
}

/* A copy of the spec that has the list in the reference's place. */
static int put_list(json_t *spec, json_t *list, json_t **tree, struct error *err)
{
    *tree = json_is_object(spec) ? json_copy(spec) : NULL;
    if (!*tree || json_object_del(*tree, "taskManifest") != 0 ||
        json_object_set(*tree, "taskList", list) != 0) {
        json_decref(*tree);
        return err_set(err, ERR_MEMORY, "out of memory for the run's tasks");
    }
    return 0;
}

int plan_fetch_tasks(struct plan *p, const struct worker *w, json_t *spec, json_t **tree,
                     struct error *err)
{
    struct manifest_ref ref;
    struct error none = {0};
    json_t *list = NULL;
    if (manifest_ref_read(spec, &ref, &none) != 0) {
        *tree = json_incref(spec);
        if (none.code == ERR_NOT_FOUND)
            return 0;
        json_decref(spec);
        if (err)
            *err = none;
        return -1;
    }
    int rc = plan_fetch_list(w, &ref, &list, err);
    if (rc == 0)
        rc = put_list(spec, list, tree, err);
    if (rc == 0)
        p->manifest = json_incref(json_object_get(spec, "taskManifest"));
    json_decref(list);
    return rc;
}

/* Nothing is stored over the manifest of another run: the summary row tells first. */
static int store_object(const struct plan *p, const struct worker *w, const struct buf *object,
                        const struct manifest_ref *ref, struct error *err)
{
    struct aws_request request = {0};
    int rc = plan_check_unused(p, w, err);
    if (rc == 0)
        rc = plan_check_summary(p, w, err);
    if (rc == 0)
        rc = s3_put_object(&request, ref->bucket, ref->key, object->data, object->len,
                           "application/json", err);
    if (rc == 0)
        rc = worker_tell(w, &request, err);
    aws_request_free(&request);
    return rc == 0 ? 0 : err_wrap(err, "storing the run's task manifest");
}

/* Stores what manifest_make made, unless it is the very object that the run was started with. */
static int settle_manifest(struct plan *p, const struct worker *w, const struct buf *object,
                           const struct buf *input, struct error *err)
{
    json_t *made = NULL;
    struct manifest_ref ref;
    if (json_parse(buf_str(input), input->len, &made, err) != 0)
        return -1;
    int rc = manifest_ref_read(made, &ref, err);
    json_t *member = json_object_get(made, "taskManifest");
    if (rc == 0 && !(p->manifest && json_equal(member, p->manifest)))
        rc = store_object(p, w, object, &ref, err);
    if (rc == 0) {
        json_decref(p->manifest);
        p->manifest = json_incref(member);
    }
    json_decref(made);
    return rc;
}

/* A list that somebody else has stored may lack buckets: then it is stored anew, completed. */
int plan_store_tasks(struct plan *p, const struct worker *w, struct error *err)
{
    struct buf object, input;
    buf_init(&object, BUF_MAX_MANIFEST);
    buf_init(&input, BUF_MAX_MANIFEST);
    json_dump(&input, p->spec.root);
    int rc = buf_check(&input, err);
    if (rc == 0 && (p->manifest || manifest_wanted(2, p->spec.task_count, input.len))) {
        buf_reset(&input);
        rc = manifest_make(&p->spec, p->run.workflow_run_id, &object, &input, err);
        if (rc == 0)
            rc = settle_manifest(p, w, &object, &input, err);
    }
    buf_free(&object);
    buf_free(&input);
    return rc;
}
