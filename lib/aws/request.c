/* Requests as the builders make them: texts are appended without checks, for failures stick to the
 * buffers, and aws_request_finish tells in the end. */
#include "lib/aws/request.h"

#include "lib/aws/sigv4.h"

#include <stdio.h>
#include <string.h>

void aws_request_open(struct aws_request *r, enum aws_service service, const char *operation,
                      const char *method)
{
    *r = (struct aws_request){.service = service, .method = method};
    (void)snprintf(r->operation, sizeof r->operation, "%s", operation);
    buf_init(&r->path, AWS_PATH_MAX);
    buf_init(&r->query, AWS_PATH_MAX);
    buf_init(&r->body, BUF_MAX_PAYLOAD);
}

/* The one check of all that builders appended. */
int aws_request_finish(struct aws_request *r, struct error *err)
{
    int rc = buf_check(&r->path, err);
    if (!rc)
        rc = buf_check(&r->query, err);
    if (!rc)
        rc = buf_check(&r->body, err);
    for (size_t i = 0; !rc && i < r->header_count; i++)
        rc = buf_check(&r->headers[i].value, err);
    if (rc) {
        err_wrap(err, "building %s", r->operation);
        aws_request_free(r);
    }
    return rc;
}

int aws_request_json(struct aws_request *r, enum aws_service service, const char *operation,
                     struct buf *body, struct error *err)
{
    aws_request_open(r, service, operation, "POST");
    buf_addc(&r->path, '/');
    r->body = *body;
    buf_init(body, body->max);
    if (r->body.len == 0)
        buf_adds(&r->body, "{}");
    return aws_request_finish(r, err);
}

void aws_request_header(struct aws_request *r, const char *name, const char *value)
{
    if (r->header_count == AWS_HEADERS_MAX || strlen(name) >= sizeof r->headers[0].name) {
        r->path.failed = true; /* the builder's last check tells */
        return;
    }
    size_t i = r->header_count++;
    (void)snprintf(r->headers[i].name, sizeof r->headers[i].name, "%s", name);
    buf_init(&r->headers[i].value, BUF_MAX_LINE);
    buf_adds(&r->headers[i].value, value);
}

void aws_request_query(struct aws_request *r, const char *name, const char *value)
{
    if (r->query.len)
        buf_addc(&r->query, '&');
    sigv4_encode(&r->query, name, strlen(name), false);
    if (!value)
        return;
    buf_addc(&r->query, '=');
    sigv4_encode(&r->query, value, strlen(value), false);
}

void aws_request_free(struct aws_request *r)
{
    buf_free(&r->path);
    buf_free(&r->query);
    buf_free(&r->body);
    for (size_t i = 0; i < r->header_count; i++)
        buf_free(&r->headers[i].value);
    r->header_count = 0;
}

void aws_body_begin(struct json_writer *w, struct buf *body)
{
    buf_init(body, BUF_MAX_PAYLOAD);
    jw_init(w, body);
    jw_object(w, NULL);
}

int aws_body_end(struct json_writer *w, struct aws_request *r, enum aws_service service,
                 const char *operation, struct error *err)
{
    jw_end_object(w);
    return aws_request_json(r, service, operation, w->out, err);
}

void aws_body_str(struct json_writer *w, const char *name, const char *text)
{
    if (text)
        jw_str(w, name, text);
}

void aws_body_json(struct json_writer *w, const char *name, const json_t *value)
{
    if (value)
        jw_json(w, name, value);
}

json_t *aws_answer_array(const struct aws_response *response, const char *name)
{
    json_t *list = json_object_get(response->json, name);
    return json_is_array(list) ? list : NULL;
}
