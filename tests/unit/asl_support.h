/* asl_support: what the tests of the states language share. One test process, one thread. */
#ifndef STEPFLEET_TESTS_ASL_SUPPORT_H
#define STEPFLEET_TESTS_ASL_SUPPORT_H

#include "lib/json/json_read.h"
#include "server/local/asl/asl_eval.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Parses JSON that the test wrote itself; apostrophes stand for quotes outside of a "raw" text. */
static inline json_t *asl_json(const char *text)
{
    json_error_t at;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &at);
    cr_assert(value != NULL, "bad JSON in a test: %s: %s", text, at.text);
    return value;
}

/* Compact text of a value, to compare with; heap. */
static inline char *asl_text(const json_t *value)
{
    struct buf out;
    buf_init(&out, BUF_MAX_PAYLOAD);
    json_dump(&out, value);
    return buf_take(&out, NULL);
}

/* Takes value; checks that it is the JSON `expected`. */
static inline void asl_expect(json_t *value, const char *expected, const char *what)
{
    json_t *want = asl_json(expected);
    char *got = value ? asl_text(value) : strdup("nothing");
    cr_expect(value && json_equal(value, want), "%s: got %s, want %s", what, got, expected);
    free(got);
    json_decref(want);
    json_decref(value);
}

#endif
