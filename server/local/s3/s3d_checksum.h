/* s3d_checksum: the x-amz-checksum-* family. Private to server/local/s3.
 *
 * A struct s3d_checksum belongs to one thread; s3d_checksum_close releases it and is safe on a
 * zeroed one. The CRC tables are built once and shared read-only. */
#ifndef STEPFLEET_S3D_CHECKSUM_H
#define STEPFLEET_S3D_CHECKSUM_H

#include "lib/base/error.h"
#include "lib/crypto/crypto.h"

#include <stddef.h>
#include <stdint.h>

/* Numbers are stored in s3.db: add at the end, never renumber. */
enum s3d_checksum_kind {
    S3_SUM_NONE,
    S3_SUM_CRC32,
    S3_SUM_CRC32C,
    S3_SUM_CRC64NVME,
    S3_SUM_SHA1,
    S3_SUM_SHA256,
    S3_SUM_COUNT
};

/* Base64 of at most 32 bytes, and NUL. */
enum { S3_SUM_TEXT = 48 };

/* One entry for each byte value; 3 KB. */
struct s3d_crc_tables {
    uint32_t crc32c[256];
    uint64_t crc64nvme[256];
};

struct s3d_checksum {
    enum s3d_checksum_kind kind;
    const struct s3d_crc_tables *tables;
    /* Of the three CRCs, which need no heap. */
    uint64_t crc;
    struct digest *digest;
};

/* Fills the tables for CRC-32C and CRC-64/NVME; once for each store. */
void s3d_crc_tables_fill(struct s3d_crc_tables *tables);

/* "x-amz-checksum-crc32", "ChecksumCRC32", "CRC32"; "" for S3_SUM_NONE. */
const char *s3d_checksum_header(enum s3d_checksum_kind kind);
/* The element's name in documents. */
const char *s3d_checksum_element(enum s3d_checksum_kind kind);
/* The name in x-amz-checksum-algorithm and ChecksumAlgorithm. */
const char *s3d_checksum_algorithm(enum s3d_checksum_kind kind);
/* The kind whose algorithm name, header or element this is, without case; S3_SUM_NONE if none. */
enum s3d_checksum_kind s3d_checksum_kind(const char *name);

/* Starts a checksum; `tables` are borrowed. S3_SUM_NONE is allowed and takes everything in. */
int s3d_checksum_open(struct s3d_checksum *c, enum s3d_checksum_kind kind,
                      const struct s3d_crc_tables *tables, struct error *err);
/* The next piece, of any length. */
int s3d_checksum_add(struct s3d_checksum *c, const void *data, size_t len, struct error *err);
/* Base64 of the checksum; "" for S3_SUM_NONE. */
void s3d_checksum_end(struct s3d_checksum *c, char out[S3_SUM_TEXT]);
/* Releases the digest, if the kind has one. */
void s3d_checksum_close(struct s3d_checksum *c);

#endif
