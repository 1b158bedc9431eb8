/* asl_choice: the inner form of a choice rule. Immutable once compiled, any thread.
 * Private to server/local/asl. */
#ifndef STEPFLEET_LOCAL_ASL_CHOICE_H
#define STEPFLEET_LOCAL_ASL_CHOICE_H

#include "server/local/asl/asl_failure.h"

#include <stdint.h>

/* What a rule does; the groups come first, see asl_choice_test. */
enum asl_choice_kind {
    ASL_CHOICE_AND,
    ASL_CHOICE_OR,
    ASL_CHOICE_NOT,
    ASL_CHOICE_COMPARE, /* StringEquals ... TimestampGreaterThanEqualsPath */
    ASL_CHOICE_MATCH,   /* StringMatches */
    ASL_CHOICE_IS,      /* IsNull ... IsTimestamp */
};

/* The types that operators are named after. */
enum asl_value_type {
    ASL_VALUE_STRING,
    ASL_VALUE_NUMERIC,
    ASL_VALUE_BOOLEAN,
    ASL_VALUE_TIMESTAMP,
    ASL_VALUE_NULL,
    ASL_VALUE_PRESENT, /* any value, as long as the variable leads to one */
};

/* How the variable must stand to the operand. */
enum asl_relation { ASL_EQ, ASL_LT, ASL_GT, ASL_LE, ASL_GE };

/* What the name of an operator says. */
struct asl_operator {
    enum asl_choice_kind kind;
    enum asl_value_type type;
    enum asl_relation relation;
    bool path; /* the operand is a path */
};

/* A rule, or a part of one. And, Or and Not have kids (Not exactly one); the others test what
 * `variable` leads to against `operand` or what `other` leads to. */
struct asl_choice {
    struct asl_operator op;
    struct asl_choice **kids; /* AND, OR, NOT */
    size_t count;
    struct asl_path *variable;
    json_t *operand;        /* COMPARE, MATCH */
    struct asl_path *other; /* COMPARE with a path */
    bool wanted;            /* IS */
};

/* Reads an operator's name; false when there is no such operator. */
bool asl_operator_parse(const char *name, struct asl_operator *op);
/* True when the value has the type; a timestamp is a string in RFC 3339 with a zone. */
bool asl_value_is(const json_t *value, enum asl_value_type type);
/* Whether `text` matches a pattern in which "*" stands for any text, and "\*" and "\\" for
 * themselves. */
bool asl_pattern_matches(const char *pattern, const char *text);
/* True when every backslash in the pattern stands before "*" or a backslash. */
bool asl_pattern_valid(const char *pattern);

#endif
