/* lib/aws: the credential chain: its order, and the sources that speak HTTP. */
#include "tests/unit/cred_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(credentials, .init = cred_open, .fini = cred_close, .timeout = 60);

Test(credentials, each_source_steps_back_behind_the_one_before)
{
    cred_instance();
    cred_expect("IK", "instance metadata");
    cred_answer((struct cred_line){"GET", "/container", NULL, 200, CRED_CONTAINER_BODY, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    cred_expect("CK", "container");
    cred_file(".aws/config", "[default]\naws_access_key_id = PK\naws_secret_access_key = s\n");
    cred_expect("PK", "profile");
    cred_answer((struct cred_line){"POST", "/", "WebIdentity", 200,
                                   CRED_STS_BODY("AssumeRoleWithWebIdentity", "WK"), 0});
    cred_set_url("AWS_ENDPOINT_URL_STS", "");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", cred_file("token", "ey.J\n"));
    cred_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    cred_expect("WK", "web identity");
    cred_set("AWS_ACCESS_KEY_ID", "EK");
    cred_set("AWS_SECRET_ACCESS_KEY", "s");
    int before = cred_count("/");
    cred_expect("EK", "environment");
    cr_expect_eq(cred_count("/"), before, "the environment needs no network");
}

Test(credentials, nothing_is_configured)
{
    cred_expect_refusal("no AWS credentials: set AWS_ACCESS_KEY_ID", "AWS_PROFILE");
    /* Nobody listens there: no instance, but it is told. */
    cred_set("AWS_EC2_METADATA_DISABLED", "false");
    cred_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    cred_expect_refusal("no AWS credentials: set", "hop limit");
}

/* --- web identity ---------------------------------------------------------------------------- */

static void use_web_identity(const char *token)
{
    cred_set_url("AWS_ENDPOINT_URL_STS", "");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", cred_file("token", token));
    cred_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
}

Test(credentials, web_identity_is_unsigned_and_reads_the_token_anew)
{
    use_web_identity("hush-1\n");
    cred_set("AWS_ROLE_SESSION_NAME", "me");
    cred_answer((struct cred_line){"POST", "/", NULL, 200,
                                   CRED_STS_BODY("AssumeRoleWithWebIdentity", "WK"), 0});
    cred_expect("WK", "web identity");
    cr_expect(strstr(cred_last_body(), "WebIdentityToken=hush-1"), "%s", cred_last_body());
    cr_expect_null(strstr(cred_last_body(), "%0A"));
    cr_expect(strstr(cred_last_body(), "RoleSessionName=me"));
    cr_expect_null(strcasestr(cred_last_headers(), "authorization:"));
    cr_expect_null(strcasestr(cred_last_headers(), "x-amz-security-token"));
    cred_file("token", "hush-2");
    cred_set("AWS_ROLE_SESSION_NAME", NULL);
    cred_expect("WK", "web identity");
    cr_expect(strstr(cred_last_body(), "WebIdentityToken=hush-2"));
    cr_expect(strstr(cred_last_body(), "RoleSessionName=stepfleet-1704164645"));
}

Test(credentials, web_identity_failures)
{
    use_web_identity("hush-1");
    cred_set("AWS_ROLE_ARN", NULL);
    cred_expect_refusal("(web identity)", "AWS_ROLE_ARN is not");
    cred_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    cred_answer((struct cred_line){"POST", "/", NULL, 403, CRED_STS_ERROR("AccessDenied"), 0});
    cred_expect_refusal("(web identity)", "AccessDenied: no");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token");
    cred_expect_refusal("(web identity)", "there is no token file /nonexistent/token");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", cred_file("empty", "\n"));
    cred_expect_refusal("(web identity)", "holds no token");
}

/* --- container ---------------------------------------------------------------------------------
 */

Test(credentials, container_token_goes_out_as_it_is_and_is_read_anew)
{
    cred_answer((struct cred_line){"GET", "/v2/creds?id=1", NULL, 200, CRED_CONTAINER_BODY, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v2/creds?id=1");
    cred_expect("CK", "container");
    cr_expect_null(strcasestr(cred_last_headers(), "authorization:"));
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic of-env");
    cred_expect("CK", "container");
    cr_expect(strstr(cred_last_headers(), "Authorization: Basic of-env\r\n"));
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", cred_file("token", "one\n"));
    cred_expect("CK", "container");
    cr_expect(strstr(cred_last_headers(), "Authorization: one\r\n"));
    cred_file("token", "two");
    cred_expect("CK", "container");
    cr_expect(strstr(cred_last_headers(), "Authorization: two\r\n"));
}

Test(credentials, container_is_asked_again_when_it_stumbles)
{
    cred_answer((struct cred_line){"GET", "/c", NULL, 500, "{}", 2});
    cred_answer((struct cred_line){"GET", "/c", NULL, 200, CRED_CONTAINER_BODY, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    cred_expect("CK", "container");
    cr_expect_eq(cred_count("/c"), 3);
}

Test(credentials, container_failures)
{
    cred_instance(); /* which must not step in */
    static const struct {
        const char *uri;
        const char *says;
    } hosts[] = {
        {"http://example.com/c", "without TLS only"},
        {"http://127.0.0.1.example.com/c", "without TLS only"},
        {"http://127.0.0.1@example.com/c", "must be an http:// or https:// URL"},
        {"http://169.254.170.3/c", "without TLS only"},
        {"http://[fd00:ec2::24]/c", "without TLS only"},
        {"ftp://127.0.0.1/c", "must be an http:// or https:// URL"},
        {"http://", "must be an http:// or https:// URL"},
        {"https:///c", "must be an http:// or https:// URL"},
        {"http://127.0.0.1:1/c", "127.0.0.1:1"},
    };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        cred_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", hosts[i].uri);
        cred_expect_refusal("AWS credentials (container)", hosts[i].says);
    }
    cred_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "no-slash");
    cred_expect_refusal("AWS credentials (container)", "must begin with '/'");
    cred_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
    cred_answer((struct cred_line){"GET", "/denied", NULL, 403,
                                   "{\"code\":\"AccessDenied\",\"message\":\"not you\"}", 0});
    cred_answer((struct cred_line){"GET", "/html", NULL, 200, "<html>hush</html>", 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/denied");
    cred_expect_refusal("(container)", "HTTP 403 AccessDenied: not you");
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/html");
    cred_expect_refusal("(container)", "not a JSON object");
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush\r\nX-Evil: 1");
    cred_expect_refusal("(container)", "holds a line break");
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", cred_file("token", "hush\nX: 1\n"));
    cred_expect_refusal("(container)", "TOKEN_FILE is empty or holds a line break");
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token");
    cred_expect_refusal("(container)", "there is no file /nonexistent/token");
    cr_expect_eq(cred_count("/latest"), 0);
}

/* --- instance metadata -------------------------------------------------------------------------
 */

Test(credentials, instance_token_is_renewed_once)
{
    cred_answer((struct cred_line){"GET", CRED_ROLE_PATH, NULL, 401, "", 1});
    cred_instance();
    cred_expect("IK", "instance metadata");
    cr_expect_eq(cred_count("/latest/api/token"), 2);
    cr_expect(strcasestr(cred_last_headers(), "x-aws-ec2-metadata-token: tok\r\n"));
    cred_forget();
    cred_answer((struct cred_line){"GET", CRED_ROLE_PATH, NULL, 401, "", 0});
    cred_instance();
    cred_expect_refusal("(instance metadata)", "refuses its own session token");
}

Test(credentials, instance_failures)
{
    static const struct {
        struct cred_line line;
        const char *says;
    } cases[] = {
        {{"GET", CRED_ROLE_PATH "my", NULL, 200, "{\"Code\":\"Failed\",\"Message\":\"later\"}", 0},
         "gives no credentials: Failed later"},
        {{"GET", CRED_ROLE_PATH "my", NULL, 404, "", 0}, "answered HTTP 404"},
        {{"GET", CRED_ROLE_PATH, NULL, 404, "", 0}, "the instance has no role"},
        {{"GET", CRED_ROLE_PATH, NULL, 200, "", 0}, "the instance has no role"},
        {{"GET", CRED_ROLE_PATH, NULL, 500, "", 0}, "tells no role (HTTP 500)"},
        {{"PUT", "/latest/api/token", NULL, 403, "", 0}, "no session token (HTTP 403)"},
        {{"PUT", "/latest/api/token", NULL, 200, "a\r\nX: b", 0}, "no session token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cred_forget();
        cred_answer(cases[i].line);
        cred_instance();
        cred_expect_refusal("AWS credentials (instance metadata)", cases[i].says);
    }
}

Test(credentials, instance_settings)
{
    static const struct {
        const char *name, *value, *says;
    } bad[] = {
        {"AWS_METADATA_SERVICE_TIMEOUT", "x", "must be a number from 1 to 60"},
        {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "0", "must be a number from 1 to 20"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", "must be IPv4 or IPv6"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "nonsense", "must be http://HOST"},
    };
    cred_instance();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cred_set(bad[i].name, bad[i].value);
        cred_expect_refusal("AWS credentials (instance metadata)", bad[i].says);
        cred_set(bad[i].name, NULL);
    }
    cred_forget();
    cred_answer((struct cred_line){"PUT", "/latest/api/token", NULL, 503, "", 1});
    cred_instance();
    cred_set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
    cred_expect("IK", "instance metadata");
    cred_set("AWS_EC2_METADATA_DISABLED", "TRUE");
    cred_expect_refusal("no AWS credentials", "set");
}
