/* request: what the builders of all services share. Private to lib/aws. Pure functions. */
#ifndef STEPFLEET_AWS_REQUEST_H
#define STEPFLEET_AWS_REQUEST_H

#include "lib/aws/aws.h"
#include "lib/json/json_write.h"

/* Ceiling of a path or query: a key of 1024 bytes, each encoded, with room to spare. */
enum { AWS_PATH_MAX = 16 * 1024 };

/* Makes an empty request with its ceilings set. */
void aws_request_open(struct aws_request *r, enum aws_service service, const char *operation,
                      const char *method);
/* 0 if all its texts were built soundly; else -1 after freeing the request. Builders end with it.
 */
int aws_request_finish(struct aws_request *r, struct error *err);
/* Appends name=value, encoded, to the query; value NULL: the name alone. */
void aws_request_query(struct aws_request *r, const char *name, const char *value);

/* The body of a JSON call: aws_body_begin opens the buffer and the object, aws_body_end closes both
 * and makes the request (aws_request_json). */
void aws_body_begin(struct json_writer *w, struct buf *body);
/* -1 after freeing both when a text was too long or memory is out. */
int aws_body_end(struct json_writer *w, struct aws_request *r, enum aws_service service,
                 const char *operation, struct error *err);
/* Members that are NULL are left out, not sent as null. */
void aws_body_str(struct json_writer *w, const char *name, const char *text);
/* The tree is borrowed. */
void aws_body_json(struct json_writer *w, const char *name, const json_t *value);
/* A member that is an array, borrowed; NULL if the answer has none. */
json_t *aws_answer_array(const struct aws_response *response, const char *name);

#endif
