/* s3d_sink: where the body of an upload goes while it comes: a new file, its MD5 and the digests
 * its headers promise. Private to server/local/s3.
 *
 * Owned by one request; s3d_sink_close closes the file and removes it unless it was kept, and is
 * safe on a zeroed sink. */
#ifndef STEPFLEET_S3D_SINK_H
#define STEPFLEET_S3D_SINK_H

#include "lib/http_server/http_server.h"
#include "server/local/s3/s3d_checksum.h"
#include "server/local/s3/s3d_chunked.h"
#include "server/local/s3/s3d_fault.h"
#include "server/local/s3/s3d_file.h"

/* For a body: open, piece ..., end, seal, (row stored) keep, close. For bytes that are copied here:
 * open_file, write to fd, seal, keep, close. Whatever goes wrong in between, close leaves no
 * file. */
struct s3d_sink {
    int root;
    int fd; /* valid while `open` */
    bool open;
    bool kept;
    char file[S3_FILE_ID];
    uint64_t size;
    struct digest *md5;
    struct digest *sha256;        /* NULL unless x-amz-content-sha256 is a digest */
    struct s3d_checksum checksum; /* of the x-amz-checksum-* header or trailer */
    bool chunked;
    struct s3d_chunked decoder;
    char trailer_sum[S3_SUM_TEXT];
    /* The first failure, told by s3d_sink_end; nothing is written behind it. */
    int write_errno;
    struct error err; /* a digest that failed */
    bool failed;
};

/* What a sink found out, once the body is there and agrees with its headers. */
struct s3d_sunk {
    char md5_hex[MD5_HEX];
    char sum[S3_SUM_TEXT];
};

/* Reads the headers about the body, makes the file; the sink was zeroed. S3_INTERNAL fills err;
 * other codes are faults of the request, with a text in err->message if there is something to say.
 */
enum s3d_code s3d_sink_open(struct s3d_sink *sink, const struct http_exchange *x, int root,
                            const struct s3d_crc_tables *tables, struct error *err);
/* The same without a file: the bytes are only digested. */
enum s3d_code s3d_sink_open_digests(struct s3d_sink *sink, const struct http_exchange *x,
                                    const struct s3d_crc_tables *tables, struct error *err);
/* Only makes the file, for bytes that come from elsewhere. */
int s3d_sink_open_file(struct s3d_sink *sink, int root, struct error *err);
/* A second name of a sealed file in its place; false: the bytes must be copied. */
bool s3d_sink_link(struct s3d_sink *sink, int root, const char *file);
/* A piece of the body, as http_body_to_fd hands it on; `sink` is a struct s3d_sink. */
void s3d_sink_piece(void *sink, const void *bytes, size_t len);
/* Checks what came against the headers. */
enum s3d_code s3d_sink_end(struct s3d_sink *sink, const struct http_exchange *x,
                           struct s3d_sunk *out, struct error *err);
/* Makes the file durable; s3d_sink_keep then lets it stay. */
int s3d_sink_seal(struct s3d_sink *sink, struct error *err);
/* The row is committed: the file stays. */
void s3d_sink_keep(struct s3d_sink *sink);
/* Releases everything; twice is fine. */
void s3d_sink_close(struct s3d_sink *sink);

#endif
