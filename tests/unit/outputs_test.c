/* server/app/outputs: which outputs are taken, and what is said about those that cannot be. */
#include "server/app/outputs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARN(n) "arn:aws:states:eu-west-1:111122223333:stateMachine:p" n
#define STACK(name, n, region, more)                                                               \
    "\"" name "\":{\"region\":\"" region "\",\"clusterName\":\"c\",\"containerName\":\"main\","    \
    "\"taskDefinition\":\"td\",\"securityGroupId\":\"sg-1\",\"subnetIdLiteral\":\"subnet-1\","     \
    "\"separator\":\",\",\"ddbTableNameWFSummary\":\"sum" n "\",\"hashKeyWFSummary\":\"name\","    \
    "\"rangeKeyWFSummary\":\"run\",\"ddbTableNameWFDetails\":\"det" n "\","                        \
    "\"hashKeyWFDetails\":\"run\",\"rangeKeyWFDetails\":\"task\",\"workflowName\":\"wf" n          \
    "\"" more "}"
#define REST ",\"s3BucketName\":\"bucket\""
#define GOOD(n) REST ",\"stateMachineArn\":\"" ARN(n) "\""
#define ONE STACK("dev-pattern-1", "1", "eu-west-1", GOOD("1"))
#define TWO STACK("dev-pattern-2", "2", "eu-west-1", GOOD("2") ",\"taskLogGroup\":\"g\"")

Test(outputs, both_patterns_among_other_stacks)
{
    struct outputs o;
    struct error err = {0};
    cr_assert_eq(outputs_open(&o, "{\"dev-shared\":{\"VpcId\":1}," ONE "," TWO "}", &err), 0, "%s",
                 err.message);
    cr_expect_str_eq(o.stacks[0], "dev-pattern-1");
    cr_expect_str_eq(o.arns[0], ARN("1"));
    cr_expect_str_eq(o.arns[1], ARN("2"));
    cr_expect_str_eq(o.region, "eu-west-1");
    cr_expect_null(o.log_groups[0], "an older deployment does not tell it");
    cr_expect_str_eq(o.log_groups[1], "g");
    cr_expect_str_eq(o.specs[1].details_table, "det2");
    cr_expect_str_eq(json_str(o.defaults[0], "clusterName", ""), "c");
    cr_expect_null(json_object_get(o.defaults[0], "workflowName"), "the user's to say");
    cr_expect_null(json_object_get(o.defaults[0], "stateMachineArn"));
    outputs_close(&o);
    outputs_close(&o);
}

Test(outputs, one_pattern_alone)
{
    struct outputs o;
    struct error err = {0};
    cr_assert_eq(outputs_open(&o, "{" TWO "}", &err), 0, "%s", err.message);
    cr_expect_null(o.arns[0]);
    cr_expect_null(o.defaults[0]);
    cr_expect_not_null(o.arns[1]);
    outputs_close(&o);
    cr_assert_eq(outputs_open(&o, NULL, &err), 0);
    cr_expect_null(o.arns[1]);
    outputs_close(&o);
}

Test(outputs, what_cannot_be_used)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"{", "the text: line 1, column"},
        {"{}", "no member whose name ends in pattern-1 or pattern-2"},
        {"{\"pattern-12\":{}}", "no member whose name ends in pattern-1 or pattern-2"},
        {"{\"x-pattern-1\":[]}", "/x-pattern-1 must be an object"},
        {"{\"x-pattern-1\":{}}", "/x-pattern-1 has no stateMachineArn: deploy it again with make "
                                 "deploy PATTERN=1"},
        {"{\"x-pattern-2\":{\"stateMachineArn\":7}}",
         "/x-pattern-2/stateMachineArn must be a text"},
        {"{\"x-pattern-2\":{\"stateMachineArn\":\"\"}}", "must be a text that is not empty"},
        {"{" STACK("pattern-1", "1", "eu-west-1", ",\"stateMachineArn\":\"" ARN("1") "\"") "}",
         "/pattern-1 has no s3BucketName"},
        {"{" STACK("pattern-1", "1", "eu-west-1", REST ",\"stateMachineArn\":\"p1\"") "}",
         "'p1' is not the ARN of a state machine"},
        {"{\"a/pattern-1\":{\"stateMachineArn\":\"" ARN("1") "\",\"s3BucketName\":\"bucket\"}}",
         "/a~1pattern-1/region"},
        {"{" STACK("pattern-1", "1", "Nowhere!", GOOD("1")) "}", "/pattern-1/region"},
        {"{" ONE "," STACK("x-pattern-1", "1", "eu-west-1", GOOD("1")) "}",
         "/dev-pattern-1 and /x-pattern-1 are both of pattern 1"},
        {"{" ONE "," STACK("x-pattern-2", "2", "us-east-1", GOOD("2")) "}",
         "/x-pattern-2/region is us-east-1, but the other pattern is in eu-west-1"},
        {"{" ONE "," ONE "}", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outputs o;
        struct error err = {0};
        cr_expect_eq(outputs_open(&o, cases[i].text, &err), -1, "%s", cases[i].text);
        cr_expect(strstr(err.message, cases[i].says), "%s: %s", cases[i].says, err.message);
        cr_expect(strstr(err.message, "--outputs (STEPFLEET_OUTPUTS)"), "%s", err.message);
        cr_expect_null(o.tree);
    }
}

Test(outputs, files)
{
    char path[] = "/tmp/stepfleet-outputs-XXXXXX";
    struct outputs o;
    struct error err = {0};
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(outputs_open(&o, path, &err), -1);
    cr_expect(strstr(err.message, path), "%s", err.message);
    cr_assert_eq(dprintf(fd, "\n{%s}", ONE), (int)strlen(ONE) + 3);
    close(fd);
    cr_expect_eq(outputs_open(&o, path, &err), 0, "%s", err.message);
    outputs_close(&o);
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(outputs_open(&o, path, &err), -1);
    cr_expect(strstr(err.message, "cannot read /tmp/"), "%s", err.message);
    cr_expect(strstr(err.message, "No such file"), "%s", err.message);
}
