/* workers/monitor, pattern 2's launches: the action "plan" with long lists, and "refuse". */
#include "lib/aws/dynamodb.h"
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "lib/manifest/manifest.h"
#include "server/embed/embed.h"
#include "tests/unit/launch_support.h"
#include "workers/monitor/monitor.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* --- plan ------------------------------------------------------------------------------------- */

/* One bucket of S3: the object that was put last. */
struct store {
    char target[256];
    char *object;
    size_t len, puts;
};

static void serve_s3(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    struct store *s = ctx;
    if (strcmp(request->method, "PUT") == 0) {
        free(s->object);
        s->object = strndup(request->body, request->body_len);
        s->len = request->body_len;
        s->puts++;
        (void)snprintf(s->target, sizeof s->target, "%s", request->target);
    } else {
        buf_add(&reply->body, s->object, s->len);
    }
}

static void open_with_store(struct worker_peer *p, struct store *s)
{
    *s = (struct store){0};
    worker_peer_open(p);
    p->s3 = serve_s3;
    p->s3_ctx = s;
}

static void close_with_store(struct worker_peer *p, struct store *s)
{
    worker_peer_close(p);
    free(s->object);
}

static json_t *plan_event(size_t tasks)
{
    json_t *spec = worker_peer_json(embed_find("specs/pattern-2.json")->data);
    json_t *list = json_array();
    for (size_t i = 0; i < tasks; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "task-%zu", i);
        json_array_append_new(list, json_pack("{s:s,s:s}", "taskName", name, "objectKey", "k"));
    }
    json_object_set_new(spec, "taskList", list);
    json_object_set_new(spec, "workflowRunId", json_integer(77));
    return json_pack("{s:s,s:o,s:{s:s,s:s}}", "action", "plan", "spec", spec, "execution", "name",
                     "e1", "startTime", "2024-01-02T03:04:05.678Z");
}

static json_t *act(struct worker_peer *p, json_t *event, struct error *err)
{
    json_t *answer = NULL;
    int rc = monitor_handle(&p->worker, event, &answer, err);
    cr_assert_eq(rc == 0, answer != NULL);
    return answer;
}

Test(plan, stores_a_long_list_and_keeps_it_out_of_the_state)
{
    struct worker_peer p;
    struct store s;
    struct error err = {0};
    open_with_store(&p, &s);
    json_t *event = plan_event(401);
    json_t *answer = act(&p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect(json_bool(answer, "distributed", false));
    cr_expect_null(json_object_get(answer, "taskList"));
    cr_expect_eq(json_int(answer, "numberOfTasks", 0), 401);
    cr_expect_str_eq(json_str(answer, "resultsPrefix", ""), "stepfleet/77/results");
    const json_t *ref = json_object_get(answer, "taskManifest");
    char key[MANIFEST_KEY_MAX], target[256];
    (void)snprintf(key, sizeof key, "stepfleet/77/tasks-%s.json", json_str(ref, "sha256", ""));
    (void)snprintf(target, sizeof target, "/stepfleet-pattern-2/%s", key);
    cr_expect_str_eq(json_str(ref, "objectKey", ""), key);
    cr_expect_eq(json_int(ref, "numberOfTasks", 0), 401);
    cr_expect(strstr(s.target, target), "%s", s.target);
    json_t *list = worker_peer_json(s.object);
    cr_expect_eq(json_array_size(list), 401);
    cr_expect_str_eq(json_str(json_array_get(list, 400), "s3BucketName", ""), "stepfleet-pattern-2",
                     "the spec's, where a task has none");
    const char *specs = dynamodb_get_s(p.summary, "workflow_specs", "");
    cr_expect(strstr(specs, "\"taskManifest\"") && !strstr(specs, "task-400"));
    json_decref(list);
    json_decref(answer);
    json_decref(event);
    close_with_store(&p, &s);
}

/* The control plane stored it: it is read, checked and not written again. */
Test(plan, takes_a_manifest_as_it_is_given)
{
    struct worker_peer p;
    struct store s;
    struct error err = {0};
    open_with_store(&p, &s);
    json_t *event = plan_event(401), *spec = json_object_get(event, "spec");
    json_t *first = act(&p, event, &err);
    json_object_del(spec, "taskList");
    json_object_set(spec, "taskManifest", json_object_get(first, "taskManifest"));
    json_t *again = act(&p, event, &err);
    cr_assert_not_null(again, "%s", err.message);
    cr_expect_eq(s.puts, 1);
    cr_expect(json_equal(first, again));
    s.object[5] = 'X';
    cr_expect_null(act(&p, event, &err), "somebody changed the object");
    cr_expect_eq(err.code, ERR_SPEC_INVALID, "%s", err.message);
    json_decref(first);
    json_decref(again);
    json_decref(event);
    close_with_store(&p, &s);
}

/* The Map checks no digest: it gets a copy under a key that belongs to these bytes alone. */
Test(plan, copies_a_list_that_lies_elsewhere)
{
    struct worker_peer p;
    struct store s;
    struct error err = {0};
    open_with_store(&p, &s);
    json_t *event = plan_event(401), *spec = json_object_get(event, "spec");
    json_t *first = act(&p, event, &err);
    json_t *ref = json_deep_copy(json_object_get(first, "taskManifest"));
    json_object_set_new(ref, "objectKey", json_string("by/hand.json"));
    json_object_del(spec, "taskList");
    json_object_set_new(spec, "taskManifest", ref);
    json_t *second = act(&p, event, &err);
    cr_assert_not_null(second, "%s", err.message);
    cr_expect_eq(s.puts, 2);
    cr_expect(json_equal(json_object_get(first, "taskManifest"),
                         json_object_get(second, "taskManifest")));
    json_decref(first);
    json_decref(second);
    json_decref(event);
    close_with_store(&p, &s);
}

Test(plan, stores_nothing_over_the_manifest_of_another_run)
{
    struct worker_peer p;
    struct store s;
    struct error err = {0};
    open_with_store(&p, &s);
    json_t *event = plan_event(500);
    json_decref(act(&p, event, &err));
    json_object_set_new(p.summary, "start_time", dynamodb_s("2024-01-01T00:00:00.000Z"));
    cr_expect_null(act(&p, event, &err));
    cr_expect_eq(err.code, ERR_CONFLICT, "%s", err.message);
    cr_expect_eq(s.puts, 1);
    json_decref(event);
    close_with_store(&p, &s);
}

/* --- close, where the state is the launcher's ------------------------------------------------- */

/* The details table knows no workflow: rows of that id would count as this run's. */
Test(plan, starts_nothing_under_an_id_that_has_rows_already)
{
    struct worker_peer p;
    struct error err = {0};
    json_t *answer = NULL;
    worker_peer_open(&p);
    worker_peer_row(&p, "old", "task-01", "Completed", NULL);
    json_t *event = plan_event(2);
    cr_assert_eq(monitor_handle(&p.worker, event, &answer, &err), -1);
    cr_expect_eq(err.code, ERR_CONFLICT, "%s", err.message);
    cr_expect(strstr(err.message, "use another workflowRunId"), "%s", err.message);
    cr_expect_null(p.summary);
    json_decref(event);
    worker_peer_close(&p);
}

Test(plan, is_closed_when_the_launcher_breaks)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = launch_event("{}");
    json_decref(launch_call(&p, event, &err));
    json_object_set_new(event, "failure", json_pack("{s:s,s:s}", "Error", "E", "Cause", "c"));
    json_t *close = json_pack("{s:s,s:O,s:O}", "action", "close", "run", event, "execution",
                              json_object_get(event, "execution"));
    json_t *answer = act(&p, close, &err);
    cr_assert_not_null(answer, "%s", err.message);
    cr_expect_str_eq(dynamodb_get_s(p.summary, "status", ""), "Failed");
    cr_expect_eq(worker_peer_count(&p, "StopTask"), 10);
    cr_expect_str_eq(json_str(json_object_get(answer, "failure"), "Error", ""), "E");
    json_decref(answer);
    json_decref(close);
    json_decref(event);
    worker_peer_close(&p);
}

/* --- refuse ----------------------------------------------------------------------------------- */

/* An item as the Map has it after a launch; `outcome` is what the launch left. */
static json_t *refuse_event(size_t tasks, bool distributed, const char *outcome)
{
    json_t *run = json_pack(
        "{s:s,s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I}", "workflowName", "w", "workflowRunId",
        (json_int_t)77, "numberOfTasks", (json_int_t)tasks, "ddbTableNameWFSummary",
        "workflow_summary", "hashKeyWFSummary", "workflow_name", "rangeKeyWFSummary",
        "workflow_run_id", "ddbTableNameWFDetails", "workflow_details", "hashKeyWFDetails",
        "workflow_run_id", "rangeKeyWFDetails", "ecs_task_id", "clusterName", "c", "historyEvents",
        distributed ? (json_int_t)0 : (json_int_t)(49 * tasks));
    json_t *item = worker_peer_json(outcome);
    json_object_set_new(item, "run", run);
    json_object_set_new(item, "task",
                        json_pack("{s:s,s:s,s:s}", "taskName", "task-03", "s3BucketName", "b",
                                  "objectKey", "in/a"));
    return json_pack("{s:s,s:o,s:i}", "action", "refuse", "item", item, "retries", 0);
}

#define NO_CAPACITY                                                                                \
    "{\"answer\":{\"launched\":0,\"reasons\":[\"Capacity is unavailable at this time\"],"          \
    "\"retries\":0}}"

static json_t *refuse(struct worker_peer *p, size_t tasks, bool distributed, const char *outcome)
{
    struct error err = {0};
    json_t *event = refuse_event(tasks, distributed, outcome);
    json_t *answer = act(p, event, &err);
    cr_assert_not_null(answer, "%s", err.message);
    json_decref(event);
    return answer;
}

Test(refuse, writes_the_row_that_the_launcher_writes)
{
    static const struct {
        const char *outcome, *reason;
    } cases[] = {
        {"{\"answer\":{\"launched\":0,\"reasons\":[\"MISSING\"]}}", "MISSING"},
        {"{\"answer\":{\"launched\":0,\"reasons\":[]}}", "ECS started no task and gave no reason"},
        {"{\"failure\":{\"Error\":\"ECS.ClusterNotFoundException\",\"Cause\":\"no\"}}",
         "ECS.ClusterNotFoundException: no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct worker_peer p;
        struct error err = {0};
        char id[RUN_TASK_ID_MAX];
        worker_peer_open(&p);
        for (int delivery = 0; delivery < 2; delivery++) {
            json_t *answer = refuse(&p, 10, false, cases[i].outcome);
            cr_expect_not(json_bool(answer, "again", true));
            json_decref(answer);
        }
        cr_assert_eq(run_stand_in_id("not-started", 77, "task-03", id, &err), 0);
        cr_expect_eq(json_object_size(p.details), 1);
        cr_expect_str_eq(worker_peer_detail(&p, id, "status"), "Failed");
        cr_expect_str_eq(worker_peer_detail(&p, id, "stop_code"), "TaskFailedToStart");
        cr_expect_str_eq(worker_peer_detail(&p, id, "stopped_reason"), cases[i].reason);
        cr_expect_str_eq(worker_peer_detail(&p, id, "object_key"), "in/a");
        worker_peer_close(&p);
    }
}

/* The item as it was, so that a refusal leaves no traces for the next one to stumble over. */
Test(refuse, has_it_tried_again_when_capacity_may_come_back)
{
    struct worker_peer p;
    worker_peer_open(&p);
    json_t *answer = refuse(&p, 10, true, NO_CAPACITY);
    cr_expect(json_bool(answer, "again", false));
    cr_expect_geq(json_int(answer, "waitSeconds", 0), 20);
    cr_expect_eq(json_int(answer, "tries", 0), 1);
    cr_expect_null(json_object_get(answer, "answer"));
    cr_expect_str_eq(json_str(json_object_get(answer, "task"), "taskName", ""), "task-03");
    cr_expect_not_null(json_object_get(answer, "run"));
    cr_expect_eq(json_object_size(p.details), 0);
    json_decref(answer);
    worker_peer_close(&p);
}

/* As the Map would go on with it. */
static size_t tries_until_refused(struct worker_peer *p, size_t tasks, bool distributed)
{
    json_t *event = refuse_event(tasks, distributed, NO_CAPACITY);
    struct error err = {0};
    size_t tries = 1;
    for (;; tries++) {
        json_t *answer = act(p, event, &err);
        bool again = json_bool(answer, "again", false);
        p->wall += json_int(answer, "waitSeconds", 0) * CLOCK_SECOND;
        json_object_set(answer, "answer",
                        json_object_get(json_object_get(event, "item"), "answer"));
        json_object_set_new(event, "item", answer);
        if (!again)
            break;
    }
    json_decref(event);
    return tries;
}

Test(refuse, gives_up_by_time_and_by_what_the_history_holds)
{
    struct worker_peer p;
    worker_peer_open(&p);
    cr_expect_eq(tries_until_refused(&p, 400, false), 1);
    cr_expect_eq(json_object_size(p.details), 1);
    cr_expect_leq(tries_until_refused(&p, 10, false), 40);
    cr_expect_geq(tries_until_refused(&p, 10000, true), 60);
    worker_peer_close(&p);
}

/* STEPFLEET_CAPACITY_SECONDS are waited for, however long the list and the history are: who waits
 * is not refused before, and is tried soon at first and now and then until the end. */
Test(refuse, waits_for_capacity_as_long_as_it_is_told)
{
    static const struct {
        size_t tasks;
        bool distributed;
        const char *seconds;
    } cases[] = {{1, false, "1800"},     {10, false, "1800"},   {100, false, "1800"},
                 {100, false, "600"},    {100, false, "86400"}, {101, true, "1800"},
                 {10000, true, "86400"}, {10000, true, "60"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct worker_peer p;
        worker_peer_open(&p);
        cr_assert_eq(setenv("STEPFLEET_CAPACITY_SECONDS", cases[i].seconds, 1), 0);
        int64_t begun = p.wall, budget = atoll(cases[i].seconds);
        size_t tries = tries_until_refused(&p, cases[i].tasks, cases[i].distributed);
        int64_t waited = (p.wall - begun) / CLOCK_SECOND;
        cr_expect_geq(waited, budget, "case %zu: %lld s", i, (long long)waited);
        cr_expect_leq(waited, budget * 5 / 4 + 30, "case %zu: %lld s", i, (long long)waited);
        cr_expect_geq(tries, budget > 60 ? 7 : 3, "case %zu: %zu tries", i, tries);
        cr_expect_eq(json_object_size(p.details), 1);
        worker_peer_close(&p);
    }
}

/* Ten minutes without room, with as many tasks as an inline Map has: nothing fails. */
Test(refuse, sits_out_an_outage_of_ten_minutes)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = refuse_event(MANIFEST_INLINE_TASKS, false, NO_CAPACITY);
    int64_t end = p.wall + 600 * CLOCK_SECOND, late = 0;
    while (p.wall < end) {
        json_t *answer = act(&p, event, &err);
        cr_assert(json_bool(answer, "again", false), "refused %lld s before capacity is back",
                  (long long)(end - p.wall) / CLOCK_SECOND);
        p.wall += json_int(answer, "waitSeconds", 0) * CLOCK_SECOND;
        json_object_set(answer, "answer",
                        json_object_get(json_object_get(event, "item"), "answer"));
        json_object_set_new(event, "item", answer);
    }
    late = (p.wall - end) / CLOCK_SECOND;
    cr_expect_lt(late, 500, "%lld s later", (long long)late);
    cr_expect_eq(json_object_size(p.details), 0);
    json_decref(event);
    worker_peer_close(&p);
}

/* With maxConcurrency 1 the tasks wait one after another, and only after the last is there a look
 * at the run's time. */
Test(refuse, waits_no_longer_than_the_run_has_time)
{
    struct worker_peer p;
    struct error err = {0};
    char start[CLOCK_TEXT_MAX];
    worker_peer_open(&p);
    json_t *event = refuse_event(10, true, NO_CAPACITY);
    json_t *run = json_object_get(json_object_get(event, "item"), "run");
    json_object_set_new(run, "startTime", json_string(clock_rfc3339(p.wall, start)));
    json_object_set_new(run, "runTimeoutSeconds", json_integer(60));
    p.wall += 50 * CLOCK_SECOND;
    json_t *answer = act(&p, event, &err);
    cr_expect(json_bool(answer, "again", false));
    cr_expect_leq(json_int(answer, "waitSeconds", -1), 10);
    cr_expect_gt(json_int(answer, "waitSeconds", -1), 0);
    json_decref(answer);
    p.wall += 10 * CLOCK_SECOND;
    answer = act(&p, event, &err);
    cr_expect_not(json_bool(answer, "again", true));
    cr_expect_eq(json_object_size(p.details), 1);
    json_decref(answer);
    json_decref(event);
    worker_peer_close(&p);
}

/* Another run may be taking the quota for minutes; 100 tasks of an inline Map sit that out. */
Test(refuse, waits_longer_each_time_it_is_throttled)
{
    struct worker_peer p;
    json_int_t events = 0;
    worker_peer_open(&p);
    for (int tries = 0; tries < 4; tries++) {
        char outcome[160];
        (void)snprintf(outcome, sizeof outcome,
                       "{\"failure\":{\"Error\":\"ECS.ThrottlingException\",\"Cause\":\"Rate "
                       "exceeded\"},\"tries\":%d,\"events\":%d}",
                       tries, (int)events);
        json_t *answer = refuse(&p, MANIFEST_INLINE_TASKS, false, outcome);
        json_int_t wait = json_int(answer, "waitSeconds", 0);
        cr_expect_eq(json_bool(answer, "again", false), tries < 3);
        cr_expect_geq(wait, tries < 3 ? 20 << tries : 0);
        cr_expect_leq(wait, tries < 3 ? 25 << tries : 0);
        events = json_int(answer, "events", 0);
        json_decref(answer);
    }
    worker_peer_close(&p);
}

/* Whether a task was started then, ECS knows: the monitor finds it, or fails the task. */
Test(refuse, writes_nothing_about_a_launch_that_may_have_happened)
{
    static const char *const outcomes[] = {
        "{\"failure\":{\"Error\":\"States.Timeout\",\"Cause\":\"\"},\"tries\":500}",
        "{\"failure\":{\"Error\":\"ECS.ConflictException\",\"Cause\":\"token\"}}",
    };
    struct worker_peer p;
    worker_peer_open(&p);
    for (size_t i = 0; i < 2; i++) {
        json_t *answer = refuse(&p, 10, true, outcomes[i]);
        cr_expect_not(json_bool(answer, "again", true));
        json_decref(answer);
    }
    cr_expect_eq(json_object_size(p.details), 0);
    worker_peer_close(&p);
}

Test(refuse, says_what_is_missing)
{
    struct worker_peer p;
    struct error err = {0};
    worker_peer_open(&p);
    json_t *event = refuse_event(3, false, NO_CAPACITY), *item = json_object_get(event, "item");
    json_object_del(json_object_get(item, "run"), "clusterName");
    cr_expect_null(act(&p, event, &err));
    cr_expect(strstr(err.message, "/clusterName"), "%s", err.message);
    json_object_del(item, "task");
    cr_expect_null(act(&p, event, &err));
    cr_expect(strstr(err.message, "item.task.taskName"), "%s", err.message);
    json_decref(event);
    worker_peer_close(&p);
}
