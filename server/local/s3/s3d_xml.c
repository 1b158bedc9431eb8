/* Writing XML by hand: escaping is lib/aws/xml's. */
#include "server/local/s3/s3d_xml.h"

#include "lib/aws/xml.h"
#include "lib/base/clock.h"

#include <string.h>

void s3d_xml_begin(struct buf *out, const char *root)
{
    buf_addf(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<%s xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
             root);
}

void s3d_xml_open(struct buf *out, const char *tag)
{
    buf_addf(out, "<%s>", tag);
}

void s3d_xml_close(struct buf *out, const char *tag)
{
    buf_addf(out, "</%s>", tag);
}

void s3d_xml_text(struct buf *out, const char *tag, const char *text)
{
    if (!text)
        return;
    s3d_xml_open(out, tag);
    xml_escape(out, text);
    s3d_xml_close(out, tag);
}

void s3d_xml_uint(struct buf *out, const char *tag, uint64_t value)
{
    buf_addf(out, "<%s>%llu</%s>", tag, (unsigned long long)value, tag);
}

void s3d_xml_bool(struct buf *out, const char *tag, bool value)
{
    s3d_xml_text(out, tag, value ? "true" : "false");
}

/* Whole seconds with ".000Z", for s3d_now has no others. */
void s3d_xml_time(struct buf *out, const char *tag, int64_t wall)
{
    char text[CLOCK_TEXT_MAX];
    s3d_xml_text(out, tag, clock_rfc3339(wall, text));
}

void s3d_xml_etag(struct buf *out, const char *etag)
{
    buf_addf(out, "<ETag>&quot;%s&quot;</ETag>", etag);
}

void s3d_url_encode(struct buf *out, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/";
    for (const char *p = text; *p; p++) {
        if (strchr(plain, *p))
            buf_addc(out, *p);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

void s3d_xml_url(struct buf *out, const char *tag, const char *text)
{
    if (!text)
        return;
    s3d_xml_open(out, tag);
    s3d_url_encode(out, text);
    s3d_xml_close(out, tag);
}

void s3d_xml_name(struct buf *out, bool url, const char *tag, const char *text)
{
    if (url)
        s3d_xml_url(out, tag, text);
    else
        s3d_xml_text(out, tag, text);
}
