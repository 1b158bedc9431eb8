#include "server/api/dry_run.h"

#include "lib/json/json_write.h"
#include "server/api/problem.h"

/* A number and the ceiling that it must stay below. */
static void write_size(struct json_writer *w, const char *name, const char *unit, int64_t value,
                       int64_t ceiling)
{
    jw_object(w, name);
    jw_int(w, unit, value);
    jw_int(w, "ceiling", ceiling);
    jw_end_object(w);
}

static void write_history(struct json_writer *w, const struct preflight *p)
{
    jw_object(w, "history");
    jw_int(w, "events", p->events);
    jw_int(w, "ceiling", PREFLIGHT_EVENTS_MAX);
    jw_int(w, "fixed", p->events_fixed);
    jw_int(w, "perTask", p->events_per_task);
    jw_int(w, "perPoll", p->events_per_poll);
    jw_int(w, "polls", p->polls);
    jw_end_object(w);
}

/* The list of tasks as an object, and the executions that a distributed Map makes of it. */
static void write_manifest(struct json_writer *w, const struct run_forecast *forecast)
{
    const struct preflight *p = &forecast->preflight;
    if (forecast->facts.manifest_bytes)
        write_size(w, "manifest", "bytes", forecast->facts.manifest_bytes, BUF_MAX_MANIFEST);
    else
        jw_null(w, "manifest");
    if (!p->children) {
        jw_null(w, "children");
        return;
    }
    jw_object(w, "children");
    jw_int(w, "executions", p->children);
    jw_int(w, "eventsEach", p->events_per_child);
    jw_end_object(w);
}

static void write_start(struct json_writer *w, const struct preflight *p)
{
    jw_object(w, "start");
    jw_int(w, "seconds", p->start_seconds);
    jw_int(w, "perSecond", PREFLIGHT_PER_SECOND);
    jw_int(w, "burst", PREFLIGHT_BURST);
    jw_end_object(w);
}

/* Prices travel with the estimate, so that a reader can see how old they are. */
static void write_prices(struct json_writer *w)
{
    jw_array(w, "prices");
    for (int i = 0; i < PRICE_COUNT; i++) {
        const struct preflight_price *price = &preflight_prices[i];
        jw_object(w, NULL);
        jw_str(w, "item", price->item);
        jw_num(w, "usd", price->usd);
        jw_str(w, "per", price->per);
        jw_str(w, "source", price->source);
        jw_str(w, "asOf", price->as_of);
        jw_end_object(w);
    }
    jw_end_array(w);
}

static void write_cost(struct json_writer *w, const struct run_forecast *forecast)
{
    const struct preflight *p = &forecast->preflight;
    jw_object(w, "cost");
    jw_bool(w, "estimate", true);
    jw_str(w, "currency", "USD");
    jw_num(w, "total", p->total_usd);
    jw_int(w, "stateTransitions", p->transitions);
    jw_num(w, "stateTransitionsCost", p->transitions_usd);
    jw_num(w, "vcpuHours", p->vcpu_hours);
    jw_num(w, "gbHours", p->gb_hours);
    jw_num(w, "fargateCost", p->fargate_usd);
    jw_object(w, "assumed");
    jw_int(w, "taskSeconds", forecast->facts.task_seconds);
    jw_num(w, "vcpuPerTask", PREFLIGHT_VCPU);
    jw_num(w, "gbPerTask", PREFLIGHT_GB);
    jw_end_object(w);
    write_prices(w);
    jw_end_object(w);
}

static void write_forecast(struct json_writer *w, const struct run_forecast *forecast)
{
    const struct preflight_facts *f = &forecast->facts;
    const struct preflight *p = &forecast->preflight;
    jw_object(w, NULL);
    jw_bool(w, "dryRun", true);
    jw_bool(w, "accepted", !p->refused);
    jw_int(w, "pattern", f->pattern);
    jw_int(w, "tasks", f->tasks);
    write_size(w, "input", "bytes", f->input_bytes, PREFLIGHT_INPUT_MAX);
    write_manifest(w, forecast);
    write_history(w, p);
    write_start(w, p);
    write_size(w, "overrides", "characters", f->override_characters, PREFLIGHT_OVERRIDE_MAX);
    write_cost(w, forecast);
    jw_array(w, "warnings");
    for (size_t i = 0; i < p->warning_count; i++)
        jw_str(w, NULL, p->warnings[i]);
    jw_end_array(w);
    jw_end_object(w);
}

void dry_run_reply(struct api_call *call, const struct run_request *request, int64_t task_seconds)
{
    struct run_forecast forecast;
    struct json_problems problems = {0};
    struct error err = {0};
    struct json_writer w;
    struct buf body;
    buf_init(&body, BUF_MAX_LINE);
    jw_init(&w, &body);
    int rc = run_dry(call->sv, request, task_seconds, &forecast, &problems, &err);
    if (!rc) {
        write_forecast(&w, &forecast);
        buf_addc(&body, '\n');
        rc = buf_check(&body, &err);
    }
    http_add_header(call->x, "Cache-Control", "no-store");
    if (rc)
        problem_reply(call->x, &err, &problems);
    else
        http_reply_take(call->x, 200, "application/json", &body);
    json_problems_free(&problems);
    buf_free(&body);
}
