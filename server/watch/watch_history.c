/* Reading the history: newest events first, back to what is known. GetExecutionHistory has no
 * "after this event", so a reading starts at the end and stops at the first event that is stored.
 */
#include "server/watch/watch_private.h"

#include "lib/aws/sfn.h"

#include <stdlib.h>
#include <string.h>

/* An execution can be told terminal a moment before its last event can be read. */
enum { LATE_MAX = 10, LATER_PAGES = 10 };
#define LATE_WAIT (500 * CLOCK_MS)
/* So long the service may fail to give the history of an execution that is over: the run's end does
 * not wait for the story of it. */
#define UNREAD_MAX (120 * CLOCK_SECOND)

/* Events of one page, with the texts of their details. */
struct page {
    struct store_event *events;
    char **details;
    size_t count;
    bool known; /* an event that is stored was reached */
};

/* Types are borrowed from the answer, details are ours. */
static void page_free(struct page *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->details[i]);
    free((void *)p->details);
    free(p->events);
}

/* Events without details (most of a Wait state's) get none. */
static int page_add(struct page *p, const struct sfn_event *event, struct error *err)
{
    struct buf text;
    buf_init(&text, BUF_MAX_PAYLOAD);
    watch_details(event->details, &text);
    char *details = text.len ? buf_take(&text, NULL) : NULL;
    int rc = buf_check(&text, err);
    buf_free(&text);
    if (rc)
        return -1;
    p->details[p->count] = details;
    p->events[p->count] = (struct store_event){
        .id = event->id,
        .previous_id = event->previous_id,
        .time = event->time,
        .type = event->type,
        .details = details,
    };
    p->count++;
    return 0;
}

/* The last event of a history is one of these. */
static bool ends_execution(const char *type)
{
    static const char *const types[] = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted",
                                        "ExecutionTimedOut"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* Newest first; stops at the first event that is stored. When that is also the newest it still
 * tells whether it is the last one: the history may have told of the end before DescribeExecution.
 */
static int read_page(struct watch_run *r, json_t *array, struct page *p, struct error *err)
{
    size_t size = json_array_size(array);
    json_t *item;
    size_t i;
    *p = (struct page){.events = calloc(size + 1, sizeof *p->events),
                       .details = (char **)calloc(size + 1, sizeof *p->details)};
    if (!p->events || !p->details)
        return err_set(err, ERR_MEMORY, "out of memory for a page of history");
    json_array_foreach (array, i, item) {
        struct sfn_event event;
        if (sfn_event_read(item, &event, err))
            return -1;
        if (event.id >= r->newest) {
            r->newest = event.id;
            r->newest_final = ends_execution(event.type);
        }
        p->known = event.id <= r->last_event;
        if (p->known)
            return 0;
        if (page_add(p, &event, err))
            return -1;
    }
    return 0;
}

/* The next page is then the newest again. */
static void forget_reading(struct watch_run *r)
{
    r->reading = false;
    free(r->token);
    r->token = NULL;
}

/* All events up to the newest one of this reading are stored now. */
static void reading_done(struct watch_run *r)
{
    int64_t now = loop_now(r->watch->loop);
    bool moved = r->newest > r->last_event;
    forget_reading(r);
    r->unread_since = 0;
    r->last_event = r->newest;
    pace_looked(&r->history, now, moved, watch_floor(r->watch));
    /* Where listing tells of ends, only the last event is a reason to describe at once. */
    if (moved && (r->newest_final || !watch_lists(r->watch)))
        pace_moved(&r->describe, now);
    if (!r->terminal)
        return;
    if (r->newest_final || r->late >= LATE_MAX) {
        watch_finish(r);
        return;
    }
    r->late++;
    r->history.due = now + LATE_WAIT;
}

/* Stores a page and goes on to the one before it, or ends the reading. */
static int take_page(struct watch_run *r, struct aws_response *response, struct error *err)
{
    struct page page;
    int rc = read_page(r, sfn_history_events(response), &page, err);
    if (!rc && page.count)
        rc = store_events_add(r->watch->loop->store, r->id, page.events, page.count, err);
    bool known = page.known;
    page_free(&page);
    if (rc)
        return -1;
    const char *token = known ? NULL : sfn_history_next(response);
    free(r->token);
    r->token = token ? strdup(token) : NULL;
    if (token && !r->token)
        return err_set(err, ERR_MEMORY, "out of memory for a page of history");
    if (!token)
        reading_done(r);
    return 0;
}

/* After the end nothing else is asked for. What may pass is given time, and a network that is away
 * all the time it takes: then nobody knows more. */
static bool is_unreadable(struct watch_run *r, const struct error *err)
{
    int64_t now = loop_now(r->watch->loop);
    if (!r->terminal)
        return false;
    if (loop_fault(err) != LOOP_PASSING)
        return true;
    if (err->code != ERR_REMOTE || err->http_status < 500)
        return false;
    if (!r->unread_since)
        r->unread_since = now;
    return now - r->unread_since >= UNREAD_MAX;
}

/* An error forgets the reading, because its token may be stale. The next one begins at the end
 * again; storing an event twice does nothing. */
static void answered(void *ctx, struct aws_response *response, const struct error *err)
{
    struct watch_run *r = ctx;
    struct error why = {0};
    if (!watch_back(r, err))
        return;
    if (!err && take_page(r, response, &why) == 0)
        return;
    forget_reading(r);
    if (err && err->code == ERR_LIMIT && r->page_size > 1) {
        /* Inputs and outputs in the events made the page too large: begin anew with fewer. */
        r->page_size = r->page_size / 4 > 0 ? r->page_size / 4 : 1;
        r->history.due = loop_now(r->watch->loop);
        return;
    }
    if (err && is_unreadable(r, err)) {
        log_warn(r->watch->loop->log, "the history cannot be read to its end",
                 LOG_INT("run_id", r->id), LOG_STR("error", err->message));
        watch_finish(r);
        return;
    }
    watch_failed(r, "the execution's history cannot be read", err ? err : &why);
}

void watch_history(struct watch_run *r)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (!r->reading) {
        r->reading = true;
        r->newest = r->last_event;
        r->newest_final = false;
    }
    /* The first page is for what is new; when it does not reach what is known there is much. */
    int size = r->token ? r->page_size * LATER_PAGES : r->page_size;
    int rc = sfn_get_history(&request, r->arn, size, r->token, true, &err);
    watch_send(r, &request, rc, answered, &err);
}
