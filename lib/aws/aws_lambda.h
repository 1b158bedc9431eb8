/* aws_lambda: building Lambda Invoke calls and reading their answers. Pure functions. */
#ifndef STEPFLEET_AWS_LAMBDA_H
#define STEPFLEET_AWS_LAMBDA_H

#include "lib/aws/aws.h"

/* Invoke, synchronous. function: name or ARN; payload: JSON text. The attempt's timeout is above
 * Lambda's 900 s. */
int lambda_invoke(struct aws_request *r, const char *function, const void *payload, size_t len,
                  struct error *err);
/* 0: the function's result is the response's body. -1 with ERR_REMOTE, err->remote = errorType,
 * when the function failed (X-Amz-Function-Error). */
int lambda_result(const struct aws_response *response, struct error *err);

#endif
