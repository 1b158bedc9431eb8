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
    if (run_cache_get(sv->runs, &a->facts, a->now, &a->body))
        return buf_check(&a->body, err);
    if (store_run_get(sv->store, call->run_id, take_run, a, err) || buf_check(&a->body, err))
        return -1;
    run_cache_put(sv->runs, &a->facts, &a->body);
    return 0;
}

/* The ETag is the run's version, which every change raises: polling an unchanged run costs 304. */
static struct http_kept *make_reply(struct api_call *call, struct answer *a)
{
    char etag[64];
    (void)snprintf(etag, sizeof etag, "W/\"%" PRId64 "-%" PRId64 "\"", call->run_id,
                   a->facts.version);
    http_add_header(call->x, "ETag", etag);
    http_add_header(call->x, "Cache-Control", "no-cache");
    struct http_kept *reply = http_kept_new(call->x, 200, "application/json", &a->body);
    run_cache_put_reply(call->sv->runs, &a->facts, a->now, reply);
    return reply;
}

/* The whole reply is there already, most of the time. */
void api_workflow_get(struct api_call *call)
{
    struct error err = {0};
    const struct services *sv = call->sv;
    struct answer a = {.facts = {.id = call->run_id, .generation = store_generation(sv->store)},
                       .now = clock_wall(sv->clock)};
    buf_init(&a.body, BUF_MAX_PAGE);
    int rc = query_only(call->x, NULL, 0, &err);
    struct http_kept *reply = rc ? NULL : run_cache_reply(sv->runs, &a.facts, a.now);
    if (!rc && !reply && (rc = read_run(call, &a, &err)) == 0)
        reply = make_reply(call, &a);
    if (rc)
        problem_reply(call->x, &err, NULL);
    else
        http_reply_kept(call->x, reply);
    buf_free(&a.body);
}
