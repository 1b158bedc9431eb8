/* spec_env: the variables that every task of a run is started with, in one table: the launcher
 * sends them, the dry run measures them, infra/statemachines/ writes them out (a test compares).
 * They are the starter kit's, by which its own task can run as well. Pure functions. */
#ifndef STEPFLEET_SPEC_ENV_H
#define STEPFLEET_SPEC_ENV_H

#include "lib/spec/spec.h"

enum { SPEC_ENV_COUNT = 9 };

/* The name of variable i, below SPEC_ENV_COUNT; a constant. */
const char *spec_env_name(size_t i);
/* Its value for a task; borrowed. `run_id` is the id as text, which a spec may not have yet. */
const char *spec_env_value(size_t i, const struct spec *spec, const struct spec_task *task,
                           const char *run_id);

#endif
