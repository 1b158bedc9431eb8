#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    fuzz_expect(text != NULL, "memory is out");
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

char *fuzz_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    const size_t len = end ? (size_t)(end - *data) : *size;
    char *line = copy(*data, len);
    *data += len + (end != NULL);
    *size -= len + (end != NULL);
    return line;
}

char *fuzz_rest(const uint8_t *data, size_t size)
{
    return copy(data, size);
}

void fuzz_expect(int held, const char *promise)
{
    if (held)
        return;
    (void)fprintf(stderr, "fuzz: %s\n", promise);
    abort();
}
