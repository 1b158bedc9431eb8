/* lib/aws, the builders: what goes onto the wire, and how answers are read. */
#include "lib/aws/aws_lambda.h"
#include "lib/aws/dynamodb.h"
#include "lib/aws/ecs.h"
#include "lib/aws/s3.h"
#include "lib/aws/sfn.h"
#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *json = NULL;
    cr_assert_eq(json_parse(text, strlen(text), &json, &err), 0, "%s", err.message);
    return json;
}

/* Frees the request after comparing its body as JSON. */
static void expect_json(struct aws_request *r, int rc, const char *operation, const char *body)
{
    cr_assert_eq(rc, 0);
    json_t *sent = parse(buf_str(&r->body));
    json_t *expected = parse(body);
    cr_expect(json_equal(sent, expected), "%s: %s", operation, buf_str(&r->body));
    cr_expect_str_eq(r->operation, operation);
    cr_expect_str_eq(r->method, "POST");
    cr_expect_str_eq(buf_str(&r->path), "/");
    json_decref(sent);
    json_decref(expected);
    aws_request_free(r);
}

static const char *header_of(const struct aws_request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return buf_str(&r->headers[i].value);
    return NULL;
}

/* An answer made of header lines and a body. */
static struct aws_response answer(const char *headers, const char *body)
{
    struct aws_response a = {.status = 200};
    buf_init(&a.http.headers, 4096);
    buf_init(&a.http.body, 64 * 1024);
    buf_adds(&a.http.headers, headers);
    buf_adds(&a.http.body, body);
    if (*body == '{')
        a.json = parse(body);
    return a;
}

Test(dynamodb, bodies)
{
    struct aws_request r;
    struct error err = {0};
    json_t *key = parse("{\"id\":{\"N\":\"7\"}}");
    json_t *names = parse("{\"#s\":\"status\"}");
    json_t *values = parse("{\":s\":{\"S\":\"Running\"}}");
    const struct dynamodb_put put = {.table = "t", .item = key};
    expect_json(&r, dynamodb_put_item(&r, &put, &err), "PutItem",
                "{\"TableName\":\"t\",\"Item\":{\"id\":{\"N\":\"7\"}}}");
    const struct dynamodb_put guarded = {"t", key, "attribute_not_exists(#s)", names, values};
    expect_json(&r, dynamodb_put_item(&r, &guarded, &err), "PutItem",
                "{\"TableName\":\"t\",\"Item\":{\"id\":{\"N\":\"7\"}},\"ConditionExpression\":"
                "\"attribute_not_exists(#s)\",\"ExpressionAttributeNames\":{\"#s\":\"status\"},"
                "\"ExpressionAttributeValues\":{\":s\":{\"S\":\"Running\"}}}");
    const struct dynamodb_update update = {"t",   key,    "SET #s = :s", "attribute_exists(id)",
                                           names, values, "ALL_NEW",     true};
    expect_json(&r, dynamodb_update_item(&r, &update, &err), "UpdateItem",
                "{\"TableName\":\"t\",\"Key\":{\"id\":{\"N\":\"7\"}},\"UpdateExpression\":"
                "\"SET #s = :s\",\"ConditionExpression\":\"attribute_exists(id)\","
                "\"ExpressionAttributeNames\":{\"#s\":\"status\"},\"ExpressionAttributeValues\":"
                "{\":s\":{\"S\":\"Running\"}},\"ReturnValues\":\"ALL_NEW\","
                "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
    expect_json(&r, dynamodb_get_item(&r, "t", key, true, &err), "GetItem",
                "{\"TableName\":\"t\",\"Key\":{\"id\":{\"N\":\"7\"}},\"ConsistentRead\":true}");
    const struct dynamodb_query query = {.table = "t",
                                         .key_condition = "#s = :s",
                                         .names = names,
                                         .values = values,
                                         .start_key = key,
                                         .limit = 5};
    expect_json(&r, dynamodb_query(&r, &query, &err), "Query",
                "{\"TableName\":\"t\",\"KeyConditionExpression\":\"#s = :s\","
                "\"ExpressionAttributeNames\":{\"#s\":\"status\"},\"ExpressionAttributeValues\":"
                "{\":s\":{\"S\":\"Running\"}},\"ExclusiveStartKey\":{\"id\":{\"N\":\"7\"}},"
                "\"Limit\":5,\"ConsistentRead\":false}");
    json_decref(key);
    json_decref(names);
    json_decref(values);
}

Test(dynamodb, reading_items)
{
    struct aws_response a = answer("", "{\"Items\":[{\"n\":{\"N\":\"-42\"},\"s\":{\"S\":\"x\"},"
                                       "\"f\":{\"N\":\"1.5\"},\"big\":{\"N\":\"1e30\"}}],"
                                       "\"LastEvaluatedKey\":{\"n\":{\"N\":\"1\"}}}");
    const json_t *item = json_array_get(dynamodb_items(&a), 0);
    cr_assert_eq(dynamodb_get_n(item, "n", 0), -42);
    cr_assert_str_eq(dynamodb_get_s(item, "s", ""), "x");
    cr_assert_eq(dynamodb_get_n(item, "s", -1), -1, "not a number");
    cr_assert_eq(dynamodb_get_n(item, "f", -1), -1, "not an integer");
    cr_assert_eq(dynamodb_get_n(item, "big", -1), -1, "out of range");
    cr_assert_null(dynamodb_get_s(item, "n", NULL));
    cr_assert_not_null(dynamodb_last_key(&a));
    cr_assert_null(dynamodb_item(&a));
    aws_response_free(&a);
    a = answer("", "{}");
    cr_assert_null(dynamodb_items(&a));
    cr_assert_null(dynamodb_last_key(&a));
    aws_response_free(&a);
    json_t *n = dynamodb_n(INT64_MIN);
    cr_assert_str_eq(json_str(n, "N", ""), "-9223372036854775808");
    json_decref(n);
    cr_assert_null(dynamodb_s("\xff"), "not UTF-8");
}

/* Reads all items' member n, and the key behind them. */
static size_t sum_page(const char *body, int64_t *sum, json_t **key)
{
    struct aws_response a = {.status = 200};
    struct dynamodb_page page;
    size_t count = 0;
    *sum = 0;
    buf_init(&a.http.body, BUF_MAX_LINE);
    buf_adds(&a.http.body, body);
    dynamodb_page_open(&page, &a);
    for (; dynamodb_page_next(&page); count++) {
        const struct json_slice item = jp_slice(&page.list.pull);
        *sum += dynamodb_slice_n(&item, "n", 0);
    }
    struct error err = {0};
    if (dynamodb_page_end(&page, key, &err))
        *sum = -1;
    aws_response_free(&a);
    return count;
}

Test(dynamodb, pages_as_text)
{
    static const struct {
        const char *body;
        size_t count;
        int64_t sum; /* -1: the page is refused */
        bool more;
    } cases[] = {
        {"{\"Items\":[{\"n\":{\"N\":\"-42\"}},{\"n\":{\"N\":\"50\"}}],\"LastEvaluatedKey\":{\"n\":"
         "{\"N\":\"1\"}}}",
         2, 8, true},
        {"{\"LastEvaluatedKey\":{\"n\":{\"N\":\"1\"}},\"Count\":1,\"Items\":[{\"n\":{\"N\":\"7\"}}]"
         ","
         "\"ConsumedCapacity\":{\"Items\":[1,2]}}",
         1, 7, true},
        {"{\"Items\":[{\"n\":{\"N\":\"1.5\"}},{\"n\":{\"N\":\"1e30\"}},{\"n\":{\"S\":\"5\"}},{"
         "\"n\":5},"
         "[],{},null]}",
         7, 0, false},
        {"{\"Items\":[],\"LastEvaluatedKey\":{\"n\":{\"N\":\"1\"}}}", 0, 0, true},
        {"{\"It\\u0065ms\":[{\"\\u006e\":{\"\\u004E\":\"\\u0035\"}}],\"LastEvaluatedKey\":null}", 1,
         5, false},
        {"{\"Items\":{\"n\":{\"N\":\"1\"}},\"LastEvaluatedKey\":[]}", 0, 0, false},
        {"{}", 0, 0, false},
        {"", 0, 0, false},
        {"{\"Items\":[],\"Items\":[]}", 0, -1, false},
        {"{\"Items\":[],\"LastEvaluatedKey\":{\"a\":1,\"a\":2}}", 0, -1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t sum;
        json_t *key;
        cr_expect_eq(sum_page(cases[i].body, &sum, &key), cases[i].count, "%s", cases[i].body);
        cr_expect_eq(sum, cases[i].sum, "%s", cases[i].body);
        cr_expect_eq(key != NULL, cases[i].more, "%s", cases[i].body);
        json_decref(key);
    }
}

Test(ecs, bodies)
{
    static const char *const subnets[] = {"subnet-1", "subnet-2"};
    static const char *const groups[] = {"sg-1"};
    static const struct ecs_env environment[] = {{"A", "1"}, {"B", "x\"y"}};
    struct aws_request r;
    struct error err = {0};
    struct ecs_run run = {.cluster = "c",
                          .task_definition = "td:1",
                          .container = "main",
                          .subnets = subnets,
                          .subnet_count = 2,
                          .security_groups = groups,
                          .security_group_count = 1,
                          .assign_public_ip = true,
                          .environment = environment,
                          .environment_count = 2,
                          .client_token = "token",
                          .started_by = "run/7"};
    expect_json(&r, ecs_run_task(&r, &run, &err), "RunTask",
                "{\"cluster\":\"c\",\"taskDefinition\":\"td:1\",\"launchType\":\"FARGATE\","
                "\"count\":1,\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":["
                "\"subnet-1\",\"subnet-2\"],\"securityGroups\":[\"sg-1\"],\"assignPublicIp\":"
                "\"ENABLED\"}},\"overrides\":{\"containerOverrides\":[{\"name\":\"main\","
                "\"environment\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\",\"value\":"
                "\"x\\\"y\"}]}]},\"clientToken\":\"token\",\"startedBy\":\"run/7\"}");
    static char long_value[8193];
    memset(long_value, 'x', sizeof long_value - 1);
    const struct ecs_env big = {"A", long_value};
    run.environment = &big;
    run.environment_count = 1;
    cr_assert_eq(ecs_run_task(&r, &run, &err), -1);
    cr_assert_eq(err.code, ERR_LIMIT);
    expect_json(&r, ecs_describe_tasks(&r, "c", subnets, 2, &err), "DescribeTasks",
                "{\"cluster\":\"c\",\"tasks\":[\"subnet-1\",\"subnet-2\"]}");
    cr_assert_eq(ecs_describe_tasks(&r, "c", subnets, 0, &err), -1);
    cr_assert_eq(ecs_describe_tasks(&r, "c", subnets, ECS_DESCRIBE_MAX + 1, &err), -1);
    expect_json(&r, ecs_list_tasks(&r, "c", "run/7", "STOPPED", NULL, &err), "ListTasks",
                "{\"cluster\":\"c\",\"startedBy\":\"run/7\",\"desiredStatus\":\"STOPPED\"}");
    expect_json(&r, ecs_stop_task(&r, "c", "t", "cancelled", &err), "StopTask",
                "{\"cluster\":\"c\",\"task\":\"t\",\"reason\":\"cancelled\"}");
}

Test(ecs, reading_tasks)
{
    static const struct {
        const char *containers;
        bool has_code;
        int64_t code;
        const char *reason;
    } cases[] = {
        {"[{\"exitCode\":0}]", true, 0, ""},
        {"[{\"exitCode\":0,\"reason\":\"a\"},{\"exitCode\":137,\"reason\":\"OutOfMemoryError\"}]",
         true, 137, "OutOfMemoryError"},
        {"[{\"exitCode\":2,\"reason\":\"b\"},{\"exitCode\":3,\"reason\":\"c\"}]", true, 2, "b"},
        {"[{\"reason\":\"CannotPullContainerError\"}]", false, 0, "CannotPullContainerError"},
        {"[{\"exitCode\":0},{}]", false, 0, ""},
        {"[]", false, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        struct ecs_task t;
        (void)snprintf(text, sizeof text,
                       "{\"taskArn\":\"arn:aws:ecs:r:1:task/c/abc\",\"lastStatus\":\"STOPPED\","
                       "\"createdAt\":1.7041646451234E9,\"startedAt\":1704164645,"
                       "\"containers\":%s}",
                       cases[i].containers);
        json_t *task = parse(text);
        cr_assert_eq(ecs_task_read(task, &t, NULL), 0);
        cr_expect_eq(t.has_exit_code, cases[i].has_code, "case %zu", i);
        cr_expect_eq(t.exit_code, cases[i].code, "case %zu", i);
        cr_expect_str_eq(t.container_reason, cases[i].reason);
        cr_expect_eq(t.created_at, INT64_C(1704164645123000));
        cr_expect_eq(t.started_at, INT64_C(1704164645000000));
        cr_expect_eq(t.stopped_at, 0);
        cr_expect_str_eq(t.stop_code, "");
        cr_expect_str_eq(ecs_task_id(t.arn), "abc");
        json_decref(task);
    }
    json_t *nothing = parse("{}");
    struct ecs_task t;
    cr_assert_eq(ecs_task_read(nothing, &t, NULL), -1);
    json_decref(nothing);
}

/* The container that RunTask's overrides name is the task; others are told where they failed. */
Test(ecs, tells_the_work_from_its_sidecars)
{
    static const struct {
        const char *containers;
        bool has_code;
        int64_t code;
        const char *sidecar; /* NULL: none to tell of */
    } cases[] = {
        {"[{\"name\":\"log\",\"exitCode\":0},{\"name\":\"work\",\"exitCode\":3}]", true, 3, NULL},
        {"[{\"name\":\"log\"},{\"name\":\"work\",\"exitCode\":0}]", true, 0, NULL},
        {"[{\"name\":\"log\",\"exitCode\":1},{\"name\":\"work\"}]", false, 0, "log"},
        {"[{\"name\":\"work\",\"exitCode\":0},{\"name\":\"a\",\"exitCode\":137},{\"name\":\"b\","
         "\"exitCode\":137,\"reason\":\"OutOfMemoryError\"}]",
         true, 0, "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        struct ecs_task t;
        (void)snprintf(
            text, sizeof text,
            "{\"taskArn\":\"a/abc\",\"lastStatus\":\"STOPPED\",\"pullStartedAt\":1704164645,"
            "\"overrides\":{\"containerOverrides\":[{\"name\":\"work\"}]},"
            "\"containers\":%s}",
            cases[i].containers);
        json_t *task = parse(text);
        cr_assert_eq(ecs_task_read(task, &t, NULL), 0);
        cr_expect_eq(t.has_exit_code, cases[i].has_code, "case %zu", i);
        cr_expect_eq(t.exit_code, cases[i].code, "case %zu", i);
        cr_expect_eq(t.pull_started_at, INT64_C(1704164645000000));
        if (cases[i].sidecar)
            cr_expect_str_eq(t.sidecar.name, cases[i].sidecar, "case %zu", i);
        else
            cr_expect_null(t.sidecar.name, "case %zu", i);
        json_decref(task);
    }
}

Test(ecs, lists_and_overrides)
{
    struct aws_response a = answer(
        "", "{\"tasks\":[{\"overrides\":{\"containerOverrides\":[{},{\"environment\":[{\"name\":"
            "\"A\",\"value\":\"1\"},{\"name\":\"B\",\"value\":\"2\"}]}]}}],\"nextToken\":\"n\"}");
    json_t *task = json_array_get(ecs_tasks(&a), 0);
    cr_assert_str_eq(ecs_task_env(task, "B"), "2");
    cr_assert_null(ecs_task_env(task, "C"));
    cr_assert_eq(json_array_size(ecs_failures(&a)), 0);
    cr_assert_not_null(ecs_failures(&a));
    cr_assert_eq(json_array_size(ecs_list_arns(&a)), 0);
    cr_assert_str_eq(ecs_list_next(&a), "n");
    aws_response_free(&a);
}

Test(sfn, bodies)
{
    struct aws_request r;
    struct error err = {0};
    const char *input = "{\"a\":\"\xc3\xa4\\n\"}";
    expect_json(&r, sfn_start_execution(&r, "arn:sm", "run-7", input, strlen(input), &err),
                "StartExecution",
                "{\"stateMachineArn\":\"arn:sm\",\"name\":\"run-7\","
                "\"input\":\"{\\\"a\\\":\\\"\xc3\xa4\\\\n\\\"}\"}");
    cr_assert_eq(sfn_start_execution(&r, "arn:sm", "n", input, BUF_MAX_STATE + 1, &err), -1);
    cr_assert_eq(err.code, ERR_LIMIT);
    expect_json(&r, sfn_describe_execution(&r, "arn:e", &err), "DescribeExecution",
                "{\"executionArn\":\"arn:e\"}");
    expect_json(&r, sfn_get_history(&r, "arn:e", 100, "tok", true, &err), "GetExecutionHistory",
                "{\"executionArn\":\"arn:e\",\"maxResults\":100,\"reverseOrder\":true,"
                "\"nextToken\":\"tok\"}");
    expect_json(&r, sfn_stop_execution(&r, "arn:e", "Cancelled", NULL, &err), "StopExecution",
                "{\"executionArn\":\"arn:e\",\"error\":\"Cancelled\"}");
    expect_json(&r, sfn_list_executions(&r, "arn:sm", "RUNNING", 0, NULL, &err), "ListExecutions",
                "{\"stateMachineArn\":\"arn:sm\",\"statusFilter\":\"RUNNING\"}");
}

Test(sfn, reading_answers)
{
    struct sfn_started started;
    struct sfn_execution e;
    struct sfn_event event;
    struct aws_response a = answer("", "{\"executionArn\":\"arn:e\",\"startDate\":1.704164645E9}");
    cr_assert_eq(sfn_start_result(&a, &started, NULL), 0);
    cr_assert_str_eq(started.execution_arn, "arn:e");
    cr_assert_eq(started.start_time, INT64_C(1704164645000000));
    cr_assert_eq(sfn_describe_result(&a, &e, NULL), -1, "no status");
    aws_response_free(&a);
    a = answer("", "{\"executionArn\":\"arn:e\",\"name\":\"n\",\"status\":\"FAILED\","
                   "\"startDate\":1704164645.5,\"stopDate\":1704164646,\"error\":\"E\"}");
    cr_assert_eq(sfn_describe_result(&a, &e, NULL), 0);
    cr_assert_str_eq(e.status, "FAILED");
    cr_assert_str_eq(e.error, "E");
    cr_assert_null(e.output);
    cr_assert_eq(e.stop_time - e.start_time, 500000);
    aws_response_free(&a);
    a = answer("", "{\"events\":[{\"id\":3,\"previousEventId\":2,\"timestamp\":1704164645,"
                   "\"type\":\"TaskFailed\",\"taskFailedEventDetails\":{\"error\":\"E\"}},"
                   "{\"id\":4,\"timestamp\":1,\"type\":\"ExecutionStarted\"},{}]}");
    json_t *events = sfn_history_events(&a);
    cr_assert_eq(sfn_event_read(json_array_get(events, 0), &event, NULL), 0);
    cr_assert_eq(event.previous_id, 2);
    cr_assert_str_eq(json_str(event.details, "error", ""), "E");
    cr_assert_eq(sfn_event_read(json_array_get(events, 1), &event, NULL), 0);
    cr_assert_null(event.details);
    cr_assert_eq(sfn_event_read(json_array_get(events, 2), &event, NULL), -1);
    cr_assert_null(sfn_history_next(&a));
    aws_response_free(&a);
}

Test(s3, requests)
{
    struct aws_request r;
    struct error err = {0};
    cr_assert_eq(s3_put_object(&r, "b", "a b//../\xc3\xa4+", "x", 1, "text/plain", &err), 0);
    cr_assert_str_eq(buf_str(&r.path), "/b/a%20b//../%C3%A4%2B");
    cr_assert_str_eq(header_of(&r, "content-type"), "text/plain");
    aws_request_free(&r);
    const struct s3_copy copy = {"src", "k/\xc3\xa4 ?", "dst", "to", "\"e\""};
    cr_assert_eq(s3_copy_object(&r, &copy, &err), 0);
    cr_assert_str_eq(header_of(&r, "x-amz-copy-source"), "src/k/%C3%A4%20%3F");
    cr_assert_str_eq(header_of(&r, "x-amz-copy-source-if-match"), "\"e\"");
    cr_assert_str_eq(r.expect_root, "CopyObjectResult");
    aws_request_free(&r);
    const struct s3_part_copy part = {copy, "id/+=", 2, 5242880, 10485759};
    cr_assert_eq(s3_upload_part_copy(&r, &part, &err), 0);
    cr_assert_str_eq(buf_str(&r.query), "partNumber=2&uploadId=id%2F%2B%3D");
    cr_assert_str_eq(header_of(&r, "x-amz-copy-source-range"), "bytes=5242880-10485759");
    aws_request_free(&r);
    static const char etags[2][128] = {"\"a\"", "\"b\""};
    cr_assert_eq(s3_complete_multipart(&r, "b", "k", "id", etags, 2, &err), 0);
    cr_assert_not_null(strstr(buf_str(&r.body), "<Part><PartNumber>2</PartNumber>"
                                                "<ETag>&#x22;b&#x22;</ETag></Part></Complete"));
    aws_request_free(&r);
    cr_assert_eq(s3_create_multipart(&r, "b", "k", &err), 0);
    cr_assert_str_eq(buf_str(&r.query), "uploads");
    aws_request_free(&r);
    cr_assert_eq(s3_list_objects(&r, "b", "p/", 5000, "tok+/=", &err), 0);
    cr_assert_str_eq(buf_str(&r.query), "list-type=2&encoding-type=url&prefix=p%2F&max-keys=1000&"
                                        "continuation-token=tok%2B%2F%3D");
    aws_request_free(&r);
}

Test(s3, refuses_impossible_names)
{
    static char long_key[1026];
    memset(long_key, 'k', sizeof long_key - 1);
    static const struct {
        const char *bucket, *key;
    } bad[] = {{"", "k"}, {"b", ""}, {"a/b", "k"}, {"b?", "k"}, {"b", long_key}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct aws_request r;
        struct error err = {0};
        cr_assert_eq(s3_get_object(&r, bad[i].bucket, bad[i].key, 0, &err), -1, "case %zu", i);
        cr_assert_eq(err.code, ERR_ARGUMENT);
        const struct s3_copy copy = {bad[i].bucket, bad[i].key, "dst", "to", NULL};
        cr_assert_eq(s3_copy_object(&r, &copy, &err), -1, "case %zu", i);
        const struct s3_part_copy part = {
            {"src", "k", "dst", "to", NULL}, "id", (int)i * 20000, 1, 0};
        cr_assert_eq(s3_upload_part_copy(&r, &part, &err), -1);
    }
}

Test(s3, reading_answers)
{
    struct s3_head head;
    char etag[128];
    struct buf id;
    struct aws_response a = answer("Content-Length: 5368709120\r\nETag: \"abc\"\r\n", "");
    cr_assert_eq(s3_head_result(&a, &head, NULL), 0);
    cr_assert_eq(head.size, INT64_C(5368709120));
    cr_assert_str_eq(head.etag, "\"abc\"");
    cr_assert_eq(s3_part_copy_result(&a, etag, NULL), -1, "no body");
    aws_response_free(&a);
    a = answer("Content-Length: -1\r\nETag: \"abc\"\r\n",
               "<CopyPartResult><ETag>&quot;e-1&quot;</ETag></CopyPartResult>");
    cr_assert_eq(s3_head_result(&a, &head, NULL), -1);
    cr_assert_eq(s3_part_copy_result(&a, etag, NULL), 0);
    cr_assert_str_eq(etag, "\"e-1\"");
    aws_response_free(&a);
    a = answer("", "<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>u.1</UploadId>"
                   "</InitiateMultipartUploadResult>");
    buf_init(&id, 1024);
    cr_assert_eq(s3_create_multipart_result(&a, &id, NULL), 0);
    cr_assert_str_eq(buf_str(&id), "u.1");
    buf_free(&id);
    aws_response_free(&a);
}

Test(s3, listings)
{
    struct s3_listing l;
    struct error err = {0};
    struct aws_response a = answer(
        "", "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>"
            "<NextContinuationToken>t+/=</NextContinuationToken><EncodingType>url</EncodingType>"
            "<Contents><Key>a%2Bb+c%01/d</Key><Size>12</Size></Contents>"
            "<Contents><Key>z%</Key><Size>0</Size></Contents></ListBucketResult>");
    cr_assert_eq(s3_list_result(&a, &l, &err), 0, "%s", err.message);
    cr_assert_eq(l.count, 2);
    cr_assert_str_eq(l.objects[0].key, "a+b c\x01/d");
    cr_assert_eq(l.objects[0].size, 12);
    cr_assert_str_eq(l.objects[1].key, "z%");
    cr_assert_str_eq(l.continuation, "t+/=");
    s3_listing_free(&l);
    aws_response_free(&a);
    a = answer("", "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a%2Bb+c</Key>"
                   "<Size>1</Size></Contents></ListBucketResult>");
    cr_assert_eq(s3_list_result(&a, &l, &err), 0);
    cr_assert_str_eq(l.objects[0].key, "a%2Bb+c", "not encoded: taken as it stands");
    cr_assert_null(l.continuation);
    s3_listing_free(&l);
    aws_response_free(&a);
    static const char *const bad[] = {
        "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><Size>1x</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "<html>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        a = answer("", bad[i]);
        cr_assert_eq(s3_list_result(&a, &l, &err), -1, "case %zu", i);
        aws_response_free(&a);
    }
}

Test(lambda, invoke_and_its_results)
{
    struct aws_request r;
    struct error err = {0};
    cr_assert_eq(lambda_invoke(&r, "arn:aws:lambda:r:1:function:f:prod", "{}", 2, &err), 0);
    cr_assert_str_eq(buf_str(&r.path), "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ar%3A1%3A"
                                       "function%3Af%3Aprod/invocations");
    cr_assert_gt(r.timeout_ms, 900000);
    aws_request_free(&r);
    struct aws_response a = answer("", "{\"ok\":1}");
    cr_assert_eq(lambda_result(&a, &err), 0);
    aws_response_free(&a);
    a = answer("X-Amz-Function-Error: Unhandled\r\n",
               "{\"errorType\":\"Flow.Transient\",\"errorMessage\":\"later\"}");
    cr_assert_eq(lambda_result(&a, &err), -1);
    cr_assert(err_is_remote(&err, "Flow.Transient"));
    cr_assert_str_eq(err.message, "Flow.Transient: later");
    aws_response_free(&a);
    a = answer("X-Amz-Function-Error: Unhandled\r\n", "not JSON");
    cr_assert_eq(lambda_result(&a, &err), -1);
    cr_assert(err_is_remote(&err, "Unhandled"));
    aws_response_free(&a);
}

Test(builders, describing_what_is_deployed)
{
    struct aws_request r;
    struct error err = {0};
    expect_json(&r, sfn_describe_machine(&r, "arn:m", &err), "DescribeStateMachine",
                "{\"stateMachineArn\":\"arn:m\"}");
    expect_json(&r, dynamodb_describe_table(&r, "t", &err), "DescribeTable",
                "{\"TableName\":\"t\"}");
    expect_json(&r, ecs_describe_definition(&r, "td:1", &err), "DescribeTaskDefinition",
                "{\"taskDefinition\":\"td:1\"}");
    cr_assert_eq(s3_head_bucket(&r, "b", &err), 0);
    cr_expect_str_eq(r.method, "HEAD");
    cr_expect_str_eq(r.operation, "HeadBucket");
    cr_expect_str_eq(buf_str(&r.path), "/b");
    aws_request_free(&r);
    cr_assert_eq(s3_head_bucket(&r, "a/b", &err), -1);
    cr_assert_eq(s3_head_bucket(&r, "", &err), -1);
    aws_request_free(&r);
}

Test(dynamodb, reading_a_table)
{
    struct dynamodb_table table;
    struct error err = {0};
    struct aws_response a =
        answer("", "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"r\","
                   "\"KeyType\":\"RANGE\"},{\"AttributeName\":\"h\",\"KeyType\":\"HASH\"}],"
                   "\"AttributeDefinitions\":[{\"AttributeName\":\"h\",\"AttributeType\":\"S\"},"
                   "{\"AttributeName\":\"r\",\"AttributeType\":\"N\"}],\"StreamSpecification\":"
                   "{\"StreamEnabled\":true,\"StreamViewType\":\"NEW_IMAGE\"}}}");
    cr_assert_eq(dynamodb_table_read(&a, &table, &err), 0);
    cr_expect_str_eq(table.hash.name, "h");
    cr_expect_str_eq(table.hash.type, "S");
    cr_expect_str_eq(table.range.name, "r");
    cr_expect_str_eq(table.range.type, "N");
    cr_expect_str_eq(table.stream, "NEW_IMAGE");
    aws_response_free(&a);
    a = answer("", "{\"Table\":{\"TableStatus\":\"CREATING\"}}");
    cr_assert_eq(dynamodb_table_read(&a, &table, &err), 0);
    cr_expect_str_eq(table.range.name, "");
    cr_expect_null(table.stream);
    aws_response_free(&a);
    a = answer("", "{}");
    cr_assert_eq(dynamodb_table_read(&a, &table, &err), -1);
    aws_response_free(&a);
}
