/* CompleteMultipartUpload: the list of parts, their checks, and putting them together.
 *
 * The parts' bytes are copied into one new file (in the kernel, sharing blocks where the file
 * system can), which is synced before the row that names it. Upload, parts and old object leave in
 * the same transaction; their files are removed after it. A client that repeats the call after a
 * lost answer is told NoSuchUpload. */
#include "lib/aws/xml.h"
#include "lib/crypto/crypto.h"
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
enum { PART_BYTES_MIN = 5 * 1024 * 1024 };

/* A part as the client's document names it, and the stored one that it must be. */
struct wanted {
    uint64_t number;
    char etag[S3_ETAG_MAX];
    enum s3d_checksum_kind sum_kind;
    char sum[S3_SUM_TEXT];
    char file[S3_FILE_ID];
    uint64_t size;
    bool found;
};

struct assembly {
    struct s3d_request *rq;
    struct wanted *parts;
    size_t count;
    size_t at; /* the next one to be found */
};

/* Takes the quotes off. */
static void copy_etag(char out[S3_ETAG_MAX], const char *text)
{
    text += *text == '"';
    (void)snprintf(out, S3_ETAG_MAX, "%.*s", (int)strcspn(text, "\""), text);
}

/* One member of <Part>, whose text is there. */
static int read_member(struct assembly *a, struct wanted *part, const struct xml_node *member,
                       const char *text)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%.*s", (int)member->name_len, member->name);
    if (xml_is(member, "PartNumber")) {
        char *end = NULL;
        part->number = strtoull(text, &end, 10);
        if (!part->number || part->number > S3_PARTS_MAX || *end)
            return s3d_fail(a->rq, S3_MALFORMED_XML);
    } else if (xml_is(member, "ETag")) {
        copy_etag(part->etag, text);
    } else if ((part->sum_kind = s3d_checksum_kind(name)) != S3_SUM_NONE) {
        (void)snprintf(part->sum, sizeof part->sum, "%s", text);
    } else {
        return s3d_failf(a->rq, S3_MALFORMED_XML, "%s has no place in a part.", name);
    }
    return 0;
}

/* <Part> with number, ETag and maybe a checksum, in any order. */
static int read_part(struct assembly *a, const struct xml_node *node, struct buf *text)
{
    struct xml_node member;
    size_t at = 0;
    int found, rc = 0;
    if (a->count == S3_PARTS_MAX || !xml_is(node, "Part"))
        return s3d_fail(a->rq, S3_MALFORMED_XML);
    struct wanted *part = &a->parts[a->count++];
    while (!rc && (found = xml_next(node, &at, &member, NULL)) != 0) {
        buf_reset(text);
        if (found < 0 || xml_text(&member, text, NULL))
            return s3d_fail(a->rq, S3_MALFORMED_XML);
        rc = read_member(a, part, &member, buf_str(text));
    }
    return rc;
}

/* Numbers must be there and ascend: S3 takes no other order. */
static int check_order(const struct assembly *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!a->parts[i].number)
            return s3d_fail(a->rq, S3_MALFORMED_XML);
        if (i && a->parts[i].number <= a->parts[i - 1].number)
            return s3d_fail(a->rq, S3_INVALID_PART_ORDER);
    }
    return a->count ? 0 : s3d_fail(a->rq, S3_MALFORMED_XML);
}

/* The whole <CompleteMultipartUpload>; at least one part. */
static int read_document(struct assembly *a)
{
    struct xml_node root, part;
    struct buf text;
    size_t len = 0, at = 0;
    const char *body = http_body(a->rq->x, &len);
    int found, rc = 0;
    if (xml_root(body, len, &root, NULL) || !xml_is(&root, "CompleteMultipartUpload"))
        return s3d_fail(a->rq, S3_MALFORMED_XML);
    buf_init(&text, BUF_MAX_LINE);
    while (!rc && (found = xml_next(&root, &at, &part, NULL)) != 0)
        rc = found < 0 ? s3d_fail(a->rq, S3_MALFORMED_XML) : read_part(a, &part, &text);
    buf_free(&text);
    return rc ? rc : check_order(a);
}

/* Both lists ascend: each stored part is the next wanted one, or is left out. */
static bool match_part(void *ctx, const struct s3d_part *stored)
{
    struct assembly *a = ctx;
    struct wanted *part = &a->parts[a->at];
    if (part->number < stored->number)
        return false;
    if (part->number > stored->number)
        return true;
    if (strcmp(part->etag, stored->data.etag) != 0 ||
        (part->sum_kind != S3_SUM_NONE &&
         (part->sum_kind != stored->data.sum_kind || strcmp(part->sum, stored->data.sum) != 0)))
        return false;
    part->found = true;
    part->size = stored->data.size;
    memcpy(part->file, stored->data.file, sizeof part->file);
    return ++a->at < a->count;
}

/* Every part named must be stored, with that ETag, and all but the last be large enough. */
static int match_parts(struct assembly *a)
{
    char number[24];
    struct error err = {0};
    const enum s3d_code code =
        s3d_part_each(a->rq->s3->index, http_query(a->rq->x, "uploadId"), 0, match_part, a, &err);
    if (code != S3_OK)
        return s3d_fail_err(a->rq, code, &err);
    for (size_t i = 0; i < a->count; i++) {
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)a->parts[i].number);
        if (!a->parts[i].found) {
            (void)s3d_fail(a->rq, S3_INVALID_PART);
            return s3d_fail_extra(a->rq, "PartNumber", number);
        }
        if (i + 1 < a->count && a->parts[i].size < PART_BYTES_MIN) {
            (void)s3d_fail(a->rq, S3_ENTITY_TOO_SMALL);
            return s3d_fail_extra(a->rq, "PartNumber", number);
        }
    }
    return 0;
}

/* MD5 of the parts' MD5s, a dash, and their number. */
static int assembled_etag(const struct assembly *a, char out[S3_ETAG_MAX], struct error *err)
{
    unsigned char md5[DIGEST_BYTES_MAX];
    char hex[MD5_HEX];
    struct digest *digest = digest_new(DIGEST_MD5, err);
    int rc = digest ? 0 : -1;
    for (size_t i = 0; i < a->count && !rc; i++) {
        unsigned char one[MD5_BYTES];
        for (size_t j = 0; j < MD5_BYTES; j++) {
            const char two[3] = {a->parts[i].etag[2 * j], a->parts[i].etag[2 * j + 1], '\0'};
            one[j] = (unsigned char)strtoul(two, NULL, 16);
        }
        rc = digest_add(digest, one, sizeof one, err);
    }
    if (!rc && digest_end(digest, md5) != MD5_BYTES)
        rc = err_set(err, ERR_INTERNAL, "the MD5 of an upload cannot be computed");
    digest_free(digest);
    if (!rc) {
        crypto_hex(md5, MD5_BYTES, hex);
        (void)snprintf(out, S3_ETAG_MAX, "%s-%zu", hex, a->count);
    }
    return rc;
}

/* Copies one part behind the ones before it. */
static int append_part(const struct assembly *a, const struct wanted *part, struct error *err)
{
    const int fd = s3d_file_open(a->rq->s3->root, part->file, err);
    if (fd < 0)
        return -1;
    const int rc = s3d_file_copy(fd, 0, part->size, a->rq->sink.fd, err);
    (void)close(fd);
    return rc;
}

/* For s3d_file_read. */
static int feed_checksum(void *ctx, const void *bytes, size_t len, struct error *err)
{
    return s3d_checksum_add(ctx, bytes, len, err);
}

/* A checksum of the whole object may come with the request: then it must be true. */
static enum s3d_code check_whole(const struct s3d_request *rq, struct s3d_object *o,
                                 struct error *err)
{
    struct s3d_checksum sum = {0};
    enum s3d_checksum_kind kind = S3_SUM_CRC32;
    while (kind < S3_SUM_COUNT && !http_header(rq->x, s3d_checksum_header(kind)))
        kind++;
    /* "...-N" is a checksum of checksums: each of those was compared already. */
    if (kind == S3_SUM_COUNT || strchr(http_header(rq->x, s3d_checksum_header(kind)), '-'))
        return S3_OK;
    enum s3d_code code = S3_OK;
    if (s3d_checksum_open(&sum, kind, &rq->s3->tables, err) ||
        s3d_file_read(rq->sink.fd, feed_checksum, &sum, err))
        code = S3_INTERNAL;
    if (code == S3_OK) {
        s3d_checksum_end(&sum, o->sum);
        o->sum_kind = kind;
        if (strcmp(o->sum, http_header(rq->x, s3d_checksum_header(kind))) != 0)
            code = S3_BAD_DIGEST;
    }
    s3d_checksum_close(&sum);
    return code;
}

/* Writes the object's file from its parts and puts it in the uploads' place. */
static int assemble(struct assembly *a, struct s3d_object *o)
{
    struct s3d_request *rq = a->rq;
    struct s3d_write_condition condition;
    struct error err = {0};
    if (s3d_write_conditions(rq, &condition))
        return -1;
    int rc = s3d_sink_open_file(&rq->sink, rq->s3->root, &err);
    for (size_t i = 0; i < a->count && !rc; i++) {
        rc = append_part(a, &a->parts[i], &err);
        o->size += a->parts[i].size;
    }
    if (!rc)
        rc = assembled_etag(a, o->etag, &err);
    const enum s3d_code code = rc ? S3_INTERNAL : check_whole(rq, o, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    o->parts = (uint32_t)a->count;
    return s3d_store_object(rq, o, &condition, http_query(rq->x, "uploadId"));
}

/* The upload's own metadata, given when it was created, becomes the object's. */
static int complete(struct assembly *a, struct s3d_object *o)
{
    struct error err = {0};
    const enum s3d_code code = s3d_upload_find(a->rq->s3->index, http_query(a->rq->x, "uploadId"),
                                               a->rq->bucket, a->rq->key, &o->metadata, NULL, &err);
    if (code != S3_OK)
        return s3d_fail_err(a->rq, code, &err);
    if (read_document(a) || match_parts(a))
        return -1;
    return assemble(a, o);
}

/* What <Location> says: path style, on the host the client used. */
static void object_url(const struct s3d_request *rq, struct buf *out)
{
    const char *host = http_header(rq->x, "Host");
    buf_addf(out, "http://%s/%s/", host ? host : "localhost", rq->bucket);
    s3d_url_encode(out, rq->key);
}

/* 10,000 wanted parts are some 2 MB: too much for the stack. */
int s3d_complete_upload(struct s3d_request *rq)
{
    struct s3d_object o = {0};
    struct assembly a = {.rq = rq, .parts = calloc(S3_PARTS_MAX, sizeof *a.parts)};
    struct buf xml, url;
    if (!a.parts)
        return s3d_fail(rq, S3_INTERNAL);
    const int rc = complete(&a, &o);
    free(a.parts);
    s3d_object_free(&o);
    if (rc)
        return -1;
    buf_init(&xml, S3_REPLY_MAX);
    buf_init(&url, BUF_MAX_LINE);
    object_url(rq, &url);
    s3d_xml_begin(&xml, "CompleteMultipartUploadResult");
    s3d_xml_text(&xml, "Location", buf_str(&url));
    s3d_xml_text(&xml, "Bucket", rq->bucket);
    s3d_xml_text(&xml, "Key", rq->key);
    s3d_xml_etag(&xml, o.etag);
    s3d_xml_close(&xml, "CompleteMultipartUploadResult");
    buf_free(&url);
    return s3d_reply_xml(rq, &xml);
}
