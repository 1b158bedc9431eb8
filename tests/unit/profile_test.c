/* lib/aws: profiles: their credentials, region and endpoints; settings of the client. */
#include "lib/aws/endpoint.h"
#include "lib/base/clock.h"
#include "tests/unit/cred_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(profile, .init = cred_open, .fini = cred_close, .timeout = 60);

/* --- profiles -------------------------------------------------------------------------------- */

Test(profile, profile_files_and_names)
{
    cred_file(".aws/credentials", "[default]\naws_access_key_id = D\naws_secret_access_key = s\n"
                                  "[x]\naws_access_key_id = X\naws_secret_access_key = s");
    cred_file(".aws/config",
              "[profile x]\naws_access_key_id = NO\naws_secret_access_key = s\n"
              "aws_session_token = NO\n"
              "[profile \"a b\"]\naws_access_key_id = AB\naws_secret_access_key = s\n");
    cred_expect("D", "profile");
    cred_set("AWS_DEFAULT_PROFILE", "x");
    cred_expect("X", "profile");
    struct aws_options o = cred_options();
    struct credentials c;
    cr_assert_eq(credentials_fetch(&o, &c, NULL), 0);
    cr_expect_null(c.session_token, "keys of two files are never mixed");
    credentials_close(&c);
    cred_set("AWS_PROFILE", "a b");
    cred_expect("AB", "profile");
    cred_set("AWS_PROFILE", "default");
    cred_set("AWS_SHARED_CREDENTIALS_FILE",
             cred_file("other", "[default]\r\naws_access_key_id = O\r\naws_secret_access_key=s\r"));
    cred_expect("O", "profile");
    cred_set("AWS_SHARED_CREDENTIALS_FILE", "~/other");
    cred_expect("O", "profile");
    cred_set("HOME", NULL);
    cred_set("AWS_PROFILE", NULL);
    cred_set("AWS_DEFAULT_PROFILE", NULL);
    cred_expect_refusal("no AWS credentials", "set");
}

Test(profile, profile_without_keys_passes_on)
{
    cred_set("AWS_PROFILE", "x");
    cred_file(".aws/config", "[profile x]\nregion = eu-north-1\n");
    cred_expect_refusal("no AWS credentials", "AWS_PROFILE");
    cred_file(".aws/credentials", "[x]\naws_access_key_id=1\naws_secret_access_key=s");
    cred_expect("1", "profile");
    cred_file(".aws/credentials", "[x]\naws_access_key_id=2\naws_secret_access_key=s");
    cred_expect("2", "profile");
}

/* A HOME that is another user's says nothing; a file that was asked for must be readable. */
Test(profile, files_that_may_not_be_read)
{
    const char *path = cred_file(".aws/config", "[default]\nregion = eu-north-1\n");
    cred_file(".aws/credentials", "[default]\naws_access_key_id=1\naws_secret_access_key=s");
    cr_assert_eq(chmod(path, 0), 0);
    if (geteuid() == 0) /* root may read all */
        cr_assert_eq(seteuid(65534), 0);
    cred_expect_refusal("no AWS credentials", "set");
    cred_set("AWS_PROFILE", "default");
    cred_expect_refusal("AWS credentials (profile)", ".aws/config");
    cred_set("AWS_PROFILE", NULL);
    cred_set("AWS_CONFIG_FILE", path);
    cred_expect_refusal("AWS credentials (profile)", ".aws/config");
    cred_set("AWS_CONFIG_FILE", NULL);
    cred_set("AWS_ACCESS_KEY_ID", "E");
    cred_set("AWS_SECRET_ACCESS_KEY", "s");
    struct aws_options o = cred_options();
    struct error err = {0};
    struct aws *a = aws_new(&o, &err);
    cr_expect_not_null(a, "%s", err.message);
    aws_free(a);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
}

Test(profile, profile_failures)
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
    cred_instance(); /* which must not step in */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cred_file(".aws/config", cases[i].config);
        cred_expect_refusal("AWS credentials (profile)", cases[i].says);
    }
    cr_expect_eq(cred_count("/latest"), 0);
}

Test(profile, roles_are_assumed_one_with_the_next)
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
        (struct cred_line){"POST", "/", "role%2Fmid", 200, CRED_STS_BODY("AssumeRole", "MID"), 0});
    cred_answer(
        (struct cred_line){"POST", "/", "role%2Ftop", 200, CRED_STS_BODY("AssumeRole", "TOP"), 0});
    cred_answer(
        (struct cred_line){"POST", "/", "role%2Fself", 200, CRED_STS_BODY("AssumeRole", "R"), 0});
    cred_set("AWS_PROFILE", "top");
    cred_expect("TOP", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=MID/20240102/eu-west-1/sts/"));
    cr_expect(strstr(cred_last_body(), "RoleSessionName=sess&DurationSeconds=900&ExternalId=ext"));
    cred_set("AWS_PROFILE", "self");
    cred_expect("R", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=SELF/"));
    cred_forget();
    cred_answer((struct cred_line){"POST", "/", NULL, 403, CRED_STS_ERROR("AccessDenied"), 0});
    cred_expect_refusal(
        "AWS credentials (profile): profile 'self': assuming arn:aws:iam::1:role/self",
        "AccessDenied");
}

Test(profile, roles_by_credential_source_and_web_identity)
{
    cred_file(".aws/config",
              "[profile ecs]\nrole_arn = r\ncredential_source = EcsContainer\n"
              "[profile ec2]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n");
    cred_answer((struct cred_line){"POST", "/", NULL, 200, CRED_STS_BODY("AssumeRole", "R"), 0});
    cred_answer((struct cred_line){"GET", "/container", NULL, 200, CRED_CONTAINER_BODY, 0});
    cred_instance();
    cred_set_url("AWS_ENDPOINT_URL_STS", "");
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    cred_set("AWS_PROFILE", "ecs");
    cred_expect("R", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=CK/"));
    cred_set("AWS_PROFILE", "ec2");
    cred_expect("R", "profile");
    cr_expect(strstr(cred_last_headers(), "Credential=IK/"));
    cred_set("AWS_PROFILE", "web");
    char config[TEMP_FOLDER_MAX + 200];
    (void)snprintf(config, sizeof config,
                   "[profile web]\nrole_arn = r\nweb_identity_token_file = %s\n",
                   cred_file("token", "ey.J"));
    cred_file(".aws/config", config);
    cred_forget();
    cred_answer((struct cred_line){"POST", "/", NULL, 200,
                                   CRED_STS_BODY("AssumeRoleWithWebIdentity", "W"), 0});
    cred_expect("W", "profile");
}

/* --- credential_process ------------------------------------------------------------------------
 */

/* It has the minute that users' programs are given: in a hurry, that were 60 ms. */
static void use_process(const char *command)
{
    char config[1024];
    cred_set_pace(1);
    (void)snprintf(config, sizeof config, "[default]\ncredential_process = %s\n", command);
    cred_file(".aws/config", config);
}

Test(profile, process_prints_them)
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

Test(profile, process_failures)
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
        if (strstr(cases[i].says, "60 seconds"))
            cred_set_pace(1000);
        cred_expect_refusal("AWS credentials (profile): profile 'default': credential_process",
                            cases[i].says);
    }
}

/* The program ends, another one that it started keeps its pipes open: that is not waited for. */
Test(profile, process_leaves_a_daemon_behind)
{
    const char *script = cred_file("login", "sleep 20 &\n"
                                            "printf '{\"Version\":1,\"AccessKeyId\":\"DK\",'\n"
                                            "printf '\"SecretAccessKey\":\"s\"}'\n");
    char command[1024];
    (void)snprintf(command, sizeof command, "sh %s", script);
    use_process(command);
    cred_expect("DK", "profile");
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

Test(profile, region_of_instance_profile_environment)
{
    struct aws_options o = cred_options();
    char region[AWS_REGION_MAX];
    struct error err = {0};
    cred_instance();
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

Test(profile, endpoints_of_profiles)
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

Test(profile, retry_modes)
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
