/* Writing without a tree. The comma is written before a value, not behind it, so that nobody has to
 * know which value is the last. */
#include "lib/json/json_write.h"

#include "lib/base/clock.h"
#include "lib/json/json_read.h"

#include <string.h>

void jw_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Length of the well-formed UTF-8 sequence at p (limit bytes left), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t limit)
{
    size_t need = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || need > limit)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return need;
}

/* Characters that must not stand in a JSON string as they are (RFC 8259, section 7). */
static void quote_special(struct buf *out, unsigned char c)
{
    static const char named[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    const char *at = c ? strchr(named, c) : NULL;
    /* A text of JSON in JSON has a quote every few characters: printf is for the rare ones. */
    const char pair[] = {'\\', at ? letters[at - named] : 'u'};
    buf_add(out, pair, sizeof pair);
    if (!at)
        buf_addf(out, "%04x", c);
}

/* Runs of bytes that need no escape are copied at once; `start` is where the present run began. */
void json_quote(struct buf *out, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t start = 0;
    buf_addc(out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = p[i] < 0x20 || p[i] == '"' || p[i] == '\\' ? 0 : utf8_sequence(p + i, len - i);
        if (n > 0) {
            i += n;
            continue;
        }
        buf_add(out, text + start, i - start);
        if (p[i] < 0x80)
            quote_special(out, p[i]);
        else
            buf_adds(out, "\xef\xbf\xbd");
        start = ++i;
    }
    buf_add(out, text + start, len - start);
    buf_addc(out, '"');
}

/* Writes what stands before a value: comma and, in objects, the name. */
static void lead(struct json_writer *w, const char *name)
{
    if (w->comma)
        buf_addc(w->out, ',');
    w->comma = true;
    if (!name)
        return;
    json_quote(w->out, name, strlen(name));
    buf_addc(w->out, ':');
}

/* The first value inside needs no comma. */
static void begin(struct json_writer *w, const char *name, char bracket)
{
    lead(w, name);
    buf_addc(w->out, bracket);
    w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    buf_addc(w->out, bracket);
    w->comma = true;
}

void jw_object(struct json_writer *w, const char *name)
{
    begin(w, name, '{');
}

void jw_array(struct json_writer *w, const char *name)
{
    begin(w, name, '[');
}

void jw_end_object(struct json_writer *w)
{
    end(w, '}');
}

void jw_end_array(struct json_writer *w)
{
    end(w, ']');
}

void jw_strn(struct json_writer *w, const char *name, const char *text, size_t len)
{
    lead(w, name);
    json_quote(w->out, text, len);
}

void jw_str(struct json_writer *w, const char *name, const char *text)
{
    if (text)
        jw_strn(w, name, text, strlen(text));
    else
        jw_null(w, name);
}

/* Numbers are short, but many: printf would cost several times as much. */
void json_int_text(struct buf *out, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        digits[--at] = '-';
    buf_add(out, digits + at, sizeof digits - at);
}

void jw_int(struct json_writer *w, const char *name, int64_t value)
{
    lead(w, name);
    json_int_text(w->out, value);
}

void jw_num(struct json_writer *w, const char *name, double value)
{
    lead(w, name);
    json_number_text(w->out, value);
}

void jw_bool(struct json_writer *w, const char *name, bool value)
{
    lead(w, name);
    buf_adds(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w, const char *name)
{
    lead(w, name);
    buf_adds(w->out, "null");
}

void jw_raw(struct json_writer *w, const char *name, const char *json, size_t len)
{
    lead(w, name);
    buf_add(w->out, json, len);
}

void jw_json(struct json_writer *w, const char *name, const json_t *value)
{
    lead(w, name);
    json_dump(w->out, value);
}

void jw_time(struct json_writer *w, const char *name, int64_t wall)
{
    char text[CLOCK_TEXT_MAX];
    jw_str(w, name, wall ? clock_rfc3339(wall, text) : NULL);
}
