/* workers/launch, chunk by chunk, with everything that goes wrong on the way: what starts is what
 * was asked, to the task. */
#include "lib/aws/dynamodb.h"
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "tests/unit/launch_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY "Capacity is unavailable at this time. Please try again later"

static const char *refused_reason(const struct worker_peer *p, const char *task_name)
{
    char id[RUN_TASK_ID_MAX];
    struct error err = {0};
    cr_assert_eq(run_stand_in_id("not-started", 77, task_name, id, &err), 0);
    return worker_peer_detail(p, id, "stopped_reason");
}

Test(launch_chunk, hands_over_before_the_deadline_and_goes_on_there, .timeout = 60)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event_of(60), *answer;
    size_t chunks = 0;
    p.tick = CLOCK_SECOND;
    do {
        p.worker.deadline = p.wall + 30 * CLOCK_SECOND;
        answer = launch_call(&p, event, &err);
        cr_assert_not_null(answer, "%s", err.message);
        chunks++;
    } while (launch_next(&p, event, answer));
    cr_expect_geq(chunks, 2);
    cr_expect_leq(chunks, 8);
    cr_expect_eq(json_int(answer, "launched", -1), 60);
    cr_expect_eq(json_int(answer, "waitSeconds", -1), 0, "the monitor counts from there");
    cr_expect_null(json_object_get(answer, "cursor"));
    cr_expect_eq(worker_peer_count(&p, "RunTask"), 60);
    launch_expect_all_once(&p, event);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch_chunk, hands_everything_over_when_there_is_no_time_at_all)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    p.worker.deadline = PEER_NOW;
    json_t *answer = launch(&p, "{}", &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect(json_bool(answer, "launching", false));
    cr_expect_eq(worker_peer_count(&p, "RunTask"), 0);
    cr_expect_eq(json_object_size(p.details), 0, "none is given up");
    cr_expect_gt(json_int(answer, "waitSeconds", 0), 0);
    json_decref(answer);
    worker_peer_close(&p);
}

Test(launch_chunk, a_repeated_delivery_starts_nothing_twice_without_client_tokens, .timeout = 60)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    p.forgets_tokens = true;
    json_t *event = launch_event_of(120), *answer;
    p.tick = CLOCK_SECOND;
    p.worker.deadline = p.wall + 20 * CLOCK_SECOND;
    answer = launch_call(&p, event, &err);
    cr_assert(json_bool(answer, "launching", false), "%s", err.message);
    json_decref(answer);
    p.worker.deadline = p.wall + 26 * CLOCK_SECOND;
    answer = launch_call(&p, event, &err); /* chunk 0 again */
    cr_assert_not_null(answer, "%s", err.message);
    cr_assert(launch_next(&p, event, answer));
    p.worker.deadline = 0;
    for (int delivery = 0; delivery < 2; delivery++) { /* chunk 1, twice */
        answer = launch_call(&p, event, &err);
        cr_assert_not_null(answer, "%s", err.message);
        cr_expect_eq(json_int(answer, "launched", -1), 120);
        json_decref(answer);
    }
    launch_expect_all_once(&p, event);
    json_decref(event);
    worker_peer_close(&p);
}

/* The earlier try started the even ones and was killed; the next one ends before it does anything.
 * What it has found must not be forgotten by the one after it. */
Test(launch_chunk, hands_on_what_it_has_taken_over, .timeout = 60)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    p.forgets_tokens = true;
    json_t *event = launch_event_of(20);
    p.worker.deadline = PEER_NOW;
    json_decref(launch_call(&p, event, &err));
    for (int i = 0; i < 20; i += 2) {
        char name[32];
        (void)snprintf(name, sizeof name, "task-%d", i);
        worker_peer_task(&p, name, name, "RUNNING", "{}");
        json_object_set_new(p.starts, name, json_integer(1));
    }
    json_t *answer = launch_call(&p, event, &err); /* chunk 0 again */
    cr_assert_not_null(answer, "%s", err.message);
    cr_assert(launch_next(&p, event, answer));
    p.worker.deadline = 0;
    answer = launch_all(&p, event, 2);
    cr_expect_eq(json_int(answer, "launched", -1), 20);
    launch_expect_all_once(&p, event);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* Some tasks have a row by then, one has ended, one is only known to ECS. */
Test(launch_chunk, takes_over_what_rows_and_ecs_tell, .timeout = 60)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    p.forgets_tokens = true;
    json_t *event = launch_event_of(6);
    json_t *answer = launch_call(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    json_decref(answer);
    worker_peer_row(&p, "task-0", "task-0", "Running", NULL);
    worker_peer_row(&p, "task-1", "task-1", "Completed", NULL);
    json_object_del(p.tasks, "task-1");
    worker_peer_task(&p, "task-2", "task-2", "STOPPED", "{}");
    answer = launch_call(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_eq(json_int(answer, "launched", -1), 6);
    launch_expect_all_once(&p, event);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch_chunk, asks_again_for_answers_that_were_lost, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *event = launch_event_of(30);
    for (int i = 0; i < 30; i += 3) {
        char name[32];
        (void)snprintf(name, sizeof name, "task-%d", i);
        json_object_set_new(p.lost, name, json_true());
    }
    json_t *answer = launch_all(&p, event, 3);
    cr_expect_eq(json_int(answer, "launched", -1), 30);
    cr_expect_eq(json_int(answer, "refused", -1), 0);
    launch_expect_all_once(&p, event);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch_chunk, knows_throttling_in_disguise, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *event = launch_event_of(12);
    static const char *const types[] = {"ThrottlingException", "InvalidParameterException",
                                        "ClientException", "LimitExceededException"};
    for (int i = 0; i < 24; i++)
        worker_peer_fault(&p, "RunTask", 400, types[i % 4], "x: Rate exceeded");
    json_t *answer = launch_all(&p, event, 3);
    cr_expect_eq(json_int(answer, "launched", -1), 12);
    cr_expect_eq(json_object_size(p.details), 0);
    launch_expect_all_once(&p, event);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* Out for as many calls as a first chunk makes and some more; the state machine waits. */
Test(launch_chunk, lets_the_state_machine_wait_for_capacity, .timeout = 60)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event_of(200), *answer;
    for (int i = 0; i < 150; i++)
        worker_peer_fault(&p, "RunTask", 400, "ClientException", CAPACITY);
    answer = launch_call(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    const json_t *cursor = json_object_get(answer, "cursor");
    cr_expect(json_bool(answer, "launching", false));
    cr_expect_eq(json_int(answer, "waitSeconds", -1), 15);
    cr_expect_leq(json_int(cursor, "next", 200), 40, "it goes no further");
    cr_expect_leq(json_array_size(json_object_get(cursor, "waiting")), 40);
    cr_expect_not_null(json_object_get(cursor, "starvedAt"));
    launch_next(&p, event, answer);
    answer = launch_all(&p, event, 12);
    cr_expect_eq(json_int(answer, "launched", -1), 200);
    cr_expect_eq(json_object_size(p.details), 0, "nobody was given up");
    launch_expect_all_once(&p, event);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

static void expect_subnets(const json_t *subnets, const char *one, bool *all, bool *alone)
{
    *all |= json_array_size(subnets) > 1;
    if (json_array_size(subnets) == 1)
        *alone |= strcmp(json_string_value(json_array_get(subnets, 0)), one) == 0;
}

Test(launch_chunk, offers_each_subnet_alone_when_there_is_no_capacity, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *event = launch_event(
               "{\"subnetIdLiteral\":\"subnet-0a1b2c3d,subnet-0a1b2c3e\",\"separator\":\",\"}"),
           *call;
    bool all = false, first = false, second = false;
    size_t i;
    for (int k = 0; k < 30; k++)
        worker_peer_fault(&p, "RunTask", 400, "ClientException", CAPACITY);
    json_decref(launch_all(&p, event, 9));
    json_array_foreach (p.calls, i, call) {
        const json_t *network =
            json_object_get(json_object_get(call, "body"), "networkConfiguration");
        const json_t *subnets =
            json_object_get(json_object_get(network, "awsvpcConfiguration"), "subnets");
        expect_subnets(subnets, "subnet-0a1b2c3d", &all, &first);
        expect_subnets(subnets, "subnet-0a1b2c3e", &all, &second);
    }
    cr_expect(all && first && second);
    launch_expect_all_once(&p, event);
    json_decref(event);
    worker_peer_close(&p);
}

/* 30 minutes by default; then each gets its row with ECS's words, and none is waited for. */
Test(launch_chunk, gives_up_when_capacity_stays_out, .timeout = 60)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *event = launch_event_of(25);
    for (int i = 0; i < 25; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "task-%d", i);
        json_object_set_new(p.refuse, name, json_string("RESOURCE:MEMORY"));
    }
    json_t *answer = launch_all(&p, event, 60);
    cr_expect_eq(json_int(answer, "refused", -1), 25);
    cr_expect_eq(json_int(answer, "launched", -1), 0);
    cr_expect_eq(json_object_size(p.details), 25);
    cr_expect(strstr(refused_reason(&p, "task-7"), "RESOURCE:MEMORY"));
    cr_expect_lt(p.wall, PEER_NOW + 2400 * CLOCK_SECOND);
    cr_expect_gt(p.wall, PEER_NOW + 1700 * CLOCK_SECOND);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* The tasks themselves write to the same small table: a run does not break because it is busy. */
Test(launch_chunk, writes_a_refusal_when_the_table_takes_it_again, .timeout = 120)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event_of(5);
    p.worker.deadline = PEER_NOW;
    launch_next(&p, event, launch_call(&p, event, &err));
    p.worker.deadline = 0;
    json_object_set_new(p.refuse, "task-3", json_string("MISSING"));
    for (int i = 0; i < 9; i++)
        worker_peer_fault(&p, "PutItem", 400, "ProvisionedThroughputExceededException", "busy");
    json_t *answer = launch_all(&p, event, 4);
    cr_expect_eq(json_int(answer, "refused", -1), 1);
    cr_expect_eq(json_int(answer, "launched", -1), 4);
    cr_expect_str_eq(refused_reason(&p, "task-3"), "MISSING");
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* Started by hand: the control plane makes a manifest of such a spec. */
Test(launch_chunk, starts_nothing_of_a_spec_that_fills_the_state)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event_of(4500);
    cr_assert_null(launch_call(&p, event, &err));
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect(strstr(err.message, "taskManifest"), "%s", err.message);
    cr_expect_eq(json_array_size(p.calls), 0);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch_chunk, a_used_token_is_a_started_task)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *event = launch_event_of(3);
    worker_peer_fault(&p, "RunTask/task-1", 400, "ConflictException", "The client token was used");
    json_t *answer = launch_all(&p, event, 2);
    cr_expect_eq(json_int(answer, "launched", -1), 3);
    cr_expect_eq(json_int(answer, "refused", -1), 0);
    cr_expect_eq(json_int(p.starts, "task-1", 0), 0);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch_chunk, stops_when_the_run_was_cancelled_in_between)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event_of(5);
    p.worker.deadline = PEER_NOW;
    launch_next(&p, event, launch_call(&p, event, &err));
    p.worker.deadline = 0;
    json_object_set_new(p.summary, "status", dynamodb_s("Cancelled"));
    cr_assert_null(launch_call(&p, event, &err));
    cr_expect_eq(err.code, ERR_CONFLICT, "%s", err.message);
    cr_expect_eq(worker_peer_count(&p, "RunTask"), 0);
    json_decref(event);
    worker_peer_close(&p);
}

Test(launch_chunk, leaves_the_rest_to_the_monitor_when_the_run_is_over_time)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event("{\"runTimeoutSeconds\":60}");
    p.wall += 120 * CLOCK_SECOND;
    json_t *answer = launch_call(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_not(json_bool(answer, "launching", true));
    cr_expect_eq(worker_peer_count(&p, "RunTask"), 0);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* A round may take minutes: its calls look at the time as well as the rounds do. */
Test(launch_chunk, stops_in_the_middle_of_a_round_when_the_run_is_over_time)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    p.tick = CLOCK_SECOND;
    json_t *event = launch_event_of(100);
    json_object_set_new(json_object_get(event, "spec"), "runTimeoutSeconds", json_integer(45));
    json_t *answer = launch_call(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_not(json_bool(answer, "launching", true));
    cr_expect_gt(worker_peer_count(&p, "RunTask"), 20);
    cr_expect_lt(worker_peer_count(&p, "RunTask"), 45 + 20, "those in flight go on");
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* --- tasks in a manifest ---------------------------------------------------------------------- */

static void serve_text(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    (void)request;
    buf_adds(&reply->body, ctx);
}

static void refer_to_list(json_t *spec, const char *list, size_t tasks)
{
    char sha256[SHA256_HEX];
    struct error err = {0};
    cr_assert_eq(crypto_sha256_hex(list, strlen(list), sha256, &err), 0);
    json_object_del(spec, "taskList");
    json_object_set_new(spec, "taskManifest",
                        json_pack("{s:s,s:s,s:I,s:s}", "s3BucketName", "b", "objectKey",
                                  "stepfleet/77/tasks.json", "numberOfTasks", (json_int_t)tasks,
                                  "sha256", sha256));
}

Test(launch_chunk, reads_its_tasks_from_a_manifest)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event_of(5), *spec = json_object_get(event, "spec");
    char *list = json_dumps(json_object_get(spec, "taskList"), JSON_COMPACT);
    p.s3 = serve_text;
    p.s3_ctx = list;
    refer_to_list(spec, list, 5);
    json_t *answer = launch_call(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_eq(json_int(answer, "launched", -1), 5);
    cr_expect_eq(json_int(answer, "numberOfTasks", -1), 5);
    cr_expect_eq(json_object_size(p.starts), 5);
    const char *specs = dynamodb_get_s(p.summary, "workflow_specs", "");
    cr_expect(strstr(specs, "\"taskManifest\""), "the plan on record is the short form");
    cr_expect_null(strstr(specs, "task-4"));
    json_decref(answer);
    refer_to_list(spec, "another list", 5);
    cr_expect_null(launch_call(&p, event, &err), "the object is not the one it was");
    cr_expect(strstr(err.message, "SHA-256"), "%s", err.message);
    free(list);
    json_decref(event);
    worker_peer_close(&p);
}
