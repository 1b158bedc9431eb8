/* ecs: building ECS calls and reading their answers. Pure functions, any thread. Texts in results
 * are borrowed from the response's json. */
#ifndef STEPFLEET_AWS_ECS_H
#define STEPFLEET_AWS_ECS_H

#include "lib/aws/aws.h"

struct ecs_env {
    const char *name;
    const char *value;
};

struct ecs_run {
    const char *cluster;
    const char *task_definition;
    const char *container; /* name for the overrides */
    const char *const *subnets;
    size_t subnet_count;
    const char *const *security_groups;
    size_t security_group_count;
    bool assign_public_ip;
    const struct ecs_env *environment;
    size_t environment_count;
    const char *client_token; /* <= 64 characters of ASCII 33-126 */
    const char *started_by;   /* <= 128, letters digits - / _ */
};
/* RunTask with launchType FARGATE and count 1. -1 with ERR_LIMIT if the overrides are longer than
 * ECS takes. A 200 may still hold failures and no tasks: look at both. */
int ecs_run_task(struct aws_request *r, const struct ecs_run *in, struct error *err);

/* tasks of a RunTask or DescribeTasks answer: a borrowed array, made empty if there is none; NULL
 * only when memory is out. */
json_t *ecs_tasks(const struct aws_response *response);
/* failures of the same answers, in the same way: [{arn, reason, detail}]. */
json_t *ecs_failures(const struct aws_response *response);

struct ecs_task {
    const char *arn;
    const char *last_status;
    const char *stop_code; /* "" if absent */
    const char *stopped_reason;
    int64_t created_at; /* wall microseconds; 0 if absent */
    int64_t pull_started_at, pull_stopped_at;
    int64_t started_at;
    int64_t stopped_at;
    /* The container that does the work is the one that RunTask's overrides name; where they name
     * none, all containers count as one: has_exit_code when every one has, the first bad code. */
    bool has_exit_code;
    int64_t exit_code;
    const char *container_reason; /* "" if absent */
    /* A container beside it that ended badly by itself; name NULL if there is none. */
    struct {
        const char *name, *reason;
        bool has_exit_code;
        int64_t exit_code;
    } sidecar;
};
/* Reads a task. -1 with ERR_SYNTAX if it has no taskArn or lastStatus. */
int ecs_task_read(json_t *task, struct ecs_task *out, struct error *err);
/* Its containers have ended, whatever ECS still has to take down: it writes nothing any more. */
bool ecs_task_over(const struct ecs_task *task);
/* Value of an environment override of the task's containers, or NULL. */
const char *ecs_task_env(json_t *task, const char *name);
/* The id: what follows the last '/' of a task ARN. */
const char *ecs_task_id(const char *arn);

enum { ECS_DESCRIBE_MAX = 100 };
/* DescribeTasks of 1 to ECS_DESCRIBE_MAX ids or ARNs, else -1 with ERR_ARGUMENT. */
int ecs_describe_tasks(struct aws_request *r, const char *cluster, const char *const *tasks,
                       size_t count, struct error *err);
/* ListTasks, one page. desired_status NULL: RUNNING. started_by and next_token may be NULL. */
int ecs_list_tasks(struct aws_request *r, const char *cluster, const char *started_by,
                   const char *desired_status, const char *next_token, struct error *err);
/* taskArns of a ListTasks answer, in the way of ecs_tasks. */
json_t *ecs_list_arns(const struct aws_response *response);
/* The token of the next page, borrowed; NULL on the last. */
const char *ecs_list_next(const struct aws_response *response);
/* DescribeTaskDefinition of a family (its newest revision), family:revision or ARN. The answer's
 * member taskDefinition has status (ACTIVE), revision, containerDefinitions and more. */
int ecs_describe_definition(struct aws_request *r, const char *task_definition, struct error *err);
/* StopTask; reason (may be NULL) becomes the task's stoppedReason. */
int ecs_stop_task(struct aws_request *r, const char *cluster, const char *task, const char *reason,
                  struct error *err);

#endif
