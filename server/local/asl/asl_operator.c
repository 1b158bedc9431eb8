/* The comparison operators of choice rules: their names, the types they test, and patterns. The 39
 * names are not listed but taken apart, because they are made of few parts. */
#include "lib/base/clock.h"
#include "server/local/asl/asl_choice.h"

#include <string.h>

/* Moves *at behind `word` if the text goes on with it. */
static bool take(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

/* Takes the word for a type at *at. */
static bool take_type(const char **at, enum asl_value_type *type)
{
    static const struct {
        const char *word;
        enum asl_value_type type;
    } types[] = {
        {"String", ASL_VALUE_STRING},   {"Numeric", ASL_VALUE_NUMERIC},
        {"Boolean", ASL_VALUE_BOOLEAN}, {"Timestamp", ASL_VALUE_TIMESTAMP},
        {"Null", ASL_VALUE_NULL},       {"Present", ASL_VALUE_PRESENT},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (take(at, types[i].word)) {
            *type = types[i].type;
            return true;
        }
    return false;
}

/* Takes what stands between the type and "Path". */
static bool take_relation(const char **at, enum asl_relation *relation)
{
    if (take(at, "Equals"))
        *relation = ASL_EQ;
    else if (take(at, "LessThan"))
        *relation = take(at, "Equals") ? ASL_LE : ASL_LT;
    else if (take(at, "GreaterThan"))
        *relation = take(at, "Equals") ? ASL_GE : ASL_GT;
    else
        return false;
    return true;
}

/* Names are made of parts: <type><relation>[Path], Is<type>; StringMatches stands alone. */
bool asl_operator_parse(const char *name, struct asl_operator *op)
{
    const char *at = name;
    *op = (struct asl_operator){.kind = ASL_CHOICE_COMPARE};
    if (strcmp(name, "StringMatches") == 0) {
        op->kind = ASL_CHOICE_MATCH;
        op->type = ASL_VALUE_STRING;
        return true;
    }
    if (take(&at, "Is")) {
        op->kind = ASL_CHOICE_IS;
        return take_type(&at, &op->type) && *at == '\0';
    }
    if (!take_type(&at, &op->type) || op->type > ASL_VALUE_TIMESTAMP ||
        !take_relation(&at, &op->relation))
        return false;
    /* Booleans have no order. */
    if (op->type == ASL_VALUE_BOOLEAN && op->relation != ASL_EQ)
        return false;
    op->path = take(&at, "Path");
    return *at == '\0';
}

/* A text with a zero byte is never a timestamp: the reader would stop there and accept it. */
bool asl_value_is(const json_t *value, enum asl_value_type type)
{
    int64_t when;
    switch (type) {
    case ASL_VALUE_STRING:
        return json_is_string(value);
    case ASL_VALUE_NUMERIC:
        return json_is_number(value);
    case ASL_VALUE_BOOLEAN:
        return json_is_boolean(value);
    case ASL_VALUE_TIMESTAMP:
        return json_is_string(value) &&
               strlen(json_string_value(value)) == json_string_length(value) &&
               clock_parse_rfc3339(json_string_value(value), &when, NULL) == 0;
    case ASL_VALUE_NULL:
        return json_is_null(value);
    case ASL_VALUE_PRESENT:
        break;
    }
    return value != NULL;
}

/* Checked once when a rule is compiled, so that matching can rely on it. */
bool asl_pattern_valid(const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern != '\\')
            continue;
        pattern++;
        if (*pattern != '*' && *pattern != '\\')
            return false;
    }
    return true;
}

/* Goes back only to the last "*" seen, so the effort is bounded by the product of the lengths. */
bool asl_pattern_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
            continue;
        }
        /* An escape is two characters wide and matches its second one. */
        size_t width = *pattern == '\\' ? 1 : 0;
        if (*pattern && pattern[width] == *text) {
            pattern += width + 1;
            text++;
        } else if (star) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
