/* GET /workflows/{id}: the request that is made most, because it is what pollers ask for. */
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"
#include "server/api/run_cache.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>

struct answer {
    struct buf body;
    struct run_facts facts;
    int64_t now;
};

static void take_run(void *ctx, const struct store_run *run)
{
    struct answer *a = ctx;
    struct json_writer w;
    jw_init(&w, &a->body);
    render_run(&w, run, a->now);
    buf_addc(&a->body, '\n');
    a->facts.version = run->version;
    a->facts.going_since = run->ended_at ? 0 : run->submitted_at;
}

/* From the cache if nothing was committed since, else from the store. */
static int read_run(struct api_call *call, struct answer *a, struct error *err)
{
    const struct services *sv = call->sv;
    if (query_only(call->x, NULL, 0, err))
        return -1;
    if (run_cache_get(sv->runs, &a->facts, a->now, &a->body))
        return buf_check(&a->body, err);
    if (store_run_get(sv->store, call->run_id, take_run, a, err) || buf_check(&a->body, err))
        return -1;
    run_cache_put(sv->runs, &a->facts, &a->body);
    return 0;
}

/* The ETag is the run's version, which every change raises: polling an unchanged run costs 304. */
void api_workflow_get(struct api_call *call)
{
    struct error err = {0};
    char etag[64];
    struct answer a = {
        .facts = {.id = call->run_id, .generation = store_generation(call->sv->store)},
        .now = clock_wall(call->sv->clock)};
    buf_init(&a.body, BUF_MAX_PAGE);
    if (read_run(call, &a, &err)) {
        problem_reply(call->x, &err, NULL);
        buf_free(&a.body);
        return;
    }
    (void)snprintf(etag, sizeof etag, "W/\"%" PRId64 "-%" PRId64 "\"", call->run_id,
                   a.facts.version);
    http_add_header(call->x, "ETag", etag);
    http_add_header(call->x, "Cache-Control", "no-cache");
    if (http_has_etag(call->x, etag))
        http_reply(call->x, 304, NULL, NULL, 0);
    else
        http_reply_take(call->x, 200, "application/json", &a.body);
    buf_free(&a.body);
}
