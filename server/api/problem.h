/* problem: every error answer of the REST API, as RFC 9457 application/problem+json. Any thread. */
#ifndef STEPFLEET_API_PROBLEM_H
#define STEPFLEET_API_PROBLEM_H

#include "lib/base/error.h"
#include "lib/http_server/http_server.h"
#include "lib/json/json_read.h"

/* Answers with the status of err's code. `problems` (may be NULL) becomes the member `errors`, a
 * list of {pointer, detail}. 503 carries Retry-After. */
void problem_reply(struct http_exchange *x, const struct error *err,
                   const struct json_problems *problems);

#endif
