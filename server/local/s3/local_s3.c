/* The door of the room: opening and closing, the three calls of the gate, seeding.
 *
 * The life of a request: begin reads line and headers, finds the operation and may refuse; the body
 * then streams into the request's sink; handle runs the operation here or on a worker; finished
 * gives up the exchange's ownership. What is shared by all of them is in struct local_s3, which no
 * request changes. */
#include "server/local/s3/local_s3.h"

#include "lib/crypto/crypto.h"
#include "server/local/folder.h"
#include "server/local/s3/s3d_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bodies up to this are finished on the HTTP thread; syncing larger ones takes a while. */
enum { INLINE_BYTES = 4 * 1024 * 1024, CODING_SLACK = 64 * 1024 * 1024, NO_BODY_MAX = 64 * 1024 };

/* The descriptor of the objects folder, with its 256 folders made; -1 with the reason. Files are
 * opened relative to it, so that no path is built twice. */
static int open_root(const char *dir, struct error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/objects", dir) < 0)
        return err_set(err, ERR_MEMORY, "opening S3: out of memory");
    int fd = -1;
    if (local_folder_make(dir, err) == 0 && local_folder_make(path, err) == 0) {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            err_set_errno(err, "opening the folder %s", path);
        } else if (s3d_file_folders(fd, err)) {
            (void)close(fd);
            fd = -1;
        }
    }
    free(path);
    return fd;
}

/* Removes what a crash left between a file and its row. */
static int sweep(struct local_s3 *s3, struct error *err)
{
    struct s3d_ids keep = {0};
    size_t removed = 0;
    int rc = s3d_index_files(s3->index, &keep, err);
    if (!rc)
        rc = s3d_file_sweep(s3->root, &keep, &removed, err);
    s3d_ids_free(&keep);
    if (removed)
        log_info(s3->log, "S3 removed files that no object has", LOG_INT("files", removed));
    return rc;
}

/* Opens the rows, then lets go of the files that none of them names. */
static int open_index(struct local_s3 *s3, const char *dir, struct error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/s3.db", dir) < 0)
        return err_set(err, ERR_MEMORY, "opening S3: out of memory");
    s3->index = s3d_index_open(path, err);
    free(path);
    return s3->index ? sweep(s3, err) : -1;
}

struct local_s3 *local_s3_open(const struct local_s3_options *options, struct error *err)
{
    struct local_s3 *s3 = calloc(1, sizeof *s3);
    if (!s3) {
        err_set(err, ERR_MEMORY, "opening S3: out of memory");
        return NULL;
    }
    s3->clock = options->clock;
    s3->log = options->log;
    s3->root = -1;
    s3->service = (struct local_service){.name = "s3", .self = s3, .call = s3d_service_call};
    s3->region = strdup(options->region);
    s3d_crc_tables_fill(&s3->tables);
    if (!s3->region)
        err_set(err, ERR_MEMORY, "opening S3: out of memory");
    else if ((s3->root = open_root(options->dir, err)) >= 0 &&
             open_index(s3, options->dir, err) == 0 && (s3->workers = s3d_workers_start(err)))
        return s3;
    return local_s3_close(s3);
}

/* Workers first: what they still do needs index and files. */
struct local_s3 *local_s3_close(struct local_s3 *s3)
{
    if (!s3)
        return NULL;
    s3d_workers_stop(s3->workers);
    s3d_index_close(s3->index);
    if (s3->root >= 0)
        (void)close(s3->root);
    free(s3->region);
    free(s3);
    return NULL;
}

/* Where an upload's body goes, and early refusals: before the client has sent anything. */
static int begin_upload(struct s3d_request *rq)
{
    const char *length = http_header(rq->x, "Content-Length");
    struct error err = {0};
    if (!length && !http_header(rq->x, "x-amz-decoded-content-length"))
        return s3d_fail(rq, S3_MISSING_LENGTH);
    enum s3d_code code = s3d_bucket_find(rq->s3->index, rq->bucket, &err);
    if (code == S3_OK)
        code = s3d_sink_open(&rq->sink, rq->x, rq->s3->root, &rq->s3->tables, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    /* Chunk headers and signatures make a coded body longer than what it carries. */
    const uint64_t max = S3_OBJECT_BYTES_MAX + (rq->sink.chunked ? CODING_SLACK : 0);
    if (length && strtoull(length, NULL, 10) > max)
        return s3d_fail(rq, S3_ENTITY_TOO_LARGE);
    http_body_to_fd(rq->x, -1, max, s3d_sink_piece, &rq->sink);
    return 0;
}

void local_s3_begin(struct local_s3 *s3, struct http_exchange *x)
{
    struct s3d_request *rq = s3d_request_new(s3, x);
    /* Also when it is NULL: finished finds that nothing was made. */
    http_set_data(x, rq);
    if (!rq) {
        http_reply_const(x, 500, NULL, "", 0);
        return;
    }
    if (rq->fault.code != S3_OK) {
        s3d_reply_fault(rq);
        return;
    }
    /* The route tells what the body is, and so where it goes and how long it may be. */
    if (rq->route->body == S3_BODY_FILE) {
        if (begin_upload(rq))
            s3d_reply_fault(rq);
    } else {
        http_body_limit(x, rq->route->body == S3_BODY_XML ? S3_XML_MAX : NO_BODY_MAX);
    }
}

void local_s3_handle(struct local_s3 *s3, struct http_exchange *x)
{
    struct s3d_request *rq = http_data(x);
    if (http_too_large(x)) {
        (void)s3d_fail(rq, S3_ENTITY_TOO_LARGE);
        s3d_reply_fault(rq);
        /* Syncing a large file takes too long for a thread that others wait for. */
    } else if (rq->route->slow || http_body_len(x) > INLINE_BYTES) {
        s3d_workers_add(s3->workers, rq);
    } else {
        s3d_request_run(rq);
    }
}

/* The last callback of a request; a worker may still own it. */
void local_s3_finished(struct local_s3 *s3, struct http_exchange *x)
{
    struct s3d_request *rq = http_data(x);
    (void)s3;
    if (rq)
        s3d_request_release(rq);
}

const struct local_service *local_s3_service(struct local_s3 *s3)
{
    return &s3->service;
}

/* For callers that are no clients: a fault as an error. */
static int told(enum s3d_code code, const char *bucket, struct error *err)
{
    if (code == S3_OK)
        return 0;
    if (code == S3_INTERNAL)
        return err_wrap(err, "S3 bucket %s", bucket);
    return err_set(err, code == S3_NO_SUCH_BUCKET ? ERR_NOT_FOUND : ERR_CONFLICT,
                   "S3 bucket %s: %s", bucket, s3d_fault_text(code));
}

int local_s3_ensure_bucket(struct local_s3 *s3, const char *bucket, struct error *err)
{
    if (!s3d_bucket_name_valid(bucket))
        return err_set(err, ERR_ARGUMENT, "%s is not the name of a bucket", bucket);
    const enum s3d_code code = s3d_bucket_create(s3->index, bucket, s3d_now(s3), err);
    return code == S3_BUCKET_EXISTS ? 0 : told(code, bucket, err);
}

bool local_s3_has_object(struct local_s3 *s3, const char *bucket, const char *key)
{
    struct s3d_object o;
    struct error err = {0};
    const enum s3d_code code = s3d_object_find(s3->index, bucket, key, &o, &err);
    s3d_object_free(&o);
    return code == S3_OK;
}

/* A new file with these bytes, durable, and what the row must say of it. */
static int write_object(struct local_s3 *s3, struct s3d_sink *sink, const void *data, size_t len,
                        struct s3d_object *o, struct error *err)
{
    unsigned char md5[DIGEST_BYTES_MAX];
    struct digest *digest = digest_new(DIGEST_MD5, err);
    int rc = digest ? s3d_sink_open_file(sink, s3->root, err) : -1;
    if (!rc)
        rc = digest_add(digest, data, len, err);
    if (!rc && (errno = s3d_file_write(sink->fd, data, len)))
        rc = err_set_errno(err, "writing the file of an object");
    if (!rc && digest_end(digest, md5) != MD5_BYTES)
        rc = err_set(err, ERR_INTERNAL, "the MD5 of an object cannot be computed");
    if (!rc)
        rc = s3d_sink_seal(sink, err);
    if (!rc) {
        crypto_hex(md5, MD5_BYTES, o->etag);
        (void)snprintf(o->file, sizeof o->file, "%s", sink->file);
        o->size = len;
        o->modified = s3d_now(s3);
    }
    digest_free(digest);
    return rc;
}

int local_s3_put(struct local_s3 *s3, const char *bucket, const char *key, const void *data,
                 size_t len, struct error *err)
{
    char old[S3_FILE_ID];
    char metadata[] = "content-type: binary/octet-stream\n";
    struct s3d_sink sink = {0};
    struct s3d_object o = {.metadata = metadata};
    const struct s3d_store_args args = {.bucket = bucket, .key = key, .object = &o};
    int rc = write_object(s3, &sink, data, len, &o, err);
    if (!rc)
        rc = told(s3d_object_store(s3->index, &args, old, err), bucket, err);
    if (!rc) {
        s3d_sink_keep(&sink);
        s3d_file_remove(s3->root, old);
    }
    s3d_sink_close(&sink);
    return rc;
}
