/* The first byte of a character tells its length; all others begin with the bits 10. */
#include "lib/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_inner(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_fit(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    if (text[len] == '\0')
        return len;
    while (len > 0 && is_inner(text[len]))
        len--;
    return len;
}

/* 0 for a byte that begins none. */
static size_t length_by(char first)
{
    unsigned char c = (unsigned char)first;
    if (c < 0x80)
        return 1;
    return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
}

void utf8_mend(char *text)
{
    size_t len = strlen(text), start = len;
    while (start > 0 && is_inner(text[start - 1]))
        start--;
    if (start > 0 && length_by(text[start - 1]) > len - (start - 1))
        text[start - 1] = '\0';
}
