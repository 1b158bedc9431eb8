/* GET /openapi.json is complete and true: every route is in it, and what each one answers is what
 * it says. */
#include "lib/json/json_read.h"
#include "server/api/render.h"
#include "server/embed/embed.h"
#include "server/live/live.h"
#include "server/routes/routes.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/routes_fixture.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { RUN = 77 };
#define ECS_ID "0123456789abcdef0123456789abcdef"

static json_t *read_contract(void)
{
    struct error err = {0};
    json_t *contract = NULL;
    const struct embedded *file = embed_find("server/api/openapi.json");
    cr_assert_not_null(file);
    cr_assert_eq(json_parse(file->data, file->len, &contract, &err), 0, "%s", err.message);
    return contract;
}

/* --- every route is there ----------------------------------------------------------------------*/

/* Names of methods are in lower case there. */
static const json_t *operation(const json_t *contract, const char *method, const char *path)
{
    const json_t *item = json_object_get(json_object_get(contract, "paths"), path);
    return json_object_get(item, strcmp(method, "POST") == 0 ? "post" : "get");
}

static void find_in_contract(void *contract, const char *method, const char *path)
{
    cr_assert_not_null(operation(contract, method, path), "%s %s is not in the contract", method,
                       path);
}

struct wanted {
    const char *method, *path;
    bool found;
};

static void find_in_routes(void *wanted, const char *method, const char *path)
{
    struct wanted *w = wanted;
    w->found |= strcasecmp(method, w->method) == 0 && strcmp(path, w->path) == 0;
}

Test(contract, has_every_route_and_no_other)
{
    json_t *contract = read_contract();
    const char *path;
    const char *method;
    json_t *item;
    json_t *op;
    routes_each(find_in_contract, contract);
    json_object_foreach (json_object_get(contract, "paths"), path, item) {
        json_object_foreach (item, method, op) {
            struct wanted w = {method, path, strcmp(path, "/") == 0};
            routes_each(find_in_routes, &w);
            cr_assert(w.found, "there is no route %s %s", method, path);
        }
    }
    json_decref(contract);
}

/* --- answers are what it says ------------------------------------------------------------------*/

/* #/components/schemas/Run and the like. */
static const json_t *resolve(const json_t *root, const json_t *value)
{
    const char *at = json_str(value, "$ref", NULL);
    while (at) {
        char name[64];
        at += 2;
        value = root;
        while (*at) {
            const size_t len = strcspn(at, "/");
            (void)snprintf(name, sizeof name, "%.*s", (int)len, at);
            value = json_object_get(value, name);
            at += len + (at[len] == '/');
        }
        cr_assert_not_null(value);
        at = json_str(value, "$ref", NULL);
    }
    return value;
}

static bool is_type(const char *type, const json_t *value)
{
    return (!strcmp(type, "object") && json_is_object(value)) ||
           (!strcmp(type, "array") && json_is_array(value)) ||
           (!strcmp(type, "string") && json_is_string(value)) ||
           (!strcmp(type, "integer") && json_is_integer(value)) ||
           (!strcmp(type, "number") && json_is_number(value)) ||
           (!strcmp(type, "boolean") && json_is_boolean(value)) ||
           (!strcmp(type, "null") && json_is_null(value));
}

static bool type_fits(const json_t *type, const json_t *value)
{
    size_t i;
    const json_t *one;
    if (!type)
        return true;
    if (json_is_string(type))
        return is_type(json_string_value(type), value);
    json_array_foreach (type, i, one)
        if (is_type(json_string_value(one), value))
            return true;
    return false;
}

static bool among(const json_t *list, const json_t *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach (list, i, one)
        if (json_equal(one, value))
            return true;
    return false;
}

static void check(const json_t *root, const json_t *schema, const json_t *value, const char *where);

static void check_members(const json_t *root, const json_t *schema, const json_t *value,
                          const char *where)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    const char *name;
    json_t *member;
    size_t i;
    const json_t *required;
    json_array_foreach (json_object_get(schema, "required"), i, required)
        cr_assert_not_null(json_object_get(value, json_string_value(required)), "%s has no %s",
                           where, json_string_value(required));
    json_object_foreach ((json_t *)value, name, member) {
        const json_t *known = json_object_get(properties, name);
        cr_assert(known || !json_is_false(others), "%s: %s is not in the contract", where, name);
        if (known)
            check(root, known, member, name);
    }
}

/* The part of JSON Schema that the contract uses. */
static void check(const json_t *root, const json_t *schema, const json_t *value, const char *where)
{
    size_t i;
    const json_t *item;
    schema = resolve(root, schema);
    const json_t *choice = json_object_get(schema, "oneOf");
    if (choice) {
        if (!json_is_null(value))
            check(root, json_array_get(choice, 0), value, where);
        return;
    }
    cr_assert(type_fits(json_object_get(schema, "type"), value), "%s has another type", where);
    const json_t *list = json_object_get(schema, "enum");
    cr_assert(!list || among(list, value), "%s has another value", where);
    if (json_is_object(value))
        check_members(root, schema, value, where);
    json_array_foreach (value, i, item)
        check(root, json_object_get(schema, "items"), item, where);
}

/* The media type of the answer, without its parameters, and its schema. */
static void check_answer(const json_t *root, const json_t *op, const struct raw_reply *r,
                         const char *what)
{
    char status[16];
    char type[64] = "";
    json_t *body = NULL;
    struct error err = {0};
    (void)snprintf(status, sizeof status, "%d", r->status);
    const json_t *response =
        resolve(root, json_object_get(json_object_get(op, "responses"), status));
    cr_assert_not_null(response, "%s answers %s", what, status);
    const json_t *content = json_object_get(response, "content");
    if (!content)
        return;
    (void)raw_header(r, "Content-Type", type, sizeof type);
    type[strcspn(type, ";")] = '\0';
    const json_t *media = json_object_get(content, type);
    cr_assert_not_null(media, "%s answers %s", what, type);
    if (!strstr(type, "json"))
        return;
    cr_assert_eq(json_parse(buf_str(&r->body), r->body.len, &body, &err), 0, "%s", err.message);
    check(root, json_object_get(media, "schema"), body, what);
    json_decref(body);
}

static const char spec[] =
    "{\"region\":\"eu-west-1\",\"s3BucketName\":\"bucket-1\",\"subnetIdLiteral\":\"subnet-1\","
    "\"separator\":\",\",\"workflowName\":\"copy_pattern_1\",\"securityGroupId\":\"sg-1\","
    "\"ddbTableNameWFSummary\":\"summary\",\"hashKeyWFSummary\":\"workflow_name\","
    "\"rangeKeyWFSummary\":\"workflow_run_id\",\"ddbTableNameWFDetails\":\"details\","
    "\"hashKeyWFDetails\":\"workflow_run_id\",\"rangeKeyWFDetails\":\"ecs_task_id\","
    "\"clusterName\":\"c\",\"containerName\":\"k\",\"taskDefinition\":\"t\","
    "\"labels\":{\"a\":\"b\"},"
    "\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"in\"}]}";

/* A run with a failed task, its events and all that a run can have. */
static void fill_store(struct store *s)
{
    struct error err = {0};
    const struct store_event started = {.id = 1, .time = 1000, .type = "ExecutionStarted"};
    const struct store_description said = {
        .seq = 0, .ecs_task_id = ECS_ID, .body = "{\"a\":1}", .body_len = 7};
    const struct audit_detail row = {.workflow_run_id = RUN,
                                     .ecs_task_id = ECS_ID,
                                     .task_name = "task-0",
                                     .status = AUDIT_FAILED,
                                     .start_time = 1000,
                                     .update_time = 2000,
                                     .exec_time_in_seconds = 1.5,
                                     .bytes = 10,
                                     .stop_code = "EssentialContainerExited",
                                     .stopped_reason = "OutOfMemoryError: killed",
                                     .exit_code = 137};
    store_fixture_create(s, RUN, 2);
    cr_assert_eq(store_outbox_postpone(s, RUN, 0, "throttled", &err), 0, "%s", err.message);
    cr_assert_eq(store_outbox_started(s, RUN, "arn", 1000, &err), 0, "%s", err.message);
    cr_assert_eq(store_events_add(s, RUN, &started, 1, &err), 0, "%s", err.message);
    cr_assert_eq(store_tasks_mirror(s, RUN, &row, 1, &err), 0, "%s", err.message);
    cr_assert_eq(store_descriptions_put(s, RUN, &said, 1, &err), 0, "%s", err.message);
    cr_assert_eq(store_run_cancel(s, RUN, "enough", &err), 0, "%s", err.message);
}

/* The log of the task with that id. */
static void write_log(struct routes_fixture *f)
{
    char path[FIXTURE_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/" ECS_ID ".log", f->disk.dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fclose(file), 0);
    f->services.task_logs = f->disk.dir;
}

static void open_all(struct routes_fixture *f)
{
    struct error err = {0};
    routes_fixture_open(f);
    fill_store(f->store);
    write_log(f);
    const struct live_options live = {
        .store = f->store, .clock = clock_system(), .render = render_run};
    f->services.live = live_open(&live, &err);
    f->services.definitions[1] = "{\"StartAt\":\"A\",\"States\":{}}";
    cr_assert_not_null(f->services.live, "%s", err.message);
}

static void close_all(struct routes_fixture *f)
{
    f->server = http_server_stop(f->server);
    live_close(f->services.live);
    routes_fixture_close(f);
}

/* The path of the run and the task that are there, with the query. */
static void fill_path(const char *pattern, const char *query, char *out, size_t size)
{
    size_t n = 0;
    for (const char *at = pattern; *at && n + 1 < size;) {
        bool id = strncmp(at, "{id}", 4) == 0;
        bool name = strncmp(at, "{name}", 6) == 0;
        n += (size_t)snprintf(out + n, size - n, "%.*s", id || name ? 6 : 1,
                              id     ? "77"
                              : name ? "task-0"
                                     : at);
        at += id ? 4 : name ? 6 : 1;
    }
    (void)snprintf(out + n, size - n, "%s", query);
}

/* Answers that are streamed have no length and are not read here: their heads are. */
Test(contract, answers_are_what_it_says)
{
    static const struct {
        const char *method, *path, *query, *body;
    } cases[] = {
        {"POST", "/workflows", "?pattern=1", spec},
        {"POST", "/workflows", "?dryRun=true", spec},
        {"POST", "/workflows", "", "{}"},
        {"POST", "/workflows", "", "{"},
        {"GET", "/workflows", "?limit=1", ""},
        {"GET", "/workflows", "?limit=0", ""},
        {"GET", "/workflows", "?endedSince=2026-01-01T00:00:00Z", ""},
        {"GET", "/workflows", "?endedSince=today", ""},
        {"GET", "/workflows/{id}", "", ""},
        {"GET", "/workflows/{id}", "?x", ""},
        {"GET", "/workflows/{id}/tasks", "", ""},
        {"GET", "/workflows/{id}/tasks", "?since=0&limit=1", ""},
        {"GET", "/workflows/{id}/tasks", "?reason=OutOfMemory", ""},
        {"GET", "/workflows/{id}/tasks/{name}", "", ""},
        {"GET", "/workflows/{id}/tasks/{name}", "?x", ""},
        {"GET", "/workflows/{id}/tasks/{name}/log", "", ""},
        {"GET", "/workflows/{id}/tasks/{name}/log", "?tail=0", ""},
        {"GET", "/workflows/{id}/failures", "", ""},
        {"GET", "/workflows/{id}/events", "", ""},
        {"GET", "/workflows/{id}/definition", "", ""},
        {"GET", "/workflows/{id}/export", "", ""},
        {"POST", "/workflows/{id}/cancel", "", ""},
        {"POST", "/workflows/{id}/retry", "", ""},
        {"GET", "/events", "?since=x", ""},
        {"GET", "/stats", "", ""},
        {"GET", "/metrics", "", ""},
        {"GET", "/openapi.json", "", ""},
        {"GET", "/livez", "", ""},
        {"GET", "/readyz", "", ""},
        {"GET", "/", "", ""},
    };
    struct routes_fixture f;
    json_t *contract = read_contract();
    open_all(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        struct raw_reply r;
        fill_path(cases[i].path, cases[i].query, path, sizeof path);
        raw_call(f.port, cases[i].method, path,
                 *cases[i].body ? "Content-Type: application/json\r\n" : "", cases[i].body, &r);
        check_answer(contract, operation(contract, cases[i].method, cases[i].path), &r, path);
        raw_reply_free(&r);
    }
    json_decref(contract);
    close_all(&f);
}

static void check_head(struct routes_fixture *f, const json_t *contract, const char *path,
                       const char *address)
{
    struct raw_reply r;
    raw_call(f->port, "HEAD", address, "", "", &r);
    cr_assert_eq(r.status, 200, "%s", address);
    const json_t *op = operation(contract, "GET", path);
    char type[64] = "";
    (void)raw_header(&r, "Content-Type", type, sizeof type);
    type[strcspn(type, ";")] = '\0';
    const json_t *ok = json_object_get(json_object_get(op, "responses"), "200");
    cr_assert_not_null(json_object_get(json_object_get(ok, "content"), type), "%s: %s", address,
                       type);
    raw_reply_free(&r);
}

Test(contract, streams_have_the_type_it_says)
{
    struct routes_fixture f;
    json_t *contract = read_contract();
    open_all(&f);
    check_head(&f, contract, "/events", "/events");
    check_head(&f, contract, "/workflows/{id}/export", "/workflows/77/export?format=csv");
    check_head(&f, contract, "/workflows/{id}/export", "/workflows/77/export?format=json");
    check_head(&f, contract, "/workflows/{id}/spec", "/workflows/77/spec");
    json_decref(contract);
    close_all(&f);
}
