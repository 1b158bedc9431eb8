/* What a handler may ask of a request. */
#include "lib/base/hex.h"
#include "lib/http_server/http_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Percent-decodes up to `end`, appends a NUL and returns what follows it. %00 and what is no
 * escape stay as they are. */
static char *decode(char *out, const char *in, const char *end)
{
    while (in < end) {
        const int high = *in == '%' && end - in > 2 ? hex_digit(in[1]) : -1;
        const int low = high >= 0 ? hex_digit(in[2]) : -1;
        if (low >= 0 && (high || low)) {
            *out++ = (char)(high * 16 + low);
            in += 3;
        } else {
            *out++ = *in == '+' ? ' ' : *in;
            in++;
        }
    }
    *out++ = '\0';
    return out;
}

/* Done once, with the headers: look-ups are then plain comparisons. */
int http_parse_query(struct http_exchange *x)
{
    const char *in = x->query;
    if (!*in)
        return 0;
    /* Decoding never makes longer; each argument adds two NULs for at most one '=' and one '&'. */
    char *out = x->decoded = malloc(strlen(in) + 2 * (HTTP_QUERY_MAX + 1));
    if (!out)
        return -1;
    /* What is empty between two '&' is no argument and gets no room. */
    while (*(in += strspn(in, "&")) && x->argument_count < HTTP_QUERY_MAX) {
        const char *end = in + strcspn(in, "&");
        const char *equals = memchr(in, '=', (size_t)(end - in));
        struct http_pair *argument = &x->arguments[x->argument_count++];
        argument->name = out;
        out = decode(out, in, equals ? equals : end);
        argument->value = out;
        out = decode(out, equals ? equals + 1 : end, end);
        in = end;
    }
    return 0;
}

const char *http_method(const struct http_exchange *x)
{
    return x->method;
}

const char *http_raw_path(const struct http_exchange *x)
{
    return x->path;
}

const char *http_raw_query(const struct http_exchange *x)
{
    return x->query;
}

struct header_copy {
    struct http_pair *pairs; /* NULL while sizes are counted */
    char *texts;
    size_t count;
    size_t bytes;
};

/* Called twice for each header: to count, and to copy. */
static enum MHD_Result copy_header(void *data, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    struct header_copy *copy = data;
    (void)kind;
    if (copy->pairs) {
        char *text = copy->texts + copy->bytes;
        memcpy(text, name, name_len);
        text[name_len] = '\0';
        if (value_len)
            memcpy(text + name_len + 1, value, value_len);
        text[name_len + 1 + value_len] = '\0';
        copy->pairs[copy->count] = (struct http_pair){text, text + name_len + 1};
    }
    copy->count++;
    copy->bytes += name_len + value_len + 2;
    return MHD_YES;
}

int http_copy_headers(struct http_exchange *x)
{
    struct header_copy copy = {0};
    (void)MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, copy_header, &copy);
    if (!copy.count)
        return 0;
    x->request_headers = malloc(copy.count * sizeof *x->request_headers + copy.bytes);
    if (!x->request_headers)
        return -1;
    x->request_header_count = copy.count;
    copy.pairs = x->request_headers;
    copy.texts = (char *)(x->request_headers + copy.count);
    copy.count = copy.bytes = 0;
    (void)MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, copy_header, &copy);
    return 0;
}

const char *http_header(const struct http_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->request_header_count; i++) {
        if (!strcasecmp(x->request_headers[i].name, name))
            return x->request_headers[i].value;
    }
    return NULL;
}

/* What a tag is compared by: the text in its quotes. */
static const char *without_weakness(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

bool http_has_etag(const struct http_exchange *x, const char *etag)
{
    const char *at = http_header(x, "If-None-Match");
    const char *wanted = without_weakness(etag);
    const size_t len = strlen(wanted);
    if (!at || strcmp(at, "*") == 0)
        return at != NULL;
    while (*(at += strspn(at, " \t,"))) {
        at = without_weakness(at);
        if (strncmp(at, wanted, len) == 0)
            return true;
        const size_t quoted = *at == '"' ? 1 + strcspn(at + 1, "\"") : 0;
        at += quoted + strcspn(at + quoted, ",");
    }
    return false;
}

void http_each_header(const struct http_exchange *x,
                      void (*fn)(void *ctx, const char *name, const char *value), void *ctx)
{
    for (size_t i = 0; i < x->request_header_count; i++)
        fn(ctx, x->request_headers[i].name, x->request_headers[i].value);
}

const char *http_query(const struct http_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->argument_count; i++) {
        if (!strcmp(x->arguments[i].name, name))
            return x->arguments[i].value;
    }
    return NULL;
}

void http_each_query(const struct http_exchange *x,
                     void (*fn)(void *ctx, const char *name, const char *value), void *ctx)
{
    for (size_t i = 0; i < x->argument_count; i++)
        fn(ctx, x->arguments[i].name, x->arguments[i].value);
}

uint16_t http_local_port(const struct http_exchange *x)
{
    return x->port;
}

const char *http_peer(const struct http_exchange *x)
{
    return x->peer;
}

const char *http_body(const struct http_exchange *x, size_t *len)
{
    if (len)
        *len = x->body.memory.len;
    return buf_str(&x->body.memory);
}

uint64_t http_body_len(const struct http_exchange *x)
{
    return x->body.len;
}

void http_set_data(struct http_exchange *x, void *data)
{
    x->data = data;
}

void *http_data(const struct http_exchange *x)
{
    return x->data;
}

void http_body_limit(struct http_exchange *x, uint64_t max)
{
    x->body.max = max;
}

void http_body_to_fd(struct http_exchange *x, int fd, uint64_t max,
                     void (*piece)(void *data, const void *bytes, size_t len), void *data)
{
    x->body.streamed = true;
    x->body.fd = fd;
    x->body.max = max;
    x->body.piece = piece;
    x->body.piece_data = data;
}

bool http_too_large(const struct http_exchange *x)
{
    return x->body.too_large;
}

int http_body_errno(const struct http_exchange *x)
{
    return x->body.error;
}
