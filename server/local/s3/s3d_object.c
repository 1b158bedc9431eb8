/* Reading, writing and deleting one object.
 *
 * A PUT is durable in this order: bytes, folder, row, and the answer last. Readers see the old
 * object or the new one, never a mixture, because a row always names a whole file. */
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define RESPONSE_PREFIX "response-"

/* An object that is replaced this often while it is looked up is not worth waiting for. */
enum { OPEN_TRIES = 16, CONTENT_RANGE_MAX = 80, NUMBER_MAX = 24 };

char *s3d_quote_etag(const char *etag, char out[S3_ETAG_MAX + 2])
{
    (void)snprintf(out, S3_ETAG_MAX + 2, "\"%s\"", etag);
    return out;
}

int s3d_open_object(struct s3d_request *rq, const char *bucket, const char *key,
                    struct s3d_object *o, int *fd)
{
    struct error err = {0};
    /* Between row and file another request may replace the object: then look again. */
    for (int i = 0; i < OPEN_TRIES; i++) {
        const enum s3d_code code = s3d_object_find(rq->s3->index, bucket, key, o, &err);
        if (code != S3_OK) {
            s3d_object_free(o);
            return s3d_fail_err(rq, code, &err);
        }
        *fd = s3d_file_open(rq->s3->root, o->file, &err);
        if (*fd >= 0)
            return 0;
        s3d_object_free(o);
        if (err.code != ERR_NOT_FOUND)
            break;
    }
    return s3d_fail_err(rq, S3_INTERNAL, &err);
}

/* ?response-content-type=...: the header as the client wants to see it. */
static void add_override(void *ctx, const char *name, const char *value)
{
    struct s3d_request *rq = ctx;
    if (!strncmp(name, RESPONSE_PREFIX, strlen(RESPONSE_PREFIX)))
        http_add_header(rq->x, name + strlen(RESPONSE_PREFIX), value);
}

/* What a client may ask about next time. */
static void add_validators(struct s3d_request *rq, const struct s3d_object *o)
{
    char etag[S3_ETAG_MAX + 2], date[CLOCK_TEXT_MAX];
    http_add_header(rq->x, "ETag", s3d_quote_etag(o->etag, etag));
    http_add_header(rq->x, "Last-Modified", clock_http_date(o->modified, date));
}

/* Checksums cover the whole object, so that a range goes without. */
static void add_object_headers(struct s3d_request *rq, const struct s3d_object *o, bool whole)
{
    add_validators(rq, o);
    s3d_metadata_reply(rq, o->metadata);
    http_each_query(rq->x, add_override, rq);
    http_add_header(rq->x, "Accept-Ranges", "bytes");
    http_add_header(rq->x, "x-amz-server-side-encryption", "AES256");
    if (whole && o->sum_kind != S3_SUM_NONE && http_header(rq->x, "x-amz-checksum-mode")) {
        http_add_header(rq->x, s3d_checksum_header(o->sum_kind), o->sum);
        http_add_header(rq->x, "x-amz-checksum-type", "FULL_OBJECT");
    }
}

/* RFC 9110: a 416 tells the size. */
static int fail_range(struct s3d_request *rq, const struct s3d_object *o)
{
    char size[NUMBER_MAX], range[CONTENT_RANGE_MAX];
    (void)snprintf(size, sizeof size, "%" PRIu64, o->size);
    (void)snprintf(range, sizeof range, "bytes */%" PRIu64, o->size);
    http_add_header(rq->x, "Content-Range", range);
    (void)s3d_fail(rq, S3_INVALID_RANGE);
    return s3d_fail_extra(rq, "ActualObjectSize", size);
}

/* Answers with the object or its range; closes fd. */
static int send_object(struct s3d_request *rq, const struct s3d_object *o, int fd)
{
    uint64_t from = 0, len = o->size;
    const enum s3d_range range = s3d_read_range(http_header(rq->x, "Range"), o->size, &from, &len);
    if (range == S3_RANGE_BAD) {
        (void)close(fd);
        return fail_range(rq, o);
    }
    add_object_headers(rq, o, range == S3_RANGE_NONE);
    if (range == S3_RANGE_PART) {
        char text[CONTENT_RANGE_MAX];
        (void)snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, from,
                       from + len - 1, o->size);
        http_add_header(rq->x, "Content-Range", text);
    }
    s3d_add_ids(rq);
    http_reply_fd(rq->x, range == S3_RANGE_PART ? 206 : 200, NULL, fd, from, len);
    return 0;
}

/* HEAD runs the same way: microhttpd leaves the body out. */
int s3d_get_object(struct s3d_request *rq)
{
    struct s3d_object o;
    const char *failed = NULL;
    int fd = -1;
    if (s3d_open_object(rq, rq->bucket, rq->key, &o, &fd))
        return -1;
    int rc;
    const enum s3d_code code = s3d_check_conditions(rq->x, &s3d_get_conditions, &o, &failed);
    if (code == S3_OK) {
        rc = send_object(rq, &o, fd);
    } else {
        (void)close(fd);
        if (code == S3_NOT_MODIFIED)
            add_validators(rq, &o);
        (void)s3d_fail(rq, code);
        rc = s3d_fail_extra(rq, "Condition", failed);
    }
    s3d_object_free(&o);
    return rc;
}

/* Tags cannot be set here, so that there are none; multipart copies of the AWS CLI ask. */
int s3d_get_object_tagging(struct s3d_request *rq)
{
    struct s3d_object o;
    struct error err = {0};
    struct buf xml;
    const enum s3d_code code = s3d_object_find(rq->s3->index, rq->bucket, rq->key, &o, &err);
    s3d_object_free(&o);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "Tagging");
    buf_adds(&xml, "<TagSet></TagSet>");
    s3d_xml_close(&xml, "Tagging");
    return s3d_reply_xml(rq, &xml);
}

/* File first, then row, then the files that the row replaced: whatever happens in between leaves
 * at worst a file without a row. */
int s3d_store_object(struct s3d_request *rq, struct s3d_object *o,
                     const struct s3d_write_condition *condition, const char *upload)
{
    char old[S3_FILE_ID];
    struct s3d_ids files = {0};
    struct error err = {0};
    struct s3d_store_args args = {.bucket = rq->bucket,
                                  .key = rq->key,
                                  .object = o,
                                  .condition = *condition,
                                  .upload = upload,
                                  .files = &files};
    o->modified = s3d_now(rq->s3);
    (void)snprintf(o->file, sizeof o->file, "%s", rq->sink.file);
    if (s3d_sink_seal(&rq->sink, &err))
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    const enum s3d_code code = s3d_object_store(rq->s3->index, &args, old, &err);
    if (code == S3_OK) {
        s3d_sink_keep(&rq->sink);
        s3d_file_remove(rq->s3->root, old);
        s3d_files_remove(rq->s3->root, &files);
    }
    s3d_ids_free(&files);
    return code == S3_OK ? 0 : s3d_fail_write(rq, code, &err);
}

/* Checks the body against its headers before anything else is asked. */
static int store_body(struct s3d_request *rq, struct s3d_object *o)
{
    struct s3d_write_condition condition;
    struct s3d_sunk sunk;
    struct error err = {0};
    const enum s3d_code code = s3d_sink_end(&rq->sink, rq->x, &sunk, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    if (s3d_write_conditions(rq, &condition))
        return -1;
    (void)snprintf(o->etag, sizeof o->etag, "%s", sunk.md5_hex);
    o->size = rq->sink.size;
    o->sum_kind = rq->sink.checksum.kind;
    memcpy(o->sum, sunk.sum, sizeof o->sum);
    return s3d_store_object(rq, o, &condition, NULL);
}

/* Metadata is read before the body is judged: both may be refused, and nothing is stored then. */
int s3d_put_object(struct s3d_request *rq)
{
    char etag[S3_ETAG_MAX + 2];
    struct s3d_object o = {.metadata = s3d_metadata_read(rq)};
    const int rc = o.metadata ? store_body(rq, &o) : -1;
    s3d_object_free(&o);
    if (rc)
        return -1;
    http_add_header(rq->x, "ETag", s3d_quote_etag(o.etag, etag));
    http_add_header(rq->x, "x-amz-server-side-encryption", "AES256");
    if (o.sum_kind != S3_SUM_NONE)
        http_add_header(rq->x, s3d_checksum_header(o.sum_kind), o.sum);
    return s3d_reply_empty(rq, 200);
}

/* 204 whether it was there or not, as in S3. */
int s3d_delete_object(struct s3d_request *rq)
{
    char old[S3_FILE_ID];
    struct error err = {0};
    const enum s3d_code code = s3d_object_remove(rq->s3->index, rq->bucket, rq->key,
                                                 http_header(rq->x, "If-Match"), old, &err);
    if (code != S3_OK)
        return s3d_fail_write(rq, code, &err);
    s3d_file_remove(rq->s3->root, old);
    return s3d_reply_empty(rq, 204);
}
