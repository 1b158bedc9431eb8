/* Copies: the source, its conditions, CopyObject.
 *
 * The source's file is open while it is copied, so that it may be replaced or deleted meanwhile:
 * the descriptor keeps its bytes. Nothing of a copy is visible before its row is stored. */
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "bucket/key" or "/bucket/key", percent-encoded; "?versionId=" behind it, unencoded. */
static int read_source(struct s3d_request *rq, struct s3d_copy_source *s)
{
    const char *source = http_header(rq->x, "x-amz-copy-source");
    source += *source == '/';
    const char *version = strchr(source, '?');
    if (version && strcmp(version, "?versionId=null") != 0)
        return s3d_failf(rq, S3_NOT_IMPLEMENTED,
                         "x-amz-copy-source with %s is not implemented here.", version);
    const size_t len = version ? (size_t)(version - source) : strlen(source);
    const size_t bucket_len = strcspn(source, "/");
    /* Some clients encode the slash between bucket and key as well. */
    char text[S3_BUCKET_MAX + S3_KEY_MAX + 2];
    if (s3d_decode(source, len, text, sizeof text))
        return s3d_failf(rq, S3_INVALID_ARGUMENT, "Invalid copy source encoding.");
    char *slash = strchr(text, '/');
    if (!slash || !slash[1] || slash - text >= S3_BUCKET_MAX || bucket_len == 0)
        return s3d_failf(rq, S3_INVALID_ARGUMENT, "Invalid copy source object key");
    *slash = '\0';
    (void)snprintf(s->bucket, sizeof s->bucket, "%s", text);
    (void)snprintf(s->key, sizeof s->key, "%s", slash + 1);
    return s3d_check_bucket_name(rq, s->bucket);
}

/* NoSuchBucket and NoSuchKey are told about the source here; without the extra element they would
 * name the target. */
int s3d_copy_source_open(struct s3d_request *rq, struct s3d_copy_source *s)
{
    const char *failed = NULL;
    *s = (struct s3d_copy_source){.fd = -1};
    if (read_source(rq, s))
        return -1;
    if (s3d_open_object(rq, s->bucket, s->key, &s->object, &s->fd)) {
        if (rq->fault.code == S3_NO_SUCH_BUCKET)
            (void)s3d_fail_extra(rq, "BucketName", s->bucket);
        if (rq->fault.code == S3_NO_SUCH_KEY)
            (void)s3d_fail_extra(rq, "Key", s->key);
        return -1;
    }
    if (s3d_check_conditions(rq->x, &s3d_copy_conditions, &s->object, &failed) == S3_OK)
        return 0;
    s3d_copy_source_close(s);
    (void)s3d_fail(rq, S3_PRECONDITION_FAILED);
    return s3d_fail_extra(rq, "Condition", failed);
}

void s3d_copy_source_close(struct s3d_copy_source *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    s3d_object_free(&s->object);
}

int s3d_feed_digest(void *ctx, const void *bytes, size_t len, struct error *err)
{
    return digest_add(ctx, bytes, len, err);
}

/* Costs a pass over the file; only where no ETag can be carried over. */
int s3d_file_md5(int fd, char out[MD5_HEX], struct error *err)
{
    unsigned char md5[DIGEST_BYTES_MAX];
    struct digest *digest = digest_new(DIGEST_MD5, err);
    int rc = digest ? s3d_file_read(fd, s3d_feed_digest, digest, err) : -1;
    if (!rc && digest_end(digest, md5) != MD5_BYTES)
        rc = err_set(err, ERR_INTERNAL, "the MD5 of a file cannot be computed");
    if (!rc)
        crypto_hex(md5, MD5_BYTES, out);
    digest_free(digest);
    return rc;
}

/* The metadata of the copy: the source's or the request's. A text of the caller's, or NULL. */
static char *copied_metadata(struct s3d_request *rq, const struct s3d_copy_source *source)
{
    const char *directive = http_header(rq->x, "x-amz-metadata-directive");
    const bool replace = directive && !strcmp(directive, "REPLACE");
    if (directive && !replace && strcmp(directive, "COPY") != 0) {
        (void)s3d_failf(rq, S3_INVALID_ARGUMENT, "Unknown metadata directive.");
        return NULL;
    }
    if (replace)
        return s3d_metadata_read(rq);
    if (!strcmp(source->bucket, rq->bucket) && !strcmp(source->key, rq->key)) {
        (void)s3d_failf(rq, S3_INVALID_REQUEST,
                        "This copy request is illegal because it is trying to copy an object to "
                        "itself without changing the object's metadata, storage class, website "
                        "redirect location or encryption attributes.");
        return NULL;
    }
    char *metadata = source->object.metadata ? strdup(source->object.metadata) : NULL;
    if (!metadata)
        (void)s3d_fail(rq, S3_INTERNAL);
    return metadata;
}

/* The bytes, which the copy shares with its source as long as both are there, and what they are
 * known by. The ETag of an object that came in parts is no MD5: its
 * copy, made in one piece, gets one. */
static int copy_bytes(struct s3d_request *rq, const struct s3d_copy_source *source,
                      struct s3d_object *o)
{
    struct error err = {0};
    char md5[MD5_HEX];
    o->size = source->object.size;
    o->sum_kind = source->object.sum_kind;
    memcpy(o->sum, source->object.sum, sizeof o->sum);
    memcpy(o->etag, source->object.etag, sizeof o->etag);
    if (!s3d_sink_link(&rq->sink, rq->s3->root, source->object.file) &&
        (s3d_sink_open_file(&rq->sink, rq->s3->root, &err) ||
         s3d_file_copy(source->fd, 0, o->size, rq->sink.fd, &err)))
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    if (!source->object.parts)
        return 0;
    if (s3d_file_md5(rq->sink.fd, md5, &err))
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    (void)snprintf(o->etag, sizeof o->etag, "%s", md5);
    return 0;
}

/* Checks in the order S3 does: both buckets, size, metadata, then the bytes. */
static int copy_from(struct s3d_request *rq, const struct s3d_copy_source *source,
                     struct s3d_object *o)
{
    struct s3d_write_condition condition;
    struct error err = {0};
    const enum s3d_code code = s3d_bucket_find(rq->s3->index, rq->bucket, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    if (source->object.size > S3_OBJECT_BYTES_MAX)
        return s3d_failf(
            rq, S3_INVALID_REQUEST,
            "The specified copy source is larger than the maximum allowable size for a "
            "copy source: %llu",
            (unsigned long long)S3_OBJECT_BYTES_MAX);
    o->metadata = copied_metadata(rq, source);
    if (!o->metadata || s3d_write_conditions(rq, &condition) || copy_bytes(rq, source, o))
        return -1;
    return s3d_store_object(rq, o, &condition, NULL);
}

/* Answers when all is done; S3 itself may send blanks meanwhile to keep the connection. */
int s3d_copy_object(struct s3d_request *rq)
{
    struct s3d_copy_source source;
    struct s3d_object o = {0};
    struct buf xml;
    if (s3d_copy_source_open(rq, &source))
        return -1;
    const int rc = copy_from(rq, &source, &o);
    s3d_copy_source_close(&source);
    s3d_object_free(&o);
    if (rc)
        return -1;
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "CopyObjectResult");
    s3d_xml_time(&xml, "LastModified", o.modified);
    s3d_xml_etag(&xml, o.etag);
    if (o.sum_kind != S3_SUM_NONE)
        s3d_xml_text(&xml, s3d_checksum_element(o.sum_kind), o.sum);
    s3d_xml_close(&xml, "CopyObjectResult");
    return s3d_reply_xml(rq, &xml);
}
