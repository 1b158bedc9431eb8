/* lib/aws: the sources of the credential chain, one by one and in their order. */
#include "lib/aws/endpoint.h"
#include "lib/base/clock.h"
#include "tests/unit/cred_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CONTAINER_BODY                                                                             \
    "{\"AccessKeyId\":\"CK\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","                           \
    "\"Expiration\":\"2024-01-02T09:04:05Z\",\"RoleArn\":\"r\"}"
#define IMDS_BODY                                                                                  \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"IK\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","      \
    "\"Expiration\":\"2024-01-02T09:04:05Z\"}"
#define STS_BODY(op, id)                                                                           \
    "<" op "Response><" op "Result><Credentials><AccessKeyId>" id "</AccessKeyId>"                 \
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"                           \
    "<Expiration>2024-01-02T04:04:05Z</Expiration></Credentials></" op "Result></" op "Response>"
#define STS_ERROR(code)                                                                            \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>no</Message></Error>"  \
    "</ErrorResponse>"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

TestSuite(credentials, .init = cred_open, .fini = cred_close, .timeout = 60);

static void expect_key(const char *id, const char *source)
{
    struct aws_options o = cred_options();
    struct credentials c;
    struct error err = {0};
    cr_assert_eq(credentials_fetch(&o, &c, &err), 0, "%s", err.message);
    cr_expect_str_eq(c.access_key_id, id);
    cr_expect_str_eq(c.source, source);
    credentials_close(&c);
}

/* The message names source and reason, and never a secret. */
static void expect_refusal(const char *source, const char *says)
{
    struct aws_options o = cred_options();
    struct credentials c;
    struct error err = {0};
    cr_assert_eq(credentials_fetch(&o, &c, &err), -1, "%s", says);
    cr_expect(strstr(err.message, source), "%s", err.message);
    cr_expect(strstr(err.message, says), "%s", err.message);
    cr_expect_null(strstr(err.message, "hush"), "%s", err.message);
    cr_expect_null(c.access_key_id);
}

static void instance_has_role(void)
{
    cred_set("AWS_EC2_METADATA_DISABLED", NULL);
    cred_set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    cred_answer((struct cred_line){"PUT", "/latest/api/token", NULL, 200, "tok", 0});
    cred_answer((struct cred_line){"GET", ROLE_PATH "my%2Brole", NULL, 200, IMDS_BODY, 0});
    cred_answer((struct cred_line){"GET", ROLE_PATH, NULL, 200, "my+role\nother", 0});
}

Test(credentials, each_source_steps_back_behind_the_one_before)
{
    instance_has_role();
    expect_key("IK", "instance metadata");
    cred_answer((struct cred_line){"GET", "/container", NULL, 200, CONTAINER_BODY, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    expect_key("CK", "container");
    cred_file(".aws/config", "[default]\naws_access_key_id = PK\naws_secret_access_key = s\n");
    expect_key("PK", "profile");
    cred_answer((struct cred_line){"POST", "/", "WebIdentity", 200,
                                   STS_BODY("AssumeRoleWithWebIdentity", "WK"), 0});
    cred_set_url("AWS_ENDPOINT_URL_STS", "");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", cred_file("token", "ey.J\n"));
    cred_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    expect_key("WK", "web identity");
    cred_set("AWS_ACCESS_KEY_ID", "EK");
    cred_set("AWS_SECRET_ACCESS_KEY", "s");
    int before = cred_count("/");
    expect_key("EK", "environment");
    cr_expect_eq(cred_count("/"), before, "the environment needs no network");
}

Test(credentials, nothing_is_configured)
{
    expect_refusal("no AWS credentials: set AWS_ACCESS_KEY_ID", "AWS_PROFILE");
    /* Nobody listens there: no instance, but it is told. */
    cred_set("AWS_EC2_METADATA_DISABLED", "false");
    cred_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    expect_refusal("no AWS credentials: set", "hop limit");
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
    cred_answer(
        (struct cred_line){"POST", "/", NULL, 200, STS_BODY("AssumeRoleWithWebIdentity", "WK"), 0});
    expect_key("WK", "web identity");
    cr_expect(strstr(cred_last_body(), "WebIdentityToken=hush-1"), "%s", cred_last_body());
    cr_expect_null(strstr(cred_last_body(), "%0A"));
    cr_expect(strstr(cred_last_body(), "RoleSessionName=me"));
    cr_expect_null(strcasestr(cred_last_headers(), "authorization:"));
    cr_expect_null(strcasestr(cred_last_headers(), "x-amz-security-token"));
    cred_file("token", "hush-2");
    cred_set("AWS_ROLE_SESSION_NAME", NULL);
    expect_key("WK", "web identity");
    cr_expect(strstr(cred_last_body(), "WebIdentityToken=hush-2"));
    cr_expect(strstr(cred_last_body(), "RoleSessionName=stepfleet-1704164645"));
}

Test(credentials, web_identity_failures)
{
    use_web_identity("hush-1");
    cred_set("AWS_ROLE_ARN", NULL);
    expect_refusal("(web identity)", "AWS_ROLE_ARN is not");
    cred_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    cred_answer((struct cred_line){"POST", "/", NULL, 403, STS_ERROR("AccessDenied"), 0});
    expect_refusal("(web identity)", "AccessDenied: no");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token");
    expect_refusal("(web identity)", "there is no token file /nonexistent/token");
    cred_set("AWS_WEB_IDENTITY_TOKEN_FILE", cred_file("empty", "\n"));
    expect_refusal("(web identity)", "holds no token");
}

/* --- profiles -------------------------------------------------------------------------------- */

Test(credentials, profile_files_and_names)
{
    cred_file(".aws/credentials", "[default]\naws_access_key_id = D\naws_secret_access_key = s\n"
                                  "[x]\naws_access_key_id = X\naws_secret_access_key = s");
    cred_file(".aws/config",
              "[profile x]\naws_access_key_id = NO\naws_secret_access_key = s\n"
              "aws_session_token = NO\n"
              "[profile \"a b\"]\naws_access_key_id = AB\naws_secret_access_key = s\n");
    expect_key("D", "profile");
    cred_set("AWS_DEFAULT_PROFILE", "x");
    expect_key("X", "profile");
    struct aws_options o = cred_options();
    struct credentials c;
    cr_assert_eq(credentials_fetch(&o, &c, NULL), 0);
    cr_expect_null(c.session_token, "keys of two files are never mixed");
    credentials_close(&c);
    cred_set("AWS_PROFILE", "a b");
    expect_key("AB", "profile");
    cred_set("AWS_PROFILE", "default");
    cred_set("AWS_SHARED_CREDENTIALS_FILE",
             cred_file("other", "[default]\r\naws_access_key_id = O\r\naws_secret_access_key=s\r"));
    expect_key("O", "profile");
    cred_set("AWS_SHARED_CREDENTIALS_FILE", "~/other");
    expect_key("O", "profile");
    cred_set("HOME", NULL);
    cred_set("AWS_PROFILE", NULL);
    cred_set("AWS_DEFAULT_PROFILE", NULL);
    expect_refusal("no AWS credentials", "set");
}

Test(credentials, profile_without_keys_passes_on)
{
    cred_set("AWS_PROFILE", "x");
    cred_file(".aws/config", "[profile x]\nregion = eu-north-1\n");
    expect_refusal("no AWS credentials", "AWS_PROFILE");
    cred_file(".aws/credentials", "[x]\naws_access_key_id=1\naws_secret_access_key=s");
    expect_key("1", "profile");
    cred_file(".aws/credentials", "[x]\naws_access_key_id=2\naws_secret_access_key=s");
    expect_key("2", "profile");
}

Test(credentials, profile_failures)
{
    static const struct {
        const char *config;
        const char *says;
    } cases[] = {
        {"", "profile 'x': it is in neither"},
        {"[profile x]\naws_access_key_id = a\n", "aws_secret_access_key is not"},
        {"[profile x]\nbroken\n", ".aws/config line 2: expected"},
        {"[profile x]\nrole_arn = r\n", "role_arn needs source_profile"},
        {"[profile x]\nrole_arn = r\nsource_profile = y\ncredential_source = Environment\n",
         "exclude each other"},
        {"[profile x]\nrole_arn = r\ncredential_source = Nowhere\n",
         "credential_source must be Environment"},
        {"[profile x]\nrole_arn = r\ncredential_source = EcsContainer\n",
         "its credential_source has no credentials here"},
        {"[profile x]\nrole_arn = r\nsource_profile = y\n", "profile 'y': it is in neither"},
        {"[profile x]\nrole_arn = r\nsource_profile = y\n[profile y]\nregion = z\n",
         "profile 'y': it is a source_profile but has no keys"},
        {"[profile x]\nrole_arn = r\nsource_profile = x\n", "in a circle"},
        {"[profile x]\nrole_arn = r\nsource_profile = y\n"
         "[profile y]\nrole_arn = r\nsource_profile = z\n"
         "[profile z]\nrole_arn = r\nsource_profile = y\n",
         "in a circle"},
        {"[profile x]\nrole_arn = r\nsource_profile = y\nmfa_serial = m\n", "mfa_serial"},
        {"[profile x]\nrole_arn = r\nsource_profile = y\nduration_seconds = 5\n",
         "duration_seconds must be"},
        {"[profile x]\nsso_session = s\n", "aws configure export-credentials --profile x"},
    };
    cred_set("AWS_PROFILE", "x");
    instance_has_role(); /* which must not step in */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cred_file(".aws/config", cases[i].config);
        expect_refusal("AWS credentials (profile)", cases[i].says);
    }
    cr_expect_eq(cred_count("/latest"), 0);
}

Test(credentials, roles_are_assumed_one_with_the_next)
{
    cred_file(".aws/credentials", "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
    cred_file(".aws/config",
              "[profile top]\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = mid\n"
              "external_id = ext\nduration_seconds = 900\nrole_session_name = sess\n"
              "[profile mid]\nrole_arn = arn:aws:iam::1:role/mid\nsource_profile = base\n"
              "[profile self]\nrole_arn = arn:aws:iam::1:role/self\nsource_profile = self\n"
              "aws_access_key_id = SELF\naws_secret_access_key = s\n");
    cred_set_url("AWS_ENDPOINT_URL_STS", "");
    cred_answer(
        (struct cred_line){"POST", "/", "role%2Fmid", 200, STS_BODY("AssumeRole", "MID"), 0});
    cred_answer(
        (struct cred_line){"POST", "/", "role%2Ftop", 200, STS_BODY("AssumeRole", "TOP"), 0});
    cred_answer(
        (struct cred_line){"POST", "/", "role%2Fself", 200, STS_BODY("AssumeRole", "R"), 0});
    cred_set("AWS_PROFILE", "top");
    expect_key("TOP", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=MID/20240102/eu-west-1/sts/"));
    cr_expect(strstr(cred_last_body(), "RoleSessionName=sess&DurationSeconds=900&ExternalId=ext"));
    cred_set("AWS_PROFILE", "self");
    expect_key("R", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=SELF/"));
    cred_forget();
    cred_answer((struct cred_line){"POST", "/", NULL, 403, STS_ERROR("AccessDenied"), 0});
    expect_refusal("AWS credentials (profile): profile 'self': assuming arn:aws:iam::1:role/self",
                   "AccessDenied");
}

Test(credentials, roles_by_credential_source_and_web_identity)
{
    cred_file(".aws/config",
              "[profile ecs]\nrole_arn = r\ncredential_source = EcsContainer\n"
              "[profile ec2]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n");
    cred_answer((struct cred_line){"POST", "/", NULL, 200, STS_BODY("AssumeRole", "R"), 0});
    cred_answer((struct cred_line){"GET", "/container", NULL, 200, CONTAINER_BODY, 0});
    instance_has_role();
    cred_set_url("AWS_ENDPOINT_URL_STS", "");
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    cred_set("AWS_PROFILE", "ecs");
    expect_key("R", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=CK/"));
    cred_set("AWS_PROFILE", "ec2");
    expect_key("R", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=IK/"));
    cred_set("AWS_PROFILE", "web");
    char config[TEMP_FOLDER_MAX + 200];
    (void)snprintf(config, sizeof config,
                   "[profile web]\nrole_arn = r\nweb_identity_token_file = %s\n",
                   cred_file("token", "ey.J"));
    cred_file(".aws/config", config);
    cred_forget();
    cred_answer(
        (struct cred_line){"POST", "/", NULL, 200, STS_BODY("AssumeRoleWithWebIdentity", "W"), 0});
    expect_key("W", "profile");
}

/* --- credential_process ------------------------------------------------------------------------
 */

static void use_process(const char *command)
{
    char config[1024];
    (void)snprintf(config, sizeof config, "[default]\ncredential_process = %s\n", command);
    cred_file(".aws/config", config);
}

Test(credentials, process_prints_them)
{
    struct aws_options o = cred_options();
    struct credentials c;
    use_process("printf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\","
                "\"SessionToken\":\"t\",\"Expiration\":\"2024-01-02T03:04:06+00:00\"}' \"P K\"");
    cr_assert_eq(credentials_fetch(&o, &c, NULL), 0);
    cr_expect_str_eq(c.access_key_id, "P K");
    cr_expect_str_eq(c.session_token, "t");
    cr_expect_eq(c.expires, (CRED_NOW + 1) * CLOCK_SECOND);
    credentials_close(&c);
    use_process("printf '{\"Version\":1,\"AccessKeyId\":\"PK\",\"SecretAccessKey\":\"s\"}'");
    cr_assert_eq(credentials_fetch(&o, &c, NULL), 0);
    cr_expect_eq(c.expires, 0);
    credentials_close(&c);
}

Test(credentials, process_failures)
{
    static const struct {
        const char *command;
        const char *says;
    } cases[] = {
        {"/nonexistent/program --x", "cannot run '/nonexistent/program': No such file"},
        {"sh -c 'echo hush; echo login first >&2; exit 3'",
         "'sh': it ended with status 3: login first"},
        {"sh -c 'kill -9 $$'", "it was ended by signal 9"},
        {"echo hush", "what it printed is not a JSON object"},
        {"echo '{\"Version\":2}'", "\"Version\": 1"},
        {"echo '{\"Version\":1,\"SecretAccessKey\":\"hush\"}'", "the answer has no AccessKeyId"},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"hush\","
         "\"Expiration\":\"soon\"}'",
         "Expiration"},
        {"echo 'open", "within quotes"},
        {"cat /dev/zero", "it printed more than 65536 bytes"},
        {"sleep 1000", "it had not ended after 60 seconds"},
        {"sh -c 'exec >&- 2>&-; sleep 1000'", "it had not ended after 60 seconds"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        use_process(cases[i].command);
        expect_refusal("AWS credentials (profile): profile 'default': credential_process",
                       cases[i].says);
    }
}

/* --- container ---------------------------------------------------------------------------------
 */

Test(credentials, container_token_goes_out_as_it_is_and_is_read_anew)
{
    cred_answer((struct cred_line){"GET", "/v2/creds?id=1", NULL, 200, CONTAINER_BODY, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/v2/creds?id=1");
    expect_key("CK", "container");
    cr_expect_null(strcasestr(cred_last_headers(), "authorization:"));
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic of-env");
    expect_key("CK", "container");
    cr_expect(strstr(cred_last_headers(), "Authorization: Basic of-env\r\n"));
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", cred_file("token", "one\n"));
    expect_key("CK", "container");
    cr_expect(strstr(cred_last_headers(), "Authorization: one\r\n"));
    cred_file("token", "two");
    expect_key("CK", "container");
    cr_expect(strstr(cred_last_headers(), "Authorization: two\r\n"));
}

Test(credentials, container_is_asked_again_when_it_stumbles)
{
    cred_answer((struct cred_line){"GET", "/c", NULL, 500, "{}", 2});
    cred_answer((struct cred_line){"GET", "/c", NULL, 200, CONTAINER_BODY, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
    expect_key("CK", "container");
    cr_expect_eq(cred_count("/c"), 3);
}

Test(credentials, container_failures)
{
    instance_has_role(); /* which must not step in */
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
        expect_refusal("AWS credentials (container)", hosts[i].says);
    }
    cred_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "no-slash");
    expect_refusal("AWS credentials (container)", "must begin with '/'");
    cred_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
    cred_answer((struct cred_line){"GET", "/denied", NULL, 403,
                                   "{\"code\":\"AccessDenied\",\"message\":\"not you\"}", 0});
    cred_answer((struct cred_line){"GET", "/html", NULL, 200, "<html>hush</html>", 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/denied");
    expect_refusal("(container)", "HTTP 403 AccessDenied: not you");
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/html");
    expect_refusal("(container)", "not a JSON object");
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush\r\nX-Evil: 1");
    expect_refusal("(container)", "holds a line break");
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", cred_file("token", "hush\nX: 1\n"));
    expect_refusal("(container)", "TOKEN_FILE is empty or holds a line break");
    cred_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token");
    expect_refusal("(container)", "there is no file /nonexistent/token");
    cr_expect_eq(cred_count("/latest"), 0);
}

/* --- instance metadata -------------------------------------------------------------------------
 */

Test(credentials, instance_token_is_renewed_once)
{
    cred_answer((struct cred_line){"GET", ROLE_PATH, NULL, 401, "", 1});
    instance_has_role();
    expect_key("IK", "instance metadata");
    cr_expect_eq(cred_count("/latest/api/token"), 2);
    cr_expect(strcasestr(cred_last_headers(), "x-aws-ec2-metadata-token: tok\r\n"));
    cred_forget();
    cred_answer((struct cred_line){"GET", ROLE_PATH, NULL, 401, "", 0});
    instance_has_role();
    expect_refusal("(instance metadata)", "refuses its own session token");
}

Test(credentials, instance_failures)
{
    static const struct {
        struct cred_line line;
        const char *says;
    } cases[] = {
        {{"GET", ROLE_PATH "my", NULL, 200, "{\"Code\":\"Failed\",\"Message\":\"later\"}", 0},
         "gives no credentials: Failed later"},
        {{"GET", ROLE_PATH "my", NULL, 404, "", 0}, "answered HTTP 404"},
        {{"GET", ROLE_PATH, NULL, 404, "", 0}, "the instance has no role"},
        {{"GET", ROLE_PATH, NULL, 200, "", 0}, "the instance has no role"},
        {{"GET", ROLE_PATH, NULL, 500, "", 0}, "tells no role (HTTP 500)"},
        {{"PUT", "/latest/api/token", NULL, 403, "", 0}, "no session token (HTTP 403)"},
        {{"PUT", "/latest/api/token", NULL, 200, "a\r\nX: b", 0}, "no session token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cred_forget();
        cred_answer(cases[i].line);
        instance_has_role();
        expect_refusal("AWS credentials (instance metadata)", cases[i].says);
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
    instance_has_role();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cred_set(bad[i].name, bad[i].value);
        expect_refusal("AWS credentials (instance metadata)", bad[i].says);
        cred_set(bad[i].name, NULL);
    }
    cred_forget();
    cred_answer((struct cred_line){"PUT", "/latest/api/token", NULL, 503, "", 1});
    instance_has_role();
    cred_set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
    expect_key("IK", "instance metadata");
    cred_set("AWS_EC2_METADATA_DISABLED", "TRUE");
    expect_refusal("no AWS credentials", "set");
}

/* --- region and endpoints ----------------------------------------------------------------------
 */

static void expect_region(const char *expected)
{
    struct aws_options o = cred_options();
    char region[AWS_REGION_MAX];
    struct error err = {0};
    o.region = NULL;
    cr_assert_eq(aws_region_find(&o, region, &err), 0, "%s", err.message);
    cr_expect_str_eq(region, expected);
}

Test(credentials, region_of_instance_profile_environment)
{
    struct aws_options o = cred_options();
    char region[AWS_REGION_MAX];
    struct error err = {0};
    instance_has_role();
    cred_answer(
        (struct cred_line){"GET", "/latest/meta-data/placement/region", NULL, 200, "us-west-2", 0});
    expect_region("us-west-2");
    cred_file(".aws/config", "[default]\nregion = eu-north-1\n");
    expect_region("eu-north-1");
    cred_set("AWS_REGION", "ap-south-1");
    expect_region("ap-south-1");
    cred_set("AWS_REGION", NULL);
    cred_file(".aws/config", "[default]\nregion = e/vil\n");
    o.region = NULL;
    cr_expect_eq(aws_region_find(&o, region, &err), -1);
    cr_expect(strstr(err.message, "'e/vil'"));
    cred_set("AWS_PROFILE", "missing");
    cr_expect_eq(aws_region_find(&o, region, &err), -1);
    cr_expect(strstr(err.message, "profile 'missing' is in neither"));
}

Test(credentials, endpoints_of_profiles)
{
    struct aws_options o = cred_options();
    struct endpoints e;
    struct error err = {0};
    cred_file(".aws/config", "[default]\nservices = mine\nendpoint_url = http://all.test\n"
                             "[services mine]\nsfn =\n  endpoint_url = http://sfn.test\ns3 = \n"
                             "  endpoint_url = http://s3.test\n  other = 1\ndynamodb_streams =\n"
                             "  endpoint_url = http://streams.test\n");
    cred_set("AWS_ENDPOINT_URL_S3", "http://env.test");
    cr_assert_eq(endpoints_open(&e, &o, &err), 0, "%s", err.message);
    cr_expect_str_eq(e.origin[AWS_S3], "http://env.test");
    cr_expect_str_eq(e.origin[AWS_SFN], "http://sfn.test");
    cr_expect_str_eq(e.origin[AWS_DYNAMODB_STREAMS], "http://streams.test");
    cr_expect_str_eq(e.origin[AWS_ECS], "http://all.test");
    endpoints_close(&e);
    cred_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    cr_assert_eq(endpoints_open(&e, &o, &err), 0, "%s", err.message);
    cr_expect_null(e.origin[AWS_SFN]);
    endpoints_close(&e);
    cred_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", NULL);
    cred_set("AWS_ENDPOINT_URL", "http://every.test");
    cr_assert_eq(endpoints_open(&e, &o, &err), 0, "%s", err.message);
    cr_expect_str_eq(e.origin[AWS_SFN], "http://every.test");
    endpoints_close(&e);
}

Test(credentials, retry_modes)
{
    struct aws_options o = cred_options();
    struct error err = {0};
    o.access_key_id = o.secret_access_key = "k";
    cred_set("AWS_RETRY_MODE", "adaptive");
    struct aws *a = aws_new(&o, &err);
    cr_assert_not_null(a, "%s", err.message);
    cr_expect_str_eq(aws_credentials_source(a), "options");
    aws_free(a);
    cred_set("AWS_RETRY_MODE", "often");
    cr_expect_null(aws_new(&o, &err));
    cr_expect(strstr(err.message, "AWS_RETRY_MODE must be standard, legacy or adaptive"));
}
