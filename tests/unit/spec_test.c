/* lib/spec: what is accepted, what is refused with which pointer, what is filled in. */
#include "lib/spec/spec.h"
#include "server/embed/embed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct error err = {0};
    cr_assert_eq(json_parse(text, strlen(text), &value, &err), 0, "%s in %s", err.message, text);
    return value;
}

/* The example spec of a pattern with some members replaced. */
static json_t *example(int pattern, const char *changes)
{
    const struct embedded *file =
        embed_find(pattern == 1 ? "specs/pattern-1.json" : "specs/pattern-2.json");
    cr_assert_not_null(file);
    json_t *tree = parse(file->data);
    json_t *patch = parse(changes);
    json_object_update(tree, patch);
    json_decref(patch);
    return tree;
}

static bool has_problem(const struct json_problems *p, const char *pointer, const char *detail)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].pointer, pointer) == 0 && strstr(p->list[i].detail, detail))
            return true;
    return false;
}

Test(spec, accepts_both_examples)
{
    for (int pattern = 1; pattern <= 2; pattern++) {
        json_t *tree = example(pattern, "{}");
        struct spec s;
        struct json_problems problems = {0};
        struct error err = {0};
        cr_assert_eq(spec_read(tree, 0, NULL, &s, &problems, &err), 0, "%s", err.message);
        cr_assert_eq(s.pattern, pattern);
        cr_assert_eq(s.task_count, 10);
        cr_assert_str_eq(s.tasks[9].task_name, "task-10");
        cr_assert_str_eq(s.tasks[9].object_key, "input/sample.bin");
        cr_assert_str_eq(s.tasks[9].s3_bucket_name,
                         pattern == 1 ? "stepfleet-pattern-1" : "stepfleet-pattern-2");
        cr_assert_eq(s.workflow_run_id, 0);
        spec_free(&s);
        json_decref(tree);
    }
}

static const struct {
    const char *changes;
    const char *pointer;
    const char *detail;
} refused[] = {
    {"{\"color\":1}", "/color", "not a known attribute"},
    {"{\"color\":null}", "/color", "not a known attribute"},
    {"{\"region\":null}", "/region", "required"},
    {"{\"region\":\"Frankfurt\"}", "/region", "AWS Region"},
    {"{\"workflowName\":7}", "/workflowName", "must be a string, not an integer"},
    {"{\"workflowName\":\"a b pattern_1\"}", "/workflowName", "letters, digits"},
    {"{\"taskList\":[]}", "/taskList", "1 to 10000"},
    {"{\"taskList\":{}}", "/taskList", "must be an array"},
    {"{\"taskList\":[3]}", "/taskList/0", "must be an object"},
    {"{\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"k\"},{\"taskName\":\"b\",\"objectKey\":"
     "\"k\"},{\"taskName\":\"a\",\"objectKey\":\"k\"}]}",
     "/taskList/2/taskName", "/taskList/0"},
    {"{\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"\"}]}", "/taskList/0/objectKey",
     "must not be empty"},
    {"{\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"k\",\"size\":1}]}", "/taskList/0/size",
     "not a known attribute"},
    {"{\"taskList\":[{\"taskName\":\"a\\nb\",\"objectKey\":\"k\"}]}", "/taskList/0/taskName",
     "control"},
    {"{\"s3BucketName\":\"Big\"}", "/s3BucketName", "lower-case"},
    {"{\"s3BucketName\":\"ab\"}", "/s3BucketName", "3 to 63"},
    {"{\"s3BucketName\":\"a..b\"}", "/s3BucketName", "two periods"},
    {"{\"s3BucketName\":\"-ab\"}", "/s3BucketName", "begin and end"},
    {"{\"s3BucketName\":\"10.0.0.1\"}", "/s3BucketName", "IP address"},
    {"{\"s3BucketName\":null,\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"k\"}]}",
     "/s3BucketName", "/taskList/0"},
    {"{\"separator\":\"\"}", "/separator", "must not be empty"},
    {"{\"separator\":\";\"}", "/subnetIdLiteral", "the separator is \";\""},
    {"{\"subnetIdLiteral\":\" , \"}", "/subnetIdLiteral", "names 0"},
    {"{\"securityGroupId\":\"sg-1,sg-2,sg-3,sg-4,sg-5,sg-6\"}", "/securityGroupId", "1 to 5"},
    {"{\"securityGroupId\":\"default\"}", "/securityGroupId", "not a security group"},
    {"{\"ddbTableNameWFSummary\":\"a b\"}", "/ddbTableNameWFSummary", "3 to 255"},
    {"{\"ddbTableNameWFDetails\":\"workflow_summary_pattern_1\"}", "/ddbTableNameWFDetails",
     "must differ"},
    {"{\"rangeKeyWFSummary\":\"workflow_name\"}", "/rangeKeyWFSummary", "must differ"},
    {"{\"rangeKeyWFDetails\":\"workflow_run_id\"}", "/rangeKeyWFDetails", "must differ"},
    {"{\"rangeKeyWFDetails\":\"status\"}", "/rangeKeyWFDetails", "attribute"},
    {"{\"clusterName\":\"a b\"}", "/clusterName", "ECS name"},
    {"{\"containerName\":\"a:b\"}", "/containerName", "container name"},
    {"{\"workflowRunId\":0}", "/workflowRunId", "between 1 and"},
    {"{\"workflowRunId\":9007199254740992}", "/workflowRunId", "between 1 and"},
    {"{\"workflowRunId\":1.5}", "/workflowRunId", "must be an integer"},
    {"{\"pattern\":3}", "/pattern", "must be 1 or 2, it is 3"},
    {"{\"pattern\":0}", "/pattern", "must be 1 or 2, it is 0"},
    {"{\"pattern\":\"1\"}", "/pattern", "must be an integer"},
    {"{\"workflowName\":\"w\",\"ddbTableNameWFSummary\":\"sum\",\"ddbTableNameWFDetails\":"
     "\"det\"}",
     "/pattern", "cannot be told"},
    {"{\"workflowName\":\"pattern-2\"}", "/pattern", "cannot be told"},
    {"{\"maxConcurrency\":1001}", "/maxConcurrency", "between 1 and 1000"},
    {"{\"monitorIntervalSeconds\":0}", "/monitorIntervalSeconds", "between"},
    {"{\"taskTimeoutSeconds\":-1}", "/taskTimeoutSeconds", "between"},
    {"{\"runTimeoutSeconds\":31536001}", "/runTimeoutSeconds", "between"},
    {"{\"toleratedFailures\":-1}", "/toleratedFailures", "between"},
    {"{\"labels\":{\"a/b\":1}}", "/labels/a~1b", "must be a string"},
};

Test(spec, refuses_by_pointer_and_reason)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        json_t *tree = example(1, refused[i].changes);
        struct spec s;
        struct json_problems p = {0};
        struct error err = {0};
        cr_expect_eq(spec_read(tree, 0, NULL, &s, &p, &err), -1, "%s", refused[i].changes);
        cr_expect_eq(err.code, ERR_SPEC_INVALID, "%s", refused[i].changes);
        cr_expect(has_problem(&p, refused[i].pointer, refused[i].detail), "%s: got %s",
                  refused[i].changes, err.message);
        cr_expect_null(s.root);
        json_problems_free(&p);
        json_decref(tree);
    }
}

Test(spec, tells_everything_at_once)
{
    json_t *tree = example(2, "{\"region\":1,\"x\":2,\"taskList\":[{\"taskName\":\"\"}]}");
    struct spec s;
    struct json_problems p = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(tree, 0, NULL, &s, &p, &err), -1);
    cr_assert_eq(p.count, 4);
    cr_assert(has_problem(&p, "/region", "string"));
    cr_assert(has_problem(&p, "/x", "known"));
    cr_assert(has_problem(&p, "/taskList/0/taskName", "empty"));
    cr_assert(has_problem(&p, "/taskList/0/objectKey", "required"));
    cr_assert(strstr(err.message, "(and 3 more)"), "%s", err.message);
    struct buf text;
    buf_init(&text, BUF_MAX_LINE);
    spec_problems_text(&p, &text);
    cr_assert(strstr(buf_str(&text), "; /taskList/0/objectKey is required"), "%s", buf_str(&text));
    buf_free(&text);
    json_problems_free(&p);
    json_decref(tree);
}

Test(spec, counts_bytes_of_long_keys_and_lists)
{
    char key[1100];
    memset(key, 'k', sizeof key);
    json_t *tree = example(1, "{\"taskList\":[]}");
    json_t *list = json_object_get(tree, "taskList");
    for (size_t len = 990; len <= 992; len++)
        json_array_append_new(
            list, json_pack("{s:s%,s:s%}", "taskName", key, len - 900, "objectKey", key, len));
    struct spec s;
    struct json_problems p = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(tree, 0, NULL, &s, &p, &err), -1);
    cr_assert_eq(p.count, 1);
    cr_assert(has_problem(&p, "/taskList/2/objectKey", "at most 991 bytes"));
    json_problems_free(&p);

    json_array_clear(list);
    for (int i = 0; i <= SPEC_TASKS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        json_array_append_new(list, json_pack("{s:s,s:s}", "taskName", name, "objectKey", "k"));
    }
    cr_assert_eq(spec_read(tree, 0, NULL, &s, &p, &err), -1);
    cr_assert(has_problem(&p, "/taskList", "it has 10001"));
    json_problems_free(&p);
    json_array_remove(list, SPEC_TASKS_MAX);
    cr_assert_eq(spec_read(tree, 0, NULL, &s, &p, &err), 0, "%s", err.message);
    cr_assert_eq(s.task_count, SPEC_TASKS_MAX);
    spec_free(&s);
    json_decref(tree);
}

Test(spec, completes_without_changing_what_was_given)
{
    json_t *tree = example(2, "{\"labels\":{\"a\":\"b\"},\"separator\":null,\"workflowRunId\":null,"
                              "\"runTimeoutSeconds\":60}");
    json_t *before = json_deep_copy(tree);
    struct spec s;
    struct json_problems p = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(tree, 2, NULL, &s, &p, &err), 0, "%s", err.message);
    cr_assert(json_equal(tree, before));
    struct buf text;
    buf_init(&text, BUF_MAX_SPEC);
    json_dump(&text, s.root);
    cr_assert_eq(strncmp(buf_str(&text), "{\"region\":\"us-east-1\",\"s3BucketName\"", 36), 0);
    cr_assert(strstr(buf_str(&text),
                     "\"runTimeoutSeconds\":60,\"separator\":\",\",\"maxConcurrency\""
                     ":40,\"monitorIntervalSeconds\":120,\"taskTimeoutSeconds\":"
                     "21600,\"toleratedFailures\":0,\"pattern\":2}"),
              "%s", buf_str(&text));
    cr_assert(strstr(buf_str(&text), "{\"taskName\":\"task-01\",\"objectKey\":\"input/sample.bin\","
                                     "\"s3BucketName\":\"stepfleet-pattern-2\"}"));
    cr_assert_null(strstr(buf_str(&text), "workflowRunId"));
    cr_assert_str_eq(s.separator, ",");
    cr_assert_eq(s.run_timeout_seconds, 60);
    /* What was completed is a spec again, and the same one. */
    struct spec again;
    cr_assert_eq(spec_read(s.root, 0, NULL, &again, &p, &err), 0, "%s", err.message);
    cr_assert(json_equal(s.root, again.root));
    spec_free(&again);
    spec_free(&s);
    buf_free(&text);
    json_decref(before);
    json_decref(tree);
}

Test(spec, takes_absent_attributes_from_the_deployment)
{
    json_t *full = example(1, "{}");
    json_t *small = parse("{\"workflowName\":\"nightly\",\"clusterName\":null,\"region\":"
                          "\"eu-west-1\",\"taskList\":[{\"taskName\":\"a\",\"objectKey\":\"k\"}]}");
    struct spec s;
    struct json_problems p = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(small, 1, full, &s, &p, &err), 0, "%s", err.message);
    cr_assert_str_eq(s.region, "eu-west-1");
    cr_assert_str_eq(s.cluster_name, "stepfleet");
    cr_assert_str_eq(s.summary_table, "workflow_summary_pattern_1");
    cr_assert_eq(s.task_count, 1);
    cr_assert_str_eq(json_str(s.root, "clusterName", ""), "stepfleet");
    spec_free(&s);
    json_decref(small);
    json_decref(full);
}

static const struct {
    const char *tree;
    int hint;
    int pattern;
} guesses[] = {
    {"{}", 0, 0},
    {"{}", 1, 1},
    {"{}", 7, 0},
    {"{\"pattern\":2}", 0, 2},
    {"{\"pattern\":2}", 1, 1},
    {"{\"pattern\":9,\"workflowName\":\"pattern-1\"}", 0, 0},
    {"{\"workflowName\":\"my-Pattern-2-run\"}", 0, 2},
    {"{\"workflowName\":\"x\",\"ddbTableNameWFDetails\":\"d_pattern_1\"}", 0, 1},
    {"{\"workflowName\":\"pattern_2\",\"ddbTableNameWFDetails\":\"d_pattern_1\"}", 0, 0},
    {"{\"workflowName\":3}", 0, 0},
    {"[]", 0, 0},
};

Test(spec, guesses_the_pattern)
{
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        json_t *tree = parse(guesses[i].tree);
        cr_expect_eq(spec_guess_pattern(tree, guesses[i].hint), guesses[i].pattern, "%s",
                     guesses[i].tree);
        json_decref(tree);
    }
}

Test(spec, refuses_a_pattern_the_request_contradicts)
{
    json_t *tree = example(1, "{\"pattern\":1}");
    struct spec s;
    struct json_problems p = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(tree, 2, NULL, &s, &p, &err), -1);
    cr_assert(has_problem(&p, "/pattern", "is 1, but the request asks for pattern 2"));
    cr_assert_eq(spec_read(tree, 5, NULL, &s, &p, &err), -1);
    cr_assert(has_problem(&p, "/pattern", "asks for pattern 5"));
    json_problems_free(&p);
    json_decref(tree);
}

Test(spec, says_where_text_is_not_json)
{
    struct spec s;
    struct json_problems p = {0};
    struct error err = {0};
    const char *text = "{\n  \"region\": us}";
    cr_assert_eq(spec_parse(text, strlen(text), 1, NULL, &s, &p, &err), -1);
    cr_assert_eq(err.code, ERR_SYNTAX);
    cr_assert(strstr(err.message, "line 2, column"), "%s", err.message);
    cr_assert_eq(spec_parse("[1]", 3, 1, NULL, &s, &p, &err), -1);
    cr_assert_eq(err.code, ERR_SPEC_INVALID);
    cr_assert(has_problem(&p, "", "must be an object"));
    json_problems_free(&p);
    spec_free(&s);
}

static const struct {
    const char *literal, *separator, *joined;
} splits[] = {
    {"a,b", ",", "a|b|"},     {" a , b ,", ",", "a|b|"},
    {"a", ",", "a|"},         {"", ",", ""},
    {",,", ",", ""},          {"a--b-c", "--", "a|b-c|"},
    {"a$b$c", "$", "a|b|c|"}, {"a b", " ", "a|b|"},
    {"a, b", ", ", "a|b|"},
};

Test(spec, splits_at_the_whole_separator)
{
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        char **list;
        size_t count;
        struct error err = {0};
        cr_assert_eq(spec_split(splits[i].literal, splits[i].separator, &list, &count, &err), 0);
        struct buf joined;
        buf_init(&joined, BUF_MAX_LINE);
        for (size_t n = 0; n < count; n++)
            buf_addf(&joined, "%s|", list[n]);
        cr_expect_str_eq(buf_str(&joined), splits[i].joined, "%s", splits[i].literal);
        buf_free(&joined);
        free(list);
    }
    char **list;
    size_t count;
    struct error err = {0};
    cr_assert_eq(spec_split("a", "", &list, &count, &err), -1);
}
