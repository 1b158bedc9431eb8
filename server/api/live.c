/* GET /events and GET /stats: what the hub has. */
#include "server/live/live.h"

#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void ignore_run(void *ctx, const struct store_run *run)
{
    (void)ctx;
    (void)run;
}

/* Where an earlier feed ended: browsers repeat the last id by themselves, which goes before ?since=
 * in the address that they were given. */
static int read_place(const struct http_exchange *x, int64_t *after, struct error *err)
{
    const char *text = http_header(x, "Last-Event-ID");
    char *end = NULL;
    if (!text || !*text)
        return query_int(x, "since", 0, INT64_MAX, after, err);
    errno = 0;
    *after = strtoll(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end)
        return err_set(err, ERR_ARGUMENT,
                       "Last-Event-ID must be the id of an event of this feed, a whole number");
    return 0;
}

static int serve(struct api_call *call, struct error *err)
{
    static const char *const known[] = {"workflow", "since"};
    int64_t run_id = 0;
    int64_t after = -1;
    if (query_only(call->x, known, sizeof known / sizeof known[0], err) ||
        query_int(call->x, "workflow", 1, INT64_MAX, &run_id, err) ||
        read_place(call->x, &after, err))
        return -1;
    if (!call->sv->live)
        return err_set(err, ERR_BUSY, "this server has no feed: ask for the runs instead");
    if (run_id && store_run_get(call->sv->store, run_id, ignore_run, NULL, err))
        return -1;
    return live_serve(call->sv->live, call->x, run_id, after, err);
}

void api_events(struct api_call *call)
{
    struct error err = {0};
    if (serve(call, &err))
        problem_reply(call->x, &err, NULL);
}

/* --- numbers -----------------------------------------------------------------------------------*/

/* Members named as the statuses are, in lower case. */
static void write_counts(struct json_writer *w, const int64_t counts[AUDIT_STATUS_COUNT], int last)
{
    static const char *const names[AUDIT_STATUS_COUNT] = {"submitted", "running", "completed",
                                                          "failed", "cancelled"};
    for (int i = 0; i <= last; i++)
        jw_int(w, names[i], counts[i]);
}

static void write_series(struct json_writer *w, const struct live_numbers *n)
{
    jw_array(w, "series");
    for (size_t i = 0; i < n->point_count; i++) {
        jw_object(w, NULL);
        jw_time(w, "time", n->points[i].time);
        write_counts(w, n->points[i].tasks, AUDIT_FAILED);
        jw_end_object(w);
    }
    jw_end_array(w);
}

/* Finer than that is noise. */
static double round_ms(double seconds)
{
    return (double)(int64_t)(seconds * 1000) / 1000;
}

static void write_numbers(struct buf *body, const struct api_call *call,
                          const struct live_numbers *n)
{
    struct json_writer w;
    const int64_t now = clock_mono(call->sv->clock);
    jw_init(&w, body);
    jw_object(&w, NULL);
    jw_object(&w, "runs");
    write_counts(&w, n->runs, AUDIT_CANCELLED);
    jw_end_object(&w);
    jw_object(&w, "tasks");
    write_counts(&w, n->tasks, AUDIT_CANCELLED);
    jw_end_object(&w);
    jw_int(&w, "failedToday", n->failed_today);
    jw_int(&w, "throttledPerMinute", call->sv->calls ? calls_throttled(call->sv->calls, now) : 0);
    jw_num(&w, "mirrorLagSeconds", round_ms(control_lag_seconds(call->sv->health, now)));
    jw_int(&w, "clients", n->clients);
    write_series(&w, n);
    jw_end_object(&w);
    buf_addc(body, '\n');
}

void api_stats(struct api_call *call)
{
    struct error err = {0};
    struct live_numbers numbers;
    struct buf body;
    if (query_only(call->x, NULL, 0, &err) == 0 && !call->sv->live)
        err_set(&err, ERR_BUSY, "this server keeps no numbers");
    if (err.code) {
        problem_reply(call->x, &err, NULL);
        return;
    }
    live_numbers(call->sv->live, &numbers);
    buf_init(&body, BUF_MAX_LINE);
    write_numbers(&body, call, &numbers);
    http_add_header(call->x, "Cache-Control", "no-store");
    http_reply_take(call->x, 200, "application/json", &body);
    buf_free(&body);
}
