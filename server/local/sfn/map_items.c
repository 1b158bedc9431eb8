/* Items as lines: reading them back, and making them of JSON and JSON Lines.
 *
 * An array is not parsed as a whole: each element is found by its brackets, checked by itself, and
 * copied, so that memory is needed for one item at a time. */
#include "server/local/sfn/map_items.h"

#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/sfn/sfn_db.h"

#include <stdlib.h>
#include <string.h>

void map_items_close(struct map_items *items)
{
    free(items->row);
    items->row = items->place = NULL;
    items->count = 0;
}

/* Fetches the row that holds the item. */
static int load(struct map_items *items, struct sfn_db *db, int64_t index, struct error *err)
{
    map_items_close(items);
    items->row = sfn_db_map_items(db, items->run, index, &items->first, &items->count, err);
    if (!items->row)
        return -1;
    items->at = items->first;
    items->place = items->row;
    return 0;
}

json_t *map_items_get(struct map_items *items, struct sfn_db *db, int64_t index, struct error *err)
{
    json_t *item = NULL;
    bool held = items->row && index >= items->first && index < items->first + items->count;
    if (!held && load(items, db, index, err))
        return NULL;
    if (index < items->at) {
        items->at = items->first;
        items->place = items->row;
    }
    for (; items->at < index; items->at++)
        items->place = strchr(items->place, '\n') + 1;
    if (json_parse(items->place, strcspn(items->place, "\n"), &item, err))
        return NULL;
    return item;
}

int map_items_add(struct buf *out, const json_t *item, struct error *err)
{
    json_dump(out, item);
    buf_addc(out, '\n');
    return buf_check(out, err);
}

/* Checks one value's text and copies it; line feeds can only stand between tokens. */
static int add_text(struct buf *out, const char *text, size_t len, struct error *err)
{
    json_t *item = NULL;
    if (json_parse(text, len, &item, err))
        return -1;
    json_decref(item);
    size_t start = out->len;
    buf_add(out, text, len);
    buf_addc(out, '\n');
    if (buf_check(out, err))
        return -1;
    for (char *at = out->data + start; at < out->data + out->len - 1; at++)
        if (*at == '\n')
            *at = ' ';
    return 0;
}

/* Where the value at `at` ends: at the comma or bracket behind it. */
static const char *value_end(const char *at, const char *end)
{
    int depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted && *at == '\\') {
            at++;
            continue;
        }
        if (*at == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        if (depth == 0 && (*at == ',' || *at == ']'))
            return at;
        depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
    }
    return end;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) && *at)
        at++;
    return at;
}

static int64_t not_array(struct error *err)
{
    return err_set(err, ERR_ARGUMENT, "Attempting to map over non-iterable node.");
}

/* [ value, value ... ] */
static int64_t split_array(const char *text, size_t len, int64_t most, struct buf *out,
                           struct error *err)
{
    const char *end = text + len;
    const char *at = skip_space(text, end);
    int64_t count = 0;
    if (at == end || *at != '[')
        return not_array(err);
    at = skip_space(at + 1, end);
    while (count < most && !(at < end && *at == ']' && count == 0)) {
        const char *stop = value_end(at, end);
        if (stop >= end)
            return err_set(err, ERR_ARGUMENT, "the JSON array is cut off");
        if (add_text(out, at, (size_t)(stop - at), err))
            return err_wrap(err, "item %lld", (long long)count);
        count++;
        if (*stop == ']')
            break;
        at = skip_space(stop + 1, end);
    }
    return count;
}

/* A JSON pointer (RFC 6901) without escapes of '~', which no key of S3's own formats has. */
static json_t *resolve(json_t *value, const char *pointer)
{
    while (value && *pointer == '/') {
        char name[256];
        size_t len = strcspn(++pointer, "/");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, pointer, len);
        name[len] = '\0';
        value = json_is_array(value) ? json_array_get(value, (size_t)strtoull(name, NULL, 10))
                                     : json_object_get(value, name);
        pointer += len;
    }
    return value;
}

/* The array at ItemsPointer; only here the document is held as a whole. */
static int64_t split_below(const char *pointer, const char *text, size_t len, int64_t most,
                           struct buf *out, struct error *err)
{
    json_t *document = NULL;
    int64_t count = 0;
    if (json_parse(text, len, &document, err))
        return -1;
    json_t *items = resolve(document, pointer);
    if (!json_is_array(items))
        count = not_array(err);
    for (; count >= 0 && count < most && count < (int64_t)json_array_size(items); count++)
        if (map_items_add(out, json_array_get(items, (size_t)count), err)) {
            count = -1;
            break;
        }
    json_decref(document);
    return count;
}

/* One value a line; empty lines are no items. */
static int64_t split_lines(const char *text, size_t len, int64_t most, struct buf *out,
                           struct error *err)
{
    const char *end = text + len;
    int64_t count = 0;
    for (const char *at = text; at < end && count < most;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed ? feed : end;
        if (skip_space(at, stop) < stop) {
            if (add_text(out, at, (size_t)(stop - at), err))
                return err_wrap(err, "line of item %lld", (long long)count);
            count++;
        }
        at = stop + 1;
    }
    return count;
}

int64_t map_items_split(const struct machine_reader *reader, const char *text, size_t len,
                        int64_t most, struct buf *out, struct error *err)
{
    if (reader->input == READ_CSV)
        return map_csv_split(reader, text, len, most, out, err);
    if (reader->input == READ_JSONL)
        return split_lines(text, len, most, out, err);
    if (reader->pointer && *reader->pointer)
        return split_below(reader->pointer, text, len, most, out, err);
    return split_array(text, len, most, out, err);
}
