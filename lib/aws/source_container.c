/* The endpoint that ECS and EKS offer to their containers. Source: AWS SDKs and Tools Reference
 * Guide, "Container credential provider". */
#include "lib/aws/source.h"

#include "lib/aws/config_file.h"
#include "lib/aws/endpoint.h"
#include "lib/json/json_read.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELATIVE_URI "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

enum { URL_MAX = 2048, TOKEN_MAX = 16 * 1024, TIMEOUT_MS = 2000, ATTEMPTS = 3 };

/* An address, not a name: whoever may set names in DNS must not get our token. */
static bool is_own_address(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127 || strcmp(host, "169.254.170.2") == 0 ||
               strcmp(host, "169.254.170.23") == 0;
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return false;
    struct in6_addr eks;
    return IN6_IS_ADDR_LOOPBACK(&v6) ||
           (inet_pton(AF_INET6, "fd00:ec2::23", &eks) == 1 && memcmp(&v6, &eks, sizeof v6) == 0);
}

/* The host of "http://host[:port]/...", without the brackets of an IPv6 address. */
static bool find_host(const char *url, char out[256])
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += 3;
    size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len))
        return false;
    if (*host == '[') {
        const char *end = memchr(host, ']', len);
        if (!end || (end + 1 != host + len && end[1] != ':'))
            return false;
        return snprintf(out, 256, "%.*s", (int)(end - host - 1), host + 1) < 256;
    }
    return snprintf(out, 256, "%.*s", (int)strcspn(host, ":/?#"), host) < 256;
}

/* Plain HTTP is for addresses of this machine and AWS's two only. */
static int check_full(const char *url, bool *own, struct error *err)
{
    char host[256];
    bool tls = strncmp(url, "https://", 8) == 0;
    if ((!tls && strncmp(url, "http://", 7) != 0) || !find_host(url, host) || !*host)
        return err_set(err, ERR_ARGUMENT, FULL_URI " must be an http:// or https:// URL");
    *own = is_own_address(host);
    if (tls || *own)
        return 0;
    return err_set(err, ERR_ARGUMENT,
                   FULL_URI " names the host '%.100s': without TLS only loopback addresses, "
                            "169.254.170.2, 169.254.170.23 and [fd00:ec2::23] are allowed",
                   host);
}

/* Where to ask; "" if nothing is configured. */
static int find_url(const struct aws_options *o, char out[URL_MAX], bool *own, struct error *err)
{
    const char *relative = aws_getenv(o, RELATIVE_URI);
    const char *full = aws_getenv(o, FULL_URI);
    int len;
    out[0] = '\0';
    *own = true;
    if (relative && *relative != '/')
        return err_set(err, ERR_ARGUMENT, RELATIVE_URI " must begin with '/'");
    if (relative)
        len = snprintf(out, URL_MAX, "http://169.254.170.2%s", relative);
    else if (full && check_full(full, own, err))
        return -1;
    else
        len = snprintf(out, URL_MAX, "%s", full ? full : "");
    return len < URL_MAX ? 0 : err_set(err, ERR_ARGUMENT, "the container's URI is too long");
}

/* The token as it goes into the header; the file is read anew each time, for it is rotated. */
static int find_token(const struct aws_options *o, char **out, struct error *err)
{
    const char *path = aws_getenv(o, TOKEN_FILE);
    const char *token = aws_getenv(o, TOKEN);
    size_t len = 0;
    *out = NULL;
    if (!path && !token)
        return 0;
    if (path && config_slurp(path, TOKEN_MAX, out, &len, err))
        return err_wrap(err, TOKEN_FILE);
    if (path && !*out)
        return err_set(err, ERR_ARGUMENT, TOKEN_FILE ": there is no file %.300s", path);
    if (!path) {
        *out = strdup(token);
        len = strlen(token);
    }
    if (!*out)
        return err_set(err, ERR_MEMORY, "out of memory for a token");
    if (path && len && (*out)[len - 1] == '\n')
        (*out)[--len] = '\0'; /* what editors and echo leave at the end of a file */
    if (len && strlen(*out) == len && !strpbrk(*out, "\r\n"))
        return 0;
    *out = credentials_wipe(*out);
    return err_set(err, ERR_ARGUMENT, "%s is empty or holds a line break or a NUL",
                   path ? TOKEN_FILE : TOKEN);
}

/* What an error answer may tell: code and message, never more of the body. */
static int refused(const struct http_response *r, struct error *err)
{
    json_t *body = NULL;
    struct error why = {0};
    (void)json_parse(buf_str(&r->body), r->body.len, &body, &why);
    const char *code = json_str(body, "code", json_str(body, "Code", ""));
    const char *message = json_str(body, "message", json_str(body, "Message", ""));
    err_set(err, ERR_DENIED, "the container's endpoint answered HTTP %d%s%.100s%s%.300s", r->status,
            *code ? " " : "", code, *message ? ": " : "", message);
    json_decref(body);
    return -1;
}

static int ask(const struct source_input *in, const char *url, bool own, const char *token,
               struct credentials *out, struct error *err)
{
    const struct http_header headers[] = {{"Accept", "application/json"},
                                          {"Authorization", token ? token : ""}};
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .headers = headers,
                                         .header_count = token ? 2 : 1,
                                         .max_reply = BUF_MAX_LINE,
                                         .timeout_ms = TIMEOUT_MS,
                                         .no_proxy = own};
    const struct source_http how = {&request, ATTEMPTS, CLOCK_SECOND};
    struct http_response r;
    int rc = source_http_call(in, &how, &r, err);
    if (rc)
        return rc;
    rc = r.status == 200 ? source_read_json(buf_str(&r.body), r.body.len, "Token", out, err)
                         : refused(&r, err);
    http_response_free(&r);
    return rc;
}

enum found source_container(const struct source_input *in, struct credentials *out,
                            struct error *err)
{
    char url[URL_MAX];
    char *token = NULL;
    bool own = false;
    int rc = find_url(in->options, url, &own, err);
    if (!rc && !url[0])
        return NOT_CONFIGURED;
    if (!rc)
        rc = find_token(in->options, &token, err);
    if (!rc)
        rc = ask(in, url, own, token, out, err);
    credentials_wipe(token);
    return rc ? FAILED : FOUND;
}
