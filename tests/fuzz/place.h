/* place: what drivers of whole servers have in common: a folder of their own in memory, and
 * requests as text. A request is lines: "METHOD /path?query", headers, an empty line, the body. */
#ifndef STEPFLEET_TESTS_FUZZ_PLACE_H
#define STEPFLEET_TESTS_FUZZ_PLACE_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { PLACE_PATH_MAX = 128 };

/* Makes the folder; it and all in it go when the program ends. Ends the program when it cannot. */
void place_make(char path[PLACE_PATH_MAX]);
/* Ends the program with the error's message unless `held`. */
void place_expect(int held, const struct error *err);
/* Sends the request to "http://127.0.0.1:PORT" with this Authorization (NULL: none) and drops the
 * answer. A request that no client could send is not sent. Ends the program when a request that was
 * sent gets no answer within ten seconds. */
void place_request(const char *origin, const char *authorization, const uint8_t *data, size_t size);

#endif
