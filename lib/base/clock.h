/* clock: wall and monotonic time, and the texts AWS and we write them as.
 *
 * A struct clock is borrowed and comes in through options, so that tests can turn it by hand.
 * All times are microseconds; wall time counts from 1970-01-01T00:00:00Z. Thread-safe. */
#ifndef STEPFLEET_BASE_CLOCK_H
#define STEPFLEET_BASE_CLOCK_H

#include "lib/base/error.h"

#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MS INT64_C(1000)

struct clock {
    int64_t (*wall)(const struct clock *self); /* microseconds since 1970, UTC */
    int64_t (*mono)(const struct clock *self); /* microseconds since some start, never goes back */
};

/* The system's clock; a constant, never freed. */
const struct clock *clock_system(void);

/* Wall time: for stamps that outlive the process; may jump when the system's clock is set. */
int64_t clock_wall(const struct clock *c);
/* Monotonic time: for durations and deadlines within the process. */
int64_t clock_mono(const struct clock *c);

enum { CLOCK_TEXT_MAX = 40 };

/* Each writes a NUL-terminated text into out[CLOCK_TEXT_MAX] and returns out. */
char *clock_rfc3339(int64_t wall, char out[CLOCK_TEXT_MAX]);   /* 2024-01-02T03:04:05.678Z */
char *clock_iso_basic(int64_t wall, char out[CLOCK_TEXT_MAX]); /* 20240102T030405Z (SigV4) */
char *clock_http_date(int64_t wall, char out[CLOCK_TEXT_MAX]); /* Tue, 02 Jan 2024 03:04:05 GMT */

/* Reads RFC 3339 (`T`, `Z` or an offset, any fraction); -1 with ERR_SYNTAX if it is not that. */
int clock_parse_rfc3339(const char *text, int64_t *wall, struct error *err);
/* Reads what clock_http_date writes (the Date header of RFC 9110); -1 with ERR_SYNTAX. */
int clock_parse_http_date(const char *text, int64_t *wall, struct error *err);

#endif
