/* credentials: what requests are signed with, from a chain of sources.
 *
 * A struct credentials belongs to its client, which closes it; closing wipes it. Sources are asked
 * in order; the first that is configured decides: if it then fails, the chain stops, for a weaker
 * source must not step in unseen. */
#ifndef STEPFLEET_AWS_CREDENTIALS_H
#define STEPFLEET_AWS_CREDENTIALS_H

#include "lib/aws/aws.h"

struct credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL if there is none */
    int64_t expires;     /* wall microseconds; 0: never */
};

/* -1 with ERR_ARGUMENT naming what is missing; *out is then empty. */
int credentials_fetch(const struct aws_options *options, struct credentials *out,
                      struct error *err);
/* True if all three texts are the same. */
bool credentials_equal(const struct credentials *a, const struct credentials *b);
/* Wipes and releases; zero-initialised ones may be closed. */
void credentials_close(struct credentials *c);

#endif
