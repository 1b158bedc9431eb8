/* embed: files that are part of the binary: migrations, state machines, specs, schema, page.
 * Immutable; any thread. The table is generated at build (see Makefile). */
#ifndef STEPFLEET_EMBED_H
#define STEPFLEET_EMBED_H

#include <stddef.h>

struct embedded {
    const char *name; /* "migrations/0001_runs.sql"; of the page "page/index.html" */
    const char *data; /* NUL-terminated */
    size_t len;       /* without that NUL */
};

extern const struct embedded embed_files[];
extern const size_t embed_count; /* sorted by name */

/* The file of that name or NULL. */
const struct embedded *embed_find(const char *name);

#endif
