/* After a restart: machines, and the executions that were running, as their checkpoints tell.
 *
 * A checkpoint is what the last commit left, so it agrees with the history to the event. Waits go
 * on towards the same wall time, calls under way are made again, jobs are watched again. An
 * execution that cannot be resumed (a damaged row, a definition that is no longer accepted) ends as
 * FAILED with the reason: it must not hang for ever, nor keep the others from going on. */
#include "lib/json/json_read.h"
#include "server/local/sfn/map_resume.h"
#include "server/local/sfn/task.h"

#include <stdlib.h>
#include <string.h>

struct resume {
    struct engine *engine;
    struct error *err;
    struct machine **machines; /* compiled definitions, by their id */
    int64_t machine_count;
    struct execution *execution; /* whose frames are being read */
    struct frame **frames;       /* by their id */
    int64_t frame_count;
    struct map_runs runs;
};

/* An entry without its compiled form: that comes with the first execution. */
static int add_machine(void *ctx, const struct stored_machine *row)
{
    struct engine *e = ctx;
    struct machine_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return -1;
    entry->arn = strdup(row->machine.arn);
    entry->role = strdup(row->definition.role);
    entry->revision = row->definition.revision ? strdup(row->definition.revision) : NULL;
    entry->id = row->machine.id;
    entry->definition_id = row->definition.id;
    entry->created = row->machine.created;
    entry->updated = row->definition.created;
    entry->express = strcmp(row->machine.type, "EXPRESS") == 0;
    if (!entry->arn || !entry->role || names_add(&e->machines, entry->arn, entry)) {
        machine_entry_free(entry);
        return -1;
    }
    entry->name = strrchr(entry->arn, ':') + 1;
    return 0;
}

/* The machine of a definition, compiled once for all executions that run it. New reference. */
static struct machine *machine_of(struct resume *r, int64_t definition, bool express)
{
    struct machine_problems problems = {0};
    const struct machine_options options = {.region = r->engine->region, .express = express};
    if (definition >= r->machine_count) {
        size_t count = (size_t)definition + 16;
        struct machine **machines = realloc(r->machines, count * sizeof(struct machine *));
        if (!machines)
            return NULL;
        memset(machines + r->machine_count, 0,
               (count - (size_t)r->machine_count) * sizeof(struct machine *));
        r->machines = machines;
        r->machine_count = (int64_t)count;
    }
    if (!r->machines[definition]) {
        char *text = sfn_db_definition(r->engine->db, definition, r->err);
        if (text)
            r->machines[definition] =
                machine_compile(text, strlen(text), &options, &problems, r->err);
        machine_problems_free(&problems);
        free(text);
    }
    return r->machines[definition] ? machine_hold(r->machines[definition]) : NULL;
}

/* A stored text as JSON; NULL when it is absent or damaged. */
static json_t *parse_text_of(const char *text)
{
    json_t *value = NULL;
    return text && json_parse(text, strlen(text), &value, NULL) == 0 ? value : NULL;
}

/* The eighth part of arn:aws:states:R:A:execution:MACHINE:NAME; new text. */
static char *name_in_arn(const char *arn)
{
    for (int colons = 0; colons < 7 && *arn; arn++)
        colons += *arn == ':';
    return strndup(arn, strcspn(arn, ":"));
}

static void copy_numbers(struct execution *x, const struct stored_execution *row)
{
    x->id = row->id;
    x->machine_id = row->machine_id;
    x->definition_id = row->definition_id;
    x->express = row->express != 0;
    x->quiet = x->express && row->map_run;
    x->map_run = row->map_run;
    x->map_item = row->map_item;
    x->map_items = row->map_items;
    x->started = row->started;
    x->stored = x->frames_stored = true;
    x->timeout.kind = TIMER_EXECUTION;
    x->timeout.owner = x;
}

/* An execution as its row tells it, still without frames. */
static int add_execution(void *ctx, const struct stored_execution *row)
{
    struct resume *r = ctx;
    struct engine *e = r->engine;
    int64_t nest = 0;
    struct execution *x = calloc(1, sizeof *x);
    if (!x)
        return -1;
    buf_init(&x->events, EVENTS_BUFFER_MAX);
    copy_numbers(x, row);
    x->arn = strdup(row->arn);
    x->machine_arn = strdup(row->machine_arn);
    x->role = strdup(row->role);
    x->input = text_new(row->input, strlen(row->input));
    x->input_json = parse_text_of(row->input);
    x->name = name_in_arn(x->arn ? x->arn : "");
    /* The rules of express machines are not those of express children. */
    x->machine = machine_of(r, row->definition_id, x->express && !row->map_run);
    if (!x->arn || !x->name || !x->machine_arn || !x->role || !x->input || !x->input_json ||
        sfn_db_marks(e->db, x->id, &x->next_event, &nest, r->err) ||
        names_add(&e->executions, x->arn, x)) {
        execution_free(x);
        return -1;
    }
    x->next_event++;
    x->next_frame = nest + 1;
    struct map_run *run = map_runs_find(&r->runs, row->map_run);
    if (run)
        map_run_link(run, x);
    return 0;
}

/* Counters of retriers; lost ones (another number of retriers) begin anew. */
static void restore_attempts(struct frame *f, json_t *attempts)
{
    size_t count = f->state->retrier_count;
    if (json_array_size(attempts) != count || count == 0)
        return;
    f->attempts = calloc(count, sizeof *f->attempts);
    for (size_t i = 0; f->attempts && i < count; i++)
        f->attempts[i] = json_integer_value(json_array_get(attempts, i));
}

/* A text out of a checkpoint; NULL: there is none. */
static char *copy_member(json_t *data, const char *name)
{
    const char *text = json_str(data, name, NULL);
    return text ? strdup(text) : NULL;
}

/* Timers are stored by the wall time they are due at: one that passed while the server was down
 * fires at once. */
static int restore_timer(struct engine *e, struct timer *t, json_t *data, const char *name)
{
    int64_t due = json_int(data, name, -1);
    return due < 0 ? 0 : timers_arm(&e->timers, t, due);
}

/* What write_data of sfn_db.c has written. */
static int restore_frame(struct resume *r, struct frame *f, json_t *data)
{
    struct engine *e = r->engine;
    f->last_event = json_int(data, "last_event", 0);
    f->entered_event = json_int(data, "entered_event", 0);
    f->entered_time = json_int(data, "entered_time", 0);
    f->retries = json_int(data, "retries", 0);
    f->heartbeat_every = json_int(data, "heartbeat_every", 0);
    f->token = copy_member(data, "token");
    f->client_token = copy_member(data, "client_token");
    f->job = copy_member(data, "job");
    f->parameters = json_incref(json_object_get(data, "parameters"));
    restore_attempts(f, json_object_get(data, "attempts"));
    if (f->token && names_add(&e->tokens, f->token, f))
        return -1;
    return restore_timer(e, &f->delay, data, "delay") ||
                   restore_timer(e, &f->timeout, data, "timeout") ||
                   restore_timer(e, &f->heartbeat, data, "heartbeat")
               ? -1
               : 0;
}

/* Room for frames by their id. */
static int remember(struct resume *r, struct frame *f)
{
    if (f->id >= r->frame_count) {
        size_t count = (size_t)f->id * 2 + 16;
        struct frame **frames = realloc(r->frames, count * sizeof(struct frame *));
        if (!frames)
            return -1;
        memset(frames + r->frame_count, 0,
               (count - (size_t)r->frame_count) * sizeof(struct frame *));
        r->frames = frames;
        r->frame_count = (int64_t)count;
    }
    r->frames[f->id] = f;
    return 0;
}

/* Lines "index result"; what can be counted is not stored. */
static int add_result(void *ctx, const char *lines)
{
    struct nest *nest = ctx;
    nest->parts++;
    while (*lines) {
        char *space = NULL;
        const char *newline = strchr(lines, '\n');
        unsigned long long number = strtoull(lines, &space, 10);
        json_t *value = NULL;
        if (!newline || *space != ' ' || number >= nest->count ||
            json_parse(space + 1, (size_t)(newline - space - 1), &value, NULL))
            return -1;
        json_decref(nest->results[number]);
        nest->results[number] = value;
        nest->done++;
        lines = newline + 1;
    }
    return 0;
}

/* Items and limits come out of the state's input once more: evaluation has no side effects. */
static int restore_nest(struct resume *r, struct frame *f, json_t *data)
{
    struct asl_failure failure = {0};
    struct execution *x = f->execution;
    int64_t keep = x->next_frame;
    struct map_run *run = map_runs_find(&r->runs, json_int(data, "map_run", 0));
    if (f->state->type == STATE_MAP && f->state->u.map.distributed)
        return run && !run->frame ? map_run_adopt(r->engine, run, f) : -1;
    if (f->state->type == STATE_PARALLEL)
        f->nest = nest_new(x, f->state->u.parallel.count);
    else if (map_reopen(r->engine, f, &failure))
        f->nest = nest_free(f->nest);
    asl_failure_free(&failure);
    if (!f->nest)
        return -1;
    x->next_frame = keep;
    f->nest->id = json_int(data, "nest", 0);
    f->nest->next = (size_t)json_int(data, "next", 0);
    f->nest->failed = (size_t)json_int(data, "failed", 0);
    f->nest->started_event = json_int(data, "started_event", 0);
    f->nest->last_inner = json_int(data, "last_inner", 0);
    f->nest->done = f->nest->failed;
    if (x->next_frame <= f->nest->id)
        x->next_frame = f->nest->id + 1;
    return sfn_db_results(r->engine->db, x->id, f->nest->id, add_result, f->nest, r->err);
}

/* Rows come by id, so a parent is there before its children. */
static int add_frame(void *ctx, const struct stored_frame *row)
{
    struct resume *r = ctx;
    struct execution *x = r->execution;
    const struct machine_state *state = machine_state_at(x->machine, row->state);
    struct frame *parent = NULL;
    if (row->parent >= 0) {
        parent = row->parent < r->frame_count ? r->frames[row->parent] : NULL;
        if (!parent || !parent->nest)
            return 0; /* a leftover of a parent that has ended */
        parent->nest->running++;
    }
    int64_t keep = x->next_frame;
    json_t *input = parse_text_of(row->input);
    json_t *data = parse_text_of(row->data);
    struct frame *f =
        state && input && data ? frame_new(x, parent, row->number, state, input) : NULL;
    json_decref(input);
    int rc = -1;
    if (f) {
        f->id = row->id;
        x->next_frame = keep > f->id ? keep : f->id + 1;
        f->stored = true;
        f->dirty = 0;
        f->phase = (enum frame_phase)row->phase;
        f->text = text_new(row->input, strlen(row->input));
        json_decref(f->variables);
        f->variables = parse_text_of(row->variables);
        f->item = parse_text_of(row->item);
        rc = restore_frame(r, f, data) || remember(r, f) ? -1 : 0;
        if (rc == 0 && f->phase == FRAME_CHILDREN)
            rc = restore_nest(r, f, data);
    }
    json_decref(data);
    return rc;
}

/* Sets a frame in motion again. */
static void go_on(struct engine *e, struct frame *f)
{
    switch (f->phase) {
    case FRAME_READY:
    case FRAME_AGAIN:
        engine_queue(e, f);
        break;
    case FRAME_CALL:
    case FRAME_JOB:
        task_resume(e, f);
        break;
    case FRAME_WAIT:
    case FRAME_RETRY:
    case FRAME_TOKEN:
    case FRAME_CHILDREN:
    case FRAME_OVER:
        break;
    }
}

/* Children first: a parent that goes on may end them. */
static void go_on_below(struct engine *e, struct frame *f)
{
    for (struct frame *child = f->first_child; child; child = child->next)
        go_on_below(e, child);
    go_on(e, f);
}

/* Frames from their rows, then timers, then motion. */
static int resume_execution(struct resume *r, struct execution *x)
{
    struct engine *e = r->engine;
    r->execution = x;
    if (!x->machine)
        return err_wrap(r->err, "its definition");
    if (r->frames)
        memset(r->frames, 0, (size_t)r->frame_count * sizeof(struct frame *));
    if (sfn_db_frames(e->db, x->id, add_frame, r, r->err))
        return err_wrap(r->err, "its checkpoints");
    if (!x->root)
        return err_set(r->err, ERR_DATABASE, "it has no checkpoint");
    if (x->map_run && !x->run)
        return err_set(r->err, ERR_DATABASE, "its map run has ended");
    if (x->machine->timeout_seconds && !x->map_run &&
        timers_arm(&e->timers, &x->timeout,
                   x->started + x->machine->timeout_seconds * CLOCK_SECOND))
        return err_set(r->err, ERR_MEMORY, "out of memory for a timer");
    go_on_below(e, x->root);
    return 0;
}

/* An execution that cannot go on ends, and says why. */
static void give_up(struct engine *e, struct execution *x, const struct error *err)
{
    struct asl_failure failure = {0};
    log_error(e->log, "an execution cannot be resumed", LOG_STR("execution", x->arn),
              LOG_STR("error", err->message));
    asl_fail(&failure, "States.Runtime",
             "The execution could not be resumed after a restart of the endpoint: %s",
             err->message);
    execution_fail(e, x, &failure);
    asl_failure_free(&failure);
}

int engine_load(struct engine *e, struct error *err)
{
    struct sfn_counters next;
    if (sfn_db_counters(e->db, &next, err))
        return -1;
    e->next_execution = next.execution;
    e->next_machine = next.machine;
    e->next_definition = next.definition;
    e->next_map_run = next.map_run;
    return sfn_db_machines(e->db, add_machine, e, err);
}

int engine_resume(struct engine *e, struct error *err)
{
    struct error why = {0};
    struct resume r = {.engine = e, .err = &why};
    size_t cursor = 0;
    struct execution *x;
    int rc = map_runs_load(e, &r.runs, err);
    if (rc == 0)
        rc = sfn_db_running(e->db, add_execution, &r, err);
    while (rc == 0 && (x = names_each(&e->executions, &cursor)) != NULL)
        if (x->status == EXECUTION_RUNNING && resume_execution(&r, x))
            give_up(e, x, &why);
    if (rc == 0)
        map_runs_go_on(e, &r.runs);
    if (rc == 0)
        rc = task_stops_resume(e, err);
    for (int64_t i = 0; i < r.machine_count; i++)
        machine_release(r.machines[i]);
    free(r.machines);
    free(r.frames);
    map_runs_free(&r.runs);
    return rc;
}
