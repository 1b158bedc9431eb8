/* DeleteObjects: many keys in one document.
 *
 * All rows go in one transaction, so that the answer is the same for every key; S3 itself may fail
 * single ones. Files go after the commit. */
#include "lib/aws/xml.h"
#include "server/local/s3/s3d_ops.h"
#include "server/local/s3/s3d_xml.h"

#include <stdlib.h>
#include <string.h>

/* S3's own ceiling for one request. */
enum { DELETE_MAX = 1000 };

/* What the document asks for; some 8 KB, so on the heap. */
struct delete_list {
    char *keys[DELETE_MAX];
    size_t count;
    bool quiet;
};

static void list_free(struct delete_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->keys[i]);
    free(list);
}

/* The text of an element in a buffer of the caller's, which is emptied first. */
static int element_text(struct s3d_request *rq, const struct xml_node *node, struct buf *text)
{
    buf_reset(text);
    return xml_text(node, text, NULL) ? s3d_fail(rq, S3_MALFORMED_XML) : 0;
}

/* Takes the text of a <Key> over into the list. */
static int add_key(struct s3d_request *rq, struct delete_list *list, struct buf *text)
{
    if (list->count == DELETE_MAX || !text->len)
        return s3d_fail(rq, S3_MALFORMED_XML);
    if (text->len > S3_KEY_MAX)
        return s3d_fail(rq, S3_KEY_TOO_LONG);
    list->keys[list->count] = buf_take(text, NULL);
    return list->keys[list->count] ? (list->count++, 0) : s3d_fail(rq, S3_INTERNAL);
}

/* <Object><Key>..</Key></Object>: versions, ETags and dates are not implemented. */
static int read_object(struct s3d_request *rq, struct delete_list *list,
                       const struct xml_node *object, struct buf *text)
{
    struct xml_node member;
    size_t at = 0;
    int found, rc = 0, keys = 0;
    while (!rc && (found = xml_next(object, &at, &member, NULL)) != 0) {
        if (found < 0)
            return s3d_fail(rq, S3_MALFORMED_XML);
        if (!xml_is(&member, "Key"))
            return s3d_failf(rq, S3_NOT_IMPLEMENTED,
                             "DeleteObjects with %.*s is not implemented here.",
                             (int)member.name_len, member.name);
        rc = element_text(rq, &member, text);
        if (!rc)
            rc = add_key(rq, list, text);
        keys++;
    }
    return rc || keys == 1 ? rc : s3d_fail(rq, S3_MALFORMED_XML);
}

/* <Quiet> and the <Object>s, in any order. */
static int read_members(struct s3d_request *rq, struct delete_list *list,
                        const struct xml_node *root, struct buf *text)
{
    struct xml_node member;
    size_t at = 0;
    int found, rc = 0;
    while (!rc && (found = xml_next(root, &at, &member, NULL)) != 0) {
        if (found < 0)
            return s3d_fail(rq, S3_MALFORMED_XML);
        if (xml_is(&member, "Object")) {
            rc = read_object(rq, list, &member, text);
        } else if (xml_is(&member, "Quiet")) {
            rc = element_text(rq, &member, text);
            list->quiet = !strcmp(buf_str(text), "true");
        } else {
            rc = s3d_fail(rq, S3_MALFORMED_XML);
        }
    }
    return rc || list->count ? rc : s3d_fail(rq, S3_MALFORMED_XML);
}

/* The list, with all strings its own; freed by list_free also when this fails half way. */
static int read_list(struct s3d_request *rq, struct delete_list *list)
{
    struct xml_node root;
    struct buf text;
    size_t len = 0;
    const char *body = http_body(rq->x, &len);
    if (xml_root(body, len, &root, NULL) || !xml_is(&root, "Delete"))
        return s3d_fail(rq, S3_MALFORMED_XML);
    buf_init(&text, BUF_MAX_LINE);
    const int rc = read_members(rq, list, &root, &text);
    buf_free(&text);
    return rc;
}

/* The body must be vouched for by Content-MD5 or one of the x-amz-checksum-* headers. */
static int check_body(struct s3d_request *rq)
{
    struct s3d_sink sink = {0};
    struct s3d_sunk sunk;
    struct error err = {0};
    size_t len = 0;
    const char *body = http_body(rq->x, &len);
    enum s3d_code code = s3d_sink_open_digests(&sink, rq->x, &rq->s3->tables, &err);
    if (code == S3_OK && sink.checksum.kind == S3_SUM_NONE && !http_header(rq->x, "Content-MD5")) {
        code = S3_INVALID_REQUEST;
        err_set(&err, ERR_ARGUMENT,
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    }
    if (code == S3_OK) {
        s3d_sink_piece(&sink, body, len);
        code = s3d_sink_end(&sink, rq->x, &sunk, &err);
    }
    s3d_sink_close(&sink);
    return code == S3_OK ? 0 : s3d_fail_err(rq, code, &err);
}

/* Quiet answers tell errors only; there are none when the transaction went through. */
static int reply(struct s3d_request *rq, const struct delete_list *list)
{
    struct buf xml;
    buf_init(&xml, S3_REPLY_MAX);
    s3d_xml_begin(&xml, "DeleteResult");
    for (size_t i = 0; i < list->count && !list->quiet; i++) {
        s3d_xml_open(&xml, "Deleted");
        s3d_xml_text(&xml, "Key", list->keys[i]);
        s3d_xml_close(&xml, "Deleted");
    }
    s3d_xml_close(&xml, "DeleteResult");
    return s3d_reply_xml(rq, &xml);
}

int s3d_delete_objects(struct s3d_request *rq)
{
    struct s3d_ids files = {0};
    struct error err = {0};
    struct delete_list *list = calloc(1, sizeof *list);
    if (!list)
        return s3d_fail(rq, S3_INTERNAL);
    int rc = check_body(rq);
    if (!rc)
        rc = read_list(rq, list);
    if (!rc) {
        const enum s3d_code code =
            s3d_objects_remove(rq->s3->index, rq->bucket, list->keys, list->count, &files, &err);
        if (code == S3_OK)
            s3d_files_remove(rq->s3->root, &files);
        rc = code == S3_OK ? reply(rq, list) : s3d_fail_err(rq, code, &err);
    }
    s3d_ids_free(&files);
    list_free(list);
    return rc;
}
