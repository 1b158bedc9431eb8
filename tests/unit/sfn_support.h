/* sfn_support: a Step Functions engine for tests: real file, fake services, a clock turned by hand,
 * no thread (the test takes the turns). */
#ifndef STEPFLEET_TESTS_SFN_SUPPORT_H
#define STEPFLEET_TESTS_SFN_SUPPORT_H

#include "lib/base/clock.h"
#include "server/local/sfn/sfn_private.h"
#include "tests/unit/temp_folder.h"

#include <jansson.h>
#include <stdbool.h>

enum { FAKE_CALLS_MAX = 20000 };

/* A call that a fake service has got and the test has not answered yet. */
struct fake_call {
    char what[64]; /* function name, or the operation */
    json_t *input;
    struct local_call *service; /* NULL: a function */
    void (*done)(void *ctx, const struct lambda_outcome *outcome);
    void *ctx;
};

struct fake_watch {
    char arn[128];
    void (*stopped)(void *ctx, json_t *task);
    void *ctx;
};

struct sfn_fixture {
    struct clock clock; /* first: the functions find the fixture by it */
    int64_t now;
    char dir[TEMP_FOLDER_MAX];
    char path[TEMP_FOLDER_MAX + 16];
    struct local_sfn *sfn;
    struct sfn_backend backend;
    struct local_service ecs, dynamodb, s3;
    json_t *objects; /* "bucket/key" -> text; the fake S3 answers from it at once */
    bool s3_refuses;
    bool holds_stops; /* StopTask is not answered at once */
    unsigned kills;
    struct fake_call calls[FAKE_CALLS_MAX];
    size_t call_count;
    struct fake_watch watches[64];
    size_t watch_count;
    char last_execution[512];
};

/* A new engine in a folder of its own, with fakes for Lambda, ECS and DynamoDB. */
struct sfn_fixture *fixture_open(void);
/* Ends calls that the tests left open, closes the engine and removes the folder. */
void fixture_close(struct sfn_fixture *f);
/* Closes and opens the same file, as a restart does. */
void fixture_reopen(struct sfn_fixture *f);
/* The same, but what is open goes on from the files as they are now, as after kill -9: nothing is
 * committed on the way, and answers that are under way never come. Takes no turn. */
void fixture_kill(struct sfn_fixture *f);
/* Turns until nothing moves. */
void fixture_settle(struct sfn_fixture *f);
/* Moves the clock and settles. */
void fixture_wait(struct sfn_fixture *f, double seconds);

/* An API call; a new reference to its answer, {"__type": code, "message": ...} for a fault. */
json_t *api(struct sfn_fixture *f, const char *operation, json_t *input);
/* CreateStateMachine; the ARN lives in `arn`. Fails the test when it is refused. */
void create_machine(struct sfn_fixture *f, const char *name, const char *definition, char arn[256]);
/* Creates a machine of a fresh name and starts it; keeps the execution's ARN. */
void start_machine(struct sfn_fixture *f, const char *definition, const char *input);
/* Of the last execution: status, output or error and cause; new text "SUCCEEDED {...}",
 * "FAILED error: cause". */
char *outcome(struct sfn_fixture *f);
/* Types of its history: "1 ExecutionStarted\n2<0 PassStateEntered ..." as "id<previous type". */
char *history(struct sfn_fixture *f);
/* The events themselves; a new array. */
json_t *events(struct sfn_fixture *f);
/* Expect that the above are these texts. */
void expect_outcome(struct sfn_fixture *f, const char *want);
void expect_history(struct sfn_fixture *f, const char *want);

/* The fake S3 itself (sfn_fake_s3.c); self is the fixture. */
void fake_s3(void *self, struct local_call *call);
/* An object of the fake S3. */
void put_object(struct sfn_fixture *f, const char *bucket, const char *key, const char *text);
/* Its text, NULL: there is none. Borrowed. */
const char *get_object(struct sfn_fixture *f, const char *bucket, const char *key);

/* Answers the oldest call that waits (fails the test if there is none). */
void answer_ok(struct sfn_fixture *f, const char *json);
void answer_failed(struct sfn_fixture *f, const char *error, const char *json);
/* Its input, borrowed. */
json_t *pending_input(struct sfn_fixture *f);
/* The watched ECS task stops. */
void stop_task(struct sfn_fixture *f, const char *task_json);

#endif
