/* Which service a request is for. In order: X-Amz-Target names service and operation; the path of
 * Lambda's API; everything else is S3, unless its credential scope names another service. */
#include "server/local/gate/gate_private.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LAMBDA_PATH "/2015-03-31/functions/"
#define JSON_1_0 "application/x-amz-json-1.0"
#define JSON_1_1 "application/x-amz-json-1.1"

/* X-Amz-Target prefixes, from the services' API models. */
static const struct {
    const char *prefix;
    const char *scope;
    const char *content_type;
    size_t service; /* offset of the service in struct gate_options */
    bool crc32;
} targets[] = {
    {"DynamoDB_20120810.", "dynamodb", JSON_1_0, offsetof(struct gate_options, dynamodb), true},
    {"DynamoDBStreams_20120810.", "dynamodb", JSON_1_0, offsetof(struct gate_options, dynamodb),
     true},
    {"AWSStepFunctions.", "states", JSON_1_0, offsetof(struct gate_options, sfn), false},
    {"AmazonEC2ContainerServiceV20141113.", "ecs", JSON_1_1, offsetof(struct gate_options, ecs),
     false},
};

/* "Prefix.Operation": the prefix tells the service. */
static void json_target(const struct gate *g, const char *name, struct gate_target *t)
{
    t->form = GATE_FORM_JSON;
    t->content_type = JSON_1_0;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const size_t len = strlen(targets[i].prefix);
        if (strncmp(name, targets[i].prefix, len) != 0)
            continue;
        const char *options = (const char *)&g->options;
        t->scope = targets[i].scope;
        t->content_type = targets[i].content_type;
        memcpy(&t->service, options + targets[i].service, sizeof t->service);
        t->crc32 = targets[i].crc32;
        t->known = t->service && strlen(name + len) < sizeof t->operation;
        (void)snprintf(t->operation, sizeof t->operation, "%s", name + len);
        return;
    }
}

void gate_find_target(const struct gate *g, const struct http_exchange *x, struct gate_target *t)
{
    const char *name = http_header(x, "X-Amz-Target");
    char scope[GATE_SCOPE_MAX];
    *t = (struct gate_target){.form = GATE_FORM_S3};
    gate_scope(x, scope);
    if (name) {
        json_target(g, name, t);
    } else if (!strncmp(http_raw_path(x), LAMBDA_PATH, strlen(LAMBDA_PATH)) &&
               strcmp(scope, "s3") != 0) {
        t->form = GATE_FORM_LAMBDA;
        t->scope = "lambda";
        t->known = g->options.lambda != NULL;
    } else if (!*scope || !strcmp(scope, "s3")) {
        t->scope = "s3";
        t->known = g->options.s3 != NULL;
    } else {
        /* Of the services that speak other protocols (IAM, SQS ...) only STS is here. */
        t->form = GATE_FORM_QUERY;
        t->known = strcmp(scope, "sts") == 0;
        t->scope = t->known ? "sts" : NULL;
    }
}
