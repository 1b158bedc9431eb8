/* answer: judging what came back for a request. Private to lib/aws. Pure functions. */
#ifndef STEPFLEET_AWS_ANSWER_H
#define STEPFLEET_AWS_ANSWER_H

#include "lib/aws/aws.h"

/* Moves an HTTP answer into *out (which the caller frees in any case) and tells what it is: 0 a
 * success; -1 with ERR_REMOTE for an error of the service, or ERR_NETWORK for a success that
 * arrived damaged (checksum, cut-off JSON) and is worth another attempt. */
int answer_read(const struct aws_request *request, struct http_response *http,
                struct aws_response *out, struct error *err);

#endif
