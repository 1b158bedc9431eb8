/* Storing the list of tasks in S3 before the execution that reads it is started. The object is made
 * of the run's tasks in the store; that it is the one the input names is checked by its digest. */
#include "server/submit/submit_private.h"

#include "lib/aws/s3.h"
#include "lib/manifest/manifest.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE = 1000 };

/* The texts of the tasks, in order, as far as the manifest goes: rows that were found later are no
 * part of it. */
struct listing {
    struct json_writer w;
    int64_t left;
    int64_t last; /* seq */
};

bool start_has_manifest(const struct store_outbox_row *row)
{
    static const char name[] = "\"taskManifest\"";
    return memmem(row->input, row->input_len, name, sizeof name - 1) != NULL;
}

static void add_task(void *ctx, const struct store_task *task)
{
    struct listing *l = ctx;
    l->last = task->seq;
    if (l->left-- > 0)
        manifest_add(&l->w, &(struct spec_task){task->name, task->s3_bucket, task->object_key});
}

static int write_object(const struct start *start, const struct manifest_ref *ref,
                        struct buf *object, struct error *err)
{
    struct listing l = {.left = ref->tasks, .last = -1};
    bool more = true;
    manifest_begin(&l.w, object);
    while (more && l.left > 0)
        if (store_task_list(start->submit->loop->store, start->run_id, -1, l.last, PAGE, add_task,
                            &l, &more, err))
            return -1;
    manifest_end(&l.w);
    if (buf_check(object, err))
        return -1;
    return manifest_check(object->data, object->len, ref, err);
}

static int build_put(const struct start *start, const struct manifest_ref *ref,
                     struct aws_request *request, struct error *err)
{
    struct buf object;
    buf_init(&object, BUF_MAX_MANIFEST);
    int rc = write_object(start, ref, &object, err);
    if (!rc)
        rc = s3_put_object(request, ref->bucket, ref->key, object.data, object.len,
                           "application/json", err);
    buf_free(&object);
    return rc;
}

/* With the list in its place the run starts as every other. */
static void start_now(struct start *start)
{
    start->submit->storing--;
    start->submit->look = true;
    start->storing = false;
    start_again(start);
}

static void put_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct start *start = ctx;
    (void)response;
    loop_note(start->submit->loop, err);
    if (err)
        start_failed(start, err);
    else
        start_now(start);
}

static int send_put(struct start *start, const struct manifest_ref *ref, struct error *err)
{
    struct aws_request request = {0};
    int rc = build_put(start, ref, &request, err);
    if (!rc)
        rc = aws_send(start->submit->loop->aws, &request, put_came, start, err);
    aws_request_free(&request);
    return rc;
}

/* A task of the name "taskManifest" makes an input look as if it had one. */
void start_store(struct start *start, const struct store_outbox_row *row)
{
    struct manifest_ref ref;
    struct error err = {0};
    json_t *input = NULL;
    int rc = json_parse(row->input, row->input_len, &input, &err);
    if (!rc)
        rc = manifest_ref_read(input, &ref, &err);
    start->storing = err.code != ERR_NOT_FOUND;
    start->submit->storing += start->storing;
    if (!rc)
        rc = send_put(start, &ref, &err);
    if (!start->storing)
        start_send(start, row->input, row->input_len);
    else if (rc)
        start_failed(start, &err);
    json_decref(input);
}
