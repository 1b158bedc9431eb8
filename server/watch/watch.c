/* The runs that are followed, and whose turn it is. */
#include "server/watch/watch_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_PER_SECOND = 10, LIST_ABOVE = 10, PAGE_SIZE = 100 };

/* Each state machine has a list of its own; one without an ARN is never listed. */
struct watch *watch_new(const struct watch_options *options, struct error *err)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(err, ERR_MEMORY, "out of memory for the watcher");
        return NULL;
    }
    int64_t now = loop_now(options->loop);
    w->loop = options->loop;
    w->calls_per_second =
        options->calls_per_second > 0 ? options->calls_per_second : CALLS_PER_SECOND;
    w->list_above = options->list_above > 0 ? options->list_above : LIST_ABOVE;
    quota_init(&w->describes, w->calls_per_second, now);
    quota_init(&w->histories, w->calls_per_second, now);
    for (int pattern = 1; pattern <= 2; pattern++) {
        struct watch_list *list = &w->lists[pattern];
        const char *arn = options->machine_arn[pattern];
        list->watch = w;
        pace_init(&list->pace, CLOCK_SECOND, WATCH_MAX);
        list->machine_arn = arn ? strdup(arn) : NULL;
        if (arn && !list->machine_arn) {
            err_set(err, ERR_MEMORY, "out of memory for the watcher");
            return watch_free(w);
        }
    }
    return w;
}

/* Only when no call is in flight, or its callback can come no more. */
static void run_free(struct watch_run *r)
{
    for (struct watch_run **at = &r->watch->runs; *at; at = &(*at)->next) {
        if (*at == r) {
            *at = r->next;
            break;
        }
    }
    free(r->arn);
    free(r->token);
    free(r->error);
    free(r->cause);
    free(r);
}

struct watch *watch_free(struct watch *w)
{
    if (!w)
        return NULL;
    while (w->runs)
        run_free(w->runs);
    for (int pattern = 1; pattern <= 2; pattern++)
        watch_list_free(&w->lists[pattern]);
    free(w);
    return NULL;
}

void watch_cancel(struct watch_run *r, const char *cause)
{
    r->cancel = true;
    (void)snprintf(r->why, sizeof r->why, "%s", cause ? cause : "");
}

/* `status` stays empty even for a run described before a restart: the first answer is then news,
 * and a terminal one fills the end. */
struct watch_run *watch_follow(struct watch *w, const struct store_active *active,
                               struct error *err)
{
    struct watch_run *r = calloc(1, sizeof *r);
    char *arn = strdup(active->execution_arn);
    if (!r || !arn) {
        free(r);
        free(arn);
        err_set(err, ERR_MEMORY, "out of memory for a run");
        return NULL;
    }
    r->watch = w;
    r->id = active->id;
    r->pattern = active->pattern;
    r->arn = arn;
    r->since = loop_now(w->loop);
    r->started_at = active->started_at;
    r->last_event = active->last_event_id;
    r->page_size = PAGE_SIZE;
    if (active->cancelled)
        watch_cancel(r, active->cancel_reason);
    pace_init(&r->describe, WATCH_MIN, WATCH_MAX);
    pace_init(&r->history, WATCH_MIN, WATCH_MAX);
    r->next = w->runs;
    w->runs = r;
    w->run_count++;
    return r;
}

/* With a call in flight the callback does the rest. */
void watch_leave(struct watch_run *r)
{
    if (!r)
        return;
    if (!r->ended)
        r->watch->run_count--;
    r->left = true;
    if (!r->busy)
        run_free(r);
}

bool watch_back(struct watch_run *r, const struct error *err)
{
    r->busy = false;
    loop_note(r->watch->loop, err);
    if (r->left) {
        run_free(r);
        return false;
    }
    if (!err)
        trouble_over(&r->trouble, r->watch->loop, r->id);
    return true;
}

void watch_failed(struct watch_run *r, const char *what, const struct error *err)
{
    trouble_add(&r->trouble, r->watch->loop, r->id, what, err);
}

void watch_send(struct watch_run *r, struct aws_request *request, int built, aws_done_fn done,
                struct error *err)
{
    if (built || aws_send(r->watch->loop->aws, request, done, r, err)) {
        aws_request_free(request);
        watch_failed(r, "the execution cannot be asked about", err);
        return;
    }
    r->busy = true;
}

/* With n runs each may ask every n / rate seconds; below the ceiling this is less than the least
 * interval. */
int64_t watch_floor(const struct watch *w)
{
    return (int64_t)((double)w->run_count * (double)CLOCK_SECOND / w->calls_per_second);
}

/* Something about the run moved elsewhere: look at it soon. */
void watch_hint(struct watch_run *r)
{
    int64_t now = loop_now(r->watch->loop);
    pace_moved(&r->describe, now);
    pace_moved(&r->history, now);
}

const struct watch_end *watch_ended(const struct watch_run *r)
{
    return r->ended ? &r->end : NULL;
}

/* From now on watch_ended tells how it ended. */
void watch_finish(struct watch_run *r)
{
    r->ended = true;
    r->watch->run_count--;
}

/* Sends what the run needs next, when it is due and the ceiling allows; returns when to look
 * again. A reading of the history is brought to its end before anything else is asked. */
static int64_t run_step(struct watch_run *r, int64_t now)
{
    struct watch *w = r->watch;
    int64_t next = LOOP_NEVER;
    if (r->busy || r->left || r->ended)
        return LOOP_NEVER;
    if (now < r->trouble.not_before)
        return r->trouble.not_before;
    bool must_read = r->reading || r->terminal;
    bool must_stop = !must_read && r->cancel && !r->stopped;
    if (must_stop && now >= r->stopping.not_before) {
        watch_stop(r);
    } else if (!must_read && now >= r->describe.due) {
        if (quota_take(&w->describes, now, &next))
            watch_describe(r);
    } else if (now >= r->history.due || r->reading) {
        if (quota_take(&w->histories, now, &next))
            watch_history(r);
    } else {
        next = must_read ? r->history.due : loop_earlier(r->describe.due, r->history.due);
    }
    if (must_stop && !r->busy)
        next = loop_earlier(next, r->stopping.not_before);
    return r->trouble.not_before > now ? r->trouble.not_before : next;
}

/* The next one is remembered first, in case a step lets its run go. */
int64_t watch_step(struct watch *w)
{
    int64_t now = loop_now(w->loop);
    int64_t next = LOOP_NEVER;
    struct watch_run *following;
    for (struct watch_run *r = w->runs; r; r = following) {
        following = r->next;
        next = loop_earlier(next, run_step(r, now));
    }
    for (int pattern = 1; pattern <= 2; pattern++)
        next = loop_earlier(next, watch_list_step(&w->lists[pattern], now));
    return next;
}
