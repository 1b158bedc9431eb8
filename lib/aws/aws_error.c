/* Each protocol has its own reader of code and message; the rest is common. A body that cannot be
 * read is not our error: gateways answer HTML, HEAD has none. */
#include "lib/aws/aws_error.h"

#include "lib/aws/xml.h"
#include "lib/json/json_read.h"

#include <stdio.h>
#include <string.h>

/* Code and message as found; "" for what is missing. */
struct findings {
    char code[ERR_REMOTE_MAX];
    char message[ERR_MESSAGE_MAX - ERR_REMOTE_MAX - 8];
};

void aws_request_id(const struct http_response *r, char out[ERR_REQUEST_ID_MAX])
{
    static const char *const names[] = {"x-amzn-requestid", "x-amz-request-id"};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names && !out[0]; i++)
        (void)http_response_header(r, names[i], out, ERR_REQUEST_ID_MAX);
}

/* "ns.v1#Name" and "Name:http://..." both mean Name. */
static void take_code(struct findings *f, const char *type)
{
    const char *hash = strchr(type, '#');
    const char *name = hash ? hash + 1 : type;
    (void)snprintf(f->code, sizeof f->code, "%.*s", (int)strcspn(name, ":"), name);
}

/* Some services write "message", others "Message"; the code is in "__type" unless a header told it.
 */
static void read_json(const json_t *json, struct findings *f)
{
    const char *message = json_str(json, "message", json_str(json, "Message", ""));
    (void)snprintf(f->message, sizeof f->message, "%s", message);
    if (!f->code[0])
        take_code(f, json_str(json, "__type", ""));
}

/* Lambda names the error in a header; the body's member is for services that do not. */
static void read_rest_json(const struct http_response *r, const json_t *json, struct findings *f)
{
    char type[256];
    if (http_response_header(r, "x-amzn-errortype", type, sizeof type))
        take_code(f, type);
    if (!f->code[0])
        take_code(f, json_str(json, "code", json_str(json, "Code", "")));
    read_json(json, f);
}

static void copy_text(const struct xml_node *root, const char *path, char *out, size_t size)
{
    struct buf text;
    buf_init(&text, BUF_MAX_LINE);
    if (xml_find_text(root, path, &text, NULL) == 0)
        (void)snprintf(out, size, "%s", buf_str(&text));
    buf_free(&text);
}

/* <Error> is S3's root and STS's child. */
static void read_xml(const struct http_response *r, struct findings *f)
{
    struct xml_node root;
    if (xml_root(buf_str(&r->body), r->body.len, &root, NULL))
        return;
    bool bare = xml_is(&root, "Error");
    copy_text(&root, bare ? "Code" : "Error/Code", f->code, sizeof f->code);
    copy_text(&root, bare ? "Message" : "Error/Message", f->message, sizeof f->message);
}

/* What services call their errors by: one word of visible characters. */
static bool is_code(const char *text)
{
    const char *at = text;
    while (*at > ' ' && *at <= '~')
        at++;
    return at > text && !*at;
}

/* An error without a code (from a proxy or a load balancer) is named by its status, so that
 * messages and retry rules have something to go by. */
int aws_error_read(enum aws_protocol protocol, const struct http_response *r, const json_t *json,
                   struct error *err)
{
    struct findings f = {.code = ""};
    switch (protocol) {
    case AWS_JSON:
        read_json(json, &f);
        break;
    case AWS_REST_JSON:
        read_rest_json(r, json, &f);
        break;
    case AWS_REST_XML:
    case AWS_QUERY:
        read_xml(r, &f);
        break;
    }
    if (!is_code(f.code))
        (void)snprintf(f.code, sizeof f.code, "HTTP %d", r->status);
    if (!err)
        return -1;
    err_set(err, ERR_REMOTE, "%s%s%s", f.code, f.message[0] ? ": " : "", f.message);
    err->http_status = r->status;
    (void)snprintf(err->remote, sizeof err->remote, "%s", f.code);
    aws_request_id(r, err->request_id);
    return -1;
}
