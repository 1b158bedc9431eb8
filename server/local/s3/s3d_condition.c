/* Conditions of reads and writes, and ranges: RFC 9110, sections 13 and 14. */
#include "server/local/s3/s3d_ops.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct s3d_condition_names s3d_get_conditions = {"If-Match", "If-None-Match",
                                                       "If-Modified-Since", "If-Unmodified-Since"};
const struct s3d_condition_names s3d_copy_conditions = {
    "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since"};

/* Wall microseconds of an HTTP date; -1 if it is none (the header then counts as absent). */
static int64_t http_date(const char *text)
{
    int64_t wall = -1;
    return text && clock_parse_http_date(text, &wall, NULL) == 0 ? wall : -1;
}

enum s3d_code s3d_check_conditions(const struct http_exchange *x,
                                   const struct s3d_condition_names *names,
                                   const struct s3d_object *o, const char **failed)
{
    const char *match = http_header(x, names->if_match);
    const char *none_match = http_header(x, names->if_none_match);
    const int64_t unmodified = http_date(http_header(x, names->if_unmodified_since));
    const int64_t modified = http_date(http_header(x, names->if_modified_since));
    *failed = NULL;
    /* The ETag's condition, where there is one, decides before the date's. */
    if (match && !s3d_etag_matches(match, o->etag))
        *failed = names->if_match;
    else if (!match && unmodified >= 0 && o->modified > unmodified)
        *failed = names->if_unmodified_since;
    if (*failed)
        return S3_PRECONDITION_FAILED;
    if (none_match && s3d_etag_matches(none_match, o->etag))
        *failed = names->if_none_match;
    else if (!none_match && modified >= 0 && o->modified <= modified)
        *failed = names->if_modified_since;
    return *failed ? S3_NOT_MODIFIED : S3_OK;
}

/* S3 knows two conditions of a write: nothing is there, or this is. */
int s3d_write_conditions(struct s3d_request *rq, struct s3d_write_condition *out)
{
    out->if_match = http_header(rq->x, "If-Match");
    out->if_none_match = http_header(rq->x, "If-None-Match");
    if (out->if_none_match && strcmp(out->if_none_match, "*") != 0) {
        (void)s3d_failf(rq, S3_NOT_IMPLEMENTED, "If-None-Match of a write can only be *.");
        return s3d_fail_extra(rq, "Header", "If-None-Match");
    }
    return 0;
}

int s3d_fail_write(struct s3d_request *rq, enum s3d_code code, const struct error *err)
{
    (void)s3d_fail_err(rq, code, err);
    if (code == S3_PRECONDITION_FAILED)
        (void)s3d_fail_extra(rq, "Condition",
                             http_header(rq->x, "If-Match") ? "If-Match" : "If-None-Match");
    return -1;
}

/* Reads a number; returns what follows it, or NULL for none or too large a one. */
static const char *digits(const char *p, uint64_t *out)
{
    char *end = NULL;
    if (!isdigit((unsigned char)*p))
        return NULL;
    errno = 0;
    *out = strtoull(p, &end, 10);
    return errno ? NULL : end;
}

enum s3d_range s3d_read_range(const char *header, uint64_t size, uint64_t *from, uint64_t *len)
{
    uint64_t first = 0, last = UINT64_MAX;
    if (!header || strncmp(header, "bytes=", 6) != 0)
        return S3_RANGE_NONE;
    const char *p = header + 6;
    /* The last N bytes; more than there are means all of them. */
    if (*p == '-') {
        p = digits(p + 1, &last);
        if (!p || *p)
            return S3_RANGE_NONE;
        *len = last < size ? last : size;
        *from = size - *len;
        return *len ? S3_RANGE_PART : S3_RANGE_BAD;
    }
    p = digits(p, &first);
    if (!p || *p++ != '-')
        return S3_RANGE_NONE;
    if (*p)
        p = digits(p, &last);
    if (!p || *p || last < first)
        return S3_RANGE_NONE;
    if (first >= size)
        return S3_RANGE_BAD;
    *from = first;
    *len = (last < size ? last + 1 : size) - first;
    return S3_RANGE_PART;
}
