/* server/routes over a real store and a real HTTP server: what the flow tests cannot reach is rare,
 * so this looks at the parts that need no AWS: routing, problems, replay of a key, paging links. */
#include "lib/json/json_read.h"
#include "tests/unit/raw_http.h"
#include "tests/unit/routes_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct routes_fixture f;
    json_t *first = NULL;
    json_t *again = NULL;
    json_t *other = NULL;
    routes_fixture_open(&f);
    cr_assert_eq(routes_call(&f, "POST", "/workflows", good_spec, "k", &first), 202);
    cr_assert_eq(routes_call(&f, "POST", "/workflows", good_spec, "k", &again), 202);
    cr_assert_eq(routes_call(&f, "POST", "/workflows?pattern=1", good_spec, NULL, &other), 202);
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
    routes_fixture_close(&f);
}

/* The status of GET, with so many bytes behind the path, or in one more header. */
static int get_long(struct routes_fixture *f, const char *path, const char *header, size_t len)
{
    struct raw_http c;
    struct raw_reply r;
    char *text = malloc(len + 1);
    cr_assert_not_null(text);
    memset(text, 'a', len);
    text[len] = '\0';
    raw_open(&c, f->port, false);
    raw_sendf(&c, "GET %s", path);
    raw_send(&c, text, header ? 0 : len);
    raw_sendf(&c, " HTTP/1.1\r\nHost: 127.0.0.1\r\n%s: ", header ? header : "X-None");
    raw_send(&c, text, header ? len : 0);
    raw_sendf(&c, "\r\n\r\n");
    cr_assert(raw_read(&c, &r, false));
    const int status = r.status;
    raw_reply_free(&r);
    raw_close(&c);
    free(text);
    return status;
}

Test(routes, what_is_too_long_is_told)
{
    struct routes_fixture f;
    routes_fixture_open(&f);
    cr_expect_eq(get_long(&f, "/livez", "Cookie", 9000), 200);
    cr_expect_eq(get_long(&f, "/livez", "X-Long", 16000), 200);
    cr_expect_eq(get_long(&f, "/livez", "X-Long", 60000), 431);
    cr_expect_eq(get_long(&f, "/livez?", NULL, 60000), 414);
    cr_expect_eq(get_long(&f, "/workflows?q=", NULL, 4094), 200);
    cr_expect_eq(get_long(&f, "/workflows?q=", NULL, 4095), 400);
    routes_fixture_close(&f);
}

/* The link to the second page repeats all of the first one's query. */
Test(routes, the_longest_query_has_a_next_page)
{
    struct routes_fixture f;
    struct raw_reply r;
    char path[4200], link[4200];
    routes_fixture_open(&f);
    store_fixture_create(f.store, 5, 1);
    store_fixture_create(f.store, 6, 1);
    (void)snprintf(path, sizeof path, "/workflows?limit=%0*d", 4096 - (int)strlen("limit="), 1);
    raw_call(f.port, "GET", path, "", "", &r);
    cr_expect_eq(r.status, 200);
    cr_assert_not_null(raw_header(&r, "Link", link, sizeof link));
    cr_expect_not_null(strstr(link, "01&cursor=6>; rel=\"next\""));
    raw_reply_free(&r);
    routes_fixture_close(&f);
}

Test(routes, a_304_tells_the_length_of_what_it_leaves_out)
{
    struct routes_fixture f;
    struct raw_reply r;
    char etag[64], whole[32], known[32], header[128];
    routes_fixture_open(&f);
    raw_call(f.port, "GET", "/", "", "", &r);
    cr_expect_eq(r.status, 200);
    cr_assert_not_null(raw_header(&r, "ETag", etag, sizeof etag));
    cr_assert_not_null(raw_header(&r, "Content-Length", whole, sizeof whole));
    raw_reply_free(&r);
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
    raw_call(f.port, "GET", "/", header, "", &r);
    cr_expect_eq(r.status, 304);
    cr_expect_str_eq(raw_header(&r, "Content-Length", known, sizeof known), whole);
    raw_reply_free(&r);
    routes_fixture_close(&f);
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
    struct routes_fixture f;
    routes_fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *body = NULL;
        int status = routes_call(&f, cases[i].method, cases[i].path, cases[i].body, NULL, &body);
        cr_assert_eq(status, cases[i].status, "%s %s: %d", cases[i].method, cases[i].path, status);
        if (status >= 400) {
            cr_assert_eq(json_int(body, "status", 0), status);
            cr_assert_not_null(json_str(body, "detail", NULL));
        }
        json_decref(body);
    }
    routes_fixture_close(&f);
}

Test(routes, refuses_a_pattern_without_a_state_machine)
{
    struct routes_fixture f;
    json_t *body = NULL;
    routes_fixture_open(&f);
    f.services.offered[2] = false;
    cr_assert_eq(routes_call(&f, "POST", "/workflows?pattern=2", good_spec, NULL, &body), 422);
    const json_t *error = json_array_get(json_object_get(body, "errors"), 0);
    cr_assert_str_eq(json_str(error, "pointer", ""), "/pattern");
    cr_assert_not_null(strstr(json_str(error, "detail", ""), "--state-machine-2"));
    cr_assert_eq(routes_call(&f, "POST", "/workflows?pattern=1", good_spec, NULL, NULL), 202);
    json_decref(body);
    routes_fixture_close(&f);
}

Test(routes, cancels_once_and_keeps_the_first_reason)
{
    struct routes_fixture f;
    char path[64];
    json_t *run = NULL;
    json_t *first = NULL;
    json_t *again = NULL;
    routes_fixture_open(&f);
    cr_assert_eq(routes_call(&f, "POST", "/workflows", good_spec, NULL, &run), 202);
    (void)snprintf(path, sizeof path, "/workflows/%lld/cancel",
                   (long long)json_int(run, "workflowRunId", 0));
    cr_assert_eq(routes_call(&f, "POST", path, "{\"reason\":\"a\"}", NULL, &first), 202);
    cr_assert_eq(routes_call(&f, "POST", path, "{\"reason\":\"b\"}", NULL, &again), 202);
    cr_assert_str_eq(json_str(first, "cancelReason", ""), "a");
    cr_assert_str_eq(json_str(again, "cancelReason", ""), "a");
    cr_assert_str_eq(json_str(again, "updatedAt", ""), json_str(first, "updatedAt", "-"));
    json_decref(run);
    json_decref(first);
    json_decref(again);
    routes_fixture_close(&f);
}

Test(routes, lists_newest_first)
{
    struct routes_fixture f;
    json_t *page = NULL;
    routes_fixture_open(&f);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(routes_call(&f, "POST", "/workflows", good_spec, NULL, NULL), 202);
    cr_assert_eq(routes_call(&f, "GET", "/workflows?limit=2", NULL, NULL, &page), 200);
    const json_t *items = json_object_get(page, "items");
    cr_assert_eq(json_array_size(items), 2);
    int64_t newest = json_int(json_array_get(items, 0), "workflowRunId", 0);
    int64_t second = json_int(json_array_get(items, 1), "workflowRunId", 0);
    cr_assert_gt(newest, second);
    cr_assert_eq(strtoll(json_str(page, "nextCursor", "0"), NULL, 10), second);
    json_decref(page);
    routes_fixture_close(&f);
}

/* A spec without a pattern is told just that, not what the deployment would have filled in. */
Test(routes, names_the_missing_pattern_alone)
{
    struct routes_fixture f;
    json_t *body = NULL;
    json_t *spec;
    routes_fixture_open(&f);
    cr_assert_eq(json_parse(good_spec, strlen(good_spec), &spec, NULL), 0);
    json_object_set_new(spec, "pattern", json_integer(1));
    f.services.spec_defaults[1] = spec;
    cr_assert_eq(routes_call(&f, "POST", "/workflows",
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
    routes_fixture_close(&f);
}

/* The status of a POST without a body, which any web page can send. */
static int post_from(const struct routes_fixture *f, const char *method, const char *headers)
{
    struct raw_reply r;
    raw_call(http_server_port(f->server), method, "/workflows/12/cancel", headers, "", &r);
    const int status = r.status;
    raw_reply_free(&r);
    return status;
}

Test(routes, changes_nothing_for_pages_of_other_origins)
{
    struct routes_fixture f;
    char own[64];
    routes_fixture_open(&f);
    (void)snprintf(own, sizeof own, "Origin: %s\r\n", http_server_url(f.server));
    cr_assert_eq(post_from(&f, "POST", "Origin: https://evil.example\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Origin: null\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Sec-Fetch-Site: cross-site\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Sec-Fetch-Site: same-site\r\n"), 403);
    cr_assert_eq(post_from(&f, "POST", "Sec-Fetch-Site: same-origin\r\n"), 404);
    cr_assert_eq(post_from(&f, "POST", own), 404);
    cr_assert_eq(post_from(&f, "POST", ""), 404);
    cr_assert_eq(post_from(&f, "GET", "Origin: https://evil.example\r\n"), 405);
    routes_fixture_close(&f);
}
