/* Source: Step Functions API reference (camelCase members, JSON documents inside strings). */
#include "lib/aws/sfn.h"

#include "lib/aws/epoch.h"
#include "lib/aws/request.h"
#include "lib/json/json_read.h"

#include <string.h>

/* The name makes the call safe to repeat: while the execution runs, a second start with the same
 * input answers the first one's ARN; otherwise it is refused with ExecutionAlreadyExists. */
int sfn_start_execution(struct aws_request *r, const char *state_machine_arn, const char *name,
                        const char *input, size_t input_len, struct error *err)
{
    struct json_writer w;
    struct buf body;
    *r = (struct aws_request){0};
    if (input_len > BUF_MAX_STATE)
        return err_set(err, ERR_LIMIT, "an execution's input of %zu bytes is over %d", input_len,
                       BUF_MAX_STATE);
    aws_body_begin(&w, &body);
    jw_str(&w, "stateMachineArn", state_machine_arn);
    aws_body_str(&w, "name", name);
    if (input)
        jw_strn(&w, "input", input, input_len); /* JSON text inside a string */
    return aws_body_end(&w, r, AWS_SFN, "StartExecution", err);
}

int sfn_start_result(const struct aws_response *response, struct sfn_started *out,
                     struct error *err)
{
    out->execution_arn = json_str(response->json, "executionArn", NULL);
    out->start_time = epoch_member(response->json, "startDate");
    if (!out->execution_arn)
        return err_set(err, ERR_SYNTAX, "StartExecution answered without an executionArn");
    return 0;
}

int sfn_describe_machine(struct aws_request *r, const char *state_machine_arn, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "stateMachineArn", state_machine_arn);
    return aws_body_end(&w, r, AWS_SFN, "DescribeStateMachine", err);
}

int sfn_describe_execution(struct aws_request *r, const char *execution_arn, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "executionArn", execution_arn);
    return aws_body_end(&w, r, AWS_SFN, "DescribeExecution", err);
}

/* Items of ListExecutions and the answer of DescribeExecution have these members in common. */
int sfn_list_read(json_t *item, struct sfn_execution *out, struct error *err)
{
    *out = (struct sfn_execution){
        .execution_arn = json_str(item, "executionArn", NULL),
        .name = json_str(item, "name", ""),
        .status = json_str(item, "status", NULL),
        .start_time = epoch_member(item, "startDate"),
        .stop_time = epoch_member(item, "stopDate"),
    };
    if (!out->execution_arn || !out->status)
        return err_set(err, ERR_SYNTAX, "an execution without executionArn or status");
    return 0;
}

int sfn_describe_result(const struct aws_response *response, struct sfn_execution *out,
                        struct error *err)
{
    if (sfn_list_read(response->json, out, err))
        return -1;
    out->input = json_str(response->json, "input", NULL);
    out->output = json_str(response->json, "output", NULL);
    out->error = json_str(response->json, "error", NULL);
    out->cause = json_str(response->json, "cause", NULL);
    return 0;
}

int sfn_get_history(struct aws_request *r, const char *execution_arn, int max_results,
                    const char *next_token, bool reverse, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "executionArn", execution_arn);
    if (max_results > 0)
        jw_int(&w, "maxResults", max_results);
    jw_bool(&w, "reverseOrder", reverse);
    aws_body_str(&w, "nextToken", next_token);
    return aws_body_end(&w, r, AWS_SFN, "GetExecutionHistory", err);
}

json_t *sfn_history_events(const struct aws_response *response)
{
    return aws_answer_array(response, "events");
}

const char *sfn_history_next(const struct aws_response *response)
{
    return json_str(response->json, "nextToken", NULL);
}

/* The one member named ...EventDetails; events that need none have none. */
static json_t *event_details(json_t *event)
{
    static const char suffix[] = "EventDetails";
    const char *name;
    json_t *value;
    json_object_foreach (event, name, value) {
        size_t len = strlen(name);
        if (len > sizeof suffix - 1 && strcmp(name + len - (sizeof suffix - 1), suffix) == 0)
            return value;
    }
    return NULL;
}

int sfn_event_read(json_t *event, struct sfn_event *out, struct error *err)
{
    *out = (struct sfn_event){
        .id = json_int(event, "id", 0),
        .previous_id = json_int(event, "previousEventId", 0),
        .time = epoch_member(event, "timestamp"),
        .type = json_str(event, "type", NULL),
        .details = event_details(event),
    };
    if (!out->type || out->id < 1)
        return err_set(err, ERR_SYNTAX, "a history event without type or id");
    return 0;
}

int sfn_stop_execution(struct aws_request *r, const char *execution_arn, const char *error,
                       const char *cause, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "executionArn", execution_arn);
    aws_body_str(&w, "error", error);
    aws_body_str(&w, "cause", cause);
    return aws_body_end(&w, r, AWS_SFN, "StopExecution", err);
}

int sfn_list_executions(struct aws_request *r, const char *state_machine_arn, const char *status,
                        int max_results, const char *next_token, struct error *err)
{
    struct json_writer w;
    struct buf body;
    aws_body_begin(&w, &body);
    jw_str(&w, "stateMachineArn", state_machine_arn);
    aws_body_str(&w, "statusFilter", status);
    if (max_results > 0)
        jw_int(&w, "maxResults", max_results);
    aws_body_str(&w, "nextToken", next_token);
    return aws_body_end(&w, r, AWS_SFN, "ListExecutions", err);
}

json_t *sfn_list_items(const struct aws_response *response)
{
    return aws_answer_array(response, "executions");
}

const char *sfn_list_next(const struct aws_response *response)
{
    return json_str(response->json, "nextToken", NULL);
}
