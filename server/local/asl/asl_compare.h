/* asl_compare: ordering of JSON values, for filters and choice rules. Pure functions, any thread.
 * Private to server/local/asl. */
#ifndef STEPFLEET_LOCAL_ASL_COMPARE_H
#define STEPFLEET_LOCAL_ASL_COMPARE_H

#include <jansson.h>
#include <stdbool.h>

/* Less than, equal to or greater than 0; both must be numbers. Integers are compared exactly. */
int asl_compare_numbers(const json_t *a, const json_t *b);
/* The same for two strings, by code points. */
int asl_compare_texts(const json_t *a, const json_t *b);
/* Deep equality in which 1 and 1.0 are the same number at the top level. */
bool asl_values_equal(const json_t *a, const json_t *b);

#endif
