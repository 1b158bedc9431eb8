/* Whatever is started ends, whatever happens meanwhile: random machines, answers that come well,
 * badly, late or never in this life, clocks that jump, stops, and restarts at any moment. */
#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MACHINES = 12, ROUNDS = 4000, DEPTH = 2 };

static unsigned seed;

static int pick(int below)
{
    return (int)((unsigned)rand_r(&seed) % (unsigned)below);
}

static void write_chain(struct buf *out, int depth);
static void write_states(struct buf *out, int depth);

static void write_task(struct buf *out)
{
    buf_adds(out, "\"Type\":\"Task\",\"Resource\":"
                  "\"arn:aws:lambda:eu-west-1:000000000000:function:f\"");
    if (pick(2))
        buf_addf(out, ",\"TimeoutSeconds\":%d", 1 + pick(20));
    if (pick(2))
        buf_addf(out,
                 ",\"Retry\":[{\"ErrorEquals\":[\"States.ALL\"],\"MaxAttempts\":%d,"
                 "\"JitterStrategy\":\"%s\"}]",
                 pick(4), pick(2) ? "FULL" : "NONE");
    if (pick(2))
        buf_adds(out, ",\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":\"$.e\","
                      "\"Next\":\"End\"}]");
    buf_adds(out, ",\"ResultPath\":\"$.r\"");
}

static void write_nested(struct buf *out, int depth)
{
    if (pick(2)) {
        buf_adds(out, "\"Type\":\"Parallel\",\"ResultPath\":\"$.p\",\"Branches\":[");
        write_chain(out, depth - 1);
        buf_addc(out, ',');
        write_chain(out, depth - 1);
        buf_addc(out, ']');
        return;
    }
    buf_addf(out,
             "\"Type\":\"Map\",\"ItemsPath\":\"$.l\",\"MaxConcurrency\":%d,"
             "\"ResultPath\":\"$.m\",\"ItemSelector\":{\"l.$\":\"$.l\","
             "\"i.$\":\"$$.Map.Item.Index\"},",
             pick(4));
    if (pick(2))
        buf_addf(out, "\"ToleratedFailureCount\":%d,", pick(3));
    buf_adds(out, "\"ItemProcessor\":{");
    if (pick(2))
        buf_addf(out, "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"%s\"},",
                 pick(2) ? "STANDARD" : "EXPRESS");
    write_states(out, depth - 1);
}

static void write_state(struct buf *out, int depth)
{
    switch (pick(depth > 0 ? 5 : 4)) {
    case 0:
        buf_adds(out, "\"Type\":\"Pass\",\"Assign\":{\"v.$\":\"$.l\"}");
        break;
    case 1:
        buf_addf(out, "\"Type\":\"Wait\",\"Seconds\":%d", pick(10));
        break;
    case 2:
    case 3:
        write_task(out);
        break;
    default:
        write_nested(out, depth);
    }
}

static void write_chain(struct buf *out, int depth)
{
    buf_addc(out, '{');
    write_states(out, depth);
}

/* "StartAt", "States" and the bracket behind them: some states in a row, then a choice between a
 * good and a bad end. */
static void write_states(struct buf *out, int depth)
{
    int count = 1 + pick(3);
    buf_adds(out, "\"StartAt\":\"S0\",\"States\":{");
    for (int i = 0; i < count; i++) {
        buf_addf(out, "\"S%d\":{", i);
        write_state(out, depth);
        if (i + 1 < count)
            buf_addf(out, ",\"Next\":\"S%d\"},", i + 1);
        else
            buf_adds(out, ",\"Next\":\"End\"},");
    }
    buf_addf(out,
             "\"End\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.l[%d]\","
             "\"IsPresent\":true,\"Next\":\"Good\"}],\"Default\":\"Bad\"},"
             "\"Good\":{\"Type\":\"Succeed\"},\"Bad\":{\"Type\":\"Fail\",\"Error\":\"Bad\"}}}",
             pick(8));
}

static bool ended(struct sfn_fixture *f, const char *arn)
{
    json_t *d = api(f, "DescribeExecution", json_pack("{s:s}", "executionArn", arn));
    bool over = strcmp(json_str(d, "status", ""), "RUNNING") != 0;
    json_decref(d);
    return over;
}

static void disturb(struct sfn_fixture *f, char arns[MACHINES][512])
{
    int what = pick(100);
    if (what < 55 && f->call_count) {
        /* Some other call than the oldest comes back first. */
        size_t other = (size_t)pick((int)f->call_count);
        struct fake_call first = f->calls[0];
        f->calls[0] = f->calls[other];
        f->calls[other] = first;
        if (pick(3))
            answer_ok(f, "{\"ok\":true}");
        else
            answer_failed(f, "Unlucky", "{\"errorType\":\"Unlucky\"}");
    } else if (what < 94) {
        fixture_wait(f, (double)pick(3000) / 1000.0);
    } else if (what < 99) {
        fixture_reopen(f);
    } else if (pick(8) == 0) {
        json_decref(
            api(f, "StopExecution", json_pack("{s:s}", "executionArn", arns[pick(MACHINES)])));
    }
}

static void check_history(struct sfn_fixture *f, const char *arn)
{
    size_t i;
    json_t *event;
    int ends = 0;
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s", arn);
    json_t *all = events(f);
    json_array_foreach (all, i, event) {
        const char *type = json_str(event, "type", "");
        cr_assert_eq(json_int(event, "id", 0), (int64_t)i + 1, "ids of %s have a gap", arn);
        cr_assert_lt(json_int(event, "previousEventId", -1), (int64_t)i + 1);
        ends += strncmp(type, "Execution", 9) == 0 && strcmp(type, "ExecutionStarted") != 0;
    }
    cr_expect_eq(ends, 1, "%s has %d ends", arn, ends);
    json_decref(all);
}

static void run_once(unsigned number)
{
    static char arns[MACHINES][512];
    struct sfn_fixture *f = fixture_open();
    size_t running = MACHINES;
    seed = number;
    for (int i = 0; i < MACHINES; i++) {
        struct buf definition;
        buf_init(&definition, BUF_MAX_STATE);
        write_chain(&definition, DEPTH);
        start_machine(f, buf_str(&definition), "{\"l\":[1,2,3,4]}");
        (void)snprintf(arns[i], sizeof arns[i], "%s", f->last_execution);
        buf_free(&definition);
    }
    for (int round = 0; round < ROUNDS && running; round++) {
        disturb(f, arns);
        if (round % 50 == 0) {
            running = 0;
            for (int i = 0; i < MACHINES; i++)
                running += !ended(f, arns[i]);
        }
    }
    cr_expect_eq(running, 0, "seed %u: %zu executions do not end", number, running);
    for (int i = 0; i < MACHINES; i++)
        check_history(f, arns[i]);
    fixture_close(f);
}

Test(sfn_property, every_execution_ends_and_its_history_is_whole)
{
    for (unsigned number = 1; number <= 12; number++)
        run_once(number);
}
