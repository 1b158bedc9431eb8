/* The status page's files. Scripts and styles are named by the hash of their content and may be
 * kept for ever; the page itself must be asked for each time: a new binary shows its new page at
 * once. */
#include "server/routes/page.h"

#include "lib/crypto/crypto.h"
#include "server/api/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Scripts and styles come from this server alone, and nobody may frame the page. */
static const char policy[] =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
static const char page_name[] = "page/index.html";

/* By the file's ending; nosniff makes browsers believe it. */
struct media {
    const char *suffix;
    const char *type;
};

static const struct media media[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t n = strlen(suffix);
    return len > n && strcmp(text + len - n, suffix) == 0;
}

static const char *media_type(const char *name)
{
    for (size_t i = 0; i < sizeof media / sizeof media[0]; i++)
        if (ends_with(name, media[i].suffix))
            return media[i].type;
    return "application/octet-stream";
}

const struct embedded *page_find(const char *path)
{
    char name[128];
    if (strcmp(path, "/") == 0)
        return embed_find(page_name);
    if (strncmp(path, "/static/", 8) != 0 || ends_with(path, ".gz"))
        return NULL;
    int n = snprintf(name, sizeof name, "page/%s", path + 8);
    return n > 0 && (size_t)n < sizeof name ? embed_find(name) : NULL;
}

/* Is the coding's weight above nothing? `at` is behind its name: "", ";q=0.5", " ; q=0". */
static bool weight_allows(const char *at)
{
    at += strspn(at, " \t;");
    return strncasecmp(at, "q=", 2) != 0 || strtod(at + 2, NULL) > 0;
}

/* Does Accept-Encoding name gzip? A bare "*" is not taken at its word: plain is right for all. */
static bool takes_gzip(const char *accepted)
{
    while (accepted && *accepted) {
        accepted += strspn(accepted, " \t,");
        size_t len = strcspn(accepted, " \t,;");
        if (len == 4 && strncasecmp(accepted, "gzip", 4) == 0)
            return weight_allows(accepted + len);
        accepted += strcspn(accepted, ",");
    }
    return false;
}

/* The file itself, or what the build has made of it by gzip. */
static const struct embedded *choose_coding(struct http_exchange *x, const struct embedded *file)
{
    char name[136];
    http_add_header(x, "Vary", "Accept-Encoding");
    if (!takes_gzip(http_header(x, "Accept-Encoding")))
        return file;
    (void)snprintf(name, sizeof name, "%s.gz", file->name);
    const struct embedded *packed = embed_find(name);
    if (packed)
        http_add_header(x, "Content-Encoding", "gzip");
    return packed ? packed : file;
}

static bool method_fits(struct http_exchange *x)
{
    struct error err = {0};
    const char *method = http_method(x);
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return true;
    http_add_header(x, "Allow", "GET, HEAD");
    err_set(&err, ERR_METHOD, "%s is not allowed here, only GET, HEAD", method);
    problem_reply(x, &err, NULL);
    return false;
}

static void add_headers(struct http_exchange *x, const struct embedded *file, const char *etag)
{
    bool page = strcmp(file->name, page_name) == 0;
    http_add_header(x, "ETag", etag);
    http_add_header(x, "Cache-Control", page ? "no-cache" : "public, max-age=31536000, immutable");
    http_add_header(x, "Content-Security-Policy", policy);
    http_add_header(x, "Referrer-Policy", "no-referrer");
}

/* The hash is made for each request: the files are small and few ask for them. */
void page_reply(struct http_exchange *x, const struct embedded *file)
{
    struct error err = {0};
    char hash[SHA256_HEX];
    char etag[40];
    if (!method_fits(x))
        return;
    const struct embedded *sent = choose_coding(x, file);
    if (crypto_sha256_hex(sent->data, sent->len, hash, &err)) {
        problem_reply(x, &err, NULL);
        return;
    }
    (void)snprintf(etag, sizeof etag, "\"%.32s\"", hash);
    add_headers(x, file, etag);
    /* With 304 nothing of it is sent but its length, which must be that of 200 (RFC 9110, 8.6). */
    http_reply_const(x, http_has_etag(x, etag) ? 304 : 200, media_type(file->name), sent->data,
                     sent->len);
}
