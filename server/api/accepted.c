#include "server/api/accepted.h"

#include "lib/json/json_write.h"
#include "server/api/problem.h"
#include "server/api/render.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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
void accepted_reply(struct api_call *call, int64_t run_id, bool replayed)
{
    struct buf body;
    struct json_writer w;
    struct error err = {0};
    struct reply r = {.w = &w, .now = clock_wall(call->sv->clock)};
    char location[64];
    buf_init(&body, BUF_MAX_PAGE);
    jw_init(&w, &body);
    if (store_run_get(call->sv->store, run_id, write_run, &r, &err) || buf_check(&body, &err)) {
        problem_reply(call->x, &err, NULL);
    } else {
        buf_addc(&body, '\n');
        (void)snprintf(location, sizeof location, "/workflows/%" PRId64, run_id);
        http_add_header(call->x, "Location", location);
        if (replayed)
            http_add_header(call->x, "Idempotent-Replayed", "true");
        http_reply_take(call->x, 202, "application/json", &body);
    }
    buf_free(&body);
}

bool accepted_json(const struct http_exchange *x)
{
    static const char json[] = "application/json";
    const char *type = http_header(x, "Content-Type");
    return type && strncasecmp(type, json, sizeof json - 1) == 0 &&
           strchr("; \t", type[sizeof json - 1]);
}
