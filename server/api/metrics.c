/* GET /metrics: the Prometheus text format, version 0.0.4. Names: one prefix, base units, no ids of
 * runs or tasks as labels. */
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/calls.h"
#include "server/live/live.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP stepfleet_%s %s\n# TYPE stepfleet_%s %s\n", name, help, name, type);
}

static void add_gauge(struct buf *out, const char *name, const char *help, double value)
{
    head(out, name, "gauge", help);
    buf_addf(out, "stepfleet_%s %.15g\n", name, value);
}

/* One line for each status. */
static void add_by_status(struct buf *out, const char *name, const char *label, int first,
                          const int64_t counts[AUDIT_STATUS_COUNT])
{
    for (int i = first; i < AUDIT_STATUS_COUNT; i++)
        buf_addf(out, "stepfleet_%s{%s=\"%s\"} %" PRId64 "\n", name, label,
                 audit_status_name((enum audit_status)i), counts[i]);
}

static void add_durations(struct buf *out, const struct live_numbers *n)
{
    int64_t sum = 0;
    head(out, "run_duration_seconds", "histogram", "From submission to end, of runs that ended.");
    for (int i = 0; i < LIVE_BUCKETS; i++) {
        sum += n->durations[i];
        if (i < LIVE_BUCKETS - 1)
            buf_addf(out, "stepfleet_run_duration_seconds_bucket{le=\"%d\"} %" PRId64 "\n",
                     live_bounds[i], sum);
    }
    buf_addf(out,
             "stepfleet_run_duration_seconds_bucket{le=\"+Inf\"} %" PRId64 "\n"
             "stepfleet_run_duration_seconds_sum %.6f\n"
             "stepfleet_run_duration_seconds_count %" PRId64 "\n",
             sum, n->duration_sum, sum);
}

static void add_runs(struct buf *out, const struct live_numbers *n)
{
    head(out, "runs", "gauge", "Runs by status.");
    add_by_status(out, "runs", "status", 0, n->runs);
    head(out, "tasks", "gauge", "Tasks of runs that are not over, by status.");
    add_by_status(out, "tasks", "status", 0, n->tasks);
    add_gauge(out, "launch_queue_tasks", "Tasks that are yet to be started.",
              (double)n->tasks[AUDIT_SUBMITTED]);
    head(out, "runs_finished_total", "counter", "Runs that ended since this server started.");
    add_by_status(out, "runs_finished_total", "result", AUDIT_COMPLETED, n->finished);
    add_durations(out, n);
    add_gauge(out, "sse_clients", "Open feeds of GET /events.", n->clients);
}

static void add_call_durations(struct buf *out, const struct calls_row *row)
{
    int64_t sum = 0;
    char labels[2 * CALLS_TEXT_MAX + 32];
    static const char name[] = "stepfleet_aws_request_duration_seconds";
    (void)snprintf(labels, sizeof labels, "service=\"%s\",op=\"%s\"", row->service, row->operation);
    for (int i = 0; i < CALLS_BUCKETS; i++) {
        sum += atomic_load(&row->buckets[i]);
        if (i < CALLS_BUCKETS - 1)
            buf_addf(out, "%s_bucket{%s,le=\"%g\"} %" PRId64 "\n", name, labels,
                     calls_bounds[i] / 1000.0, sum);
    }
    buf_addf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRId64 "\n", name, labels, sum);
    buf_addf(out, "%s_sum{%s} %.6f\n", name, labels,
             (double)atomic_load(&row->took) / (double)CLOCK_SECOND);
    buf_addf(out, "%s_count{%s} %" PRId64 "\n", name, labels, sum);
}

static void add_calls(struct buf *out, const struct calls *calls)
{
    const int count = atomic_load(&calls->count);
    head(out, "aws_requests_total", "counter", "Attempts of the control loop's AWS calls.");
    for (int i = 0; i < count; i++)
        for (int r = 0; r < CALL_RESULTS; r++)
            buf_addf(out,
                     "stepfleet_aws_requests_total{service=\"%s\",op=\"%s\",result=\"%s\"} %" PRId64
                     "\n",
                     calls->rows[i].service, calls->rows[i].operation, call_result_names[r],
                     atomic_load(&calls->rows[i].results[r]));
    head(out, "aws_request_duration_seconds", "histogram", "How long those attempts took.");
    for (int i = 0; i < count; i++)
        add_call_durations(out, &calls->rows[i]);
}

/* What the system says of this process; nothing where it does not say it. */
static void add_process(struct buf *out)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*d %lld", &pages) == 1)
        add_gauge(out, "resident_memory_bytes", "Memory of this process.",
                  (double)pages * (double)sysconf(_SC_PAGESIZE));
    if (file)
        (void)fclose(file);
    DIR *dir = opendir("/proc/self/fd");
    int files = -3; /* ".", ".." and the folder itself */
    while (dir && readdir(dir))
        files++;
    if (dir) {
        add_gauge(out, "open_files", "Open files and sockets of this process.", files);
        (void)closedir(dir);
    }
}

static void add_control(struct buf *out, const struct api_call *call)
{
    const struct services *sv = call->sv;
    const int64_t now = clock_mono(sv->clock);
    const int64_t loop_at = atomic_load(&sv->health->loop_at);
    add_gauge(out, "mirror_lag_seconds", "How far the mirror is behind the audit tables.",
              control_lag_seconds(sv->health, now));
    if (loop_at)
        add_gauge(out, "control_loop_age_seconds", "Since the control loop last turned.",
                  (double)(now - loop_at) / (double)CLOCK_SECOND);
    if (sv->calls)
        add_calls(out, sv->calls);
}

void api_metrics(struct api_call *call)
{
    struct error err = {0};
    struct buf out;
    struct live_numbers numbers = {.clients = 0};
    if (query_only(call->x, NULL, 0, &err)) {
        problem_reply(call->x, &err, NULL);
        return;
    }
    buf_init(&out, BUF_MAX_PAGE);
    head(&out, "build_info", "gauge", "Which program this is.");
    buf_addf(&out, "stepfleet_build_info{version=\"%s\",mode=\"%s\"} 1\n", STEPFLEET_VERSION,
             call->sv->local ? "local" : "aws");
    if (call->sv->live) {
        live_numbers(call->sv->live, &numbers);
        add_runs(&out, &numbers);
    }
    add_control(&out, call);
    add_process(&out);
    http_add_header(call->x, "Cache-Control", "no-store");
    http_reply_take(call->x, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
    buf_free(&out);
}
