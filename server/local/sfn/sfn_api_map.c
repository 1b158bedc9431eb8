/* DescribeMapRun, ListMapRuns, UpdateMapRun. */
#include "lib/json/json_read.h"
#include "server/local/sfn/map_run.h"
#include "server/local/sfn/sfn_private.h"

#include <stdlib.h>
#include <string.h>

static void missing_run(struct local_call *call, int found, const struct error *err,
                        const char *arn)
{
    if (found == 0)
        local_fault(call, 400, "ResourceNotFound", "Resource not found: '%s'", arn);
    else
        local_fault(call, 500, "InternalServerError", "%s", err->message);
}

void api_describe_map_run(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *arn = NULL;
    json_t *out = NULL;
    if (!check_map_run_arn(call, &arn))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_map_run(r, arn, &out, &err);
    sfn_reader_unlock(r);
    if (found > 0)
        local_reply(call, out);
    else
        missing_run(call, found, &err, arn);
}

void api_list_map_runs(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    struct page page;
    const char *arn = NULL;
    json_t *out = NULL;
    if (!check_execution_arn(call, &arn) || !check_page(call, &page.limit) ||
        !check_token(call, 0, &page.after))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_map_runs(r, arn, &page, &out, &err);
    sfn_reader_unlock(r);
    if (found > 0)
        local_reply(call, out);
    else
        answer_missing(call, found, &err, "ExecutionDoesNotExist", "Execution", arn);
}

struct update_request {
    struct request request; /* first */
    char *arn;
    bool has_concurrency, has_count, has_percentage;
    struct map_limits limits;
};

static void update_release(struct request *r)
{
    free(((struct update_request *)r)->arn);
}

/* The new limits hold at once: more children may start, or too many may have failed. */
static void decide_update(struct engine *e, struct request *r)
{
    struct update_request *u = (struct update_request *)r;
    struct map_run *run = names_get(&e->runs, u->arn);
    if (!run) {
        request_fault(e, r, "ResourceNotFound", "There is no map run under way: '%s'", u->arn);
        return;
    }
    if (u->has_concurrency)
        run->limits.concurrency = u->limits.concurrency;
    if (u->has_count)
        run->limits.tolerated_count = u->limits.tolerated_count;
    if (u->has_percentage)
        run->limits.tolerated_percentage = u->limits.tolerated_percentage;
    map_run_touch(e, run);
    request_reply(e, r, json_object(), NULL);
    if (run->phase == MAP_RUNNING)
        map_run_check(e, run);
}

/* A number min..max, if it is given. */
static bool read_member(struct local_call *call, const char *name, double max, bool *given,
                        double *out)
{
    json_t *value = json_object_get(call->input, name);
    *given = value && !json_is_null(value);
    *out = json_number_value(value);
    if (!*given || (json_is_number(value) && *out >= 0 && *out <= max))
        return true;
    local_fault(call, 400, "ValidationException",
                "1 validation error detected: Value at '%s' failed to satisfy constraint: Member "
                "must have value between 0 and %.0f",
                name, max);
    return false;
}

static bool read_update(struct update_request *u)
{
    struct local_call *call = u->request.call;
    const char *arn = NULL;
    double concurrency = 0;
    if (!check_map_run_arn(call, &arn) ||
        !read_member(call, "maxConcurrency", 1e9, &u->has_concurrency, &concurrency) ||
        !read_member(call, "toleratedFailureCount", 1e9, &u->has_count,
                     &u->limits.tolerated_count) ||
        !read_member(call, "toleratedFailurePercentage", 100, &u->has_percentage,
                     &u->limits.tolerated_percentage))
        return false;
    u->limits.concurrency = (int64_t)concurrency;
    u->arn = strdup(arn);
    if (!u->arn)
        local_fault(call, 500, "InternalServerError", "out of memory");
    return u->arn != NULL;
}

void api_update_map_run(struct local_sfn *sfn, struct local_call *call)
{
    struct update_request *u =
        (struct update_request *)request_new(call, sizeof *u, decide_update, update_release);
    if (!u)
        return;
    if (read_update(u))
        request_post(sfn, &u->request);
    else
        request_cancel(&u->request);
}
