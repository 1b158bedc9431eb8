/* POST /workflows/{id}/retry[?tasks=a,b]: a new run of what did not complete. */
#include "server/api/accepted.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/run/run.h"

/* A body is refused and not overlooked: who sends {"tasks": ...} does not mean all of them. */
static int check_request(struct api_call *call, struct error *err)
{
    static const char *const known[] = {"tasks"};
    size_t len = 0;
    (void)http_body(call->x, &len);
    if (len > 0 || http_too_large(call->x))
        return err_set(err, ERR_ARGUMENT,
                       "a retry takes no body: name its tasks by ?tasks=NAME,NAME");
    return query_only(call->x, known, 1, err);
}

/* The child is answered as a new submission is. */
void api_workflow_retry(struct api_call *call)
{
    struct error err = {0};
    struct json_problems problems = {0};
    struct run_accepted accepted;
    const struct run_retry retry = {.parent_id = call->run_id,
                                    .tasks = http_query(call->x, "tasks"),
                                    .idempotency_key = http_header(call->x, "Idempotency-Key")};
    int rc = check_request(call, &err);
    if (!rc)
        rc = run_retry(call->sv, &retry, &accepted, &problems, &err);
    if (rc)
        problem_reply(call->x, &err, &problems);
    else
        accepted_reply(call, accepted.id, accepted.existing);
    json_problems_free(&problems);
}
