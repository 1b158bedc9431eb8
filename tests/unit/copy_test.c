/* workers/copy: copies of any size, and the row that says what became of them. */
#include "tests/unit/worker_peer.h"
#include "workers/copy/task.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1024 * 1024, PARTS_SEEN = 16 };

/* An S3 with one object; notes what it is asked. */
struct s3 {
    int64_t size;          /* of the source; negative: there is none */
    const char *copy_body; /* answer to CopyObject */
    int copy_status;
    int fail_part; /* this part is refused */
    bool hang;     /* parts are never answered */
    atomic_int hung;
    int heads, copies, creates, completes, aborts;
    char source[256], if_match[64], destination[256];
    char ranges[PARTS_SEEN][64];
    int parts;
    char completed[4096];
};

static void note(const struct peer_request *request, struct s3 *s)
{
    peer_header(request, "x-amz-copy-source", s->source, sizeof s->source);
    peer_header(request, "x-amz-copy-source-if-match", s->if_match, sizeof s->if_match);
    (void)snprintf(s->destination, sizeof s->destination, "%.*s",
                   (int)strcspn(request->target, "?"), request->target);
}

static void answer_head(struct s3 *s, struct peer_reply *reply)
{
    s->heads++;
    if (s->size < 0)
        reply->status = 404;
    else
        buf_addf(&reply->headers, "ETag: \"tag-1\"\r\nContent-Length: %lld\r\n",
                 (long long)s->size);
}

static void answer_part(struct s3 *s, const struct peer_request *request, struct peer_reply *reply)
{
    int part = atoi(strstr(request->target, "partNumber=") + 11);
    note(request, s);
    if (s->hang) {
        reply->action = PEER_SILENT;
        atomic_fetch_add(&s->hung, 1);
        return;
    }
    if (part == s->fail_part) {
        reply->status = 403;
        buf_adds(&reply->body, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");
        return;
    }
    cr_assert_lt(part, PARTS_SEEN);
    s->parts++;
    peer_header(request, "x-amz-copy-source-range", s->ranges[part], sizeof s->ranges[part]);
    buf_addf(&reply->body, "<CopyPartResult><ETag>\"p%d\"</ETag></CopyPartResult>", part);
}

static void answer_post(struct s3 *s, const struct peer_request *request, struct peer_reply *reply)
{
    if (strstr(request->target, "?uploads")) {
        s->creates++;
        buf_adds(&reply->body, "<InitiateMultipartUploadResult><UploadId>up/1</UploadId>"
                               "</InitiateMultipartUploadResult>");
        return;
    }
    s->completes++;
    (void)snprintf(s->completed, sizeof s->completed, "%s", request->body);
    buf_adds(&reply->body, "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag>"
                           "</CompleteMultipartUploadResult>");
}

static void play_s3(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    struct s3 *s = ctx;
    if (strcmp(request->method, "HEAD") == 0) {
        answer_head(s, reply);
    } else if (strcmp(request->method, "DELETE") == 0) {
        s->aborts++;
        reply->status = 204;
    } else if (strcmp(request->method, "POST") == 0) {
        answer_post(s, request, reply);
    } else if (strstr(request->target, "partNumber=")) {
        answer_part(s, request, reply);
    } else {
        s->copies++;
        note(request, s);
        reply->status = s->copy_status;
        buf_adds(&reply->body, s->copy_body);
    }
}

static const char copied[] = "<CopyObjectResult><ETag>\"x\"</ETag></CopyObjectResult>";
static const char no_key[] = "<Error><Code>NoSuchKey</Code><Message>The specified key does not "
                             "exist.</Message></Error>";

static void open_peer(struct worker_peer *p, struct s3 *s)
{
    worker_peer_open(p);
    p->s3 = play_s3;
    p->s3_ctx = s;
}

static int run_copy(struct worker_peer *p, const struct copy_options *options, int64_t *bytes,
                    struct error *err)
{
    struct copy c;
    const struct s3_copy what = {
        .source_bucket = "src", .source_key = "in/a b.bin", .bucket = "dst", .key = "out"};
    copy_open(&c, &p->worker, &what, options);
    int rc = copy_run(&c, err);
    *bytes = c.bytes;
    copy_close(&c);
    return rc;
}

Test(copy, takes_one_call_for_a_small_object)
{
    struct worker_peer p;
    struct s3 s = {.size = 123, .copy_body = copied};
    struct error err = {0};
    int64_t bytes;
    open_peer(&p, &s);
    cr_assert_eq(run_copy(&p, &(struct copy_options){0}, &bytes, &err), 0, "%s", err.message);
    cr_expect_eq(bytes, 123);
    cr_expect_eq(s.copies, 1);
    cr_expect_str_eq(s.source, "src/in/a%20b.bin");
    cr_expect_str_eq(s.if_match, "\"tag-1\"");
    cr_expect_str_eq(s.destination, "/dst/out");
    worker_peer_close(&p);
}

Test(copy, tells_why_an_object_cannot_be_read)
{
    struct worker_peer p;
    struct s3 s = {.size = -1, .copy_body = no_key, .copy_status = 404};
    struct error err = {0};
    int64_t bytes;
    open_peer(&p, &s);
    cr_assert_eq(run_copy(&p, &(struct copy_options){0}, &bytes, &err), -1);
    cr_expect(strstr(err.message, "NoSuchKey: The specified key does not exist."), "%s",
              err.message);
    worker_peer_close(&p);
}

Test(copy, does_not_take_200_for_success, .timeout = 30)
{
    struct worker_peer p;
    struct s3 s = {.size = 5,
                   .copy_body =
                       "<Error><Code>InternalError</Code><Message>later</Message></Error>"};
    struct error err = {0};
    int64_t bytes;
    open_peer(&p, &s);
    cr_assert_eq(run_copy(&p, &(struct copy_options){.attempts = 4}, &bytes, &err), -1);
    cr_expect(strstr(err.message, "InternalError"), "%s", err.message);
    cr_expect_eq(s.copies, 4, "it is tried again");
    worker_peer_close(&p);
}

Test(copy, takes_large_objects_in_parts)
{
    struct worker_peer p;
    struct s3 s = {.size = 11 * MIB + 7, .copy_body = copied};
    const struct copy_options options = {.multipart_above = 6 * MIB, .part_size = 5 * MIB};
    struct error err = {0};
    int64_t bytes;
    open_peer(&p, &s);
    cr_assert_eq(run_copy(&p, &options, &bytes, &err), 0, "%s", err.message);
    cr_expect_eq(bytes, 11 * MIB + 7);
    cr_expect_eq(s.copies, 0);
    cr_expect_eq(s.parts, 3);
    cr_expect_str_eq(s.ranges[1], "bytes=0-5242879");
    cr_expect_str_eq(s.ranges[2], "bytes=5242880-10485759");
    cr_expect_str_eq(s.ranges[3], "bytes=10485760-11534342");
    cr_expect_str_eq(s.if_match, "\"tag-1\"");
    cr_expect(strstr(s.completed, "<PartNumber>1</PartNumber>"));
    cr_expect(strstr(s.completed, "p3"), "%s", s.completed);
    cr_expect_eq(s.aborts, 0);
    /* Exactly at the threshold one call does. */
    s.size = 6 * MIB;
    cr_assert_eq(run_copy(&p, &options, &bytes, &err), 0, "%s", err.message);
    cr_expect_eq(s.copies, 1);
    cr_expect_eq(s.creates, 1);
    worker_peer_close(&p);
}

Test(copy, aborts_an_upload_that_fails)
{
    struct worker_peer p;
    struct s3 s = {.size = 20 * MIB, .fail_part = 2};
    const struct copy_options options = {
        .multipart_above = 6 * MIB, .part_size = 5 * MIB, .in_flight = 1};
    struct error err = {0};
    int64_t bytes;
    open_peer(&p, &s);
    cr_assert_eq(run_copy(&p, &options, &bytes, &err), -1);
    cr_expect(strstr(err.message, "AccessDenied: no"), "%s", err.message);
    cr_expect_eq(s.aborts, 1);
    cr_expect_eq(s.completes, 0);
    cr_expect_eq(s.parts, 1, "nothing is started after a failure");
    worker_peer_close(&p);
}

/* --- the whole task --------------------------------------------------------------------------- */

static const char *kit_env(const char *name)
{
    static const char *const variables[][2] = {
        {"region", "us-east-1"},
        {"workflow_details_ddb_table_name", "workflow_details_x"},
        {"workflow_details_hash_key", "workflow_run_id"},
        {"workflow_details_range_key", "ecs_task_id"},
        {"workflow_name", "w"},
        {"workflow_run_id", "77"},
        {"task_name", "t1"},
        {"s3_bucket_name", "bucket"},
        {"object_key", "in/a.bin"},
        {"ECS_CONTAINER_METADATA_URI", "http://v3"},
        {"ECS_CONTAINER_METADATA_URI_V4", "http://v4"},
    };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (strcmp(variables[i][0], name) == 0)
            return variables[i][1];
    return NULL;
}

static int run_task_with(const struct aws_options *aws, int64_t hold_seconds, bool stop)
{
    struct task_env env;
    struct error err = {0};
    struct stop_signal signal;
    cr_assert_eq(task_env_read(&env, kit_env, &err), 0, "%s", err.message);
    env.hold_seconds = hold_seconds;
    cr_assert_eq(stop_signal_open(&signal, &err), 0, "%s", err.message);
    if (stop)
        (void)raise(SIGTERM);
    const struct task_options options = {.aws = *aws, .stop = &signal};
    const struct metadata me = {.task_id = "abc",
                                .pull_started_at = PEER_NOW - 2 * CLOCK_SECOND,
                                .started_at = PEER_NOW - CLOCK_SECOND};
    int status = task_run(&env, &me, &options);
    stop_signal_close(&signal);
    return status;
}

static int run_task(struct worker_peer *p, int64_t hold_seconds, bool stop)
{
    const struct aws_options aws = worker_peer_options(p);
    return run_task_with(&aws, hold_seconds, stop);
}

/* A container's endpoint for credentials before an S3: the first calls are reset, or all refused.
 */
struct container {
    struct s3 s3;
    int resets;
    bool refuses;
    int asked;
};

static void play_container(void *ctx, const struct peer_request *request, struct peer_reply *reply)
{
    struct container *c = ctx;
    if (strcmp(request->target, "/credentials") != 0) {
        play_s3(&c->s3, request, reply);
        return;
    }
    c->asked++;
    if (c->asked <= c->resets)
        reply->action = PEER_RESET;
    else if (c->refuses)
        reply->status = 403;
    else
        buf_adds(&reply->body, "{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"s\","
                               "\"Token\":\"t\"}");
}

/* Each test is a process of its own: the environment can carry what a function cannot be given. */
static const char *container_env(const char *name)
{
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0 ? getenv(name) : NULL;
}

static int run_in_container(struct worker_peer *p, struct container *c)
{
    char url[128];
    worker_peer_open(p);
    p->s3 = play_container;
    p->s3_ctx = c;
    (void)snprintf(url, sizeof url, "%s/credentials", peer_url(p->http));
    cr_assert_eq(setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1), 0);
    struct aws_options aws = worker_peer_options(p);
    aws.access_key_id = aws.secret_access_key = NULL;
    aws.getenv = container_env;
    return run_task_with(&aws, 0, false);
}

Test(task, waits_for_credentials_that_are_out_of_reach, .timeout = 60)
{
    struct worker_peer p;
    struct container c = {.s3 = {.size = 10, .copy_body = copied}, .resets = 4};
    cr_assert_eq(run_in_container(&p, &c), TASK_OK);
    worker_peer_close(&p);
    cr_expect_eq(c.asked, 5);
    cr_expect_eq(c.s3.copies, 1);
}

Test(task, takes_a_refusal_of_credentials_for_an_answer, .timeout = 60)
{
    struct worker_peer p;
    struct container c = {.refuses = true};
    cr_assert_eq(run_in_container(&p, &c), TASK_FAILED);
    worker_peer_close(&p);
    cr_expect_eq(c.asked, 1);
}

Test(task, writes_running_then_completed)
{
    struct worker_peer p;
    struct s3 s = {.size = 8 * MIB, .copy_body = copied};
    open_peer(&p, &s);
    cr_assert_eq(run_task(&p, 0, false), TASK_OK);
    cr_expect_str_eq(s.destination, "/bucket/in/a.bin_abc");
    const json_t *first = json_array_get(p.calls, 0);
    cr_expect_str_eq(json_string_value(json_object_get(first, "op")), "PutItem");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "status"), "Completed");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "task_name"), "t1");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "pull_started_at"), "2024-01-02T03:04:03.000Z");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "pull_stopped_at"), "", "not known");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "started_at"), "2024-01-02T03:04:04.000Z");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "bytes"), "8388608");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "destination_key"), "in/a.bin_abc");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "exit_code"), "0");
    cr_expect_gt(strlen(worker_peer_detail(&p, "abc", "exec_time_in_seconds")), 4);
    worker_peer_close(&p);
}

/* As the endpoint of Fargate answers, with a sidecar before the container that asks. */
Test(task, reads_its_way_to_the_start_from_the_metadata)
{
    static const char text[] =
        "{\"TaskARN\":\"arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d\","
        "\"PullStartedAt\":\"2024-01-02T03:04:01.123456789Z\",\"PullStoppedAt\":\"soon\","
        "\"Containers\":[{\"DockerId\":\"e9028f8d-1\",\"StartedAt\":\"2024-01-02T03:00:00Z\"},"
        "{\"DockerId\":\"e9028f8d-2\",\"CreatedAt\":\"2024-01-02T03:04:03Z\"}]}";
    struct metadata me;
    struct error err = {0};
    cr_assert_eq(
        metadata_parse("http://169.254.170.2/v4/e9028f8d-2", text, strlen(text), &me, &err), 0,
        "%s", err.message);
    cr_expect_str_eq(me.task_id, "e9028f8d");
    cr_expect_eq(me.pull_started_at, INT64_C(1704164641123456));
    cr_expect_eq(me.pull_stopped_at, 0, "a time that makes no sense is left out");
    cr_expect_eq(me.created_at, INT64_C(1704164643000000));
    cr_expect_eq(me.started_at, 0, "of this container, not of the sidecar");
    cr_expect_eq(metadata_parse("http://x/v4/1", "{}", 2, &me, &err), -1);
    cr_expect(strstr(err.message, "TaskARN"), "%s", err.message);
}

Test(task, writes_the_reason_of_a_failure)
{
    struct worker_peer p;
    struct s3 s = {.size = -1, .copy_body = no_key, .copy_status = 404};
    open_peer(&p, &s);
    cr_assert_eq(run_task(&p, 0, false), TASK_FAILED);
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "status"), "Failed");
    cr_expect(strstr(worker_peer_detail(&p, "abc", "stopped_reason"),
                     "NoSuchKey: The specified key does not exist."));
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "exit_code"), "1");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "destination_key"), "");
    worker_peer_close(&p);
}

Test(task, does_nothing_when_its_row_is_final_already)
{
    struct worker_peer p;
    struct s3 s = {.size = 5, .copy_body = copied};
    open_peer(&p, &s);
    worker_peer_row(&p, "abc", "t1", "Failed", "given up by the monitor");
    cr_assert_eq(run_task(&p, 0, false), TASK_FAILED);
    cr_expect_eq(s.heads + s.copies, 0);
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "stopped_reason"), "given up by the monitor");
    worker_peer_close(&p);
}

Test(task, survives_throttled_rows, .timeout = 60)
{
    struct worker_peer p;
    struct s3 s = {.size = 5, .copy_body = copied};
    open_peer(&p, &s);
    for (int i = 0; i < 5; i++) {
        worker_peer_fault(&p, "PutItem", 400, "ProvisionedThroughputExceededException", "slow");
        worker_peer_fault(&p, "UpdateItem", 400, "ProvisionedThroughputExceededException", "slow");
    }
    cr_assert_eq(run_task(&p, 0, false), TASK_OK);
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "status"), "Completed");
    worker_peer_close(&p);
}

Test(task, says_in_its_row_that_it_was_stopped, .timeout = 20)
{
    struct worker_peer p;
    struct s3 s = {.size = 5, .copy_body = copied};
    open_peer(&p, &s);
    worker_peer_row(&p, "abc", "t1", "Running", NULL);
    cr_assert_eq(run_task(&p, 3600, true), TASK_STOPPED);
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "status"), "Cancelled");
    cr_expect_str_eq(worker_peer_detail(&p, "abc", "stopped_reason"), "stopped by SIGTERM");
    cr_expect_eq(s.copies, 0);
    worker_peer_close(&p);
}

static bool some_part_hangs(void *ctx)
{
    struct s3 *s = ctx;
    return atomic_load(&s->hung) > 0;
}

Test(copy, gives_up_parts_that_hang_and_aborts_with_a_new_client, .timeout = 20)
{
    struct worker_peer p;
    struct s3 s = {.size = 20 * MIB, .hang = true};
    struct error err = {0};
    struct copy c;
    open_peer(&p, &s);
    const struct s3_copy what = {
        .source_bucket = "src", .source_key = "k", .bucket = "dst", .key = "k_1"};
    const struct copy_options options = {
        .multipart_above = 6 * MIB, .part_size = 5 * MIB, .stop = some_part_hangs, .ctx = &s};
    copy_open(&c, &p.worker, &what, &options);
    cr_assert_eq(copy_run(&c, &err), -1);
    cr_expect_eq(err.code, ERR_BUSY);
    cr_expect_eq(s.aborts, 0);
    struct aws_options fresh = worker_peer_options(&p);
    fresh.region = "us-east-1";
    aws_free(p.aws);
    p.worker.aws = p.aws = aws_new(&fresh, &err);
    copy_abort(&c, &p.worker);
    cr_expect_eq(s.aborts, 1);
    copy_close(&c);
    worker_peer_close(&p);
}

static const char *bare_env(const char *name)
{
    if (strcmp(name, "workflow_run_id") == 0)
        return "seven";
    return strcmp(name, "task_name") == 0 ? NULL : kit_env(name);
}

static const char *wrong_number(const char *name)
{
    return strcmp(name, "workflow_run_id") == 0 ? "seven" : kit_env(name);
}

Test(task, names_what_its_environment_lacks)
{
    struct task_env env;
    struct error err = {0};
    cr_assert_eq(task_env_read(&env, kit_env, &err), 0);
    cr_expect_str_eq(env.metadata_uri, "http://v4");
    cr_expect_eq(env.workflow_run_id, 77);
    cr_expect_eq(env.hold_seconds, 0);
    cr_assert_eq(task_env_read(&env, bare_env, &err), -1);
    cr_expect(strstr(err.message, "missing in the environment: task_name "), "%s", err.message);
    cr_assert_eq(task_env_read(&env, wrong_number, &err), -1);
    cr_expect(strstr(err.message, "workflow_run_id must be a number"), "%s", err.message);
}
