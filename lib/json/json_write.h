/* json_write: JSON text built by hand into a capped buffer, without a tree in between.
 *
 * The struct belongs to the caller and borrows the buffer; errors are the buffer's sticky failure
 * (buf_check). Inside objects pass the member's name, inside arrays NULL. One thread at a time. */
#ifndef STEPFLEET_JSON_WRITE_H
#define STEPFLEET_JSON_WRITE_H

#include "lib/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
    struct buf *out;
    bool comma; /* a comma is due before the next value */
};

/* Starts writing at the end of `out`. */
void jw_init(struct json_writer *w, struct buf *out);

void jw_object(struct json_writer *w, const char *name); /* { */
void jw_array(struct json_writer *w, const char *name);  /* [ */
/* Close what jw_object and jw_array opened; pairing is the caller's business. */
void jw_end_object(struct json_writer *w);
/* As jw_end_object, for arrays. */
void jw_end_array(struct json_writer *w);

void jw_str(struct json_writer *w, const char *name, const char *text); /* NULL text: null */
/* `len` bytes, which may hold NULs (written as \u0000). */
void jw_strn(struct json_writer *w, const char *name, const char *text, size_t len);
/* A whole number, all 64 bits: readers in JavaScript lose digits beyond 2^53. */
void jw_int(struct json_writer *w, const char *name, int64_t value);
/* As json_number_text writes it. */
void jw_num(struct json_writer *w, const char *name, double value);
void jw_bool(struct json_writer *w, const char *name, bool value);
/* The member is there and null, as opposed to left out. */
void jw_null(struct json_writer *w, const char *name);
/* Text that is JSON already, written as it stands. */
void jw_raw(struct json_writer *w, const char *name, const char *json, size_t len);
/* A tree as json_dump writes it; NULL makes the buffer fail. */
void jw_json(struct json_writer *w, const char *name, const json_t *value);
/* Wall time in microseconds as RFC 3339 with milliseconds; 0 is written as null. */
void jw_time(struct json_writer *w, const char *name, int64_t wall);

/* Appends `text` as a JSON string with quotes. Bytes that are not UTF-8 become U+FFFD. */
void json_quote(struct buf *out, const char *text, size_t len);

/* Appends a whole number in decimal. */
void json_int_text(struct buf *out, int64_t value);
/* Appends a number in the fewest digits (15 to 17 are tried) that read back as the same: 7, 0.013;
 * null if it is not finite. */
void json_number_text(struct buf *out, double value);
/* The same, but always with a point or an exponent, so that it is read as a real again: 7.0. */
void json_real_text(struct buf *out, double value);

#endif
