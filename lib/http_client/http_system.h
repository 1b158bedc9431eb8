/* http_system: what HTTPS and names need from the machine a program happens to run on.
 *
 * Private to lib/http_client; any thread. A worker is built once and runs on other systems than the
 * one it was built on, so it looks for what it needs instead of trusting where its own build
 * machine keeps it. */
#ifndef STEPFLEET_HTTP_SYSTEM_H
#define STEPFLEET_HTTP_SYSTEM_H

/* The first of `paths` (NULL entries are passed over, `count` of them) that can be read; borrowed.
 * NULL if none can. */
const char *http_first_readable(const char *const *paths, int count);

/* The file of CA certificates for a client that was told none: curl's own if it is there, else the
 * first of the places where distributions keep theirs. A constant; NULL if there is none. */
const char *http_ca_bundle(void);

#endif
