/* Details of events as they are kept: inputs and outputs may be 256 KiB in each of 25,000. */
#include "server/watch/watch.h"

#include "lib/json/json_read.h"

#include <inttypes.h>
#include <string.h>

/* The length of at most `max` bytes that does not end inside a UTF-8 sequence. */
static size_t whole_characters(const char *text, size_t max)
{
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

/* Says how long the text was, so that nobody takes the rest for all. */
static json_t *shortened(const json_t *value)
{
    size_t len = json_string_length(value);
    const char *text = json_string_value(value);
    if (!text || len <= WATCH_TEXT_KEPT)
        return json_deep_copy(value);
    return json_sprintf("%.*s... (%zu bytes in all)", (int)whole_characters(text, WATCH_TEXT_KEPT),
                        text, len);
}

/* Three tries: whole, with long texts cut, or only a remark that there was more. */
void watch_details(const json_t *details, struct buf *out)
{
    if (!details)
        return;
    size_t before = out->len;
    json_dump(out, details);
    if (out->len - before <= WATCH_DETAILS_MAX)
        return;
    buf_truncate(out, before);
    json_t *kept = json_object();
    const char *name;
    json_t *value;
    int bad = !kept;
    json_object_foreach ((json_t *)details, name, value) {
        bad |= json_object_set_new(kept, name, shortened(value));
    }
    if (!bad)
        json_dump(out, kept);
    if (bad || out->len - before > WATCH_DETAILS_MAX) {
        buf_truncate(out, before);
        buf_adds(out, "{\"truncated\":true}");
    }
    json_decref(kept);
}
