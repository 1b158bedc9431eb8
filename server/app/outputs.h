/* outputs: what a deployment tells about itself: outputs.json as `make deploy` (or cdk) writes it,
 * one member a stack. The stack of a pattern is told by its name's end ("pattern-1"); members of
 * other stacks, and outputs that are not known here, are passed over.
 *
 * Owned by whoever opened it; immutable then, any thread may read. */
#ifndef STEPFLEET_APP_OUTPUTS_H
#define STEPFLEET_APP_OUTPUTS_H

#include "lib/base/error.h"
#include "lib/spec/spec.h"
#include "server/app/machines.h"

struct outputs {
    json_t *tree;                     /* the whole text; texts below are borrowed from it */
    const char *stacks[PATTERNS];     /* the stack's name; NULL: this pattern is not deployed */
    const char *arns[PATTERNS];       /* its state machine */
    json_t *defaults[PATTERNS];       /* what a spec may leave out; NULL: not deployed */
    struct spec specs[PATTERNS];      /* the same as a spec, with a task list that means nothing */
    const char *log_groups[PATTERNS]; /* of its tasks, in CloudWatch; NULL: not told */
    const char *region;               /* of all stacks */
};

/* Reads `source`: a path, or the JSON text itself when it begins with '{'. NULL leaves *o empty.
 * -1 with one sentence that names the file, the place and the remedy; *o is then empty. */
int outputs_open(struct outputs *o, const char *source, struct error *err);
/* Also for a struct that is all zero. */
void outputs_close(struct outputs *o);

#endif
