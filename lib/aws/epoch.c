/* Services write 1.7E9, 1700000000 and 1700000000.123 for the same kind of time. */
#include "lib/aws/epoch.h"

#include "lib/base/clock.h"
#include "lib/json/json_read.h"

int64_t epoch_member(const json_t *object, const char *name)
{
    return epoch_time(json_num(object, name, 0));
}

int64_t epoch_time(double seconds)
{
    static const double year_9999 = 253402300799.0;
    if (!(seconds > 0 && seconds <= year_9999))
        return 0;
    /* A double holds today's milliseconds exactly, but not their sixth decimal: round. */
    return (int64_t)(seconds * 1000 + 0.5) * CLOCK_MS;
}
