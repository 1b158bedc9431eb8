/* aws_error: what a service's error answer says, in any of its shapes. Pure functions.
 *
 * JSON: `__type` (cut at '#' and ':') and message or Message. REST-JSON: the x-amzn-errortype
 * header, then code, then `__type`. S3 and STS: XML. Anything else (HTML of a gateway, nothing at
 * all): the status alone, with the code "HTTP 503". */
#ifndef STEPFLEET_AWS_ERROR_H
#define STEPFLEET_AWS_ERROR_H

#include "lib/aws/endpoint.h"

/* Copies the request id of an answer ("" if there is none). */
void aws_request_id(const struct http_response *r, char out[ERR_REQUEST_ID_MAX]);

/* Fills err as ERR_REMOTE; `json` is the parsed body if it is JSON, else NULL. Returns -1. */
int aws_error_read(enum aws_protocol protocol, const struct http_response *r, const json_t *json,
                   struct error *err);

#endif
