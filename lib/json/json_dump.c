/* Text of trees. jansson's own encoder would need a callback for our buffers, and writes reals in
 * 17 digits. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fifteen digits are always kept by a double, seventeen always tell it from its neighbours: one of
 * 15, 16 and 17 is the shortest that reads back. */
void json_number_text(struct buf *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        buf_adds(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_adds(out, text);
}

void json_real_text(struct buf *out, double value)
{
    size_t before = out->len;
    json_number_text(out, value);
    if (isfinite(value) && !strpbrk(buf_str(out) + before, ".e"))
        buf_adds(out, ".0");
}

static void dump(struct buf *out, const json_t *value, unsigned depth);

static void dump_object(struct buf *out, const json_t *value, unsigned depth)
{
    const char *name;
    json_t *member;
    bool comma = false;
    buf_addc(out, '{');
    json_object_foreach ((json_t *)value, name, member) {
        if (comma)
            buf_addc(out, ',');
        comma = true;
        json_quote(out, name, strlen(name));
        buf_addc(out, ':');
        dump(out, member, depth);
    }
    buf_addc(out, '}');
}

static void dump_array(struct buf *out, const json_t *value, unsigned depth)
{
    size_t size = json_array_size(value);
    buf_addc(out, '[');
    for (size_t i = 0; i < size; i++) {
        if (i > 0)
            buf_addc(out, ',');
        dump(out, json_array_get(value, i), depth);
    }
    buf_addc(out, ']');
}

/* `depth` containers are around the value. A buffer that has failed ends the walk: trees share
 * parts, so that a small one may stand for a text without end. */
static void dump(struct buf *out, const json_t *value, unsigned depth)
{
    if (!value || depth >= JSON_DEPTH_MAX)
        out->failed = true;
    if (out->failed)
        return;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        dump_object(out, value, depth + 1);
        break;
    case JSON_ARRAY:
        dump_array(out, value, depth + 1);
        break;
    case JSON_STRING:
        json_quote(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        json_int_text(out, (int64_t)json_integer_value(value));
        break;
    case JSON_REAL:
        json_real_text(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_adds(out, "true");
        break;
    case JSON_FALSE:
        buf_adds(out, "false");
        break;
    case JSON_NULL:
        buf_adds(out, "null");
        break;
    }
}

/* jansson's own encoder writes 1.1 as 1.1000000000000001; this one writes the shortest text that
 * reads back as the same number, as the services do. */
void json_dump(struct buf *out, const json_t *value)
{
    dump(out, value, 0);
}
