/* ddb_fault: why a DynamoDB call failed, in the wire's terms. Lives on the caller's stack or in a
 * job; ddb_fault_clear releases what it holds. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_FAULT_H
#define STEPFLEET_DDB_FAULT_H

#include "lib/base/error.h"
#include "server/local/call.h"

#include <jansson.h>

enum { DDB_MESSAGE_MAX = 1024 };

struct ddb_fault {
    int status;       /* HTTP; 0 as long as nothing failed */
    const char *code; /* a constant: "ValidationException" */
    json_t *extra;    /* further members of the answer, owned, or NULL */
    char message[DDB_MESSAGE_MAX];
};

/* Each overwrites the fault and returns -1, so that `return ddb_invalid(...)` reads well. */
int ddb_fault_set(struct ddb_fault *f, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))); /* status 400 */
int ddb_invalid(struct ddb_fault *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));                      /* ValidationException */
int ddb_no_memory(struct ddb_fault *f);                         /* InternalServerError, 500 */
int ddb_internal(struct ddb_fault *f, const struct error *err); /* the same, with err's message */

/* True when the server and not the request is to blame: nothing may be committed then. */
bool ddb_fault_is_internal(const struct ddb_fault *f);
/* Answers the call with the fault. */
void ddb_fault_answer(const struct ddb_fault *f, struct local_call *call);
/* Releases `extra` and forgets the failure. */
void ddb_fault_clear(struct ddb_fault *f);

#endif
