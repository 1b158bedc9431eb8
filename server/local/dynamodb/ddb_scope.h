/* ddb_scope: what the expressions of one call share: ExpressionAttributeNames and -Values, and the
 * memory their compiled form lives in. The struct belongs to the caller; everything compiled in it
 * is borrowed and ends with ddb_scope_close. One thread at a time. Private to
 * server/local/dynamodb. */
#ifndef STEPFLEET_DDB_SCOPE_H
#define STEPFLEET_DDB_SCOPE_H

#include "server/local/dynamodb/ddb_fault.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct ddb_chunk;

struct ddb_scope {
    json_t *names;        /* "#n" -> name, or NULL */
    json_t *values;       /* ":v" -> value in normal form, or NULL */
    json_t *unused_names; /* those that no expression has used so far */
    json_t *unused_values;
    struct ddb_chunk *chunks;
};

/* Checks both maps (each may be NULL: absent). `has_expression`: one that may use them is there.
 * -1 with ValidationException; the scope must be closed all the same. */
int ddb_scope_open(struct ddb_scope *s, json_t *names, json_t *values, bool has_expression,
                   struct ddb_fault *f);
/* Frees names, values and everything compiled; a zero scope is fine. */
void ddb_scope_close(struct ddb_scope *s);
/* After the last expression: -1 with ValidationException if a name or value was never used. */
int ddb_scope_finish(const struct ddb_scope *s, struct ddb_fault *f);

/* Look-ups of a placeholder of `len` bytes with its sign; NULL if it is not defined. */
const char *ddb_scope_name(struct ddb_scope *s, const char *placeholder, size_t len);
/* The value in normal form, borrowed. */
json_t *ddb_scope_value(struct ddb_scope *s, const char *placeholder, size_t len);

/* Zeroed memory that lives as long as the scope; NULL when memory is out. */
void *ddb_scope_alloc(struct ddb_scope *s, size_t size);
/* A NUL-terminated copy. */
char *ddb_scope_text(struct ddb_scope *s, const char *text, size_t len);

#endif
