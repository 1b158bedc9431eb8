/* CRC-32 and the SHAs come from lib/crypto; the two CRCs it lacks are computed a byte at a time. */
#include "server/local/s3/s3d_checksum.h"

#include <string.h>
#include <strings.h>

/* Reflected polynomials: Castagnoli (RFC 3720), and NVM Express 1.0e's CRC-64. */
#define CRC32C_POLY UINT32_C(0x82f63b78)
#define CRC64NVME_POLY UINT64_C(0x9a6c9329ac4bc9b5)

static const struct {
    const char *algorithm, *header, *element;
} names[S3_SUM_COUNT] = {
    [S3_SUM_NONE] = {"", "", ""},
    [S3_SUM_CRC32] = {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32"},
    [S3_SUM_CRC32C] = {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C"},
    [S3_SUM_CRC64NVME] = {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"},
    [S3_SUM_SHA1] = {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1"},
    [S3_SUM_SHA256] = {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256"},
};

void s3d_crc_tables_fill(struct s3d_crc_tables *tables)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        uint64_t n = i;
        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? c >> 1 ^ CRC32C_POLY : c >> 1;
            n = n & 1 ? n >> 1 ^ CRC64NVME_POLY : n >> 1;
        }
        tables->crc32c[i] = c;
        tables->crc64nvme[i] = n;
    }
}

const char *s3d_checksum_header(enum s3d_checksum_kind kind)
{
    return names[kind].header;
}

const char *s3d_checksum_element(enum s3d_checksum_kind kind)
{
    return names[kind].element;
}

const char *s3d_checksum_algorithm(enum s3d_checksum_kind kind)
{
    return names[kind].algorithm;
}

/* Headers, elements and algorithm names are told apart by nothing but their text. */
enum s3d_checksum_kind s3d_checksum_kind(const char *name)
{
    for (enum s3d_checksum_kind k = S3_SUM_CRC32; k < S3_SUM_COUNT; k++) {
        if (!strcasecmp(name, names[k].header) || !strcasecmp(name, names[k].element) ||
            !strcasecmp(name, names[k].algorithm))
            return k;
    }
    return S3_SUM_NONE;
}

/* CRC-32C and CRC-64/NVME begin with all bits set; zlib's CRC-32 does that inside. */
int s3d_checksum_open(struct s3d_checksum *c, enum s3d_checksum_kind kind,
                      const struct s3d_crc_tables *tables, struct error *err)
{
    *c = (struct s3d_checksum){.kind = kind, .tables = tables};
    if (kind == S3_SUM_SHA1 || kind == S3_SUM_SHA256) {
        c->digest = digest_new(kind == S3_SUM_SHA1 ? DIGEST_SHA1 : DIGEST_SHA256, err);
        return c->digest ? 0 : -1;
    }
    if (kind == S3_SUM_CRC32C || kind == S3_SUM_CRC64NVME)
        c->crc = kind == S3_SUM_CRC32C ? UINT32_MAX : UINT64_MAX;
    return 0;
}

int s3d_checksum_add(struct s3d_checksum *c, const void *data, size_t len, struct error *err)
{
    const unsigned char *bytes = data;
    switch (c->kind) {
    case S3_SUM_CRC32:
        c->crc = crypto_crc32((uint32_t)c->crc, data, len);
        return 0;
    case S3_SUM_CRC32C:
        for (size_t i = 0; i < len; i++)
            c->crc = c->crc >> 8 ^ c->tables->crc32c[(c->crc ^ bytes[i]) & 0xff];
        return 0;
    case S3_SUM_CRC64NVME:
        for (size_t i = 0; i < len; i++)
            c->crc = c->crc >> 8 ^ c->tables->crc64nvme[(c->crc ^ bytes[i]) & 0xff];
        return 0;
    case S3_SUM_SHA1:
    case S3_SUM_SHA256:
        return digest_add(c->digest, data, len, err);
    default:
        return 0;
    }
}

/* The bytes most significant first, as S3 writes all of them. CRC-32 comes finished from zlib's
 * convention; the other two are inverted here. */
void s3d_checksum_end(struct s3d_checksum *c, char out[S3_SUM_TEXT])
{
    unsigned char sum[DIGEST_BYTES_MAX];
    size_t len = 0;
    if (c->digest) {
        len = digest_end(c->digest, sum);
    } else if (c->kind != S3_SUM_NONE) {
        len = c->kind == S3_SUM_CRC64NVME ? 8 : 4;
        const uint64_t crc = c->kind == S3_SUM_CRC32 ? c->crc : ~c->crc;
        for (size_t i = 0; i < len; i++)
            sum[i] = (unsigned char)(crc >> (8 * (len - 1 - i)));
    }
    out[0] = '\0';
    if (len && crypto_base64_size(len) <= S3_SUM_TEXT)
        crypto_base64(sum, len, out);
}

void s3d_checksum_close(struct s3d_checksum *c)
{
    c->digest = digest_free(c->digest);
    c->kind = S3_SUM_NONE;
}
