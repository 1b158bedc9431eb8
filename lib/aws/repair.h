/* repair: putting right what made a service refuse a call: clock, credentials, region. Private to
 * lib/aws. Belongs to the client's one thread. */
#ifndef STEPFLEET_AWS_REPAIR_H
#define STEPFLEET_AWS_REPAIR_H

#include "lib/aws/flight.h"

/* Each kind is put right only once a call. True: try again at once. */
bool repair_flight(struct flight *f, const struct aws_response *r, const struct error *err);

#endif
