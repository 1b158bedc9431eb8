/* A line at a time for sizes and trailers, bytes as they come for data; pieces may be cut anywhere.
 *
 * SIZE -> DATA -> DATA_END -> SIZE for each chunk; the chunk of size 0 leads to TRAILER, whose
 * empty line leads to DONE. Anything out of place leads to BAD, where it stays.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html */
#include "server/local/s3/s3d_chunked.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "400;chunk-signature=..." */
static void size_line(struct s3d_chunked *c)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long size = strtoull(c->line, &end, 16);
    /* strtoull would let a sign, blanks and 0x through. */
    const size_t digits = strspn(c->line, "0123456789abcdefABCDEF");
    if (errno || !digits || end != c->line + digits || (*end && *end != ';')) {
        c->state = CHUNK_BAD;
        return;
    }
    c->left = size;
    c->state = size ? CHUNK_DATA : CHUNK_TRAILER;
}

/* "x-amz-checksum-crc32:..."; the empty line ends the body. */
static void trailer_line(struct s3d_chunked *c)
{
    if (!c->line_len) {
        c->state = CHUNK_DONE;
        return;
    }
    char *colon = strchr(c->line, ':');
    if (!colon) {
        c->state = CHUNK_BAD;
        return;
    }
    *colon = '\0';
    c->trailer(c->ctx, c->line, colon + 1 + strspn(colon + 1, " "));
}

/* A whole line is there, without its newline. */
static void line(struct s3d_chunked *c)
{
    if (c->line_len && c->line[c->line_len - 1] == '\r')
        c->line_len--;
    c->line[c->line_len] = '\0';
    if (c->state == CHUNK_SIZE)
        size_line(c);
    else if (c->state == CHUNK_TRAILER)
        trailer_line(c);
    else /* what follows a chunk's data */
        c->state = c->line_len ? CHUNK_BAD : CHUNK_SIZE;
    c->line_len = 0;
}

/* Adds bytes up to the end of a line; returns how many were used. */
static size_t line_bytes(struct s3d_chunked *c, const char *bytes, size_t len)
{
    const char *newline = memchr(bytes, '\n', len);
    const size_t n = newline ? (size_t)(newline - bytes) : len;
    if (n >= sizeof c->line - c->line_len) {
        c->state = CHUNK_BAD;
        return len;
    }
    memcpy(c->line + c->line_len, bytes, n);
    c->line_len += n;
    if (!newline)
        return n;
    line(c);
    return n + 1;
}

void s3d_chunked_add(struct s3d_chunked *c, const void *data, size_t len)
{
    const char *bytes = data;
    while (len && c->state != CHUNK_BAD) {
        size_t n = len;
        if (c->state == CHUNK_DONE) {
            c->state = CHUNK_BAD;
        } else if (c->state == CHUNK_DATA) {
            n = c->left < len ? (size_t)c->left : len;
            c->data(c->ctx, bytes, n);
            c->left -= n;
            if (!c->left)
                c->state = CHUNK_DATA_END;
        } else {
            n = line_bytes(c, bytes, len);
        }
        bytes += n;
        len -= n;
    }
}

bool s3d_chunked_complete(const struct s3d_chunked *c)
{
    /* Some clients leave the last empty line out. */
    return c->state == CHUNK_DONE || (c->state == CHUNK_TRAILER && !c->line_len);
}
