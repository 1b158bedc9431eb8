/* json_pull: reading JSON text piece by piece, without a tree and without allocating.
 *
 * A reader stands before a value; the caller asks of what kind it is and enters it, reads it or
 * passes over it. Texts are told as they stand in the document and copied where they are kept. What
 * the reader passes is checked as strictly as json_parse checks it (RFC 8259, UTF-8, pairs of
 * surrogates, numbers in range, depth), but for members of the same name: those are the caller's to
 * notice (jp_refuse). Failure is sticky, as that of a buf: nothing more is found, and jp_check or
 * jp_end tells why. The document is borrowed and never written to. One thread. */
#ifndef STEPFLEET_JSON_PULL_H
#define STEPFLEET_JSON_PULL_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* As deep as json_parse goes. */
enum { JSON_PULL_DEPTH = 2048 };

/* A part of a document, one whole value. */
struct json_slice {
    const char *text; /* NULL: none */
    size_t len;
};

/* What stands between two quotes. */
struct json_text {
    const char *raw;
    size_t len;   /* as it stands there: what it means is never longer */
    bool escaped; /* it has escapes, so that it stands for other bytes */
    bool nul;     /* one of them is U+0000 */
};

/* How many texts may be given away at a time is known beforehand: those of a document take no more
 * room than it does. Zero-initialised ones may be freed. */
struct json_texts {
    char *data;
    size_t len, size;
};

struct json_pull {
    const char *begin, *at, *end;
    const char *problem; /* a constant; NULL: none so far */
    const char *problem_at;
    size_t depth;
    bool first; /* nothing of the innermost array or object was read yet */
    unsigned char objects[JSON_PULL_DEPTH / 8]; /* by depth: object or array */
};

enum jp_kind { JP_NONE, JP_OBJECT, JP_ARRAY, JP_STRING, JP_NUMBER, JP_TRUE, JP_FALSE, JP_NULL };

/* Stands before the document's value. text[len] must be readable, as it is behind a buf's text and
 * behind a slice. */
void jp_init(struct json_pull *p, const char *text, size_t len);
/* What comes next; JP_NONE: nothing, or the reader has failed. */
enum jp_kind jp_peek(struct json_pull *p);

/* Into an object or array: jp_peek has told that there is one. */
void jp_enter(struct json_pull *p);
/* The next member of the innermost object: its value is to be read then. False: there was none, and
 * the object is left. */
bool jp_member(struct json_pull *p, struct json_text *name);
/* The same for the elements of an array. */
bool jp_element(struct json_pull *p);

/* Each of these passes over the value whatever it is. */
void jp_skip(struct json_pull *p);
/* Where it stands; text NULL: the reader has failed. */
struct json_slice jp_slice(struct json_pull *p);
/* False: it is no string, or no number; *out is then left alone. */
bool jp_text(struct json_pull *p, struct json_text *out);
bool jp_number(struct json_pull *p, double *out);

/* The caller's own reason to fail, a constant. */
void jp_refuse(struct json_pull *p, const char *problem);
/* 0, or -1 with ERR_SYNTAX "line 3, column 14: ..." if the reader has failed. */
int jp_check(const struct json_pull *p, struct error *err);
/* The same when the document's value was read: nothing may follow. */
int jp_end(struct json_pull *p, struct error *err);
/* Whether all of the text is one JSON value. */
int json_check(const char *text, size_t len, struct error *err);

/* The same as json_text_is, one character after the other. */
bool json_text_means(const struct json_text *t, const char *want, size_t len);
/* Whether it stands for these bytes. Asked of each name for each that is looked for. */
static inline bool json_text_is(const struct json_text *t, const char *want, size_t len)
{
    if (t->escaped)
        return json_text_means(t, want, len);
    return t->len == len && memcmp(t->raw, want, len) == 0;
}
#define JSON_TEXT_IS(t, literal) json_text_is((t), (literal), sizeof(literal) - 1)
/* Copies what it stands for to out[t->len + 1] with a NUL behind; returns its length. */
size_t json_text_copy(const struct json_text *t, char *out);
/* The same where there may be too little room: false, and out is "". */
bool json_text_fit(const struct json_text *t, char *out, size_t size);

/* Room for all texts of a document of that length. -1: ERR_MEMORY. */
int json_texts_open(struct json_texts *t, size_t document_len, struct error *err);
/* A copy with a NUL behind, good until json_texts_reset or _free; NULL when there is no room. */
const char *json_texts_add(struct json_texts *t, const struct json_text *text);
/* Forgets what was added from `len` on (0: all). */
void json_texts_reset(struct json_texts *t, size_t len);
/* Frees the texts and zeroes *t, so that it may be called twice. */
void json_texts_free(struct json_texts *t);

#endif
