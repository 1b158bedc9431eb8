/* Page after page: ListTasks, StopTask for each of its tasks, the next ListTasks. */
#include "server/control/stop.h"

#include "lib/aws/ecs.h"
#include "server/loop/pace.h"
#include "server/loop/task_page.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 5, IN_FLIGHT_MAX = 10 };
#define RETRY_MIN (250 * CLOCK_MS)
#define RETRY_MAX (5 * CLOCK_SECOND)

struct stop {
    const struct loop *loop;
    int64_t run_id;
    char *cluster;
    const char *why;
    struct task_page page;
    size_t sent;   /* of those, StopTask was sent */
    size_t told;   /* StopTask worked */
    int in_flight; /* StopTask calls */
    bool listing;  /* ListTasks is in flight */
    bool listed;   /* there are no more pages */
    bool uncertain;
    int failures; /* of ListTasks in a row */
    int64_t not_before;
};

/* Sends nothing yet: stop_step does. */
struct stop *stop_begin(const struct loop *loop, int64_t run_id, const char *cluster,
                        const char *why, struct error *err)
{
    struct stop *s = calloc(1, sizeof *s);
    if (!s || !(s->cluster = strdup(cluster))) {
        err_set(err, ERR_MEMORY, "out of memory for stopping tasks");
        return stop_free(s);
    }
    s->loop = loop;
    s->run_id = run_id;
    s->why = why;
    return s;
}

struct stop *stop_free(struct stop *s)
{
    if (!s)
        return NULL;
    task_page_free(&s->page);
    free(s->cluster);
    free(s);
    return NULL;
}

bool stop_done(const struct stop *s)
{
    return s->listed && !s->listing && s->in_flight == 0 &&
           s->sent == json_array_size(s->page.arns);
}

size_t stop_told(const struct stop *s)
{
    return s->told;
}

bool stop_uncertain(const struct stop *s)
{
    return s->uncertain;
}

bool stop_blind(const struct stop *s)
{
    return s->failures >= TRIES_MAX;
}

/* Listing is tried a few times; then the run is closed all the same. */
static void give_up_or_wait(struct stop *s, const struct error *err)
{
    s->failures++;
    s->not_before = loop_now(s->loop) + pace_backoff(RETRY_MIN, RETRY_MAX, s->failures);
    log_warn(s->loop->log, "tasks of an ended run cannot be listed", LOG_INT("run_id", s->run_id),
             LOG_STR("error", err->message));
    s->listed = s->failures >= TRIES_MAX;
    s->uncertain = s->uncertain || loop_fault(err) == LOOP_PASSING;
}

static int take_list(struct stop *s, const struct aws_response *response, struct error *err)
{
    if (task_page_take(&s->page, response, err))
        return -1;
    s->sent = 0;
    s->listed = s->page.last;
    return 0;
}

static void list_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct stop *s = ctx;
    struct error why = {0};
    s->listing = false;
    loop_note(s->loop, err);
    if (err || take_list(s, response, &why))
        give_up_or_wait(s, err ? err : &why);
    else
        s->failures = 0;
}

static void not_stopped(struct stop *s, const struct error *err)
{
    log_warn(s->loop->log, "a task of an ended run was not stopped", LOG_INT("run_id", s->run_id),
             LOG_STR("error", err->message));
    s->uncertain = s->uncertain || loop_fault(err) == LOOP_PASSING;
}

/* Whether it worked or not: nobody waits for this one any longer. */
static void stop_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct stop *s = ctx;
    (void)response;
    s->in_flight--;
    loop_note(s->loop, err);
    if (!err)
        s->told++;
    else
        not_stopped(s, err);
}

static void send_list(struct stop *s)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (task_page_ask(&s->page, s->cluster, s->run_id, NULL, &request, &err) ||
        aws_send(s->loop->aws, &request, list_came, s, &err)) {
        aws_request_free(&request);
        give_up_or_wait(s, &err);
        return;
    }
    s->listing = true;
}

/* Sent once: a task that is gone answers with an error, and that is fine. */
static void send_stop(struct stop *s, const char *arn)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (ecs_stop_task(&request, s->cluster, arn, s->why, &err) ||
        aws_send(s->loop->aws, &request, stop_came, s, &err)) {
        aws_request_free(&request);
        not_stopped(s, &err);
        return;
    }
    s->in_flight++;
}

/* A page is stopped to its last task before the next one is listed. */
int64_t stop_step(struct stop *s)
{
    while (s->sent < json_array_size(s->page.arns) && s->in_flight < IN_FLIGHT_MAX) {
        const char *arn = json_string_value(json_array_get(s->page.arns, s->sent++));
        if (arn)
            send_stop(s, arn);
    }
    bool page_done = s->sent == json_array_size(s->page.arns) && s->in_flight == 0;
    if (s->listed || s->listing || !page_done)
        return LOOP_NEVER;
    if (loop_now(s->loop) < s->not_before)
        return s->not_before;
    send_list(s);
    return s->listing || s->listed ? LOOP_NEVER : s->not_before;
}
