/* Putting the parts together. They are opened so that each finds what it uses: folder, store,
 * embedded endpoint, control loop, HTTP. They are closed the other way round. */
#include "server/app/app.h"

#include "lib/aws/aws.h"
#include "lib/aws/endpoint.h"
#include "lib/http_server/http_server.h"
#include "lib/json/json_read.h"
#include "server/api/render.h"
#include "server/api/run_cache.h"
#include "server/app/folder.h"
#include "server/app/limits.h"
#include "server/app/machines.h"
#include "server/app/outputs.h"
#include "server/calls.h"
#include "server/control/control.h"
#include "server/live/live.h"
#include "server/local/local.h"
#include "server/routes/routes.h"
#include "server/services.h"
#include "server/store/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    HOST_MAX = 64,
    LOCAL_CALLS_PER_SECOND = 1000, /* the embedded endpoint has no quota */
};
#define DAY (24 * INT64_C(3600) * CLOCK_SECOND)
#define LOCAL_STREAM_INTERVAL (100 * CLOCK_MS)
#define LOCAL_DISCOVER_INTERVAL (2 * CLOCK_SECOND)

struct app {
    const struct settings *settings;
    const struct log *log;
    struct folder folder;
    struct limits limits;
    struct machines machines; /* local mode's */
    struct outputs outputs;   /* the deployment's; empty in local mode */
    struct store *store;
    struct local *local;
    struct control *control;
    struct control_health health;
    struct calls calls;
    struct live *live;
    struct run_cache *runs;
    struct services services;
    struct http_server *http;
};

static bool is_local(const struct app *a)
{
    return option_on(&a->settings->values[SET_LOCAL]);
}

/* The local mode needs no configuration: it plays us-east-1 unless it is told another region. NULL:
 * the AWS client looks for one. */
static const char *region(const struct app *a)
{
    const char *text = settings_text(a->settings, SET_REGION);
    return text ? text : is_local(a) ? "us-east-1" : a->outputs.region;
}

/* What a pattern starts; NULL: it is not offered. */
static const char *machine_arn(const struct app *a, int i)
{
    static const enum setting given[PATTERNS] = {SET_MACHINE_1, SET_MACHINE_2};
    const char *text = settings_text(a->settings, given[i]);
    if (is_local(a))
        return a->machines.arns[i];
    return text ? text : a->outputs.arns[i];
}

/* What the deployment of a pattern knows; NULL: nothing is told. */
static json_t *defaults(const struct app *a, int i)
{
    return is_local(a) ? a->machines.defaults[i] : a->outputs.defaults[i];
}

/* The folder of this program, for the workers beside it. */
static int own_folder(char out[PATH_MAX], struct error *err)
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n < 0)
        return err_set_errno(err, "cannot tell where this program is: say --workers DIR");
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
    return 0;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

/* Address and port of a --listen option; a warning where more than this machine can reach it. */
static int read_address(const struct app *a, enum setting which, char host[HOST_MAX],
                        uint16_t *port, struct error *err)
{
    const struct option_row *row = &setting_rows[which];
    if (options_address(settings_text(a->settings, which), host, HOST_MAX, port, err))
        return err_wrap(err, "--%s (%s)", row->flag, row->env);
    if (!is_loopback(host))
        log_warn(a->log,
                 "listening beyond loopback: there is no login, keep it in a private network",
                 LOG_STR("option", row->flag), LOG_STR("address", host));
    return 0;
}

/* Before the endpoint lets tasks go on that would call it. NULL is good. */
static int check_advertised(const char *url, struct error *err)
{
    struct endpoints e;
    const struct aws_options options = {.endpoint = url};
    if (!url)
        return 0;
    if (endpoints_open(&e, &options, err))
        return err_wrap(err, "--aws-advertise (STEPFLEET_AWS_ADVERTISE)");
    endpoints_close(&e);
    return 0;
}

/* The endpoint's workers are the same programs that run in AWS, found beside this one. */
static int open_local(struct app *a, struct error *err)
{
    char dir[PATH_MAX];
    char workers[PATH_MAX];
    char host[HOST_MAX];
    uint16_t port;
    struct local_machine machines[PATTERNS];
    const char *given = settings_text(a->settings, SET_WORKERS);
    const char *advertised = settings_text(a->settings, SET_AWS_ADVERTISE);
    if (check_advertised(advertised, err) || folder_file(&a->folder, "aws", dir, err) ||
        (!given && own_folder(workers, err)) || read_address(a, SET_AWS_LISTEN, host, &port, err))
        return -1;
    for (int i = 0; i < PATTERNS; i++)
        machines[i] =
            (struct local_machine){a->machines.names[i], buf_str(&a->machines.definitions[i])};
    const struct local_options options = {.dir = dir,
                                          .host = host,
                                          .port = port,
                                          .advertise = advertised,
                                          .workers_dir = given ? given : workers,
                                          .region = region(a),
                                          .specs = a->machines.specs,
                                          .spec_count = PATTERNS,
                                          .machines = machines,
                                          .machine_count = PATTERNS,
                                          .clock = clock_system(),
                                          .log = a->log};
    a->local = local_open(&options, err);
    return a->local ? 0 : -1;
}

static int open_store(struct app *a, struct error *err)
{
    char path[PATH_MAX];
    if (folder_file(&a->folder, "stepfleet.db", path, err))
        return -1;
    const struct store_options options = {.path = path, .clock = clock_system(), .log = a->log};
    a->store = store_open(&options, err);
    return a->store ? 0 : -1;
}

/* The state machines that AWS mode was given: one at least, and no misprint that only a run would
 * find out. */
static int check_machines(const struct app *a, struct error *err)
{
    const char *const given[PATTERNS] = {machine_arn(a, 0), machine_arn(a, 1)};
    if (!given[0] && !given[1])
        return err_set(
            err, ERR_ARGUMENT,
            "no state machine is known: give --outputs with the deployment's outputs.json, "
            "--state-machine-1 or --state-machine-2 with its ARN, or --local to run everything on "
            "this machine");
    for (int i = 0; i < PATTERNS; i++)
        if (given[i] && !machines_is_arn(given[i]))
            return err_set(
                err, ERR_ARGUMENT,
                "--state-machine-%d (STEPFLEET_STATE_MACHINE_%d): '%.200s' is not the ARN "
                "of a state machine: it looks like "
                "arn:aws:states:eu-west-1:111122223333:stateMachine:pattern-%d",
                i + 1, i + 1, given[i], i + 1);
    return 0;
}

/* The signals that end a server are blocked while it starts: a wait must look for them itself. */
static bool is_interrupted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1 ||
            sigismember(&set, SIGHUP) == 1);
}

/* On the control loop's thread. */
static void note_call(void *calls, const struct aws_attempt *attempt)
{
    const enum call_result result = attempt->throttled ? CALL_THROTTLED
                                    : attempt->failed  ? CALL_ERROR
                                                       : CALL_OK;
    calls_note(calls, attempt->service, attempt->operation, result, attempt->took,
               clock_mono(clock_system()));
}

/* In local mode the loop talks to the embedded endpoint as it would to AWS, with any credentials.
 */
static int open_control(struct app *a, struct error *err)
{
    struct control_options options = {.store = a->store,
                                      .aws = {.region = region(a),
                                              .log = a->log,
                                              .interrupted = is_interrupted,
                                              .observe = note_call,
                                              .observe_ctx = &a->calls},
                                      .clock = clock_system(),
                                      .log = a->log,
                                      .health = &a->health,
                                      .retention =
                                          option_int(&a->settings->values[SET_RETENTION]) * DAY,
                                      .discover = true};
    for (int i = 0; i < PATTERNS; i++) {
        const json_t *known = defaults(a, i);
        options.machine_arn[i + 1] = machine_arn(a, i);
        options.summary_table[i + 1] = json_str(known, "ddbTableNameWFSummary", NULL);
        options.summary_range_key[i + 1] = json_str(known, "rangeKeyWFSummary", NULL);
        options.details_table[i + 1] = json_str(known, "ddbTableNameWFDetails", NULL);
    }
    if (a->local) {
        const char *advertised = settings_text(a->settings, SET_AWS_ADVERTISE);
        options.aws.endpoint = advertised ? advertised : local_url(a->local);
        options.stream_interval = LOCAL_STREAM_INTERVAL;
        options.discover_interval = LOCAL_DISCOVER_INTERVAL;
        options.aws.access_key_id = "local";
        options.aws.secret_access_key = "local";
        options.calls_per_second = LOCAL_CALLS_PER_SECOND;
    } else if (check_machines(a, err)) {
        return -1;
    }
    a->control = control_start(&options, err);
    return a->control ? 0 : -1;
}

/* Browsers are told of runs as REST shows them. */
static int open_live(struct app *a, struct error *err)
{
    a->limits = limits_take();
    const struct live_options options = {.store = a->store,
                                         .clock = clock_system(),
                                         .log = a->log,
                                         .render = render_run,
                                         .max_clients = a->limits.feeds};
    a->live = live_open(&options, err);
    return a->live ? 0 : -1;
}

/* What the handlers of requests to `host` work with. */
static void fill_services(struct app *a, const char *host)
{
    a->services = (struct services){.store = a->store,
                                    .clock = clock_system(),
                                    .log = a->log,
                                    .health = &a->health,
                                    .calls = &a->calls,
                                    .live = a->live,
                                    .runs = a->runs,
                                    .wake_control = control_wake,
                                    .wake_ctx = a->control,
                                    .loopback = is_loopback(host),
                                    .task_logs = a->local ? local_task_logs(a->local) : NULL,
                                    .local = a->local != NULL};
    for (int i = 0; i < PATTERNS; i++) {
        a->services.spec_defaults[i + 1] = defaults(a, i);
        a->services.log_groups[i + 1] = a->outputs.log_groups[i];
        a->services.offered[i + 1] = machine_arn(a, i) != NULL;
        a->services.definitions[i + 1] = machines_definition(&a->machines, i);
    }
}

/* Last, because a request may come as soon as it is open. */
static int open_http(struct app *a, struct error *err)
{
    char host[HOST_MAX];
    uint16_t port;
    a->runs = run_cache_open(err);
    if (!a->runs || read_address(a, SET_LISTEN, host, &port, err))
        return -1;
    fill_services(a, host);
    const struct http_server_options options = {
        .host = host,
        .port = port,
        .threads = (unsigned)option_int(&a->settings->values[SET_THREADS]),
        .max_connections = a->limits.connections,
        .connection_memory = ROUTES_MEMORY,
        .max_body = BUF_MAX_SPEC,
        .max_bodies = 4 * BUF_MAX_SPEC,
        .log = a->log,
        .ctx = &a->services,
        .begin = routes_begin,
        .handle = routes_handle,
        .crowded = routes_crowded};
    a->http = http_server_start(&options, err);
    return a->http ? 0 : -1;
}

/* Local mode knows by itself what a deployment would tell. */
static int open_outputs(struct app *a, struct error *err)
{
    const char *source = settings_text(a->settings, SET_OUTPUTS);
    if (!is_local(a))
        return outputs_open(&a->outputs, source, err);
    if (source)
        log_warn(a->log, "--outputs (STEPFLEET_OUTPUTS) means nothing in local mode: not read");
    return 0;
}

/* app_close takes down whatever was opened; parts that were not are NULL. */
struct app *app_open(const struct settings *settings, const struct log *log, struct error *err)
{
    struct app *a = calloc(1, sizeof *a);
    if (!a) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    a->settings = settings;
    a->log = log;
    a->folder.lock_fd = -1;
    int rc = open_outputs(a, err);
    if (!rc)
        rc = machines_open_local(&a->machines, region(a) ? region(a) : "us-east-1", err);
    if (!rc)
        rc = folder_open(&a->folder, settings_text(settings, SET_DATA), err);
    if (!rc)
        rc = open_store(a, err);
    if (!rc && is_local(a))
        rc = open_local(a, err);
    if (!rc)
        rc = open_control(a, err);
    if (!rc)
        rc = open_live(a, err);
    if (!rc)
        rc = open_http(a, err);
    return rc ? app_close(a) : a;
}

const char *app_url(const struct app *a)
{
    return http_server_url(a->http);
}

const char *app_aws_url(const struct app *a)
{
    return a->local ? local_url(a->local) : NULL;
}

/* Requests end first: handlers use the store and wake the loop. The loop ends before the embedded
 * endpoint that it calls, the endpoint before the folder is let go for the next server. */
struct app *app_close(struct app *a)
{
    if (!a)
        return NULL;
    if (a->http)
        http_server_quiesce(a->http);
    http_server_stop(a->http);
    run_cache_close(a->runs);
    live_close(a->live);
    control_stop(a->control);
    local_close(a->local);
    store_close(a->store);
    machines_close(&a->machines);
    outputs_close(&a->outputs);
    folder_close(&a->folder);
    free(a);
    return NULL;
}
