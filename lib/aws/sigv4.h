/* sigv4: AWS Signature Version 4 in pure stages (no I/O, no clock, no state). Any thread.
 * Source: AWS General Reference, "Signing AWS API requests"; the rules that libcurl 7.88 breaks
 * (double encoding, sorting by name, valueless query names) are kept here. */
#ifndef STEPFLEET_AWS_SIGV4_H
#define STEPFLEET_AWS_SIGV4_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>

struct sigv4_header {
    const char *name;
    const char *value;
};

/* What is signed. All texts are borrowed. */
struct sigv4_request {
    const char *method;
    const char *path;                   /* as on the wire, "" counts as "/" */
    const char *query;                  /* as on the wire without '?', "" for none */
    const struct sigv4_header *headers; /* exactly those that are to be signed, host included */
    size_t header_count;
    char payload_hash[SHA256_HEX]; /* lower-case hex, or UNSIGNED-PAYLOAD */
    bool normalize;                /* remove ".", ".." and "//" from the path (all but S3) */
    bool double_encode;            /* encode the path again (all but S3) */
};

struct sigv4_scope {
    const char *timestamp; /* 20150830T123600Z */
    const char *region;
    const char *service; /* signing name */
};

struct sigv4_credentials {
    const char *access_key_id;
    const char *secret_access_key;
};

/* Appends the canonical request. -1 with ERR_LIMIT or ERR_MEMORY, as all of these. */
int sigv4_canonical(const struct sigv4_request *req, struct buf *out, struct error *err);
/* Appends semicolon-joined, sorted, lower-case names. */
int sigv4_signed_headers(const struct sigv4_request *req, struct buf *out, struct error *err);
/* Appends the string to sign: algorithm, time, scope, hash of the canonical request. */
int sigv4_string_to_sign(const struct sigv4_scope *scope, const struct buf *canonical,
                         struct buf *out, struct error *err);
/* Hex signature of a string to sign. */
int sigv4_signature(const struct sigv4_scope *scope, const char *secret_access_key,
                    const struct buf *string_to_sign, char out[SHA256_HEX], struct error *err);
/* Appends the value of the Authorization header: all stages in one. */
int sigv4_authorization(const struct sigv4_request *req, const struct sigv4_scope *scope,
                        const struct sigv4_credentials *cred, struct buf *out, struct error *err);

/* Appends the text with all bytes percent-encoded but A-Za-z0-9-_.~ ("/" too unless keep_slash). */
void sigv4_encode(struct buf *out, const char *text, size_t len, bool keep_slash);

#endif
