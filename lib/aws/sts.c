/* The Query protocol: a form goes out, XML comes back, its result wrapped in two elements named
 * after the operation. */
#include "lib/aws/sts.h"

#include "lib/aws/request.h"
#include "lib/aws/sigv4.h"
#include "lib/aws/xml.h"
#include "lib/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_field(struct aws_request *r, const char *name, const char *value)
{
    buf_addf(&r->body, "&%s=", name);
    sigv4_encode(&r->body, value, strlen(value), false);
}

/* Each operation answers with a root of its own name; anything else is a damaged answer. */
static void open_form(struct aws_request *r, const char *operation, const char *root)
{
    aws_request_open(r, AWS_STS, operation, "POST");
    buf_addc(&r->path, '/');
    buf_addf(&r->body, "Action=%s&Version=2011-06-15", operation);
    r->expect_root = root;
}

int sts_get_caller_identity(struct aws_request *r, struct error *err)
{
    open_form(r, "GetCallerIdentity", "GetCallerIdentityResponse");
    return aws_request_finish(r, err);
}

/* Said here in words, because the service's answer is a regular expression. */
static int check_session(struct aws_request *r, const char *name, struct error *err)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_+=,.@-";
    size_t len = strlen(name);
    if (len >= 2 && len <= 64 && strspn(name, legal) == len)
        return 0;
    aws_request_free(r);
    return err_set(err, ERR_ARGUMENT,
                   "role session name '%.80s' must be 2 to 64 letters, digits or _+=,.@-", name);
}

static void add_role(struct aws_request *r, const struct sts_role *in)
{
    add_field(r, "RoleArn", in->role_arn);
    add_field(r, "RoleSessionName", in->session_name);
    if (in->duration_seconds)
        buf_addf(&r->body, "&DurationSeconds=%" PRId64, in->duration_seconds);
}

int sts_assume_role(struct aws_request *r, const struct sts_role *in, struct error *err)
{
    open_form(r, "AssumeRole", "AssumeRoleResponse");
    add_role(r, in);
    if (in->external_id)
        add_field(r, "ExternalId", in->external_id);
    return check_session(r, in->session_name, err) ? -1 : aws_request_finish(r, err);
}

int sts_assume_role_with_web_identity(struct aws_request *r, const struct sts_role *in,
                                      struct error *err)
{
    open_form(r, "AssumeRoleWithWebIdentity", "AssumeRoleWithWebIdentityResponse");
    r->anonymous = true;
    add_role(r, in);
    add_field(r, "WebIdentityToken", in->web_identity_token);
    return check_session(r, in->session_name, err) ? -1 : aws_request_finish(r, err);
}

/* "<Operation>Response/<Operation>Result": the result's name is not asked for, only its place. */
static int find_result(const struct aws_response *response, struct xml_node *out, struct error *err)
{
    struct xml_node root;
    size_t at = 0;
    const struct buf *body = &response->http.body;
    if (xml_root(buf_str(body), body->len, &root, err))
        return err_wrap(err, "reading an answer of STS");
    if (xml_next(&root, &at, out, err) == 1)
        return 0;
    return err_set(err, ERR_SYNTAX, "an answer of STS is empty");
}

/* The text of an element that must be there, in a buffer of the caller's. */
static int read_text(const struct xml_node *node, const char *path, struct buf *out,
                     struct error *err)
{
    buf_reset(out);
    if (xml_find_text(node, path, out, err))
        return err_wrap(err, "reading %s of an answer of STS", path);
    return out->len ? 0 : err_set(err, ERR_SYNTAX, "an answer of STS has no %s", path);
}

int sts_caller_identity_read(const struct aws_response *response, struct sts_identity *out,
                             struct error *err)
{
    const struct {
        const char *name;
        char *to;
        size_t size;
    } members[] = {{"Account", out->account, sizeof out->account},
                   {"Arn", out->arn, sizeof out->arn},
                   {"UserId", out->user_id, sizeof out->user_id}};
    struct xml_node result;
    int rc = find_result(response, &result, err);
    for (size_t i = 0; !rc && i < sizeof members / sizeof *members; i++) {
        struct buf text;
        buf_init(&text, members[i].size - 1);
        rc = read_text(&result, members[i].name, &text, err);
        if (!rc)
            memcpy(members[i].to, buf_str(&text), text.len + 1);
        buf_free(&text);
    }
    return rc;
}

int sts_credentials_read(const struct aws_response *response, struct credentials *out,
                         struct error *err)
{
    const struct {
        const char *path;
        char **to;
    } members[] = {{"Credentials/AccessKeyId", &out->access_key_id},
                   {"Credentials/SecretAccessKey", &out->secret_access_key},
                   {"Credentials/SessionToken", &out->session_token}};
    struct xml_node result;
    struct buf text;
    *out = (struct credentials){0};
    buf_init(&text, BUF_MAX_LINE);
    int rc = find_result(response, &result, err);
    for (size_t i = 0; !rc && i < sizeof members / sizeof *members; i++) {
        rc = read_text(&result, members[i].path, &text, err);
        if (!rc && !(*members[i].to = buf_take(&text, NULL)))
            rc = err_set(err, ERR_MEMORY, "out of memory for credentials");
    }
    if (!rc)
        rc = read_text(&result, "Credentials/Expiration", &text, err);
    if (!rc)
        rc = clock_parse_rfc3339(buf_str(&text), &out->expires, err);
    buf_free(&text);
    if (rc)
        credentials_close(out);
    return rc;
}
