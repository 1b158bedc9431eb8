/* asl_intrinsic: compiled expressions (path, literal, call of an intrinsic function) and what the
 * functions have in common. Immutable once compiled, any thread. Private to server/local/asl. */
#ifndef STEPFLEET_LOCAL_ASL_INTRINSIC_H
#define STEPFLEET_LOCAL_ASL_INTRINSIC_H

#include "server/local/asl/asl_failure.h"

#include <stdint.h>

/* Ten calls inside one another are what the service documents as its limit; the outermost counts.
 * https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html */
enum {
    ASL_CALLS_NESTED_MAX = 10,
    ASL_CALL_ARGS_MAX = 256,
    ASL_EXPR_TEXT_MAX = 65536,
    ASL_CODEC_CHARS_MAX = 10000, /* Base64Encode, Base64Decode, Hash */
    ASL_RANGE_ITEMS_MAX = 1000,  /* ArrayRange */
};

/* One call while it is evaluated; all borrowed. */
struct asl_call {
    const struct asl_intrinsic *fn;
    json_t *const *args;
    size_t count;
    const char *format; /* the first argument as written, if it is a literal: Format's escapes */
    const char *text;   /* the whole expression, for causes */
    const struct asl_scope *scope;
    struct asl_failure *f;
};

/* A function: new reference, or NULL with the failure filled (asl_call_refuse). */
struct asl_intrinsic {
    const char *name;
    size_t min_args;
    size_t max_args;
    json_t *(*run)(const struct asl_call *call);
};

/* The row of States.<name> (len bytes of it), or NULL. */
const struct asl_intrinsic *asl_intrinsic_find(const char *name, size_t len);

/* Fails the call: "The function '...' had the following error: <text>". Always returns NULL. */
json_t *asl_call_fail(const struct asl_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with "Invalid arguments in States.X" and, if not NULL, ": detail". Returns NULL. */
json_t *asl_call_refuse(const struct asl_call *call, const char *detail);
/* Returns `value`, or fails the call for want of memory if it is NULL. */
json_t *asl_call_result(const struct asl_call *call, json_t *value);

/* How a number with a fraction becomes an integer. */
enum asl_rounding {
    ASL_ROUND_NEAREST, /* halves go up, as Java's Math.round */
    ASL_ROUND_CUT,     /* towards zero */
};
/* Reads argument i as an integer. -1 when it is no number or does not fit 64 bits. */
int asl_call_integer(const struct asl_call *call, size_t i, enum asl_rounding rounding,
                     int64_t *out);

/* The functions, by the rules of struct asl_intrinsic.
 * https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html */

/* States.Array(any...): the arguments as an array. */
json_t *asl_states_array(const struct asl_call *call);
/* States.ArrayPartition(array, size): an array of arrays. */
json_t *asl_states_array_partition(const struct asl_call *call);
/* States.ArrayContains(array, value): true or false. */
json_t *asl_states_array_contains(const struct asl_call *call);
/* States.ArrayRange(first, last, step): at most 1000 integers. */
json_t *asl_states_array_range(const struct asl_call *call);
/* States.ArrayGetItem(array, index). */
json_t *asl_states_array_get_item(const struct asl_call *call);
/* States.ArrayLength(array). */
json_t *asl_states_array_length(const struct asl_call *call);
/* States.ArrayUnique(array): without repeated elements. */
json_t *asl_states_array_unique(const struct asl_call *call);
/* States.Base64Encode(text). */
json_t *asl_states_base64_encode(const struct asl_call *call);
/* States.Base64Decode(text): lenient about padding and foreign characters. */
json_t *asl_states_base64_decode(const struct asl_call *call);
/* States.Hash(data, "MD5" | "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512"): hex. */
json_t *asl_states_hash(const struct asl_call *call);
/* States.Format(template, any...): each {} filled in. */
json_t *asl_states_format(const struct asl_call *call);
/* States.StringSplit(text, characters): without empty pieces. */
json_t *asl_states_string_split(const struct asl_call *call);
/* States.UUID(). */
json_t *asl_states_uuid(const struct asl_call *call);
/* States.StringToJson(text). */
json_t *asl_states_string_to_json(const struct asl_call *call);
/* States.JsonToString(any). */
json_t *asl_states_json_to_string(const struct asl_call *call);
/* States.JsonMerge(object, object, false). */
json_t *asl_states_json_merge(const struct asl_call *call);
/* States.MathAdd(a, b): 32 bit integers. */
json_t *asl_states_math_add(const struct asl_call *call);
/* States.MathRandom(start, end[, seed]): from start to before end. */
json_t *asl_states_math_random(const struct asl_call *call);

/* A compiled expression. */
enum asl_expr_kind { ASL_EXPR_PATH, ASL_EXPR_LITERAL, ASL_EXPR_CALL };
struct asl_expr {
    enum asl_expr_kind kind;
    struct asl_path *path;
    json_t *literal;
    char *raw; /* a text literal as written between its quotes */
    const struct asl_intrinsic *fn;
    struct asl_expr **args;
    size_t count;
    char *text; /* the outermost expression's source; NULL inside */
};

#endif
