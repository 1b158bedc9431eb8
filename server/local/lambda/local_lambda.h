/* local_lambda: runs Lambda functions as worker executables driven by the Lambda Runtime API.
 *
 * Each execution environment is a process with its own environment variables and its own Runtime
 * API port; environments are kept warm, their number is bounded per function, invocations beyond
 * it wait in a queue. Timeouts kill the environment. Calls from any thread. Private to
 * server/local.
 */
#ifndef STEPFLEET_LOCAL_LAMBDA_H
#define STEPFLEET_LOCAL_LAMBDA_H

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/http_server/http_server.h"
#include "server/local/process/process.h"

#include <stdint.h>

struct local_lambda;

struct local_lambda_options {
    const char *dir; /* for logs of the functions */
    const char *region;
    struct process_host *processes; /* borrowed */
    const struct clock *clock;
    const struct log *log;
    int concurrency; /* environments per function; 0: 4 */
};

/* Makes `dir` if it is missing and starts the manager thread. NULL with one sentence. */
struct local_lambda *local_lambda_open(const struct local_lambda_options *options,
                                       struct error *err);
/* What workers reach AWS by: http://127.0.0.1:PORT of the gate. Before the first invocation. */
void local_lambda_set_endpoint(struct local_lambda *l, const char *endpoint_url);
/* Answers invocations that wait or run as refused (ServiceException), kills the environments and
 * waits for their ends, frees. No call may come any more. NULL-safe; returns NULL. */
struct local_lambda *local_lambda_close(struct local_lambda *l);

/* Registers a function (start-up seeding, CreateFunction is not offered). */
struct local_lambda_function {
    const char *name;
    const char *program;            /* path of the executable */
    int timeout_seconds;            /* 1..900 */
    const char *const *environment; /* "NAME=value", NULL-terminated, besides the runtime's own */
};
/* The name has 1 to 64 letters, digits, '-' and '_'. Everything is copied. ERR_ARGUMENT,
 * ERR_MEMORY, or ERR_CONFLICT when the name is taken. The program is not looked for until it is
 * started. */
int local_lambda_register(struct local_lambda *l, const struct local_lambda_function *f,
                          struct error *err);

enum lambda_result {
    LAMBDA_OK,      /* body is the function's answer */
    LAMBDA_FAILED,  /* body is {"errorType","errorMessage",...}; code is errorType */
    LAMBDA_REFUSED, /* the service's own error: code and message, e.g. ResourceNotFoundException */
};
struct lambda_outcome {
    enum lambda_result result;
    int status;       /* HTTP status of LAMBDA_REFUSED */
    const char *code; /* "" when LAMBDA_OK */
    const char *body; /* JSON text; for LAMBDA_REFUSED the message */
    size_t body_len;
    const char *request_id;
    const char *log_path; /* where the function's output went, "" if it never ran */
    int64_t log_from;     /* and the place in that file where this invocation's begins */
};
/* Calls `done` once, from any thread, also when the function is unknown. function: name, partial
 * or full ARN (a qualifier is accepted). payload is copied. The outcome is borrowed. */
void local_lambda_invoke(struct local_lambda *l, const char *function, const void *payload,
                         size_t len, void (*done)(void *ctx, const struct lambda_outcome *outcome),
                         void *ctx);

/* The gate calls this for requests below /2015-03-31/functions/. */
void local_lambda_handle(struct local_lambda *l, struct http_exchange *x);

#endif
