/* backend: the services that Task states call, as the engine sees them.
 *
 * local_sfn_open fills it with the real ones; tests put fakes in their place. Functions may be
 * called from the engine's thread at any time and must not block for long; answers come from any
 * thread, at once or later, exactly once. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_BACKEND_H
#define STEPFLEET_SFN_BACKEND_H

#include "server/local/call.h"
#include "server/local/lambda/local_lambda.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sfn_backend {
    /* NULL: there are no functions. As local_lambda_invoke. */
    void (*invoke)(void *lambda, const char *function, const void *payload, size_t len,
                   void (*done)(void *ctx, const struct lambda_outcome *outcome), void *ctx);
    void *lambda;

    const struct local_service *ecs; /* NULL: there is none */
    /* As local_ecs_watch. */
    uint64_t (*watch)(void *tasks, const char *task_arn, void (*stopped)(void *ctx, json_t *task),
                      void *ctx);
    /* True: taken out, `stopped` will not be called; false: it has been or is being called. */
    bool (*unwatch)(void *tasks, uint64_t watch);
    void *tasks;

    const struct local_service *dynamodb; /* NULL: there is none */
    const struct local_service *s3;       /* NULL: there is none */
    const struct local_service *states;   /* this very service: nested executions */
};

#endif
