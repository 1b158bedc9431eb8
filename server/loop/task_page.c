#include "server/loop/task_page.h"

#include "lib/aws/ecs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STARTED_BY_MAX = 64 };

/* Tasks are found by the name that the launcher and the second state machine give them. */
int task_page_ask(const struct task_page *p, const char *cluster, int64_t run_id,
                  const char *status, struct aws_request *request, struct error *err)
{
    char started_by[STARTED_BY_MAX];
    (void)snprintf(started_by, sizeof started_by, "stepfleet-%" PRId64, run_id);
    return ecs_list_tasks(request, cluster, started_by, status, p->token, err);
}

int task_page_take(struct task_page *p, const struct aws_response *response, struct error *err)
{
    const char *next = ecs_list_next(response);
    char *token = next ? strdup(next) : NULL;
    json_t *arns = json_deep_copy(ecs_list_arns(response));
    if ((next && !token) || !arns) {
        free(token);
        json_decref(arns);
        return err_set(err, ERR_MEMORY, "out of memory for the tasks of a run");
    }
    task_page_free(p);
    *p = (struct task_page){.token = token, .arns = arns, .last = !token};
    return 0;
}

void task_page_free(struct task_page *p)
{
    free(p->token);
    json_decref(p->arns);
    *p = (struct task_page){0};
}
