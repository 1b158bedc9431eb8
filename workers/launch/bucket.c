#include "workers/launch/bucket.h"

#include "lib/base/clock.h"

static void fill(struct bucket *b, double seconds)
{
    if (seconds > 0)
        b->level += b->rate * seconds;
    if (b->level > b->burst)
        b->level = b->burst;
}

void bucket_open(struct bucket *b, int64_t rate, int64_t burst, double level, double seconds,
                 int64_t now)
{
    *b = (struct bucket){.rate = (double)rate, .burst = (double)burst, .level = level, .at = now};
    fill(b, seconds);
}

size_t bucket_level(struct bucket *b, int64_t now)
{
    fill(b, (double)(now - b->at) / (double)CLOCK_SECOND);
    b->at = now;
    return b->level >= 1 ? (size_t)b->level : 0;
}

void bucket_take(struct bucket *b, size_t tokens)
{
    b->level -= (double)tokens;
}

void bucket_drain(struct bucket *b)
{
    if (b->level > 0)
        b->level = 0;
}
