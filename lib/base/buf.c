/* A buffer grows by doubling under its ceiling. Once it has failed nothing is added any more, so
 * that what it holds is never a text with a hole in it. */
#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

/* Makes room for `extra` more bytes and the NUL; marks the failure otherwise. */
static bool reserve(struct buf *b, size_t extra)
{
    if (b->failed)
        return false;
    if (extra > b->max || b->len > b->max - extra) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + extra + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !reserve(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

/* Printed twice: once to learn the length, which must be checked against the ceiling before
 * anything is written. */
void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if (!reserve(b, (size_t)len))
        return;
    va_start(args, fmt);
    (void)vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    va_end(args);
    b->len += (size_t)len;
}

void buf_truncate(struct buf *b, size_t len)
{
    if (len >= b->len)
        return;
    b->len = len;
    b->data[len] = '\0';
}

/* The two causes are not told apart: what a caller can do about them is the same. */
int buf_check(const struct buf *b, struct error *err)
{
    if (!b->failed)
        return 0;
    return err_set(err, ERR_LIMIT, "a text grew beyond its limit of %zu bytes, or memory is out",
                   b->max);
}

/* An empty buffer has no memory yet; it gets some here, so that the caller always owns a text. */
char *buf_take(struct buf *b, size_t *len)
{
    if (b->failed || (!b->data && !reserve(b, 0)))
        return NULL;
    char *data = b->data;
    if (!data)
        return NULL;
    data[b->len] = '\0';
    if (len)
        *len = b->len;
    buf_init(b, b->max);
    return data;
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}
