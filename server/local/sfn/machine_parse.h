/* machine_parse: the parts of the compiler, one file per family of states.
 *
 * A struct parser lives on the stack of machine_compile; a struct place on the stack of whoever
 * parses one JSON object, so that problems know where they are. Functions add problems and go on:
 * all problems of a definition are told at once. Private to server/local/sfn/machine*.c. */
#ifndef STEPFLEET_SFN_MACHINE_PARSE_H
#define STEPFLEET_SFN_MACHINE_PARSE_H

#include "lib/json/json_read.h"
#include "server/local/sfn/machine.h"

struct parser {
    struct machine *machine;
    const struct machine_options *options;
    struct machine_problems *problems;
    size_t capacity; /* of machine->states */
    int depth;       /* Parallel and Map around the place that is parsed */
    bool no_memory;
    bool too_many; /* states */
};

/* One object of the definition: where it is and what it holds. */
struct place {
    struct parser *parser;
    json_t *object;
    const json_t *names; /* states of the same chain: name -> index */
    char at[JSON_POINTER_MAX];
};

/* Adds a problem at the place, or at its member when `field` is not NULL. */
void place_problem(const struct place *at, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A place below: member `field` ("Retry[0]" style names are the caller's), holding `object`. */
void place_enter(const struct place *at, const char *field, json_t *object, struct place *out);
/* Notes that memory is out when p is NULL; returns p. */
void *place_memory(const struct place *at, void *p);

/* Members of a place. A missing or unfit member is a problem only where said. Texts are borrowed.
 */
const char *parse_text(const struct place *at, const char *field, bool required);
/* The member as an object; borrowed, NULL when absent or unfit. */
json_t *parse_object(const struct place *at, const char *field, bool required);
/* The member as an array; borrowed, NULL when absent or unfit. */
json_t *parse_array(const struct place *at, const char *field, bool required);
/* A whole number min..max; the fallback when it is absent. */
int64_t parse_int(const struct place *at, const char *field, int64_t min, int64_t max,
                  int64_t fallback);
/* A number min..max, with or without a fraction; the fallback when it is absent. */
double parse_real(const struct place *at, const char *field, double min, double max,
                  double fallback);
/* True or false; the fallback when it is absent. */
bool parse_bool(const struct place *at, const char *field, bool fallback);
/* NULL when absent (or unfit, with a problem). */
struct asl_path *parse_path(const struct place *at, const char *field);
/* A compiled payload template; NULL when absent (or unfit, with a problem). */
struct asl_template *parse_template(const struct place *at, const char *field);
/* A compiled path or intrinsic function; NULL when absent (or unfit, with a problem). */
struct asl_expr *parse_expr(const struct place *at, const char *field);
/* InputPath and its like: JSON null discards. */
struct machine_path parse_io_path(const struct place *at, const char *field);
/* `field` (a literal min..max) or `field`Path; both at once is a problem. */
struct machine_number parse_number(const struct place *at, const char *field, double min,
                                   double max, bool whole);
/* The state a transition field names; NULL with a problem when there is none. */
const struct machine_state *parse_target(const struct place *at, const char *field, bool required);

/* Chains: "StartAt" and "States" of a machine, branch or item processor. */
void parse_branch(const struct place *at, struct machine_branch *branch);
/* Problems for members that states of this type do not have. */
void parse_check_fields(const struct place *at, enum state_type type);
/* A problem for any QueryLanguage but JSONPath. */
void parse_query_language(const struct place *at);

/* Retry into state->retriers. */
void parse_retry(const struct place *at, struct machine_state *state);
/* Catch into state->catchers. */
void parse_catch(const struct place *at, struct machine_state *state);

/* What a Pass state has besides the common members; so the following for their types. */
void parse_pass(const struct place *at, struct machine_state *state);
/* Choices and Default. */
void parse_choice(const struct place *at, struct machine_state *state);
/* Exactly one of Seconds, SecondsPath, Timestamp, TimestampPath. */
void parse_wait(const struct place *at, struct machine_state *state);
/* Error, Cause and their ...Path forms. */
void parse_fail(const struct place *at, struct machine_state *state);
/* Resource, timeouts, heartbeats, Credentials. */
void parse_task(const struct place *at, struct machine_state *state);
/* The chain below a Parallel or Map; refuses nesting that would exhaust the stack. */
void parse_nested(const struct place *at, struct machine_branch *branch);
/* Branches, each a chain. */
void parse_parallel(const struct place *at, struct machine_state *state);
/* The item processor and everything about items, concurrency and tolerance. */
void parse_map(const struct place *at, struct machine_state *state);
/* Problems of a Label, which any Map may have. */
void parse_label(const struct place *at);
/* Label, ItemReader, ItemBatcher and ResultWriter of a distributed Map. */
void parse_distributed(const struct place *at, struct machine_map *map);

#endif
