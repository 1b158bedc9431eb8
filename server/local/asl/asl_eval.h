/* asl_eval: the expression side of the Amazon States Language: paths, intrinsic functions, payload
 * templates, choice rules. Compiled once into immutable objects, evaluated without side effects.
 *
 * Compiled objects may be shared by threads; values are jansson trees that nobody changes once
 * they are shared (functions that change copy first). Evaluation answers new references.
 * Wording of errors follows what AWS's recorded executions say. Private to server/local. */
#ifndef STEPFLEET_LOCAL_ASL_EVAL_H
#define STEPFLEET_LOCAL_ASL_EVAL_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What an expression can see; all borrowed. `variables` holds assigned variables ($name), may be
 * NULL. `state` is the state's name and `entered_id` the id of its StateEntered event: causes say
 * "An error occurred while executing the state 'X' (entered at the event id #N). ...". */
struct asl_scope {
    json_t *input;     /* $ */
    json_t *context;   /* $$ */
    json_t *variables; /* $name */
    const char *state;
    long long entered_id;
};

/* An error in ASL's terms: name and cause. Zero-initialise; asl_failure_free releases. */
struct asl_failure {
    char error[128]; /* "States.Runtime", "States.ParameterPathFailure", ... */
    char *cause;     /* heap text, NULL if memory was out */
};
/* Frees the cause and zeroes the struct; harmless on a zeroed one. */
void asl_failure_free(struct asl_failure *f);
/* Sets both, cause printf-style (at most 32768 characters). Always returns -1. */
int asl_fail(struct asl_failure *f, const char *error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the "An error occurred while executing the state ..." sentence before the text. */
int asl_fail_in_state(struct asl_failure *f, const struct asl_scope *scope, const char *error,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* --- paths: $, $.a.b, $['a'], $[0], $[1:3], $[*], $..a, $[?(@.x > 1)], $$..., $var... --- */
struct asl_path;
/* NULL with err when the text is no path, or uses what is not supported. */
struct asl_path *asl_path_compile(const char *text, struct error *err);
struct asl_path *asl_path_free(struct asl_path *p); /* NULL-safe; returns NULL */
/* True when it names exactly one place ($.a[0].b: no wildcard, slice, filter, descent). */
bool asl_path_is_reference(const struct asl_path *p);
/* The source as written; borrowed, lives as long as the path. */
const char *asl_path_text(const struct asl_path *p);
/* 1 and a new reference in *out: found (an indefinite path always is: an array, maybe empty);
 * 0: there is no such place; -1: failed (f is filled). */
int asl_path_eval(const struct asl_path *p, const struct asl_scope *scope, json_t **out,
                  struct asl_failure *f);
/* What is missing, as AWS words it for 0 of asl_path_eval: "No results for path: $['a']" or
 * "Missing property in path $['a']". Appends to out. */
void asl_path_missing(const struct asl_path *p, const struct asl_scope *scope, struct buf *out);
/* ResultPath: a copy of `root` with `value` at the path (objects on the way are made); siblings
 * are shared, not copied. New reference or NULL (f filled: States.ResultPathMatchFailure). */
json_t *asl_path_assign(const struct asl_path *p, json_t *root, json_t *value,
                        const struct asl_scope *scope, struct asl_failure *f);

/* --- payload templates: Parameters, ResultSelector, ItemSelector, Assign (JSONPath) --- */
struct asl_template;
/* Members whose name ends in ".$" are paths or intrinsic functions. NULL with err, whose message
 * can stand behind "SCHEMA_VALIDATION_FAILED: ". `source` is shared by the template from then on.
 */
struct asl_template *asl_template_compile(json_t *source, struct error *err);
/* NULL-safe; returns NULL. */
struct asl_template *asl_template_free(struct asl_template *t);
/* New reference or NULL with f filled: States.Runtime "The JSONPath '...' specified for the field
 * '...' could not be found in the input '...'", or "The function '...' had the following error:
 * ..." (recorded executions report failed intrinsic functions as States.Runtime too). A path that
 * ends in an index past an array's end reads null here, as in AWS. */
json_t *asl_template_eval(const struct asl_template *t, const struct asl_scope *scope,
                          struct asl_failure *f);

/* A single expression text that is a path or an intrinsic function (States.Format(...)), as fields
 * such as "ErrorPath" take. */
struct asl_expr;
/* NULL with err: neither a path nor a call of an intrinsic function. */
struct asl_expr *asl_expr_compile(const char *text, struct error *err);
/* NULL-safe; returns NULL. */
struct asl_expr *asl_expr_free(struct asl_expr *e);
/* False for a path alone. */
bool asl_expr_is_intrinsic(const struct asl_expr *e);
/* 1 found, 0 a path without a result, -1 failed. */
int asl_expr_eval(const struct asl_expr *e, const struct asl_scope *scope, json_t **out,
                  struct asl_failure *f);

/* --- choice rules: And, Or, Not, and all comparison operators with their ...Path forms --- */
struct asl_choice;
/* `rule` is one element of Choices; Next, Comment, Assign and Output are ignored here. NULL with
 * err, whose message can stand behind "SCHEMA_VALIDATION_FAILED: ". */
struct asl_choice *asl_choice_compile(json_t *rule, struct error *err);
/* NULL-safe; returns NULL. */
struct asl_choice *asl_choice_free(struct asl_choice *c);
/* 0 with *match set; -1 with f filled when a path leads nowhere (IsPresent may ask for that). */
int asl_choice_test(const struct asl_choice *c, const struct asl_scope *scope, bool *match,
                    struct asl_failure *f);

#endif
