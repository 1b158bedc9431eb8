/* Operations on buckets. There is one account, so that a bucket which exists is always the caller's
 * own. */
#include "lib/aws/xml.h"
#include "server/local/call.h"
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <stdio.h>
#include <string.h>

/* The one region in which creating one's own bucket again is no error. */
#define FIRST_REGION "us-east-1" /* its location constraint is the empty one */

/* A row of ListBuckets. */
static void list_one(void *ctx, const char *name, int64_t created)
{
    struct buf *xml = ctx;
    s3d_xml_open(xml, "Bucket");
    s3d_xml_text(xml, "Name", name);
    s3d_xml_time(xml, "CreationDate", created);
    s3d_xml_close(xml, "Bucket");
}

/* Unpaged: there are a handful. */
int s3d_list_buckets(struct s3d_request *rq)
{
    struct buf xml;
    struct error err = {0};
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "ListAllMyBucketsResult");
    buf_adds(&xml, "<Owner><ID>" LOCAL_ACCOUNT "</ID></Owner>");
    s3d_xml_open(&xml, "Buckets");
    if (s3d_bucket_each(rq->s3->index, list_one, &xml, &err)) {
        buf_free(&xml);
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    }
    s3d_xml_close(&xml, "Buckets");
    s3d_xml_close(&xml, "ListAllMyBucketsResult");
    return s3d_reply_xml(rq, &xml);
}

/* One element of CreateBucketConfiguration. */
static int check_setting(struct s3d_request *rq, const struct xml_node *setting)
{
    struct buf text;
    int rc = 0;
    if (!xml_is(setting, "LocationConstraint"))
        return s3d_failf(rq, S3_NOT_IMPLEMENTED, "CreateBucket with %.*s is not implemented here.",
                         (int)setting->name_len, setting->name);
    buf_init(&text, S3_NOTE_MAX);
    if (xml_text(setting, &text, NULL))
        rc = s3d_fail(rq, S3_MALFORMED_XML);
    else if (text.len && strcmp(buf_str(&text), rq->s3->region) != 0)
        rc = s3d_failf(rq, S3_ILLEGAL_LOCATION,
                       "The %s location constraint is incompatible with this endpoint's region, "
                       "%s.",
                       buf_str(&text), rq->s3->region);
    buf_free(&text);
    return rc;
}

/* The body may name a location: the region this endpoint stands for, or none. */
static int check_location(struct s3d_request *rq)
{
    struct xml_node root, setting;
    size_t len = 0, at = 0;
    const char *body = http_body(rq->x, &len);
    int found, rc = 0;
    if (!len)
        return 0;
    if (xml_root(body, len, &root, NULL) || !xml_is(&root, "CreateBucketConfiguration"))
        return s3d_fail(rq, S3_MALFORMED_XML);
    while (!rc && (found = xml_next(&root, &at, &setting, NULL)) != 0)
        rc = found < 0 ? s3d_fail(rq, S3_MALFORMED_XML) : check_setting(rq, &setting);
    return rc;
}

int s3d_create_bucket(struct s3d_request *rq)
{
    struct error err = {0};
    if (check_location(rq))
        return -1;
    enum s3d_code code = s3d_bucket_create(rq->s3->index, rq->bucket, s3d_now(rq->s3), &err);
    /* The first region alone answers its owner as if it had just been made. */
    if (code == S3_BUCKET_EXISTS && !strcmp(rq->s3->region, FIRST_REGION))
        code = S3_OK;
    if (code == S3_BUCKET_EXISTS)
        return s3d_fail(rq, code);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    char location[S3_BUCKET_MAX + 1];
    (void)snprintf(location, sizeof location, "/%s", rq->bucket);
    http_add_header(rq->x, "Location", location);
    return s3d_reply_empty(rq, 200);
}

/* SDKs learn the bucket's region from the header. */
int s3d_head_bucket(struct s3d_request *rq)
{
    struct error err = {0};
    const enum s3d_code code = s3d_bucket_find(rq->s3->index, rq->bucket, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    http_add_header(rq->x, "x-amz-bucket-region", rq->s3->region);
    return s3d_reply_empty(rq, 200);
}

/* The rows go first; a crash before the files are gone leaves orphans for the sweep. */
int s3d_delete_bucket(struct s3d_request *rq)
{
    struct s3d_ids files = {0};
    struct error err = {0};
    const enum s3d_code code = s3d_bucket_delete(rq->s3->index, rq->bucket, &files, &err);
    if (code == S3_OK)
        s3d_files_remove(rq->s3->root, &files);
    s3d_ids_free(&files);
    return code == S3_OK ? s3d_reply_empty(rq, 204) : s3d_fail_err(rq, code, &err);
}

/* The first region's name is the empty one, for historical reasons of S3. */
int s3d_get_bucket_location(struct s3d_request *rq)
{
    struct buf xml;
    struct error err = {0};
    const enum s3d_code code = s3d_bucket_find(rq->s3->index, rq->bucket, &err);
    if (code != S3_OK)
        return s3d_fail_err(rq, code, &err);
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "LocationConstraint");
    if (strcmp(rq->s3->region, FIRST_REGION) != 0)
        buf_adds(&xml, rq->s3->region);
    s3d_xml_close(&xml, "LocationConstraint");
    return s3d_reply_xml(rq, &xml);
}
