/* Polling that is quick while something moves and slow while nothing does, under a common ceiling.
 */
#include "server/loop/pace.h"

#include "lib/base/clock.h"
#include "lib/crypto/crypto.h"

void pace_init(struct pace *p, int64_t min, int64_t max)
{
    *p = (struct pace){.min = min, .max = max, .interval = min};
}

void pace_moved(struct pace *p, int64_t now)
{
    p->interval = p->min;
    if (p->due > now + p->min)
        p->due = now + p->min;
}

/* Half as much again each time: from 200 ms to 5 s in eight looks without news. */
void pace_looked(struct pace *p, int64_t now, bool moved, int64_t floor)
{
    p->interval = moved ? p->min : p->interval + p->interval / 2;
    if (p->interval > p->max)
        p->interval = p->max;
    p->due = now + (p->interval > floor ? p->interval : floor);
}

/* Random between `min` and a ceiling that doubles, so that runs that failed together part again. */
int64_t pace_backoff(int64_t min, int64_t max, int64_t failures)
{
    int64_t ceiling = min;
    for (int64_t i = 0; i < failures && ceiling < max; i++)
        ceiling *= 2;
    if (ceiling > max)
        ceiling = max;
    return min + (int64_t)((double)(ceiling - min) * crypto_random_unit());
}

void quota_init(struct quota *q, double per_second, int64_t now)
{
    *q = (struct quota){.per_second = per_second, .tokens = per_second, .at = now};
}

/* Tokens grow with time up to one second's worth. One microsecond more than computed, so that
 * rounding cannot wake the loop a moment too early for ever. */
bool quota_take(struct quota *q, int64_t now, int64_t *next)
{
    q->tokens += (double)(now - q->at) * q->per_second / (double)CLOCK_SECOND;
    if (q->tokens > q->per_second)
        q->tokens = q->per_second;
    q->at = now;
    if (q->tokens >= 1) {
        q->tokens -= 1;
        return true;
    }
    *next = now + 1 + (int64_t)((1 - q->tokens) * (double)CLOCK_SECOND / q->per_second);
    return false;
}
