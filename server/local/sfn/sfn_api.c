/* The operations of the service by name. */
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <string.h>

static const struct {
    const char *name;
    void (*call)(struct local_sfn *s, struct local_call *call);
} operations[] = {
    {"CreateStateMachine", api_create_machine},
    {"UpdateStateMachine", api_update_machine},
    {"DeleteStateMachine", api_delete_machine},
    {"DescribeStateMachine", api_describe_machine},
    {"DescribeStateMachineForExecution", api_describe_machine_for_execution},
    {"ListStateMachines", api_list_machines},
    {"ValidateStateMachineDefinition", api_validate},
    {"StartExecution", api_start},
    {"StartSyncExecution", api_start_sync},
    {"StopExecution", api_stop},
    {"DescribeExecution", api_describe},
    {"ListExecutions", api_list},
    {"GetExecutionHistory", api_history},
    {"DescribeMapRun", api_describe_map_run},
    {"ListMapRuns", api_list_map_runs},
    {"UpdateMapRun", api_update_map_run},
    {"SendTaskSuccess", api_task_success},
    {"SendTaskFailure", api_task_failure},
    {"SendTaskHeartbeat", api_task_heartbeat},
    {"TagResource", api_tag},
    {"UntagResource", api_untag},
    {"ListTagsForResource", api_list_tags},
};

void sfn_service_call(void *self, struct local_call *call)
{
    struct local_sfn *s = self;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(operations[i].name, call->operation) == 0) {
            operations[i].call(s, call);
            return;
        }
    local_fault(call, 400, "UnknownOperationException",
                "This endpoint does not offer the operation %s of Step Functions", call->operation);
}

struct sfn_reader *sfn_reader_take(struct local_sfn *s)
{
    for (int i = 0; i < SFN_READERS; i++)
        if (sfn_reader_try(s->readers[i]))
            return s->readers[i];
    sfn_reader_lock(s->readers[0]);
    return s->readers[0];
}

void answer_missing(struct local_call *call, int found, const struct error *err, const char *code,
                    const char *what, const char *arn)
{
    if (found == 0)
        local_fault(call, 400, code, "%s Does Not Exist: '%s'", what, arn);
    else
        local_fault(call, 500, "InternalServerError", "%s", err->message);
}
