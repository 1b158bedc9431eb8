/* GET /workflows/{id}/tasks/{name} and .../log, over a real store and a real HTTP server. */
#include "lib/json/json_read.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/routes_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RUN = 77, PATH_MAX_TEXT = 20 * 1024, LONG_NAME = 1024 };
#define ECS_ID "0123456789abcdef0123456789abcdef"
#define ARN "arn:aws:states:eu-west-1:123456789012:execution:m:x"

static struct routes_fixture f;

static void setup(void)
{
    routes_fixture_open(&f);
}

static void teardown(void)
{
    routes_fixture_close(&f);
}

TestSuite(task_get, .init = setup, .fini = teardown);

/* A run of the pattern with these tasks, started. */
static void create(int pattern, const char *const *names, size_t count)
{
    static const char input[] = "{\"clusterName\":\"the-cluster\",\"taskDefinition\":\"td\","
                                "\"containerName\":\"main\",\"hashKeyWFDetails\":\"run\","
                                "\"rangeKeyWFDetails\":\"task\"}";
    struct error err = {0};
    int64_t existing;
    struct store_new_task tasks[4] = {{NULL, NULL, NULL}};
    for (size_t i = 0; i < count; i++)
        tasks[i] = (struct store_new_task){names[i], "bucket", "in/object"};
    const struct store_new_run run = {.id = RUN,
                                      .pattern = pattern,
                                      .workflow_name = "copy",
                                      .execution_name = "x",
                                      .request = "{}",
                                      .request_len = 2,
                                      .input = input,
                                      .input_len = strlen(input),
                                      .request_hash = "hash",
                                      .tasks = tasks,
                                      .task_count = count};
    cr_assert_eq(store_run_create(f.store, &run, &existing, &err), 0, "%s", err.message);
    cr_assert_eq(store_outbox_started(f.store, RUN, ARN, 1000, &err), 0, "%s", err.message);
}

static void put_row(const char *name, const char *id)
{
    struct error err = {0};
    const struct audit_detail row = {.workflow_run_id = RUN,
                                     .ecs_task_id = id,
                                     .task_name = name,
                                     .status = AUDIT_FAILED,
                                     .start_time = 1700000000000000,
                                     .update_time = 1700000001500000,
                                     .exec_time_in_seconds = 1.5,
                                     .bytes = -1,
                                     .attempt = 2,
                                     .stop_code = "EssentialContainerExited",
                                     .stopped_reason = "boom",
                                     .exit_code = 3};
    cr_assert_eq(store_tasks_mirror(f.store, RUN, &row, 1, &err), 0, "%s", err.message);
}

/* "/workflows/77/tasks/<name>" with all of the name escaped, then `rest`. */
static const char *path_to(const char *name, const char *rest, char out[PATH_MAX_TEXT])
{
    int n = snprintf(out, PATH_MAX_TEXT, "/workflows/%d/tasks/", RUN);
    for (; *name; name++)
        n += snprintf(out + n, (size_t)(PATH_MAX_TEXT - n), "%%%02X", (unsigned char)*name);
    (void)snprintf(out + n, (size_t)(PATH_MAX_TEXT - n), "%s", rest);
    return out;
}

static int get_at(const char *path, json_t **out)
{
    struct raw_reply r;
    struct error err = {0};
    raw_call(f.port, "GET", path, "", "", &r);
    int status = r.status;
    cr_assert_eq(json_parse(buf_str(&r.body), r.body.len, out, &err), 0, "%s", err.message);
    raw_reply_free(&r);
    return status;
}

static json_t *get_task(const char *name)
{
    char path[PATH_MAX_TEXT];
    json_t *task;
    cr_assert_eq(get_at(path_to(name, "", path), &task), 200, "%.100s", path);
    cr_assert_str_eq(json_str(task, "taskName", ""), name);
    return task;
}

/* The detail of a problem with this status. */
static void expect_problem(const char *path, int status, const char *part)
{
    json_t *problem;
    cr_assert_eq(get_at(path, &problem), status, "%.100s", path);
    cr_assert_not_null(strstr(json_str(problem, "detail", ""), part), "%s",
                       json_str(problem, "detail", ""));
    json_decref(problem);
}

Test(task_get, shows_the_row_under_the_names_of_its_table)
{
    create(1, (const char *[]){"a", "b"}, 2);
    put_row("a", ECS_ID);
    json_t *task = get_task("a");
    const json_t *row = json_object_get(task, "auditRow");
    cr_assert_eq(json_int(row, "run", 0), RUN);
    cr_assert_str_eq(json_str(row, "task", ""), ECS_ID);
    cr_assert_str_eq(json_str(row, "status", ""), "Failed");
    cr_assert_str_eq(json_str(row, "update_time", ""), "2023-11-14T22:13:21.500Z");
    cr_assert_float_eq(json_num(row, "exec_time_in_seconds", 0), 1.5, 1e-9);
    cr_assert_eq(json_int(row, "attempt", 0), 2);
    cr_assert_eq(json_int(row, "exit_code", 0), 3);
    cr_assert_str_eq(json_str(row, "stopped_reason", ""), "boom");
    cr_assert_null(json_object_get(row, "bytes"), "it has none");
    cr_assert(json_is_null(json_object_get(task, "ecs")), "nothing was heard of ECS");
    json_decref(task);
    task = get_task("b");
    cr_assert(json_is_null(json_object_get(task, "auditRow")));
    cr_assert(json_is_null(json_object_get(task, "log")));
    json_decref(task);
}

Test(task_get, shows_what_ecs_said_as_it_said_it)
{
    struct error err = {0};
    const char body[] = "{\"taskArn\":\"arn\",\"cpu\":\"256\",\"createdAt\":1700000000.125}";
    const struct store_description d = {
        .seq = 0, .ecs_task_id = ECS_ID, .stopped = true, .body = body, .body_len = strlen(body)};
    create(1, (const char *[]){"a"}, 1);
    put_row("a", ECS_ID);
    cr_assert_eq(store_descriptions_put(f.store, RUN, &d, 1, &err), 0, "%s", err.message);
    json_t *task = get_task("a");
    const json_t *ecs = json_object_get(task, "ecs");
    json_t *said = json_object_get(ecs, "description");
    json_t *expected = NULL;
    cr_assert_eq(json_parse(body, strlen(body), &expected, &err), 0);
    cr_assert(json_equal(said, expected));
    cr_assert(json_bool(ecs, "stopped", false));
    cr_assert_not(json_bool(ecs, "shortened", true));
    cr_assert_not_null(json_str(ecs, "seenAt", NULL));
    json_decref(expected);
    json_decref(task);
}

/* ECS's id of the task's says where the log is before a row does. */
Test(task_get, shows_what_ecs_said_of_a_task_without_a_row)
{
    struct error err = {0};
    const char body[] = "{\"taskArn\":\"arn\",\"lastStatus\":\"PENDING\"}";
    const struct store_description d = {
        .seq = 1, .ecs_task_id = ECS_ID, .body = body, .body_len = strlen(body)};
    create(1, (const char *[]){"a", "b"}, 2);
    cr_assert_eq(store_descriptions_put(f.store, RUN, &d, 1, &err), 0, "%s", err.message);
    put_row("a", "not-of-ecs");
    json_t *task = get_task("b");
    const json_t *ecs = json_object_get(task, "ecs");
    cr_assert(json_is_null(json_object_get(task, "auditRow")));
    cr_assert_not(json_bool(ecs, "stopped", true));
    cr_assert_str_eq(json_str(json_object_get(ecs, "description"), "lastStatus", ""), "PENDING");
    cr_assert(json_is_object(json_object_get(task, "log")));
    json_decref(task);
    put_row("b", "not-of-ecs-either");
    task = get_task("b");
    cr_assert(json_is_null(json_object_get(task, "ecs")), "its row names another");
    json_decref(task);
}

Test(task_get, shows_the_events_of_its_launch_or_says_why_there_are_none)
{
    struct error err = {0};
    const struct store_event events[] = {
        {1, 0, 1000, "MapStateEntered", "{\"name\":\"M\"}"},
        {2, 1, 1000, "MapIterationStarted", "{\"name\":\"M\",\"index\":1}"},
        {3, 2, 1000, "TaskSubmitted", NULL}};
    create(2, (const char *[]){"a", "b"}, 2);
    cr_assert_eq(store_events_add(f.store, RUN, events, 3, &err), 0, "%s", err.message);
    json_t *task = get_task("b");
    const json_t *said = json_object_get(task, "stepFunctions");
    const json_t *list = json_object_get(said, "events");
    cr_assert_eq(json_array_size(list), 2);
    cr_assert_str_eq(json_str(json_array_get(list, 1), "type", ""), "TaskSubmitted");
    cr_assert(json_is_null(json_object_get(said, "note")));
    json_decref(task);
    task = get_task("a");
    said = json_object_get(task, "stepFunctions");
    cr_assert_eq(json_array_size(json_object_get(said, "events")), 0);
    cr_assert_not_null(strstr(json_str(said, "note", ""), "an execution of its own"));
    json_decref(task);
}

Test(task_get, any_name_can_be_asked_for)
{
    char longest[LONG_NAME * 4 + 1] = "";
    for (size_t i = 0; i < LONG_NAME; i++)
        memcpy(longest + i * 4, "\xF0\x9F\x98\x80", 5);
    const char *const names[] = {"log", "a/b/../c?d#e%2F%", "<\xC3\xA9\n\"' +&>", longest};
    create(1, names, 4);
    for (size_t i = 0; i < 4; i++)
        json_decref(get_task(names[i]));
    json_t *task;
    cr_assert_eq(get_at("/workflows/77/tasks/log", &task), 200);
    json_decref(task);
}

Test(task_get, what_is_not_there_is_told)
{
    char path[PATH_MAX_TEXT];
    char name[LONG_NAME * 4 + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    create(1, (const char *[]){"a"}, 1);
    expect_problem("/workflows/77/tasks/b", 404, "run 77 has no task \"b\"");
    expect_problem("/workflows/77/tasks/%FF", 404, "run 77 has no task");
    expect_problem("/workflows/78/tasks/a", 404, "there is no run 78");
    expect_problem("/workflows/78/tasks/a/log", 404, "there is no run 78");
    expect_problem(path_to(name, "", path), 404, "4096 bytes");
    expect_problem("/workflows/77/tasks/", 404, "there is nothing at");
    expect_problem("/workflows/77/tasks/a/", 404, "there is nothing at");
    expect_problem("/workflows/77/tasks/a/b", 404, "there is nothing at");
    expect_problem("/workflows/77/tasks/a?x=1", 400, "x");
    expect_problem("/workflows/77/tasks/%", 400, "%25");
    expect_problem("/workflows/77/tasks/%4", 400, "%25");
    expect_problem("/workflows/77/tasks/a%00b", 400, "00");
    expect_problem("/workflows/77/tasks/a/log?tail=0", 400, "tail");
    expect_problem("/workflows/77/tasks/a/log?tail=65537", 400, "tail");
    expect_problem("/workflows/77/tasks/a/log?head=1", 400, "head");
}

Test(task_get, removed_tasks_are_told_as_such)
{
    struct error err = {0};
    bool more = true;
    const struct store_close c = {
        .status = AUDIT_FAILED, .ended_at = 9000, .task_status = AUDIT_FAILED};
    create(1, (const char *[]){"a"}, 1);
    cr_assert_eq(store_run_close(f.store, RUN, &c, &err), 0, "%s", err.message);
    while (more)
        cr_assert_eq(store_retain(f.store, 9001, 10, &more, &err), 0, "%s", err.message);
    expect_problem("/workflows/77/tasks/a", 404, "--retention-days");
    expect_problem("/workflows/77/tasks/a/log", 404, "--retention-days");
}

/* --- the log ---
 */

static char logs[FIXTURE_PATH_MAX];

static void log_path(char out[FIXTURE_PATH_MAX + 64], const char *id)
{
    (void)snprintf(out, FIXTURE_PATH_MAX + 64, "%s/%s.log", logs, id);
}

static void write_log(const char *id, const char *text)
{
    char path[FIXTURE_PATH_MAX + 64];
    log_path(path, id);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

/* A server with local logs, and a task that has an id. */
static void open_logs(void)
{
    (void)snprintf(logs, sizeof logs, "%s/logs", f.disk.dir);
    cr_assert_eq(mkdir(logs, 0700), 0);
    f.services.task_logs = logs;
    create(1, (const char *[]){"a/b", "b"}, 2);
    put_row("a/b", ECS_ID);
}

static void expect_log(const char *query, const char *text, const char *cut)
{
    char path[PATH_MAX_TEXT];
    char header[64] = "";
    struct raw_reply r;
    raw_call(f.port, "GET", path_to("a/b", query, path), "", "", &r);
    cr_assert_eq(r.status, 200);
    cr_assert_str_eq(buf_str(&r.body), text);
    cr_assert(raw_header(&r, "Content-Type", header, sizeof header));
    cr_assert_str_eq(header, "text/plain; charset=utf-8");
    cr_assert(raw_header(&r, "X-Log-Cut", header, sizeof header));
    cr_assert_str_eq(header, cut);
    raw_reply_free(&r);
}

Test(task_get, the_end_of_a_log_in_whole_lines)
{
    open_logs();
    write_log(ECS_ID, "");
    expect_log("/log", "", "false");
    write_log(ECS_ID, "one\ntwo\nthree\n");
    expect_log("/log", "one\ntwo\nthree\n", "false");
    expect_log("/log?tail=14", "one\ntwo\nthree\n", "false");
    expect_log("/log?tail=13", "two\nthree\n", "true");
    expect_log("/log?tail=8", "three\n", "true");
    expect_log("/log?tail=4", "ree\n", "true");
    json_t *task = get_task("a/b");
    const json_t *log = json_object_get(task, "log");
    cr_assert_str_eq(json_str(log, "kind", ""), "file");
    cr_assert_str_eq(json_str(log, "url", ""), "/workflows/77/tasks/%61%2F%62/log");
    cr_assert_str_eq(json_str(log, "path", ""), "aws/ecs/logs/" ECS_ID ".log");
    json_decref(task);
}

Test(task_get, the_log_of_a_task_without_a_row)
{
    struct error err = {0};
    const struct store_description d = {
        .seq = 0, .ecs_task_id = ECS_ID, .body = "{}", .body_len = 2};
    (void)snprintf(logs, sizeof logs, "%s/logs", f.disk.dir);
    cr_assert_eq(mkdir(logs, 0700), 0);
    f.services.task_logs = logs;
    create(1, (const char *[]){"a/b"}, 1);
    cr_assert_eq(store_descriptions_put(f.store, RUN, &d, 1, &err), 0, "%s", err.message);
    write_log(ECS_ID, "one\n");
    expect_log("/log", "one\n", "false");
}

Test(task_get, a_log_has_a_ceiling)
{
    enum { SIZE = 200000, MOST = 65536 };
    char path[PATH_MAX_TEXT];
    struct raw_reply r;
    char *text = malloc(SIZE + 1);
    cr_assert_not_null(text);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    open_logs();
    write_log(ECS_ID, text);
    raw_call(f.port, "GET", path_to("a/b", "/log?tail=65536", path), "", "", &r);
    cr_assert_eq(r.status, 200);
    cr_assert_eq(r.body.len, (size_t)MOST, "a line without end is not left out");
    raw_reply_free(&r);
    free(text);
}

Test(task_get, only_files_of_that_folder_are_logs)
{
    char path[PATH_MAX_TEXT];
    char log[FIXTURE_PATH_MAX + 64];
    open_logs();
    log_path(log, ECS_ID);
    expect_problem(path_to("a/b", "/log", path), 404, "any more");
    expect_problem(path_to("b", "/log", path), 404, "no ECS task is known");
    write_log("secret", "secret\n");
    cr_assert_eq(symlink("secret.log", log), 0);
    expect_problem(path_to("a/b", "/log", path), 404, "any more");
    cr_assert_eq(unlink(log), 0);
    cr_assert_eq(mkdir(log, 0700), 0);
    expect_problem(path_to("a/b", "/log", path), 404, "any more");
    cr_assert_eq(rmdir(log), 0);
    cr_assert_eq(mkfifo(log, 0600), 0);
    expect_problem(path_to("a/b", "/log", path), 404, "any more");
    cr_assert_eq(unlink(log), 0);
}

/* Rows are written by workers: an id that is a path leads nowhere. */
Test(task_get, an_id_that_is_a_path_leads_nowhere)
{
    char path[PATH_MAX_TEXT];
    open_logs();
    write_log("secret", "secret\n");
    put_row("b", "x/../secret");
    expect_problem(path_to("b", "/log", path), 404, "no ECS task is known");
}

Test(task_get, in_an_account_the_log_is_elsewhere)
{
    create(1, (const char *[]){"a"}, 1);
    put_row("a", ECS_ID);
    json_t *task = get_task("a");
    const json_t *log = json_object_get(task, "log");
    cr_assert_str_eq(json_str(log, "kind", ""), "cloudwatch");
    cr_assert_str_eq(
        json_str(log, "url", ""),
        "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/the-cluster/tasks/" ECS_ID
        "/logs?region=eu-west-1");
    cr_assert(json_is_null(json_object_get(log, "group")));
    json_decref(task);
    expect_problem("/workflows/77/tasks/a/log", 404, "CloudWatch");
}

/* The deployment tells its group; a run of another task definition has its log elsewhere. */
Test(task_get, the_deployments_tasks_have_a_log_stream)
{
    const char *const definitions[] = {"td", "another"};
    create(1, (const char *[]){"a"}, 1);
    put_row("a", ECS_ID);
    f.services.log_groups[1] = "dev/tasks.1";
    for (int i = 0; i < 2; i++) {
        json_t *known =
            json_pack("{s:s, s:s}", "taskDefinition", definitions[i], "containerName", "main");
        f.services.spec_defaults[1] = known;
        json_t *task = get_task("a");
        const json_t *log = json_object_get(task, "log");
        cr_assert_str_eq(json_str(log, "group", "null"), i ? "null" : "dev/tasks.1");
        cr_assert_str_eq(json_str(log, "stream", "null"), i ? "null" : "task/main/" ECS_ID);
        const char *part = i ? "/ecs/v2/clusters/the-cluster/"
                             : "#logsV2:log-groups/log-group/dev$252Ftasks$252E1/log-events/"
                               "task$252Fmain$252F" ECS_ID;
        cr_assert_not_null(strstr(json_str(log, "url", ""), part), "%s", json_str(log, "url", ""));
        json_decref(task);
        f.services.spec_defaults[1] = NULL;
        json_decref(known);
    }
}
