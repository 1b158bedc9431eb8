/* One pass: the reader is ahead of the writer in the same memory or level with it, for quotes and
 * backslashes only ever go away. */
#include "lib/aws/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What stands between quotes; `from` is behind the opening one. NULL if it does not end. */
static const char *copy_quoted(const char *from, char quote, char **to)
{
    for (; *from && *from != quote; from++) {
        if (quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        *(*to)++ = *from;
    }
    return *from ? from + 1 : NULL;
}

/* One word up to a blank; the writer is behind its NUL afterwards. */
static const char *copy_word(const char *from, char **to)
{
    while (from && *from && !is_blank(*from)) {
        if (*from == '\'' || *from == '"') {
            from = copy_quoted(from + 1, *from, to);
        } else if (*from == '\\') {
            if (!from[1])
                return NULL;
            *(*to)++ = from[1];
            from += 2;
        } else {
            *(*to)++ = *from++;
        }
    }
    *(*to)++ = '\0';
    return from;
}

int words_split(const char *line, struct words *out, struct error *err)
{
    *out = (struct words){.text = malloc(strlen(line) + 2)};
    char *to = out->text;
    if (!to)
        return err_set(err, ERR_MEMORY, "out of memory for a command");
    const char *from = line + strspn(line, " \t\r\n");
    while (*from && out->count < WORDS_MAX) {
        out->list[out->count++] = to;
        from = copy_word(from, &to);
        if (!from) {
            words_free(out);
            return err_set(err, ERR_SYNTAX, "the command ends within quotes or after a backslash");
        }
        from += strspn(from, " \t\r\n");
    }
    if (!*from && out->count)
        return 0;
    words_free(out);
    return *from ? err_set(err, ERR_LIMIT, "the command has more than %d words", WORDS_MAX)
                 : err_set(err, ERR_SYNTAX, "the command is empty");
}

void words_free(struct words *w)
{
    free(w->text);
    *w = (struct words){0};
}
