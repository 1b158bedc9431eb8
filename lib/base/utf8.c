/* The first byte of a character tells its length; all others begin with the bits 10. */
#include "lib/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_inner(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Source: RFC 3629, section 4. The second byte's bounds depend on the first one. */
size_t utf8_character(const char *at, size_t left)
{
    static const struct {
        unsigned char first, last; /* bytes that begin a character */
        unsigned char low, high;   /* and what may be second */
        unsigned char len;
    } kinds[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                 {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const unsigned char *bytes = (const unsigned char *)at;
    for (size_t i = 0; left && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (bytes[0] < kinds[i].first || bytes[0] > kinds[i].last)
            continue;
        const size_t len = kinds[i].len;
        if (left < len || bytes[1] < kinds[i].low || bytes[1] > kinds[i].high)
            return 0;
        for (size_t inner = 2; inner < len; inner++)
            if (!is_inner(at[inner]))
                return 0;
        return len;
    }
    return 0;
}

size_t utf8_encode(uint32_t character, char out[4])
{
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const size_t len = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; character >>= 6)
        out[i] = (char)(0x80 | (character & 0x3f));
    out[0] = (char)(marks[len] | character);
    return len;
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
