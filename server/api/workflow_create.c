/* POST /workflows: 202 when the run is durable. It is started later by the control loop, so that
 * the answer does not depend on AWS. */
#include "server/api/accepted.h"
#include "server/api/api.h"
#include "server/api/dry_run.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/run/run.h"

#include <string.h>

enum { TASK_SECONDS_MAX = 14 * 24 * 3600 };

/* application/json with or without parameters; curl's default for --data is refused with a hint. */
static int check_media_type(const struct http_exchange *x, struct error *err)
{
    const char *type = http_header(x, "Content-Type");
    if (accepted_json(x))
        return 0;
    return err_set(err, ERR_MEDIA_TYPE,
                   "send the spec with Content-Type: application/json, not %.60s",
                   type ? type : "without one");
}

/* ?dryRun=true and how long a task is thought to take then. */
struct dry {
    bool wanted;
    int64_t task_seconds; /* 0: not said */
};

static int read_dry(const struct http_exchange *x, struct dry *out, struct error *err)
{
    const char *text = http_query(x, "dryRun");
    out->wanted = text && strcmp(text, "true") == 0;
    if (text && !out->wanted && strcmp(text, "false") != 0)
        return err_set(err, ERR_ARGUMENT, "?dryRun= must be true or false");
    if (query_int(x, "taskSeconds", 1, TASK_SECONDS_MAX, &out->task_seconds, err))
        return -1;
    if (out->task_seconds && !out->wanted)
        return err_set(err, ERR_ARGUMENT, "?taskSeconds= is for ?dryRun=true only");
    return 0;
}

/* Size, query and headers are judged before the body is looked at. */
static int read_request(struct api_call *call, struct run_request *request, struct dry *dry,
                        struct error *err)
{
    static const char *const known[] = {"pattern", "dryRun", "taskSeconds"};
    int64_t pattern = 0;
    if (http_too_large(call->x))
        return err_set(err, ERR_LIMIT,
                       "the spec is larger than %d bytes: split it into several workflows",
                       (int)BUF_MAX_SPEC);
    if (query_only(call->x, known, 3, err) || check_media_type(call->x, err) ||
        query_int(call->x, "pattern", 1, 2, &pattern, err) || read_dry(call->x, dry, err))
        return -1;
    request->pattern = (int)pattern;
    request->idempotency_key = http_header(call->x, "Idempotency-Key");
    request->body = http_body(call->x, &request->len);
    return 0;
}

/* `problems` holds all mistakes of the spec when it was refused. */
void api_workflow_create(struct api_call *call)
{
    struct error err = {0};
    struct json_problems problems = {0};
    struct run_request request = {0};
    struct run_accepted accepted;
    struct dry dry = {0};
    int rc = read_request(call, &request, &dry, &err);
    if (!rc && dry.wanted) {
        dry_run_reply(call, &request, dry.task_seconds);
        return;
    }
    if (!rc)
        rc = run_submit(call->sv, &request, &accepted, &problems, &err);
    if (rc)
        problem_reply(call->x, &err, &problems);
    else
        accepted_reply(call, accepted.id, accepted.existing);
    json_problems_free(&problems);
}
