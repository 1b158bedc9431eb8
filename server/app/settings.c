/* The table of settings: --help, `config` and the reading of flags and environment all follow it.
 * Of the AWS variables only the region is used from here; lib/aws reads the others itself. */
#include "server/app/settings.h"

#include <stdlib.h>

const struct option_row setting_rows[SETTING_COUNT] = {
    [SET_LOCAL] = {"local", "STEPFLEET_LOCAL", NULL, NULL,
                   "embed the AWS endpoint and run all here", OPTION_SWITCH, false, 0, 0},
    [SET_LISTEN] = {"listen", "STEPFLEET_LISTEN", "ADDR:PORT", "127.0.0.1:8080",
                    "REST and page; port 0 picks a free one", OPTION_TEXT, false, 0, 0},
    [SET_AWS_LISTEN] = {"aws-listen", "STEPFLEET_AWS_LISTEN", "ADDR:PORT", "127.0.0.1:4566",
                        "the embedded AWS endpoint (with --local)", OPTION_TEXT, false, 0, 0},
    [SET_AWS_ADVERTISE] = {"aws-advertise", "STEPFLEET_AWS_ADVERTISE", "URL", NULL,
                           "what is called instead of --aws-listen: a proxy in front of it",
                           OPTION_TEXT, false, 0, 0},
    [SET_DATA] = {"data", "STEPFLEET_DATA", "DIR", "./data", "where everything is kept",
                  OPTION_TEXT, false, 0, 0},
    [SET_WORKERS] = {"workers", "STEPFLEET_WORKERS", "DIR", NULL,
                     "the worker programs; otherwise beside stepfleet", OPTION_TEXT, false, 0, 0},
    [SET_OUTPUTS] = {"outputs", "STEPFLEET_OUTPUTS", "FILE", NULL,
                     "outputs.json of the deployment, or its text (without --local)", OPTION_TEXT,
                     false, 0, 0},
    [SET_MACHINE_1] = {"state-machine-1", "STEPFLEET_STATE_MACHINE_1", "ARN", NULL,
                       "state machine of pattern 1, goes before --outputs", OPTION_TEXT, false, 0,
                       0},
    [SET_MACHINE_2] = {"state-machine-2", "STEPFLEET_STATE_MACHINE_2", "ARN", NULL,
                       "state machine of pattern 2, goes before --outputs", OPTION_TEXT, false, 0,
                       0},
    [SET_THREADS] = {"threads", "STEPFLEET_THREADS", "N", "2", "HTTP threads", OPTION_INT, false, 1,
                     64},
    [SET_RETENTION] = {"retention-days", "STEPFLEET_RETENTION_DAYS", "N", "90",
                       "tasks and events of ended runs are kept; 0: for ever", OPTION_INT, false, 0,
                       36500},
    [SET_LOG_LEVEL] = {"log-level", "STEPFLEET_LOG_LEVEL", "LEVEL", "info",
                       "debug, info, warn, error or off", OPTION_TEXT, false, 0, 0},
    [SET_REGION] = {NULL, "AWS_REGION", NULL, NULL, "", OPTION_TEXT, false, 0, 0},
    [SET_ENDPOINT] = {NULL, "AWS_ENDPOINT_URL", NULL, NULL, "", OPTION_TEXT, false, 0, 0},
    [SET_ACCESS_KEY] = {NULL, "AWS_ACCESS_KEY_ID", NULL, NULL, "", OPTION_TEXT, true, 0, 0},
    [SET_SECRET_KEY] = {NULL, "AWS_SECRET_ACCESS_KEY", NULL, NULL, "", OPTION_TEXT, true, 0, 0},
    [SET_SESSION_TOKEN] = {NULL, "AWS_SESSION_TOKEN", NULL, NULL, "", OPTION_TEXT, true, 0, 0},
};

const char *settings_environment(const char *name)
{
    return getenv(name);
}

int settings_read(struct settings *s, int argc, const char **argv, struct error *err)
{
    int operands = 0;
    if (options_read(setting_rows, SETTING_COUNT, argc, argv, settings_environment, s->values,
                     &operands, err))
        return -1;
    if (operands > 0)
        return err_set(err, ERR_ARGUMENT, "'%.60s' is not expected here: --help tells the usage",
                       argv[0]);
    return 0;
}

const char *settings_text(const struct settings *s, enum setting which)
{
    return s->values[which].text;
}
