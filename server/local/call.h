/* call: one operation of a local service, whoever asks (the wire by server/local/gate, or a Task
 * state by server/local/sfn).
 *
 * The caller fills a struct local_call, keeps it alive until `done` was called, and frees it then.
 * The service calls `done` exactly once, on any thread, at once or later. Input is borrowed until
 * then. Private to server/local. */
#ifndef STEPFLEET_LOCAL_CALL_H
#define STEPFLEET_LOCAL_CALL_H

#include <jansson.h>
#include <stdbool.h>

/* An error answer of a service, in the wire's terms. Borrowed during `done`. */
struct local_fault {
    int status;          /* HTTP: 400, 404, 409, 500 ... */
    const char *code;    /* "ResourceNotFoundException" */
    const char *message; /* may be "" */
    json_t *extra;       /* further members of the error body (e.g. "Item"), borrowed, or NULL */
};

struct local_call {
    const char *operation; /* "PutItem", "RunTask", "StartExecution" */
    json_t *input;         /* an object in the service's own JSON form */
    /* output: a new reference that the callee of `done` owns now, NULL if there was a fault. */
    void (*done)(struct local_call *call, json_t *output, const struct local_fault *fault);
    void *ctx;
};

/* What every JSON service looks like to the gate and to the engine. */
struct local_service {
    const char *name; /* "dynamodb", "states", "ecs" */
    void *self;
    void (*call)(void *self, struct local_call *call);
};

/* Ends a call with a fault; message is printf-style, cut at 2,000 characters. */
void local_fault(struct local_call *call, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Ends a call with its output (a new reference, taken over). NULL: out of memory, answered as
 * InternalServerError 500. */
void local_reply(struct local_call *call, json_t *output);

/* The one account that local mode pretends to be. */
#define LOCAL_ACCOUNT "000000000000"

/* Whether the text has 1 to `max` letters, digits, '-' and '_', and nothing else: what ECS and
 * Lambda allow as the name of a cluster, family, container or function. */
bool local_name_valid(const char *name, size_t max);

#endif
