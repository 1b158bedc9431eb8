/* local_sts: who the caller is. Any credentials are let in, so everybody is the account's root.
 * No state; any thread. Private to server/local. */
#ifndef STEPFLEET_LOCAL_STS_H
#define STEPFLEET_LOCAL_STS_H

#include "lib/http_server/http_server.h"

#include <stdbool.h>

/* Answers GetCallerIdentity (Query protocol: a form, or arguments of the URL). False: another
 * action, not answered. */
bool local_sts_handle(struct http_exchange *x);

#endif
