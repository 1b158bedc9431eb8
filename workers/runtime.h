/* runtime: the loop of the Lambda Runtime API for custom runtimes (provided.al2023).
 *
 * Asks for the next event, calls the handler, posts its answer or its error, for ever. One event
 * at a time, one thread. Source: AWS Lambda Developer Guide, "Using the Lambda runtime API". */
#ifndef STEPFLEET_WORKERS_RUNTIME_H
#define STEPFLEET_WORKERS_RUNTIME_H

#include "workers/worker.h"

#include <jansson.h>

/* Handles one event (borrowed). 0 and a new reference in *answer, or -1 with err. The worker's
 * request_id and deadline are those of the event. */
typedef int (*runtime_handler_fn)(const struct worker *w, json_t *event, json_t **answer,
                                  struct error *err);

/* Serves events of the API at `api` ("127.0.0.1:9001") until the API fails, or a handler does with
 * ERR_SYSTEM or ERR_INTERNAL (a fresh process is better then); returns -1 with the reason. `w` is
 * the template of what handlers are given. */
int runtime_serve(const char *api, const struct worker *w, runtime_handler_fn handler,
                  struct error *err);

/* Tells the API that the function could not start. Best effort. */
void runtime_init_failed(const char *api, const struct worker *w, const struct error *why);

/* A function's main: log, AWS client from the environment, serve. Returns the exit status, which
 * is never 0: Lambda ends a function by killing it. */
int runtime_main(const char *program, runtime_handler_fn handler);

/* The name by which state machines retry or catch this error: "Stepfleet.Transient" for what may
 * work later, else "Stepfleet.SpecInvalid", "Stepfleet.AccessDenied" and so on. A constant. */
const char *runtime_error_type(const struct error *err);

#endif
