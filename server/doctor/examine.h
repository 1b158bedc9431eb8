/* examine: all probes sent at the same time, their answers judged. Private to server/doctor. Blocks
 * until every call has ended, each of which has a short timeout. */
#ifndef STEPFLEET_DOCTOR_EXAMINE_H
#define STEPFLEET_DOCTOR_EXAMINE_H

#include "server/doctor/report.h"

/* Asks through `aws` (which was made from `options`) and reports credentials, caller, region,
 * endpoints, clock, then the probes in the order of their table, pattern by pattern. -1 if it
 * cannot go on. */
int examine(struct aws *aws, const struct aws_options *options, const struct installation *in,
            struct report *report, struct error *err);

#endif
