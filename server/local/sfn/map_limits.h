/* map_limits: the numbers of Map states, literal or out of the state's input.
 *
 * Engine's thread only. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MAP_LIMITS_H
#define STEPFLEET_SFN_MAP_LIMITS_H

#include "server/local/sfn/engine.h"

/* A number of a Map state. `name` is the field's; `whole`: without a fraction. */
struct map_number {
    const struct machine_number *number;
    const char *name;
    bool whole;
};
/* *out keeps its value when the field is absent. -1 with the failure. */
int map_number(struct engine *e, struct frame *f, const struct map_number *field, json_t *input,
               double *out, struct asl_failure *failure);

/* MaxConcurrency. */
int map_read_concurrency(struct engine *e, struct frame *f, json_t *input,
                         struct map_limits *limits, struct asl_failure *failure);
/* ToleratedFailureCount and ToleratedFailurePercentage. */
int map_read_tolerance(struct engine *e, struct frame *f, json_t *input, struct map_limits *limits,
                       struct asl_failure *failure);
/* How many may run at a time where no more than `most` do. */
size_t map_slots(const struct map_limits *limits, size_t most);
/* Whether a Map of `total` items goes on with so many failures; both bounds must hold when both are
 * given. */
bool map_tolerates(const struct map_limits *limits, int64_t failed, int64_t total);

/* ItemsPath: what is iterated over; new reference or NULL with the failure. */
json_t *map_find_items(struct engine *e, struct frame *f, json_t *input,
                       struct asl_failure *failure);

#endif
