/* GET /workflows/{id}/export: all tasks of a run in one file, read from the store page by page as
 * the client takes them. */
#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/api/csv.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/render.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_TASKS = 250 };

/* An export under way; it belongs to its connection. */
struct export_doc {
    const struct services *sv;
    int64_t run_id;
    bool csv;
    int64_t now;
    int64_t after; /* seq of the last task in the text */
    bool over;     /* the end is in the text */
    struct buf text;
    size_t sent;
    struct json_writer w;
};

static void add_task(void *ctx, const struct store_task *task)
{
    struct export_doc *e = ctx;
    if (e->csv)
        csv_task(&e->text, task);
    else
        render_task(&e->w, task, e->now);
    e->after = task->seq;
}

/* The document's beginning: the head of the columns, or the run itself. */
static void add_run(void *ctx, const struct store_run *run)
{
    struct export_doc *e = ctx;
    if (e->csv) {
        csv_head(&e->text);
        return;
    }
    buf_adds(&e->text, "{\"run\":");
    render_run(&e->w, run, e->now);
    buf_adds(&e->text, ",\"tasks\":[");
    jw_init(&e->w, &e->text);
}

static void add_end(struct export_doc *e)
{
    e->over = true;
    if (!e->csv)
        buf_adds(&e->text, "]}\n");
}

/* What has been sent makes room for the next page. */
static int next_page(struct export_doc *e, struct error *err)
{
    bool more = false;
    buf_reset(&e->text);
    e->sent = 0;
    if (store_task_list(e->sv->store, e->run_id, -1, e->after, PAGE_TASKS, add_task, e, &more, err))
        return -1;
    if (!more)
        add_end(e);
    return buf_check(&e->text, err);
}

static ssize_t export_read(void *export, char *out, size_t size)
{
    struct export_doc *e = export;
    struct error err = {0};
    while (e->sent == e->text.len) {
        if (e->over)
            return HTTP_STREAM_END;
        if (next_page(e, &err)) {
            log_warn(e->sv->log, "an export broke off", LOG_INT("run_id", e->run_id),
                     LOG_STR("error", err.message));
            return HTTP_STREAM_ABORT;
        }
    }
    size_t n = e->text.len - e->sent;
    if (n > size)
        n = size;
    memcpy(out, e->text.data + e->sent, n);
    e->sent += n;
    return (ssize_t)n;
}

static void export_closed(void *export)
{
    struct export_doc *e = export;
    buf_free(&e->text);
    free(e);
}

static int read_format(struct http_exchange *x, bool *csv, struct error *err)
{
    static const char *const known[] = {"format"};
    const char *format = http_query(x, "format");
    if (query_only(x, known, 1, err))
        return -1;
    if (!format || (strcmp(format, "csv") != 0 && strcmp(format, "json") != 0))
        return err_set(err, ERR_ARGUMENT, "?format= must be csv or json");
    *csv = strcmp(format, "csv") == 0;
    return 0;
}

/* With the beginning of the document; so a run that is not there can still be told as such. */
static struct export_doc *export_new(const struct api_call *call, bool csv, struct error *err)
{
    struct export_doc *e = calloc(1, sizeof *e);
    if (!e) {
        err_set(err, ERR_MEMORY, "out of memory for an export");
        return NULL;
    }
    *e = (struct export_doc){.sv = call->sv,
                             .run_id = call->run_id,
                             .csv = csv,
                             .now = clock_wall(call->sv->clock),
                             .after = -1};
    buf_init(&e->text, BUF_MAX_PAGE);
    jw_init(&e->w, &e->text);
    if (store_run_get(call->sv->store, call->run_id, add_run, e, err) == 0 &&
        buf_check(&e->text, err) == 0)
        return e;
    export_closed(e);
    return NULL;
}

void api_export(struct api_call *call)
{
    struct error err = {0};
    char file[96];
    bool csv = false;
    struct export_doc *e = read_format(call->x, &csv, &err) ? NULL : export_new(call, csv, &err);
    if (!e) {
        problem_reply(call->x, &err, NULL);
        return;
    }
    (void)snprintf(file, sizeof file, "attachment; filename=\"run-%" PRId64 ".%s\"", call->run_id,
                   csv ? "csv" : "json");
    const struct http_stream_source source = {
        .read = export_read, .closed = export_closed, .ctx = e};
    http_add_header(call->x, "Content-Disposition", file);
    http_add_header(call->x, "Cache-Control", "no-store");
    http_reply_stream(call->x, 200,
                      csv ? "text/csv; charset=utf-8; header=present" : "application/json",
                      &source);
}
