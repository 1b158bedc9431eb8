/* Two passes over the literal: count pieces and bytes, then copy. The separator is taken as a
 * whole; the starter kit's tokenizer took it for a set of characters. */
#include "lib/spec/spec.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Finds the next piece at *rest, trimmed; moves *rest behind its separator or to NULL at the end.
 * Returns its length. */
static size_t next_piece(const char **rest, const char *separator, const char **start)
{
    const char *first = *rest;
    const char *cut = strstr(first, separator);
    const char *last = cut ? cut : first + strlen(first);
    *rest = cut ? cut + strlen(separator) : NULL;
    while (first < last && is_blank(*first))
        first++;
    while (last > first && is_blank(last[-1]))
        last--;
    *start = first;
    return (size_t)(last - first);
}

/* The list ends with NULL, so that it can be handed on as it is. */
int spec_split(const char *literal, const char *separator, char ***list, size_t *count,
               struct error *err)
{
    *list = NULL;
    *count = 0;
    if (!*separator)
        return err_set(err, ERR_ARGUMENT, "the separator is empty");
    size_t pieces = 0, bytes = 0;
    const char *start;
    for (const char *rest = literal; rest;) {
        size_t len = next_piece(&rest, separator, &start);
        pieces += len > 0;
        bytes += len + 1;
    }
    /* Pointers first, the texts behind them: one allocation, one free. */
    char **out = malloc((pieces + 1) * sizeof *out + bytes);
    if (!out)
        return err_set(err, ERR_MEMORY, "out of memory while splitting \"%.80s\"", literal);
    char *text = (char *)(out + pieces + 1);
    size_t n = 0;
    for (const char *rest = literal; rest;) {
        size_t len = next_piece(&rest, separator, &start);
        if (len == 0)
            continue;
        memcpy(text, start, len);
        text[len] = '\0';
        out[n++] = text;
        text += len + 1;
    }
    out[n] = NULL;
    *list = out;
    *count = n;
    return 0;
}
