/* text: JSON text that goes from one state to the next without being written twice.
 *
 * Holds the text as it is and, once asked for, as a JSON string literal (what history events
 * carry). Shared by reference count on the engine's thread only. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_TEXT_H
#define STEPFLEET_SFN_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    unsigned references;
    size_t len;
    size_t quoted_len;
    char *quoted; /* NULL until asked for */
    char raw[];   /* NUL-terminated */
};

/* A copy of len bytes. NULL: out of memory. */
struct text *text_new(const char *raw, size_t len);
/* The compact text of a value. NULL: out of memory, or a value beyond 64 MiB or JSON_DEPTH_MAX. */
struct text *text_of(const json_t *value);
/* Whether it has at most so many bytes and levels of arrays and objects; false for NULL. */
bool text_fits(const struct text *t, size_t bytes, size_t levels);
struct text *text_hold(struct text *t);    /* NULL-safe; returns t */
struct text *text_release(struct text *t); /* NULL-safe; returns NULL */
/* The text as a JSON string literal with its quotes; NULL: out of memory. */
const char *text_quoted(struct text *t, size_t *len);

#endif
