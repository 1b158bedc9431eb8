/* Reading an answer's header lines. */
#include "lib/http_client/http_client.h"

#include <string.h>

/* What HTTP calls optional white space around a value. */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The value of a header line if its name is `name`: trimmed, not terminated; else NULL. */
static const char *line_value(const char *line, size_t len, const char *name, size_t *value_len)
{
    size_t name_len = strlen(name);
    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return NULL;
    const char *start = line + name_len + 1;
    const char *end = line + len;
    while (start < end && is_blank(*start))
        start++;
    while (end > start && is_blank(end[-1]))
        end--;
    *value_len = (size_t)(end - start);
    return start;
}

/* The first line of that name; a value that does not fit is cut. */
const char *http_response_header(const struct http_response *r, const char *name, char *out,
                                 size_t size)
{
    const char *line = buf_str(&r->headers);
    while (*line) {
        size_t len = strcspn(line, "\r\n");
        size_t value_len = 0;
        const char *value = line_value(line, len, name, &value_len);
        if (value && size > 0) {
            value_len = value_len < size ? value_len : size - 1;
            memcpy(out, value, value_len);
            out[value_len] = '\0';
            return out;
        }
        line += len + strspn(line + len, "\r\n");
    }
    return NULL;
}

void http_response_free(struct http_response *r)
{
    buf_free(&r->headers);
    buf_free(&r->body);
}
