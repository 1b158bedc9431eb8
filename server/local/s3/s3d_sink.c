/* One pass over a body: decoded, digested and written as it comes.
 *
 * A failure in the middle is remembered and told at the end: the connection's reader cannot answer,
 * and the rest of the body must be taken off the connection anyway. */
#include "server/local/s3/s3d_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define STREAMING "STREAMING-"

/* UNSIGNED-PAYLOAD and STREAMING-... stand in the same header. */
static bool is_sha256(const char *text)
{
    return strlen(text) == SHA256_HEX - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX - 1;
}

/* The checksum this request promises: by a header, or by a trailer. */
static enum s3d_code promised_checksum(const struct http_exchange *x, enum s3d_checksum_kind *kind,
                                       struct error *err)
{
    *kind = S3_SUM_NONE;
    for (enum s3d_checksum_kind k = S3_SUM_CRC32; k < S3_SUM_COUNT; k++) {
        if (!http_header(x, s3d_checksum_header(k)))
            continue;
        if (*kind != S3_SUM_NONE) {
            err_set(err, ERR_ARGUMENT, "Expecting a single x-amz-checksum- header.");
            return S3_INVALID_REQUEST;
        }
        *kind = k;
    }
    const char *trailer = http_header(x, "x-amz-trailer");
    if (*kind != S3_SUM_NONE || !trailer)
        return S3_OK;
    *kind = s3d_checksum_kind(trailer);
    if (*kind != S3_SUM_NONE)
        return S3_OK;
    err_set(err, ERR_ARGUMENT, "The trailer %s is not supported.", trailer);
    return S3_INVALID_REQUEST;
}

/* A piece of the body without its coding. */
static void take_bytes(void *ctx, const void *bytes, size_t len)
{
    struct s3d_sink *sink = ctx;
    if (sink->write_errno || sink->failed)
        return;
    sink->size += len;
    if (digest_add(sink->md5, bytes, len, &sink->err) ||
        (sink->sha256 && digest_add(sink->sha256, bytes, len, &sink->err)) ||
        s3d_checksum_add(&sink->checksum, bytes, len, &sink->err))
        sink->failed = true;
    else if (sink->open)
        sink->write_errno = s3d_file_write(sink->fd, bytes, len);
}

/* Keeps the promised checksum; other trailers mean nothing here. */
static void take_trailer(void *ctx, const char *name, const char *value)
{
    struct s3d_sink *sink = ctx;
    if (sink->checksum.kind != S3_SUM_NONE &&
        !strcasecmp(name, s3d_checksum_header(sink->checksum.kind)))
        (void)snprintf(sink->trailer_sum, sizeof sink->trailer_sum, "%s", value);
}

void s3d_sink_piece(void *data, const void *bytes, size_t len)
{
    struct s3d_sink *sink = data;
    if (sink->chunked)
        s3d_chunked_add(&sink->decoder, bytes, len);
    else
        take_bytes(sink, bytes, len);
}

int s3d_sink_open_file(struct s3d_sink *sink, int root, struct error *err)
{
    sink->root = root;
    sink->fd = s3d_file_create(root, sink->file, err);
    sink->open = sink->fd >= 0;
    return sink->open ? 0 : -1;
}

bool s3d_sink_link(struct s3d_sink *sink, int root, const char *file)
{
    sink->root = root;
    sink->fd = s3d_file_link(root, file, sink->file);
    sink->open = sink->fd >= 0;
    return sink->open;
}

enum s3d_code s3d_sink_open_digests(struct s3d_sink *sink, const struct http_exchange *x,
                                    const struct s3d_crc_tables *tables, struct error *err)
{
    const char *sha256 = http_header(x, "x-amz-content-sha256");
    enum s3d_checksum_kind kind;
    const enum s3d_code code = promised_checksum(x, &kind, err);
    if (code != S3_OK)
        return code;
    sink->chunked = sha256 && !strncmp(sha256, STREAMING, strlen(STREAMING));
    sink->decoder = (struct s3d_chunked){.data = take_bytes, .trailer = take_trailer, .ctx = sink};
    sink->md5 = digest_new(DIGEST_MD5, err);
    if (sha256 && is_sha256(sha256))
        sink->sha256 = digest_new(DIGEST_SHA256, err);
    if (!sink->md5 || (sha256 && is_sha256(sha256) && !sink->sha256))
        return S3_INTERNAL;
    return s3d_checksum_open(&sink->checksum, kind, tables, err) ? S3_INTERNAL : S3_OK;
}

/* Digests first: a request whose promises cannot be kept costs no file. */
enum s3d_code s3d_sink_open(struct s3d_sink *sink, const struct http_exchange *x, int root,
                            const struct s3d_crc_tables *tables, struct error *err)
{
    const enum s3d_code code = s3d_sink_open_digests(sink, x, tables, err);
    if (code != S3_OK)
        return code;
    return s3d_sink_open_file(sink, root, err) ? S3_INTERNAL : S3_OK;
}

/* A coded body tells its length twice: by its coding and by a header. */
static enum s3d_code check_length(const struct s3d_sink *sink, const struct http_exchange *x)
{
    const char *decoded = http_header(x, "x-amz-decoded-content-length");
    if (!sink->chunked)
        return S3_OK;
    if (!s3d_chunked_complete(&sink->decoder))
        return S3_INCOMPLETE_BODY;
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, sink->size);
    return decoded && strcmp(decoded, text) != 0 ? S3_INCOMPLETE_BODY : S3_OK;
}

/* Content-MD5 is base64 of the digest's 16 bytes. */
static enum s3d_code check_md5(const struct http_exchange *x, const unsigned char md5[MD5_BYTES])
{
    const char *header = http_header(x, "Content-MD5");
    unsigned char said[MD5_BYTES + 2]; /* 24 characters decode into at most 18 bytes */
    size_t len = 0;
    if (!header)
        return S3_OK;
    if (strlen(header) != 24 || crypto_base64_decode(header, 24, said, &len, NULL) ||
        len != MD5_BYTES)
        return S3_INVALID_DIGEST;
    return memcmp(said, md5, MD5_BYTES) ? S3_BAD_DIGEST : S3_OK;
}

/* x-amz-content-sha256 and x-amz-checksum-*, by header or trailer. */
static enum s3d_code check_sums(struct s3d_sink *sink, const struct http_exchange *x,
                                struct s3d_sunk *out, struct error *err)
{
    unsigned char sha256[DIGEST_BYTES_MAX];
    char hex[SHA256_HEX];
    if (sink->sha256) {
        if (digest_end(sink->sha256, sha256) != SHA256_BYTES) {
            err_set(err, ERR_INTERNAL, "the SHA-256 of a body cannot be computed");
            return S3_INTERNAL;
        }
        crypto_hex(sha256, SHA256_BYTES, hex);
        if (strcmp(hex, http_header(x, "x-amz-content-sha256")) != 0)
            return S3_SHA256_MISMATCH;
    }
    s3d_checksum_end(&sink->checksum, out->sum);
    if (sink->checksum.kind == S3_SUM_NONE)
        return S3_OK;
    const char *said = http_header(x, s3d_checksum_header(sink->checksum.kind));
    return strcmp(said ? said : sink->trailer_sum, out->sum) ? S3_BAD_DIGEST : S3_OK;
}

enum s3d_code s3d_sink_end(struct s3d_sink *sink, const struct http_exchange *x,
                           struct s3d_sunk *out, struct error *err)
{
    unsigned char md5[DIGEST_BYTES_MAX];
    if (sink->failed) {
        *err = sink->err;
        return S3_INTERNAL;
    }
    if (sink->write_errno) {
        errno = sink->write_errno;
        err_set_errno(err, "writing the file of an object");
        return S3_INTERNAL;
    }
    if (digest_end(sink->md5, md5) != MD5_BYTES) {
        err_set(err, ERR_INTERNAL, "the MD5 of a body cannot be computed");
        return S3_INTERNAL;
    }
    crypto_hex(md5, MD5_BYTES, out->md5_hex);
    enum s3d_code code = check_length(sink, x);
    if (code == S3_OK)
        code = check_md5(x, md5);
    if (code == S3_OK)
        code = check_sums(sink, x, out, err);
    return code;
}

int s3d_sink_seal(struct s3d_sink *sink, struct error *err)
{
    return s3d_file_seal(sink->root, sink->fd, sink->file, err);
}

void s3d_sink_keep(struct s3d_sink *sink)
{
    sink->kept = true;
}

void s3d_sink_close(struct s3d_sink *sink)
{
    if (sink->open) {
        (void)close(sink->fd);
        if (!sink->kept)
            s3d_file_remove(sink->root, sink->file);
    }
    sink->open = false;
    sink->md5 = digest_free(sink->md5);
    sink->sha256 = digest_free(sink->sha256);
    s3d_checksum_close(&sink->checksum);
}
