/* credentials: what requests are signed with, from a chain of sources.
 *
 * A struct credentials belongs to whoever fetched it, who closes it; closing wipes it. Sources are
 * asked in order: options; environment; web identity; profile files; container endpoint; instance
 * metadata. The first that is configured decides: if it then fails, the chain stops, for a weaker
 * source must not step in unseen. Fetching waits for files, programs and HTTP answers; who must not
 * wait uses a struct refresh (refresh.h). Any thread; nothing is shared. */
#ifndef STEPFLEET_AWS_CREDENTIALS_H
#define STEPFLEET_AWS_CREDENTIALS_H

#include "lib/aws/aws.h"

#include <stdatomic.h>

struct credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL if there is none */
    int64_t expires;     /* wall microseconds; 0: never */
    const char *source;  /* a constant: "environment", "profile" ... */
};

/* -1 with a message that names the source that failed, or what may be configured if nothing is
 * (ERR_ARGUMENT); *out is then empty. `options` must name a region for sources that ask STS. */
int credentials_fetch(const struct aws_options *options, struct credentials *out,
                      struct error *err);
/* The same, given up soon after *stop becomes true (NULL: never). */
int credentials_fetch_until(const struct aws_options *options, const atomic_bool *stop,
                            struct credentials *out, struct error *err);
/* True if all three texts are the same. */
bool credentials_equal(const struct credentials *a, const struct credentials *b);
/* Wipes and releases; zero-initialised ones may be closed. */
void credentials_close(struct credentials *c);
/* Overwrites a text before its memory goes back; NULL-safe; returns NULL. */
char *credentials_wipe(char *secret);

#endif
