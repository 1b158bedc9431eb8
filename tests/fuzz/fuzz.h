/* fuzz: what the drivers have in common. Each driver is one program of libFuzzer (make fuzz): it is
 * called with bytes that nobody vouches for, on one thread, and must come back without a fault, a
 * leak or a long wait. What a reader promises of its result is asserted. */
#ifndef STEPFLEET_TESTS_FUZZ_H
#define STEPFLEET_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own names. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A NUL-terminated copy of the first line, which is cut off the input; the caller frees it. */
char *fuzz_line(const uint8_t **data, size_t *size);
/* The same of all that is left. */
char *fuzz_rest(const uint8_t *data, size_t size);
/* Ends the program with the sentence unless `held`: a promise was broken. */
void fuzz_expect(int held, const char *promise);

#endif
