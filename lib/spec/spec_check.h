/* spec_check: reads the attributes of a merged spec and finds everything that is wrong with them.
 * Private to lib/spec. */
#ifndef STEPFLEET_SPEC_CHECK_H
#define STEPFLEET_SPEC_CHECK_H

#include "lib/spec/spec.h"

/* Fills *s (which holds its root already) from s->root: attributes, defaults of numbers, tasks.
 * `given` is the user's spec before merging, from which the pattern is told; `hint` is the
 * request's pattern or 0. What is wrong goes to `problems` (then *s is incomplete, and the answer
 * is still 0); -1 only when memory is out. */
int spec_check(struct spec *s, const json_t *given, int hint, struct json_problems *problems,
               struct error *err);

#endif
