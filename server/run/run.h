/* run: accepting a workflow spec as a run: checked whole, given its id, written once.
 *
 * The only door to new runs. Any thread (the HTTP pool's); blocks for one commit of the store and
 * never for AWS. */
#ifndef STEPFLEET_RUN_H
#define STEPFLEET_RUN_H

#include "lib/base/error.h"
#include "lib/json/json_read.h"
#include "server/services.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a client asks for; all borrowed. */
struct run_request {
    const char *body; /* the spec's text */
    size_t len;
    int pattern;                 /* of the query, 0: not said */
    const char *idempotency_key; /* NULL: none */
};

struct run_accepted {
    int64_t id;    /* the workflow_run_id */
    bool existing; /* the same key and body came before: this is that run */
};

/* 0: accepted and durable. -1: ERR_SYNTAX, ERR_SPEC_INVALID (problems lists all), ERR_CONFLICT
 * (workflowRunId in use), ERR_IDEMPOTENCY, ERR_ARGUMENT (key not usable), or the store's failure.
 * `problems` is zero-initialised by the caller, who frees it. */
int run_submit(const struct services *sv, const struct run_request *request,
               struct run_accepted *out, struct json_problems *problems, struct error *err);

#endif
