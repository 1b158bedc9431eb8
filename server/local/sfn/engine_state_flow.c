/* Pass, Choice, Wait, Succeed, Fail: states that never leave the engine. Each takes its input
 * through InputPath and hands its output to frame_complete or frame_exit, or its failure to
 * frame_failed, which knows about Retry and Catch. */
#include "lib/json/json_read.h"
#include "server/local/sfn/engine.h"

#include <string.h>

/* Result wins over Parameters when both are given. */
enum step state_pass(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    json_t *result =
        f->state->result ? json_incref(f->state->result) : data_effective(e, f, &failure);
    return result ? frame_complete(e, f, result) : frame_failed(e, f, &failure);
}

/* OutputPath, then out; for states that change nothing. Takes over input. */
static enum step pass_through(struct engine *e, struct frame *f, json_t *input,
                              const struct asl_template *assign, const struct machine_state *next)
{
    struct asl_failure failure = {0};
    json_t *assigned = NULL;
    json_t *output = NULL;
    if (data_assign(e, f, assign, input, &assigned, &failure) == 0)
        output = data_output(e, f, input, &failure);
    json_decref(input);
    if (output)
        return frame_exit(e, f, output, assigned, next);
    json_decref(assigned);
    return frame_failed(e, f, &failure);
}

/* The rule that matches; NULL: none does. -1 with the failure. */
static int find_rule(struct engine *e, struct frame *f, json_t *input,
                     const struct machine_rule **match, struct asl_failure *failure)
{
    const struct machine_choice *choice = &f->state->u.choice;
    struct scope scope;
    int rc = 0;
    *match = NULL;
    scope_open(e, f, input, &scope);
    for (size_t i = 0; i < choice->count && !*match && rc == 0; i++) {
        bool matches = false;
        rc = asl_choice_test(choice->rules[i].test, &scope.asl, &matches, failure);
        if (rc == 0 && matches)
            *match = &choice->rules[i];
    }
    scope_close(&scope);
    return rc;
}

/* The first rule that matches; its own Assign counts, not the state's. */
enum step state_choice(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    const struct machine_rule *rule = NULL;
    const struct machine_choice *choice = &f->state->u.choice;
    json_t *input = data_input(e, f, &failure);
    if (!input || find_rule(e, f, input, &rule, &failure)) {
        json_decref(input);
        return frame_failed(e, f, &failure);
    }
    if (rule)
        return pass_through(e, f, input, rule->assign, rule->next);
    if (choice->otherwise)
        return pass_through(e, f, input, f->state->assign, choice->otherwise);
    json_decref(input);
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    asl_fail_in_state(&failure, &where, "States.NoChoiceMatched",
                      "Failed to transition out of the state. The state does not point to a next "
                      "state.");
    return frame_failed(e, f, &failure);
}

/* InputPath and OutputPath, then the chain is over. */
enum step state_succeed(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    json_t *input = data_input(e, f, &failure);
    return input ? pass_through(e, f, input, NULL, NULL) : frame_failed(e, f, &failure);
}

/* ErrorPath or CausePath; new text or NULL with the failure. */
static int fail_text(const struct asl_expr *expr, const char *field, const char *path,
                     const struct scope *scope, char **text, struct asl_failure *failure)
{
    json_t *value = NULL;
    int found = asl_expr_eval(expr, &scope->asl, &value, failure);
    if (found > 0 && json_is_string(value)) {
        *text = strdup(json_string_value(value));
        if (!*text)
            failure_no_memory(failure);
    } else if (found > 0) {
        asl_fail_in_state(failure, &scope->asl, "States.Runtime",
                          "The %s field '%s' must point to a string", field, path);
    } else if (found == 0) {
        struct text *input = text_of(scope->asl.input);
        asl_fail_in_state(failure, &scope->asl, "States.Runtime",
                          "The JSONPath '%s' specified for the field '%s' could not be found in "
                          "the input '%s'",
                          path, field, input ? input->raw : "");
        text_release(input);
    }
    json_decref(value);
    return *text ? 0 : -1;
}

/* The error is the author's: names and causes may come out of the input, and either may be
 * missing. */
enum step state_fail(struct engine *e, struct frame *f)
{
    const struct machine_fail *fail = &f->state->u.fail;
    struct asl_failure failure = {0};
    struct scope scope;
    char *error = NULL;
    char *cause = NULL;
    int rc = 0;
    json_t *input = data_input(e, f, &failure);
    if (!input)
        return frame_failed(e, f, &failure);
    scope_open(e, f, input, &scope);
    if (fail->error_path)
        rc = fail_text(fail->error_path, "ErrorPath", json_str(f->state->source, "ErrorPath", ""),
                       &scope, &error, &failure);
    if (rc == 0 && fail->cause_path)
        rc = fail_text(fail->cause_path, "CausePath", json_str(f->state->source, "CausePath", ""),
                       &scope, &cause, &failure);
    scope_close(&scope);
    json_decref(input);
    if (rc == 0) {
        const char *name = error ? error : fail->error;
        const char *why = cause ? cause : fail->cause;
        if (why)
            asl_fail(&failure, name ? name : "", "%s", why);
        else
            (void)snprintf(failure.error, sizeof failure.error, "%s", name ? name : "");
    }
    free(error);
    free(cause);
    return frame_failed(e, f, &failure);
}
