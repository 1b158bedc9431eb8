/* Items out of CSV: each record an object of texts by the names of its header. Quotes as in RFC
 * 4180; missing values are empty texts, values beyond the header are left out (recorded). */
#include "server/local/sfn/map_items.h"

#include <string.h>

struct csv {
    const char *at, *end;
    char delimiter;
    struct buf field;
};

/* Reads one field. True when more fields of the record follow. */
static bool read_field(struct csv *csv)
{
    bool quoted = csv->at < csv->end && *csv->at == '"';
    csv->at += quoted;
    buf_reset(&csv->field);
    for (; csv->at < csv->end; csv->at++) {
        char c = *csv->at;
        if (quoted && c == '"') {
            if (csv->at + 1 == csv->end || csv->at[1] != '"') {
                quoted = false;
                continue;
            }
            csv->at++;
        } else if (!quoted && (c == csv->delimiter || c == '\n')) {
            csv->at++;
            return c == csv->delimiter;
        } else if (!quoted && c == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n') {
            continue;
        }
        buf_addc(&csv->field, c);
    }
    return false;
}

/* One record as an array of texts; NULL with err. */
static json_t *read_record(struct csv *csv, struct error *err)
{
    json_t *record = json_array();
    bool more = true;
    while (more) {
        more = read_field(csv);
        if (json_array_append_new(record, json_stringn(buf_str(&csv->field), csv->field.len)) ||
            buf_check(&csv->field, NULL)) {
            err_set(err, ERR_ARGUMENT, "A field of the CSV file is no UTF-8 text or too long.");
            json_decref(record);
            return NULL;
        }
    }
    return record;
}

/* The names of the columns; new reference or NULL with err. */
static json_t *read_header(const struct machine_reader *reader, struct csv *csv, struct error *err)
{
    size_t i;
    json_t *name;
    json_t *seen = json_object();
    json_t *header = reader->headers ? json_incref(reader->headers) : read_record(csv, err);
    json_array_foreach (header, i, name) {
        const char *text = json_string_value(name);
        if (!text || json_object_get(seen, text)) {
            err_set(err, ERR_ARGUMENT,
                    text ? "CSV headers cannot contain duplicates." : "CSV headers must be texts.");
            json_decref(header);
            header = NULL;
            break;
        }
        json_object_set_new(seen, text, json_true());
    }
    json_decref(seen);
    return header;
}

static int add_record(const json_t *header, const json_t *record, struct buf *out,
                      struct error *err)
{
    size_t i;
    json_t *name;
    json_t *item = json_object();
    json_array_foreach ((json_t *)(uintptr_t)header, i, name) {
        json_t *value = json_array_get(record, i);
        json_object_set_new(item, json_string_value(name),
                            value ? json_incref(value) : json_string(""));
    }
    int rc = map_items_add(out, item, err);
    json_decref(item);
    return rc;
}

static int64_t split(const struct machine_reader *reader, struct csv *csv, int64_t most,
                     struct buf *out, struct error *err)
{
    int64_t count = 0;
    json_t *header = read_header(reader, csv, err);
    if (!header)
        return -1;
    while (csv->at < csv->end && count >= 0 && count < most) {
        json_t *record = read_record(csv, err);
        count = record && add_record(header, record, out, err) == 0 ? count + 1 : -1;
        json_decref(record);
    }
    json_decref(header);
    return count;
}

int64_t map_csv_split(const struct machine_reader *reader, const char *text, size_t len,
                      int64_t most, struct buf *out, struct error *err)
{
    struct csv csv = {.at = text, .end = text + len, .delimiter = reader->delimiter};
    buf_init(&csv.field, BUF_MAX_STATE);
    int64_t count = split(reader, &csv, most, out, err);
    buf_free(&csv.field);
    return count;
}
