/* buf: a growing byte buffer with a ceiling.
 *
 * The struct belongs to the caller; buf_free releases what it holds. Failure (no memory, ceiling
 * reached) is sticky: every later add does nothing, and buf_check tells at the end, so that text
 * can be built without a test after each line. The data is always NUL-terminated behind `len`.
 * Not thread-safe: one owner at a time. */
#ifndef STEPFLEET_BASE_BUF_H
#define STEPFLEET_BASE_BUF_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Ceilings in bytes, listed in one place. */
enum {
    BUF_MAX_SPEC = 16 * 1024 * 1024,      /* a workflow spec as POSTed: 10,000 tasks of 1.4 KB */
    BUF_MAX_MANIFEST = 16 * 1024 * 1024,  /* its list of tasks as an S3 object */
    BUF_MAX_PAYLOAD = 6 * 1024 * 1024,    /* a Lambda payload, and any request to a JSON service */
    BUF_MAX_AWS_REPLY = 17 * 1024 * 1024, /* DynamoDB answers up to 16 MB (batch), 1 MB a page */
    BUF_MAX_OBJECT = 64 * 1024 * 1024,    /* an S3 object that is put from memory */
    BUF_MAX_STATE = 262144,               /* Step Functions input, output, task output */
    BUF_MAX_LINE = 64 * 1024,             /* a log line, a header, a path */
    BUF_MAX_PAGE = 32 * 1024 * 1024,      /* one REST answer */
};

struct buf {
    char *data; /* NULL until something was added */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

/* Prepares an empty buffer that will hold at most `max` bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Releases the memory; the buffer is then empty and usable again with the same ceiling. */
void buf_free(struct buf *b);
/* Empties the buffer but keeps its memory; clears a failure. */
void buf_reset(struct buf *b);

/* Appends `len` bytes, which may hold NULs. */
void buf_add(struct buf *b, const void *data, size_t len);
/* Appends a NUL-terminated text without its NUL. */
void buf_adds(struct buf *b, const char *text);
/* Appends one byte. */
void buf_addc(struct buf *b, char c);
/* Appends what printf would write, whole or not at all. */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Cuts the buffer to `len` bytes (which must not exceed its length). */
void buf_truncate(struct buf *b, size_t len);

/* 0 when every add so far worked; else -1 with ERR_LIMIT or ERR_MEMORY. */
int buf_check(const struct buf *b, struct error *err);

/* Hands the text over to the caller, who frees it with free(); the buffer is empty afterwards.
 * Never NULL for a sound buffer (an empty one gives ""); NULL if it has failed or memory is out.
 * `len` may be NULL. */
char *buf_take(struct buf *b, size_t *len);

/* The text, "" when nothing was added. Borrowed: valid until the next add. */
const char *buf_str(const struct buf *b);

#endif
