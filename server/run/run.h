/* run: accepting a workflow spec as a run: checked whole, given its id, written once.
 *
 * The only door to runs that are asked for; those that were started elsewhere come by
 * server/discover. Any thread (the HTTP pool's); blocks for one commit of the store and
 * never for AWS. */
#ifndef STEPFLEET_RUN_H
#define STEPFLEET_RUN_H

#include "lib/base/error.h"
#include "lib/json/json_read.h"
#include "server/run/preflight.h"
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
    int64_t parent_id;           /* the run this one repeats, 0: none */
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

/* Which tasks of which run are to be run again; all borrowed. */
struct run_retry {
    int64_t parent_id;
    const char *tasks; /* names with commas between them; NULL: all that did not complete */
    const char *idempotency_key; /* NULL: none */
};

/* Submits the parent's spec, cut to those tasks, as a child of that run. As run_submit, and
 * ERR_NOT_FOUND (no such run), ERR_CONFLICT (it is not over, a named task completed, nothing is to
 * be done), ERR_SPEC_INVALID (it has no task of that name), ERR_ARGUMENT (no names). */
int run_retry(const struct services *sv, const struct run_retry *retry, struct run_accepted *out,
              struct json_problems *problems, struct error *err);

/* What a submission of the request would lead to. */
struct run_forecast {
    struct preflight_facts facts;
    struct preflight preflight;
};

/* Measures the request without writing anything. task_seconds 0: PREFLIGHT_TASK_SECONDS. Fails as
 * run_submit does for what is no valid spec. */
int run_dry(const struct services *sv, const struct run_request *request, int64_t task_seconds,
            struct run_forecast *out, struct json_problems *problems, struct error *err);

struct spec;
struct store_new_task;
/* The spec's tasks as the store takes them, one each, for whoever makes its run. Texts are borrowed
 * from the spec; the caller frees the array. NULL: out of memory. */
struct store_new_task *run_new_tasks(const struct spec *spec);

#endif
