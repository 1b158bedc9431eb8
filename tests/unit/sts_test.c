/* lib/aws/sts: forms that go out, XML that comes back. */
#include "lib/aws/sts.h"

#include "lib/aws/answer.h"
#include "lib/base/clock.h"

#include <criterion/criterion.h>
#include <string.h>

/* Judges a body as if it had come from the service. */
static int answered(struct aws_request *r, int status, const char *body, struct aws_response *out,
                    struct error *err)
{
    struct http_response http = {.status = status};
    buf_init(&http.headers, 4096);
    buf_init(&http.body, 64 * 1024);
    buf_adds(&http.headers, "x-amzn-RequestId: req-1\r\n");
    buf_adds(&http.body, body);
    *out = (struct aws_response){0};
    return answer_read(r, &http, out, err);
}

Test(sts, caller_identity)
{
    static const char body[] =
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
        "  <GetCallerIdentityResult>\n    <Arn>arn:aws:iam::123456789012:user/x&amp;y</Arn>\n"
        "    <UserId>AIDA1</UserId><Account>123456789012</Account>\n"
        "  </GetCallerIdentityResult>\n  <ResponseMetadata><RequestId>r</RequestId>"
        "</ResponseMetadata>\n</GetCallerIdentityResponse>";
    struct aws_request r;
    struct aws_response a;
    struct sts_identity who;
    struct error err = {0};
    cr_assert_eq(sts_get_caller_identity(&r, &err), 0);
    cr_expect_str_eq(buf_str(&r.body), "Action=GetCallerIdentity&Version=2011-06-15");
    cr_assert_eq(answered(&r, 200, body, &a, &err), 0, "%s", err.message);
    cr_assert_eq(sts_caller_identity_read(&a, &who, &err), 0, "%s", err.message);
    cr_expect_str_eq(who.account, "123456789012");
    cr_expect_str_eq(who.arn, "arn:aws:iam::123456789012:user/x&y");
    cr_expect_str_eq(who.user_id, "AIDA1");
    aws_response_free(&a);
    aws_request_free(&r);
}

Test(sts, error_answer)
{
    struct aws_request r;
    struct aws_response a;
    struct error err = {0};
    cr_assert_eq(sts_get_caller_identity(&r, &err), 0);
    cr_assert_eq(answered(&r, 403,
                          "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type>"
                          "<Code>InvalidClientTokenId</Code><Message>The token is no good</Message>"
                          "</Error><RequestId>r</RequestId></ErrorResponse>",
                          &a, &err),
                 -1);
    cr_expect(err_is_remote(&err, "InvalidClientTokenId"));
    cr_expect_eq(err.http_status, 403);
    cr_expect_str_eq(err.request_id, "req-1");
    cr_expect_str_eq(err.message, "InvalidClientTokenId: The token is no good");
    aws_response_free(&a);
    aws_request_free(&r);
}

Test(sts, assume_role_forms)
{
    struct aws_request r;
    struct error err = {0};
    const struct sts_role role = {.role_arn = "arn:aws:iam::1:role/a",
                                  .session_name = "me@here",
                                  .external_id = "x y",
                                  .web_identity_token = "ey.J+=",
                                  .duration_seconds = 900};
    cr_assert_eq(sts_assume_role(&r, &role, &err), 0);
    cr_expect_str_eq(
        buf_str(&r.body),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa"
        "&RoleSessionName=me%40here&DurationSeconds=900&ExternalId=x%20y");
    cr_expect(!r.anonymous);
    aws_request_free(&r);
    cr_assert_eq(sts_assume_role_with_web_identity(&r, &role, &err), 0);
    cr_expect(strstr(buf_str(&r.body), "&WebIdentityToken=ey.J%2B%3D"));
    cr_expect(r.anonymous);
    aws_request_free(&r);
    const struct sts_role bad = {.role_arn = "a", .session_name = "me here"};
    cr_expect_eq(sts_assume_role(&r, &bad, &err), -1);
    cr_expect(strstr(err.message, "'me here'"));
}

Test(sts, credentials)
{
    static const char body[] =
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>"
        "<Credentials><AccessKeyId>AK</AccessKeyId><SecretAccessKey>S/+</SecretAccessKey>"
        "<SessionToken>T==</SessionToken><Expiration>2024-01-02T03:04:05Z</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>";
    struct aws_request r;
    struct aws_response a;
    struct credentials c;
    struct error err = {0};
    const struct sts_role role = {.role_arn = "a", .session_name = "me"};
    cr_assert_eq(sts_assume_role(&r, &role, &err), 0);
    cr_assert_eq(answered(&r, 200, body, &a, &err), 0, "%s", err.message);
    cr_assert_eq(sts_credentials_read(&a, &c, &err), 0, "%s", err.message);
    cr_expect_str_eq(c.secret_access_key, "S/+");
    cr_expect_eq(c.expires, INT64_C(1704164645) * CLOCK_SECOND);
    credentials_close(&c);
    aws_response_free(&a);
    cr_assert_eq(answered(&r, 200,
                          "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AK"
                          "</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>",
                          &a, &err),
                 0);
    cr_expect_eq(sts_credentials_read(&a, &c, &err), -1);
    cr_expect(strstr(err.message, "SecretAccessKey"), "%s", err.message);
    cr_expect_null(c.access_key_id);
    aws_response_free(&a);
    aws_request_free(&r);
}
