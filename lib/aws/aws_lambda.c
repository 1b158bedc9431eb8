/* Source: Lambda API reference, Invoke. */
#include "lib/aws/aws_lambda.h"

#include "lib/aws/request.h"
#include "lib/aws/sigv4.h"
#include "lib/json/json_read.h"

#include <stdio.h>
#include <string.h>

/* A function may run 900 s; the answer then still has to come. */
enum { INVOKE_TIMEOUT_MS = 910000 };

int lambda_invoke(struct aws_request *r, const char *function, const void *payload, size_t len,
                  struct error *err)
{
    aws_request_open(r, AWS_LAMBDA, "Invoke", "POST");
    buf_adds(&r->path, "/2015-03-31/functions/");
    sigv4_encode(&r->path, function, strlen(function), false);
    buf_adds(&r->path, "/invocations");
    aws_request_header(r, "Content-Type", "application/json");
    aws_request_header(r, "X-Amz-Invocation-Type", "RequestResponse");
    buf_add(&r->body, payload, len);
    r->timeout_ms = INVOKE_TIMEOUT_MS;
    return aws_request_finish(r, err);
}

/* A function that failed is answered with 200; only a header tells it from one that worked. */
int lambda_result(const struct aws_response *response, struct error *err)
{
    char kind[32];
    if (!http_response_header(&response->http, "x-amz-function-error", kind, sizeof kind))
        return 0;
    json_t *body = NULL;
    (void)json_parse(buf_str(&response->http.body), response->http.body.len, &body, NULL);
    const char *type = json_str(body, "errorType", kind);
    const char *message = json_str(body, "errorMessage", "the function gave no message");
    err_set(err, ERR_REMOTE, "%s: %s", type, message);
    if (err) {
        err->http_status = response->status;
        (void)snprintf(err->remote, sizeof err->remote, "%s", type);
        memcpy(err->request_id, response->request_id, sizeof err->request_id);
    }
    json_decref(body);
    return -1;
}
