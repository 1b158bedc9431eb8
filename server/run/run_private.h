/* run_private: what the ways of taking a spec share. Private to server/run. */
#ifndef STEPFLEET_RUN_PRIVATE_H
#define STEPFLEET_RUN_PRIVATE_H

#include "lib/spec/spec.h"
#include "server/run/run.h"

/* The request's spec, checked whole and completed; fails as run_submit does. The caller frees it.
 */
int run_read_spec(const struct services *sv, const struct run_request *request, struct spec *out,
                  struct json_problems *problems, struct error *err);

/* The execution's input as a text. */
struct run_input {
    struct buf text;
    int64_t whole_bytes;    /* of the completed spec with its task list */
    int64_t manifest_bytes; /* of the object that holds the task list; 0: the input holds it */
};
/* Prepares an empty one, to be closed. */
void run_input_open(struct run_input *in);
/* Makes the input for this run id (which the spec's root gets), with a manifest if one is wanted;
 * may be called again for another id. -1 with ERR_LIMIT or ERR_MEMORY. */
int run_input_make(const struct spec *spec, int64_t id, struct run_input *out, struct error *err);
/* Frees the text. */
void run_input_close(struct run_input *in);

#endif
