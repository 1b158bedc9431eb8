/* s3d_ops: the operations, as the table of routes names them, and what several of them share.
 * Private to server/local/s3. Each is a struct s3d_route's `run` (see s3d_request.h). */
#ifndef STEPFLEET_S3D_OPS_H
#define STEPFLEET_S3D_OPS_H

#include "server/local/s3/s3d_request.h"

/* GET /: all buckets by name. */
int s3d_list_buckets(struct s3d_request *rq);
/* PUT /bucket: its location must be the region this endpoint stands for, or be left out. */
int s3d_create_bucket(struct s3d_request *rq);
/* HEAD /bucket: is it there, and in which region? */
int s3d_head_bucket(struct s3d_request *rq);
/* DELETE /bucket: only an empty one; its unfinished uploads go with it. */
int s3d_delete_bucket(struct s3d_request *rq);
/* GET /bucket?location. */
int s3d_get_bucket_location(struct s3d_request *rq);
/* GET /bucket: version 1, paged by marker. */
int s3d_list_objects(struct s3d_request *rq);
/* GET /bucket?list-type=2: paged by continuation token. */
int s3d_list_objects_v2(struct s3d_request *rq);
/* POST /bucket?delete: up to 1,000 keys in one transaction. */
int s3d_delete_objects(struct s3d_request *rq);
/* GET and HEAD /bucket/key, with conditions and a range. */
int s3d_get_object(struct s3d_request *rq);
/* GET /bucket/key?tagging: always none. */
int s3d_get_object_tagging(struct s3d_request *rq);
/* PUT /bucket/key: the body is in the sink already. */
int s3d_put_object(struct s3d_request *rq);
/* DELETE /bucket/key: 204 also when it is not there. */
int s3d_delete_object(struct s3d_request *rq);
/* PUT /bucket/key with x-amz-copy-source. */
int s3d_copy_object(struct s3d_request *rq);
/* POST /bucket/key?uploads: metadata is given here, for the object to be. */
int s3d_create_upload(struct s3d_request *rq);
/* PUT /bucket/key?uploadId=&partNumber=: the body is in the sink already. */
int s3d_upload_part(struct s3d_request *rq);
/* The same with x-amz-copy-source and its range. */
int s3d_upload_part_copy(struct s3d_request *rq);
/* POST /bucket/key?uploadId=: puts the named parts together. */
int s3d_complete_upload(struct s3d_request *rq);
/* DELETE /bucket/key?uploadId=. */
int s3d_abort_upload(struct s3d_request *rq);
/* GET /bucket/key?uploadId=. */
int s3d_list_parts(struct s3d_request *rq);
/* GET /bucket?uploads. */
int s3d_list_uploads(struct s3d_request *rq);

/* The headers to keep with an object, as "name: value\n" lines; a text of the caller's, or NULL
 * with the fault set. */
char *s3d_metadata_read(struct s3d_request *rq);
/* Adds the lines as headers of the reply, but those that a response-... argument overrides. */
void s3d_metadata_reply(struct s3d_request *rq, const char *metadata);

/* GetObject, PutObject and ListObjectsV2 in JSON, for state machines (struct local_service.call).
 */
void s3d_service_call(void *self, struct local_call *call);

/* --- what several operations share --- */
/* Names of the headers that carry a read's conditions. */
struct s3d_condition_names {
    const char *if_match, *if_none_match, *if_modified_since, *if_unmodified_since;
};
extern const struct s3d_condition_names s3d_get_conditions, s3d_copy_conditions;
/* S3_OK, S3_PRECONDITION_FAILED or S3_NOT_MODIFIED; `failed` gets the header's name. */
enum s3d_code s3d_check_conditions(const struct http_exchange *x,
                                   const struct s3d_condition_names *names,
                                   const struct s3d_object *o, const char **failed);
/* The conditions of a write, from If-Match and If-None-Match; -1 with the fault set. */
int s3d_write_conditions(struct s3d_request *rq, struct s3d_write_condition *out);
/* Sets the fault of a write whose condition did not hold, or of any other code. */
int s3d_fail_write(struct s3d_request *rq, enum s3d_code code, const struct error *err);

/* Reads "bytes=a-b" against a size. NONE also for what is no single range. */
enum s3d_range { S3_RANGE_NONE, S3_RANGE_PART, S3_RANGE_BAD };
/* from and len are written for S3_RANGE_PART only; len is then at least 1. */
enum s3d_range s3d_read_range(const char *header, uint64_t size, uint64_t *from, uint64_t *len);

/* Finds the object and opens its file; -1 with the fault set. The object is released by
 * s3d_object_free, the descriptor by the caller. */
int s3d_open_object(struct s3d_request *rq, const char *bucket, const char *key,
                    struct s3d_object *o, int *fd);
/* Makes the sink's file durable and stores the object that it is; removes what it replaces. */
int s3d_store_object(struct s3d_request *rq, struct s3d_object *o,
                     const struct s3d_write_condition *condition, const char *upload);
/* Quoted, in out[S3_ETAG_MAX + 2]; returns out. */
char *s3d_quote_etag(const char *etag, char out[S3_ETAG_MAX + 2]);
/* MD5 of a file as hex. */
int s3d_file_md5(int fd, char out[MD5_HEX], struct error *err);
/* An MD5 fed by s3d_file_read; ctx is a struct digest. */
int s3d_feed_digest(void *ctx, const void *bytes, size_t len, struct error *err);

/* The source of a copy: bucket and key from x-amz-copy-source, its object and open file. */
struct s3d_copy_source {
    char bucket[S3_BUCKET_MAX];
    char key[S3_KEY_MAX + 1];
    struct s3d_object object;
    int fd;
};
/* -1 with the fault set. s3d_copy_source_close releases what it holds. */
int s3d_copy_source_open(struct s3d_request *rq, struct s3d_copy_source *s);
/* Closes the file and releases the object; safe after a failed open. */
void s3d_copy_source_close(struct s3d_copy_source *s);

#endif
