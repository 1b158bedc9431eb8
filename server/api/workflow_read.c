/* GET requests. Lists are written row by row as the store hands them out; a failure in between
 * still becomes a clean error, because nothing is sent before the page is whole. */
#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"
#include "server/api/task_changes.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A page that is being written: rows go through `w`, `last` is the key of the newest one. */
struct page {
    struct buf body;
    struct json_writer w;
    int64_t now;
    int64_t last;
};

static void page_open(struct page *p, const struct services *sv)
{
    *p = (struct page){.now = clock_wall(sv->clock)};
    buf_init(&p->body, BUF_MAX_PAGE);
    jw_init(&p->w, &p->body);
}

/* A page that is a list. */
static void page_begin(struct page *p, const struct services *sv)
{
    page_open(p, sv);
    jw_object(&p->w, NULL);
    jw_array(&p->w, "items");
}

/* Copies the query without its cursor to `out`, with a '&' behind each argument. */
static void copy_query(const char *query, struct buf *out)
{
    while (*query) {
        size_t len = strcspn(query, "&");
        if (len > 0 && strncmp(query, "cursor=", 7) != 0) {
            buf_add(out, query, len);
            buf_addc(out, '&');
        }
        query += len;
        query += *query == '&';
    }
}

/* Link rel=next: the same request with the next cursor. */
static void add_link(struct http_exchange *x, int64_t cursor)
{
    struct buf link;
    buf_init(&link, BUF_MAX_LINE);
    buf_addf(&link, "<%s?", http_raw_path(x));
    copy_query(http_raw_query(x), &link);
    buf_addf(&link, "cursor=%" PRId64 ">; rel=\"next\"", cursor);
    if (!buf_check(&link, NULL))
        http_add_header(x, "Link", buf_str(&link));
    buf_free(&link);
}

/* Ends the list, or answers the error; frees the page. */
static void page_end(struct page *p, struct http_exchange *x, int rc, bool more, struct error *err)
{
    char cursor[32];
    jw_end_array(&p->w);
    (void)snprintf(cursor, sizeof cursor, "%" PRId64, p->last);
    jw_str(&p->w, "nextCursor", more ? cursor : NULL);
    jw_end_object(&p->w);
    buf_addc(&p->body, '\n');
    if (!rc)
        rc = buf_check(&p->body, err);
    if (rc) {
        problem_reply(x, err, NULL);
    } else {
        if (more)
            add_link(x, p->last);
        http_add_header(x, "Cache-Control", "no-cache");
        http_reply_take(x, 200, "application/json", &p->body);
    }
    buf_free(&p->body);
}

static void add_run(void *ctx, const struct store_run *run)
{
    struct page *p = ctx;
    render_run(&p->w, run, p->now);
    p->last = run->id;
}

static void add_task(void *ctx, const struct store_task *task)
{
    struct page *p = ctx;
    render_task(&p->w, task, p->now);
    p->last = task->seq;
}

static void add_event(void *ctx, const struct store_event *event)
{
    struct page *p = ctx;
    render_event(&p->w, event);
    p->last = event->id;
}

/* Bytes of a query. Link has to repeat it, and both must find room (ROUTES_MEMORY). */
enum { FILTER_MAX = 4096 };

/* All filters of GET /workflows; texts are borrowed from the request. */
static int read_run_filter(struct http_exchange *x, struct store_run_filter *f, struct error *err)
{
    static const char *const known[] = {"status", "pattern", "name",   "since",  "until",
                                        "q",      "limit",   "cursor", "parent", "endedSince"};
    int64_t pattern = 0;
    if (strlen(http_raw_query(x)) > FILTER_MAX)
        return err_set(err, ERR_ARGUMENT,
                       "the query is longer than %d bytes: shorten ?q= or ?name=", (int)FILTER_MAX);
    if (query_only(x, known, sizeof known / sizeof known[0], err) ||
        query_status(x, &f->status, err) || query_int(x, "pattern", 1, 2, &pattern, err) ||
        query_time(x, "since", &f->since, err) || query_time(x, "until", &f->until, err) ||
        query_time(x, "endedSince", &f->ended_since, err) ||
        query_int(x, "parent", 1, INT64_MAX, &f->parent_id, err) ||
        query_page(x, &f->limit, &f->before, err))
        return -1;
    f->pattern = (int)pattern;
    f->name = http_query(x, "name");
    f->text = http_query(x, "q");
    return 0;
}

/* Newest first; the cursor is the id of the last run on the page. */
void api_workflow_list(struct api_call *call)
{
    struct page p;
    struct error err = {0};
    struct store_run_filter filter = {.status = -1};
    bool more = false;
    page_begin(&p, call->sv);
    int rc = read_run_filter(call->x, &filter, &err);
    if (!rc)
        rc = store_run_list(call->sv->store, &filter, add_run, &p, &more, &err);
    page_end(&p, call->x, rc, more, &err);
}

/* A run that is not there must be 404, not an empty list. */
static int check_run(struct api_call *call, struct error *err)
{
    struct page p;
    page_open(&p, call->sv);
    int rc = store_run_get(call->sv->store, call->run_id, add_run, &p, err);
    buf_free(&p.body);
    return rc;
}

/* What GET /workflows/{id}/tasks may be asked for. */
struct task_filter {
    int status;
    int limit;
    int64_t after;
    const char *reason;
};

static int read_task_filter(struct http_exchange *x, struct task_filter *f, struct error *err)
{
    static const char *const known[] = {"status", "reason", "limit", "cursor"};
    if (query_only(x, known, sizeof known / sizeof known[0], err) ||
        query_status(x, &f->status, err) || query_reason(x, &f->reason, err) ||
        query_page(x, &f->limit, &f->after, err))
        return -1;
    return 0;
}

/* In the order of the spec; the cursor is the last task's position. With ?since= it is the list of
 * what changed. */
void api_workflow_tasks(struct api_call *call)
{
    if (http_query(call->x, "since")) {
        task_changes_reply(call);
        return;
    }
    struct page p;
    struct error err = {0};
    struct task_filter f = {.status = -1, .after = -1};
    bool more = false;
    page_begin(&p, call->sv);
    int rc = read_task_filter(call->x, &f, &err);
    if (!rc)
        rc = check_run(call, &err);
    if (!rc)
        rc = store_task_list_reason(call->sv->store, call->run_id, f.status, f.reason, f.after,
                                    f.limit, add_task, &p, &more, &err);
    page_end(&p, call->x, rc, more, &err);
}

/* In the order of the history; the cursor is the last event's id. */
void api_workflow_events(struct api_call *call)
{
    static const char *const known[] = {"limit", "cursor"};
    struct page p;
    struct error err = {0};
    int limit = 0;
    int64_t after = 0;
    bool more = false;
    page_begin(&p, call->sv);
    int rc = query_only(call->x, known, 2, &err);
    if (!rc)
        rc = query_page(call->x, &limit, &after, &err);
    if (!rc)
        rc = check_run(call, &err);
    if (!rc)
        rc = store_event_list(call->sv->store, call->run_id, after, limit, add_event, &p, &more,
                              &err);
    page_end(&p, call->x, rc, more, &err);
}

/* The text as it was posted, byte for byte. */
void api_workflow_spec(struct api_call *call)
{
    struct buf body;
    struct error err = {0};
    buf_init(&body, BUF_MAX_SPEC);
    int rc = query_only(call->x, NULL, 0, &err);
    if (!rc)
        rc = store_run_request(call->sv->store, call->run_id, &body, &err);
    if (rc)
        problem_reply(call->x, &err, NULL);
    else
        http_reply_take(call->x, 200, "application/json", &body);
    buf_free(&body);
}
