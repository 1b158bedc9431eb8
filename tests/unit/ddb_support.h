/* ddb_support: a DynamoDB of its own for a test, and calls that wait for their answer. */
#ifndef STEPFLEET_TEST_DDB_SUPPORT_H
#define STEPFLEET_TEST_DDB_SUPPORT_H

#include "server/local/dynamodb/local_dynamodb.h"
#include "tests/unit/temp_folder.h"

#include <jansson.h>

/* A service in a folder of its own, with the tables "plain" (id S), "sorted" (id S, seq N) and
 * "bytes" (id S, seq B). */
struct ddb_place {
    char dir[TEMP_FOLDER_MAX];
    char file[TEMP_FOLDER_MAX + 16];
    const struct clock *clock;
    struct local_dynamodb *d;
};

/* Makes the folder and opens the service in it; any failure ends the test. */
void ddb_place_open(struct ddb_place *p);
/* The same with a clock that the test turns. */
void ddb_place_open_at(struct ddb_place *p, const struct clock *clock);
/* Closes and opens again, as a restart does. */
void ddb_place_reopen(struct ddb_place *p);
void ddb_place_close(struct ddb_place *p); /* removes the folder */

/* What a call came to. The strings are "" when there was no fault. */
struct ddb_answer {
    json_t *output; /* owned by the test; NULL if there was a fault */
    json_t *extra;
    char code[64];
    char message[1024];
};

/* JSON with ' instead of ". A new reference; fails the test if it is not JSON. */
json_t *ddb_json(const char *text);
/* Calls an operation (of DynamoDB, or else of DynamoDB Streams); the input is written as for
 * ddb_json. Free with ddb_answer_free. */
struct ddb_answer ddb_call(struct ddb_place *p, const char *operation, const char *input);
/* The same with a tree, which stays the caller's. */
struct ddb_answer ddb_call_json(struct ddb_place *p, const char *operation, json_t *input);
/* Empty afterwards. */
void ddb_answer_free(struct ddb_answer *a);

/* Calls, expects success, and compares the output with `wanted` (NULL: whatever it is). */
void ddb_expect(struct ddb_place *p, const char *operation, const char *input, const char *wanted);
/* Calls and expects a fault of this code whose message contains `part`. */
void ddb_expect_fault(struct ddb_place *p, const char *operation, const char *input,
                      const char *code, const char *part);

#endif
