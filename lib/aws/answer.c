/* An answer is judged in the order transport (checksum), form (JSON), status, root element. */
#include "lib/aws/answer.h"

#include "lib/aws/aws_error.h"
#include "lib/aws/xml.h"
#include "lib/crypto/crypto.h"
#include "lib/json/json_pull.h"
#include "lib/json/json_read.h"

#include <stdlib.h>
#include <string.h>

/* Redirects of S3 are errors here: a signed request cannot simply be sent elsewhere. */
static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

/* DynamoDB tells the CRC-32 of the body it sent. */
static int check_crc(const struct aws_response *a, struct error *err)
{
    char text[24];
    if (!http_response_header(&a->http, "x-amz-crc32", text, sizeof text))
        return 0;
    unsigned long told = strtoul(text, NULL, 10);
    if (told == crypto_crc32(0, buf_str(&a->http.body), a->http.body.len))
        return 0;
    return err_set(err, ERR_NETWORK, "the answer arrived damaged (x-amz-crc32 does not match)");
}

/* A tree, or only the certainty that it is JSON. An error whose answer was asked for as text has
 * code and message: one that is larger says nothing, and its tree would take ten times its size. */
static int parse(const struct aws_request *request, struct aws_response *a, struct error *err)
{
    const char *text = buf_str(&a->http.body);
    const size_t len = a->http.body.len;
    if (request->as_text && is_success(a->status))
        return json_check(text, len, err);
    if (request->as_text && len > BUF_MAX_LINE)
        return err_set(err, ERR_LIMIT, "an error of %zu bytes", len);
    return json_parse(text, len, &a->json, err);
}

/* Parses the body where JSON is due. A success must be JSON; of an error it may be anything. */
static int read_json(const struct aws_request *request, enum aws_protocol protocol,
                     struct aws_response *a, struct error *err)
{
    struct error why = {0};
    bool success = is_success(a->status);
    if (protocol != AWS_JSON && (protocol != AWS_REST_JSON || success))
        return 0;
    if (a->http.body.len == 0) {
        a->json = json_object();
        return a->json ? 0 : err_set(err, ERR_MEMORY, "out of memory for an answer");
    }
    if (parse(request, a, &why) == 0 || !success)
        return 0;
    return err_set(err, ERR_NETWORK, "the answer (request %s) is not JSON: %s",
                   a->request_id[0] ? a->request_id : "without an id", why.message);
}

/* A 200 whose body must have a certain root: an <Error>, a cut-off or an empty body count as 500.
 */
static int check_root(const struct aws_request *request, struct aws_response *a, struct error *err)
{
    struct xml_node root;
    struct error why = {0};
    int rc = xml_root(buf_str(&a->http.body), a->http.body.len, &root, &why);
    if (rc == 0 && xml_is(&root, request->expect_root))
        return 0;
    (void)aws_error_read(AWS_REST_XML, &a->http, NULL, err);
    if (rc || !xml_is(&root, "Error"))
        err_wrap(err, "the answer holds no <%s>", request->expect_root);
    if (err)
        err->http_status = 500;
    return -1;
}

/* The request id is taken first, so that every error below can tell it. */
int answer_read(const struct aws_request *request, struct http_response *http,
                struct aws_response *out, struct error *err)
{
    enum aws_protocol protocol = aws_service_info(request->service)->protocol;
    out->status = http->status;
    out->http = *http;
    *http = (struct http_response){0};
    aws_request_id(&out->http, out->request_id);
    if (check_crc(out, err) || read_json(request, protocol, out, err))
        return -1;
    if (!is_success(out->status))
        return aws_error_read(protocol, &out->http, out->json, err);
    return request->expect_root ? check_root(request, out, err) : 0;
}

void aws_response_free(struct aws_response *r)
{
    http_response_free(&r->http);
    json_decref(r->json);
    r->json = NULL;
}
