/* Answers and faults in S3's form. */
#include "server/local/s3/s3d_request.h"
#include "server/local/s3/s3d_xml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define XML_TYPE "application/xml"

int s3d_fail(struct s3d_request *rq, enum s3d_code code)
{
    rq->fault = (struct s3d_fault){.code = code};
    return -1;
}

int s3d_failf(struct s3d_request *rq, enum s3d_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    rq->fault = (struct s3d_fault){.code = code};
    (void)vsnprintf(rq->fault.message, sizeof rq->fault.message, fmt, args);
    va_end(args);
    return -1;
}

int s3d_fail_err(struct s3d_request *rq, enum s3d_code code, const struct error *err)
{
    if (code != S3_INTERNAL) {
        if (err->code != ERR_NONE)
            return s3d_failf(rq, code, "%s", err->message);
        return s3d_fail(rq, code);
    }
    log_error(rq->s3->log, "S3 operation failed",
              LOG_STR("operation", rq->route ? rq->route->name : ""),
              LOG_STR("bucket", &rq->bucket[0]), LOG_STR("key", rq->key),
              LOG_STR("error", &err->message[0]));
    if (err->code == ERR_BUSY)
        return s3d_fail(rq, S3_SLOW_DOWN);
    /* S3 itself would keep the cause to itself; here it is the user's own disk. */
    return s3d_failf(rq, code, "%s (%.400s)", s3d_fault_text(code), err->message);
}

int s3d_fail_extra(struct s3d_request *rq, const char *element, const char *text)
{
    rq->fault.extra = element;
    (void)snprintf(rq->fault.extra_text, sizeof rq->fault.extra_text, "%s", text);
    return -1;
}

void s3d_add_ids(struct s3d_request *rq)
{
    http_add_header(rq->x, "x-amz-request-id", rq->id);
    http_add_header(rq->x, "x-amz-id-2", rq->host_id);
}

int s3d_reply_xml(struct s3d_request *rq, struct buf *xml)
{
    struct error err = {0};
    if (buf_check(xml, &err)) {
        buf_free(xml);
        return s3d_fail_err(rq, S3_INTERNAL, &err);
    }
    s3d_add_ids(rq);
    http_reply_take(rq->x, 200, XML_TYPE, xml);
    buf_free(xml);
    return 0;
}

int s3d_reply_empty(struct s3d_request *rq, int status)
{
    s3d_add_ids(rq);
    http_reply_const(rq->x, status, NULL, "", 0);
    return 0;
}

/* Clients read what the fault is about from elements beside Code and Message. */
static void fault_extras(struct buf *xml, const struct s3d_request *rq)
{
    const struct s3d_fault *f = &rq->fault;
    if (f->extra)
        s3d_xml_text(xml, f->extra, f->extra_text);
    else if (f->code == S3_NO_SUCH_BUCKET || f->code == S3_BUCKET_NOT_EMPTY ||
             f->code == S3_BUCKET_EXISTS)
        s3d_xml_text(xml, "BucketName", rq->bucket);
    else if (f->code == S3_NO_SUCH_KEY)
        s3d_xml_text(xml, "Key", rq->key);
}

void s3d_reply_fault(struct s3d_request *rq)
{
    struct s3d_fault *f = &rq->fault;
    struct buf xml;
    if (f->code == S3_OK)
        f->code = S3_INTERNAL;
    s3d_add_ids(rq);
    /* A 304 has no body (RFC 9110, 15.4.5). */
    if (f->code == S3_NOT_MODIFIED) {
        http_reply_const(rq->x, s3d_fault_status(f->code), NULL, "", 0);
        return;
    }
    buf_init(&xml, BUF_MAX_LINE);
    buf_adds(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    s3d_xml_open(&xml, "Error");
    s3d_xml_text(&xml, "Code", s3d_fault_name(f->code));
    s3d_xml_text(&xml, "Message", *f->message ? f->message : s3d_fault_text(f->code));
    fault_extras(&xml, rq);
    s3d_xml_text(&xml, "Resource", http_raw_path(rq->x));
    s3d_xml_text(&xml, "RequestId", rq->id);
    s3d_xml_text(&xml, "HostId", rq->host_id);
    s3d_xml_close(&xml, "Error");
    http_reply_take(rq->x, s3d_fault_status(f->code), XML_TYPE, &xml);
    buf_free(&xml);
}
