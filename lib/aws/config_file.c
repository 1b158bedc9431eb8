/* The text is copied once and cut up in place: every entry points into it. */
#include "lib/aws/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the parser stands. */
struct parser {
    struct config_file *file;
    const char *name;
    int line;
    const char *section; /* NULL before the first */
    const char *key;     /* the last one, NULL at the start of a section */
    size_t indent;       /* of that key */
};

static int fail(const struct parser *p, struct error *err, const char *what)
{
    return err_set(err, ERR_SYNTAX, "%.300s line %d: %s", p->name, p->line, what);
}

static int add_entry(struct parser *p, const char *key, const char *member, char *value,
                     struct error *err)
{
    struct config_file *f = p->file;
    if (f->count == CONFIG_ENTRIES_MAX)
        return err_set(err, ERR_LIMIT, "%.300s has more than %d entries", p->name,
                       CONFIG_ENTRIES_MAX);
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 32;
        struct config_entry *more = reallocarray(f->entries, cap, sizeof *more);
        if (!more)
            return err_set(err, ERR_MEMORY, "out of memory for %.300s", p->name);
        f->entries = more;
        f->cap = cap;
    }
    f->entries[f->count++] = (struct config_entry){p->section, key, member, value};
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    while (is_blank(*text))
        text++;
    size_t len = strlen(text);
    while (len && is_blank(text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* "[profile x]", with blanks and a comment behind it at will. */
static int read_section(struct parser *p, char *line, struct error *err)
{
    char *end = strchr(line, ']');
    if (!end)
        return fail(p, err, "a section must end with ']'");
    *end = '\0';
    const char *rest = trim(end + 1);
    if (*rest && *rest != '#' && *rest != ';')
        return fail(p, err, "nothing may follow the ']' of a section");
    p->section = trim(line + 1);
    p->key = NULL;
    return add_entry(p, "", NULL, end, err);
}

/* Cuts "name = value" in two; the name becomes lower case. NULL if it is not of that form. */
static char *split_pair(char *line, char **value)
{
    char *sign = strchr(line, '=');
    if (!sign || sign == line)
        return NULL;
    *sign = '\0';
    *value = trim(sign + 1);
    char *name = trim(line);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return name;
}

/* A line below a key: a member of it if it has no value of its own, else more of that value, which
 * moves up behind what is there already. */
static int read_nested(struct parser *p, char *line, struct error *err)
{
    struct config_entry *last = &p->file->entries[p->file->count - 1];
    char *value = NULL;
    if (last->member || !*last->value) {
        char *member = split_pair(line, &value);
        return member ? add_entry(p, p->key, member, value, err)
                      : fail(p, err, "expected 'name = value' below an empty value");
    }
    size_t at = strlen(last->value);
    last->value[at] = '\n';
    memmove(last->value + at + 1, line, strlen(line) + 1);
    return 0;
}

static int read_pair(struct parser *p, char *line, size_t indent, struct error *err)
{
    char *value = NULL;
    char *key = p->section ? split_pair(line, &value) : NULL;
    if (!p->section)
        return fail(p, err, "expected a '[section]' before the first value");
    if (!key)
        return fail(p, err, "expected 'name = value' or '[section]'");
    p->key = key;
    p->indent = indent;
    return add_entry(p, key, NULL, value, err);
}

static int read_line(struct parser *p, char *line, struct error *err)
{
    size_t indent = strspn(line, " \t");
    char *text = trim(line);
    if (!*text || *text == '#' || *text == ';')
        return 0;
    if (p->key && indent > p->indent)
        return read_nested(p, text, err);
    if (*text == '[')
        return read_section(p, text, err);
    return read_pair(p, text, indent, err);
}

/* The last line may do without its newline; there is a NUL behind it. */
static int read_lines(struct parser *p, struct error *err)
{
    char *rest = p->file->text;
    if (strncmp(rest, "\xEF\xBB\xBF", 3) == 0)
        rest += 3; /* editors of another system put a mark there */
    for (char *line; (line = strsep(&rest, "\n"));) {
        p->line++;
        if (strlen(line) > CONFIG_LINE_MAX)
            return fail(p, err, "the line is too long");
        if (read_line(p, line, err))
            return -1;
    }
    return 0;
}

int config_file_parse(const char *text, size_t len, const char *name, struct config_file *out,
                      struct error *err)
{
    struct parser p = {.file = out, .name = name};
    *out = (struct config_file){0};
    if (len > CONFIG_FILE_MAX)
        return err_set(err, ERR_LIMIT, "%.300s is larger than %d bytes", name, CONFIG_FILE_MAX);
    if (memchr(text, '\0', len))
        return err_set(err, ERR_SYNTAX, "%.300s holds a NUL byte: it is not a text file", name);
    out->text = strndup(text, len);
    out->len = len;
    if (!out->text)
        return err_set(err, ERR_MEMORY, "out of memory for %.300s", name);
    int rc = read_lines(&p, err);
    if (rc)
        config_file_close(out);
    return rc;
}

/* One byte more than allowed is asked for, so that a file that is too large shows. */
static int read_all(int fd, const char *path, size_t max, char **out, size_t *len,
                    struct error *err)
{
    char *data = malloc(max + 1);
    ssize_t got = 1;
    if (!data)
        return err_set(err, ERR_MEMORY, "out of memory for %.300s", path);
    for (*len = 0; *len <= max && got > 0; *len += (size_t)got) {
        do
            got = read(fd, data + *len, max + 1 - *len);
        while (got < 0 && errno == EINTR);
        if (got <= 0)
            break;
    }
    if (got >= 0 && *len <= max) {
        data[*len] = '\0';
        *out = data;
        return 0;
    }
    int rc = got < 0 ? err_set_errno(err, "cannot read %.300s", path)
                     : err_set(err, ERR_LIMIT, "%.300s is larger than %zu bytes", path, max);
    explicit_bzero(data, *len < max ? *len : max);
    free(data);
    return rc;
}

/* Not to wait for a writer, should it be a pipe. */
int config_slurp(const char *path, size_t max, char **out, size_t *len, struct error *err)
{
    *out = NULL;
    *len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0
                                                   : err_set_errno(err, "cannot open %.300s", path);
    int rc = read_all(fd, path, max, out, len, err);
    (void)close(fd);
    return rc;
}

int config_file_read(const char *path, struct config_file *out, struct error *err)
{
    char *text = NULL;
    size_t len = 0;
    *out = (struct config_file){0};
    if (config_slurp(path, CONFIG_FILE_MAX, &text, &len, err))
        return -1;
    int rc = text ? config_file_parse(text, len, path, out, err) : 0;
    if (text)
        explicit_bzero(text, len);
    free(text);
    return rc;
}

void config_file_close(struct config_file *f)
{
    if (f->text)
        explicit_bzero(f->text, f->len);
    free(f->text);
    free(f->entries);
    *f = (struct config_file){0};
}

bool config_file_has(const struct config_file *f, const char *section)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->entries[i].section, section) == 0)
            return true;
    return false;
}

static bool is_member(const char *have, const char *want)
{
    return have && want ? strcmp(have, want) == 0 : have == want;
}

const char *config_file_get(const struct config_file *f, const char *section, const char *key,
                            const char *member)
{
    for (size_t i = f->count; i-- > 0;) {
        const struct config_entry *e = &f->entries[i];
        if (strcmp(e->section, section) == 0 && strcmp(e->key, key) == 0 &&
            is_member(e->member, member))
            return *e->value ? e->value : NULL;
    }
    return NULL;
}
