/* seed: makes at start-up what the CloudFormation stacks would have made. What exists already is
 * left as it is. Private to server/local; called once, before the gate opens. */
#ifndef STEPFLEET_LOCAL_SEED_H
#define STEPFLEET_LOCAL_SEED_H

#include "lib/base/error.h"
#include "server/local/dynamodb/local_dynamodb.h"
#include "server/local/ecs/local_ecs.h"
#include "server/local/lambda/local_lambda.h"
#include "server/local/local.h"
#include "server/local/s3/local_s3.h"
#include "server/local/sfn/local_sfn.h"

struct seed_services {
    struct local_s3 *s3;
    struct local_dynamodb *dynamodb;
    struct local_lambda *lambda;
    struct local_ecs *ecs;
    struct local_sfn *sfn;
};

/* Tables, buckets with input objects, cluster and task definition of each spec; the two functions;
 * the state machines. -1 with one sentence, e.g. which worker is missing where. */
int seed_resources(const struct seed_services *s, const struct local_options *o, struct error *err);

#endif
