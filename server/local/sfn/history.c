/* Events of executions, states and maps. An event is text from the start: nothing is built as a
 * tree only to be written out, and the texts of inputs and outputs are quoted once and reused. */
#include "server/local/sfn/history.h"

#include "lib/json/json_write.h"

#include <stdio.h>
#include <string.h>

/* What all events begin with: seconds with milliseconds, type, ids. */
static void add_head(struct buf *out, int64_t now, const char *type, int64_t id, int64_t previous)
{
    int64_t ms = now / CLOCK_MS;
    buf_adds(out, "{\"timestamp\":");
    json_int_text(out, ms / 1000);
    buf_addc(out, '.');
    buf_addc(out, (char)('0' + ms / 100 % 10));
    buf_addc(out, (char)('0' + ms / 10 % 10));
    buf_addc(out, (char)('0' + ms % 10));
    buf_adds(out, ",\"type\":\"");
    buf_adds(out, type);
    buf_adds(out, "\",\"id\":");
    json_int_text(out, id);
    buf_adds(out, ",\"previousEventId\":");
    json_int_text(out, previous);
}

bool event_begin(struct event *ev, struct engine *e, struct execution *x, const char *type,
                 int64_t previous, const char *details, struct json_writer *w)
{
    if (x->quiet) {
        x->next_event++; /* counted, so that a loop without end is found */
        e->turn_events++;
        return false;
    }
    if (x->events.len == 0)
        x->events_first = x->next_event;
    *ev = (struct event){
        .w = w, .engine = e, .execution = x, .start = x->events.len, .id = x->next_event++};
    e->turn_events++;
    engine_touch(e, x);
    add_head(&x->events, e->now, type, ev->id, previous);
    jw_init(w, &x->events);
    w->comma = true;
    if (details)
        jw_object(w, details);
    return true;
}

int64_t event_end(struct event *ev, bool details)
{
    if (details)
        jw_end_object(ev->w);
    jw_end_object(ev->w);
    buf_addc(&ev->execution->events, '\n');
    ev->engine->turn_bytes += ev->execution->events.len - ev->start;
    return ev->id;
}

void event_text(struct json_writer *w, const char *name, struct text *text)
{
    char with_details[64];
    size_t len = 0;
    const char *quoted = text ? text_quoted(text, &len) : NULL;
    if (quoted)
        jw_raw(w, name, quoted, len);
    else
        w->out->failed = true; /* out of memory: the commit will tell */
    (void)snprintf(with_details, sizeof with_details, "%sDetails", name);
    jw_object(w, with_details);
    jw_bool(w, "truncated", false);
    jw_end_object(w);
}

int64_t history_started(struct engine *e, struct execution *x)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, x, "ExecutionStarted", 0, "executionStartedEventDetails", &w))
        return 0;
    event_text(&w, "input", x->input);
    jw_str(&w, "roleArn", x->role);
    return event_end(&ev, true);
}

int64_t history_succeeded(struct engine *e, struct execution *x, int64_t previous)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, x, "ExecutionSucceeded", previous, "executionSucceededEventDetails",
                     &w))
        return previous;
    event_text(&w, "output", x->output);
    return event_end(&ev, true);
}

int64_t history_ended(struct engine *e, struct execution *x, const char *type, const char *details,
                      int64_t previous, const char *error, const char *cause)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, x, type, previous, details, &w))
        return previous;
    if (error)
        jw_str(&w, "error", error);
    if (cause)
        jw_str(&w, "cause", cause);
    return event_end(&ev, true);
}

int64_t history_entered(struct engine *e, struct frame *f, int64_t previous)
{
    char type[32];
    struct json_writer w;
    struct event ev;
    (void)snprintf(type, sizeof type, "%sStateEntered", state_type_name(f->state->type));
    if (!event_begin(&ev, e, f->execution, type, previous, "stateEnteredEventDetails", &w))
        return previous;
    jw_str(&w, "name", f->state->name);
    event_text(&w, "input", frame_text(f));
    return event_end(&ev, true);
}

/* Values are told as JSON text inside strings, as AWS tells them. */
static void write_assigned(struct json_writer *w, json_t *assigned)
{
    const char *name;
    json_t *value;
    jw_object(w, "assignedVariables");
    json_object_foreach (assigned, name, value) {
        struct text *text = text_of(value);
        if (text)
            jw_strn(w, name, text->raw, text->len);
        else
            w->out->failed = true;
        text_release(text);
    }
    jw_end_object(w);
    jw_object(w, "assignedVariablesDetails");
    jw_bool(w, "truncated", false);
    jw_end_object(w);
}

int64_t history_exited(struct engine *e, struct frame *f, int64_t previous, struct text *output,
                       json_t *assigned)
{
    char type[32];
    struct json_writer w;
    struct event ev;
    (void)snprintf(type, sizeof type, "%sStateExited", state_type_name(f->state->type));
    if (!event_begin(&ev, e, f->execution, type, previous, "stateExitedEventDetails", &w))
        return previous;
    jw_str(&w, "name", f->state->name);
    event_text(&w, "output", output);
    if (assigned)
        write_assigned(&w, assigned);
    return event_end(&ev, true);
}

int64_t history_plain(struct engine *e, struct frame *f, const char *type, int64_t previous)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, f->execution, type, previous, NULL, &w))
        return previous;
    return event_end(&ev, false);
}

int64_t history_aborted(struct engine *e, struct frame *f, int64_t previous)
{
    char type[32];
    (void)snprintf(type, sizeof type, "%sStateAborted", state_type_name(f->state->type));
    return history_plain(e, f, type, previous);
}

int64_t history_map_started(struct engine *e, struct frame *f, int64_t previous, size_t length)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, f->execution, "MapStateStarted", previous,
                     "mapStateStartedEventDetails", &w))
        return previous;
    jw_int(&w, "length", (int64_t)length);
    return event_end(&ev, true);
}

int64_t history_map_run_started(struct engine *e, struct frame *f, int64_t previous,
                                const char *arn)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, f->execution, "MapRunStarted", previous, "mapRunStartedEventDetails",
                     &w))
        return previous;
    jw_str(&w, "mapRunArn", arn);
    return event_end(&ev, true);
}

int64_t history_map_run_failed(struct engine *e, struct frame *f, int64_t previous,
                               const char *error, const char *cause)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, f->execution, "MapRunFailed", previous, "mapRunFailedEventDetails",
                     &w))
        return previous;
    jw_str(&w, "error", error);
    if (cause)
        jw_str(&w, "cause", cause);
    return event_end(&ev, true);
}

int64_t history_iteration(struct engine *e, struct frame *child, const char *type,
                          const char *details, int64_t previous)
{
    struct json_writer w;
    struct event ev;
    if (!event_begin(&ev, e, child->execution, type, previous, details, &w))
        return previous;
    jw_str(&w, "name", child->parent->state->name);
    jw_int(&w, "index", child->number);
    return event_end(&ev, true);
}
