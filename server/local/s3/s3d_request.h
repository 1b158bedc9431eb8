/* s3d_request: one request to the local S3, and the service it is for. Private to server/local/s3.
 *
 * A request is made in `begin` and belongs to its exchange; a worker thread that goes on with it is
 * a second owner. An operation answers by one of the s3d_reply functions and returns 0, or returns
 * what s3d_fail gives, and the caller of the operation answers with that fault. */
#ifndef STEPFLEET_S3D_REQUEST_H
#define STEPFLEET_S3D_REQUEST_H

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http_server/http_server.h"
#include "server/local/call.h"
#include "server/local/s3/local_s3.h"
#include "server/local/s3/s3d_checksum.h"
#include "server/local/s3/s3d_index.h"
#include "server/local/s3/s3d_sink.h"
#include "server/local/s3/s3d_worker.h"

#include <stdatomic.h>

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
#define S3_OBJECT_BYTES_MAX (UINT64_C(5) << 30) /* of one PUT, part or copy */

enum {
    /* Room for 63 characters and NUL. */
    S3_BUCKET_MAX = 64,
    S3_XML_MAX = 8 * 1024 * 1024, /* a request document: 1,000 keys, 10,000 parts */
    S3_REPLY_MAX = 32 * 1024 * 1024,
    /* Entries of a page, of every kind of list. */
    S3_LIST_MAX = 1000,
    /* A fault's own text. */
    S3_NOTE_MAX = 256,
    S3_REQUEST_ID = 17,
    S3_HOST_ID = 64,
};

struct local_s3 {
    char *region;
    const struct clock *clock;
    const struct log *log;
    int root; /* the objects folder */
    struct s3d_index *index;
    struct s3d_crc_tables tables;
    struct s3d_workers *workers;
    struct local_service service;
};

/* A fault on its way to the client. */
struct s3d_fault {
    enum s3d_code code;
    char message[S3_NOTE_MAX]; /* "": the table's text */
    const char *extra;         /* an element's name, or NULL */
    char extra_text[S3_NOTE_MAX];
};

struct s3d_request {
    struct local_s3 *s3;
    struct http_exchange *x;
    /* The exchange, and the worker that has it; see s3d_request_release. */
    atomic_uint owners;
    /* NULL when the request could not be read; then `fault` says why. */
    const struct s3d_route *route;
    char bucket[S3_BUCKET_MAX]; /* "" for the service itself */
    char *key;                  /* "" for a bucket */
    char id[S3_REQUEST_ID];
    char host_id[S3_HOST_ID];
    /* Empty unless the operation takes a body into a file, or makes one. */
    struct s3d_sink sink;
    struct s3d_fault fault;
    struct s3d_request *next; /* the worker queue's */
};

/* What the path names: nothing, a bucket, a key in it. */
enum s3d_scope { S3_ON_SERVICE, S3_ON_BUCKET, S3_ON_OBJECT };
/* None that matters, a document kept in memory, or bytes that go to a file. */
enum s3d_body { S3_BODY_NONE, S3_BODY_XML, S3_BODY_FILE };

/* One operation. */
struct s3d_route {
    const char *name;
    const char *method;
    enum s3d_scope scope;
    const char *selector;    /* a query argument that must be there, or NULL */
    const char *with_header; /* a header that must be there, or NULL */
    enum s3d_body body;
    bool slow; /* goes to a worker whatever its size */
    int (*run)(struct s3d_request *rq);
    const char *queries; /* further arguments it knows, in one text */
};

/* Finds the operation and refuses what it does not know of. */
int s3d_route_find(struct s3d_request *rq);

/* NULL without memory; a request that cannot be read has its fault set. */
struct s3d_request *s3d_request_new(struct local_s3 *s3, struct http_exchange *x);
/* One owner less; the last one frees, and a file that was not kept goes. */
void s3d_request_release(struct s3d_request *rq);
/* Runs the operation and answers. */
void s3d_request_run(struct s3d_request *rq);

/* Each sets the fault and returns -1. s3d_fail_err reports err: for S3_INTERNAL in the log, for
 * others as the message if it has one. */
int s3d_fail(struct s3d_request *rq, enum s3d_code code);
/* With a message of its own, cut at S3_NOTE_MAX. */
int s3d_failf(struct s3d_request *rq, enum s3d_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* With what err says; a busy database becomes SlowDown. */
int s3d_fail_err(struct s3d_request *rq, enum s3d_code code, const struct error *err);
/* Adds an element to the fault. Returns -1. */
int s3d_fail_extra(struct s3d_request *rq, const char *element, const char *text);

/* Each answers and returns 0. The XML is taken over; a buffer that has failed answers 500. */
int s3d_reply_xml(struct s3d_request *rq, struct buf *xml);
/* A status and the headers that were added. */
int s3d_reply_empty(struct s3d_request *rq, int status);
/* The fault as XML; 304 as bare headers. */
void s3d_reply_fault(struct s3d_request *rq);
/* Adds x-amz-request-id and x-amz-id-2. */
void s3d_add_ids(struct s3d_request *rq);

/* The query argument as a number in min..max, `fallback` if it is absent or empty; -1 with
 * InvalidArgument. */
int s3d_query_number(struct s3d_request *rq, const char *name, uint64_t fallback, uint64_t min,
                     uint64_t max, uint64_t *out);
/* How many entries a page may have: S3_LIST_MAX when the argument is absent or asks for more. */
int s3d_query_page(struct s3d_request *rq, const char *name, uint64_t min, uint64_t *out);
/* Wall time cut to whole seconds, as S3 keeps it. */
int64_t s3d_now(const struct local_s3 *s3);
/* Decodes percent-escapes in `text` of `len` bytes to out[size]; -1 for a bad escape, a NUL, text
 * that is not UTF-8, or no room. */
int s3d_decode(const char *text, size_t len, char *out, size_t size);
/* 0 or -1 with InvalidBucketName. */
int s3d_check_bucket_name(struct s3d_request *rq, const char *name);
/* 3 to 63 lower-case letters, digits, dots and hyphens, as S3's naming rules have it. */
bool s3d_bucket_name_valid(const char *name);

#endif
