/* One launch that the state machine saw refused. What may pass is tried again, as long as the
 * history has room for it and anybody waits for capacity; what may have been started in spite of
 * the error gets no row: whether it was, the monitor finds out from ECS. */
#include "lib/base/utf8.h"
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "workers/monitor/actions.h"
#include "workers/monitor/inline_map.h"
#include "workers/run/limits.h"
#include "workers/run/refusal.h"

#include <stdio.h>

enum {
    REASON_MAX = 512,
    TRIES_MAX = 200,    /* of a task of a Distributed Map, which has a history of its own */
    WAIT_MIN = 20,      /* seconds */
    GROWING_MAX = 12,   /* the last tries, whose waits grow; those before wait equally long */
    THROTTLED_MIN = 20, /* doubled with each try */
    THROTTLED_MAX = 160,
    SPARE_SECONDS = 2, /* for the last try before the run's time is over */
};

/* The longest wait over the shortest one: what comes back together is spread a little. */
static const double jitter = 1.25;

struct item {
    json_t *task, *object; /* borrowed from the event */
    const char *task_name;
    struct run run;
    int64_t tries;      /* before this one */
    int64_t tries_left; /* behind it */
    int64_t events;     /* of an inline Map's history, with this try's */
    int64_t since;      /* wall; first refusal */
    enum refusal kind;
    char reason[REASON_MAX];
};

/* An error of the service, or the reason that RunTask gave in failures[]. */
static void read_refusal(struct item *item)
{
    const json_t *failure = json_object_get(item->object, "failure");
    const json_t *reasons = json_object_get(json_object_get(item->object, "answer"), "reasons");
    const char *said = json_string_value(json_array_get(reasons, 0));
    const char *error = json_str(failure, "Error", "unknown error");
    const char *cause = json_str(failure, "Cause", "no cause given");
    if (failure)
        (void)snprintf(item->reason, sizeof item->reason, "%s: %s", error, cause);
    else
        (void)snprintf(item->reason, sizeof item->reason, "%s",
                       said ? said : "ECS started no task and gave no reason");
    utf8_mend(item->reason);
    item->kind = failure ? refusal_of_state(error, cause) : refusal_of_reason(item->reason);
}

/* The launches of an inline Map share one history. An error that was caught tells not how often it
 * was met: as often as it could be. */
static void count_tries(const json_t *event, struct item *item)
{
    const json_t *answer = json_object_get(item->object, "answer");
    int64_t launch = json_int(answer, "retries", INLINE_RETRIES_OF_LAUNCH);
    int64_t refusal = json_int(event, "retries", INLINE_RETRIES_OF_REFUSAL);
    item->tries = json_int(item->object, "tries", 0);
    item->events = json_int(item->object, "events", 0) + inline_events_of_try(launch, refusal);
    item->tries_left = item->run.history_events > 0
                           ? inline_tries_left(item->run.number_of_tasks, item->events)
                           : TRIES_MAX - item->tries - 1;
}

static int read_item(json_t *event, int64_t now, struct item *out, struct error *err)
{
    json_t *object = json_object_get(event, "item");
    *out = (struct item){.object = object, .task = json_object_get(object, "task"), .since = now};
    out->task_name = json_str(out->task, "taskName", NULL);
    if (!out->task_name)
        return err_set(err, ERR_ARGUMENT,
                       "the event's item names no task: give item.task.taskName");
    if (run_read(json_object_get(object, "run"), &out->run, err) != 0)
        return -1;
    if (out->run.workflow_run_id == 0)
        return err_set(err, ERR_ARGUMENT, "the run in the event has no workflowRunId");
    const char *since = json_str(object, "refusedSince", NULL);
    if (since && clock_parse_rfc3339(since, &out->since, err) != 0)
        return err_wrap(err, "refusedSince");
    count_tries(event, out);
    read_refusal(out);
    return 0;
}

/* While a launch waits, the Map does, and nobody looks whether the run's time is over: what waits
 * must not outlast it. */
static int64_t run_seconds_left(const struct run *run, int64_t now)
{
    if (run->start_time == 0)
        return INT32_MAX;
    return (run->start_time - now) / CLOCK_SECOND + run->run_timeout_seconds - SPARE_SECONDS;
}

/* Throttling is over sooner than an outage, or lasts while another run is started. */
static int64_t throttled_wait(int64_t tries)
{
    int64_t wait = THROTTLED_MIN << (tries < 3 ? tries : 3);
    return wait < THROTTLED_MAX ? wait : THROTTLED_MAX;
}

static int64_t seconds_waited(const struct item *item, int64_t now)
{
    return (now - item->since) / CLOCK_SECOND;
}

/* Each wait is half as long again as the one before, so that the tries that are left last just as
 * long as capacity is waited for: a short outage is soon over, a long one is sat out. */
static int64_t capacity_wait(const struct item *item, const struct limits *limits, int64_t now)
{
    double waits = 0, each = 1;
    for (int64_t i = 0; i < item->tries_left && i < GROWING_MAX; i++, each *= 1.5)
        waits += each;
    double left = (double)(limits->capacity_seconds - seconds_waited(item, now));
    int64_t wait = waits > 0 ? (int64_t)(left / waits) + 1 : WAIT_MIN;
    return wait > WAIT_MIN ? wait : WAIT_MIN;
}

static int64_t wait_of(const struct item *item, const struct limits *limits, int64_t now)
{
    int64_t left = run_seconds_left(&item->run, now);
    int64_t wait = item->kind == REFUSAL_CAPACITY ? capacity_wait(item, limits, now)
                                                  : throttled_wait(item->tries);
    wait = (int64_t)((double)wait * (1 + (jitter - 1) * crypto_random_unit()));
    return wait < left ? wait : left;
}

static bool may_try_again(const struct item *item, const struct limits *limits, int64_t now)
{
    return item->kind != REFUSAL_FINAL && item->kind != REFUSAL_STARTED && item->tries_left > 0 &&
           run_seconds_left(&item->run, now) > 0 &&
           seconds_waited(item, now) < limits->capacity_seconds;
}

/* The item as it was before the launch, with what the next refusal has to know. */
static json_t *write_again(const struct item *item, int64_t wait)
{
    char since[CLOCK_TEXT_MAX];
    json_int_t tries = item->tries + 1;
    return json_pack("{s:O,s:O,s:b,s:I,s:I,s:I,s:s}", "task", item->task, "run",
                     json_object_get(item->object, "run"), "again", 1, "waitSeconds",
                     (json_int_t)wait, "tries", tries, "events", (json_int_t)item->events,
                     "refusedSince", clock_rfc3339(item->since, since));
}

/* A final row that is there already is from an earlier try. */
static int record(const struct worker *w, const struct item *item, struct error *err)
{
    struct aws_request request = {0};
    int rc =
        refusal_row(&request, &item->run, item->task_name, json_str(item->task, "objectKey", NULL),
                    item->reason, clock_wall(w->clock), err);
    if (rc == 0)
        rc = worker_tell(w, &request, err);
    aws_request_free(&request);
    return rc != 0 && err_is_remote(err, "ConditionalCheckFailedException") ? 0 : rc;
}

int action_refuse(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct item item;
    struct limits limits;
    int64_t now = clock_wall(w->clock);
    if (read_item(event, now, &item, err) != 0 || limits_read(&limits, NULL, err) != 0)
        return -1;
    bool again = may_try_again(&item, &limits, now);
    bool sure = item.kind != REFUSAL_DOUBTFUL && item.kind != REFUSAL_STARTED;
    log_info(w->log, again ? "refused for now" : "refused",
             LOG_STR("aws_request_id", w->request_id), LOG_INT("run_id", item.run.workflow_run_id),
             LOG_STR("task_name", item.task_name), LOG_STR("reason", item.reason));
    if (!again && sure && record(w, &item, err) != 0)
        return -1;
    *answer =
        again ? write_again(&item, wait_of(&item, &limits, now)) : json_pack("{s:b}", "again", 0);
    return *answer ? 0 : err_set(err, ERR_MEMORY, "out of memory while answering");
}
