/* error: the one error type of the project. It carries code, message and context upward.
 *
 * Whoever wants to know why something failed passes a `struct error *`; it lives on the caller's
 * stack, needs no freeing, and is written only on failure. Functions that can fail return 0 on
 * success and -1 on failure (or NULL for pointers) and fill the error. Thread-safe by having no
 * shared state. */
#ifndef STEPFLEET_BASE_ERROR_H
#define STEPFLEET_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* code, HTTP status it becomes at the REST boundary, stable slug (problem type), title.
 * A slug is part of the REST contract (the problem's type) and does not change once it was
 * published. */
#define ERR_TABLE(X)                                                                               \
    X(ERR_NONE, 200, "none", "no error")                                                           \
    X(ERR_MEMORY, 500, "out-of-memory", "out of memory")                                           \
    X(ERR_SYSTEM, 500, "system", "a system call failed")                                           \
    X(ERR_INTERNAL, 500, "internal", "an internal rule was broken")                                \
    X(ERR_LIMIT, 413, "too-large", "a size limit was exceeded")                                    \
    X(ERR_SYNTAX, 400, "syntax", "the text is not well formed")                                    \
    X(ERR_ARGUMENT, 400, "bad-argument", "an argument is not valid")                               \
    X(ERR_SPEC_INVALID, 422, "spec-invalid", "the workflow spec is not valid")                     \
    X(ERR_NOT_FOUND, 404, "not-found", "there is no such thing")                                   \
    X(ERR_METHOD, 405, "method-not-allowed", "the method is not allowed here")                     \
    X(ERR_MEDIA_TYPE, 415, "media-type", "the media type is not supported")                        \
    X(ERR_CONFLICT, 409, "conflict", "it is in use or exists already")                             \
    X(ERR_RETRYING, 409, "retry-under-way", "it is being repeated already")                        \
    X(ERR_IDEMPOTENCY, 422, "idempotency-key-reused", "the idempotency key was used before")       \
    X(ERR_DENIED, 403, "denied", "the request is not allowed")                                     \
    X(ERR_BUSY, 503, "busy", "too much is going on, try again")                                    \
    X(ERR_TIMEOUT, 504, "timeout", "it took too long")                                             \
    X(ERR_NETWORK, 502, "network", "the other side could not be reached")                          \
    X(ERR_REMOTE, 502, "remote", "the service answered with an error")                             \
    X(ERR_DATABASE, 500, "database", "the database failed")                                        \
    X(ERR_SCHEMA_NEWER, 500, "schema-newer", "the database was written by a newer version")

enum err_code {
#define X(code, status, slug, title) code,
    ERR_TABLE(X)
#undef X
        ERR_CODE_COUNT
};

enum { ERR_MESSAGE_MAX = 1024, ERR_REMOTE_MAX = 96, ERR_REQUEST_ID_MAX = 96 };

/* One failure. `remote`, `http_status` and `request_id` are filled only for ERR_REMOTE (an answer
 * of an AWS service): the service's own error code, e.g. "ThrottlingException". */
struct error {
    enum err_code code;
    int http_status;
    char remote[ERR_REMOTE_MAX];
    char request_id[ERR_REQUEST_ID_MAX];
    char message[ERR_MESSAGE_MAX];
};

/* Overwrites err (NULL is allowed and ignored) with a code and a printf-style message.
 * Always returns -1, so that `return err_set(...)` reads well. */
int err_set(struct error *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like err_set with ERR_SYSTEM; appends ": " and the text of errno as it was on entry. */
int err_set_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message that err holds already; keeps code and the rest.
 * Always returns -1. */
int err_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The table's columns. An unknown code answers as ERR_INTERNAL does. */
int err_http_status(enum err_code code);
/* The stable last part of the problem type, "not-found"; a constant. */
const char *err_slug(enum err_code code);
/* The same for every error of this code, as RFC 9457 wants titles; a constant. */
const char *err_title(enum err_code code);

/* True when err is an ERR_REMOTE whose service error code equals `remote`. */
bool err_is_remote(const struct error *err, const char *remote);

#endif
