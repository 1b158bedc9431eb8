/* Puts the local services together: paths below the data folder, the order of opening, and the
 * order of closing, which is not its mirror (see local_close).
 *
 * Opening: stores, runners, seeds, gate, and only then are tasks and executions let go on, because
 * they call back through the gate's address. */
#include "server/local/local.h"

#include "lib/spec/spec.h"
#include "server/local/dynamodb/local_dynamodb.h"
#include "server/local/ecs/local_ecs.h"
#include "server/local/folder.h"
#include "server/local/gate/gate.h"
#include "server/local/lambda/local_lambda.h"
#include "server/local/process/process.h"
#include "server/local/s3/local_s3.h"
#include "server/local/seed.h"
#include "server/local/sfn/local_sfn.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct local {
    struct process_host *processes;
    struct local_s3 *s3;
    struct local_dynamodb *dynamodb;
    struct local_lambda *lambda;
    struct local_ecs *ecs;
    struct local_sfn *sfn;
    struct gate *gate;
    char task_logs[PATH_MAX];
};

/* Paths below the data folder. */
struct places {
    char s3[PATH_MAX];
    char dynamodb[PATH_MAX];
    char lambda[PATH_MAX];
    char ecs[PATH_MAX];
    char sfn[PATH_MAX];
};

/* Writes "dir/name". -1 when it does not fit. */
static int below(const char *dir, const char *name, char out[PATH_MAX], struct error *err)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    if (n < 0 || n >= PATH_MAX)
        return err_set(err, ERR_ARGUMENT, "the path of the data folder is too long");
    return 0;
}

/* One file or folder for each service; each makes its own. */
static int find_places(const char *dir, struct places *p, struct error *err)
{
    if (local_folder_make(dir, err) || below(dir, "s3", p->s3, err) ||
        below(dir, "dynamodb.db", p->dynamodb, err) || below(dir, "lambda", p->lambda, err) ||
        below(dir, "ecs", p->ecs, err) || below(dir, "states.db", p->sfn, err))
        return -1;
    return 0;
}

/* Opens what needs no other part. */
static int open_stores(struct local *l, const struct local_options *o, const struct places *p,
                       struct error *err)
{
    const struct local_s3_options s3 = {
        .dir = p->s3, .region = o->region, .clock = o->clock, .log = o->log};
    const struct local_dynamodb_options dynamodb = {
        .path = p->dynamodb, .region = o->region, .clock = o->clock, .log = o->log};
    l->s3 = local_s3_open(&s3, err);
    if (l->s3)
        l->dynamodb = local_dynamodb_open(&dynamodb, err);
    return l->dynamodb ? 0 : -1;
}

/* Opens what runs workers, and the engine on top. */
static int open_runners(struct local *l, const struct local_options *o, const struct places *p,
                        struct error *err)
{
    const struct local_lambda_options lambda = {.dir = p->lambda,
                                                .region = o->region,
                                                .processes = l->processes,
                                                .clock = o->clock,
                                                .log = o->log};
    const struct local_ecs_options ecs = {.dir = p->ecs,
                                          .region = o->region,
                                          .processes = l->processes,
                                          .clock = o->clock,
                                          .log = o->log};
    l->lambda = local_lambda_open(&lambda, err);
    l->ecs = l->lambda ? local_ecs_open(&ecs, err) : NULL;
    if (!l->ecs)
        return -1;
    const struct local_sfn_options sfn = {.path = p->sfn,
                                          .region = o->region,
                                          .clock = o->clock,
                                          .log = o->log,
                                          .lambda = l->lambda,
                                          .ecs = l->ecs,
                                          .dynamodb = local_dynamodb_service(l->dynamodb),
                                          .s3 = local_s3_service(l->s3)};
    l->sfn = local_sfn_open(&sfn, err);
    return l->sfn ? 0 : -1;
}

/* The last step before anybody may call: everything behind it is open and seeded. */
static int open_gate(struct local *l, const struct local_options *o, struct error *err)
{
    const struct gate_options gate = {.host = o->host,
                                      .port = o->port,
                                      .log = o->log,
                                      .s3 = l->s3,
                                      .lambda = l->lambda,
                                      .dynamodb = local_dynamodb_service(l->dynamodb),
                                      .streams = local_dynamodb_streams(l->dynamodb),
                                      .sfn = local_sfn_service(l->sfn),
                                      .ecs = local_ecs_service(l->ecs)};
    l->gate = gate_open(&gate, err);
    return l->gate ? 0 : -1;
}

/* Makes what the stacks would have made, then lets tasks and executions go on. */
static int start(struct local *l, const struct local_options *o, struct error *err)
{
    const struct seed_services services = {
        .s3 = l->s3, .dynamodb = l->dynamodb, .lambda = l->lambda, .ecs = l->ecs, .sfn = l->sfn};
    if (seed_resources(&services, o, err) || open_gate(l, o, err))
        return -1;
    const char *endpoint = o->advertise ? o->advertise : gate_url(l->gate);
    local_lambda_set_endpoint(l->lambda, endpoint);
    if (local_ecs_start(l->ecs, endpoint, err))
        return -1;
    return local_sfn_start(l->sfn, err);
}

struct local *local_open(const struct local_options *options, struct error *err)
{
    struct places places;
    struct local *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    int rc = find_places(options->dir, &places, err);
    if (!rc)
        rc = below(places.ecs, "logs", l->task_logs, err);
    if (!rc)
        l->processes = process_host_start(options->log, err);
    if (!l->processes || open_stores(l, options, &places, err) ||
        open_runners(l, options, &places, err) || start(l, options, err))
        return local_close(l);
    return l;
}

const char *local_url(const struct local *l)
{
    return gate_url(l->gate);
}

const char *local_task_logs(const struct local *l)
{
    return l->task_logs;
}

/* Callers first, then what they call: nobody may answer to somebody who has gone. */
struct local *local_close(struct local *l)
{
    if (!l)
        return NULL;
    if (l->gate)
        gate_quiesce(l->gate);
    local_sfn_close(l->sfn);
    local_lambda_close(l->lambda);
    local_ecs_close(l->ecs);
    gate_close(l->gate);
    process_host_stop(l->processes);
    local_dynamodb_close(l->dynamodb);
    local_s3_close(l->s3);
    free(l);
    return NULL;
}
