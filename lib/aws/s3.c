/* Source: S3 API reference. Paths are "/bucket/key" here; the endpoint makes virtual hosts of them.
 */
#include "lib/aws/s3.h"

#include "lib/aws/request.h"
#include "lib/aws/sigv4.h"
#include "lib/aws/xml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MAX = 1024,
    PARTS_MAX = 10000,
    COPY_TIMEOUT_MS = 15 * 60 * 1000, /* S3 trickles white space while it copies */
};

/* What would lead to another bucket or operation is refused before it is sent. */
static int check_names(const char *bucket, const char *key, struct error *err)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t len = strlen(key);
    if (!*bucket || strspn(bucket, legal) != strlen(bucket))
        return err_set(err, ERR_ARGUMENT, "'%.80s' is not the name of a bucket", bucket);
    if (len == 0 || len > KEY_MAX)
        return err_set(err, ERR_ARGUMENT, "an object key has 1 to %d bytes, not %zu", KEY_MAX, len);
    return 0;
}

/* Makes a request for an object. */
static int begin(struct aws_request *r, const char *operation, const char *method,
                 const char *bucket, const char *key, struct error *err)
{
    aws_request_open(r, AWS_S3, operation, method);
    if (check_names(bucket, key, err))
        return -1;
    buf_addf(&r->path, "/%s/", bucket);
    sigv4_encode(&r->path, key, strlen(key), true);
    return 0;
}

/* The body stays in the request, for the retries: BUF_MAX_OBJECT at most. */
int s3_put_object(struct aws_request *r, const char *bucket, const char *key, const void *data,
                  size_t len, const char *content_type, struct error *err)
{
    if (begin(r, "PutObject", "PUT", bucket, key, err))
        return -1;
    if (content_type)
        aws_request_header(r, "Content-Type", content_type);
    r->body.max = BUF_MAX_OBJECT;
    buf_add(&r->body, data, len);
    return aws_request_finish(r, err);
}

int s3_get_object(struct aws_request *r, const char *bucket, const char *key, size_t max_len,
                  struct error *err)
{
    if (begin(r, "GetObject", "GET", bucket, key, err))
        return -1;
    r->max_reply = max_len;
    return aws_request_finish(r, err);
}

int s3_head_object(struct aws_request *r, const char *bucket, const char *key, struct error *err)
{
    if (begin(r, "HeadObject", "HEAD", bucket, key, err))
        return -1;
    return aws_request_finish(r, err);
}

/* A whole number of bytes, all of the text. */
static int read_size(const char *text, int64_t *out, struct error *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0)
        return err_set(err, ERR_SYNTAX, "'%.40s' is not the size of an object", text);
    *out = value;
    return 0;
}

/* HEAD has no body: all there is to know stands in headers. */
int s3_head_result(const struct aws_response *response, struct s3_head *out, struct error *err)
{
    char length[32];
    *out = (struct s3_head){0};
    if (!http_response_header(&response->http, "content-length", length, sizeof length) ||
        !http_response_header(&response->http, "etag", out->etag, sizeof out->etag))
        return err_set(err, ERR_SYNTAX, "HeadObject answered without Content-Length or ETag");
    return read_size(length, &out->size, err);
}

/* The headers that name a copy's source. */
static int add_source(struct aws_request *r, const struct s3_copy *in, struct error *err)
{
    struct buf source;
    if (check_names(in->source_bucket, in->source_key, err))
        return -1;
    buf_init(&source, AWS_PATH_MAX);
    buf_addf(&source, "%s/", in->source_bucket);
    sigv4_encode(&source, in->source_key, strlen(in->source_key), true);
    int rc = buf_check(&source, err);
    if (!rc)
        aws_request_header(r, "x-amz-copy-source", buf_str(&source));
    if (!rc && in->if_match)
        aws_request_header(r, "x-amz-copy-source-if-match", in->if_match);
    buf_free(&source);
    return rc;
}

/* Makes a request for an object that is copied from another. */
static int begin_copy(struct aws_request *r, const char *operation, const struct s3_copy *in,
                      struct error *err)
{
    if (begin(r, operation, "PUT", in->bucket, in->key, err))
        return -1;
    r->timeout_ms = COPY_TIMEOUT_MS;
    int rc = add_source(r, in, err);
    if (rc)
        aws_request_free(r);
    return rc;
}

int s3_copy_object(struct aws_request *r, const struct s3_copy *in, struct error *err)
{
    if (begin_copy(r, "CopyObject", in, err))
        return -1;
    r->expect_root = "CopyObjectResult";
    return aws_request_finish(r, err);
}

/* Answers an upload id; S3 keeps (and bills) the parts until the upload is completed or aborted. */
int s3_create_multipart(struct aws_request *r, const char *bucket, const char *key,
                        struct error *err)
{
    if (begin(r, "CreateMultipartUpload", "POST", bucket, key, err))
        return -1;
    aws_request_query(r, "uploads", NULL);
    r->expect_root = "InitiateMultipartUploadResult";
    return aws_request_finish(r, err);
}

/* Appends the text of a child of the answer's root; an empty or absent one is an error. */
static int root_text(const struct aws_response *response, const char *name, struct buf *out,
                     struct error *err)
{
    struct xml_node root;
    const struct buf *body = &response->http.body;
    if (xml_root(buf_str(body), body->len, &root, err) || xml_find_text(&root, name, out, err))
        return -1;
    return out->len ? 0 : err_set(err, ERR_SYNTAX, "S3 answered without %s", name);
}

int s3_create_multipart_result(const struct aws_response *response, struct buf *upload_id,
                               struct error *err)
{
    return root_text(response, "UploadId", upload_id, err);
}

/* Part 0 stands for the upload as a whole. */
static void add_upload(struct aws_request *r, int part, const char *upload_id)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", part);
    if (part)
        aws_request_query(r, "partNumber", number);
    aws_request_query(r, "uploadId", upload_id);
}

/* The range is inclusive at both ends. Like CopyObject it can answer 200 and fail in the body,
 * which expect_root finds out. */
int s3_upload_part_copy(struct aws_request *r, const struct s3_part_copy *in, struct error *err)
{
    char range[64];
    if (begin_copy(r, "UploadPartCopy", &in->copy, err))
        return -1;
    if (in->part < 1 || in->part > PARTS_MAX || in->first < 0 || in->last < in->first) {
        aws_request_free(r);
        return err_set(err, ERR_ARGUMENT, "part %d with bytes %" PRId64 "-%" PRId64 " cannot be",
                       in->part, in->first, in->last);
    }
    (void)snprintf(range, sizeof range, "bytes=%" PRId64 "-%" PRId64, in->first, in->last);
    aws_request_header(r, "x-amz-copy-source-range", range);
    add_upload(r, in->part, in->upload_id);
    r->expect_root = "CopyPartResult";
    return aws_request_finish(r, err);
}

int s3_part_copy_result(const struct aws_response *response, char etag[128], struct error *err)
{
    struct buf text;
    buf_init(&text, 127);
    int rc = root_text(response, "ETag", &text, err);
    if (!rc)
        memcpy(etag, buf_str(&text), text.len + 1);
    buf_free(&text);
    return rc;
}

/* Parts in ascending order with the ETags that S3 gave for them. It, too, can fail after its 200.
 */
int s3_complete_multipart(struct aws_request *r, const char *bucket, const char *key,
                          const char *upload_id, const char (*etags)[128], size_t count,
                          struct error *err)
{
    if (begin(r, "CompleteMultipartUpload", "POST", bucket, key, err))
        return -1;
    add_upload(r, 0, upload_id);
    buf_adds(&r->body, "<CompleteMultipartUpload "
                       "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < count; i++) {
        buf_addf(&r->body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        xml_escape(&r->body, etags[i]);
        buf_adds(&r->body, "</ETag></Part>");
    }
    buf_adds(&r->body, "</CompleteMultipartUpload>");
    aws_request_header(r, "Content-Type", "application/xml");
    r->expect_root = "CompleteMultipartUploadResult";
    r->timeout_ms = COPY_TIMEOUT_MS;
    return aws_request_finish(r, err);
}

/* Repeating it is harmless: an upload that is gone answers NoSuchUpload. */
int s3_abort_multipart(struct aws_request *r, const char *bucket, const char *key,
                       const char *upload_id, struct error *err)
{
    if (begin(r, "AbortMultipartUpload", "DELETE", bucket, key, err))
        return -1;
    add_upload(r, 0, upload_id);
    return aws_request_finish(r, err);
}
