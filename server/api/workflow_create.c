/* POST /workflows: 202 when the run is durable. It is started later by the control loop, so that
 * the answer does not depend on AWS. */
#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"
#include "server/run/run.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* application/json with or without parameters; curl's default for --data is refused with a hint. */
static int check_media_type(const struct http_exchange *x, struct error *err)
{
    static const char json[] = "application/json";
    const char *type = http_header(x, "Content-Type");
    if (type && strncasecmp(type, json, sizeof json - 1) == 0 &&
        strchr("; \t", type[sizeof json - 1]))
        return 0;
    return err_set(err, ERR_MEDIA_TYPE,
                   "send the spec with Content-Type: application/json, not %.60s",
                   type ? type : "without one");
}

/* What write_run needs; the store hands the run out through a callback. */
struct reply {
    struct json_writer *w;
    int64_t now;
};

static void write_run(void *ctx, const struct store_run *run)
{
    const struct reply *r = ctx;
    render_run(r->w, run, r->now);
}

/* The run is read back from the store: what is answered is what is kept. */
static void reply_accepted(struct api_call *call, const struct run_accepted *accepted,
                           struct error *err)
{
    struct buf body;
    struct json_writer w;
    struct reply r = {.w = &w, .now = clock_wall(call->sv->clock)};
    char location[64];
    buf_init(&body, BUF_MAX_PAGE);
    jw_init(&w, &body);
    if (store_run_get(call->sv->store, accepted->id, write_run, &r, err) || buf_check(&body, err)) {
        problem_reply(call->x, err, NULL);
    } else {
        buf_addc(&body, '\n');
        (void)snprintf(location, sizeof location, "/workflows/%" PRId64, accepted->id);
        http_add_header(call->x, "Location", location);
        if (accepted->existing)
            http_add_header(call->x, "Idempotent-Replayed", "true");
        http_reply_take(call->x, 202, "application/json", &body);
    }
    buf_free(&body);
}

/* Size, query and headers are judged before the body is looked at. */
static int read_request(struct api_call *call, struct run_request *request, struct error *err)
{
    static const char *const known[] = {"pattern"};
    int64_t pattern = 0;
    if (http_too_large(call->x))
        return err_set(err, ERR_LIMIT,
                       "the spec is larger than %d bytes: split it into several workflows",
                       (int)BUF_MAX_SPEC);
    if (query_only(call->x, known, 1, err) || check_media_type(call->x, err) ||
        query_int(call->x, "pattern", 1, 2, &pattern, err))
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
    int rc = read_request(call, &request, &err);
    if (!rc)
        rc = run_submit(call->sv, &request, &accepted, &problems, &err);
    if (rc)
        problem_reply(call->x, &err, &problems);
    else
        reply_accepted(call, &accepted, &err);
    json_problems_free(&problems);
}
