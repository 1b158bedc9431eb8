/* s3d_xml: writing answers (what clients send is read by lib/aws/xml). Private to
 * server/local/s3. The buffer's failure is sticky: test it at the end. */
#ifndef STEPFLEET_S3D_XML_H
#define STEPFLEET_S3D_XML_H

#include "lib/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The declaration and <root xmlns="...">. */
void s3d_xml_begin(struct buf *out, const char *root);
/* <tag> and </tag>. */
void s3d_xml_open(struct buf *out, const char *tag);
/* The end of s3d_xml_open and s3d_xml_begin. */
void s3d_xml_close(struct buf *out, const char *tag);
/* <tag>text</tag>, escaped. NULL text: nothing. */
void s3d_xml_text(struct buf *out, const char *tag, const char *text);
/* A number in decimal digits. */
void s3d_xml_uint(struct buf *out, const char *tag, uint64_t value);
/* true or false. */
void s3d_xml_bool(struct buf *out, const char *tag, bool value);
/* Wall time in microseconds as ISO 8601. */
void s3d_xml_time(struct buf *out, const char *tag, int64_t wall);
/* An ETag with the quotes it has on the wire; `etag` comes without. */
void s3d_xml_etag(struct buf *out, const char *etag);
/* Percent-encoded, all but unreserved characters and '/'. */
void s3d_xml_url(struct buf *out, const char *tag, const char *text);
/* The same without a tag. */
void s3d_url_encode(struct buf *out, const char *text);
/* A key or prefix of a listing: percent-encoded when its encoding-type is url, else as text. */
void s3d_xml_name(struct buf *out, bool url, const char *tag, const char *text);

#endif
