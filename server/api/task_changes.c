/* Tasks by the order of their changes. The cursor is "VERSION.SEQ" of the last one on the page,
 * because one change may write more tasks than a page holds. */
#include "server/api/task_changes.h"

#include "lib/json/json_write.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"
#include "server/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct changes {
    struct buf body;
    struct json_writer w;
    int64_t now;
    int64_t run_version;
    int64_t since;
    struct store_task_place last; /* at first where to begin */
    int limit;
    bool more;
};

static void note_run(void *ctx, const struct store_run *run)
{
    struct changes *c = ctx;
    c->run_version = run->version;
}

static void add_task(void *ctx, const struct store_task *task)
{
    struct changes *c = ctx;
    render_task(&c->w, task, c->now);
    c->last = (struct store_task_place){task->version, task->seq};
}

/* A number without sign; NULL if there is none, else what follows it. */
static const char *read_number(const char *at, int64_t *out)
{
    char *end = NULL;
    if (*at < '0' || *at > '9')
        return NULL;
    errno = 0;
    *out = strtoll(at, &end, 10);
    return errno ? NULL : end;
}

/* ?cursor= of an earlier page; leaves *place alone when it is absent. */
static int read_cursor(const struct http_exchange *x, struct store_task_place *place,
                       struct error *err)
{
    const char *text = http_query(x, "cursor");
    if (!text)
        return 0;
    const char *at = read_number(text, &place->version);
    at = at && *at == '.' ? read_number(at + 1, &place->seq) : NULL;
    if (!at || *at)
        return err_set(err, ERR_ARGUMENT,
                       "?cursor= must be the nextCursor of an earlier page of the same request");
    return 0;
}

/* ?status= is not among them: a task that has left the status would be missed. */
static int read_query(struct http_exchange *x, struct changes *c, struct error *err)
{
    static const char *const known[] = {"since", "limit", "cursor"};
    int64_t limit = QUERY_LIMIT_DEFAULT;
    if (query_only(x, known, sizeof known / sizeof known[0], err) ||
        query_int(x, "since", 0, INT64_MAX, &c->since, err) ||
        query_int(x, "limit", 1, QUERY_LIMIT_MAX, &limit, err))
        return -1;
    c->limit = (int)limit;
    c->last = (struct store_task_place){c->since, INT64_MAX};
    return read_cursor(x, &c->last, err);
}

/* The run is read first: all up to its version is in the list that is read then. */
static int read_changes(struct api_call *call, struct changes *c, struct error *err)
{
    struct store *store = call->sv->store;
    if (read_query(call->x, c, err) || store_run_get(store, call->run_id, note_run, c, err))
        return -1;
    const struct store_task_place from = c->last;
    return store_task_changes(store, call->run_id, &from, c->limit, add_task, c, &c->more, err);
}

/* Where to go on without missing any: on the last page all was seen, before it all of the version
 * before the last task's, of which there may be more. */
static int64_t seen_version(const struct changes *c)
{
    if (c->more)
        return c->last.version - 1 > c->since ? c->last.version - 1 : c->since;
    return c->last.version > c->run_version ? c->last.version : c->run_version;
}

static void finish(struct changes *c, struct http_exchange *x)
{
    char cursor[48];
    (void)snprintf(cursor, sizeof cursor, "%" PRId64 ".%" PRId64, c->last.version, c->last.seq);
    jw_end_array(&c->w);
    jw_int(&c->w, "version", seen_version(c));
    jw_str(&c->w, "nextCursor", c->more ? cursor : NULL);
    jw_end_object(&c->w);
    buf_addc(&c->body, '\n');
    if (c->more) {
        char link[256];
        (void)snprintf(link, sizeof link, "<%s?since=%" PRId64 "&limit=%d&cursor=%s>; rel=\"next\"",
                       http_raw_path(x), c->since, c->limit, cursor);
        http_add_header(x, "Link", link);
    }
    http_add_header(x, "Cache-Control", "no-cache");
}

void task_changes_reply(struct api_call *call)
{
    struct error err = {0};
    struct changes c = {.now = clock_wall(call->sv->clock)};
    buf_init(&c.body, BUF_MAX_PAGE);
    jw_init(&c.w, &c.body);
    jw_object(&c.w, NULL);
    jw_array(&c.w, "items");
    int rc = read_changes(call, &c, &err);
    if (!rc)
        rc = buf_check(&c.body, &err);
    if (rc) {
        problem_reply(call->x, &err, NULL);
    } else {
        finish(&c, call->x);
        http_reply_take(call->x, 200, "application/json", &c.body);
    }
    buf_free(&c.body);
}
