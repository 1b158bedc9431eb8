/* ListParts and ListMultipartUploads: pages of rows, in the order of their keys. */
#include "server/local/call.h"
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <stdio.h>
#include <string.h>

/* One page of parts or of uploads as it fills. */
struct page {
    struct buf entries;
    uint64_t max, count;
    bool truncated;
    uint32_t last_number;
    const char *prefix;
    bool url;
    char last_key[S3_KEY_MAX + 1];
    char last_id[S3_UPLOAD_ID];
};

/* One <Part>; false when the page is full. */
static bool add_part(void *ctx, const struct s3d_part *part)
{
    struct page *page = ctx;
    struct buf *xml = &page->entries;
    page->truncated = page->count == page->max;
    if (page->truncated)
        return false;
    page->count++;
    page->last_number = part->number;
    s3d_xml_open(xml, "Part");
    s3d_xml_uint(xml, "PartNumber", part->number);
    s3d_xml_time(xml, "LastModified", part->data.modified);
    s3d_xml_etag(xml, part->data.etag);
    s3d_xml_uint(xml, "Size", part->data.size);
    if (part->data.sum_kind != S3_SUM_NONE)
        s3d_xml_text(xml, s3d_checksum_element(part->data.sum_kind), part->data.sum);
    s3d_xml_close(xml, "Part");
    return true;
}

/* The one account, as both who began it and who owns it. */
static void add_owners(struct buf *xml)
{
    buf_adds(xml, "<Initiator><ID>" LOCAL_ACCOUNT "</ID></Initiator>"
                  "<Owner><ID>" LOCAL_ACCOUNT "</ID></Owner>"
                  "<StorageClass>STANDARD</StorageClass>");
}

/* Puts head and entries together; releases both. */
static int reply_page(struct s3d_request *rq, struct buf *xml, struct page *page, const char *root)
{
    struct error err = {0};
    if (buf_check(&page->entries, &err)) {
        buf_free(xml);
        buf_free(&page->entries);
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    }
    buf_add(xml, buf_str(&page->entries), page->entries.len);
    buf_free(&page->entries);
    s3d_xml_close(xml, root);
    return s3d_reply_xml(rq, xml);
}

int s3d_list_parts(struct s3d_request *rq)
{
    static const char root[] = "ListPartsResult";
    const char *id = http_query(rq->x, "uploadId");
    struct page page = {0};
    struct error err = {0};
    struct buf xml;
    uint64_t after;
    if (s3d_query_page(rq, "max-parts", 0, &page.max) ||
        s3d_query_number(rq, "part-number-marker", 0, 0, S3_PARTS_MAX, &after))
        return -1;
    buf_init(&page.entries, S3_REPLY_MAX / 2);
    enum s3d_code code = s3d_upload_find(rq->s3->index, id, rq->bucket, rq->key, NULL, NULL, &err);
    if (code == S3_OK)
        code = s3d_part_each(rq->s3->index, id, (uint32_t)after, add_part, &page, &err);
    if (code != S3_OK) {
        buf_free(&page.entries);
        return s3d_fail_err(rq, code, &err);
    }
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, root);
    s3d_xml_text(&xml, "Bucket", rq->bucket);
    s3d_xml_text(&xml, "Key", rq->key);
    s3d_xml_text(&xml, "UploadId", id);
    s3d_xml_uint(&xml, "PartNumberMarker", after);
    if (page.truncated)
        s3d_xml_uint(&xml, "NextPartNumberMarker", page.last_number);
    s3d_xml_uint(&xml, "MaxParts", page.max);
    s3d_xml_bool(&xml, "IsTruncated", page.truncated);
    add_owners(&xml);
    return reply_page(rq, &xml, &page, root);
}

/* One <Upload>; the walk goes on past those with another prefix. */
static bool add_upload(void *ctx, const struct s3d_upload *upload)
{
    struct page *page = ctx;
    struct buf *xml = &page->entries;
    if (strncmp(upload->key, page->prefix, strlen(page->prefix)) != 0)
        return true;
    page->truncated = page->count == page->max;
    if (page->truncated)
        return false;
    page->count++;
    (void)snprintf(page->last_key, sizeof page->last_key, "%s", upload->key);
    (void)snprintf(page->last_id, sizeof page->last_id, "%s", upload->id);
    s3d_xml_open(xml, "Upload");
    s3d_xml_name(xml, page->url, "Key", upload->key);
    s3d_xml_text(xml, "UploadId", upload->id);
    add_owners(xml);
    s3d_xml_time(xml, "Initiated", upload->created);
    s3d_xml_close(xml, "Upload");
    return true;
}

/* An absent argument and an empty one mean the same here. */
static const char *query_or_empty(const struct s3d_request *rq, const char *name)
{
    const char *value = http_query(rq->x, name);
    return value ? value : "";
}

/* What stands before the entries, echoing the request. */
static void add_upload_heads(struct s3d_request *rq, const struct page *page, struct buf *xml)
{
    s3d_xml_begin(xml, "ListMultipartUploadsResult");
    s3d_xml_text(xml, "Bucket", rq->bucket);
    s3d_xml_name(xml, page->url, "KeyMarker", query_or_empty(rq, "key-marker"));
    s3d_xml_text(xml, "UploadIdMarker", query_or_empty(rq, "upload-id-marker"));
    if (page->truncated) {
        s3d_xml_name(xml, page->url, "NextKeyMarker", page->last_key);
        s3d_xml_text(xml, "NextUploadIdMarker", page->last_id);
    }
    if (*page->prefix)
        s3d_xml_name(xml, page->url, "Prefix", page->prefix);
    if (page->url)
        s3d_xml_text(xml, "EncodingType", "url");
    s3d_xml_uint(xml, "MaxUploads", page->max);
    s3d_xml_bool(xml, "IsTruncated", page->truncated);
}

int s3d_list_uploads(struct s3d_request *rq)
{
    const char *key = query_or_empty(rq, "key-marker"),
               *id = query_or_empty(rq, "upload-id-marker");
    struct page page = {.prefix = query_or_empty(rq, "prefix"),
                        .url = !strcmp(query_or_empty(rq, "encoding-type"), "url")};
    struct error err = {0};
    struct buf xml;
    if (s3d_query_page(rq, "max-uploads", 1, &page.max))
        return -1;
    /* A key marker alone leaves out all uploads of that key: ids are lower-case hex. */
    if (*key && !*id)
        id = "~";
    buf_init(&page.entries, S3_REPLY_MAX / 2);
    const enum s3d_code code =
        s3d_upload_each(rq->s3->index, rq->bucket, key, id, add_upload, &page, &err);
    if (code != S3_OK) {
        buf_free(&page.entries);
        return s3d_fail_err(rq, code, &err);
    }
    buf_init(&xml, S3_REPLY_MAX);
    add_upload_heads(rq, &page, &xml);
    return reply_page(rq, &xml, &page, "ListMultipartUploadsResult");
}
