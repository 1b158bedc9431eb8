/* Multipart uploads: creating, parts, listing, aborting. */
#include "lib/crypto/crypto.h"
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The id is random: it is all that keeps two uploads to one key apart. */
int s3d_create_upload(struct s3d_request *rq)
{
    const char *algorithm = http_header(rq->x, "x-amz-checksum-algorithm");
    unsigned char random[(S3_UPLOAD_ID - 1) / 2];
    struct s3d_upload upload = {.bucket = rq->bucket, .key = rq->key, .created = s3d_now(rq->s3)};
    struct error err = {0};
    struct buf xml;
    if (algorithm && (upload.sum_kind = s3d_checksum_kind(algorithm)) == S3_SUM_NONE)
        return s3d_failf(rq, S3_INVALID_REQUEST, "Checksum algorithm provided is unsupported.");
    if (crypto_random(random, sizeof random, &err))
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    crypto_hex(random, sizeof random, upload.id);
    char *metadata = s3d_metadata_read(rq);
    if (!metadata)
        return -1;
    upload.metadata = metadata;
    const enum s3d_code code = s3d_upload_create(rq->s3->index, &upload, &err);
    free(metadata);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    if (algorithm)
        http_add_header(rq->x, "x-amz-checksum-algorithm", algorithm);
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "InitiateMultipartUploadResult");
    s3d_xml_text(&xml, "Bucket", rq->bucket);
    s3d_xml_text(&xml, "Key", rq->key);
    s3d_xml_text(&xml, "UploadId", upload.id);
    s3d_xml_close(&xml, "InitiateMultipartUploadResult");
    return s3d_reply_xml(rq, &xml);
}

/* Makes the sink's file durable and stores it as the part. */
static int store_part(struct s3d_request *rq, struct s3d_part *part)
{
    const char *upload = http_query(rq->x, "uploadId");
    char old[S3_FILE_ID];
    struct error err = {0};
    uint64_t number;
    if (!http_query(rq->x, "partNumber"))
        return s3d_failf(rq, S3_INVALID_ARGUMENT, "partNumber is missing.");
    if (s3d_query_number(rq, "partNumber", 0, 1, S3_PARTS_MAX, &number))
        return -1;
    part->number = (uint32_t)number;
    part->data.modified = s3d_now(rq->s3);
    (void)snprintf(part->data.file, sizeof part->data.file, "%s", rq->sink.file);
    enum s3d_code code =
        s3d_upload_find(rq->s3->index, upload, rq->bucket, rq->key, NULL, NULL, &err);
    /* File before row, as for objects; the upload is looked up before the costly sync. */
    if (code == S3_OK && s3d_sink_seal(&rq->sink, &err))
        code = S3_INTERNAL;
    if (code == S3_OK)
        code = s3d_part_store(rq->s3->index, upload, part, old, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    s3d_sink_keep(&rq->sink);
    s3d_file_remove(rq->s3->root, old);
    return 0;
}

/* The ETag is the MD5 of the part; CompleteMultipartUpload names it again. */
int s3d_upload_part(struct s3d_request *rq)
{
    char etag[S3_ETAG_MAX + 2];
    struct s3d_part part = {0};
    struct s3d_sunk sunk;
    struct error err = {0};
    const enum s3d_code code = s3d_sink_end(&rq->sink, rq->x, &sunk, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    (void)snprintf(part.data.etag, sizeof part.data.etag, "%s", sunk.md5_hex);
    part.data.size = rq->sink.size;
    part.data.sum_kind = rq->sink.checksum.kind;
    memcpy(part.data.sum, sunk.sum, sizeof part.data.sum);
    if (store_part(rq, &part))
        return -1;
    http_add_header(rq->x, "ETag", s3d_quote_etag(part.data.etag, etag));
    if (part.data.sum_kind != S3_SUM_NONE)
        http_add_header(rq->x, s3d_checksum_header(part.data.sum_kind), part.data.sum);
    return s3d_reply_empty(rq, 200);
}

/* The range must be whole and within the source, unlike that of a GET. */
static int source_range(struct s3d_request *rq, uint64_t size, uint64_t *from, uint64_t *len)
{
    const char *header = http_header(rq->x, "x-amz-copy-source-range");
    uint64_t first = 0, last = 0;
    int end = 0;
    *from = 0;
    *len = size;
    if (!header)
        return 0;
    if (sscanf(header, "bytes=%" SCNu64 "-%" SCNu64 "%n", &first, &last, &end) != 2 ||
        header[end] || last < first)
        return s3d_failf(rq, S3_INVALID_ARGUMENT,
                         "The x-amz-copy-source-range value must be of the form bytes=first-last "
                         "where first and last are the zero-based offsets of the first and last "
                         "bytes to copy");
    if (last >= size)
        return s3d_failf(rq, S3_INVALID_ARGUMENT,
                         "Range specified is not valid for source object of size: %" PRIu64, size);
    *from = first;
    *len = last - first + 1;
    return 0;
}

/* The ETag of a part is its MD5: the copied bytes are read once to know it. */
static int copy_part(struct s3d_request *rq, const struct s3d_copy_source *source,
                     struct s3d_part *part)
{
    uint64_t from, len;
    char md5[MD5_HEX];
    struct error err = {0};
    if (source_range(rq, source->object.size, &from, &len))
        return -1;
    if (len > S3_OBJECT_BYTES_MAX)
        return s3d_fail(rq, S3_ENTITY_TOO_LARGE);
    if (s3d_sink_open_file(&rq->sink, rq->s3->root, &err) ||
        s3d_file_copy(source->fd, from, len, rq->sink.fd, &err) ||
        s3d_file_md5(rq->sink.fd, md5, &err))
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    (void)snprintf(part->data.etag, sizeof part->data.etag, "%s", md5);
    part->data.size = len;
    return store_part(rq, part);
}

/* Slow, so on a worker: it reads what it has copied once, for the MD5. */
int s3d_upload_part_copy(struct s3d_request *rq)
{
    struct s3d_copy_source source;
    struct s3d_part part = {0};
    struct buf xml;
    if (s3d_copy_source_open(rq, &source))
        return -1;
    const int rc = copy_part(rq, &source, &part);
    s3d_copy_source_close(&source);
    if (rc)
        return -1;
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "CopyPartResult");
    s3d_xml_time(&xml, "LastModified", part.data.modified);
    s3d_xml_etag(&xml, part.data.etag);
    s3d_xml_close(&xml, "CopyPartResult");
    return s3d_reply_xml(rq, &xml);
}

/* A part that is being uploaded meanwhile finds the upload gone and removes its file. */
int s3d_abort_upload(struct s3d_request *rq)
{
    struct s3d_ids files = {0};
    struct error err = {0};
    const enum s3d_code code = s3d_upload_abort(rq->s3->index, http_query(rq->x, "uploadId"),
                                                rq->bucket, rq->key, &files, &err);
    if (code == S3_OK)
        s3d_files_remove(rq->s3->root, &files);
    s3d_ids_free(&files);
    return code == S3_OK ? s3d_reply_empty(rq, 204) : s3d_fail_err(rq, code, &err);
}
