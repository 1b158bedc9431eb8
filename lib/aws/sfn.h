/* sfn: building Step Functions calls and reading their answers. Pure functions, any thread. Texts
 * in results are borrowed from the response's json. */
#ifndef STEPFLEET_AWS_SFN_H
#define STEPFLEET_AWS_SFN_H

#include "lib/aws/aws.h"

/* StartExecution. input is JSON text (it travels as a string), NULL for none; -1 with ERR_LIMIT
 * above BUF_MAX_STATE bytes. Same name and input while running answers as the first call did. */
int sfn_start_execution(struct aws_request *r, const char *state_machine_arn, const char *name,
                        const char *input, size_t input_len, struct error *err);
struct sfn_started {
    const char *execution_arn;
    int64_t start_time; /* wall, microseconds */
};
/* -1 with ERR_SYNTAX if the answer has no executionArn. */
int sfn_start_result(const struct aws_response *response, struct sfn_started *out,
                     struct error *err);

/* DescribeStateMachine; the answer has status (ACTIVE), type (STANDARD) and more. */
int sfn_describe_machine(struct aws_request *r, const char *state_machine_arn, struct error *err);

/* DescribeExecution with input and output. */
int sfn_describe_execution(struct aws_request *r, const char *execution_arn, struct error *err);
struct sfn_execution {
    const char *execution_arn;
    const char *name;
    const char *status; /* RUNNING SUCCEEDED FAILED TIMED_OUT ABORTED */
    int64_t start_time;
    int64_t stop_time;  /* 0 while running */
    const char *input;  /* NULL if not given */
    const char *output; /* NULL unless SUCCEEDED */
    const char *error;  /* NULL if not given */
    const char *cause;
};
/* -1 with ERR_SYNTAX if the answer has no executionArn or status. */
int sfn_describe_result(const struct aws_response *response, struct sfn_execution *out,
                        struct error *err);

/* GetExecutionHistory, one page; max_results 0: the service's own; next_token may be NULL. */
int sfn_get_history(struct aws_request *r, const char *execution_arn, int max_results,
                    const char *next_token, bool reverse, struct error *err);
struct sfn_event {
    int64_t id;
    int64_t previous_id;
    int64_t time; /* wall, microseconds */
    const char *type;
    json_t *details; /* the ...EventDetails member, borrowed, or NULL */
};
/* The events array of the answer, borrowed, for sfn_event_read one by one; NULL if there is none.
 */
json_t *sfn_history_events(const struct aws_response *response);
/* The token of the next page, borrowed; NULL on the last. */
const char *sfn_history_next(const struct aws_response *response);
/* -1 with ERR_SYNTAX if the event has no id or type. */
int sfn_event_read(json_t *event, struct sfn_event *out, struct error *err);

/* StopExecution; error and cause may be NULL. */
int sfn_stop_execution(struct aws_request *r, const char *execution_arn, const char *error,
                       const char *cause, struct error *err);
/* ListExecutions, one page, newest first; status, next_token may be NULL, max_results 0. */
int sfn_list_executions(struct aws_request *r, const char *state_machine_arn, const char *status,
                        int max_results, const char *next_token, struct error *err);
/* The executions array, borrowed, for sfn_list_read; NULL if there is none. */
json_t *sfn_list_items(const struct aws_response *response);
/* The token of the next page, borrowed; NULL on the last (pages may be empty before it). */
const char *sfn_list_next(const struct aws_response *response);
/* Reads one element of sfn_list_items (input, output, error, cause stay NULL). */
int sfn_list_read(json_t *item, struct sfn_execution *out, struct error *err);

#endif
