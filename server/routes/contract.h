/* contract: GET /openapi.json: server/api/openapi.json, which is part of the binary. Any thread. */
#ifndef STEPFLEET_ROUTES_CONTRACT_H
#define STEPFLEET_ROUTES_CONTRACT_H

#include "server/api/api.h"

/* Answers the call, with an error if it has a query. */
void contract_reply(struct api_call *call);

#endif
