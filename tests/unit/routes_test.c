/* server/routes over a real store and a real HTTP server: what the flow tests cannot reach is rare,
 * so this looks at the parts that need no AWS: routing, problems, replay of a key, paging links. */
#include "lib/http_client/http_client.h"
#include "lib/http_server/http_server.h"
#include "lib/json/json_read.h"
#include "server/routes/routes.h"
#include "server/services.h"
#include "server/store/store.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char folder[TEMP_FOLDER_MAX];
    struct store *store;
    struct control_health health;
    struct services services;
    struct http_server *server;
    struct http_client *client;
};

static void open_fixture(struct fixture *f)
{
    struct error err = {0};
    char path[TEMP_FOLDER_MAX + 16];
    *f = (struct fixture){.server = NULL};
    temp_folder_make(f->folder, "routes");
    (void)snprintf(path, sizeof path, "%s/s.db", f->folder);
    const struct store_options store = {.path = path, .clock = clock_system()};
    f->store = store_open(&store, &err);
    cr_assert_not_null(f->store, "%s", err.message);
    f->services = (struct services){.store = f->store,
                                    .clock = clock_system(),
                                    .health = &f->health,
                                    .offered = {false, true, true},
                                    .loopback = true};
    const struct http_server_options http = {.host = "127.0.0.1",
                                             .threads = 1,
                                             .max_body = BUF_MAX_SPEC,
                                             .ctx = &f->services,
                                             .begin = routes_begin,
                                             .handle = routes_handle};
    f->server = http_server_start(&http, &err);
    cr_assert_not_null(f->server, "%s", err.message);
    const struct http_client_options client = {.max_connections = 1};
    f->client = http_client_new(&client, &err);
    cr_assert_not_null(f->client, "%s", err.message);
}

static void close_fixture(struct fixture *f)
{
    http_client_free(f->client);
    http_server_stop(f->server);
    store_close(f->store);
    temp_folder_remove(f->folder);
}

/* Sends one request; the body's members are in *out (a new reference, may be NULL). */
static int call(struct fixture *f, const char *method, const char *path, const char *body,
                const char *key, json_t **out)
{
    struct error err = {0};
    char url[256];
    struct http_header headers[2] = {{"Content-Type", "application/json"},
                                     {"Idempotency-Key", key}};
    struct http_response res = {0};
    (void)snprintf(url, sizeof url, "%s%s", http_server_url(f->server), path);
    const struct http_request req = {.method = method,
                                     .url = url,
                                     .headers = headers,
                                     .header_count = key ? 2 : 1,
                                     .body = body,
                                     .body_len = body ? strlen(body) : 0,
                                     .no_proxy = true};
    cr_assert_eq(http_client_call(f->client, &req, &res, &err), 0, "%s", err.message);
    int status = res.status;
    if (out)
        cr_assert_eq(json_parse(buf_str(&res.body), res.body.len, out, &err), 0, "%s: %s",
                     err.message, buf_str(&res.body));
    http_response_free(&res);
    return status;
}

static const char good_spec[] =
    "{\"region\":\"eu-west-1\",\"s3BucketName\":\"bucket-1\",\"subnetIdLiteral\":\"subnet-1\","
    "\"separator\":\",\","
    "\"workflowName\":\"copy_pattern_1\",\"securityGroupId\":\"sg-1\","
    "\"ddbTableNameWFSummary\":\"summary\",\"hashKeyWFSummary\":\"workflow_name\","
    "\"rangeKeyWFSummary\":\"workflow_run_id\",\"ddbTableNameWFDetails\":\"details\","
    "\"hashKeyWFDetails\":\"workflow_run_id\",\"rangeKeyWFDetails\":\"ecs_task_id\","
    "\"clusterName\":\"c\",\"containerName\":\"k\",\"taskDefinition\":\"t\","
    "\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"in\"},{\"taskName\":\"b\",\"objectKey\":"
    "\"in\"}]}";

Test(routes, accepts_a_spec_once_per_key)
{
    struct fixture f;
    json_t *first = NULL;
    json_t *again = NULL;
    json_t *other = NULL;
    open_fixture(&f);
    cr_assert_eq(call(&f, "POST", "/workflows", good_spec, "k", &first), 202);
    cr_assert_eq(call(&f, "POST", "/workflows", good_spec, "k", &again), 202);
    cr_assert_eq(call(&f, "POST", "/workflows?pattern=1", good_spec, NULL, &other), 202);
    int64_t id = json_int(first, "workflowRunId", 0);
    cr_assert_gt(id, INT64_C(1700000000000000));
    cr_assert_lt(id, INT64_C(9007199254740992));
    cr_assert_eq(json_int(again, "workflowRunId", 0), id);
    cr_assert_neq(json_int(other, "workflowRunId", 0), id);
    cr_assert_str_eq(json_str(first, "status", ""), "Submitted");
    cr_assert_eq(json_int(json_object_get(first, "tasks"), "total", 0), 2);
    json_decref(first);
    json_decref(again);
    json_decref(other);
    close_fixture(&f);
}

Test(routes, answers_problems_with_the_right_status)
{
    static const struct {
        const char *method, *path, *body;
        int status;
    } cases[] = {
        {"GET", "/none", NULL, 404},
        {"GET", "/workflows/12", NULL, 404},
        {"GET", "/workflows/012", NULL, 404},
        {"GET", "/workflows/99999999999999999999", NULL, 404},
        {"GET", "/workflows/12/nothing", NULL, 404},
        {"DELETE", "/workflows/12", NULL, 405},
        {"POST", "/workflows", "{", 400},
        {"POST", "/workflows", "[]", 422},
        {"POST", "/workflows?pattern=3", good_spec, 400},
        {"POST", "/workflows?pattern=2", good_spec, 202},
        {"GET", "/workflows?cursor=x", NULL, 400},
        {"GET", "/workflows?limit=1001", NULL, 400},
        {"GET", "/workflows?limit=%205", NULL, 400},
        {"GET", "/workflows?limit=%2B5", NULL, 400},
        {"GET", "/workflows?status=failed&limit=1&status=running", NULL, 400},
        {"GET", "/workflows?limit=1&cursor=1&&limit", NULL, 400},
        {"GET", "/workflows?name=status&q=name", NULL, 200},
        {"POST", "/workflows/12/cancel", NULL, 404},
        {"GET", "/workflows/12/cancel", NULL, 405},
        {"POST", "/workflows/12/cancel", "{", 400},
        {"POST", "/workflows/12/cancel", "{\"why\":1}", 400},
        {"POST", "/workflows/12/cancel?x=1", NULL, 400},
        {"POST", "/workflows/12/retry", NULL, 404},
        {"GET", "/workflows/12/retry", NULL, 405},
        {"POST", "/workflows/12/retry?task=a", NULL, 400},
        {"GET", "/workflows?parent=0", NULL, 400},
    };
    struct fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *body = NULL;
        int status = call(&f, cases[i].method, cases[i].path, cases[i].body, NULL, &body);
        cr_assert_eq(status, cases[i].status, "%s %s: %d", cases[i].method, cases[i].path, status);
        if (status >= 400) {
            cr_assert_eq(json_int(body, "status", 0), status);
            cr_assert_not_null(json_str(body, "detail", NULL));
        }
        json_decref(body);
    }
    close_fixture(&f);
}

Test(routes, refuses_a_pattern_without_a_state_machine)
{
    struct fixture f;
    json_t *body = NULL;
    open_fixture(&f);
    f.services.offered[2] = false;
    cr_assert_eq(call(&f, "POST", "/workflows?pattern=2", good_spec, NULL, &body), 422);
    const json_t *error = json_array_get(json_object_get(body, "errors"), 0);
    cr_assert_str_eq(json_str(error, "pointer", ""), "/pattern");
    cr_assert_not_null(strstr(json_str(error, "detail", ""), "--state-machine-2"));
    cr_assert_eq(call(&f, "POST", "/workflows?pattern=1", good_spec, NULL, NULL), 202);
    json_decref(body);
    close_fixture(&f);
}

Test(routes, cancels_once_and_keeps_the_first_reason)
{
    struct fixture f;
    char path[64];
    json_t *run = NULL;
    json_t *first = NULL;
    json_t *again = NULL;
    open_fixture(&f);
    cr_assert_eq(call(&f, "POST", "/workflows", good_spec, NULL, &run), 202);
    (void)snprintf(path, sizeof path, "/workflows/%lld/cancel",
                   (long long)json_int(run, "workflowRunId", 0));
    cr_assert_eq(call(&f, "POST", path, "{\"reason\":\"a\"}", NULL, &first), 202);
    cr_assert_eq(call(&f, "POST", path, "{\"reason\":\"b\"}", NULL, &again), 202);
    cr_assert_str_eq(json_str(first, "cancelReason", ""), "a");
    cr_assert_str_eq(json_str(again, "cancelReason", ""), "a");
    cr_assert_str_eq(json_str(again, "updatedAt", ""), json_str(first, "updatedAt", "-"));
    json_decref(run);
    json_decref(first);
    json_decref(again);
    close_fixture(&f);
}

Test(routes, lists_newest_first)
{
    struct fixture f;
    json_t *page = NULL;
    open_fixture(&f);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(call(&f, "POST", "/workflows", good_spec, NULL, NULL), 202);
    cr_assert_eq(call(&f, "GET", "/workflows?limit=2", NULL, NULL, &page), 200);
    const json_t *items = json_object_get(page, "items");
    cr_assert_eq(json_array_size(items), 2);
    int64_t newest = json_int(json_array_get(items, 0), "workflowRunId", 0);
    int64_t second = json_int(json_array_get(items, 1), "workflowRunId", 0);
    cr_assert_gt(newest, second);
    cr_assert_eq(strtoll(json_str(page, "nextCursor", "0"), NULL, 10), second);
    json_decref(page);
    close_fixture(&f);
}

/* A spec without a pattern is told just that, not what the deployment would have filled in. */
Test(routes, names_the_missing_pattern_alone)
{
    struct fixture f;
    json_t *body = NULL;
    json_t *spec;
    open_fixture(&f);
    cr_assert_eq(json_parse(good_spec, strlen(good_spec), &spec, NULL), 0);
    json_object_set_new(spec, "pattern", json_integer(1));
    f.services.spec_defaults[1] = spec;
    cr_assert_eq(call(&f, "POST", "/workflows",
                      "{\"workflowName\":\"plain\",\"taskList\":[{\"taskName\":\"a\","
                      "\"objectKey\":\"k\"}]}",
                      NULL, &body),
                 422);
    const json_t *errors = json_object_get(body, "errors");
    cr_assert_eq(json_array_size(errors), 1);
    cr_assert_str_eq(json_str(json_array_get(errors, 0), "pointer", ""), "/pattern");
    json_decref(body);
    f.services.spec_defaults[1] = NULL;
    json_decref(spec);
    close_fixture(&f);
}

/* The status of a POST without a body, which any web page can send. */
static int post_from(const struct fixture *f, const char *method, const char *headers)
{
    struct raw_reply r;
    raw_call(http_server_port(f->server), method, "/workflows/12/cancel", headers, "", &r);
    const int status = r.status;
    raw_reply_free(&r);
    return status;
}

Test(routes, changes_nothing_for_pages_of_other_origins)
{
    struct fixture f;
    char own[64];
    open_fixture(&f);
    (void)snprintf(own, sizeof own, "Origin: %s\r\n", http_server_url(f.server));
    cr_assert_eq(post_from(&f, "POST", "Origin: https://evil.example\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Origin: null\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Sec-Fetch-Site: cross-site\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Sec-Fetch-Site: same-site\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Sec-Fetch-Site: same-origin\r\n"), 404);
    cr_assert_eq(post_from(&f, "POST", own), 404);
    cr_assert_eq(post_from(&f, "POST", ""), 404);
    cr_assert_eq(post_from(&f, "GET", "Origin: https://evil.example\r\n"), 405);
    close_fixture(&f);
}
