/* S3 as state machines see it: objects and listings in JSON. */
#include "lib/json/json_read.h"
#include "server/local/s3/local_s3.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char dir[TEMP_FOLDER_MAX];
static struct local_s3 *s3;

static void setup(void)
{
    struct error err = {0};
    temp_folder_make(dir, "s3d");
    const struct local_s3_options options = {
        .dir = dir, .region = "us-east-1", .clock = clock_system()};
    s3 = local_s3_open(&options, &err);
    cr_assert_not_null(s3, "%s", err.message);
    cr_assert_eq(local_s3_ensure_bucket(s3, "bkt", &err), 0, "%s", err.message);
}

static void teardown(void)
{
    local_s3_close(s3);
    temp_folder_remove(dir);
}

TestSuite(s3d_service, .init = setup, .fini = teardown);

static void keep(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    json_t **answer = call->ctx;
    *answer =
        output ? output : json_pack("{s:s, s:s}", "code", fault->code, "text", fault->message);
}

/* Takes over input. */
static json_t *ask(const char *operation, json_t *input)
{
    json_t *answer = NULL;
    const struct local_service *service = local_s3_service(s3);
    struct local_call call = {.operation = operation, .input = input, .done = keep, .ctx = &answer};
    service->call(service->self, &call);
    cr_assert_not_null(answer);
    json_decref(input);
    return answer;
}

static void expect_fault(const char *operation, json_t *input, const char *code)
{
    json_t *answer = ask(operation, input);
    cr_expect_str_eq(json_str(answer, "code", "none"), code, "%s", json_str(answer, "text", ""));
    json_decref(answer);
}

Test(s3d_service, objects_go_in_and_out)
{
    json_t *answer = ask("PutObject", json_pack("{s:s, s:s, s:{s:s}}", "Bucket", "bkt", "Key", "k",
                                                "Body", "Dict", "Value"));
    cr_expect_str_eq(json_str(answer, "ETag", ""), "\"49e31cee5aec8faf3345893addb14346\"");
    cr_expect_str_eq(json_str(answer, "ChecksumCRC32", ""), "hnEfWw==");
    json_decref(answer);
    answer = ask("GetObject", json_pack("{s:s, s:s}", "Bucket", "bkt", "Key", "k"));
    cr_expect_str_eq(json_str(answer, "Body", ""), "{\"Dict\":\"Value\"}");
    cr_expect_str_eq(json_str(answer, "ContentType", ""), "binary/octet-stream");
    cr_expect_eq(json_int(answer, "ContentLength", 0), 16);
    json_decref(answer);
}

Test(s3d_service, what_is_refused)
{
    struct error err = {0};
    cr_assert_eq(local_s3_put(s3, "bkt", "raw", "\xff\xfe", 2, &err), 0);
    expect_fault("GetObject", json_pack("{s:s, s:s}", "Bucket", "bkt", "Key", "raw"),
                 "InvalidRequest");
    expect_fault("GetObject", json_pack("{s:s, s:s}", "Bucket", "bkt", "Key", "no"), "NoSuchKey");
    expect_fault("GetObject", json_pack("{s:s, s:s}", "Bucket", "no", "Key", "no"), "NoSuchBucket");
    expect_fault("GetObject", json_pack("{s:s}", "Bucket", "bkt"), "InvalidRequest");
    expect_fault("PutObject", json_pack("{s:s, s:s, s:s}", "Bucket", "no", "Key", "k", "Body", ""),
                 "NoSuchBucket");
    expect_fault("ListObjectsV2", json_pack("{s:s}", "Bucket", "no"), "NoSuchBucket");
    expect_fault("DeleteBucket", json_object(), "UnknownOperationException");
}

/* No other way stores such a key, and listings could not show it. */
Test(s3d_service, keys_have_a_bound)
{
    char key[1026] = "";
    memset(key, 'k', 1025);
    expect_fault("PutObject",
                 json_pack("{s:s, s:s, s:s}", "Bucket", "bkt", "Key", key, "Body", "x"),
                 "KeyTooLongError");
    key[1024] = '\0';
    json_decref(
        ask("PutObject", json_pack("{s:s, s:s, s:s}", "Bucket", "bkt", "Key", key, "Body", "x")));
    cr_expect(local_s3_has_object(s3, "bkt", key));
}

Test(s3d_service, an_object_without_a_body_is_empty)
{
    json_decref(ask("PutObject", json_pack("{s:s, s:s}", "Bucket", "bkt", "Key", "k")));
    json_t *answer = ask("GetObject", json_pack("{s:s, s:s}", "Bucket", "bkt", "Key", "k"));
    cr_expect_str_eq(json_str(answer, "Body", "none"), "");
    json_decref(answer);
}

Test(s3d_service, listings_go_on_behind_their_token)
{
    struct error err = {0};
    char key[16];
    for (int i = 0; i < 1003; i++) {
        (void)snprintf(key, sizeof key, "p/%04d", i);
        cr_assert_eq(local_s3_put(s3, "bkt", key, "x", 1, &err), 0);
    }
    cr_assert_eq(local_s3_put(s3, "bkt", "q", "x", 1, &err), 0);
    json_t *first = ask("ListObjectsV2", json_pack("{s:s, s:s}", "Bucket", "bkt", "Prefix", "p/"));
    cr_expect_eq(json_array_size(json_object_get(first, "Contents")), 1000);
    cr_expect(json_bool(first, "IsTruncated", false));
    json_t *next = ask("ListObjectsV2", json_pack("{s:s, s:s, s:O}", "Bucket", "bkt", "Prefix",
                                                  "p/", "ContinuationToken",
                                                  json_object_get(first, "NextContinuationToken")));
    json_t *rest = json_object_get(next, "Contents");
    cr_expect_eq(json_array_size(rest), 3);
    cr_expect_str_eq(json_str(json_array_get(rest, 2), "Key", ""), "p/1002");
    cr_expect_not(json_bool(next, "IsTruncated", true));
    json_decref(first);
    json_decref(next);
}
