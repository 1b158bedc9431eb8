/* server/doctor: what is concluded from answers and from failures, and the report as a whole. */
#include "server/doctor/data_folder.h"
#include "server/doctor/examine.h"
#include "server/doctor/judge.h"
#include "tests/unit/fake_aws.h"
#include "tests/unit/temp_folder.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARN "arn:aws:states:eu-west-1:111122223333:stateMachine:m"
#define CALLER "arn:aws:sts::111122223333:assumed-role/server/x"

static const struct spec a_spec = {.summary_table = "sum",
                                   .summary_hash_key = "name",
                                   .summary_range_key = "run",
                                   .details_table = "det",
                                   .details_hash_key = "run",
                                   .details_range_key = "task",
                                   .cluster_name = "c",
                                   .container_name = "main",
                                   .task_definition = "td"};
static const struct installation one = {
    .region = "eu-west-1", .region_from = "--outputs", .specs = {&a_spec}, .arns = {ARN}};

static const struct probe *probe(const char *action)
{
    for (size_t i = 0; i < PROBES; i++)
        if (strcmp(probes[i].action, action) == 0)
            return &probes[i];
    cr_assert_fail("no probe for %s", action);
    return NULL;
}

Test(doctor, failures)
{
    static const struct {
        const char *action;
        const char *code;
        enum verdict verdict;
        const char *found;
        const char *remedy;
    } cases[] = {
        {"dynamodb:Query", "AccessDeniedException", VERDICT_FAIL, "dynamodb:Query is not allowed",
         "allow dynamodb:Query on thing to " CALLER},
        {"dynamodb:DescribeTable", "AccessDeniedException", VERDICT_WARN, "a server does without",
         "allow dynamodb:DescribeTable"},
        {"s3:ListBucket", "HTTP 403", VERDICT_WARN, "s3:ListBucket is not allowed", "allow s3:"},
        {"s3:ListBucket", "HTTP 404", VERDICT_FAIL, "does not exist in eu-west-1 (account 1111",
         "make deploy PATTERN=1"},
        {"states:ListExecutions", "StateMachineDoesNotExist", VERDICT_FAIL, "does not exist",
         "AWS_REGION"},
        {"ecs:DescribeTaskDefinition", "ClientException", VERDICT_FAIL, "does not exist", "make"},
        {"states:DescribeExecution", "ExecutionDoesNotExist", VERDICT_OK, "is allowed", ""},
        {"states:StopExecution", "ExecutionDoesNotExist", VERDICT_OK, "is allowed", ""},
        {"states:StopExecution", "AccessDeniedException", VERDICT_FAIL, "is not allowed",
         "allow states:StopExecution on thing to " CALLER},
        {"states:ListExecutions", "ExecutionDoesNotExist", VERDICT_FAIL, "said", "reference"},
        {"sts:GetCallerIdentity", "ExpiredToken", VERDICT_FAIL, "credentials are not accepted",
         "get new ones"},
        {"ecs:ListTasks", "ThrottlingException", VERDICT_WARN, "throttled", "again"},
        {"s3:ListBucket", "HTTP 301", VERDICT_FAIL, "another region", "AWS_REGION"},
        {"sts:GetCallerIdentity", "HTTP 501", VERDICT_WARN, "does not offer", "endpoint sts"},
        {"ecs:ListTasks", "UnknownOperationException", VERDICT_FAIL, "does not offer", "ecs"},
        {"dynamodb:Query", "ValidationException", VERDICT_FAIL, "said", "request r-1"},
    };
    const struct facts facts = {"eu-west-1", "111122223333", CALLER};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f = {.check = "x", .subject = "thing"};
        struct error err = {.code = ERR_REMOTE, .http_status = 400, .message = "it said so"};
        (void)snprintf(err.remote, sizeof err.remote, "%s", cases[i].code);
        (void)snprintf(err.request_id, sizeof err.request_id, "r-1");
        judge_error(probe(cases[i].action), 0, &facts, &err, &f);
        cr_expect_eq(f.verdict, cases[i].verdict, "%s: %s", cases[i].code, f.found);
        cr_expect(strstr(f.found, cases[i].found), "%s: %s", cases[i].found, f.found);
        cr_expect(strstr(f.remedy, cases[i].remedy), "%s: %s", cases[i].remedy, f.remedy);
        cr_expect_eq(f.verdict == VERDICT_OK, f.remedy[0] == '\0', "%s", cases[i].code);
    }
}

Test(doctor, nobody_answers)
{
    const struct facts facts = {"eu-west-1", "", ""};
    const struct error slow = {.code = ERR_TIMEOUT, .message = "too slow"};
    struct finding f = {.check = "x", .subject = "thing"};
    judge_error(probe("dynamodb:Query"), 0, &facts, &slow, &f);
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    cr_expect_str_eq(f.found, "no answer in time");
    cr_expect(strstr(f.remedy, "see endpoint dynamodb"));
    judge_error(probe("sts:GetCallerIdentity"), 0, &facts, &slow, &f);
    cr_expect_eq(f.verdict, VERDICT_WARN, "a server does without STS");
}

static struct aws_response reply(const char *text)
{
    struct aws_response r = {.status = 200};
    struct error err = {0};
    cr_assert_eq(json_parse(text, strlen(text), &r.json, &err), 0, "%s", err.message);
    return r;
}

typedef void (*judge_fn)(const struct installation *in, int i, const struct aws_response *response,
                         struct finding *f);

static struct finding judged(judge_fn judge, const char *text)
{
    struct finding f = {.check = "x", .subject = "thing"};
    struct aws_response r = reply(text);
    judge(&one, 0, &r, &f);
    aws_response_free(&r);
    return f;
}

#define TABLE(status, hash, hash_type, more)                                                       \
    "{\"Table\":{\"TableStatus\":\"" status "\",\"KeySchema\":[{\"AttributeName\":\"" hash         \
    "\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"run\",\"KeyType\":\"RANGE\"}],"                 \
    "\"AttributeDefinitions\":[{\"AttributeName\":\"" hash "\",\"AttributeType\":\"" hash_type     \
    "\"},{\"AttributeName\":\"run\",\"AttributeType\":\"N\"}]" more "}}"

Test(doctor, tables)
{
    struct finding f = judged(judge_summary_table, TABLE("ACTIVE", "name", "S", ""));
    cr_expect_eq(f.verdict, VERDICT_OK, "%s", f.found);
    cr_expect(strstr(f.found, "stream off"), "%s", f.found);
    f = judged(judge_summary_table,
               TABLE("UPDATING", "name", "S",
                     ",\"StreamSpecification\":{\"StreamEnabled\":true,\"StreamViewType\":"
                     "\"NEW_IMAGE\"}"));
    cr_expect_eq(f.verdict, VERDICT_WARN);
    cr_expect(strstr(f.found, "stream NEW_IMAGE"), "%s", f.found);
    f = judged(judge_summary_table, TABLE("ARCHIVED", "name", "S", ""));
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    f = judged(judge_summary_table, TABLE("ACTIVE", "name", "N", ""));
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    cr_expect(strstr(f.found, "are name (N) and run (N), not name (S) and run (N)"), "%s", f.found);
    f = judged(judge_details_table, TABLE("ACTIVE", "name", "S", ""));
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    cr_expect(strstr(f.found, "not run (N) and task (S)"), "%s", f.found);
    f = judged(judge_details_table, "{}");
    cr_expect_eq(f.verdict, VERDICT_FAIL);
}

Test(doctor, machines_and_definitions)
{
    static const struct {
        judge_fn judge;
        const char *text;
        enum verdict verdict;
        const char *says;
    } cases[] = {
        {judge_machine, "{\"status\":\"ACTIVE\",\"type\":\"STANDARD\"}", VERDICT_OK, "ACTIVE"},
        {judge_machine, "{\"status\":\"DELETING\"}", VERDICT_FAIL, "DELETING"},
        {judge_machine, "{\"status\":\"ACTIVE\",\"type\":\"EXPRESS\"}", VERDICT_FAIL, "EXPRESS"},
        {judge_definition,
         "{\"taskDefinition\":{\"status\":\"ACTIVE\",\"revision\":7,\"containerDefinitions\":["
         "{\"name\":\"side\"},{\"name\":\"main\"}]}}",
         VERDICT_OK, "revision 7, container main"},
        {judge_definition,
         "{\"taskDefinition\":{\"status\":\"ACTIVE\",\"containerDefinitions\":["
         "{\"name\":\"side\"}]}}",
         VERDICT_FAIL, "no container main"},
        {judge_definition, "{\"taskDefinition\":{\"status\":\"INACTIVE\"}}", VERDICT_FAIL,
         "INACTIVE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f = judged(cases[i].judge, cases[i].text);
        cr_expect_eq(f.verdict, cases[i].verdict, "%s", cases[i].text);
        cr_expect(strstr(f.found, cases[i].says), "%s: %s", cases[i].text, f.found);
        cr_expect_eq(f.verdict == VERDICT_OK, f.remedy[0] == '\0', "%s", cases[i].text);
    }
}

Test(doctor, region_and_clock)
{
    const int64_t now = INT64_C(1700000000) * CLOCK_SECOND;
    struct finding f = {.check = "x", .subject = ""};
    judge_region(&one, "eu-west-1", &f);
    cr_expect_eq(f.verdict, VERDICT_OK);
    cr_expect_str_eq(f.found, "eu-west-1, from --outputs");
    judge_region(&one, "eu-west-11", &f);
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    judge_region(&one, "eu-west", &f);
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    cr_expect(strstr(f.remedy, "AWS_REGION"));
    judge_clock(now, now + 5 * CLOCK_SECOND, &f);
    cr_expect_eq(f.verdict, VERDICT_OK);
    judge_clock(now, now + 600 * CLOCK_SECOND, &f);
    cr_expect_eq(f.verdict, VERDICT_WARN);
    cr_expect(strstr(f.found, "600 s ahead of"), "%s", f.found);
    judge_clock(now, now - 600 * CLOCK_SECOND, &f);
    cr_expect(strstr(f.found, "600 s behind"), "%s", f.found);
    judge_clock(0, now, &f);
    cr_expect_eq(f.verdict, VERDICT_WARN);
}

/* The report of an installation as AWS would have it, as one text to be freed. */
static char *report_of(struct fake_aws *fake, const struct installation *in, bool *failed)
{
    const struct aws_options options = fake_aws_options(fake);
    struct error err = {0};
    char *text = NULL;
    size_t len = 0;
    struct report report = {.out = open_memstream(&text, &len)};
    struct aws *aws = aws_new(&options, &err);
    cr_assert(aws && report.out, "%s", err.message);
    cr_assert_eq(examine(aws, &options, in, &report, &err), 0, "%s", err.message);
    aws_free(aws);
    (void)fclose(report.out);
    *failed = report.failed;
    return text;
}

static void expect_line(const char *report, const char *line)
{
    cr_expect(strstr(report, line), "no \"%s\" in:\n%s", line, report);
}

/* S3 and STS have no operation of their own in the fake: the latter's answer is "". */
static struct fake_aws *start_fake(void)
{
    struct fake_aws *fake = fake_aws_start();
    fake_aws_answer(fake, "", 200,
                    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333"
                    "</Account><Arn>" CALLER "</Arn><UserId>X</UserId></GetCallerIdentityResult>"
                    "</GetCallerIdentityResponse>");
    fake_aws_answer(fake, "DescribeStateMachine", 200,
                    "{\"status\":\"ACTIVE\",\"type\":\"STANDARD\"}");
    fake_aws_answer(fake, "ListExecutions", 200, "{\"executions\":[]}");
    fake_aws_refuse(fake, "DescribeExecution", "ExecutionDoesNotExist", "no");
    fake_aws_refuse(fake, "GetExecutionHistory", "AccessDeniedException", "no");
    fake_aws_refuse(fake, "StopExecution", "ExecutionDoesNotExist", "no");
    fake_aws_answer(fake, "DescribeTable", 200, TABLE("ACTIVE", "name", "S", ""));
    fake_aws_answer(fake, "GetItem", 200, "{}");
    fake_aws_refuse(fake, "Query", "com.amazonaws#AccessDeniedException", "no");
    fake_aws_answer(fake, "ListTasks", 200, "{\"taskArns\":[]}");
    fake_aws_refuse(fake, "DescribeTaskDefinition", "AccessDeniedException", "no");
    return fake;
}

Test(doctor, whole_report, .timeout = 60)
{
    struct fake_aws *fake = start_fake();
    bool failed = false;
    char *text = report_of(fake, &one, &failed);
    cr_expect(failed);
    expect_line(text, "ok    credentials: from options\n");
    expect_line(text, "ok    caller: " CALLER " in account 111122223333\n");
    expect_line(text, "ok    region: eu-west-1, from --outputs\n");
    expect_line(text, "ok    endpoint dynamodb: http://127.0.0.1:");
    expect_line(text, "ok    clock: ");
    expect_line(text, "ok    state machine " ARN ": ACTIVE, STANDARD\n");
    expect_line(text, "ok    an execution of " ARN ": states:DescribeExecution is allowed\n");
    expect_line(text, "FAIL  history of " ARN ": states:GetExecutionHistory is not allowed - allow "
                      "states:GetExecutionHistory on " ARN " to " CALLER "\n");
    expect_line(text, "ok    stopping an execution of " ARN ": states:StopExecution is allowed\n");
    expect_line(text, "ok    left out: states:StartExecution and ecs:StopTask are not tested");
    expect_line(text, "ok    summary table sum: ACTIVE");
    expect_line(text, "FAIL  details table det: its keys are");
    expect_line(text, "FAIL  rows of det: dynamodb:Query is not allowed - allow dynamodb:Query on "
                      "det to " CALLER "\n");
    expect_line(text, "warn  task definition td: ecs:DescribeTaskDefinition is not allowed");
    cr_expect_null(strstr(text, "bucket"), "the spec names none");
    free(text);
    fake_aws_stop(fake);
}

Test(doctor, shared_things_are_asked_for_once, .timeout = 60)
{
    struct installation both = one;
    struct spec second = a_spec;
    bool failed = false;
    second.details_table = "det2";
    both.specs[1] = &second;
    struct fake_aws *fake = start_fake();
    free(report_of(fake, &both, &failed));
    cr_expect_eq(fake_aws_count(fake, "ListTasks"), 1);
    cr_expect_eq(fake_aws_count(fake, "Query"), 2);
    cr_expect_eq(fake_aws_count(fake, "GetItem"), 1);
    fake_aws_stop(fake);
}

static struct finding folder_judged(const char *path)
{
    struct finding f = {.check = "data folder", .subject = path};
    data_folder_judge(path, &f);
    return f;
}

Test(doctor, data_folder)
{
    char dir[TEMP_FOLDER_MAX];
    char path[TEMP_FOLDER_MAX + 32];
    temp_folder_make(dir, "doctor");
    struct finding f = folder_judged(dir);
    cr_expect_eq(f.verdict, VERDICT_OK);
    cr_expect(strstr(f.found, "no database yet"), "%s", f.found);
    (void)snprintf(path, sizeof path, "%s/new/", dir);
    cr_expect(strstr(folder_judged(path).found, "serve makes it"));
    (void)snprintf(path, sizeof path, "%s/no/new", dir);
    f = folder_judged(path);
    cr_expect_eq(f.verdict, VERDICT_FAIL, "%s", f.found);
    cr_expect(strstr(f.remedy, "--data DIR"), "%s", f.remedy);
    (void)snprintf(path, sizeof path, "%s/stepfleet.db", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, "this is no database, this is a text", 35), 35);
    close(fd);
    cr_expect_eq(folder_judged(path).verdict, VERDICT_FAIL, "not a folder");
    f = folder_judged(dir);
    cr_expect_eq(f.verdict, VERDICT_FAIL);
    cr_expect(strstr(f.found, "is not a database"), "%s", f.found);
    temp_folder_remove(dir);
}
