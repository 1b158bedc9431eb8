/* workers/launch and workers/run: bucket, cursor, limits, refusals. */
#include "lib/base/clock.h"
#include "tests/unit/launch_support.h"
#include "workers/launch/bucket.h"
#include "workers/run/refusal.h"

#include <criterion/criterion.h>
#include <string.h>

Test(bucket, lets_through_a_burst_and_then_the_rate)
{
    struct bucket b;
    bucket_open(&b, 20, 100, 100, 0, 0);
    cr_expect_eq(bucket_level(&b, 0), 100);
    bucket_take(&b, 100);
    cr_expect_eq(bucket_level(&b, 0), 0);
    cr_expect_eq(bucket_level(&b, CLOCK_SECOND), 20);
    bucket_take(&b, 25);
    cr_expect_eq(bucket_level(&b, CLOCK_SECOND + 100 * CLOCK_MS), 0, "5 too many, 2 came");
    cr_expect_eq(bucket_level(&b, 100 * CLOCK_SECOND), 100, "full");
    bucket_drain(&b);
    cr_expect_eq(bucket_level(&b, 101 * CLOCK_SECOND), 20);
}

/* Sampled at odd times, it never lets more through than burst + rate * time. */
Test(bucket, never_exceeds_its_rate)
{
    struct bucket b;
    size_t taken = 0;
    int64_t now = 0;
    bucket_open(&b, 7, 10, 10, 0, 0);
    for (int i = 0; i < 5000; i++) {
        now += (int64_t)(i * 7919 % 90) * CLOCK_MS;
        size_t some = bucket_level(&b, now) * (size_t)(i % 3) / 2;
        bucket_take(&b, some);
        taken += some;
        cr_assert_leq((double)taken, 10 + 7 * (double)now / (double)CLOCK_SECOND + 1e-6);
    }
}

Test(bucket, holds_across_chunks)
{
    struct bucket b;
    bucket_open(&b, 20, 100, 3, 2, 500);
    cr_expect_eq(bucket_level(&b, 500), 43);
    bucket_open(&b, 20, 100, 3, 3600, 500);
    cr_expect_eq(bucket_level(&b, 500), 100);
    bucket_open(&b, 20, 100, 3, -7, 500);
    cr_expect_eq(bucket_level(&b, 500), 3, "a wall clock that went back gives nothing");
}

Test(cursor, survives_the_state_machine)
{
    struct error err = {0};
    struct cursor back, c = {.chunk = 3,
                             .next = 40,
                             .refused = 2,
                             .rotation = 5,
                             .wait_seconds = 30,
                             .tokens = 17,
                             .at = PEER_NOW,
                             .starved_at = PEER_NOW - CLOCK_SECOND,
                             .waiting_count = 2,
                             .waiting = {7, 39}};
    json_t *json = cursor_write(&c);
    cr_assert_eq(cursor_read(json, 41, &back, &err), 0, "%s", err.message);
    cr_expect_arr_eq(&c, &back, sizeof c);
    cr_expect_eq(cursor_read(json, 39, &back, &err), -1, "more than there are tasks");
    json_array_append_new(json_object_get(json, "waiting"), json_integer(40));
    cr_expect_eq(cursor_read(json, 41, &back, &err), -1, "behind the cursor");
    json_object_set_new(json, "waiting", json_array());
    json_object_set_new(json, "tokens", json_integer(-1));
    cr_expect_eq(cursor_read(json, 41, &back, &err), -1);
    cr_expect(strstr(err.message, "/tokens"), "%s", err.message);
    json_decref(json);
    cr_expect_eq(cursor_read(NULL, 41, &back, &err), 0);
    cr_expect_eq(back.chunk, 0);
}

/* 500 waiting tasks of 10,000 are some kilobytes. */
Test(cursor, stays_small)
{
    struct cursor c = {.next = 10000, .waiting_count = CURSOR_WAITING_MAX, .at = PEER_NOW};
    for (size_t i = 0; i < CURSOR_WAITING_MAX; i++)
        c.waiting[i] = 9999;
    json_t *json = cursor_write(&c);
    char *text = json_dumps(json, JSON_COMPACT);
    cr_expect_lt(strlen(text), 4096);
    free(text);
    json_decref(json);
}

static const char *no_env(const char *name)
{
    return strcmp(name, "STEPFLEET_RUN_TASK_RATE") == 0 ? "" : NULL;
}

static const char *some_env(const char *name)
{
    return strcmp(name, "STEPFLEET_RUN_TASK_RATE") == 0 ? "500" : NULL;
}

static const char *bad_env(const char *name)
{
    return strcmp(name, "STEPFLEET_RUN_TASK_BURST") == 0 ? "0" : NULL;
}

Test(limits, are_checked)
{
    struct limits l;
    struct error err = {0};
    cr_assert_eq(limits_read(&l, no_env, &err), 0);
    cr_expect(l.rate == 20 && l.burst == 100 && l.capacity_seconds == 1800);
    cr_assert_eq(limits_read(&l, some_env, &err), 0);
    cr_expect_eq(l.rate, 500);
    cr_expect_eq(limits_read(&l, bad_env, &err), -1);
    cr_expect(strstr(err.message, "STEPFLEET_RUN_TASK_BURST is \"0\""), "%s", err.message);
    cr_expect(strstr(err.message, "1 to 10000"), "%s", err.message);
}

static enum refusal of_remote(const char *code, int status, const char *message)
{
    struct error err = {0};
    err_set(&err, ERR_REMOTE, "ecs RunTask: %s: %s", code, message);
    (void)snprintf(err.remote, sizeof err.remote, "%s", code);
    err.http_status = status;
    return refusal_of_error(&err);
}

Test(refusal, is_judged_by_code_and_by_message)
{
    static const struct {
        const char *code, *message;
        int status;
        enum refusal kind;
    } cases[] = {
        {"ThrottlingException", "Rate exceeded", 400, REFUSAL_THROTTLED},
        {"InvalidParameterException", "Rate exceeded", 400, REFUSAL_THROTTLED},
        {"ClientException", "x: Rate exceeded.", 400, REFUSAL_THROTTLED},
        {"ClientException", "Capacity is unavailable at this time.", 400, REFUSAL_CAPACITY},
        {"InvalidParameterException",
         "You've reached the limit on the number of tasks you can run concurrently", 400,
         REFUSAL_CAPACITY},
        {"ClientException",
         "You've reached the limit on the number of vCPUs you can run concurrently", 400,
         REFUSAL_CAPACITY},
        {"InvalidParameterException",
         "Error retrieving security group information for [sg-1]: Request limit exceeded.", 400,
         REFUSAL_THROTTLED},
        {"ServerException", "Service Unavailable", 500, REFUSAL_DOUBTFUL},
        {"ConflictException", "token", 400, REFUSAL_STARTED},
        {"ClusterNotFoundException", "Cluster not found.", 400, REFUSAL_FINAL},
        {"AccessDeniedException", "not authorized", 400, REFUSAL_FINAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(of_remote(cases[i].code, cases[i].status, cases[i].message), cases[i].kind,
                     "%s: %s", cases[i].code, cases[i].message);
    cr_expect_eq(refusal_of_reason("RESOURCE:CPU"), REFUSAL_CAPACITY);
    cr_expect_eq(refusal_of_reason("MISSING"), REFUSAL_FINAL);
    cr_expect_eq(refusal_of_state("States.Timeout", ""), REFUSAL_DOUBTFUL);
    cr_expect_eq(refusal_of_state("ECS.AmazonECSException", "Rate exceeded (Service: ECS)"),
                 REFUSAL_THROTTLED);
    cr_expect_eq(refusal_of_state("ECS.ConflictException", ""), REFUSAL_STARTED);
    cr_expect_eq(refusal_of_state("ECS.ClusterNotFoundException", "no"), REFUSAL_FINAL);
}
