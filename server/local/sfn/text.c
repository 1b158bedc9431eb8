/* JSON texts with a reference count that needs no atomics: one thread uses them. */
#include "server/local/sfn/text.h"

#include "lib/base/buf.h"
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 * 1024 * 1024 };

struct text *text_new(const char *raw, size_t len)
{
    struct text *t = malloc(sizeof *t + len + 1);
    if (!t)
        return NULL;
    *t = (struct text){.references = 1, .len = len};
    memcpy(t->raw, raw, len);
    t->raw[len] = '\0';
    return t;
}

struct text *text_of(const json_t *value)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    json_dump(&out, value);
    struct text *t = buf_check(&out, NULL) ? NULL : text_new(buf_str(&out), out.len);
    buf_free(&out);
    return t;
}

/* Behind the string that begins at `at`; the text is sound JSON. */
static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\';
    return at;
}

/* A level has two brackets: most texts are too short to be looked at. */
bool text_fits(const struct text *t, size_t bytes, size_t levels)
{
    size_t depth = 0;
    if (!t || t->len > bytes)
        return false;
    for (const char *at = t->raw; *at && t->len > 2 * levels && depth <= levels; at++) {
        if (*at == '"')
            at = skip_string(at);
        else if (*at == '[' || *at == '{')
            depth++;
        else if (*at == ']' || *at == '}')
            depth--;
    }
    return depth <= levels;
}

struct text *text_hold(struct text *t)
{
    if (t)
        t->references++;
    return t;
}

struct text *text_release(struct text *t)
{
    if (t && --t->references == 0) {
        free(t->quoted);
        free(t);
    }
    return NULL;
}

const char *text_quoted(struct text *t, size_t *len)
{
    if (!t->quoted) {
        struct buf out;
        buf_init(&out, (size_t)TEXT_MAX * 2);
        json_quote(&out, t->raw, t->len);
        t->quoted = buf_take(&out, &t->quoted_len);
        buf_free(&out);
    }
    *len = t->quoted_len;
    return t->quoted;
}
