/* environment: the "NAME=value" list that a child process starts with.
 *
 * The struct belongs to the caller; zero-initialise it, environment_free releases it. Failure (out
 * of memory) is sticky and told by environment_check. One thread at a time. Private to
 * server/local. */
#ifndef STEPFLEET_LOCAL_ENVIRONMENT_H
#define STEPFLEET_LOCAL_ENVIRONMENT_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct environment {
    char **items; /* NULL-terminated once something was set */
    size_t count;
    size_t capacity;
    bool failed;
};

/* Sets or replaces a variable. Both texts are copied. */
void environment_set(struct environment *env, const char *name, const char *value);
/* The same from "NAME=value"; a text without '=' is left out. */
void environment_put(struct environment *env, const char *assignment);
/* What every local worker gets: PATH, region, endpoint and the dummy credentials that the local
 * endpoint accepts (it asks for a signature, never whose). */
void environment_set_aws(struct environment *env, const char *region, const char *endpoint_url);
/* 0 when every set so far worked; else -1 with ERR_MEMORY. */
int environment_check(const struct environment *env, struct error *err);
/* For process_options; valid until the next set. Never NULL. */
const char *const *environment_list(const struct environment *env);
/* The struct is then empty and may be used again. */
void environment_free(struct environment *env);

#endif
