/* Which operation a request is, and the refusal of everything that it does not know.
 *
 * Nothing is ignored that could change the outcome: an unknown query argument, an unknown x-amz-
 * header or an unknown value of a known one is answered NotImplemented, so that a program cannot
 * believe it was heard. */
#include "server/local/call.h"
#include "server/local/s3/s3d_ops.h"

#include <string.h>
#include <strings.h>

#define RESPONSE_QUERIES                                                                           \
    "response-cache-control response-content-disposition response-content-encoding "               \
    "response-content-language response-content-type response-expires"

/* In order: the first row whose method, place, selector and header fit is the operation. */
static const struct s3d_route routes[] = {
    {"ListBuckets", "GET", S3_ON_SERVICE, NULL, NULL, S3_BODY_NONE, false, s3d_list_buckets, ""},
    {"GetBucketLocation", "GET", S3_ON_BUCKET, "location", NULL, S3_BODY_NONE, false,
     s3d_get_bucket_location, ""},
    {"ListMultipartUploads", "GET", S3_ON_BUCKET, "uploads", NULL, S3_BODY_NONE, false,
     s3d_list_uploads, "prefix key-marker upload-id-marker max-uploads encoding-type"},
    {"ListObjectsV2", "GET", S3_ON_BUCKET, "list-type", NULL, S3_BODY_NONE, false,
     s3d_list_objects_v2,
     "prefix delimiter max-keys continuation-token start-after encoding-type fetch-owner"},
    {"ListObjects", "GET", S3_ON_BUCKET, NULL, NULL, S3_BODY_NONE, false, s3d_list_objects,
     "prefix delimiter max-keys marker encoding-type"},
    {"HeadBucket", "HEAD", S3_ON_BUCKET, NULL, NULL, S3_BODY_NONE, false, s3d_head_bucket, ""},
    {"CreateBucket", "PUT", S3_ON_BUCKET, NULL, NULL, S3_BODY_XML, false, s3d_create_bucket, ""},
    {"DeleteBucket", "DELETE", S3_ON_BUCKET, NULL, NULL, S3_BODY_NONE, false, s3d_delete_bucket,
     ""},
    {"DeleteObjects", "POST", S3_ON_BUCKET, "delete", NULL, S3_BODY_XML, false, s3d_delete_objects,
     ""},
    {"ListParts", "GET", S3_ON_OBJECT, "uploadId", NULL, S3_BODY_NONE, false, s3d_list_parts,
     "max-parts part-number-marker"},
    {"GetObjectTagging", "GET", S3_ON_OBJECT, "tagging", NULL, S3_BODY_NONE, false,
     s3d_get_object_tagging, ""},
    {"GetObject", "GET", S3_ON_OBJECT, NULL, NULL, S3_BODY_NONE, false, s3d_get_object,
     RESPONSE_QUERIES},
    {"HeadObject", "HEAD", S3_ON_OBJECT, NULL, NULL, S3_BODY_NONE, false, s3d_get_object,
     RESPONSE_QUERIES},
    {"UploadPartCopy", "PUT", S3_ON_OBJECT, "uploadId", "x-amz-copy-source", S3_BODY_NONE, true,
     s3d_upload_part_copy, "partNumber"},
    {"UploadPart", "PUT", S3_ON_OBJECT, "uploadId", NULL, S3_BODY_FILE, false, s3d_upload_part,
     "partNumber"},
    {"CopyObject", "PUT", S3_ON_OBJECT, NULL, "x-amz-copy-source", S3_BODY_NONE, true,
     s3d_copy_object, ""},
    {"PutObject", "PUT", S3_ON_OBJECT, NULL, NULL, S3_BODY_FILE, false, s3d_put_object, ""},
    {"AbortMultipartUpload", "DELETE", S3_ON_OBJECT, "uploadId", NULL, S3_BODY_NONE, false,
     s3d_abort_upload, ""},
    {"DeleteObject", "DELETE", S3_ON_OBJECT, NULL, NULL, S3_BODY_NONE, false, s3d_delete_object,
     ""},
    {"CreateMultipartUpload", "POST", S3_ON_OBJECT, "uploads", NULL, S3_BODY_NONE, false,
     s3d_create_upload, ""},
    {"CompleteMultipartUpload", "POST", S3_ON_OBJECT, "uploadId", NULL, S3_BODY_XML, true,
     s3d_complete_upload, ""},
};

/* x-amz- headers that mean nothing here, or that the operations read themselves. Where the last
 * column is given, the value must be one of its words. */
static const struct {
    const char *name;
    const char *values[3];
} headers[] = {
    {"x-amz-date", {0}},
    {"x-amz-content-sha256", {0}},
    {"x-amz-security-token", {0}},
    {"x-amz-user-agent", {0}},
    {"x-amz-decoded-content-length", {0}},
    {"x-amz-trailer", {0}},
    {"x-amz-sdk-checksum-algorithm", {0}},
    {"x-amz-checksum-algorithm", {0}},
    {"x-amz-checksum-mode", {"ENABLED"}},
    {"x-amz-checksum-type", {"COMPOSITE", "FULL_OBJECT"}},
    {"x-amz-checksum-crc32", {0}},
    {"x-amz-checksum-crc32c", {0}},
    {"x-amz-checksum-crc64nvme", {0}},
    {"x-amz-checksum-sha1", {0}},
    {"x-amz-checksum-sha256", {0}},
    {"x-amz-copy-source", {0}},
    {"x-amz-copy-source-range", {0}},
    {"x-amz-copy-source-if-match", {0}},
    {"x-amz-copy-source-if-none-match", {0}},
    {"x-amz-copy-source-if-modified-since", {0}},
    {"x-amz-copy-source-if-unmodified-since", {0}},
    {"x-amz-metadata-directive", {0}},
    {"x-amz-tagging-directive", {"COPY"}},
    {"x-amz-mp-object-size", {0}},
    {"x-amz-request-payer", {"requester"}},
    {"x-amz-storage-class", {"STANDARD"}},
    {"x-amz-server-side-encryption", {"AES256"}},
    {"x-amz-acl", {"private", "bucket-owner-full-control"}},
    {"x-amz-object-ownership", {"BucketOwnerEnforced"}},
    {"x-amz-expected-bucket-owner", {LOCAL_ACCOUNT}},
    {"x-amz-source-expected-bucket-owner", {LOCAL_ACCOUNT}},
};

/* Values that would change what the operation does are refused, not ignored. */
static bool header_value_known(size_t row, const char *value)
{
    if (!headers[row].values[0])
        return true;
    for (size_t i = 0; i < 3 && headers[row].values[i]; i++) {
        if (!strcmp(value, headers[row].values[i]))
            return true;
    }
    return false;
}

/* For http_each_header: the first unknown header is the fault. */
static void check_header(void *ctx, const char *name, const char *value)
{
    struct s3d_request *rq = ctx;
    if (rq->fault.code != S3_OK || strncasecmp(name, "x-amz-", 6) != 0 ||
        !strncasecmp(name, "x-amz-meta-", 11))
        return;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (strcasecmp(name, headers[i].name) != 0)
            continue;
        if (header_value_known(i, value))
            return;
        if (strstr(headers[i].name, "bucket-owner"))
            (void)s3d_fail(rq, S3_ACCESS_DENIED);
        else
            (void)s3d_failf(rq, S3_NOT_IMPLEMENTED, "%s: %s is not implemented here.", name, value);
        return;
    }
    (void)s3d_failf(rq, S3_NOT_IMPLEMENTED, "The header %s is not implemented here.", name);
    (void)s3d_fail_extra(rq, "Header", name);
}

/* Whether `name` is one of the words in `list`. */
static bool is_word(const char *name, const char *list)
{
    const size_t len = strlen(name);
    for (const char *p = list; *p; p += *p == ' ') {
        const size_t n = strcspn(p, " ");
        if (n == len && !memcmp(p, name, n))
            return true;
        p += n;
    }
    return false;
}

/* Presigned requests carry their signature in the query; SDKs name the operation there. */
static bool query_of_everyone(const char *name)
{
    return !strncmp(name, "X-Amz-", 6) || !strcmp(name, "x-id");
}

/* For http_each_query: the first unknown argument is the fault. */
static void check_query(void *ctx, const char *name, const char *value)
{
    struct s3d_request *rq = ctx;
    const struct s3d_route *route = rq->route;
    (void)value;
    if (rq->fault.code != S3_OK || query_of_everyone(name) ||
        (route->selector && !strcmp(name, route->selector)))
        return;
    if (is_word(name, route->queries))
        return;
    (void)s3d_failf(rq, S3_NOT_IMPLEMENTED, "%s with ?%s is not implemented here.", route->method,
                    name);
    (void)s3d_fail_extra(rq, "ResourceType", name);
}

/* Whether this row is the request's operation. */
static bool fits(const struct s3d_route *route, const struct s3d_request *rq, enum s3d_scope scope)
{
    return route->scope == scope && !strcmp(route->method, http_method(rq->x)) &&
           (!route->selector || http_query(rq->x, route->selector)) &&
           (!route->with_header || http_header(rq->x, route->with_header));
}

int s3d_route_find(struct s3d_request *rq)
{
    const enum s3d_scope scope = !*rq->bucket ? S3_ON_SERVICE
                                 : !*rq->key  ? S3_ON_BUCKET
                                              : S3_ON_OBJECT;
    for (size_t i = 0; i < sizeof routes / sizeof *routes && !rq->route; i++) {
        if (fits(&routes[i], rq, scope))
            rq->route = &routes[i];
    }
    if (!rq->route) {
        const bool known = *http_raw_query(rq->x) || !strcmp(http_method(rq->x), "OPTIONS");
        return s3d_failf(rq, known ? S3_NOT_IMPLEMENTED : S3_METHOD_NOT_ALLOWED,
                         "%s %s is not implemented here.", http_method(rq->x),
                         http_raw_path(rq->x));
    }
    http_each_query(rq->x, check_query, rq);
    http_each_header(rq->x, check_header, rq);
    return rq->fault.code == S3_OK ? 0 : -1;
}
