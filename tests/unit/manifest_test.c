/* lib/manifest: when one is wanted, what it holds, and what is refused on reading it. */
#include "lib/crypto/crypto.h"
#include "lib/manifest/manifest.h"
#include "server/embed/embed.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct error err = {0};
    cr_assert_eq(json_parse(text, strlen(text), &value, &err), 0, "%s in %s", err.message, text);
    return value;
}

/* The example spec of pattern 2 with `count` tasks; the first names a bucket of its own. */
static struct spec make_spec(size_t count, bool with_bucket)
{
    json_t *tree = parse(embed_find("specs/pattern-2.json")->data);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:o, s:s}", "taskName",
                                              json_sprintf("task \"%zu\"", i + 1), "objectKey",
                                              "input/a.bin"));
    json_object_set_new(tree, "taskList", list);
    json_object_set_new(json_array_get(list, 0), "s3BucketName", json_string("bucket-of-one"));
    if (!with_bucket)
        json_object_del(tree, "s3BucketName");
    struct spec s;
    struct json_problems problems = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(tree, 2, NULL, &s, &problems, &err), 0, "%s", err.message);
    json_decref(tree);
    return s;
}

struct made {
    struct buf object, input;
    json_t *tree; /* of the input */
    struct manifest_ref ref;
};

static struct made make(const struct spec *s)
{
    struct made m = {0};
    struct error err = {0};
    buf_init(&m.object, BUF_MAX_MANIFEST);
    buf_init(&m.input, BUF_MAX_STATE);
    cr_assert_eq(manifest_make(s, 42, &m.object, &m.input, &err), 0, "%s", err.message);
    m.tree = parse(buf_str(&m.input));
    cr_assert_eq(manifest_ref_read(m.tree, &m.ref, &err), 0, "%s", err.message);
    return m;
}

static void made_free(struct made *m)
{
    json_decref(m->tree);
    buf_free(&m->object);
    buf_free(&m->input);
}

Test(manifest, is_wanted_for_long_inputs_and_for_long_lists_of_pattern_2)
{
    cr_assert_not(manifest_wanted(1, 10000, MANIFEST_INLINE_BYTES));
    cr_assert(manifest_wanted(1, 1, MANIFEST_INLINE_BYTES + 1));
    cr_assert_not(manifest_wanted(2, MANIFEST_INLINE_TASKS, MANIFEST_INLINE_BYTES));
    cr_assert(manifest_wanted(2, MANIFEST_INLINE_TASKS + 1, 1));
    cr_assert(manifest_wanted(2, 1, MANIFEST_INLINE_BYTES + 1));
}

Test(manifest, tells_where_the_tasks_are_and_keeps_the_rest)
{
    struct spec s = make_spec(3, true);
    struct made m = make(&s);
    cr_assert_str_eq(m.ref.bucket, "stepfleet-pattern-2");
    cr_assert_eq(m.ref.tasks, 3);
    char sha256[SHA256_HEX], key[MANIFEST_KEY_MAX];
    cr_assert_eq(crypto_sha256_hex(m.object.data, m.object.len, sha256, NULL), 0);
    (void)snprintf(key, sizeof key, "stepfleet/42/tasks-%s.json", sha256);
    cr_assert_str_eq(m.ref.key, key);
    cr_assert_str_eq(m.ref.sha256, sha256);
    cr_assert_null(json_object_get(m.tree, "taskList"));
    cr_assert_eq(json_int(m.tree, "workflowRunId", 0), 42);
    json_t *rest = json_deep_copy(s.root);
    json_object_del(rest, "taskList");
    json_object_del(m.tree, "taskManifest");
    json_object_set_new(rest, "workflowRunId", json_integer(42));
    cr_assert(json_equal(rest, m.tree));
    json_decref(rest);
    made_free(&m);
    spec_free(&s);
}

Test(manifest, is_the_same_when_made_again)
{
    struct spec s = make_spec(5, true);
    struct made a = make(&s);
    struct made b = make(&s);
    cr_assert_str_eq(buf_str(&a.object), buf_str(&b.object));
    cr_assert_str_eq(buf_str(&a.input), buf_str(&b.input));
    made_free(&a);
    made_free(&b);
    spec_free(&s);
}

Test(manifest, uses_the_first_tasks_bucket_when_the_spec_has_none)
{
    struct spec s = make_spec(1, false);
    struct made m = make(&s);
    cr_assert_str_eq(m.ref.bucket, "bucket-of-one");
    made_free(&m);
    spec_free(&s);
}

Test(manifest, gives_back_every_task_with_its_bucket)
{
    struct spec s = make_spec(SPEC_TASKS_MAX, true);
    struct made m = make(&s);
    json_t *list = NULL;
    struct error err = {0};
    cr_assert_eq(manifest_read(m.object.data, m.object.len, &m.ref, &list, &err), 0, "%s",
                 err.message);
    cr_assert_eq(json_array_size(list), SPEC_TASKS_MAX);
    for (size_t i = 0; i < SPEC_TASKS_MAX; i++) {
        const json_t *task = json_array_get(list, i);
        cr_assert_str_eq(json_str(task, "taskName", ""), s.tasks[i].task_name);
        cr_assert_str_eq(json_str(task, "s3BucketName", ""), s.tasks[i].s3_bucket_name);
        cr_assert_str_eq(json_str(task, "objectKey", ""), s.tasks[i].object_key);
    }
    cr_assert_lt(m.input.len, 4096, "the input has %zu bytes", m.input.len);
    /* What the workers do with it: the list in the manifest's place is a whole spec. */
    json_object_del(m.tree, "taskManifest");
    json_object_set_new(m.tree, "taskList", list);
    struct spec again;
    struct json_problems problems = {0};
    cr_assert_eq(spec_read(m.tree, 2, NULL, &again, &problems, &err), 0, "%s", err.message);
    cr_assert_eq(again.task_count, SPEC_TASKS_MAX);
    spec_free(&again);
    made_free(&m);
    spec_free(&s);
}

/* Two servers may be given the same run id: neither list is stored over the other, whose Map may be
 * about to read it. */
Test(manifest, keeps_different_lists_of_one_id_apart)
{
    struct spec s = make_spec(2, true), other = make_spec(3, true);
    struct made m = make(&s), n = make(&other);
    cr_assert_str_neq(m.ref.key, n.ref.key);
    made_free(&m);
    made_free(&n);
    spec_free(&s);
    spec_free(&other);
}

Test(manifest, refuses_another_object)
{
    struct spec s = make_spec(2, true);
    struct made m = make(&s);
    json_t *list = NULL;
    struct error err = {0};
    cr_assert_eq(manifest_read("[]", 2, &m.ref, &list, &err), -1);
    cr_assert_eq(err.code, ERR_SPEC_INVALID);
    cr_assert(strstr(err.message, "s3://stepfleet-pattern-2/stepfleet/42/tasks-"));
    cr_assert_null(list);
    made_free(&m);
    spec_free(&s);
}

static const struct {
    const char *text;
    enum err_code code;
} objects[] = {{"[1, 2, 3]", ERR_SPEC_INVALID}, {"{}", ERR_SPEC_INVALID}, {"[1, 2", ERR_SYNTAX}};

Test(manifest, refuses_what_is_no_array_of_that_many_tasks)
{
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        char sha256[SHA256_HEX];
        json_t *list = NULL;
        struct error err = {0};
        const char *text = objects[i].text;
        cr_assert_eq(crypto_sha256_hex(text, strlen(text), sha256, &err), 0);
        const struct manifest_ref ref = {"b", "k", 2, sha256};
        cr_assert_eq(manifest_read(text, strlen(text), &ref, &list, &err), -1);
        cr_assert_eq(err.code, objects[i].code, "%s: %s", text, err.message);
    }
}

#define DIGEST "\"sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""

static const struct {
    const char *spec;
    enum err_code code;
    const char *message;
} references[] = {
    {"{}", ERR_NOT_FOUND, "no taskManifest"},
    {"{\"taskManifest\": null, \"taskList\": []}", ERR_NOT_FOUND, "no taskManifest"},
    {"{\"taskManifest\": {}, \"taskList\": []}", ERR_SPEC_INVALID, "beside taskList"},
    {"{\"taskManifest\": []}", ERR_SPEC_INVALID, "/taskManifest"},
    {"{\"taskManifest\": {\"objectKey\": \"k\", \"numberOfTasks\": 1, " DIGEST "}}",
     ERR_SPEC_INVALID, "/taskManifest/s3BucketName"},
    {"{\"taskManifest\": {\"s3BucketName\": \"b\", \"objectKey\": \"k\", \"numberOfTasks\": "
     "10001, " DIGEST "}}",
     ERR_SPEC_INVALID, "/taskManifest/numberOfTasks"},
    {"{\"taskManifest\": {\"s3BucketName\": \"b\", \"objectKey\": \"k\", \"numberOfTasks\": 1, "
     "\"sha256\": \"e3b0\"}}",
     ERR_SPEC_INVALID, "/taskManifest/sha256"},
};

Test(manifest, refuses_a_reference_that_is_not_whole)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        json_t *tree = parse(references[i].spec);
        struct manifest_ref ref;
        struct error err = {0};
        cr_assert_eq(manifest_ref_read(tree, &ref, &err), -1, "%s", references[i].spec);
        cr_assert_eq(err.code, references[i].code, "%s", references[i].spec);
        cr_assert(strstr(err.message, references[i].message), "%s", err.message);
        json_decref(tree);
    }
}

Test(manifest, is_not_taken_in_a_submitted_spec)
{
    struct spec s = make_spec(2, true);
    struct made m = make(&s);
    struct spec read;
    struct json_problems problems = {0};
    struct error err = {0};
    cr_assert_eq(spec_read(m.tree, 2, NULL, &read, &problems, &err), -1);
    bool told = false;
    for (size_t i = 0; i < problems.count; i++)
        told = told || (strcmp(problems.list[i].pointer, "/taskManifest") == 0 &&
                        strstr(problems.list[i].detail, "give the tasks in taskList"));
    cr_assert(told);
    json_problems_free(&problems);
    made_free(&m);
    spec_free(&s);
}
