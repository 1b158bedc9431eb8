/* epoch: the times of JSON services. Pure functions. */
#ifndef STEPFLEET_AWS_EPOCH_H
#define STEPFLEET_AWS_EPOCH_H

#include <jansson.h>
#include <stdint.h>

/* A member in epoch seconds (integer, fraction or exponent) as wall microseconds, to the
 * millisecond; 0 if it is absent or out of range. */
int64_t epoch_member(const json_t *object, const char *name);

/* The same of the number itself. */
int64_t epoch_time(double seconds);

#endif
