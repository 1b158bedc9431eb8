/* States.MathAdd and States.MathRandom. Both work on 32 bit integers, as documented; MathAdd rounds
 * fractions to the nearest integer (recorded: -1.5 becomes -1), MathRandom cuts them off. */
#include "lib/crypto/crypto.h"
#include "server/local/asl/asl_intrinsic.h"

/* The range of Java's int. */
static bool fits_int32(int64_t n)
{
    return n >= INT32_MIN && n <= INT32_MAX;
}

/* The sum must fit as well: the service adds exactly or not at all. */
json_t *asl_states_math_add(const struct asl_call *call)
{
    int64_t a, b;
    if (asl_call_integer(call, 0, ASL_ROUND_NEAREST, &a) ||
        asl_call_integer(call, 1, ASL_ROUND_NEAREST, &b))
        return asl_call_refuse(call, NULL);
    if (!fits_int32(a) || !fits_int32(b) || !fits_int32(a + b))
        return asl_call_refuse(call, "the numbers and their sum must fit 32 bits");
    return asl_call_result(call, json_integer(a + b));
}

/* The generator of java.util.Random, as its documentation specifies it: 48 bits of state, of which
 * the upper ones are given out. */
static int64_t next_bits(uint64_t *state, unsigned bits)
{
    *state = (*state * UINT64_C(0x5DEECE66D) + 0xB) & ((UINT64_C(1) << 48) - 1);
    return (int64_t)(*state >> (48 - bits));
}

/* What new Random(seed).nextInt(bound) answers; by nextDouble for bounds beyond an int. */
static int64_t seeded(int64_t seed, int64_t bound)
{
    uint64_t state = ((uint64_t)seed ^ UINT64_C(0x5DEECE66D)) & ((UINT64_C(1) << 48) - 1);
    if (bound > INT32_MAX) {
        int64_t high = next_bits(&state, 26) << 27;
        return (int64_t)((double)(high + next_bits(&state, 27)) * 0x1p-53 * (double)bound);
    }
    for (;;) {
        int64_t bits = next_bits(&state, 31);
        /* Powers of two take the upper bits; the rest draw again where the range is uneven. */
        if ((bound & -bound) == bound)
            return (bound * bits) >> 31;
        int64_t value = bits % bound;
        if (bits - value + (bound - 1) <= INT32_MAX)
            return value;
    }
}

/* From start (inclusive) to end (exclusive). */
json_t *asl_states_math_random(const struct asl_call *call)
{
    int64_t start, end, seed = 0;
    if (asl_call_integer(call, 0, ASL_ROUND_CUT, &start) ||
        asl_call_integer(call, 1, ASL_ROUND_CUT, &end) ||
        (call->count > 2 && asl_call_integer(call, 2, ASL_ROUND_CUT, &seed)))
        return asl_call_refuse(call, NULL);
    if (!fits_int32(start) || !fits_int32(end) || start >= end)
        return asl_call_refuse(call, "the start must be less than the end");
    int64_t span = end - start;
    int64_t offset =
        call->count > 2 ? seeded(seed, span) : (int64_t)(crypto_random_unit() * (double)span);
    return asl_call_result(call, json_integer(start + offset));
}
