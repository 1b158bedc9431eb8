/* How many events the state machines' histories come to, counted from the definitions themselves:
 * Step Functions ends an execution at 25,000. */
#include "lib/aws/ecs.h"
#include "lib/json/json_read.h"
#include "lib/manifest/manifest.h"
#include "lib/spec/spec_env.h"
#include "server/embed/embed.h"
#include "tests/unit/launch_support.h"
#include "workers/monitor/inline_map.h"
#include "workers/monitor/monitor.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    EVENTS_MAX = 25000,
    OF_EXECUTION = 2, /* started, succeeded or failed */
    OF_ITERATION = 2, /* likewise */
    OF_STATE = 2,     /* entered, exited */
    OF_ATTEMPT = 3,   /* scheduled, started, succeeded or failed */
    OF_MAP_RUN = 2,   /* started, succeeded */
    OF_NESTING = 2,   /* Parallel and Map: started, succeeded */
};

enum luck { USUAL, WORST };

static json_t *machine(int pattern)
{
    const struct embedded *file =
        embed_find(pattern == 1 ? "infra/statemachines/pattern-1.asl.json"
                                : "infra/statemachines/pattern-2.asl.json");
    return worker_peer_json(file->data);
}

static json_t *state(json_t *level, const char *name)
{
    json_t *one = json_object_get(json_object_get(level, "States"), name);
    cr_assert_not_null(one, "no state %s", name);
    return one;
}

/* All retries used up, whatever the order of the errors. */
static int64_t attempts(const json_t *one, enum luck luck)
{
    int64_t sum = 1;
    const json_t *retry;
    size_t i;
    json_array_foreach (json_object_get(one, "Retry"), i, retry)
        sum += luck == WORST ? json_int(retry, "MaxAttempts", 3) : 0;
    return sum;
}

static int64_t chain(json_t *level, const char *const *names, enum luck luck, int64_t tasks);

/* What a launch goes through: at best it succeeds, at worst it is refused after all. */
static int64_t iteration(json_t *map, enum luck luck)
{
    static const char *const good[] = {"CheckIfInTime", "S3CopyTaskRunner", "CheckLaunch",
                                       "LaunchOver", NULL};
    static const char *const bad[] = {"CheckIfInTime",     "S3CopyTaskRunner", "RefuseLaunch",
                                      "CheckIfTriedAgain", "LaunchOver",       NULL};
    return OF_ITERATION +
           chain(json_object_get(map, "ItemProcessor"), luck == WORST ? bad : good, luck, 0);
}

static json_t *inline_map(json_t *m)
{
    json_t *parallel = state(m, "KickOffInParallel");
    return state(json_array_get(json_object_get(parallel, "Branches"), 0), "SubmitECSTasks");
}

static int64_t map_events(json_t *map, enum luck luck, int64_t tasks)
{
    if (json_object_get(map, "ItemReader")) /* each item's history is its own */
        return OF_STATE + OF_MAP_RUN * attempts(map, luck);
    return OF_STATE + OF_NESTING + tasks * iteration(map, luck);
}

static int64_t events_of(json_t *one, enum luck luck, int64_t tasks)
{
    const char *type = json_str(one, "Type", "");
    if (strcmp(type, "Task") == 0)
        return OF_STATE + OF_ATTEMPT * attempts(one, luck);
    if (strcmp(type, "Map") == 0)
        return map_events(one, luck, tasks);
    if (strcmp(type, "Parallel") != 0)
        return OF_STATE;
    json_t *branch = json_array_get(json_object_get(one, "Branches"), 0);
    const char *const names[] = {json_str(branch, "StartAt", ""), NULL};
    return OF_STATE + OF_NESTING + chain(branch, names, luck, tasks);
}

/* States one after the other; the machine must be able to go that way. */
static int64_t chain(json_t *level, const char *const *names, enum luck luck, int64_t tasks)
{
    int64_t sum = 0;
    for (; *names; names++) {
        json_t *one = state(level, *names);
        char *text = json_dumps(one, JSON_COMPACT);
        cr_assert(!names[1] || strstr(text, names[1]), "%s does not lead to %s", *names, names[1]);
        sum += events_of(one, luck, tasks);
        free(text);
    }
    return sum;
}

/* --- looks of the monitor --------------------------------------------------------------------- */

/* As many as there are when the tasks never end, looking as often as a spec may ask for. */
static int64_t looks(int64_t tasks, int64_t before, int64_t seconds)
{
    struct run run = {.number_of_tasks = tasks,
                      .history_events = before,
                      .start_time = PEER_NOW,
                      .monitor_interval_seconds = 1,
                      .run_timeout_seconds = seconds};
    int64_t now = PEER_NOW;
    for (run.poll = 1; now < PEER_NOW + seconds * CLOCK_SECOND; run.poll++) {
        run.wait_seconds = monitor_next_wait(&run, now);
        now += run.wait_seconds * CLOCK_SECOND;
        cr_assert_lt(run.poll, EVENTS_MAX);
    }
    return run.poll;
}

static int64_t events_of_looks(json_t *m, int64_t count)
{
    static const char *const look[] = {"InvokeTaskMonitor", "CheckIfTasksCompleted", "WaitForECS",
                                       NULL};
    static const char *const last[] = {"InvokeTaskMonitor", "CheckIfTasksCompleted", "Done", NULL};
    return (count - 1) * chain(m, look, USUAL, 0) + chain(m, last, USUAL, 0);
}

static const int64_t sizes[] = {1,    100,  MANIFEST_INLINE_TASKS, MANIFEST_INLINE_TASKS + 1,
                                1000, 10000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* --- pattern 1 -------------------------------------------------------------------------------- */

static int64_t launch_events(json_t *m, int64_t chunks)
{
    static const char *const first[] = {"PrepareLaunch", NULL};
    static const char *const chunk[] = {"InvokeTaskLauncher", "CheckIfTasksLaunched", "WaitForRoom",
                                        "InvokeTaskLauncher", NULL};
    static const char *const once[] = {"InvokeTaskLauncher", NULL};
    static const char *const rest[] = {"PassRunToMonitor", NULL};
    int64_t each = chain(m, chunk, USUAL, 0) - chain(m, once, USUAL, 0);
    cr_expect_leq(each, LAUNCH_EVENTS_PER_CHUNK);
    return chain(m, first, USUAL, 0) + chunks * each + chain(m, rest, USUAL, 0);
}

Test(history, of_pattern_1_has_room)
{
    json_t *m = machine(1);
    for (size_t i = 0; i < SIZES; i++) {
        int64_t usual = sizes[i] / (20 * 870) + 1; /* Fargate's rate, Lambda's deadline */
        const int64_t chunks[] = {usual, LAUNCH_CHUNKS_MAX};
        for (size_t k = 0; k < 2; k++) {
            int64_t sum = OF_EXECUTION + launch_events(m, chunks[k]);
            int64_t count = looks(sizes[i], chunks[k] * LAUNCH_EVENTS_PER_CHUNK, 31000000);
            sum += events_of_looks(m, count);
            cr_expect_lt(sum, EVENTS_MAX, "%lld tasks, %lld chunks: %lld events",
                         (long long)sizes[i], (long long)chunks[k], (long long)sum);
            cr_expect_gt(count, 1000, "and still looks often");
        }
    }
    json_decref(m);
}

/* --- pattern 2 -------------------------------------------------------------------------------- */

static int64_t planned_events(json_t *m, int64_t tasks, enum luck luck)
{
    static const char *const inline_map[] = {"PlanWorkflow", "CheckIfDistributed",
                                             "KickOffInParallel", "PassThroughECSArns", NULL};
    static const char *const manifest[] = {"PlanWorkflow", "CheckIfDistributed",
                                           "KickOffFromManifest", "PassThroughECSArns", NULL};
    return OF_EXECUTION +
           chain(m, tasks > MANIFEST_INLINE_TASKS ? manifest : inline_map, luck, tasks);
}

Test(history, of_pattern_2_has_room)
{
    json_t *m = machine(2);
    for (size_t i = 0; i < SIZES; i++) {
        bool distributed = sizes[i] > MANIFEST_INLINE_TASKS;
        int64_t before = distributed ? 0 : sizes[i] * inline_events_each(sizes[i]);
        for (enum luck luck = USUAL; luck <= WORST; luck++) {
            int64_t count = looks(sizes[i], before, 31000000);
            int64_t sum = planned_events(m, sizes[i], luck) + events_of_looks(m, count);
            if (luck == WORST && !distributed) /* with all tries that a launch may have */
                sum += before - sizes[i] * iteration(inline_map(m), WORST);
            cr_expect_lt(sum, EVENTS_MAX, "%lld tasks: %lld events", (long long)sizes[i],
                         (long long)sum);
            cr_expect_gt(count, 300, "and still looks often");
        }
    }
    json_decref(m);
}

/* What plan and refuse reckon with is what the definition says. */
Test(history, of_an_inline_launch_is_what_the_monitor_reckons_with)
{
    static const char *const try[] = {
        "CheckIfInTime",     "S3CopyTaskRunner", "CheckLaunch",   "RefuseLaunch",
        "CheckIfTriedAgain", "WaitForRoom",      "CheckIfInTime", NULL};
    static const char *const next[] = {"CheckIfInTime", NULL};
    static const char *const last[] = {"LaunchOver", NULL};
    json_t *m = machine(2), *map = inline_map(m), *steps = json_object_get(map, "ItemProcessor");
    for (enum luck luck = USUAL; luck <= WORST; luck++) {
        int64_t launch = luck == WORST ? INLINE_RETRIES_OF_LAUNCH : 0;
        int64_t refusal = luck == WORST ? INLINE_RETRIES_OF_REFUSAL : 0;
        cr_expect_eq(chain(steps, try, luck, 0) - chain(steps, next, luck, 0),
                     inline_events_of_try(launch, refusal));
    }
    cr_expect_eq(OF_ITERATION + chain(steps, last, USUAL, 0), INLINE_EVENTS_OF_ITEM);
    json_decref(m);
}

/* Whatever each try costs, a launch keeps within its share, and all of them within theirs. */
Test(history, of_inline_launches_stays_within_their_share)
{
    for (int64_t tasks = 1; tasks <= MANIFEST_INLINE_TASKS; tasks++) {
        int64_t each = inline_events_each(tasks);
        cr_expect_leq(each * tasks, INLINE_EVENTS_MAX);
        for (int64_t retries = 0; retries <= INLINE_RETRIES_OF_LAUNCH; retries++) {
            int64_t events = 0, dearest = INLINE_RETRIES_OF_REFUSAL;
            do
                events += inline_events_of_try(retries, dearest);
            while (inline_tries_left(tasks, events) > 0);
            cr_expect_leq(INLINE_EVENTS_OF_ITEM + events, each, "%lld tasks, %lld retries",
                          (long long)tasks, (long long)retries);
        }
    }
}

/* A child execution of the Distributed Map: all its tries in a history of its own. */
Test(history, of_a_child_execution_has_room)
{
    static const char *const again[] = {"CheckIfTriedAgainFromManifest",
                                        "WaitForRoomFromManifest",
                                        "CheckIfInTimeFromManifest",
                                        "S3CopyTaskRunnerFromManifest",
                                        "CheckLaunchFromManifest",
                                        "RefuseLaunchFromManifest",
                                        NULL};
    json_t *m = machine(2);
    json_t *parallel = state(m, "KickOffFromManifest");
    json_t *map = state(json_array_get(json_object_get(parallel, "Branches"), 0),
                        "SubmitECSTasksFromManifest");
    int64_t each = chain(json_object_get(map, "ItemProcessor"), again, WORST, 0);
    cr_expect_lt(200 * each, EVENTS_MAX, "%lld events a try", (long long)each);
    json_decref(m);
}

/* --- overrides -------------------------------------------------------------------------------- */

static const char *of_length(char *out, size_t length)
{
    memset(out, 'x', length);
    out[length] = '\0';
    return out;
}

/* The longest names that a spec may have, and the longest key that S3 takes. */
Test(history, overrides_fit_whatever_the_spec_names)
{
    char name[SPEC_NAME_MAX + 1], key[1025], bucket[64];
    struct ecs_env environment[SPEC_ENV_COUNT];
    struct aws_request request = {0};
    struct error err = {0};
    (void)of_length(name, SPEC_NAME_MAX);
    const struct spec spec = {.region = "ap-southeast-1",
                              .details_table = name,
                              .details_hash_key = name,
                              .details_range_key = name,
                              .workflow_name = name};
    const struct spec_task task = {name, of_length(bucket, 63), of_length(key, 1024)};
    for (size_t i = 0; i < SPEC_ENV_COUNT; i++)
        environment[i] =
            (struct ecs_env){spec_env_name(i), spec_env_value(i, &spec, &task, "9007199254740991")};
    const struct ecs_run run = {.cluster = name,
                                .task_definition = name,
                                .container = name,
                                .environment = environment,
                                .environment_count = SPEC_ENV_COUNT};
    cr_expect_eq(ecs_run_task(&request, &run, &err), 0, "%s", err.message);
    aws_request_free(&request);
}
