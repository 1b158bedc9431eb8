/* How data goes through a state: InputPath, Parameters, ResultSelector, ResultPath, OutputPath,
 * Assign, and the context object.
 *
 * Values are jansson trees that are never changed once they are shared: states hand on references,
 * and what changes something makes a shallow copy first. A Pass state without fields costs no copy
 * at all, and its output keeps the very text of its input. */
#include "server/local/sfn/engine.h"

#include <string.h>

/* $$.Execution and $$.StateMachine never change: made once an execution, and only when asked for.
 * Express executions have no RedriveCount (recorded). */
static json_t *execution_context(struct execution *x)
{
    char started[CLOCK_TEXT_MAX];
    const char *machine_name = strrchr(x->machine_arn, ':');
    if (x->context)
        return x->context;
    x->context = json_pack("{s:{s:s, s:O, s:s, s:s, s:s}, s:{s:s, s:s}}", "Execution", "Id", x->arn,
                           "Input", x->input_json, "StartTime", clock_rfc3339(x->started, started),
                           "Name", x->name, "RoleArn", x->role, "StateMachine", "Id",
                           x->machine_arn, "Name", machine_name ? machine_name + 1 : "");
    if (!x->express)
        json_object_set_new(json_object_get(x->context, "Execution"), "RedriveCount",
                            json_integer(0));
    return x->context;
}

/* States that can be tried again tell $$.State.RetryCount. */
static bool counts_retries(const struct machine_state *state)
{
    return state->type == STATE_TASK || state->type == STATE_PARALLEL || state->type == STATE_MAP;
}

/* The context object as the state sees it: the constant part is shared, the rest is new. */
static json_t *make_context(struct frame *f)
{
    char entered[CLOCK_TEXT_MAX];
    json_t *context = json_copy(execution_context(f->execution));
    json_t *state = json_pack("{s:s, s:s}", "Name", f->state->name, "EnteredTime",
                              clock_rfc3339(f->entered_time, entered));
    json_t *item = frame_item(f);
    if (state && counts_retries(f->state))
        json_object_set_new(state, "RetryCount", json_integer(f->retries));
    json_object_set_new(context, "State", state);
    if (f->token)
        json_object_set_new(context, "Task", json_pack("{s:s}", "Token", f->token));
    if (item)
        json_object_set(context, "Map", item);
    return context;
}

void scope_open(struct engine *e, struct frame *f, json_t *input, struct scope *scope)
{
    (void)e;
    scope->context = f->state->needs_context ? make_context(f) : NULL;
    scope->asl = (struct asl_scope){
        .input = input,
        .context = scope->context,
        .variables = f->variables,
        .state = f->state->name,
        .entered_id = f->entered_event,
    };
}

void scope_close(struct scope *scope)
{
    json_decref(scope->context);
    scope->context = NULL;
}

json_t *data_path(const struct asl_path *path, const struct asl_scope *scope,
                  struct asl_failure *failure)
{
    json_t *value = NULL;
    int found = asl_path_eval(path, scope, &value, failure);
    if (found > 0)
        return value;
    if (found == 0) {
        struct buf missing;
        buf_init(&missing, BUF_MAX_LINE);
        asl_path_missing(path, scope, &missing);
        asl_fail_in_state(failure, scope, "States.Runtime", "Invalid path '%s' : %s",
                          asl_path_text(path), buf_str(&missing));
        buf_free(&missing);
    }
    return NULL;
}

/* `path` of `value`; an absent path is the value itself, null an empty object. New reference. */
static json_t *filter(struct engine *e, struct frame *f, const struct machine_path *path,
                      json_t *value, struct asl_failure *failure)
{
    struct scope scope;
    if (path->discard)
        return json_object();
    if (!path->path)
        return json_incref(value);
    scope_open(e, f, value, &scope);
    json_t *found = data_path(path->path, &scope.asl, failure);
    scope_close(&scope);
    return found;
}

/* A payload template with `value` as $. */
static json_t *apply(struct engine *e, struct frame *f, const struct asl_template *template,
                     json_t *value, struct asl_failure *failure)
{
    struct scope scope;
    scope_open(e, f, value, &scope);
    json_t *made = asl_template_eval(template, &scope.asl, failure);
    scope_close(&scope);
    return made;
}

bool data_too_large(const struct frame *f, const struct text *text, const char *what,
                    struct asl_failure *failure)
{
    if (text_fits(text, STATE_BYTES_MAX, STATE_DEPTH_MAX))
        return false;
    asl_fail(failure, "States.DataLimitExceeded",
             "The state/task '%s' %s with a size exceeding the maximum number of bytes service "
             "limit.",
             f->state->name, what);
    return true;
}

json_t *data_input(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    return filter(e, f, &f->state->input_path, f->input, failure);
}

json_t *data_effective(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    json_t *input = data_input(e, f, failure);
    if (!input || !f->state->parameters)
        return input;
    json_t *made = apply(e, f, f->state->parameters, input, failure);
    json_decref(input);
    return made;
}

json_t *data_select_result(struct engine *e, struct frame *f, json_t *result,
                           struct asl_failure *failure)
{
    if (!f->state->result_selector)
        return json_incref(result);
    return apply(e, f, f->state->result_selector, result, failure);
}

json_t *data_merge(struct engine *e, struct frame *f, const struct machine_path *path,
                   json_t *result, struct asl_failure *failure)
{
    struct scope scope;
    if (path->discard)
        return json_incref(f->input);
    if (!path->path)
        return json_incref(result);
    scope_open(e, f, f->input, &scope);
    json_t *merged = asl_path_assign(path->path, f->input, result, &scope.asl, failure);
    scope_close(&scope);
    return merged;
}

json_t *data_output(struct engine *e, struct frame *f, json_t *value, struct asl_failure *failure)
{
    return filter(e, f, &f->state->output_path, value, failure);
}

/* A chain's variables are in its checkpoint: what has no text could never be stored, and no other
 * execution would get any further. */
static bool variables_too_large(const struct frame *f, const json_t *variables,
                                struct asl_failure *failure)
{
    struct text *text = text_of(variables);
    const bool fits = text_fits(text, VARIABLES_BYTES_MAX, STATE_DEPTH_MAX);
    text_release(text);
    if (!fits)
        asl_fail(failure, "States.DataLimitExceeded",
                 "The state/task '%s' assigns variables with a size exceeding the maximum number "
                 "of bytes service limit.",
                 f->state->name);
    return !fits;
}

int data_assign(struct engine *e, struct frame *f, const struct asl_template *assign, json_t *value,
                json_t **assigned, struct asl_failure *failure)
{
    *assigned = NULL;
    if (!assign)
        return 0;
    json_t *made = apply(e, f, assign, value, failure);
    if (!made)
        return -1;
    json_t *variables = f->variables ? json_copy(f->variables) : json_object();
    if (!variables || !json_is_object(made) || json_object_update(variables, made) != 0)
        failure_no_memory(failure);
    else if (!variables_too_large(f, variables, failure))
        *assigned = made;
    if (!*assigned) {
        json_decref(variables);
        json_decref(made);
        return -1;
    }
    json_decref(f->variables);
    f->variables = variables;
    f->dirty |= DIRTY_INPUT;
    return 0;
}

int data_number(struct engine *e, struct frame *f, const struct machine_number *number,
                json_t *input, json_t **value, struct asl_failure *failure)
{
    struct scope scope;
    if (!number->path) {
        *value = json_real(number->literal);
        return *value ? 0 : asl_fail(failure, "States.Runtime", "out of memory");
    }
    scope_open(e, f, input, &scope);
    *value = data_path(number->path, &scope.asl, failure);
    scope_close(&scope);
    return *value ? 0 : -1;
}
