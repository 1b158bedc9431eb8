/* A map run that is stopped or closed at any turn: nothing of it is left, nothing is touched that
 * has gone (what the sanitizers watch). */
#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 24, ITEMS = 9 };

static const char machine[] =
    "{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"MaxConcurrency\":2,"
    "\"ItemReader\":{\"Resource\":\"arn:aws:states:::s3:listObjectsV2\",\"Parameters\":{"
    "\"Bucket\":\"b\"}},\"ResultWriter\":{\"Resource\":\"arn:aws:states:::s3:putObject\","
    "\"Parameters\":{\"Bucket\":\"out\",\"Prefix\":\"p\"}},\"ItemProcessor\":{"
    "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":"
    "\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":1,\"End\":true}}},\"End\":true}}}";

static void keep(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    json_t **answer = call->ctx;
    (void)fault;
    *answer = output ? output : json_null();
}

/* A call of the API and the turn that takes it; nothing else is settled. Takes over input. */
static json_t *ask(struct sfn_fixture *f, const char *operation, json_t *input)
{
    json_t *answer = NULL;
    struct local_call call = {.operation = operation, .input = input, .done = keep, .ctx = &answer};
    f->sfn->service.call(f->sfn, &call);
    (void)sfn_turn(f->sfn, 0);
    cr_assert_not_null(answer, "%s was not answered", operation);
    json_decref(input);
    return answer;
}

/* One turn; when there is nothing to do before that, time goes on. */
static void move(struct sfn_fixture *f)
{
    if (sfn_turn(f->sfn, 0) != 0)
        f->now += CLOCK_SECOND;
}

/* The run after so many moves. */
static void start(struct sfn_fixture *f, int moves)
{
    char arn[256];
    for (int i = 0; i < ITEMS; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%d", i);
        put_object(f, "b", key, "x");
    }
    create_machine(f, "m", machine, arn);
    json_t *answer = ask(f, "StartExecution", json_pack("{s:s}", "stateMachineArn", arn));
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s",
                   json_str(answer, "executionArn", ""));
    json_decref(answer);
    for (int i = 0; i < moves; i++)
        move(f);
}

static int64_t running(struct sfn_fixture *f, const char *run)
{
    json_t *answer = api(f, "DescribeMapRun", json_pack("{s:s}", "mapRunArn", run));
    int64_t count = json_int(json_object_get(answer, "executionCounts"), "running", -1);
    cr_expect_str_neq(json_str(answer, "status", "RUNNING"), "RUNNING");
    json_decref(answer);
    return count;
}

Test(sfn_map_stop, a_run_can_be_stopped_at_any_turn, .timeout = 120)
{
    int stopped = 0;
    for (int moves = 0; moves < TURNS; moves++) {
        struct sfn_fixture *f = fixture_open();
        start(f, moves);
        json_decref(ask(f, "StopExecution", json_pack("{s:s}", "executionArn", f->last_execution)));
        fixture_settle(f);
        char *got = outcome(f);
        stopped += strncmp(got, "ABORTED", 7) == 0;
        cr_expect(strncmp(got, "RUNNING", 7) != 0, "after %d moves: %s", moves, got);
        json_t *answer =
            api(f, "ListMapRuns", json_pack("{s:s}", "executionArn", f->last_execution));
        json_t *run = json_array_get(json_object_get(answer, "mapRuns"), 0);
        if (run)
            cr_expect_eq(running(f, json_str(run, "mapRunArn", "")), 0, "after %d moves", moves);
        json_decref(answer);
        free(got);
        fixture_close(f);
    }
    cr_expect_gt(stopped, 10, "%d", stopped);
}

Test(sfn_map_stop, the_engine_can_close_at_any_turn, .timeout = 120)
{
    for (int moves = 0; moves < TURNS; moves++) {
        struct sfn_fixture *f = fixture_open();
        start(f, moves);
        fixture_reopen(f);
        for (int i = 0; i < 2 * TURNS; i++)
            move(f);
        char *got = outcome(f);
        cr_expect(strncmp(got, "SUCCEEDED", 9) == 0, "after %d moves: %s", moves, got);
        free(got);
        fixture_close(f);
    }
}
