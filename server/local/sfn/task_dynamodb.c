/* DynamoDB: optimised integrations and those of the SDK differ in how they word errors and whether
 * they add metadata. */
#include "lib/crypto/crypto.h"
#include "server/local/sfn/task.h"

#include <stdio.h>
#include <string.h>

/* Codes that the SDK models as exceptions of their own; the others come as the service's base
 * exception (recorded: ValidationException is told as AmazonDynamoDBException). */
static bool is_modelled(const char *code)
{
    static const char *const base[] = {"ValidationException", "AccessDeniedException",
                                       "UnrecognizedClientException", "SerializationException",
                                       "ThrottlingException"};
    for (size_t i = 0; i < sizeof base / sizeof base[0]; i++)
        if (strcmp(code, base[i]) == 0)
            return false;
    return true;
}

/* The integration's name for the error, and the sentence it wraps the message in. */
static void fail(struct task_call *call, const struct local_fault *fault)
{
    char error[128];
    char id[UUID_TEXT] = "";
    bool sdk = call->kind->sdk;
    const char *base = sdk ? "DynamoDbException" : "AmazonDynamoDBException";
    (void)crypto_uuid(id, NULL);
    (void)snprintf(error, sizeof error, "%s.%s", sdk ? "DynamoDb" : "DynamoDB",
                   is_modelled(fault->code) ? fault->code : base);
    if (sdk)
        task_call_fail(call, error, "%s (Service: DynamoDb, Status Code: %d, Request ID: %s)",
                       fault->message, fault->status, id);
    else
        task_call_fail(call, error,
                       "%s (Service: AmazonDynamoDBv2; Status Code: %d; Error Code: %s; "
                       "Request ID: %s; Proxy: null)",
                       fault->message, fault->status, fault->code, id);
}

/* On whatever thread the service answers. */
static void answered(struct local_call *local, json_t *output, const struct local_fault *fault)
{
    struct task_call *call = task_call_of(local);
    if (fault) {
        fail(call, fault);
        return;
    }
    if (!call->kind->sdk && task_add_metadata(output, "application/x-amz-json-1.0")) {
        json_decref(output);
        task_call_no_memory(call);
        return;
    }
    call->result.output = output;
    task_call_done(call);
}

void task_dynamodb_start(struct task_call *call)
{
    task_ask(call, call->backend->dynamodb, json_incref(call->parameters), answered);
}
