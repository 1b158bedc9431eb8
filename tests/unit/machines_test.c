/* infra/statemachines: every state can be reached and left, every expression means what the workers
 * expect. The expressions are evaluated by the same evaluator that local mode runs them with. */
#include "lib/aws/ecs.h"
#include "lib/json/json_read.h"
#include "lib/spec/spec_env.h"
#include "server/embed/embed.h"
#include "server/local/asl/asl_eval.h"
#include "tests/unit/worker_peer.h"
#include "workers/run/run.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const files[] = {"infra/statemachines/pattern-1.asl.json",
                                    "infra/statemachines/pattern-2.asl.json"};

static json_t *machine(int pattern)
{
    const struct embedded *file = embed_find(files[pattern - 1]);
    cr_assert_not_null(file);
    return worker_peer_json(file->data);
}

/* The member at a path of names, or the test fails. */
static json_t *at(json_t *value, const char *const *names)
{
    for (; *names; names++) {
        value = json_is_array(value) ? json_array_get(value, 0) : json_object_get(value, *names);
        cr_assert_not_null(value, "no %s", *names);
    }
    return value;
}

static json_t *evaluate(json_t *source, json_t *input, json_t *context)
{
    struct error err = {0};
    struct asl_failure f = {0};
    const struct asl_scope scope = {.input = input, .context = context, .state = "S"};
    struct asl_template *t = asl_template_compile(source, &err);
    cr_assert_not_null(t, "%s", err.message);
    json_t *out = asl_template_eval(t, &scope, &f);
    cr_assert_not_null(out, "%s: %s", f.error, f.cause);
    asl_template_free(t);
    return out;
}

static void mark(json_t *seen, const char *name)
{
    if (name)
        json_object_set_new(seen, name, json_true());
}

/* Every state is named by a Next, a Default or StartAt, and every such name is a state; nested
 * machines are checked in turn. */
static void check_states(json_t *level)
{
    json_t *states = json_object_get(level, "States"), *seen = json_object(), *state, *one;
    const char *name;
    size_t i;
    mark(seen, json_str(level, "StartAt", NULL));
    json_object_foreach (states, name, state) {
        const char *type = json_str(state, "Type", "");
        bool ends = json_bool(state, "End", false) || json_object_get(state, "Default") ||
                    strcmp(type, "Succeed") == 0 || strcmp(type, "Fail") == 0;
        cr_expect(ends != (json_object_get(state, "Next") != NULL), "%s has one way out", name);
        cr_expect(strcmp(type, "Task") != 0 || json_object_get(state, "TimeoutSeconds"),
                  "%s has a timeout", name);
        cr_expect(strcmp(type, "Task") != 0 || json_object_get(state, "Retry"), "%s retries", name);
        mark(seen, json_str(state, "Next", NULL));
        mark(seen, json_str(state, "Default", NULL));
        json_array_foreach (json_object_get(state, "Catch"), i, one)
            mark(seen, json_str(one, "Next", NULL));
        json_array_foreach (json_object_get(state, "Choices"), i, one)
            mark(seen, json_str(one, "Next", NULL));
        json_array_foreach (json_object_get(state, "Branches"), i, one)
            check_states(one);
        if (json_object_get(state, "ItemProcessor"))
            check_states(json_object_get(state, "ItemProcessor"));
    }
    json_object_foreach (seen, name, one)
        cr_expect_not_null(json_object_get(states, name), "%s is a state", name);
    cr_expect_eq(json_object_size(seen), json_object_size(states), "every state can be reached");
    json_decref(seen);
}

Test(machines, have_no_dead_ends)
{
    for (int pattern = 1; pattern <= 2; pattern++) {
        json_t *m = machine(pattern);
        check_states(m);
        cr_expect_not_null(json_object_get(m, "TimeoutSeconds"));
        json_decref(m);
    }
}

/* What the plan answers, as far as launches and monitor need it. */
static json_t *planned(void)
{
    return worker_peer_json(
        "{\"run\":{\"region\":\"us-east-1\",\"ddbTableNameWFDetails\":\"d\","
        "\"hashKeyWFDetails\":\"dh\",\"rangeKeyWFDetails\":\"dr\",\"ddbTableNameWFSummary\":"
        "\"s\",\"hashKeyWFSummary\":\"sh\",\"rangeKeyWFSummary\":\"sr\",\"workflowName\":\"w\","
        "\"workflowRunId\":1704164645678123,\"workflowRunIdText\":\"1704164645678123\","
        "\"clusterName\":\"c\",\"containerName\":\"k\",\"taskDefinition\":\"td\",\"subnets\":"
        "[\"subnet-1\"],\"securityGroups\":[\"sg-1\"],\"numberOfTasks\":3,\"startTime\":"
        "\"2024-01-02T03:04:05.678Z\",\"monitorIntervalSeconds\":120,\"toleratedFailures\":0,"
        "\"taskTimeoutSeconds\":60,\"runTimeoutSeconds\":600}}");
}

/* The two Maps launch in the same way; their states have names of their own. */
static const struct {
    const char *parallel, *map, *runner;
} maps[] = {
    {"KickOffInParallel", "SubmitECSTasks", "S3CopyTaskRunner"},
    {"KickOffFromManifest", "SubmitECSTasksFromManifest", "S3CopyTaskRunnerFromManifest"},
};

static json_t *map_state(json_t *m, size_t which)
{
    const char *const path[] = {"States", maps[which].parallel, "Branches", "0",
                                "States", maps[which].map,      NULL};
    return at(m, path);
}

static json_t *runner_member(json_t *m, size_t which, const char *member)
{
    const char *const path[] = {"ItemProcessor", "States", maps[which].runner, member, NULL};
    return at(map_state(m, which), path);
}

static json_t *run_task_parameters(json_t *m, size_t which, json_t *plan)
{
    json_t *context = worker_peer_json(
        "{\"Map\":{\"Item\":{\"Index\":0,\"Value\":{\"taskName\":\"task-01\",\"s3BucketName\":"
        "\"b\",\"objectKey\":\"in/a\"}}}}");
    json_t *selector = json_object_get(map_state(m, which), "ItemSelector");
    json_t *item = evaluate(selector, plan, context);
    json_t *parameters = evaluate(runner_member(m, which, "Parameters"), item, context);
    json_decref(item);
    json_decref(context);
    return parameters;
}

/* The same names in the same order as the launcher's, by its own table. */
static void expect_environment(json_t *parameters)
{
    static const char *const values[SPEC_ENV_COUNT] = {
        "us-east-1", "d", "dh", "dr", "w", "1704164645678123", "task-01", "b", "in/a"};
    static const char *const path[] = {"Overrides", "ContainerOverrides", "0", "Environment", NULL};
    json_t *environment = at(parameters, path);
    cr_expect_eq(json_array_size(environment), SPEC_ENV_COUNT);
    for (size_t i = 0; i < SPEC_ENV_COUNT; i++) {
        const json_t *one = json_array_get(environment, i);
        cr_expect_str_eq(json_str(one, "Name", ""), spec_env_name(i));
        cr_expect_str_eq(json_str(one, "Value", ""), values[i]);
    }
}

Test(machines, pattern_2_runs_tasks_as_the_launcher_does)
{
    json_t *m = machine(2), *plan = planned();
    for (size_t which = 0; which < 2; which++) {
        json_t *p = run_task_parameters(m, which, plan);
        char token[SHA256_HEX], started_by[RUN_STARTED_BY_MAX];
        struct error err = {0};
        cr_assert_eq(run_client_token(INT64_C(1704164645678123), "task-01", token, &err), 0);
        cr_expect_str_eq(json_str(p, "ClientToken", ""), token);
        cr_expect_str_eq(json_str(p, "StartedBy", ""),
                         run_started_by(INT64_C(1704164645678123), started_by));
        expect_environment(p);
        cr_expect_str_eq(json_str(p, "Cluster", ""), "c");
        cr_expect_str_eq(json_str(p, "TaskDefinition", ""), "td");
        json_decref(p);
    }
    json_decref(plan);
    json_decref(m);
}

Test(machines, pattern_2_keeps_of_a_launch_whether_it_was_refused)
{
    static const struct {
        const char *answer, *kept;
    } cases[] = {
        {"{\"Tasks\":[{\"TaskArn\":\"x\"}],\"Failures\":[]}",
         "{\"launched\":1,\"reasons\":[],\"retries\":2}"},
        {"{\"Tasks\":[],\"Failures\":[{\"Arn\":\"x\",\"Reason\":\"MISSING\"}]}",
         "{\"launched\":0,\"reasons\":[\"MISSING\"],\"retries\":2}"},
    };
    json_t *m = machine(2), *context = worker_peer_json("{\"State\":{\"RetryCount\":2}}");
    for (size_t i = 0; i < 4; i++) {
        json_t *answer = worker_peer_json(cases[i % 2].answer);
        json_t *want = worker_peer_json(cases[i % 2].kept);
        json_t *kept = evaluate(runner_member(m, i / 2, "ResultSelector"), answer, context);
        cr_expect(json_equal(kept, want), "case %zu", i);
        json_decref(kept);
        json_decref(want);
        json_decref(answer);
    }
    json_decref(context);
    json_decref(m);
}

/* Whether a Map's first state lets a launch pass, entered at that time. */
static bool passes(json_t *m, size_t which, const char *entered, const char *item)
{
    struct error err = {0};
    struct asl_failure f = {0};
    bool late = false;
    json_t *steps = json_object_get(map_state(m, which), "ItemProcessor");
    json_t *first =
        json_object_get(json_object_get(steps, "States"), json_str(steps, "StartAt", ""));
    json_t *rule = json_array_get(json_object_get(first, "Choices"), 0);
    json_t *input = worker_peer_json(item);
    json_t *context = json_pack("{s:{s:s}}", "State", "EnteredTime", entered);
    const struct asl_scope scope = {.input = input, .context = context, .state = "S"};
    struct asl_choice *c = asl_choice_compile(rule, &err);
    cr_assert_not_null(c, "%s", err.message);
    cr_assert_eq(asl_choice_test(c, &scope, &late, &f), 0, "%s", f.cause);
    cr_expect_str_eq(json_str(first, "Default", ""), maps[which].runner);
    cr_expect(strncmp(json_str(rule, "Next", ""), "LaunchOver", 10) == 0);
    asl_choice_free(c);
    json_decref(context);
    json_decref(input);
    return !late;
}

/* An item without a deadline was planned by an older function. */
Test(machines, pattern_2_launches_nothing_after_the_run_s_time)
{
    static const char item[] = "{\"run\":{\"deadline\":\"2024-01-02T03:14:05.678Z\"}}";
    json_t *m = machine(2);
    for (size_t which = 0; which < 2; which++) {
        cr_expect(passes(m, which, "2024-01-02T03:14:05.677Z", item));
        cr_expect_not(passes(m, which, "2024-01-02T03:14:05.678Z", item));
        cr_expect_not(passes(m, which, "2024-01-02T03:14:06Z", item));
        cr_expect(passes(m, which, "2024-01-03T00:00:00.000Z", "{\"run\":{}}"));
    }
    json_decref(m);
}

/* What waits for room looks at the time again, before it is launched. */
Test(machines, pattern_2_checks_the_time_before_each_try)
{
    static const char *const waits[] = {"WaitForRoom", "WaitForRoomFromManifest"};
    json_t *m = machine(2);
    for (size_t which = 0; which < 2; which++) {
        json_t *steps = json_object_get(map_state(m, which), "ItemProcessor");
        json_t *wait = json_object_get(json_object_get(steps, "States"), waits[which]);
        cr_expect_str_eq(json_str(wait, "Next", "-"), json_str(steps, "StartAt", ""));
    }
    json_decref(m);
}

Test(machines, pattern_2_hands_the_monitor_its_run)
{
    static const char *const pass[] = {"States", "PassThroughECSArns", "InputPath", NULL};
    json_t *m = machine(2), *plan = planned();
    struct run run;
    struct error err = {0};
    cr_expect_str_eq(json_string_value(at(m, pass)), "$.run");
    cr_assert_eq(run_read(json_object_get(plan, "run"), &run, &err), 0, "%s", err.message);
    cr_expect_eq(run.number_of_tasks, 3);
    cr_expect_eq(run.run_timeout_seconds, 600);
    cr_expect_eq(run.task_timeout_seconds, 60);
    cr_expect_eq(run.start_time / CLOCK_MS, INT64_C(1704164645678));
    json_decref(plan);
    json_decref(m);
}

/* AWS knows a state by its name alone, wherever it is nested. */
static void expect_unique(json_t *level, json_t *seen)
{
    const char *name;
    json_t *state, *branch;
    size_t i;
    json_object_foreach (json_object_get(level, "States"), name, state) {
        cr_expect_null(json_object_get(seen, name), "%s is there twice", name);
        mark(seen, name);
        json_array_foreach (json_object_get(state, "Branches"), i, branch)
            expect_unique(branch, seen);
        if (json_object_get(state, "ItemProcessor"))
            expect_unique(json_object_get(state, "ItemProcessor"), seen);
    }
}

Test(machines, have_each_name_once)
{
    for (int pattern = 1; pattern <= 2; pattern++) {
        json_t *m = machine(pattern), *seen = json_object();
        expect_unique(m, seen);
        json_decref(seen);
        json_decref(m);
    }
}
