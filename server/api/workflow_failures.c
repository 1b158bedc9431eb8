/* GET /workflows/{id}/failures: why tasks failed, grouped, so that ten thousand failures of one
 * kind are one line. */
#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"

enum { GROUPS_MAX = 50 };

static void add_group(void *ctx, const struct store_failure *failure)
{
    struct json_writer *w = ctx;
    const struct verdict_end end = {failure->status, failure->stop_code, failure->stopped_reason,
                                    failure->exit_code};
    jw_object(w, NULL);
    render_class(w, failure->reason, &end);
    jw_str(w, "stopCode", failure->stop_code);
    if (failure->exit_code >= 0)
        jw_int(w, "exitCode", failure->exit_code);
    else
        jw_null(w, "exitCode");
    jw_int(w, "count", failure->count);
    jw_array(w, "tasks");
    for (size_t i = 0; i < failure->name_count; i++)
        jw_str(w, NULL, failure->names[i]);
    jw_end_array(w);
    jw_time(w, "firstAt", failure->first_at);
    jw_end_object(w);
}

static void ignore_run(void *ctx, const struct store_run *run)
{
    (void)ctx;
    (void)run;
}

/* A run that is not there must be 404, not an empty list. */
static int write_failures(struct api_call *call, struct json_writer *w, struct error *err)
{
    int64_t total = 0;
    if (query_only(call->x, NULL, 0, err) ||
        store_run_get(call->sv->store, call->run_id, ignore_run, NULL, err))
        return -1;
    jw_object(w, NULL);
    jw_array(w, "failures");
    int rc = store_failures(call->sv->store, call->run_id, GROUPS_MAX, add_group, w, &total, err);
    jw_end_array(w);
    jw_int(w, "total", total);
    jw_end_object(w);
    return rc;
}

void api_workflow_failures(struct api_call *call)
{
    struct buf body;
    struct json_writer w;
    struct error err = {0};
    buf_init(&body, BUF_MAX_PAGE);
    jw_init(&w, &body);
    int rc = write_failures(call, &w, &err);
    buf_addc(&body, '\n');
    if (!rc)
        rc = buf_check(&body, &err);
    if (rc) {
        problem_reply(call->x, &err, NULL);
    } else {
        http_add_header(call->x, "Cache-Control", "no-cache");
        http_reply_take(call->x, 200, "application/json", &body);
    }
    buf_free(&body);
}
