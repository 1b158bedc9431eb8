/* words: a command line cut into words by the shell's rules of quoting, without a shell. Pure.
 *
 * As the AWS CLI does it for credential_process: blanks separate; '...' is taken as it is; in "..."
 * a backslash protects '"' and itself; outside of quotes it protects what follows. No variables,
 * patterns, pipes or comments. */
#ifndef STEPFLEET_AWS_WORDS_H
#define STEPFLEET_AWS_WORDS_H

#include "lib/base/error.h"

#include <stddef.h>

enum { WORDS_MAX = 256 };

struct words {
    char *text; /* all words, one behind the other */
    char *list[WORDS_MAX + 1];
    size_t count; /* list[count] is NULL, as for exec */
};

/* -1 with ERR_SYNTAX (open quote, no word) or ERR_LIMIT; nothing is then to be freed. */
int words_split(const char *line, struct words *out, struct error *err);
/* Releases the words; zero-initialised ones may be freed. */
void words_free(struct words *w);

#endif
