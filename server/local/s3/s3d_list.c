/* ListObjects and ListObjectsV2: one walk over the keys in byte order, in which a common prefix
 * costs one seek however many keys share it. The two versions differ in how a page names the next
 * one: by the last entry itself, or by a token that also tells what kind of entry that was. */
#include "lib/crypto/crypto.h"
#include "server/local/call.h"
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <stdlib.h>
#include <string.h>

/* One listing. A page ends with the last entry it shows: a key, or a common prefix. */
struct listing {
    const char *prefix, *delimiter;
    const char *marker; /* version 1: entries up to this one are left out */
    uint64_t max;
    bool url; /* names are percent-encoded */
    bool owner;
    /* Separate, because all keys come before all prefixes in the answer. */
    struct buf contents, prefixes;
    uint64_t count;
    bool truncated;
    char last[S3_KEY_MAX + 1]; /* the last entry shown */
    bool last_is_prefix;
};

/* One <Contents>. */
static void add_object(struct listing *l, const char *key, const struct s3d_object *o)
{
    struct buf *xml = &l->contents;
    s3d_xml_open(xml, "Contents");
    s3d_xml_name(xml, l->url, "Key", key);
    s3d_xml_time(xml, "LastModified", o->modified);
    s3d_xml_etag(xml, o->etag);
    if (o->sum_kind != S3_SUM_NONE)
        s3d_xml_text(xml, "ChecksumAlgorithm", s3d_checksum_algorithm(o->sum_kind));
    s3d_xml_uint(xml, "Size", o->size);
    if (l->owner)
        buf_adds(xml, "<Owner><ID>" LOCAL_ACCOUNT "</ID></Owner>");
    s3d_xml_text(xml, "StorageClass", "STANDARD");
    s3d_xml_close(xml, "Contents");
}

/* Bytes of `key` up to and with the first delimiter behind the prefix; 0 if there is none. */
static size_t common_length(const struct listing *l, const char *key)
{
    if (!*l->delimiter)
        return 0;
    const char *at = strstr(key + strlen(l->prefix), l->delimiter);
    return at ? (size_t)(at - key) + strlen(l->delimiter) : 0;
}

/* The first text behind all that begin with `len` bytes of `text`: its last byte, counted up. Keys
 * are UTF-8, so that no byte is 0xff. */
static void behind(const char *text, size_t len, struct buf *out)
{
    buf_add(out, text, len - 1);
    buf_addc(out, (char)(text[len - 1] + 1));
}

/* Remembers the last entry of the page: the next one begins behind it. */
static void shown(struct listing *l, const char *text, size_t len, bool is_prefix)
{
    memcpy(l->last, text, len);
    l->last[len] = '\0';
    l->last_is_prefix = is_prefix;
    l->count++;
}

/* One key of the walk: an entry of its own, or the first of a common prefix, whose other keys are
 * then jumped over. */
static enum s3d_walk visit(void *ctx, const char *key, const struct s3d_object *o, struct buf *seek)
{
    struct listing *l = ctx;
    const size_t key_len = strlen(key);
    if (strncmp(key, l->prefix, strlen(l->prefix)) != 0 || key_len > S3_KEY_MAX)
        return S3_WALK_STOP;
    const size_t common = common_length(l, key);
    /* A marker that is a common prefix was the last entry of the page before. */
    if (common && l->marker && strlen(l->marker) == common && !strncmp(l->marker, key, common)) {
        behind(key, common, seek);
        return S3_WALK_SEEK;
    }
    if (l->count == l->max) {
        l->truncated = true;
        return S3_WALK_STOP;
    }
    if (!common) {
        add_object(l, key, o);
        shown(l, key, key_len, false);
        return S3_WALK_NEXT;
    }
    shown(l, key, common, true);
    s3d_xml_open(&l->prefixes, "CommonPrefixes");
    s3d_xml_name(&l->prefixes, l->url, "Prefix", l->last);
    s3d_xml_close(&l->prefixes, "CommonPrefixes");
    behind(key, common, seek);
    return S3_WALK_SEEK;
}

/* The arguments that both versions have. */
static int listing_open(struct s3d_request *rq, struct listing *l)
{
    const char *prefix = http_query(rq->x, "prefix"), *delimiter = http_query(rq->x, "delimiter");
    const char *encoding = http_query(rq->x, "encoding-type");
    *l = (struct listing){.prefix = prefix ? prefix : "",
                          .delimiter = delimiter ? delimiter : "",
                          .url = encoding && !strcmp(encoding, "url")};
    buf_init(&l->contents, S3_REPLY_MAX / 2);
    buf_init(&l->prefixes, S3_REPLY_MAX / 2);
    if (encoding && !l->url)
        return s3d_failf(rq, S3_INVALID_ARGUMENT, "Invalid Encoding Method specified in Request");
    return s3d_query_page(rq, "max-keys", 0, &l->max);
}

/* Safe after a listing_open that failed. */
static void listing_close(struct listing *l)
{
    buf_free(&l->contents);
    buf_free(&l->prefixes);
}

/* Walks from `from` (exclusive unless said otherwise) or from the prefix, whichever is later. */
static int listing_walk(struct s3d_request *rq, struct listing *l, const char *from, bool inclusive)
{
    struct error err = {0};
    enum s3d_code code;
    if (strcmp(from, l->prefix) < 0) {
        from = l->prefix;
        inclusive = true;
    }
    if (l->max)
        code = s3d_object_walk(rq->s3->index, rq->bucket, from, inclusive, visit, l, &err);
    else
        code = s3d_bucket_find(rq->s3->index, rq->bucket, &err);
    return code == S3_OK ? 0 : s3d_fail_err(rq, code, &err);
}

/* The elements that both versions begin with. */
static void add_common(struct s3d_request *rq, const struct listing *l, struct buf *xml)
{
    s3d_xml_begin(xml, "ListBucketResult");
    s3d_xml_text(xml, "Name", rq->bucket);
    s3d_xml_name(xml, l->url, "Prefix", l->prefix);
    if (*l->delimiter)
        s3d_xml_name(xml, l->url, "Delimiter", l->delimiter);
    s3d_xml_uint(xml, "MaxKeys", l->max);
    if (l->url)
        s3d_xml_text(xml, "EncodingType", "url");
    s3d_xml_bool(xml, "IsTruncated", l->truncated);
}

/* S3 writes all keys first, then all common prefixes. */
static int finish(struct s3d_request *rq, const struct listing *l, struct buf *xml)
{
    struct error err = {0};
    if (buf_check(&l->contents, &err) || buf_check(&l->prefixes, &err)) {
        buf_free(xml);
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    }
    buf_add(xml, buf_str(&l->contents), l->contents.len);
    buf_add(xml, buf_str(&l->prefixes), l->prefixes.len);
    s3d_xml_close(xml, "ListBucketResult");
    return s3d_reply_xml(rq, xml);
}

/* The marker is an entry's name; NextMarker is only given with a delimiter, as in S3, since
 * otherwise the client has the last key. */
static int list_v1(struct s3d_request *rq, struct listing *l)
{
    struct buf xml;
    const char *marker = http_query(rq->x, "marker");
    l->owner = true;
    l->marker = marker && *marker ? marker : NULL;
    if (listing_walk(rq, l, marker ? marker : "", false))
        return -1;
    buf_init(&xml, S3_REPLY_MAX);
    add_common(rq, l, &xml);
    s3d_xml_name(&xml, l->url, "Marker", marker ? marker : "");
    if (l->truncated && *l->delimiter)
        s3d_xml_name(&xml, l->url, "NextMarker", l->last);
    return finish(rq, l, &xml);
}

int s3d_list_objects(struct s3d_request *rq)
{
    struct listing l;
    int rc = listing_open(rq, &l);
    if (!rc)
        rc = list_v1(rq, &l);
    listing_close(&l);
    return rc;
}

/* A token is base64 of 'k' or 'p' and the last key or common prefix shown. */
static void add_token(const struct listing *l, struct buf *xml)
{
    char text[S3_KEY_MAX + 2], token[(S3_KEY_MAX + 4) / 3 * 4 + 1];
    const size_t len = strlen(l->last);
    text[0] = l->last_is_prefix ? 'p' : 'k';
    memcpy(text + 1, l->last, len);
    crypto_base64(text, len + 1, token);
    s3d_xml_text(xml, "NextContinuationToken", token);
}

/* Where a token goes on; `out` is the caller's buffer. */
static int read_token(struct s3d_request *rq, const char *token, struct buf *out, bool *inclusive)
{
    unsigned char text[S3_KEY_MAX + 8];
    size_t len = 0;
    if (strlen(token) > sizeof text ||
        crypto_base64_decode(token, strlen(token), text, &len, NULL) || len < 2 ||
        (text[0] != 'k' && text[0] != 'p'))
        return s3d_failf(rq, S3_INVALID_ARGUMENT, "The continuation token provided is incorrect");
    *inclusive = text[0] == 'p';
    if (*inclusive)
        behind((const char *)text + 1, len - 1, out);
    else
        buf_add(out, text + 1, len - 1);
    return 0;
}

/* A continuation token wins over start-after, which the client repeats with each page. */
static int list_v2(struct s3d_request *rq, struct listing *l, struct buf *from)
{
    struct buf xml;
    const char *token = http_query(rq->x, "continuation-token");
    const char *start = http_query(rq->x, "start-after"), *owner = http_query(rq->x, "fetch-owner");
    bool inclusive = false;
    l->owner = owner && !strcmp(owner, "true");
    if (token ? read_token(rq, token, from, &inclusive) : (buf_adds(from, start ? start : ""), 0))
        return -1;
    if (listing_walk(rq, l, buf_str(from), inclusive))
        return -1;
    buf_init(&xml, S3_REPLY_MAX);
    add_common(rq, l, &xml);
    s3d_xml_uint(&xml, "KeyCount", l->count);
    s3d_xml_text(&xml, "ContinuationToken", token);
    if (start)
        s3d_xml_name(&xml, l->url, "StartAfter", start);
    if (l->truncated)
        add_token(l, &xml);
    return finish(rq, l, &xml);
}

int s3d_list_objects_v2(struct s3d_request *rq)
{
    struct listing l;
    struct buf from;
    if (strcmp(http_query(rq->x, "list-type"), "2") != 0)
        return s3d_failf(rq, S3_INVALID_ARGUMENT, "list-type must be 2.");
    buf_init(&from, BUF_MAX_LINE);
    int rc = listing_open(rq, &l);
    if (!rc)
        rc = list_v2(rq, &l, &from);
    listing_close(&l);
    buf_free(&from);
    return rc;
}
