/* Frames, nests and executions as plain data: made, linked, freed. What they do is elsewhere. */
#include "server/local/sfn/frame.h"

#include <stdlib.h>
#include <string.h>

enum { UNSAVED_MAX = 256 * 1024 * 1024 };

const char *execution_status_name(enum execution_status status)
{
    static const char *const names[] = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};
    return names[status];
}

/* A timer lies in its owner; the heap only points to it. */
static void timer_init(struct timer *t, enum timer_kind kind, void *owner)
{
    t->kind = (int)kind;
    t->owner = owner;
}

struct frame *frame_new(struct execution *x, struct frame *parent, int64_t number,
                        const struct machine_state *state, json_t *input)
{
    struct frame *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->execution = x;
    f->parent = parent;
    f->number = number;
    f->state = state;
    f->id = x->next_frame++;
    f->input = json_incref(input);
    f->dirty = DIRTY_INPUT | DIRTY_STATE;
    timer_init(&f->delay, TIMER_DELAY, f);
    timer_init(&f->timeout, TIMER_TIMEOUT, f);
    timer_init(&f->heartbeat, TIMER_HEARTBEAT, f);
    if (!parent) {
        x->root = f;
        return f;
    }
    f->variables = json_incref(parent->variables);
    f->next = parent->first_child;
    if (f->next)
        f->next->previous = f;
    parent->first_child = f;
    return f;
}

void frame_unlink(struct frame *f)
{
    if (f->execution->root == f)
        f->execution->root = NULL;
    if (f->previous)
        f->previous->next = f->next;
    else if (f->parent)
        f->parent->first_child = f->next;
    if (f->next)
        f->next->previous = f->previous;
}

void frame_free(struct frame *f)
{
    frame_clear_task(f);
    json_decref(f->input);
    text_release(f->text);
    json_decref(f->variables);
    json_decref(f->item);
    free(f->attempts);
    nest_free(f->nest);
    free(f);
}

void frame_set_input(struct frame *f, json_t *input, struct text *text)
{
    json_incref(input);
    text_hold(text);
    json_decref(f->input);
    text_release(f->text);
    f->input = input;
    f->text = text;
    f->dirty |= DIRTY_INPUT;
}

struct text *frame_text(struct frame *f)
{
    if (!f->text)
        f->text = text_of(f->input);
    return f->text;
}

json_t *frame_item(const struct frame *f)
{
    for (; f; f = f->parent)
        if (f->item)
            return f->item;
    return NULL;
}

void frame_clear_task(struct frame *f)
{
    json_decref(f->parameters);
    f->parameters = NULL;
    free(f->token);
    free(f->client_token);
    free(f->job);
    f->token = f->client_token = f->job = NULL;
    f->heartbeat_every = 0;
}

struct nest *nest_new(struct execution *x, size_t count)
{
    struct nest *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->results = calloc(count ? count : 1, sizeof(json_t *));
    if (!n->results) {
        free(n);
        return NULL;
    }
    n->id = x->next_frame++;
    n->count = count;
    n->limits.tolerated_count = n->limits.tolerated_percentage = -1;
    buf_init(&n->unsaved, UNSAVED_MAX);
    return n;
}

struct nest *nest_free(struct nest *n)
{
    if (!n)
        return NULL;
    for (size_t i = 0; i < n->count; i++)
        json_decref(n->results[i]);
    free(n->results);
    json_decref(n->items);
    json_decref(n->input);
    buf_free(&n->unsaved);
    free(n);
    return NULL;
}

void execution_free(struct execution *x)
{
    if (!x)
        return;
    machine_release(x->machine);
    text_release(x->input);
    text_release(x->output);
    json_decref(x->input_json);
    json_decref(x->context);
    buf_free(&x->events);
    free(x->arn);
    free(x->name);
    free(x->machine_arn);
    free(x->role);
    free(x->error);
    free(x->cause);
    free(x->gone);
    free(x);
}
