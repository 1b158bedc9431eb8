/* attempt: the HTTP request of one attempt: address, headers and signature, made anew each time.
 * Private to lib/aws. A struct attempt lives on the stack while it is handed to the HTTP client. */
#ifndef STEPFLEET_AWS_ATTEMPT_H
#define STEPFLEET_AWS_ATTEMPT_H

#include "lib/aws/credentials.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"

/* What an attempt is made from; all borrowed. */
struct attempt_input {
    const struct aws_request *request;
    const struct endpoints *endpoints;
    const struct credentials *credentials;
    const char *region;
    const char *payload_hash;  /* hex SHA-256 of the body */
    const char *invocation_id; /* the same over all attempts of a call */
    int number;                /* 1, 2, ... */
    int max;
    int64_t wall; /* corrected for clock skew */
};

enum { ATTEMPT_HEADERS_MAX = AWS_HEADERS_MAX + 10 };

struct attempt {
    struct http_request http; /* points into the rest */
    struct http_header headers[ATTEMPT_HEADERS_MAX];
    struct sigv4_header to_sign[ATTEMPT_HEADERS_MAX];
    size_t count;
    size_t to_sign_count;
    struct aws_target target;
    struct buf authorization;
    char date[CLOCK_TEXT_MAX];
    char x_target[160];
    char sdk_request[48];
};

/* Makes the HTTP request in t->http. -1 with err set leaves nothing to close. */
int attempt_open(struct attempt *t, const struct attempt_input *in, struct error *err);
/* Releases the texts that t->http points to. */
void attempt_close(struct attempt *t);

#endif
