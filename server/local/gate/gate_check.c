/* Who may come in. Signatures are not checked: any credentials do. What keeps web pages out is that
 * a browser sends an Origin or Sec-Fetch-Site, cannot set Authorization without asking, and names
 * a foreign Host when its page's name was made to point here. */
#include "server/local/gate/gate_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { CREDENTIAL_MAX = 256, SIGNATURE_HEX = 64 };

/* Returns false, so that checks can end with it. */
static bool refuse(struct gate_refusal *r, int status, const char *code, const char *message)
{
    r->status = status;
    r->code = code;
    (void)snprintf(r->message, sizeof r->message, "%s", message);
    return false;
}

/* Clients leave the port out when it is HTTP's own. */
static bool is_port(const char *text, uint16_t port)
{
    char own[8];
    (void)snprintf(own, sizeof own, ":%u", (unsigned)port);
    return !strcmp(text, own) || (port == 80 && !*text);
}

/* The Host without its port, which must be ours. NULL if it is not. */
static const char *own_host(const struct http_exchange *x, size_t *len)
{
    const char *host = http_header(x, "Host");
    if (!host)
        return NULL;
    const char *bracket = *host == '[' ? strchr(host, ']') : NULL;
    *len = bracket ? (size_t)(bracket - host) + 1 : strcspn(host, ":");
    return is_port(host + *len, http_local_port(x)) ? host : NULL;
}

/* Names are compared without case. */
static bool host_is(const char *host, size_t len, const char *name)
{
    return strlen(name) == len && !strncasecmp(host, name, len);
}

/* A page whose name was pointed at this machine still sends its own name. */
static bool host_allowed(const struct gate *g, const struct http_exchange *x, bool s3)
{
    static const char suffix[] = ".localhost"; /* bucket.localhost: always this machine */
    const size_t suffix_len = sizeof suffix - 1;
    size_t len = 0;
    const char *host = own_host(x, &len);
    if (!host)
        return false;
    if (host_is(host, len, "127.0.0.1") || host_is(host, len, "localhost") ||
        host_is(host, len, "[::1]") || host_is(host, len, g->listen_host))
        return true;
    return s3 && len > suffix_len && !strncasecmp(host + len - suffix_len, suffix, suffix_len);
}

/* Copies the value of `name=` out of the Authorization header. */
static bool part(const char *header, const char *name, char *out, size_t size)
{
    const char *at = strstr(header, name);
    if (!at)
        return false;
    at += strlen(name);
    const size_t len = strcspn(at, ", ");
    if (!len || len >= size)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

/* The name goes into messages: nothing but what services are called by. */
static bool is_service(const char *text)
{
    const size_t len = strlen(text);
    return len && len < GATE_SCOPE_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* Splits "key/date/region/service/aws4_request"; false if it is not that. The access key may
 * itself hold slashes, so that it is read from the end. */
static bool read_scope(const char *credential, char service[GATE_SCOPE_MAX])
{
    char text[CREDENTIAL_MAX];
    const char *parts[4];
    (void)snprintf(text, sizeof text, "%s", credential);
    /* From the end: key / date / region / service / aws4_request. */
    for (int i = 3; i >= 0; i--) {
        char *slash = strrchr(text, '/');
        if (!slash)
            return false;
        *slash = '\0';
        parts[i] = slash + 1;
    }
    if (!*text || strlen(parts[0]) != 8 || strspn(parts[0], "0123456789") != 8 || !*parts[1] ||
        !is_service(parts[2]) || strcmp(parts[3], "aws4_request") != 0)
        return false;
    (void)snprintf(service, GATE_SCOPE_MAX, "%s", parts[2]);
    return true;
}

/* From the header, or from a presigned query. */
static bool read_credential(const struct http_exchange *x, char out[CREDENTIAL_MAX])
{
    const char *header = http_header(x, "Authorization");
    if (header)
        return part(header, "Credential=", out, CREDENTIAL_MAX);
    const char *query = http_query(x, "X-Amz-Credential");
    if (!query || strlen(query) >= CREDENTIAL_MAX)
        return false;
    (void)snprintf(out, CREDENTIAL_MAX, "%s", query);
    return true;
}

void gate_scope(const struct http_exchange *x, char out[GATE_SCOPE_MAX])
{
    char credential[CREDENTIAL_MAX];
    if (!read_credential(x, credential) || !read_scope(credential, out))
        out[0] = '\0';
}

/* Any 64 hex digits: only the form is checked. */
static bool is_signature(const char *text)
{
    return strlen(text) == SIGNATURE_HEX &&
           strspn(text, "0123456789abcdef") == (size_t)SIGNATURE_HEX;
}

/* A header of the right form, or (S3 only) a presigned query. */
static bool signature_well_formed(const struct http_exchange *x)
{
    char text[BUF_MAX_LINE / 16], scope[GATE_SCOPE_MAX];
    const char *header = http_header(x, "Authorization");
    gate_scope(x, scope);
    if (!*scope)
        return false;
    if (header)
        return !strncmp(header, ALGORITHM " ", sizeof ALGORITHM) &&
               part(header, "SignedHeaders=", text, sizeof text) &&
               part(header, "Signature=", text, sizeof text) && is_signature(text);
    const char *algorithm = http_query(x, "X-Amz-Algorithm");
    const char *signature = http_query(x, "X-Amz-Signature");
    return algorithm && !strcmp(algorithm, ALGORITHM) && signature && is_signature(signature) &&
           http_query(x, "X-Amz-Date") && http_query(x, "X-Amz-Expires") &&
           http_query(x, "X-Amz-SignedHeaders");
}

/* Present, well formed, and meant for this service. */
static bool check_signature(const struct http_exchange *x, const struct gate_target *target,
                            struct gate_refusal *r)
{
    const bool s3 = target->form == GATE_FORM_S3;
    char scope[GATE_SCOPE_MAX];
    if (!http_header(x, "Authorization") && !(s3 && http_query(x, "X-Amz-Algorithm")))
        return refuse(r, 403, s3 ? "AccessDenied" : "MissingAuthenticationTokenException",
                      "Missing Authentication Token: sign the request; any credentials do here.");
    if (!signature_well_formed(x))
        return refuse(r, s3 ? 400 : 403,
                      s3 ? "AuthorizationHeaderMalformed" : "IncompleteSignatureException",
                      "Authorization must be AWS4-HMAC-SHA256 with Credential, SignedHeaders and "
                      "Signature.");
    gate_scope(x, scope);
    if (target->scope && strcmp(scope, target->scope) != 0) {
        refuse(r, s3 ? 400 : 403, s3 ? "AuthorizationHeaderMalformed" : "InvalidSignatureException",
               "");
        (void)snprintf(r->message, sizeof r->message,
                       "Credential should be scoped to correct service: '%s'.", target->scope);
        return false;
    }
    return true;
}

bool gate_check(const struct gate *g, const struct http_exchange *x,
                const struct gate_target *target, struct gate_refusal *r)
{
    const bool s3 = target->form == GATE_FORM_S3;
    const char *denied = s3 ? "AccessDenied" : "AccessDeniedException";
    const char *site = http_header(x, "Sec-Fetch-Site");
    if (!host_allowed(g, x, s3))
        return refuse(r, 403, denied, "The Host header does not name this endpoint.");
    if (http_header(x, "Origin") || (site && strcmp(site, "none") != 0))
        return refuse(r, 403, denied, "This endpoint does not serve web pages.");
    return check_signature(x, target, r);
}
