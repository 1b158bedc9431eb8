/* The status page's files. They carry an ETag of their content and may be kept, but must be asked
 * for each time: a new binary shows its new page at once. */
#include "server/routes/page.h"

#include "lib/crypto/crypto.h"
#include "server/api/problem.h"

#include <stdio.h>
#include <string.h>

/* Scripts and styles come from this server alone, and nobody may frame the page. */
static const char policy[] =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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

static const char *media_type(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof media / sizeof media[0]; i++) {
        size_t n = strlen(media[i].suffix);
        if (len > n && strcmp(name + len - n, media[i].suffix) == 0)
            return media[i].type;
    }
    return "application/octet-stream";
}

const struct embedded *page_find(const char *path)
{
    if (strcmp(path, "/") == 0)
        return embed_find("static/index.html");
    return strncmp(path, "/static/", 8) == 0 ? embed_find(path + 1) : NULL;
}

/* The hash is made for each request: the files are small and few ask for them. */
void page_reply(struct http_exchange *x, const struct embedded *file)
{
    struct error err = {0};
    char hash[SHA256_HEX];
    char etag[40];
    bool head = strcmp(http_method(x), "HEAD") == 0;
    if (!head && strcmp(http_method(x), "GET") != 0) {
        http_add_header(x, "Allow", "GET, HEAD");
        err_set(&err, ERR_METHOD, "%s is not allowed here, only GET, HEAD", http_method(x));
        problem_reply(x, &err, NULL);
        return;
    }
    if (crypto_sha256_hex(file->data, file->len, hash, &err)) {
        problem_reply(x, &err, NULL);
        return;
    }
    (void)snprintf(etag, sizeof etag, "\"%.32s\"", hash);
    http_add_header(x, "ETag", etag);
    http_add_header(x, "Cache-Control", "no-cache");
    http_add_header(x, "Content-Security-Policy", policy);
    http_add_header(x, "Referrer-Policy", "no-referrer");
    const char *seen = http_header(x, "If-None-Match");
    if (seen && strstr(seen, etag))
        http_reply(x, 304, NULL, NULL, 0);
    else
        http_reply_const(x, 200, media_type(file->name), file->data, file->len);
}
