/* accepted: the answer to what was accepted and is done later: 202, Location and the run as it is.
 * Any thread. */
#ifndef STEPFLEET_API_ACCEPTED_H
#define STEPFLEET_API_ACCEPTED_H

#include "server/api/api.h"

/* Answers with the run as the store has it, or with the store's problem. `replayed` tells that the
 * same request came before. */
void accepted_reply(struct api_call *call, int64_t run_id, bool replayed);
/* Content-Type is application/json, with or without parameters. */
bool accepted_json(const struct http_exchange *x);

#endif
