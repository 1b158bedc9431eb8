/* HEAD tells size and ETag; the ETag goes into every copy as x-amz-copy-source-if-match, so that an
 * object that changes meanwhile cannot be copied half old and half new. */
#include "workers/copy/copy.h"

#include <stdlib.h>
#include <string.h>

enum {
    PARTS_MAX = 10000,
    IN_FLIGHT = 8,
    ABORT_MS = 5000,
    ETAG_MAX = 128,
    ATTEMPTS = 8, /* a fleet that starts at once meets SlowDown: about half a minute of patience */
};

void copy_open(struct copy *c, const struct worker *w, const struct s3_copy *what,
               const struct copy_options *options)
{
    *c = (struct copy){.w = w, .what = *what, .options = *options, .bytes = -1};
    if (c->options.multipart_above == 0)
        c->options.multipart_above = COPY_SINGLE_MAX;
    if (c->options.part_size == 0)
        c->options.part_size = COPY_PART_SIZE;
    if (c->options.in_flight == 0)
        c->options.in_flight = IN_FLIGHT;
    if (c->options.attempts == 0)
        c->options.attempts = ATTEMPTS;
    buf_init(&c->upload_id, BUF_MAX_LINE);
}

void copy_close(struct copy *c)
{
    buf_free(&c->upload_id);
}

/* All calls of a copy can be given up by a signal. */
static int call(const struct copy *c, struct aws_request *request, struct aws_response *response,
                struct error *err)
{
    request->max_attempts = c->options.attempts;
    return worker_call_until(c->w, request, response, c->options.stop, c->options.ctx, err);
}

/* Size and ETag of the source. */
static int head(const struct copy *c, struct s3_head *out, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    int rc = s3_head_object(&request, c->what.source_bucket, c->what.source_key, err);
    if (rc == 0)
        rc = call(c, &request, &response, err);
    if (rc == 0)
        rc = s3_head_result(&response, out, err);
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* One CopyObject: S3 moves the bytes, however many. */
static int copy_whole(struct copy *c, const char *if_match, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    struct s3_copy what = c->what;
    what.if_match = if_match;
    int rc = s3_copy_object(&request, &what, err);
    if (rc == 0)
        rc = call(c, &request, &response, err);
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* --- in parts --------------------------------------------------------------------------------- */

/* A multipart copy under way. */
struct parts {
    const struct copy *c;
    const struct s3_head *head;
    int64_t size;
    size_t count;
    char (*etags)[ETAG_MAX];
    struct error first; /* the first part's failure; ends the upload */
    bool stopped;
};

/* Part i + 1 of the upload: an inclusive range of bytes, the last one cut to the object's end. */
static int build_part(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    const struct parts *p = ctx;
    struct s3_part_copy part = {
        .copy = p->c->what,
        .upload_id = buf_str(&p->c->upload_id),
        .part = (int)i + 1,
        .first = (int64_t)i * p->size,
        .last = ((int64_t)i + 1) * p->size - 1,
    };
    part.copy.if_match = p->head->etag;
    if (part.last >= p->head->size)
        part.last = p->head->size - 1;
    int rc = s3_upload_part_copy(request, &part, err);
    request->max_attempts = p->c->options.attempts;
    return rc;
}

/* The first failure is kept; those that follow are mostly its consequences. */
static void part_done(void *ctx, size_t i, struct aws_response *response, const struct error *err)
{
    struct parts *p = ctx;
    struct error why;
    if (!err && s3_part_copy_result(response, p->etags[i], &why) != 0)
        err = &why;
    if (err && p->first.code == ERR_NONE)
        p->first = *err;
}

/* A failed part ends the upload in order; a signal ends it at once. */
static enum worker_go parts_go(void *ctx)
{
    struct parts *p = ctx;
    const struct copy_options *o = &p->c->options;
    p->stopped = p->stopped || (o->stop && o->stop(o->ctx));
    if (p->stopped)
        return WORKER_DROP;
    return p->first.code != ERR_NONE ? WORKER_WIND_DOWN : WORKER_GO_ON;
}

/* All parts, several at a time. */
static int copy_parts(struct parts *p, struct error *err)
{
    const struct copy *c = p->c;
    const struct worker_batch batch = {
        .count = p->count,
        .limit = c->options.in_flight,
        .ctx = p,
        .build = build_part,
        .done = part_done,
        .go = parts_go,
    };
    if (worker_run_batch(c->w, &batch, err) != 0)
        return -1;
    if (p->stopped)
        return err_set(err, ERR_BUSY, "given up, the worker was asked to stop");
    if (p->first.code == ERR_NONE)
        return 0;
    if (err)
        *err = p->first;
    return -1;
}

/* From here on the upload costs money until it is completed or aborted. */
static int create_upload(struct copy *c, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    int rc = s3_create_multipart(&request, c->what.bucket, c->what.key, err);
    if (rc == 0)
        rc = call(c, &request, &response, err);
    if (rc == 0)
        rc = s3_create_multipart_result(&response, &c->upload_id, err);
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* Only now does the object exist. Without an upload id there is nothing to abort any more. */
static int complete_upload(struct copy *c, const struct parts *p, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    int rc = s3_complete_multipart(&request, c->what.bucket, c->what.key, buf_str(&c->upload_id),
                                   (const char(*)[ETAG_MAX])p->etags, p->count, err);
    if (rc == 0)
        rc = call(c, &request, &response, err);
    if (rc == 0)
        buf_reset(&c->upload_id);
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

void copy_abort(struct copy *c, const struct worker *w)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (c->upload_id.len == 0)
        return;
    int rc =
        s3_abort_multipart(&request, c->what.bucket, c->what.key, buf_str(&c->upload_id), &err);
    request.timeout_ms = ABORT_MS;
    if (rc == 0)
        rc = worker_tell(w, &request, &err);
    aws_request_free(&request);
    if (rc != 0)
        log_warn(w->log, "could not abort a multipart upload",
                 LOG_STR("upload_id", buf_str(&c->upload_id)), LOG_STR("error", err.message));
    buf_reset(&c->upload_id);
}

/* Parts of the wanted size, or larger ones where there would be more than S3 takes. */
static int64_t part_size(int64_t wanted, int64_t total)
{
    int64_t least = (total + PARTS_MAX - 1) / PARTS_MAX;
    int64_t size = wanted > least ? wanted : least;
    return size > COPY_PART_MIN ? size : COPY_PART_MIN;
}

/* Create, copy, complete; whatever fails in between, the upload is aborted. */
static int copy_in_parts(struct copy *c, const struct s3_head *h, struct error *err)
{
    struct parts p = {.c = c, .head = h, .size = part_size(c->options.part_size, h->size)};
    p.count = (size_t)((h->size + p.size - 1) / p.size);
    p.etags = calloc(p.count, sizeof *p.etags);
    if (!p.etags)
        return err_set(err, ERR_MEMORY, "out of memory for %zu parts", p.count);
    int rc = create_upload(c, err);
    if (rc == 0)
        rc = copy_parts(&p, err);
    if (rc == 0)
        rc = complete_upload(c, &p, err);
    free(p.etags);
    if (rc != 0 && !(err && err->code == ERR_BUSY))
        copy_abort(c, c->w);
    return rc;
}

/* Up to 5 GB in one call, beyond that in parts, as S3 demands. */
int copy_run(struct copy *c, struct error *err)
{
    struct s3_head h;
    struct error why = {0};
    if (head(c, &h, &why) != 0) {
        if (why.code != ERR_REMOTE) {
            if (err)
                *err = why;
            return -1;
        }
        /* Errors of HEAD have no body; the copy itself says code and message. */
        return copy_whole(c, NULL, err);
    }
    int rc = h.size > c->options.multipart_above ? copy_in_parts(c, &h, err)
                                                 : copy_whole(c, h.etag, err);
    if (rc == 0)
        c->bytes = h.size;
    return rc;
}
