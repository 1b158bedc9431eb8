/* Writing and reading manifests. The text is written by hand: 10,000 tasks need no second tree. */
#include "lib/manifest/manifest.h"

#include "lib/crypto/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool manifest_wanted(int pattern, size_t tasks, size_t input_bytes)
{
    return input_bytes > MANIFEST_INLINE_BYTES || (pattern == 2 && tasks > MANIFEST_INLINE_TASKS);
}

/* --- writing ---------------------------------------------------------------------------------- */

void manifest_begin(struct json_writer *w, struct buf *object)
{
    jw_init(w, object);
    jw_array(w, NULL);
}

void manifest_add(struct json_writer *w, const struct spec_task *task)
{
    jw_object(w, NULL);
    jw_str(w, "taskName", task->task_name);
    jw_str(w, "s3BucketName", task->s3_bucket_name);
    jw_str(w, "objectKey", task->object_key);
    jw_end_object(w);
}

void manifest_end(struct json_writer *w)
{
    jw_end_array(w);
}

static void write_tasks(const struct spec *spec, struct buf *object)
{
    struct json_writer w;
    manifest_begin(&w, object);
    for (size_t i = 0; i < spec->task_count; i++)
        manifest_add(&w, &spec->tasks[i]);
    manifest_end(&w);
}

static void write_ref(struct json_writer *w, const struct manifest_ref *ref)
{
    jw_object(w, "taskManifest");
    jw_str(w, "s3BucketName", ref->bucket);
    jw_str(w, "objectKey", ref->key);
    jw_int(w, "numberOfTasks", ref->tasks);
    jw_str(w, "sha256", ref->sha256);
    jw_end_object(w);
}

/* The members keep their order, so that a person recognises the spec; the id comes last when the
 * spec has none, as it does in an input with a task list. */
static void write_input(const struct spec *spec, int64_t run_id, const struct manifest_ref *ref,
                        struct buf *input)
{
    struct json_writer w;
    const char *name;
    json_t *value;
    jw_init(&w, input);
    jw_object(&w, NULL);
    json_object_foreach (spec->root, name, value) {
        if (strcmp(name, "taskList") == 0)
            write_ref(&w, ref);
        else if (strcmp(name, "workflowRunId") == 0)
            jw_int(&w, name, run_id);
        else
            jw_json(&w, name, value);
    }
    if (!json_object_get(spec->root, "workflowRunId"))
        jw_int(&w, "workflowRunId", run_id);
    jw_end_object(&w);
}

int manifest_make(const struct spec *spec, int64_t run_id, struct buf *object, struct buf *input,
                  struct error *err)
{
    char sha256[SHA256_HEX], key[MANIFEST_KEY_MAX];
    size_t start = object->len;
    write_tasks(spec, object);
    if (buf_check(object, err))
        return err_wrap(err, "the list of tasks");
    if (crypto_sha256_hex(object->data + start, object->len - start, sha256, err))
        return -1;
    (void)snprintf(key, sizeof key, "stepfleet/%" PRId64 "/tasks-%s.json", run_id, sha256);
    const char *bucket =
        spec->s3_bucket_name ? spec->s3_bucket_name : spec->tasks[0].s3_bucket_name;
    const struct manifest_ref ref = {bucket, key, (int64_t)spec->task_count, sha256};
    write_input(spec, run_id, &ref, input);
    return buf_check(input, err);
}

/* --- reading ---------------------------------------------------------------------------------- */

static const struct field ref_fields[] = {
    {"s3BucketName", FIELD_STRING, true, offsetof(struct manifest_ref, bucket), 1, SPEC_NAME_MAX},
    {"objectKey", FIELD_STRING, true, offsetof(struct manifest_ref, key), 1, 1024},
    {"numberOfTasks", FIELD_INT, true, offsetof(struct manifest_ref, tasks), 1, SPEC_TASKS_MAX},
    {"sha256", FIELD_STRING, true, offsetof(struct manifest_ref, sha256), SHA256_HEX - 1,
     SHA256_HEX - 1},
};

int manifest_ref_read(const json_t *spec_object, struct manifest_ref *out, struct error *err)
{
    struct json_problems problems = {0};
    json_t *member = json_object_get(spec_object, "taskManifest");
    *out = (struct manifest_ref){0};
    if (!member || json_is_null(member))
        return err_set(err, ERR_NOT_FOUND, "the spec has no taskManifest");
    const json_t *list = json_object_get(spec_object, "taskList");
    if (list && !json_is_null(list))
        return err_set(err, ERR_SPEC_INVALID,
                       "/taskManifest must not be given beside taskList: leave one of them out");
    int rc = 0;
    if (json_read_fields(ref_fields, COUNT(ref_fields), member, "/taskManifest", true, out,
                         &problems) > 0)
        rc = err_set(err, ERR_SPEC_INVALID, "%s %s",
                     problems.count ? problems.list[0].pointer : "/taskManifest",
                     problems.count ? problems.list[0].detail : "is not whole");
    json_problems_free(&problems);
    return rc;
}

int manifest_check(const char *text, size_t len, const struct manifest_ref *ref, struct error *err)
{
    char sha256[SHA256_HEX];
    if (crypto_sha256_hex(text, len, sha256, err))
        return -1;
    if (strcmp(sha256, ref->sha256) == 0)
        return 0;
    return err_set(err, ERR_SPEC_INVALID,
                   "the manifest s3://%.64s/%.200s is not the one of this run: its SHA-256 is %s, "
                   "not %s; submit the workflow again",
                   ref->bucket, ref->key, sha256, ref->sha256);
}

int manifest_read(const char *text, size_t len, const struct manifest_ref *ref, json_t **task_list,
                  struct error *err)
{
    json_t *list = NULL;
    *task_list = NULL;
    if (manifest_check(text, len, ref, err))
        return -1;
    if (json_parse(text, len, &list, err))
        return err_wrap(err, "the manifest s3://%.64s/%.200s", ref->bucket, ref->key);
    if (!json_is_array(list) || json_array_size(list) != (size_t)ref->tasks) {
        json_decref(list);
        return err_set(err, ERR_SPEC_INVALID,
                       "the manifest s3://%.64s/%.200s must be an array of the %" PRId64
                       " tasks that taskManifest tells; submit the workflow again",
                       ref->bucket, ref->key, ref->tasks);
    }
    *task_list = list;
    return 0;
}

/* The bucket is the manifest's, which is a legal one. */
int manifest_stand_in(json_t *spec_object, struct error *err)
{
    json_t *member = json_object_get(spec_object, "taskManifest");
    if (!member || json_is_null(member))
        return 0;
    json_t *list = json_pack("[{s:s, s:s, s:s}]", "taskName", "-", "s3BucketName",
                             json_str(member, "s3BucketName", "none"), "objectKey", "-");
    if (!list || json_object_set_new(spec_object, "taskList", list))
        return err_set(err, ERR_MEMORY, "out of memory while reading a spec");
    (void)json_object_del(spec_object, "taskManifest");
    return 0;
}
