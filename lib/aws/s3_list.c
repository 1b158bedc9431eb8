/* Buckets: HeadBucket; ListObjectsV2, asking for a page and reading it. */
#include "lib/aws/request.h"
#include "lib/aws/s3.h"
#include "lib/aws/xml.h"
#include "lib/base/hex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 1000, ENCODED_KEY_MAX = 4096 };

/* What would lead to another bucket or operation is refused before it is sent. */
static int begin(struct aws_request *r, const char *operation, const char *method,
                 const char *bucket, struct error *err)
{
    aws_request_open(r, AWS_S3, operation, method);
    buf_addf(&r->path, "/%s", bucket);
    if (*bucket && !strpbrk(bucket, "/?#% "))
        return 0;
    aws_request_free(r);
    return err_set(err, ERR_ARGUMENT, "'%.80s' is not the name of a bucket", bucket);
}

int s3_head_bucket(struct aws_request *r, const char *bucket, struct error *err)
{
    if (begin(r, "HeadBucket", "HEAD", bucket, err))
        return -1;
    return aws_request_finish(r, err);
}

/* List version 2: the continuation token replaces version 1's marker. */
int s3_list_objects(struct aws_request *r, const char *bucket, const char *prefix, int max_keys,
                    const char *continuation, struct error *err)
{
    char keys[16];
    if (begin(r, "ListObjectsV2", "GET", bucket, err))
        return -1;
    aws_request_query(r, "list-type", "2");
    aws_request_query(r, "encoding-type", "url"); /* keys may hold what XML cannot */
    if (prefix && *prefix)
        aws_request_query(r, "prefix", prefix);
    if (max_keys > 0) {
        (void)snprintf(keys, sizeof keys, "%d", max_keys < KEYS_MAX ? max_keys : KEYS_MAX);
        aws_request_query(r, "max-keys", keys);
    }
    if (continuation)
        aws_request_query(r, "continuation-token", continuation);
    r->expect_root = "ListBucketResult";
    return aws_request_finish(r, err);
}

/* Decodes in place: %41, and + for a blank. */
static void url_decode(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        int high = *at == '%' ? hex_digit(at[1]) : -1;
        int low = high >= 0 ? hex_digit(at[2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            at += 2;
        } else {
            *to++ = *at == '+' ? ' ' : *at;
        }
    }
    *to = '\0';
}

/* The text of a child as a string of the caller's; NULL with err set if absent or broken. */
static char *child_text(const struct xml_node *node, const char *name, struct error *err)
{
    struct xml_node child;
    struct buf text;
    char *out = NULL;
    if (!xml_find(node, name, &child)) {
        err_set(err, ERR_SYNTAX, "a listing without %s", name);
        return NULL;
    }
    buf_init(&text, ENCODED_KEY_MAX);
    if (xml_text(&child, &text, err) == 0)
        out = buf_take(&text, NULL);
    buf_free(&text);
    return out;
}

static int read_object(const struct xml_node *node, bool encoded, struct s3_object *out,
                       struct error *err)
{
    char *size = child_text(node, "Size", err);
    char *end = size;
    if (!size)
        return -1;
    errno = 0;
    out->size = strtoll(size, &end, 10);
    bool sound = errno == 0 && end != size && !*end && out->size >= 0;
    free(size);
    if (!sound)
        return err_set(err, ERR_SYNTAX, "a listing with a size that is no number");
    out->key = child_text(node, "Key", err);
    if (!out->key)
        return -1;
    if (encoded)
        url_decode(out->key);
    return 0;
}

/* Absent counts as another text. */
static bool text_is(const struct xml_node *root, const char *name, const char *value)
{
    char *text = child_text(root, name, NULL);
    bool same = text && strcmp(text, value) == 0;
    free(text);
    return same;
}

/* Contents may stand between other elements, in any number up to the page's ceiling. */
static int read_objects(const struct xml_node *root, struct s3_listing *out, struct error *err)
{
    struct xml_node child;
    size_t at = 0;
    bool encoded = text_is(root, "EncodingType", "url");
    out->objects = calloc(KEYS_MAX, sizeof *out->objects);
    if (!out->objects)
        return err_set(err, ERR_MEMORY, "out of memory for a listing");
    for (int more; (more = xml_next(root, &at, &child, err));) {
        if (more < 0)
            return -1;
        if (!xml_is(&child, "Contents"))
            continue;
        if (out->count == KEYS_MAX)
            return err_set(err, ERR_LIMIT, "a listing of more than %d objects", KEYS_MAX);
        if (read_object(&child, encoded, &out->objects[out->count++], err))
            return -1;
    }
    return 0;
}

/* The token of a truncated listing must be there: without it the rest would be lost unnoticed. */
int s3_list_result(const struct aws_response *response, struct s3_listing *out, struct error *err)
{
    struct xml_node root;
    const struct buf *body = &response->http.body;
    *out = (struct s3_listing){0};
    if (xml_root(buf_str(body), body->len, &root, err) || read_objects(&root, out, err))
        goto fail;
    if (text_is(&root, "IsTruncated", "true")) {
        out->continuation = child_text(&root, "NextContinuationToken", err);
        if (!out->continuation)
            goto fail;
    }
    return 0;

fail:
    s3_listing_free(out);
    return -1;
}

void s3_listing_free(struct s3_listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->objects[i].key);
    free(l->objects);
    free(l->continuation);
    *l = (struct s3_listing){0};
}
