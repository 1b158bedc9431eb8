/* gate: the HTTP front of the local endpoint: who may come in, and which service a request is for.
 *
 * Refuses requests without an Authorization header, with a foreign Host, or with an Origin, so
 * that no web page can drive it. Tells services apart by X-Amz-Target, by the credential scope of
 * Authorization and by path. Turns JSON bodies into struct local_call and answers back into the
 * wire's form (request ids, content types, x-amz-crc32). Private to server/local. */
#ifndef STEPFLEET_LOCAL_GATE_H
#define STEPFLEET_LOCAL_GATE_H

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "server/local/call.h"
#include "server/local/lambda/local_lambda.h"
#include "server/local/s3/local_s3.h"

#include <stdint.h>

struct gate;

struct gate_options {
    const char *host;
    uint16_t port;
    const struct log *log;
    struct local_s3 *s3;                                        /* all borrowed */
    struct local_lambda *lambda;                                /* may be NULL (tests) */
    const struct local_service *dynamodb, *streams, *sfn, *ecs; /* may be NULL: "not offered" */
};

/* Binds and serves at once. NULL with ERR_CONFLICT when the address is in use, or another sentence.
 * host is copied; S3 must outlive the gate, the other services its end of gate_quiesce. */
struct gate *gate_open(const struct gate_options *options, struct error *err);
/* "http://127.0.0.1:4566". Borrowed. */
const char *gate_url(const struct gate *g);
/* Lets nobody in any more. When it returns no thread is in the services of DynamoDB, Step
 * Functions, ECS and Lambda, nor will be: they may close, and answer then what they still owe; S3
 * must stay. */
void gate_quiesce(struct gate *g);
/* Answers what is under way 503 and frees. A service may still end its calls afterwards: those
 * answers are dropped. NULL-safe; returns NULL. */
struct gate *gate_close(struct gate *g);

#endif
