/* task_page: the page of a run's ECS tasks that is at hand, and how to come to the next one.
 * Belongs to the control loop's thread. */
#ifndef STEPFLEET_LOOP_TASK_PAGE_H
#define STEPFLEET_LOOP_TASK_PAGE_H

#include "lib/aws/aws.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise it. */
struct task_page {
    char *token;  /* of the next page; NULL: the first one */
    json_t *arns; /* of the page at hand, at most ECS_DESCRIBE_MAX; NULL: none */
    bool last;    /* no page follows this one */
};

/* ListTasks for the next page of the tasks that were started for this run; `status` is the desired
 * one, NULL: any that ECS lists by itself. */
int task_page_ask(const struct task_page *p, const char *cluster, int64_t run_id,
                  const char *status, struct aws_request *request, struct error *err);
/* Copies what was answered, which dies with its callback. -1 with ERR_MEMORY: the page stays. */
int task_page_take(struct task_page *p, const struct aws_response *response, struct error *err);
/* Releases it; may be called again. */
void task_page_free(struct task_page *p);

#endif
