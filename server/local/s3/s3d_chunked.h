/* s3d_chunked: takes the aws-chunked coding off a body as it comes. Private to server/local/s3.
 *
 * Chunk signatures are not checked, as no signature is. The owner is one thread. */
#ifndef STEPFLEET_S3D_CHUNKED_H
#define STEPFLEET_S3D_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_CHUNK_LINE = 512 };

struct s3d_chunked {
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE, CHUNK_BAD } state;
    /* CHUNK_DATA only. */
    uint64_t left; /* bytes of this chunk that are yet to come */
    char line[S3_CHUNK_LINE];
    size_t line_len;
    /* Called with the decoded bytes; with each trailer. */
    void (*data)(void *ctx, const void *bytes, size_t len);
    void (*trailer)(void *ctx, const char *name, const char *value);
    void *ctx;
};

/* The next piece of the coded body, cut anywhere. After a fault in it nothing more is decoded. */
void s3d_chunked_add(struct s3d_chunked *c, const void *bytes, size_t len);
/* Whether the body that was added is whole and well formed. */
bool s3d_chunked_complete(const struct s3d_chunked *c);

#endif
