/* server/local/ecs: tasks as processes, what is durable, what a restart tells, what is refused. */
#include "lib/http_client/http_client.h"
#include "lib/json/json_read.h"
#include "server/local/ecs/local_ecs.h"
#include "tests/unit/host_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* --- a place with an ECS in it -----------------------------------------------------------------*/

struct place {
    struct host_place host;
    struct local_ecs *ecs;
    const struct clock *clock; /* NULL: the system's */
};

/* The system's clock, put forward by hand. */
struct shifted_clock {
    struct clock clock;
    int64_t ahead;
};

static int64_t shifted_wall(const struct clock *self)
{
    return clock_wall(clock_system()) + ((const struct shifted_clock *)self)->ahead;
}

static int64_t shifted_mono(const struct clock *self)
{
    return clock_mono(clock_system()) + ((const struct shifted_clock *)self)->ahead;
}

static void open_ecs(struct place *p, int concurrency)
{
    char dir[HOST_PATH_MAX];
    struct error err = {.code = ERR_NONE};
    const struct local_ecs_options options = {.dir = host_path(&p->host, "ecs", dir),
                                              .region = "eu-west-1",
                                              .processes = p->host.processes,
                                              .clock = p->clock ? p->clock : clock_system(),
                                              .concurrency = concurrency};
    p->ecs = local_ecs_open(&options, &err);
    cr_assert_not_null(p->ecs, "%s", err.message);
    cr_assert_eq(local_ecs_ensure_cluster(p->ecs, "work", &err), 0, "%s", err.message);
    cr_assert_eq(local_ecs_image(p->ecs, "shell:1", "/bin/sh", &err), 0);
    cr_assert_eq(local_ecs_image(p->ecs, "gone:1", "/nowhere/program", &err), 0);
    cr_assert_eq(local_ecs_ensure_definition(p->ecs, "job", "main", "shell:1", &err), 0);
    cr_assert_eq(local_ecs_ensure_definition(p->ecs, "gone", "main", "gone:1", &err), 0);
    cr_assert_eq(local_ecs_ensure_definition(p->ecs, "lost", "main", "nobody-knows", &err), 0);
}

static void start_ecs(struct place *p)
{
    struct error err = {.code = ERR_NONE};
    cr_assert_eq(local_ecs_start(p->ecs, "http://127.0.0.1:4566", &err), 0, "%s", err.message);
}

static void place_open(struct place *p, int concurrency)
{
    p->clock = NULL;
    host_place_open(&p->host);
    open_ecs(p, concurrency);
}

static void place_close(struct place *p)
{
    p->ecs = local_ecs_close(p->ecs);
    host_place_close(&p->host);
}

/* --- calls and waits ---------------------------------------------------------------------------*/

struct answer {
    struct host_event event;
    json_t *output;
    char code[64];
    char message[512];
    json_t *extra;
};

#define ANSWER_INIT                                                                                \
    {                                                                                              \
        .event = HOST_EVENT_INIT                                                                   \
    }

static void answer_set(struct answer *a, json_t *output)
{
    a->output = output;
    host_event_happens(&a->event);
}

static void on_done(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct answer *a = call->ctx;
    if (fault) {
        (void)snprintf(a->code, sizeof a->code, "%s", fault->code);
        (void)snprintf(a->message, sizeof a->message, "%s", fault->message);
        a->extra = json_deep_copy(fault->extra);
    }
    answer_set(a, output);
}

/* Calls and waits; the answer's output and extra are the caller's. Takes the input over. */
static struct answer call(struct place *p, const char *operation, json_t *input)
{
    struct answer a = ANSWER_INIT;
    struct local_call c = {.operation = operation, .input = input, .done = on_done, .ctx = &a};
    const struct local_service *service = local_ecs_service(p->ecs);
    cr_assert_not_null(input);
    service->call(service->self, &c);
    host_event_await(&a.event, 1);
    json_decref(input);
    return a;
}

static json_t *good(struct place *p, const char *operation, json_t *input)
{
    struct answer a = call(p, operation, input);
    cr_assert_not_null(a.output, "%s: %s %s", operation, a.code, a.message);
    return a.output;
}

static void on_stopped(void *ctx, json_t *task)
{
    answer_set(ctx, task);
}

/* Waits until the task is STOPPED and gives its Task object. */
static json_t *await_stop(struct place *p, const char *arn)
{
    struct answer a = ANSWER_INIT;
    (void)local_ecs_watch(p->ecs, arn, on_stopped, &a);
    host_event_await(&a.event, 1);
    cr_assert_not_null(a.output);
    cr_assert_str_eq(json_str(a.output, "lastStatus", ""), "STOPPED");
    return a.output;
}

static json_t *network(void)
{
    return json_pack("{s:{s:[s],s:[s],s:s}}", "awsvpcConfiguration", "subnets", "subnet-1",
                     "securityGroups", "sg-1", "assignPublicIp", "ENABLED");
}

/* The input of a RunTask of family `job` that lets the shell run a script. */
static json_t *script_input(const char *script)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:{s:[{s:s,s:[s,s]}]}}", "cluster", "work", "taskDefinition",
                     "job", "launchType", "FARGATE", "networkConfiguration", network(), "overrides",
                     "containerOverrides", "name", "main", "command", "-c", script);
}

/* Runs a script as a task; its ARN goes to arn. */
static void run_script(struct place *p, const char *script, char arn[HOST_PATH_MAX])
{
    json_t *out = good(p, "RunTask", script_input(script));
    json_t *tasks = json_object_get(out, "tasks");
    cr_assert_eq(json_array_size(tasks), 1);
    (void)snprintf(arn, HOST_PATH_MAX, "%s", json_str(json_array_get(tasks, 0), "taskArn", ""));
    json_decref(out);
}

static json_t *describe(struct place *p, const char *arn)
{
    json_t *out =
        good(p, "DescribeTasks", json_pack("{s:s,s:[s]}", "cluster", "work", "tasks", arn));
    json_t *task = json_incref(json_array_get(json_object_get(out, "tasks"), 0));
    json_decref(out);
    cr_assert_not_null(task);
    return task;
}

static size_t list(struct place *p, const char *desired)
{
    json_t *out =
        good(p, "ListTasks", json_pack("{s:s,s:s}", "cluster", "work", "desiredStatus", desired));
    size_t count = json_array_size(json_object_get(out, "taskArns"));
    json_decref(out);
    return count;
}

static json_t *container(json_t *task)
{
    return json_array_get(json_object_get(task, "containers"), 0);
}

/* --- a task's life -----------------------------------------------------------------------------*/

Test(local_ecs, tells_how_a_task_ended)
{
    static const struct {
        const char *script;
        int exit_code;
    } cases[] = {{"exit 0", 0}, {"exit 9", 9}, {"kill -9 $$", 137}, {"kill -15 $$", 143}};
    struct place p;
    place_open(&p, 4);
    start_ecs(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char arn[HOST_PATH_MAX];
        run_script(&p, cases[i].script, arn);
        json_t *task = await_stop(&p, arn);
        cr_assert_eq(json_int(container(task), "exitCode", -1), cases[i].exit_code);
        cr_assert_str_eq(json_str(task, "stopCode", ""), "EssentialContainerExited");
        cr_assert_str_eq(json_str(task, "stoppedReason", ""), "Essential container in task exited");
        cr_assert_str_eq(json_str(task, "desiredStatus", ""), "STOPPED");
        cr_assert_leq(json_num(task, "createdAt", 1e12), json_num(task, "startedAt", 0));
        cr_assert_leq(json_num(task, "startedAt", 1e12), json_num(task, "stoppedAt", 0));
        json_decref(task);
    }
    cr_assert_eq(list(&p, "RUNNING"), 0);
    cr_assert_eq(list(&p, "STOPPED"), 4);
    place_close(&p);
}

Test(local_ecs, answers_run_task_in_ecs_words)
{
    struct place p;
    place_open(&p, 4);
    json_t *input = script_input("exit 0");
    json_object_set_new(input, "count", json_integer(3));
    json_object_set_new(input, "startedBy", json_string("run/1_x-2"));
    json_object_set_new(input, "tags", json_pack("[{s:s,s:s}]", "key", "k", "value", "v"));
    json_t *out = good(&p, "RunTask", input);
    cr_assert_eq(json_array_size(json_object_get(out, "tasks")), 3);
    cr_assert_eq(json_array_size(json_object_get(out, "failures")), 0);
    json_t *task = json_array_get(json_object_get(out, "tasks"), 2);
    const char *arn = json_str(task, "taskArn", "");
    cr_assert_eq(strncmp(arn, "arn:aws:ecs:eu-west-1:000000000000:task/work/", 45), 0, "%s", arn);
    cr_assert_eq(strlen(arn), 45 + 32);
    cr_assert_str_eq(json_str(task, "clusterArn", ""),
                     "arn:aws:ecs:eu-west-1:000000000000:cluster/work");
    cr_assert_str_eq(json_str(task, "taskDefinitionArn", ""),
                     "arn:aws:ecs:eu-west-1:000000000000:task-definition/job:1");
    cr_assert_str_eq(json_str(task, "lastStatus", ""), "PROVISIONING");
    cr_assert_str_eq(json_str(task, "desiredStatus", ""), "RUNNING");
    cr_assert_str_eq(json_str(task, "group", ""), "family:job");
    cr_assert_str_eq(json_str(task, "startedBy", ""), "run/1_x-2");
    cr_assert_str_eq(json_str(task, "cpu", ""), "256");
    cr_assert_str_eq(json_str(container(task), "name", ""), "main");
    cr_assert_str_eq(json_str(container(task), "image", ""), "shell:1");
    cr_assert_null(json_object_get(container(task), "exitCode"));
    cr_assert_null(json_object_get(task, "stopCode"));
    cr_assert_eq(json_array_size(json_object_get(task, "tags")), 1);
    json_t *again = describe(&p, arn);
    cr_assert_null(json_object_get(again, "tags"), "only when include says so");
    json_decref(again);
    json_decref(out);
    place_close(&p);
}

static json_t *pair(const char *name, const char *value)
{
    return json_pack("{s:s,s:s}", "name", name, "value", value);
}

Test(local_ecs, gives_the_environment_of_definition_and_override)
{
    struct place p;
    char text[4096];
    char script[HOST_PATH_MAX + 64];
    place_open(&p, 4);
    start_ecs(&p);
    json_decref(
        good(&p, "RegisterTaskDefinition",
             json_pack("{s:s,s:s,s:[{s:s,s:s,s:[o,o]}]}", "family", "with-env", "networkMode",
                       "awsvpc", "containerDefinitions", "name", "main", "image", "shell:1",
                       "environment", pair("A", "definition"), pair("B", "definition"))));
    (void)snprintf(script, sizeof script, "{ /usr/bin/env | /usr/bin/sort; echo .; } >%s",
                   p.host.fifo);
    json_t *input = script_input(script);
    json_object_set_new(input, "taskDefinition", json_string("with-env:1"));
    json_t *override = json_array_get(
        json_object_get(json_object_get(input, "overrides"), "containerOverrides"), 0);
    json_object_set_new(override, "environment",
                        json_pack("[o,o]", pair("B", "over ride"), pair("C", "=x=")));
    json_t *out = good(&p, "RunTask", input);
    const char *arn = json_str(json_array_get(json_object_get(out, "tasks"), 0), "taskArn", "");
    const char *id = strrchr(arn, '/') + 1;
    host_read_lines(&p.host, 16, text, sizeof text);
    static const char *const wanted[] = {"A=definition\n",
                                         "B=over ride\n",
                                         "C==x=\n",
                                         "AWS_REGION=eu-west-1\n",
                                         "AWS_DEFAULT_REGION=eu-west-1\n",
                                         "AWS_ENDPOINT_URL=http://127.0.0.1:4566\n",
                                         "AWS_EXECUTION_ENV=AWS_ECS_FARGATE\n",
                                         "AWS_ACCESS_KEY_ID=local\n",
                                         "ECS_CONTAINER_METADATA_URI_V4=http://127.0.0.1:"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_assert_not_null(strstr(text, wanted[i]), "no %s in\n%s", wanted[i], text);
    char tail[64];
    (void)snprintf(tail, sizeof tail, "/v4/%s\n", id);
    cr_assert_not_null(strstr(text, tail), "%s", text);
    cr_assert_not_null(strstr(text, ".\n"), "nothing else is in it: %s", text);
    json_decref(await_stop(&p, arn));
    json_decref(out);
    place_close(&p);
}

Test(local_ecs, tells_why_a_task_could_not_start)
{
    static const char *const families[] = {"gone", "lost:1"};
    struct place p;
    place_open(&p, 4);
    start_ecs(&p);
    for (size_t i = 0; i < 2; i++) {
        json_t *out = good(&p, "RunTask",
                           json_pack("{s:s,s:s,s:o}", "cluster", "work", "taskDefinition",
                                     families[i], "networkConfiguration", network()));
        const char *arn = json_str(json_array_get(json_object_get(out, "tasks"), 0), "taskArn", "");
        json_t *task = await_stop(&p, arn);
        cr_assert_str_eq(json_str(task, "stopCode", ""), "TaskFailedToStart");
        cr_assert_eq(strncmp(json_str(task, "stoppedReason", ""), "CannotPullContainerError", 24),
                     0);
        cr_assert_null(json_object_get(container(task), "exitCode"));
        cr_assert_null(json_object_get(task, "startedAt"));
        json_decref(task);
        json_decref(out);
    }
    place_close(&p);
}

/* --- idempotence and the queue -----------------------------------------------------------------*/

Test(local_ecs, one_client_token_is_one_run)
{
    struct place p;
    place_open(&p, 4);
    json_t *input = script_input("exit 0");
    json_object_set_new(input, "clientToken", json_string("token-1"));
    json_object_set_new(input, "count", json_integer(2));
    json_t *first = good(&p, "RunTask", json_deep_copy(input));
    for (int restart = 0; restart < 2; restart++) {
        json_t *second = good(&p, "RunTask", json_deep_copy(input));
        for (size_t i = 0; i < 2; i++)
            cr_assert_str_eq(
                json_str(json_array_get(json_object_get(first, "tasks"), i), "taskArn", "1"),
                json_str(json_array_get(json_object_get(second, "tasks"), i), "taskArn", "2"));
        json_decref(second);
        p.ecs = local_ecs_close(p.ecs);
        open_ecs(&p, 4);
    }
    json_object_set_new(input, "count", json_integer(3));
    struct answer other = call(&p, "RunTask", input);
    cr_assert_null(other.output);
    cr_assert_str_eq(other.code, "ConflictException");
    cr_assert_eq(json_array_size(json_object_get(other.extra, "resourceIds")), 2);
    json_decref(other.extra);
    cr_assert_eq(list(&p, "RUNNING"), 2);
    json_decref(first);
    place_close(&p);
}

Test(local_ecs, runs_so_many_at_once_and_the_rest_in_order)
{
    struct place p;
    char arn[3][HOST_PATH_MAX];
    char gate[2][HOST_PATH_MAX];
    char text[128];
    char script[3 * HOST_PATH_MAX];
    place_open(&p, 1);
    start_ecs(&p);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(script, sizeof script, "echo %d >%s; while [ ! -e %s ]; do sleep 0.01; done",
                       i, p.host.fifo, host_path(&p.host, i ? "second" : "first", gate[i > 0]));
        run_script(&p, script, arn[i]);
    }
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "0\n");
    for (int i = 1; i < 3; i++) {
        json_t *waiting = describe(&p, arn[i]);
        cr_assert_str_eq(json_str(waiting, "desiredStatus", ""), "RUNNING");
        cr_assert_null(json_object_get(waiting, "startedAt"));
        json_decref(waiting);
    }
    cr_assert_eq(list(&p, "RUNNING"), 3);
    (void)fclose(fopen(gate[0], "w"));
    json_decref(await_stop(&p, arn[0]));
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "1\n");
    (void)fclose(fopen(gate[1], "w"));
    json_decref(await_stop(&p, arn[2]));
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "2\n");
    place_close(&p);
}

/* --- StopTask ----------------------------------------------------------------------------------*/

static json_t *stop(struct place *p, const char *task, const char *reason)
{
    json_t *input = json_pack("{s:s,s:s}", "cluster", "work", "task", task);
    if (reason)
        json_object_set_new(input, "reason", json_string(reason));
    json_t *out = good(p, "StopTask", input);
    json_t *stopped = json_incref(json_object_get(out, "task"));
    json_decref(out);
    return stopped;
}

Test(local_ecs, stops_a_running_task_with_sigterm)
{
    struct place p;
    char arn[HOST_PATH_MAX];
    char script[HOST_PATH_MAX + 96];
    char text[64];
    place_open(&p, 1);
    start_ecs(&p);
    (void)snprintf(script, sizeof script,
                   "trap 'exit 4' TERM; echo ready >%s; while :; do sleep 0.01; done", p.host.fifo);
    run_script(&p, script, arn);
    host_read_lines(&p.host, 1, text, sizeof text);
    json_t *task = stop(&p, arn, "cancelled by hand");
    cr_assert_str_eq(json_str(task, "desiredStatus", ""), "STOPPED");
    cr_assert_str_neq(json_str(task, "lastStatus", ""), "STOPPED");
    json_decref(task);
    task = await_stop(&p, arn);
    cr_assert_str_eq(json_str(task, "stopCode", ""), "UserInitiated");
    cr_assert_str_eq(json_str(task, "stoppedReason", ""), "cancelled by hand");
    cr_assert_eq(json_int(container(task), "exitCode", -1), 4);
    json_decref(task);
    task = stop(&p, arn, "again");
    cr_assert_str_eq(json_str(task, "stoppedReason", ""), "cancelled by hand");
    json_decref(task);
    place_close(&p);
}

Test(local_ecs, a_waiting_task_stops_without_ever_starting)
{
    struct place p;
    char arn[HOST_PATH_MAX];
    char script[HOST_PATH_MAX + 96];
    char text[64];
    place_open(&p, 1);
    (void)snprintf(script, sizeof script, "echo started >%s", p.host.fifo);
    run_script(&p, script, arn);
    json_t *task = stop(&p, strrchr(arn, '/') + 1, NULL);
    cr_assert_str_eq(json_str(task, "lastStatus", ""), "STOPPED");
    cr_assert_str_eq(json_str(task, "stopCode", ""), "UserInitiated");
    cr_assert_str_eq(json_str(task, "stoppedReason", ""), "Task stopped by user");
    cr_assert_null(json_object_get(container(task), "exitCode"));
    json_decref(task);
    start_ecs(&p);
    (void)snprintf(script, sizeof script, "echo another >%s", p.host.fifo);
    run_script(&p, script, arn);
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "another\n");
    place_close(&p);
}

/* --- restart -----------------------------------------------------------------------------------*/

Test(local_ecs, after_a_restart_the_dead_are_told_and_the_waiting_start)
{
    struct place p;
    char running[HOST_PATH_MAX];
    char waiting[HOST_PATH_MAX];
    char script[HOST_PATH_MAX + 96];
    char text[64];
    place_open(&p, 1);
    start_ecs(&p);
    (void)snprintf(script, sizeof script, "echo one >%s; sleep 600", p.host.fifo);
    run_script(&p, script, running);
    (void)snprintf(script, sizeof script, "echo two >%s", p.host.fifo);
    run_script(&p, script, waiting);
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "one\n");
    p.ecs = local_ecs_close(p.ecs);
    open_ecs(&p, 1);
    json_t *task = describe(&p, running);
    cr_assert_str_eq(json_str(task, "lastStatus", ""), "STOPPED");
    cr_assert_str_eq(json_str(task, "stopCode", ""), "TerminationNotice");
    cr_assert_str_eq(json_str(task, "stoppedReason", ""), "The server that ran this task stopped");
    cr_assert_null(json_object_get(container(task), "exitCode"));
    json_decref(task);
    start_ecs(&p);
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "two\n");
    task = await_stop(&p, waiting);
    cr_assert_eq(json_int(container(task), "exitCode", -1), 0);
    json_decref(task);
    place_close(&p);
}

Test(local_ecs, stopped_tasks_are_shown_for_an_hour_and_remembered_for_a_day)
{
    const int64_t hour = 3600 * CLOCK_SECOND;
    struct shifted_clock clock = {.clock = {.wall = shifted_wall, .mono = shifted_mono}};
    struct place p;
    char log[HOST_PATH_MAX];
    char name[64];
    place_open(&p, 1);
    p.ecs = local_ecs_close(p.ecs);
    p.clock = &clock.clock;
    open_ecs(&p, 1);
    start_ecs(&p);
    json_t *input = script_input("exit 0");
    json_object_set_new(input, "clientToken", json_string("late"));
    json_t *first = good(&p, "RunTask", json_deep_copy(input));
    const char *arn = json_str(json_array_get(json_object_get(first, "tasks"), 0), "taskArn", "");
    json_decref(await_stop(&p, arn));
    (void)snprintf(name, sizeof name, "ecs/logs/%s.log", strrchr(arn, '/') + 1);
    cr_assert_eq(access(host_path(&p.host, name, log), F_OK), 0);
    cr_assert_eq(list(&p, "STOPPED"), 1);
    p.ecs = local_ecs_close(p.ecs);

    clock.ahead = 2 * hour;
    open_ecs(&p, 1);
    cr_assert_eq(list(&p, "STOPPED"), 0);
    json_t *out =
        good(&p, "DescribeTasks", json_pack("{s:s,s:[s]}", "cluster", "work", "tasks", arn));
    cr_assert_eq(json_array_size(json_object_get(out, "failures")), 1);
    json_decref(out);
    out = good(&p, "RunTask", json_deep_copy(input));
    cr_assert_str_eq(json_str(json_array_get(json_object_get(out, "tasks"), 0), "taskArn", ""),
                     arn);
    json_decref(out);
    p.ecs = local_ecs_close(p.ecs);

    clock.ahead = 26 * hour;
    open_ecs(&p, 1);
    out = good(&p, "RunTask", input);
    cr_assert_str_neq(json_str(json_array_get(json_object_get(out, "tasks"), 0), "taskArn", ""),
                      arn);
    cr_assert_neq(access(log, F_OK), 0);
    json_decref(out);
    json_decref(first);
    place_close(&p);
}

/* Lets files grow to `bytes` only; RLIM_INFINITY lifts that. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Opens the place, runs a task that sleeps, and then lets nothing be written any more. The child's
 * process id. */
static pid_t fill_disk_under_a_task(struct place *p, char arn[HOST_PATH_MAX])
{
    char script[HOST_PATH_MAX + 96];
    char text[64];
    place_open(p, 2);
    start_ecs(p);
    cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    (void)snprintf(script, sizeof script, "echo $$ >%s; exec sleep 600", p->host.fifo);
    run_script(p, script, arn);
    host_read_lines(&p->host, 1, text, sizeof text);
    limit_files(1);
    return (pid_t)strtol(text, NULL, 10);
}

Test(local_ecs, a_full_disk_refuses_tasks_and_loses_no_end)
{
    struct place p;
    char arn[HOST_PATH_MAX];
    const pid_t child = fill_disk_under_a_task(&p, arn);
    struct answer refused_run = call(&p, "RunTask", script_input("exit 0"));
    cr_assert_null(refused_run.output);
    cr_assert_str_eq(refused_run.code, "ServerException");
    struct answer stopped = ANSWER_INIT;
    (void)local_ecs_watch(p.ecs, arn, on_stopped, &stopped);
    cr_assert_eq(kill(child, SIGTERM), 0);
    refused_run = call(&p, "RunTask", script_input("exit 0"));
    cr_assert_str_eq(refused_run.code, "ServerException");
    limit_files(RLIM_INFINITY);
    host_event_await(&stopped.event, 1);
    cr_assert_eq(json_int(container(stopped.output), "exitCode", -1), 143);
    cr_assert_eq(list(&p, "STOPPED"), 1);
    json_decref(stopped.output);
    place_close(&p);
}

Test(local_ecs, a_full_disk_does_not_keep_it_from_closing)
{
    struct place p;
    char arn[HOST_PATH_MAX];
    (void)fill_disk_under_a_task(&p, arn);
    struct answer refused_run = call(&p, "RunTask", script_input("exit 0"));
    cr_assert_str_eq(refused_run.code, "ServerException");
    p.ecs = local_ecs_close(p.ecs);
    limit_files(RLIM_INFINITY);
    open_ecs(&p, 2);
    json_t *task = describe(&p, arn);
    cr_assert_str_eq(json_str(task, "stopCode", ""), "TerminationNotice");
    json_decref(task);
    place_close(&p);
}

/* --- lists -------------------------------------------------------------------------------------*/

static json_t *list_input(const char *extra, const char *value)
{
    return json_pack("{s:s,s:s}", "cluster", "work", extra, value);
}

static size_t listed(struct place *p, json_t *input)
{
    json_t *out = good(p, "ListTasks", input);
    size_t count = json_array_size(json_object_get(out, "taskArns"));
    json_decref(out);
    return count;
}

Test(local_ecs, lists_by_filter_and_page)
{
    struct place p;
    place_open(&p, 1);
    json_t *input = script_input("exit 0");
    json_object_set_new(input, "count", json_integer(5));
    json_object_set_new(input, "startedBy", json_string("me"));
    json_decref(good(&p, "RunTask", input));
    json_decref(good(&p, "RunTask", script_input("exit 0")));
    cr_assert_eq(listed(&p, list_input("startedBy", "me")), 5);
    cr_assert_eq(listed(&p, list_input("startedBy", "nobody")), 0);
    cr_assert_eq(listed(&p, list_input("family", "job")), 6);
    cr_assert_eq(listed(&p, list_input("family", "gone")), 0);
    cr_assert_eq(listed(&p, list_input("desiredStatus", "PENDING")), 0);
    size_t sizes[4] = {0};
    json_t *next = NULL;
    size_t pages = 0;
    do {
        json_t *page = json_pack("{s:s,s:i}", "cluster", "work", "maxResults", 4);
        if (next)
            json_object_set_new(page, "nextToken", next);
        json_t *out = good(&p, "ListTasks", page);
        sizes[pages++] = json_array_size(json_object_get(out, "taskArns"));
        next = json_incref(json_object_get(out, "nextToken"));
        json_decref(out);
    } while (next && pages < 4);
    cr_assert_eq(pages, 2);
    cr_assert_eq(sizes[0], 4);
    cr_assert_eq(sizes[1], 2);
    place_close(&p);
}

Test(local_ecs, knows_clusters_and_definitions)
{
    struct place p;
    place_open(&p, 1);
    json_t *out = good(&p, "DescribeClusters", json_pack("{s:[s,s]}", "clusters", "work", "none"));
    json_t *cluster = json_array_get(json_object_get(out, "clusters"), 0);
    cr_assert_str_eq(json_str(cluster, "status", ""), "ACTIVE");
    cr_assert_eq(json_array_size(json_object_get(out, "failures")), 1);
    json_decref(out);
    json_decref(good(&p, "CreateCluster", json_pack("{s:s}", "clusterName", "second")));
    out = good(&p, "ListClusters", json_object());
    cr_assert_eq(json_array_size(json_object_get(out, "clusterArns")), 2);
    json_decref(out);
    out = good(&p, "DescribeTaskDefinition", json_pack("{s:s}", "taskDefinition", "job"));
    json_t *definition = json_object_get(out, "taskDefinition");
    cr_assert_eq(json_int(definition, "revision", 0), 1);
    cr_assert_str_eq(json_str(definition, "networkMode", ""), "awsvpc");
    json_decref(out);
    out = good(&p, "ListTaskDefinitions", json_pack("{s:s}", "familyPrefix", "job"));
    cr_assert_eq(json_array_size(json_object_get(out, "taskDefinitionArns")), 1);
    json_decref(out);
    out = good(&p, "ListTaskDefinitionFamilies", json_object());
    cr_assert_eq(json_array_size(json_object_get(out, "families")), 3);
    json_decref(out);
    place_close(&p);
}

/* --- what is refused ---------------------------------------------------------------------------*/

/* `input` is a JSON text; N in it stands for a good network configuration. */
static const struct {
    const char *operation;
    const char *input;
    const char *code;
    const char *message; /* a part of it */
} refused[] = {
    {"RunTask", "{\"taskDefinition\":\"job\",\"cluster\":\"no\",\"networkConfiguration\":N}",
     "ClusterNotFoundException", "Cluster not found."},
    {"RunTask", "{\"taskDefinition\":\"job\",\"networkConfiguration\":N}",
     "ClusterNotFoundException", "Cluster not found."},
    {"RunTask", "{\"taskDefinition\":\"no\",\"cluster\":\"work\",\"networkConfiguration\":N}",
     "ClientException", "TaskDefinition not found."},
    {"RunTask", "{\"taskDefinition\":\"job:2\",\"cluster\":\"work\",\"networkConfiguration\":N}",
     "ClientException", "TaskDefinition not found."},
    {"RunTask", "{\"cluster\":\"work\"}", "InvalidParameterException", "taskDefinition"},
    {"RunTask", "{\"taskDefinition\":\"job\",\"cluster\":\"work\"}", "InvalidParameterException",
     "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
    {"RunTask",
     "{\"taskDefinition\":\"job\",\"cluster\":\"work\",\"networkConfiguration\":N,\"count\":11}",
     "InvalidParameterException", "Count must be between 1 and 10."},
    {"RunTask",
     "{\"taskDefinition\":\"job\",\"cluster\":\"work\",\"networkConfiguration\":N,"
     "\"startedBy\":\"a b\"}",
     "InvalidParameterException", "startedBy"},
    {"RunTask",
     "{\"taskDefinition\":\"job\",\"cluster\":\"work\",\"networkConfiguration\":N,"
     "\"clientToken\":\"a b\"}",
     "InvalidParameterException", "clientToken"},
    {"RunTask",
     "{\"taskDefinition\":\"job\",\"cluster\":\"work\",\"networkConfiguration\":N,\"launchType\":"
     "\"FARGATE\",\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\"}]}",
     "InvalidParameterException", "both a launch type and capacity provider"},
    {"RunTask",
     "{\"taskDefinition\":\"job\",\"cluster\":\"work\",\"networkConfiguration\":N,"
     "\"overrides\":{\"containerOverrides\":[{\"name\":\"other\"}]}}",
     "InvalidParameterException", "container named other"},
    {"RunTask",
     "{\"taskDefinition\":\"job\",\"cluster\":\"work\",\"networkConfiguration\":N,"
     "\"NetworkConfiguration\":{}}",
     "InvalidParameterException", "NetworkConfiguration"},
    {"DescribeTasks", "{\"cluster\":\"work\",\"tasks\":[]}", "InvalidParameterException",
     "Tasks cannot be empty."},
    {"StopTask", "{\"cluster\":\"work\",\"task\":\"0123456789abcdef0123456789abcdef\"}",
     "InvalidParameterException", "The referenced task was not found."},
    {"ListTasks", "{\"cluster\":\"work\",\"startedBy\":\"a\",\"family\":\"b\"}",
     "InvalidParameterException", "only filter"},
    {"ListTasks", "{\"cluster\":\"work\",\"maxResults\":101}", "InvalidParameterException",
     "maxResults"},
    {"ListTaskDefinitions", "{\"nextToken\":\"1x\"}", "InvalidParameterException",
     "Invalid token."},
    {"RegisterTaskDefinition", "{\"family\":\"f\",\"containerDefinitions\":[]}", "ClientException",
     "Container list cannot be empty."},
    {"RegisterTaskDefinition",
     "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\","
     "\"entryPoint\":[\"x\"]}]}",
     "ClientException", "entryPoint"},
    {"ExecuteCommand", "{}", "UnsupportedFeatureException", "ExecuteCommand"},
};

static json_t *parse_with_network(const char *text)
{
    struct buf all;
    struct error err = {.code = ERR_NONE};
    json_t *value = NULL;
    buf_init(&all, BUF_MAX_LINE);
    for (; *text; text++) {
        if (text[0] == 'N' && text[-1] == ':')
            buf_adds(&all, "{\"awsvpcConfiguration\":{\"subnets\":[\"s\"]}}");
        else
            buf_addc(&all, *text);
    }
    cr_assert_eq(json_parse(buf_str(&all), all.len, &value, &err), 0, "%s", err.message);
    buf_free(&all);
    return value;
}

Test(local_ecs, refuses_in_ecs_words)
{
    struct place p;
    place_open(&p, 1);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct answer a = call(&p, refused[i].operation, parse_with_network(refused[i].input));
        cr_assert_null(a.output, "%s", refused[i].input);
        cr_assert_str_eq(a.code, refused[i].code, "%s: %s", refused[i].input, a.message);
        cr_assert_not_null(strstr(a.message, refused[i].message), "%s: %s", refused[i].input,
                           a.message);
        json_decref(a.extra);
    }
    cr_assert_eq(list(&p, "RUNNING"), 0);
    place_close(&p);
}

Test(local_ecs, overrides_have_a_ceiling)
{
    struct place p;
    char big[8192];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    place_open(&p, 1);
    struct answer a = call(&p, "RunTask", script_input(big));
    cr_assert_str_eq(a.code, "InvalidParameterException");
    cr_assert_str_eq(a.message, "Container Overrides length must be at most 8192");
    place_close(&p);
}

Test(local_ecs, unknown_tasks_are_missing)
{
    struct place p;
    place_open(&p, 1);
    json_t *out = good(
        &p, "DescribeTasks",
        json_pack("{s:s,s:[s]}", "cluster", "work", "tasks", "0123456789abcdef0123456789abcdef"));
    json_t *failure = json_array_get(json_object_get(out, "failures"), 0);
    cr_assert_str_eq(json_str(failure, "reason", ""), "MISSING");
    cr_assert_str_eq(
        json_str(failure, "arn", ""),
        "arn:aws:ecs:eu-west-1:000000000000:task/work/0123456789abcdef0123456789abcdef");
    json_decref(out);
    struct answer a = ANSWER_INIT;
    (void)local_ecs_watch(p.ecs, "arn:aws:ecs:eu-west-1:000000000000:task/work/0", on_stopped, &a);
    host_event_await(&a.event, 1);
    cr_assert_null(a.output);
    place_close(&p);
}

/* --- the metadata endpoint ---------------------------------------------------------------------*/

static json_t *get(struct http_client *client, const char *base, const char *rest, int status)
{
    char url[512];
    struct error err = {.code = ERR_NONE};
    struct http_response response = {.status = 0};
    json_t *value = NULL;
    (void)snprintf(url, sizeof url, "%.*s%s", (int)strcspn(base, "\n"), base, rest);
    const struct http_request request = {.method = "GET", .url = url, .no_proxy = true};
    cr_assert_eq(http_client_call(client, &request, &response, &err), 0, "%s", err.message);
    cr_assert_eq(response.status, status, "%s: %d", url, response.status);
    if (status == 200)
        cr_assert_eq(json_parse(buf_str(&response.body), response.body.len, &value, &err), 0);
    http_response_free(&response);
    return value;
}

Test(local_ecs, serves_metadata_to_its_tasks)
{
    struct place p;
    char arn[HOST_PATH_MAX];
    char script[HOST_PATH_MAX + 96];
    char base[HOST_PATH_MAX];
    const struct http_client_options options = {.max_connections = 1};
    struct http_client *client = http_client_new(&options, NULL);
    place_open(&p, 1);
    start_ecs(&p);
    (void)snprintf(script, sizeof script, "echo $ECS_CONTAINER_METADATA_URI_V4 >%s; sleep 600",
                   p.host.fifo);
    run_script(&p, script, arn);
    host_read_lines(&p.host, 1, base, sizeof base);
    json_t *doc = get(client, base, "", 200);
    cr_assert_str_eq(json_str(doc, "Name", ""), "main");
    cr_assert_str_eq(json_str(json_object_get(doc, "Labels"), "com.amazonaws.ecs.task-arn", ""),
                     arn);
    json_decref(doc);
    doc = get(client, base, "/task", 200);
    cr_assert_str_eq(json_str(doc, "TaskARN", ""), arn);
    cr_assert_str_eq(json_str(doc, "Family", ""), "job");
    cr_assert_str_eq(json_str(doc, "Revision", ""), "1");
    cr_assert_eq(json_array_size(json_object_get(doc, "Containers")), 1);
    json_decref(doc);
    doc = get(client, base, "/stats", 200);
    cr_assert_gt(json_int(json_object_get(doc, "memory_stats"), "usage", 0), 0);
    json_decref(doc);
    cr_assert_null(get(client, base, "/nothing", 404));
    (void)http_client_free(client);
    place_close(&p);
}
