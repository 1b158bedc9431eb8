/* What a handler may ask of a request. */
#include "lib/base/hex.h"
#include "lib/http_server/http_private.h"

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
    char *out = http_memory_take(&x->memory, strlen(in) + 2 * (HTTP_QUERY_MAX + 1));
    x->arguments = http_memory_take(&x->memory, HTTP_QUERY_MAX * sizeof *x->arguments);
    if (!out || !x->arguments)
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

/* Called for each header, until one cannot be kept. */
static enum MHD_Result copy_header(void *exchange, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct http_exchange *x = exchange;
    const struct http_pair pair = {name, value ? value : ""};
    (void)kind;
    x->header_lost = http_fields_add(&x->request_headers, &x->memory, &pair) != 0;
    return x->header_lost ? MHD_NO : MHD_YES;
}

int http_copy_headers(struct http_exchange *x)
{
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, copy_header, x);
    return x->header_lost ? -1 : 0;
}

const char *http_header(const struct http_exchange *x, const char *name)
{
    for (const struct http_field *f = x->request_headers.first; f; f = f->next)
        if (!strcasecmp(f->name, name))
            return f->value;
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
    for (const struct http_field *f = x->request_headers.first; f; f = f->next)
        fn(ctx, f->name, f->value);
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
