/* asl_failure: what the parts of the evaluator share about errors. Pure functions, any thread.
 * Private to server/local/asl. */
#ifndef STEPFLEET_LOCAL_ASL_FAILURE_H
#define STEPFLEET_LOCAL_ASL_FAILURE_H

#include "server/local/asl/asl_eval.h"

/* Longest cause in bytes, as the service's API limits it. */
enum { ASL_CAUSE_MAX = 32768 };

/* Expressions may nest this deep, and documents may be searched this deep; beyond it they are
 * refused, so that no text and no document can exhaust the stack. */
enum { ASL_NESTING_MAX = 64, ASL_DOCUMENT_DEPTH_MAX = 512 };

#define ASL_ERROR_RUNTIME "States.Runtime"
#define ASL_ERROR_RESULT_PATH "States.ResultPathMatchFailure"
#define ASL_ERROR_TOO_LARGE "States.DataLimitExceeded"

/* Fails with States.Runtime because memory is out. Always returns -1. */
int asl_fail_memory(struct asl_failure *f);

/* The compact JSON of a value ("" for NULL) as heap text for a cause; NULL if memory is out. */
char *asl_quote_value(const json_t *value);

#endif
