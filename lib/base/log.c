/* A line is put together on the stack and leaves in one write(2): lines of several threads do not
 * mix, and logging needs neither memory nor a lock. */
#include "lib/base/log.h"

#include "lib/base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

/* A line on the stack: what does not fit is cut, never the closing brace. */
struct line {
    char data[8192];
    size_t len;
};

/* Kept for the closing brace and the newline, which always fit. */
enum { LINE_RESERVE = 8 };

/* Copies what there is room for; LINE_RESERVE stays free for the line's end. */
static void put(struct line *l, const char *text, size_t len)
{
    size_t room = sizeof l->data - LINE_RESERVE - l->len;
    if (len > room)
        len = room;
    memcpy(l->data + l->len, text, len);
    l->len += len;
}

static void puts_line(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Writes a JSON string; cut texts stay valid because escapes are put whole or not at all. */
static void put_json(struct line *l, const char *text)
{
    puts_line(l, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (sizeof l->data - LINE_RESERVE - l->len < 16)
            break;
        char escape[8];
        if (*p == '"' || *p == '\\')
            (void)snprintf(escape, sizeof escape, "\\%c", *p);
        else if (*p < 0x20)
            (void)snprintf(escape, sizeof escape, "\\u%04x", *p);
        else
            (void)snprintf(escape, sizeof escape, "%c", *p);
        puts_line(l, escape);
    }
    puts_line(l, "\"");
}

/* Control characters become blanks: a message must not forge a second line on the terminal. */
static void put_text(struct line *l, const char *text)
{
    for (const char *p = text; *p; p++)
        put(l, (unsigned char)*p < 0x20 || *p == 0x7f ? " " : p, 1);
}

void log_open(struct log *lg, int fd, enum log_level level, const char *program)
{
    *lg = (struct log){.fd = fd,
                       .text = isatty(fd) == 1,
                       .level = level,
                       .clock = clock_system(),
                       .program = program};
}

int log_parse_level(const char *text, enum log_level *level, struct error *err)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return err_set(err, ERR_ARGUMENT, "'%.40s' is no log level: use debug, info, warn, error, off",
                   text);
}

static void format_text(struct line *l, const struct log *lg, enum log_level level,
                        const char *message, const struct log_field *fields, size_t count)
{
    char when[CLOCK_TEXT_MAX];
    char number[32];
    puts_line(l, clock_rfc3339(clock_wall(lg->clock), when));
    puts_line(l, " ");
    puts_line(l, level_names[level]);
    puts_line(l, " ");
    put_text(l, message);
    for (size_t i = 0; i < count; i++) {
        puts_line(l, " ");
        puts_line(l, fields[i].name);
        puts_line(l, "=");
        (void)snprintf(number, sizeof number, "%" PRId64, fields[i].number);
        put_text(l, fields[i].text ? fields[i].text : number);
    }
}

/* A field that may not fit whole is left out with all behind it, so that the line stays valid JSON.
 */
static void format_json(struct line *l, const struct log *lg, enum log_level level,
                        const char *message, const struct log_field *fields, size_t count)
{
    char when[CLOCK_TEXT_MAX];
    char number[32];
    puts_line(l, "{\"time\":");
    put_json(l, clock_rfc3339(clock_wall(lg->clock), when));
    puts_line(l, ",\"level\":");
    put_json(l, level_names[level]);
    puts_line(l, ",\"program\":");
    put_json(l, lg->program);
    puts_line(l, ",\"msg\":");
    put_json(l, message);
    for (size_t i = 0; i < count; i++) {
        if (sizeof l->data - LINE_RESERVE - l->len < strlen(fields[i].name) + 48)
            break;
        puts_line(l, ",");
        put_json(l, fields[i].name);
        puts_line(l, ":");
        (void)snprintf(number, sizeof number, "%" PRId64, fields[i].number);
        if (fields[i].text)
            put_json(l, fields[i].text);
        else
            puts_line(l, number);
    }
    l->data[l->len++] = '}';
}

void log_write(const struct log *lg, enum log_level level, const char *message,
               const struct log_field *fields, size_t count)
{
    if (!lg || level < lg->level || level >= LOG_OFF)
        return;
    struct line l = {.len = 0};
    if (lg->text)
        format_text(&l, lg, level, message, fields, count);
    else
        format_json(&l, lg, level, message, fields, count);
    l.data[l.len++] = '\n';
    ssize_t wrote = write(lg->fd, l.data, l.len);
    (void)wrote; /* a log that cannot be written has nobody to tell */
}
