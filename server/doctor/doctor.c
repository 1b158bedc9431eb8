/* `stepfleet doctor`: reads the settings as serve does, then asks all that a server would use. */
#include "server/doctor/doctor.h"

#include "server/app/machines.h"
#include "server/app/outputs.h"
#include "server/app/settings.h"
#include "server/doctor/data_folder.h"
#include "server/doctor/examine.h"

#include <signal.h>
#include <string.h>

enum { EXIT_WELL = 0, EXIT_ILL = 1, EXIT_USAGE = 2, URL_MAX_LEN = 256 };

static const struct option_row json_row = {
    "json", "STEPFLEET_DOCTOR_JSON", NULL, NULL, "an object a line", OPTION_SWITCH, false, 0, 0};

/* What the command line makes of the installation. */
struct patient {
    struct settings settings;
    bool json;
    struct outputs outputs;   /* AWS mode */
    struct machines machines; /* local mode */
    struct installation in;
    char endpoint[URL_MAX_LEN]; /* of local mode */
    struct aws_options aws;
};

/* The options of serve, and --json. */
static int read_options(struct patient *p, int argc, const char **argv, struct error *err)
{
    struct option_row rows[SETTING_COUNT + 1];
    struct option_value values[SETTING_COUNT + 1];
    int operands = 0;
    memcpy(rows, setting_rows, sizeof setting_rows);
    rows[SETTING_COUNT] = json_row;
    if (options_read(rows, SETTING_COUNT + 1, argc, argv, settings_environment, values, &operands,
                     err))
        return -1;
    if (operands)
        return err_set(err, ERR_ARGUMENT, "'%.60s' is not expected here: --help tells the usage",
                       argv[0]);
    memcpy(p->settings.values, values, sizeof p->settings.values);
    p->json = option_on(&values[SETTING_COUNT]);
    return 0;
}

/* A server with --local on this machine, by the address of its embedded endpoint. */
static int open_local(struct patient *p, struct error *err)
{
    const char *given = settings_text(&p->settings, SET_REGION);
    p->in.region = given ? given : "us-east-1";
    p->in.region_from = given ? "AWS_REGION" : "local mode";
    if (machines_open_local(&p->machines, p->in.region, err))
        return -1;
    for (int i = 0; i < PATTERNS; i++) {
        p->in.arns[i] = p->machines.arns[i];
        p->in.specs[i] = &p->machines.specs[i];
    }
    (void)snprintf(p->endpoint, sizeof p->endpoint, "http://%s",
                   settings_text(&p->settings, SET_AWS_LISTEN));
    p->aws.endpoint = p->endpoint;
    p->aws.access_key_id = p->aws.secret_access_key = "local";
    return 0;
}

/* Where the region comes from, as the AWS client looks for it. */
static const char *region_origin(const struct patient *p)
{
    const char *other = settings_environment("AWS_DEFAULT_REGION");
    if (settings_text(&p->settings, SET_REGION))
        return "AWS_REGION";
    if (p->outputs.region)
        return "--outputs";
    return other && *other ? "AWS_DEFAULT_REGION" : "the AWS profile or this machine's metadata";
}

/* Outputs, and what goes before them, as serve has it. */
static int open_deployment(struct patient *p, struct error *err)
{
    static const enum setting given[PATTERNS] = {SET_MACHINE_1, SET_MACHINE_2};
    const char *region = settings_text(&p->settings, SET_REGION);
    int rc = outputs_open(&p->outputs, settings_text(&p->settings, SET_OUTPUTS), err);
    p->in.region = region ? region : p->outputs.region;
    p->in.region_from = region_origin(p);
    for (int i = 0; i < PATTERNS; i++) {
        const char *arn = settings_text(&p->settings, given[i]);
        p->in.arns[i] = arn ? arn : p->outputs.arns[i];
        p->in.specs[i] = p->outputs.stacks[i] ? &p->outputs.specs[i] : NULL;
    }
    return rc;
}

static void add(struct report *r, enum verdict verdict, const char *check, const char *subject,
                const char *found, const char *remedy)
{
    struct finding f = {.check = check, .subject = subject};
    finding_set(&f, verdict, "%s", found);
    finding_remedy(&f, "%s", remedy);
    report_add(r, &f);
}

/* What is not known cannot be looked at: that must not look like health. */
static void report_gaps(const struct patient *p, struct report *r)
{
    static const char *const names[PATTERNS] = {"1", "2"};
    if (!p->in.arns[0] && !p->in.arns[1])
        add(r, VERDICT_FAIL, "deployment", "", "no state machine is known",
            "give --outputs with the deployment's outputs.json, or --state-machine-N ARN");
    for (int i = 0; i < PATTERNS; i++)
        if (p->in.arns[i] && !p->in.specs[i])
            add(r, VERDICT_WARN, "pattern", names[i],
                "tables, bucket, cluster and task definition are not known, so not looked at",
                "give --outputs with the deployment's outputs.json");
}

/* Without a client the rest can still be looked at; its error is the first line then. */
static void examine_aws(struct patient *p, struct report *r)
{
    struct error err = {0};
    p->aws.region = p->in.region;
    struct aws *aws = aws_new(&p->aws, &err);
    if (!aws || examine(aws, &p->aws, &p->in, r, &err))
        add(r, VERDICT_FAIL, "AWS", "", err.message,
            "set AWS_REGION and credentials (AWS_ACCESS_KEY_ID ... or AWS_PROFILE); nothing in AWS "
            "was looked at");
    aws_free(aws);
}

static void examine_all(struct patient *p, struct report *r)
{
    struct finding folder = {.check = "data folder"};
    struct error err = {0};
    bool local = option_on(&p->settings.values[SET_LOCAL]);
    if (local ? open_local(p, &err) : open_deployment(p, &err))
        add(r, VERDICT_FAIL, "outputs", "", err.message, "what they would tell is not looked at");
    examine_aws(p, r);
    report_gaps(p, r);
    folder.subject = settings_text(&p->settings, SET_DATA);
    data_folder_judge(folder.subject, &folder);
    report_add(r, &folder);
    machines_close(&p->machines);
    outputs_close(&p->outputs);
}

int command_doctor(int argc, const char **argv)
{
    struct patient p = {0};
    struct error err = {0};
    if (read_options(&p, argc, argv, &err)) {
        (void)fprintf(stderr, "stepfleet: %s\n", err.message);
        return EXIT_USAGE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct report report = {.out = stdout, .json = p.json};
    examine_all(&p, &report);
    return report.failed ? EXIT_ILL : EXIT_WELL;
}
