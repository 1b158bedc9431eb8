/* The table. Things that are not there are asked for where asking for real ones could cost or
 * change something: a refusal comes before "does not exist". */
#include "server/doctor/probe.h"

#include "lib/aws/dynamodb.h"
#include "lib/aws/ecs.h"
#include "lib/aws/s3.h"
#include "lib/aws/sfn.h"
#include "lib/aws/sts.h"
#include "server/doctor/judge.h"
#include "server/submit/submit.h"

#define NOBODY "stepfleet-doctor"

static const char *caller(const struct installation *in, int i)
{
    (void)in;
    return i == 0 ? "" : NULL;
}

static const char *machine(const struct installation *in, int i)
{
    return in->arns[i];
}

/* What only a spec tells. */
#define SPEC_SUBJECT(name, member)                                                                 \
    static const char *name(const struct installation *in, int i)                                  \
    {                                                                                              \
        return in->specs[i] ? in->specs[i]->member : NULL;                                         \
    }
SPEC_SUBJECT(summary_table, summary_table)
SPEC_SUBJECT(details_table, details_table)
SPEC_SUBJECT(bucket, s3_bucket_name)
SPEC_SUBJECT(cluster, cluster_name)
SPEC_SUBJECT(definition, task_definition)

static int ask_caller(const struct installation *in, int i, struct aws_request *r,
                      struct error *err)
{
    (void)in;
    (void)i;
    return sts_get_caller_identity(r, err);
}

static int ask_machine(const struct installation *in, int i, struct aws_request *r,
                       struct error *err)
{
    return sfn_describe_machine(r, in->arns[i], err);
}

static int ask_list(const struct installation *in, int i, struct aws_request *r, struct error *err)
{
    return sfn_list_executions(r, in->arns[i], NULL, 1, NULL, err);
}

static int ask_execution(const struct installation *in, int i, struct aws_request *r,
                         struct error *err)
{
    char arn[SUBMIT_ARN_MAX];
    if (submit_execution_arn(in->arns[i], NOBODY, arn, err))
        return -1;
    return sfn_describe_execution(r, arn, err);
}

static int ask_history(const struct installation *in, int i, struct aws_request *r,
                       struct error *err)
{
    char arn[SUBMIT_ARN_MAX];
    if (submit_execution_arn(in->arns[i], NOBODY, arn, err))
        return -1;
    return sfn_get_history(r, arn, 1, NULL, false, err);
}

/* Nothing ends: servers name executions "WORKFLOW-NUMBER" or "key-HASH", never like this. */
static int ask_stop(const struct installation *in, int i, struct aws_request *r, struct error *err)
{
    char arn[SUBMIT_ARN_MAX];
    if (submit_execution_arn(in->arns[i], NOBODY, arn, err))
        return -1;
    return sfn_stop_execution(r, arn, NULL, NULL, err);
}

static int ask_summary_table(const struct installation *in, int i, struct aws_request *r,
                             struct error *err)
{
    return dynamodb_describe_table(r, in->specs[i]->summary_table, err);
}

static int ask_details_table(const struct installation *in, int i, struct aws_request *r,
                             struct error *err)
{
    return dynamodb_describe_table(r, in->specs[i]->details_table, err);
}

static int ask_summary_row(const struct installation *in, int i, struct aws_request *r,
                           struct error *err)
{
    const struct spec *s = in->specs[i];
    json_t *key = json_pack("{s:o, s:o}", s->summary_hash_key, dynamodb_s(NOBODY),
                            s->summary_range_key, dynamodb_n(0));
    int rc = key ? dynamodb_get_item(r, s->summary_table, key, false, err)
                 : err_set(err, ERR_MEMORY, "out of memory");
    json_decref(key);
    return rc;
}

/* Runs are numbered from 1. */
static int ask_details_rows(const struct installation *in, int i, struct aws_request *r,
                            struct error *err)
{
    const struct spec *s = in->specs[i];
    struct dynamodb_query query = {
        .table = s->details_table, .key_condition = "#r = :r", .limit = 1};
    query.names = json_pack("{s:s}", "#r", s->details_hash_key);
    query.values = json_pack("{s:o}", ":r", dynamodb_n(0));
    int rc = query.names && query.values ? dynamodb_query(r, &query, err)
                                         : err_set(err, ERR_MEMORY, "out of memory");
    json_decref(query.names);
    json_decref(query.values);
    return rc;
}

static int ask_bucket(const struct installation *in, int i, struct aws_request *r,
                      struct error *err)
{
    return s3_head_bucket(r, in->specs[i]->s3_bucket_name, err);
}

static int ask_objects(const struct installation *in, int i, struct aws_request *r,
                       struct error *err)
{
    return s3_list_objects(r, in->specs[i]->s3_bucket_name, NULL, 1, NULL, err);
}

static int ask_cluster(const struct installation *in, int i, struct aws_request *r,
                       struct error *err)
{
    return ecs_list_tasks(r, in->specs[i]->cluster_name, NULL, NULL, NULL, err);
}

static int ask_definition(const struct installation *in, int i, struct aws_request *r,
                          struct error *err)
{
    return ecs_describe_definition(r, in->specs[i]->task_definition, err);
}

/* clang-format off */
const struct probe probes[PROBES] = {
    {"caller", AWS_STS, "sts:GetCallerIdentity", false, NULL, caller, ask_caller, judge_caller},
    {"state machine", AWS_SFN, "states:DescribeStateMachine", false, NULL,
     machine, ask_machine, judge_machine},
    {"executions of", AWS_SFN, "states:ListExecutions", true, NULL, machine, ask_list, NULL},
    {"an execution of", AWS_SFN, "states:DescribeExecution", true, "ExecutionDoesNotExist",
     machine, ask_execution, NULL},
    {"history of", AWS_SFN, "states:GetExecutionHistory", true, "ExecutionDoesNotExist",
     machine, ask_history, NULL},
    {"stopping an execution of", AWS_SFN, "states:StopExecution", true, "ExecutionDoesNotExist",
     machine, ask_stop, NULL},
    {"summary table", AWS_DYNAMODB, "dynamodb:DescribeTable", false, NULL,
     summary_table, ask_summary_table, judge_summary_table},
    {"rows of", AWS_DYNAMODB, "dynamodb:GetItem", true, NULL, summary_table, ask_summary_row, NULL},
    {"details table", AWS_DYNAMODB, "dynamodb:DescribeTable", false, NULL,
     details_table, ask_details_table, judge_details_table},
    {"rows of", AWS_DYNAMODB, "dynamodb:Query", true, NULL, details_table, ask_details_rows, NULL},
    {"bucket", AWS_S3, "s3:ListBucket", false, NULL, bucket, ask_bucket, NULL},
    {"objects in", AWS_S3, "s3:ListBucket", false, NULL, bucket, ask_objects, NULL},
    {"tasks of cluster", AWS_ECS, "ecs:ListTasks", true, NULL, cluster, ask_cluster, NULL},
    {"task definition", AWS_ECS, "ecs:DescribeTaskDefinition", false, NULL,
     definition, ask_definition, judge_definition},
};
/* clang-format on */
