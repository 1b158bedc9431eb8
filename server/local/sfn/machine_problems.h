/* machine_problems: what is wrong with a definition, as CreateStateMachine and
 * ValidateStateMachineDefinition tell it.
 *
 * A growing list owned by the caller; zero-initialise it. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MACHINE_PROBLEMS_H
#define STEPFLEET_SFN_MACHINE_PROBLEMS_H

#include "lib/base/buf.h"

#include <jansson.h>
#include <stddef.h>

enum { MACHINE_PROBLEMS_MAX = 100 };

#define PROBLEM_SCHEMA "SCHEMA_VALIDATION_FAILED"
#define PROBLEM_TARGET "MISSING_TRANSITION_TARGET"
#define PROBLEM_JSON "INVALID_JSON_DESCRIPTION"

struct machine_problem {
    const char *code; /* one of the PROBLEM_ texts */
    char *message;
    char *location; /* "/States/X/Next"; "" when there is none */
};

struct machine_problems {
    struct machine_problem *list;
    size_t count;
    size_t dropped; /* beyond MACHINE_PROBLEMS_MAX, or lost for want of memory */
};

/* Adds a problem; message is printf-style. */
void machine_problem_add(struct machine_problems *p, const char *code, const char *location,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Releases the list; it is empty and usable again. */
void machine_problems_free(struct machine_problems *p);

/* "SCHEMA_VALIDATION_FAILED: <message> at <location>, ..." appended to out. */
void machine_problems_text(const struct machine_problems *p, struct buf *out);
/* The diagnostics array of ValidateStateMachineDefinition; NULL: out of memory. */
json_t *machine_problems_json(const struct machine_problems *p);

#endif
