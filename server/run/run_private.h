/* run_private: what the ways of taking a spec share. Private to server/run. */
#ifndef STEPFLEET_RUN_PRIVATE_H
#define STEPFLEET_RUN_PRIVATE_H

#include "lib/spec/spec.h"
#include "server/run/run.h"

/* The request's spec, checked whole and completed; fails as run_submit does. The caller frees it.
 */
int run_read_spec(const struct services *sv, const struct run_request *request, struct spec *out,
                  struct json_problems *problems, struct error *err);

#endif
