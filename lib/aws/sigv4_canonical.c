/* The canonical request: path, query and headers brought into the one form that both sides sign. */
#include "lib/aws/sigv4.h"

#include "lib/base/hex.h"

#include <stdlib.h>
#include <string.h>

/* RFC 3986, section 2.3: these are never encoded, all else always is. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void encode_byte(struct buf *out, unsigned char c, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_unreserved(c) || (c == '/' && keep_slash))
        buf_addc(out, (char)c);
    else
        buf_add(out, (const char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
}

void sigv4_encode(struct buf *out, const char *text, size_t len, bool keep_slash)
{
    for (size_t i = 0; i < len; i++)
        encode_byte(out, (unsigned char)text[i], keep_slash);
}

/* Appends the path without ".", ".." and empty segments; a slash at the end stays. */
static void normalize_path(struct buf *out, const char *path)
{
    size_t base = out->len;
    for (const char *at = path; *at;) {
        size_t len = strcspn(at, "/");
        if (len == 2 && memcmp(at, "..", 2) == 0) {
            while (out->len > base && out->data[out->len - 1] != '/')
                buf_truncate(out, out->len - 1);
            if (out->len > base)
                buf_truncate(out, out->len - 1);
        } else if (len > 1 || (len == 1 && *at != '.')) {
            buf_addc(out, '/');
            buf_add(out, at, len);
        }
        at += len;
        at += *at == '/';
    }
    size_t len = strlen(path);
    if (out->len == base || (len > 0 && path[len - 1] == '/'))
        buf_addc(out, '/');
}

/* Services other than S3 sign the path encoded a second time. */
static int add_path(const struct sigv4_request *req, struct buf *out, struct error *err)
{
    struct buf path;
    buf_init(&path, BUF_MAX_LINE);
    if (req->normalize)
        normalize_path(&path, req->path);
    else
        buf_adds(&path, req->path[0] ? req->path : "/");
    if (req->double_encode)
        sigv4_encode(out, buf_str(&path), path.len, true);
    else
        buf_add(out, buf_str(&path), path.len);
    int rc = buf_check(&path, err);
    buf_free(&path);
    return rc;
}

/* Encodes strictly what may be encoded already, in any spelling. A lone '%' is itself. */
static void recode(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            c = (unsigned char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        encode_byte(out, c, false);
    }
}

/* One query parameter, encoded: where its texts begin in the scratch buffer, then the texts. */
struct param {
    size_t name_at, value_at;
    const char *name, *value;
};

/* By encoded name, then by encoded value, as bytes. */
static int compare_params(const void *a, const void *b)
{
    const struct param *x = a;
    const struct param *y = b;
    int names = strcmp(x->name, y->name);
    return names ? names : strcmp(x->value, y->value);
}

/* Splits a query and encodes its parts into `texts`; returns how many there are. */
static size_t split_query(const char *query, struct param *params, struct buf *texts)
{
    size_t count = 0;
    for (const char *at = query; *at;) {
        size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        size_t name_len = equals ? (size_t)(equals - at) : len;
        if (len > 0) {
            struct param *p = &params[count++];
            p->name_at = texts->len;
            recode(texts, at, name_len);
            buf_addc(texts, '\0');
            p->value_at = texts->len;
            if (equals)
                recode(texts, equals + 1, len - name_len - 1);
            buf_addc(texts, '\0');
        }
        at += len;
        at += *at == '&';
    }
    return count;
}

/* Parameters are sorted after encoding, because that changes their order. Pointers are set when all
 * texts are there: the buffer moves while it grows. */
static int add_query(const struct sigv4_request *req, struct buf *out, struct error *err)
{
    size_t most = 1;
    for (const char *c = req->query; *c; c++)
        most += *c == '&';
    struct param *params = calloc(most, sizeof *params);
    if (!params)
        return err_set(err, ERR_MEMORY, "out of memory for a query");
    struct buf texts;
    buf_init(&texts, BUF_MAX_LINE * 3);
    size_t count = split_query(req->query, params, &texts);
    int rc = buf_check(&texts, err);
    if (!rc) {
        for (size_t i = 0; i < count; i++) {
            params[i].name = texts.data + params[i].name_at;
            params[i].value = texts.data + params[i].value_at;
        }
        qsort(params, count, sizeof *params, compare_params);
        for (size_t i = 0; i < count; i++)
            buf_addf(out, "%s%s=%s", i ? "&" : "", params[i].name, params[i].value);
    }
    buf_free(&texts);
    free(params);
    return rc;
}

/* By name alone (not by the whole line, where ':' sorts after '-'); equal names keep their order,
 * which is that of the array. */
static int compare_headers(const void *a, const void *b)
{
    const struct sigv4_header *x = *(const struct sigv4_header *const *)a;
    const struct sigv4_header *y = *(const struct sigv4_header *const *)b;
    int names = strcasecmp(x->name, y->name);
    return names ? names : (x > y) - (x < y);
}

/* The headers in the order in which they are signed; the caller frees the array. */
static const struct sigv4_header **sort_headers(const struct sigv4_request *req, struct error *err)
{
    const struct sigv4_header **sorted = calloc(req->header_count + 1, sizeof *sorted);
    if (!sorted) {
        err_set(err, ERR_MEMORY, "out of memory for headers");
        return NULL;
    }
    for (size_t i = 0; i < req->header_count; i++)
        sorted[i] = &req->headers[i];
    qsort(sorted, req->header_count, sizeof *sorted, compare_headers);
    return sorted;
}

static void add_lower(struct buf *out, const char *name)
{
    for (; *name; name++)
        buf_addc(out, *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name);
}

/* Trimmed, with every run of blanks (and folds) inside as one blank. */
static void add_value(struct buf *out, const char *value)
{
    static const char blanks[] = " \t\r\n";
    bool first = true;
    for (value += strspn(value, blanks); *value; value += strspn(value, blanks)) {
        size_t len = strcspn(value, blanks);
        if (!first)
            buf_addc(out, ' ');
        buf_add(out, value, len);
        value += len;
        first = false;
    }
}

/* Values of headers with the same name are joined by commas, in the order in which they are sent.
 */
static int add_headers(const struct sigv4_request *req, struct buf *out, struct error *err)
{
    const struct sigv4_header **sorted = sort_headers(req, err);
    if (!sorted)
        return -1;
    for (size_t i = 0; i < req->header_count; i++) {
        if (i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0) {
            buf_addc(out, ',');
        } else {
            buf_adds(out, i ? "\n" : "");
            add_lower(out, sorted[i]->name);
            buf_addc(out, ':');
        }
        add_value(out, sorted[i]->value);
    }
    free((void *)sorted);
    return 0;
}

/* Each name once, in the order of the canonical headers. */
int sigv4_signed_headers(const struct sigv4_request *req, struct buf *out, struct error *err)
{
    const struct sigv4_header **sorted = sort_headers(req, err);
    if (!sorted)
        return -1;
    for (size_t i = 0; i < req->header_count; i++) {
        if (i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0)
            continue;
        buf_adds(out, i ? ";" : "");
        add_lower(out, sorted[i]->name);
    }
    free((void *)sorted);
    return buf_check(out, err);
}

/* Six lines: method, path, query, headers (a line each, then an empty one), their names, the body's
 * hash. */
int sigv4_canonical(const struct sigv4_request *req, struct buf *out, struct error *err)
{
    buf_addf(out, "%s\n", req->method);
    if (add_path(req, out, err))
        return -1;
    buf_addc(out, '\n');
    if (add_query(req, out, err))
        return -1;
    buf_addc(out, '\n');
    if (add_headers(req, out, err))
        return -1;
    buf_adds(out, "\n\n");
    if (sigv4_signed_headers(req, out, err))
        return -1;
    buf_addf(out, "\n%s", req->payload_hash);
    return buf_check(out, err);
}
