/* What the demo expects of a run, read from the AWS endpoint and not from our own store: execution,
 * audit tables, objects. */
#include "server/demo/demo_check.h"

#include "lib/audit/audit.h"
#include "lib/aws/dynamodb.h"
#include "lib/aws/s3.h"
#include "lib/aws/sfn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OBJECT_MAX = 64 * 1024 * 1024 };

/* Prints an expectation with what was seen; passes `seen` on. */
static bool expect(bool seen, const char *what, const char *detail)
{
    (void)printf("  %s %s%s%s\n", seen ? "ok  " : "FAIL", what, *detail ? ": " : "", detail);
    return seen;
}

/* An expectation that could not even be looked at. */
static bool failed(const char *what, const struct error *err)
{
    return expect(false, what, err->message);
}

/* The state machine's own verdict. */
static bool check_execution(const struct demo_check *c)
{
    struct aws_request req = {0};
    struct aws_response res = {0};
    struct sfn_execution execution = {0};
    struct error err = {0};
    int rc = sfn_describe_execution(&req, c->run->execution_arn, &err);
    if (!rc)
        rc = aws_call(c->aws, &req, &res, &err);
    if (!rc)
        rc = sfn_describe_result(&res, &execution, &err);
    bool ok =
        rc ? failed("execution", &err)
           : expect(strcmp(execution.status, "SUCCEEDED") == 0, "execution", execution.status);
    aws_response_free(&res);
    return ok;
}

/* Exactly one row, whose counts agree with the spec. */
static bool check_summary(const struct demo_check *c)
{
    const struct audit_table t = {c->spec->summary_table, c->spec->summary_hash_key,
                                  c->spec->summary_range_key};
    char detail[160];
    struct aws_request req = {0};
    struct aws_response res = {0};
    struct error err = {0};
    json_t *names = json_pack("{s:s}", "#h", t.hash_key);
    json_t *values = json_pack("{s:{s:s}}", ":h", "S", c->spec->workflow_name);
    const struct dynamodb_query query = {.table = t.table,
                                         .key_condition = "#h = :h",
                                         .names = names,
                                         .values = values,
                                         .consistent = true};
    int rc = names && values ? dynamodb_query(&req, &query, &err)
                             : err_set(&err, ERR_MEMORY, "out of memory");
    if (!rc)
        rc = aws_call(c->aws, &req, &res, &err);
    size_t items = rc ? 0 : json_array_size(dynamodb_items(&res));
    const json_t *item = rc ? NULL : json_array_get(dynamodb_items(&res), 0);
    int64_t number = dynamodb_get_n(item, "number_of_tasks", -1);
    int64_t completed = dynamodb_get_n(item, "completed_tasks", -1);
    (void)snprintf(detail, sizeof detail,
                   "%zu item, number_of_tasks %" PRId64 ", completed_tasks %" PRId64, items, number,
                   completed);
    int64_t want = (int64_t)c->spec->task_count;
    bool ok = rc ? failed(t.table, &err)
                 : expect(items == 1 && number == want && completed == want, t.table, detail);
    json_decref(names);
    json_decref(values);
    aws_response_free(&res);
    return ok;
}

/* Reads one copied object and compares its digest with the input's. */
static bool same_object(const struct demo_check *c, const char *bucket, const char *key)
{
    char hex[SHA256_HEX] = "";
    struct aws_request req = {0};
    struct aws_response res = {0};
    struct error err = {0};
    int rc = s3_get_object(&req, bucket, key, OBJECT_MAX, &err);
    if (!rc)
        rc = aws_call(c->aws, &req, &res, &err);
    if (!rc)
        rc = crypto_sha256_hex(res.http.body.data, res.http.body.len, hex, &err);
    aws_response_free(&res);
    return !rc && strcmp(hex, c->input_sha256) == 0;
}

/* Counts what the rows of the details table say, and the copies that they name. */
struct tally {
    size_t items;
    size_t completed;
    size_t copies;
};

/* A row counts as a copy only when the object that it names is equal to the input. */
static void count_row(const struct demo_check *c, json_t *item, struct tally *t)
{
    const char *key = dynamodb_get_s(item, "destination_key", NULL);
    t->items++;
    if (strcmp(dynamodb_get_s(item, "status", ""), "Completed") == 0)
        t->completed++;
    if (key && same_object(c, c->spec->s3_bucket_name, key))
        t->copies++;
}

/* One row for each task, all of them Completed. */
static bool check_details(const struct demo_check *c, struct tally *tally)
{
    const struct audit_table t = {c->spec->details_table, c->spec->details_hash_key,
                                  c->spec->details_range_key};
    char detail[96];
    struct aws_request req = {0};
    struct aws_response res = {0};
    struct error err = {0};
    size_t index;
    json_t *item;
    int rc = audit_detail_query(&req, &t, c->run->id, NULL, &err);
    if (!rc)
        rc = aws_call(c->aws, &req, &res, &err);
    if (!rc)
        json_array_foreach (dynamodb_items(&res), index, item)
            count_row(c, item, tally);
    (void)snprintf(detail, sizeof detail, "%zu items, %zu with status Completed", tally->items,
                   tally->completed);
    bool ok =
        rc ? failed(t.table, &err)
           : expect(tally->items == c->spec->task_count && tally->completed == c->spec->task_count,
                    t.table, detail);
    aws_response_free(&res);
    return ok;
}

/* The bucket itself: as many copies as tasks, no more. */
static bool check_objects(const struct demo_check *c, const struct tally *tally)
{
    char detail[192];
    char prefix[256];
    struct aws_request req = {0};
    struct aws_response res = {0};
    struct s3_listing listing = {0};
    struct error err = {0};
    (void)snprintf(prefix, sizeof prefix, "%s_", c->spec->tasks[0].object_key);
    int rc = s3_list_objects(&req, c->spec->s3_bucket_name, prefix, 1000, NULL, &err);
    if (!rc)
        rc = aws_call(c->aws, &req, &res, &err);
    if (!rc)
        rc = s3_list_result(&res, &listing, &err);
    (void)snprintf(detail, sizeof detail, "%zu new objects, %zu equal to the input by SHA-256",
                   listing.count, tally->copies);
    bool ok =
        rc ? failed(c->spec->s3_bucket_name, &err)
           : expect(listing.count == c->spec->task_count && tally->copies == c->spec->task_count,
                    c->spec->s3_bucket_name, detail);
    s3_listing_free(&listing);
    aws_response_free(&res);
    return ok;
}

/* All are looked at, so that one run of the demo tells everything that is wrong. */
bool demo_check_run(const struct demo_check *c)
{
    struct tally tally = {0};
    char detail[640];
    (void)snprintf(detail, sizeof detail, "%s%s%s", c->run->status, c->run->reason[0] ? ": " : "",
                   c->run->reason);
    bool run = expect(strcmp(c->run->status, "Completed") == 0, "run", detail);
    bool execution = check_execution(c);
    bool summary = check_summary(c);
    bool details = check_details(c, &tally);
    bool objects = check_objects(c, &tally);
    return run && execution && summary && details && objects;
}
