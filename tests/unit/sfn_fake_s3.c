/* The S3 of sfn_support: objects in memory, answered at once. */
#include "lib/json/json_read.h"
#include "tests/unit/sfn_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *object_name(const char *bucket, const char *key)
{
    char *name = NULL;
    cr_assert_gt(asprintf(&name, "%s/%s", bucket, key), 0);
    return name;
}

void put_object(struct sfn_fixture *f, const char *bucket, const char *key, const char *text)
{
    char *name = object_name(bucket, key);
    json_object_set_new(f->objects, name, json_string(text));
    free(name);
}

const char *get_object(struct sfn_fixture *f, const char *bucket, const char *key)
{
    char *name = object_name(bucket, key);
    const char *text = json_str(f->objects, name, NULL);
    free(name);
    return text;
}

/* Keys of the bucket, two a page. */
static void fake_list(struct sfn_fixture *f, struct local_call *call)
{
    const char *name;
    json_t *object;
    const char *bucket = json_str(call->input, "Bucket", "");
    const char *after = json_str(call->input, "ContinuationToken", "");
    json_t *contents = json_array();
    json_t *out = json_pack("{s:o}", "Contents", contents);
    json_object_foreach (f->objects, name, object) {
        const char *key = name + strlen(bucket) + 1;
        if (strncmp(name, bucket, strlen(bucket)) != 0 || strcmp(key, after) <= 0)
            continue;
        if (json_array_size(contents) == 2) {
            json_object_set(out, "NextContinuationToken",
                            json_object_get(json_array_get(contents, 1), "Key"));
            break;
        }
        json_array_append_new(contents, json_pack("{s:s}", "Key", key));
    }
    local_reply(call, out);
}

void fake_s3(void *self, struct local_call *call)
{
    struct sfn_fixture *f = self;
    const char *bucket = json_str(call->input, "Bucket", "");
    const char *key = json_str(call->input, "Key", "");
    if (f->s3_refuses) {
        local_fault(call, 403, "AccessDenied", "Access Denied");
    } else if (strcmp(call->operation, "PutObject") == 0) {
        struct text *text = text_of(json_object_get(call->input, "Body"));
        const char *body = json_str(call->input, "Body", NULL);
        put_object(f, bucket, key, body ? body : text->raw);
        text_release(text);
        local_reply(call, json_object());
    } else if (strcmp(call->operation, "ListObjectsV2") == 0) {
        fake_list(f, call);
    } else if (get_object(f, bucket, key)) {
        local_reply(call, json_pack("{s:s}", "Body", get_object(f, bucket, key)));
    } else {
        local_fault(call, 404, "NoSuchKey", "The specified key does not exist.");
    }
}
