/* Options by a table. Values are checked where they are accepted, so that a wrong one in the
 * environment is told even if the command line replaces it. */
#include "lib/options/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const on_words[] = {"1", "true", "yes", "on"};
static const char *const off_words[] = {"0", "false", "no", "off"};

static bool listed(const char *const *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], text) == 0)
            return true;
    return false;
}

/* A whole decimal number, all of the text. */
static int parse_int(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return -1;
    *out = value;
    return 0;
}

/* How a person calls the option in messages. */
static const char *name_of(const struct option_row *row, char *out, size_t size)
{
    if (!row->flag)
        return row->env;
    (void)snprintf(out, size, "--%s (%s)", row->flag, row->env);
    return out;
}

/* Checks and takes one value. */
static int accept(const struct option_row *row, const char *text, enum option_origin origin,
                  struct option_value *value, struct error *err)
{
    char name[96];
    int64_t number;
    if (row->kind == OPTION_SWITCH) {
        bool on = listed(on_words, sizeof on_words / sizeof on_words[0], text);
        if (!on && !listed(off_words, sizeof off_words / sizeof off_words[0], text))
            return err_set(err, ERR_ARGUMENT, "%s is a switch: '%.60s' is neither true nor false",
                           name_of(row, name, sizeof name), text);
        text = on ? "1" : NULL;
    } else if (row->kind == OPTION_INT &&
               (parse_int(text, &number) || number < row->min || number > row->max)) {
        return err_set(
            err, ERR_ARGUMENT, "%s must be a whole number from %lld to %lld, not '%.60s'",
            name_of(row, name, sizeof name), (long long)row->min, (long long)row->max, text);
    }
    *value = (struct option_value){.text = text, .origin = origin};
    return 0;
}

/* Defaults first, then the environment over them; flags come last and replace both. */
static int read_environment(const struct option_row *rows, size_t count,
                            const char *(*env)(const char *name), struct option_value *values,
                            struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (struct option_value){.text = rows[i].fallback, .origin = OPTION_DEFAULT};
        const char *text = rows[i].env ? env(rows[i].env) : NULL;
        if (text && *text && accept(&rows[i], text, OPTION_ENVIRONMENT, &values[i], err))
            return -1;
    }
    return 0;
}

/* Compared by length, because the word may go on with "=value". */
static const struct option_row *find(const struct option_row *rows, size_t count, const char *word,
                                     size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].flag && strlen(rows[i].flag) == len && memcmp(rows[i].flag, word, len) == 0)
            return &rows[i];
    return NULL;
}

/* Reads argv[*at], which begins with "--"; may take the next word as its value. */
static int read_flag(const struct option_row *rows, size_t count, int argc, const char **argv,
                     int *at, struct option_value *values, struct error *err)
{
    const char *word = argv[*at] + 2;
    size_t len = strcspn(word, "=");
    const struct option_row *row = find(rows, count, word, len);
    if (!row)
        return err_set(err, ERR_ARGUMENT, "unknown option '--%.*s': --help lists them",
                       (int)(len > 60 ? 60 : len), word);
    const char *text = word[len] == '=' ? word + len + 1 : NULL;
    if (!text && row->kind == OPTION_SWITCH)
        text = "1";
    if (!text && *at + 1 < argc)
        text = argv[++*at];
    if (!text)
        return err_set(err, ERR_ARGUMENT, "--%s needs a value: --%s %s", row->flag, row->flag,
                       row->argument ? row->argument : "VALUE");
    return accept(row, text, OPTION_FLAG, &values[row - rows], err);
}

/* Operands are moved to the front of argv, over words that were read already. */
int options_read(const struct option_row *rows, size_t count, int argc, const char **argv,
                 const char *(*env)(const char *name), struct option_value *values,
                 int *operand_count, struct error *err)
{
    bool only_operands = false;
    *operand_count = 0;
    if (read_environment(rows, count, env, values, err))
        return -1;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0')
            argv[(*operand_count)++] = argv[i];
        else if (argv[i][1] != '-')
            return err_set(err, ERR_ARGUMENT, "unknown option '%.60s': --help lists them", argv[i]);
        else if (read_flag(rows, count, argc, argv, &i, values, err))
            return -1;
    }
    return 0;
}

int64_t option_int(const struct option_value *value)
{
    int64_t number = 0;
    return value->text && parse_int(value->text, &number) == 0 ? number : 0;
}

bool option_on(const struct option_value *value)
{
    return value->text != NULL;
}

void options_help(const struct option_row *rows, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        char left[64];
        if (!rows[i].flag)
            continue;
        (void)snprintf(left, sizeof left, "--%s %s", rows[i].flag,
                       rows[i].argument ? rows[i].argument : "");
        buf_addf(out, "  %-26s %s (%s", left, rows[i].help, rows[i].env);
        if (rows[i].fallback)
            buf_addf(out, ", default %s", rows[i].fallback);
        buf_adds(out, ")\n");
    }
}

/* Secrets are masked even in part: their length is not told either. */
static const char *shown(const struct option_row *row, const struct option_value *value)
{
    if (row->kind == OPTION_SWITCH)
        return value->text ? "true" : "false";
    if (!value->text)
        return "-";
    return row->secret ? "********" : value->text;
}

void options_show(const struct option_row *rows, size_t count, const struct option_value *values,
                  struct buf *out)
{
    static const char *const origins[] = {"default", "environment", "flag"};
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%-28s %-32s %s\n", rows[i].env, shown(&rows[i], &values[i]),
                 origins[values[i].origin]);
}

/* The last colon parts host and port: an IPv6 address has more of them, inside its brackets. */
int options_address(const char *text, char *host, size_t size, uint16_t *port, struct error *err)
{
    const char *colon = strrchr(text, ':');
    int64_t number = -1;
    if (!colon || parse_int(colon + 1, &number) || number < 0 || number > 65535)
        return err_set(err, ERR_ARGUMENT,
                       "'%.80s' is no address: write HOST:PORT, for example 127.0.0.1:8080", text);
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= size || size < sizeof "127.0.0.1")
        return err_set(err, ERR_ARGUMENT, "'%.80s' has no usable host before the port", text);
    memcpy(host, text, len);
    host[len] = '\0';
    if (strcmp(host, "localhost") == 0)
        (void)snprintf(host, size, "127.0.0.1");
    *port = (uint16_t)number;
    return 0;
}
