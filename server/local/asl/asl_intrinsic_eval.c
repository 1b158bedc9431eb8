/* Evaluation of expressions, and the table of intrinsic functions.
 *
 * Failures: the service's documentation names States.IntrinsicFailure, but its executions report
 * States.Runtime with "The function '...' had the following error: ..." around the whole
 * expression as it was written, however deep the call that failed. We do what they do. */
#include "server/local/asl/asl_intrinsic.h"
#include "server/local/asl/asl_path.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *evaluate(const struct asl_expr *e, const struct asl_call *outer);

/* Linear: it runs when a definition is compiled, not when it is evaluated. */
const struct asl_intrinsic *asl_intrinsic_find(const char *name, size_t len)
{
    static const struct asl_intrinsic table[] = {
        /* Name without "States.", fewest and most arguments, function. */
        {"Array", 0, ASL_CALL_ARGS_MAX, asl_states_array},
        {"ArrayPartition", 2, 2, asl_states_array_partition},
        {"ArrayContains", 2, 2, asl_states_array_contains},
        {"ArrayRange", 3, 3, asl_states_array_range},
        {"ArrayGetItem", 2, 2, asl_states_array_get_item},
        {"ArrayLength", 1, 1, asl_states_array_length},
        {"ArrayUnique", 1, 1, asl_states_array_unique},
        {"Base64Encode", 1, 1, asl_states_base64_encode},
        {"Base64Decode", 1, 1, asl_states_base64_decode},
        {"Hash", 2, 2, asl_states_hash},
        {"Format", 1, ASL_CALL_ARGS_MAX, asl_states_format},
        {"StringSplit", 2, 2, asl_states_string_split},
        {"UUID", 0, 0, asl_states_uuid},
        {"StringToJson", 1, 1, asl_states_string_to_json},
        {"JsonToString", 1, 1, asl_states_json_to_string},
        {"JsonMerge", 3, 3, asl_states_json_merge},
        {"MathAdd", 2, 2, asl_states_math_add},
        {"MathRandom", 2, 3, asl_states_math_random},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

/* The text is made first, so that the cause's own format stays in one place. */
json_t *asl_call_fail(const struct asl_call *call, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    (void)asl_fail_in_state(call->f, call->scope, ASL_ERROR_RUNTIME,
                            "The function '%s' had the following error: %s", call->text,
                            text ? text : "");
    free(text);
    return NULL;
}

/* The sentence of the service's own executions; the detail is ours. */
json_t *asl_call_refuse(const struct asl_call *call, const char *detail)
{
    return asl_call_fail(call, "Invalid arguments in States.%s%s%s", call->fn->name,
                         detail ? ": " : "", detail ? detail : "");
}

/* For results that are only NULL when memory is out. */
json_t *asl_call_result(const struct asl_call *call, json_t *value)
{
    if (!value)
        (void)asl_fail_memory(call->f);
    return value;
}

/* NAN stands for "no number": it survives rounding and fails the check of the range. */
int asl_call_integer(const struct asl_call *call, size_t i, enum asl_rounding rounding,
                     int64_t *out)
{
    const json_t *arg = call->args[i];
    if (json_is_integer(arg)) {
        *out = json_integer_value(arg);
        return 0;
    }
    double real = json_is_real(arg) ? json_real_value(arg) : NAN;
    real = rounding == ASL_ROUND_NEAREST ? floor(real + 0.5) : trunc(real);
    if (!(real > -9.2e18 && real < 9.2e18))
        return -1;
    *out = (int64_t)real;
    return 0;
}

/* The service words a missing argument in its own way. It searches the context object as a
 * document of its own, so "$$.a" is quoted as "$.a", beside the state's input. */
static json_t *argument_missing(const struct asl_path *p, const struct asl_call *call)
{
    char *input = asl_quote_value(call->scope->input);
    (void)asl_call_fail(
        call, "The JsonPath argument for the field '%s' could not be found in the input '%s'",
        p->root == ASL_ROOT_CONTEXT ? p->text + 1 : p->text, input ? input : "");
    free(input);
    return NULL;
}

/* As an argument a path must lead somewhere, also past an array's end, where a template alone
 * would read null. */
static json_t *evaluate_path(const struct asl_path *p, const struct asl_call *outer)
{
    json_t *value = NULL;
    int found = asl_path_eval(p, outer->scope, &value, outer->f);
    return found == 0 ? argument_missing(p, outer) : value;
}

/* The inner call inherits text, scope and failure from the outer one. */
static json_t *run_call(const struct asl_expr *e, const struct asl_call *outer, json_t **args)
{
    struct asl_call call = *outer;
    call.fn = e->fn;
    call.args = args;
    call.count = e->count;
    call.format = e->count > 0 ? e->args[0]->raw : NULL;
    /* cppcheck-suppress returnDanglingLifetime ; a result never points into its call */
    return e->fn->run(&call);
}

/* Arguments are evaluated from left to right; the first that fails ends the call. */
static json_t *evaluate_call(const struct asl_expr *e, const struct asl_call *outer)
{
    json_t *result = NULL;
    json_t **args = calloc(e->count + 1, sizeof(json_t *));
    size_t done = 0;
    if (!args) {
        (void)asl_fail_memory(outer->f);
        return NULL;
    }
    while (done < e->count && (args[done] = evaluate(e->args[done], outer)))
        done++;
    if (done == e->count)
        result = run_call(e, outer, args);
    for (size_t i = 0; i < done; i++)
        json_decref(args[i]);
    free(args);
    return result;
}

/* New reference, or NULL with the failure filled. Recursion is bounded by the parser. */
static json_t *evaluate(const struct asl_expr *e, const struct asl_call *outer)
{
    switch (e->kind) {
    case ASL_EXPR_LITERAL:
        return json_incref(e->literal);
    case ASL_EXPR_PATH:
        return evaluate_path(e->path, outer);
    case ASL_EXPR_CALL:
        break;
    }
    return evaluate_call(e, outer);
}

/* A path alone may find nothing (0); the caller knows the words for its field. */
int asl_expr_eval(const struct asl_expr *e, const struct asl_scope *scope, json_t **out,
                  struct asl_failure *f)
{
    if (e->kind == ASL_EXPR_PATH)
        return asl_path_eval(e->path, scope, out, f);
    struct asl_call outer = {.text = e->text, .scope = scope, .f = f};
    *out = evaluate(e, &outer);
    return *out ? 1 : -1;
}
