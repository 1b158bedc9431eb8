/* s3: building S3 calls and reading their answers. Pure functions, any thread.
 *
 * Bucket and key are plain UTF-8 texts; builders encode them, and answer -1 with ERR_ARGUMENT and
 * an empty request for names that cannot be. With a configured endpoint path style is used, else
 * virtual hosts where the bucket's name allows it. Answers are XML in response->http.body. */
#ifndef STEPFLEET_AWS_S3_H
#define STEPFLEET_AWS_S3_H

#include "lib/aws/aws.h"

/* PutObject of `len` bytes (at most BUF_MAX_PAYLOAD); content_type may be NULL. */
int s3_put_object(struct aws_request *r, const char *bucket, const char *key, const void *data,
                  size_t len, const char *content_type, struct error *err);
/* GetObject; the body is the answer's, at most max_len bytes (0: BUF_MAX_AWS_REPLY). */
int s3_get_object(struct aws_request *r, const char *bucket, const char *key, size_t max_len,
                  struct error *err);

/* Size, ETag (with quotes) and so on of an object. */
struct s3_head {
    int64_t size;
    char etag[128];
};
/* HeadObject; a missing object is ERR_REMOTE "HTTP 404", for HEAD answers carry no code. */
int s3_head_object(struct aws_request *r, const char *bucket, const char *key, struct error *err);
/* -1 with ERR_SYNTAX if the answer lacks size or ETag. */
int s3_head_result(const struct aws_response *response, struct s3_head *out, struct error *err);

/* CopyObject within S3 (source at most 5 GB). if_match: the source's ETag or NULL. Success is
 * judged by the body (CopyObjectResult); ceilings of minutes, not seconds. */
struct s3_copy {
    const char *source_bucket;
    const char *source_key;
    const char *bucket;
    const char *key;
    const char *if_match;
};
/* CopyObject. The answer needs no reading: success is certain when the call succeeded. */
int s3_copy_object(struct aws_request *r, const struct s3_copy *in, struct error *err);

/* Multipart copy: create, copy parts, complete or (always after a failure) abort. */
int s3_create_multipart(struct aws_request *r, const char *bucket, const char *key,
                        struct error *err);
/* Appends the upload's id to upload_id. */
int s3_create_multipart_result(const struct aws_response *response, struct buf *upload_id,
                               struct error *err);
struct s3_part_copy {
    struct s3_copy copy;
    const char *upload_id;
    int part;      /* 1..10000 */
    int64_t first; /* bytes of the source, inclusive */
    int64_t last;
};
/* UploadPartCopy, judged by its body as CopyObject is. */
int s3_upload_part_copy(struct aws_request *r, const struct s3_part_copy *in, struct error *err);
/* The part's ETag with its quotes, for s3_complete_multipart. */
int s3_part_copy_result(const struct aws_response *response, char etag[128], struct error *err);
/* etags[i] belongs to part i + 1. */
int s3_complete_multipart(struct aws_request *r, const char *bucket, const char *key,
                          const char *upload_id, const char (*etags)[128], size_t count,
                          struct error *err);
/* AbortMultipartUpload. */
int s3_abort_multipart(struct aws_request *r, const char *bucket, const char *key,
                       const char *upload_id, struct error *err);

/* HeadBucket: is it there, may we look. As with HeadObject a failure is "HTTP 404" or "HTTP 403".
 */
int s3_head_bucket(struct aws_request *r, const char *bucket, struct error *err);
/* ListObjectsV2, one page; max_keys at most 1000 (0: S3's own); prefix and continuation may be
 * NULL. */
int s3_list_objects(struct aws_request *r, const char *bucket, const char *prefix, int max_keys,
                    const char *continuation, struct error *err);
struct s3_object {
    char *key;
    int64_t size;
};
struct s3_listing {
    struct s3_object *objects;
    size_t count;
    char *continuation; /* NULL on the last page */
};
/* Reads a page into *out, which the caller frees by s3_listing_free (empty after a failure). */
int s3_list_result(const struct aws_response *response, struct s3_listing *out, struct error *err);
/* Releases keys and list; zero-initialised listings may be freed. */
void s3_listing_free(struct s3_listing *l);

#endif
