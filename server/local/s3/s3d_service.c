/* S3 as the engine of Step Functions sees it: a few operations in JSON, with bodies as text.
 *
 * Answers at once, on the caller's thread. Objects that are no text, or too long to be held, are
 * refused: state machines read and write JSON. */
#include "lib/base/buf.h"
#include "lib/json/json_read.h"
#include "server/local/call.h"
#include "server/local/s3/s3d_ops.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As s3d_object.c: an object that is replaced this often while it is looked up is not waited for.
 */
enum { KEYS_PER_PAGE = 1000, OPEN_TRIES = 16 };

static void refuse(struct local_call *call, enum s3d_code code, const struct error *err)
{
    local_fault(call, s3d_fault_status(code), s3d_fault_name(code), "%s",
                code == S3_INTERNAL ? err->message : s3d_fault_text(code));
}

/* The member, or NULL with the call answered. */
static const char *required(struct local_call *call, const char *member)
{
    const char *text = json_str(call->input, member, NULL);
    if (!text || !*text)
        local_fault(call, 400, "InvalidRequest", "The member %s of %s must be a text", member,
                    call->operation);
    return text && *text ? text : NULL;
}

/* The same for Bucket and Key: no other way stores a key that is longer. */
static const char *required_key(struct local_call *call, const char **bucket)
{
    *bucket = required(call, "Bucket");
    const char *key = *bucket ? required(call, "Key") : NULL;
    if (!key || strlen(key) <= S3_KEY_MAX)
        return key;
    refuse(call, S3_KEY_TOO_LONG, NULL);
    return NULL;
}

static int add_piece(void *ctx, const void *bytes, size_t len, struct error *err)
{
    struct buf *body = ctx;
    buf_add(body, bytes, len);
    return buf_check(body, err);
}

/* The object and its open file, as s3d_open_object; *fd is -1 unless it was found and opened. */
static enum s3d_code open_object(struct local_s3 *s3, const char *bucket, const char *key,
                                 struct s3d_object *o, int *fd, struct error *err)
{
    enum s3d_code code = S3_INTERNAL;
    *fd = -1;
    for (int i = 0; i < OPEN_TRIES && *fd < 0; i++) {
        s3d_object_free(o);
        code = s3d_object_find(s3->index, bucket, key, o, err);
        if (code != S3_OK)
            return code;
        *fd = s3d_file_open(s3->root, o->file, err);
        if (*fd < 0 && err->code != ERR_NOT_FOUND)
            break;
    }
    return *fd >= 0 ? S3_OK : S3_INTERNAL;
}

/* A new text value; NULL with the call answered. */
static json_t *body_text(struct local_call *call, const struct buf *body)
{
    json_t *text = json_stringn(buf_str(body), body->len);
    if (!text)
        local_fault(call, 400, "InvalidRequest", "The object is not UTF-8 text");
    return text;
}

/* The value of a stored header; `out` is empty when there is none. */
static void header_of(const struct s3d_object *o, const char *name, char *out, size_t size)
{
    const char *line = o->metadata ? o->metadata : "";
    size_t len = strlen(name);
    out[0] = '\0';
    for (; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
            (void)snprintf(out, size, "%.*s", (int)strcspn(line + len + 2, "\n"), line + len + 2);
}

static void reply_object(struct local_call *call, const struct s3d_object *o, struct buf *body)
{
    char etag[S3_ETAG_MAX + 2];
    char type[256];
    char modified[CLOCK_TEXT_MAX];
    json_t *text = body_text(call, body);
    buf_free(body);
    if (!text)
        return;
    header_of(o, "content-type", type, sizeof type);
    local_reply(call, json_pack("{s:s, s:I, s:s, s:s, s:s, s:{}, s:s, s:o}", "AcceptRanges",
                                "bytes", "ContentLength", (json_int_t)o->size, "ContentType", type,
                                "ETag", s3d_quote_etag(o->etag, etag), "LastModified",
                                clock_rfc3339(o->modified, modified), "Metadata",
                                "ServerSideEncryption", "AES256", "Body", text));
}

static void get_object(struct local_s3 *s3, struct local_call *call)
{
    struct error err = {0};
    struct s3d_object o = {0};
    struct buf body;
    int fd;
    const char *bucket;
    const char *key = required_key(call, &bucket);
    if (!key)
        return;
    enum s3d_code code = open_object(s3, bucket, key, &o, &fd, &err);
    buf_init(&body, BUF_MAX_OBJECT);
    if (code != S3_OK)
        refuse(call, code, &err);
    else if (o.size > BUF_MAX_OBJECT)
        local_fault(call, 400, "EntityTooLarge",
                    "The object has %llu bytes; state machines of this endpoint read at most %d: "
                    "divide it into several objects",
                    (unsigned long long)o.size, BUF_MAX_OBJECT);
    else if (s3d_file_read(fd, add_piece, &body, &err))
        refuse(call, S3_INTERNAL, &err);
    else
        reply_object(call, &o, &body);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&body);
    s3d_object_free(&o);
}

/* What S3 says of an object that it stored; NULL with err. */
static json_t *stored(struct local_s3 *s3, const char *bucket, const char *key, const void *data,
                      size_t len, struct error *err)
{
    struct s3d_checksum sum = {0};
    struct s3d_object o = {0};
    char text[S3_SUM_TEXT];
    char etag[S3_ETAG_MAX + 2];
    json_t *out = NULL;
    if (s3d_checksum_open(&sum, S3_SUM_CRC32, &s3->tables, err) == 0 &&
        s3d_checksum_add(&sum, data, len, err) == 0 &&
        s3d_object_find(s3->index, bucket, key, &o, err) == S3_OK) {
        s3d_checksum_end(&sum, text);
        out =
            json_pack("{s:s, s:s, s:s, s:s}", "ChecksumCRC32", text, "ChecksumType", "FULL_OBJECT",
                      "ETag", s3d_quote_etag(o.etag, etag), "ServerSideEncryption", "AES256");
    }
    s3d_checksum_close(&sum);
    s3d_object_free(&o);
    return out;
}

static void put_object(struct local_s3 *s3, struct local_call *call)
{
    struct error err = {0};
    struct buf text;
    json_t *body = json_object_get(call->input, "Body");
    const char *bucket;
    const char *key = required_key(call, &bucket);
    if (!key)
        return;
    enum s3d_code code = s3d_bucket_find(s3->index, bucket, &err);
    if (code != S3_OK) {
        refuse(call, code, &err);
        return;
    }
    buf_init(&text, BUF_MAX_OBJECT);
    if (body && !json_is_string(body))
        json_dump(&text, body);
    const char *data = json_is_string(body) ? json_string_value(body) : buf_str(&text);
    size_t len = json_is_string(body) ? json_string_length(body) : text.len;
    if (buf_check(&text, &err) || local_s3_put(s3, bucket, key, data, len, &err))
        refuse(call, S3_INTERNAL, &err);
    else
        local_reply(call, stored(s3, bucket, key, data, len, &err));
    buf_free(&text);
}

struct page {
    const char *prefix;
    json_t *contents;
    bool truncated;
};

static enum s3d_walk add_key(void *ctx, const char *key, const struct s3d_object *o,
                             struct buf *seek)
{
    struct page *page = ctx;
    char etag[S3_ETAG_MAX + 2];
    (void)seek;
    if (strncmp(key, page->prefix, strlen(page->prefix)) != 0)
        return S3_WALK_STOP;
    page->truncated = json_array_size(page->contents) == KEYS_PER_PAGE;
    if (page->truncated)
        return S3_WALK_STOP;
    json_array_append_new(page->contents,
                          json_pack("{s:s, s:s, s:I, s:I, s:s}", "Etag",
                                    s3d_quote_etag(o->etag, etag), "Key", key, "LastModified",
                                    (json_int_t)(o->modified / CLOCK_SECOND), "Size",
                                    (json_int_t)o->size, "StorageClass", "STANDARD"));
    return S3_WALK_NEXT;
}

/* Pages begin behind StartAfter: the token of a page is its last key. */
static void list_objects(struct local_s3 *s3, struct local_call *call)
{
    struct error err = {0};
    struct page page = {.prefix = json_str(call->input, "Prefix", "")};
    const char *after = json_str(call->input, "ContinuationToken", NULL);
    const char *bucket = required(call, "Bucket");
    if (!bucket)
        return;
    if (!after)
        after = json_str(call->input, "StartAfter", "");
    bool from_prefix = strcmp(after, page.prefix) < 0;
    page.contents = json_array();
    enum s3d_code code = s3d_object_walk(s3->index, bucket, from_prefix ? page.prefix : after,
                                         from_prefix, add_key, &page, &err);
    if (code != S3_OK) {
        refuse(call, code, &err);
        json_decref(page.contents);
        return;
    }
    size_t count = json_array_size(page.contents);
    json_t *out = json_pack("{s:o, s:b}", "Contents", page.contents, "IsTruncated", page.truncated);
    if (out && page.truncated)
        json_object_set(out, "NextContinuationToken",
                        json_object_get(json_array_get(page.contents, count - 1), "Key"));
    local_reply(call, out);
}

static const struct {
    const char *name;
    void (*call)(struct local_s3 *s3, struct local_call *call);
} operations[] = {
    {"GetObject", get_object},
    {"PutObject", put_object},
    {"ListObjectsV2", list_objects},
};

void s3d_service_call(void *self, struct local_call *call)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(operations[i].name, call->operation) == 0) {
            operations[i].call(self, call);
            return;
        }
    local_fault(call, 400, "UnknownOperationException",
                "This endpoint does not offer the operation %s of S3 to state machines",
                call->operation);
}
