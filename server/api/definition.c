/* GET /workflows/{id}/definition: the state machine that the run's pattern starts. */
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/store/store.h"

#include <string.h>

static void note_pattern(void *ctx, const struct store_run *run)
{
    int *pattern = ctx;
    *pattern = run->pattern;
}

void api_definition(struct api_call *call)
{
    struct error err = {0};
    int pattern = 0;
    int rc = query_only(call->x, NULL, 0, &err);
    if (!rc)
        rc = store_run_get(call->sv->store, call->run_id, note_pattern, &pattern, &err);
    const char *text =
        !rc && (pattern == 1 || pattern == 2) ? call->sv->definitions[pattern] : NULL;
    if (!rc && !text)
        err_set(&err, ERR_NOT_FOUND, "this server has no definition of pattern %d", pattern);
    if (!text) {
        problem_reply(call->x, &err, NULL);
        return;
    }
    http_add_header(call->x, "Cache-Control", "no-cache");
    http_reply_const(call->x, 200, "application/json", text, strlen(text));
}
