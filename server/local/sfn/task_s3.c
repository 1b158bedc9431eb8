/* S3 by way of the SDK: objects whose content is text. */
#include "server/local/sfn/task.h"

/* On whatever thread the service answers. */
static void answered(struct local_call *local, json_t *output, const struct local_fault *fault)
{
    struct task_call *call = task_call_of(local);
    if (fault) {
        task_call_fault(call, "S3", fault);
        return;
    }
    call->result.output = output;
    task_call_done(call);
}

void task_s3_start(struct task_call *call)
{
    task_ask(call, call->backend->s3, json_incref(call->parameters), answered);
}
