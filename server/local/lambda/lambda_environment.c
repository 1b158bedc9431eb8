/* Execution environments: a process, its variables and its Runtime API, from start to end.
 *
 * Who may free one: the manager alone, once it is `gone` and out of its function's list. `gone` is
 * set in one place for each way to end: environment_exited for a process that ran,
 * lambda_environment_start for one that never did. Ending always goes through the process host,
 * also when the manager wants it: kill, then wait for the exit to be reported. */
#include "lib/json/json_read.h"
#include "server/local/lambda/lambda_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lambda_environment *lambda_environment_add_locked(struct lambda_function *f)
{
    struct lambda_environment *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->lambda = f->lambda;
    v->function = f;
    v->state = LAMBDA_STARTING;
    v->due = clock_mono(f->lambda->clock) + LAMBDA_INIT_SECONDS * CLOCK_SECOND;
    buf_init(&v->init_error, BUF_MAX_STATE);
    const struct lambda_environment *at = f->environments;
    while (at) { /* the lowest slot that nobody has */
        bool taken = at->slot == v->slot;
        v->slot += taken ? 1 : 0;
        at = taken ? f->environments : at->next;
    }
    v->next = f->environments;
    f->environments = v;
    return v;
}

/* --- the end -----------------------------------------------------------------------------------*/

/* In the words of Lambda for a runtime that ended during an event. */
static void finish_exited(struct lambda_invocation *i, int exit_code, int signal)
{
    char how[64];
    if (!i)
        return;
    if (signal)
        (void)snprintf(how, sizeof how, "signal: %s", sigdescr_np(signal));
    else
        (void)snprintf(how, sizeof how, "exit status %d", exit_code);
    lambda_finish_failed(i, "Runtime.ExitError",
                         "RequestId: %s Error: Runtime exited with error: %s", i->id, how);
}

/* On the process host's thread. An environment that never asked for an event takes the longest
 * waiting invocation with it, or a program that always fails would be started for ever. */
static void environment_exited(void *ctx, int exit_code, int signal)
{
    struct lambda_environment *v = ctx;
    struct local_lambda *l = v->lambda;
    (void)pthread_mutex_lock(&l->lock);
    struct lambda_invocation *i = v->invocation;
    struct buf init_error = v->init_error;
    if (!i && (v->state == LAMBDA_STARTING || init_error.len))
        i = lambda_take_locked(v->function);
    if (v->waiting)
        http_reply(v->waiting, 503, NULL, NULL, 0);
    buf_init(&v->init_error, BUF_MAX_STATE);
    v->waiting = NULL;
    v->invocation = NULL;
    v->process = NULL;
    v->state = LAMBDA_ENDING;
    v->gone = true; /* from here on the manager may free it */
    (void)pthread_cond_signal(&l->wake);
    (void)pthread_mutex_unlock(&l->lock);
    if (init_error.len)
        lambda_finish_error_body(i, "Runtime.InitError", buf_str(&init_error), init_error.len);
    else
        finish_exited(i, exit_code, signal);
    buf_free(&init_error);
}

void lambda_environment_kill_locked(struct lambda_environment *v)
{
    v->state = LAMBDA_ENDING;
    v->due = 0;
    if (v->process)
        process_stop(v->lambda->processes, v->process, 0);
}

void lambda_environment_remove_locked(struct lambda_environment *v)
{
    struct lambda_environment **at = &v->function->environments;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
}

/* Stopping the server waits for its thread, which may be in a handler that wants the lock. */
void lambda_environment_free(struct lambda_environment *v)
{
    (void)http_server_stop(v->api);
    buf_free(&v->init_error);
    free(v);
}

/* --- the start ---------------------------------------------------------------------------------*/

/* The folder of the program, as LAMBDA_TASK_ROOT. */
static void task_root(const char *program, char out[LAMBDA_PATH_MAX])
{
    const char *slash = strrchr(program, '/');
    (void)snprintf(out, LAMBDA_PATH_MAX, "%.*s", slash ? (int)(slash - program) : 1,
                   slash ? program : ".");
}

/* The names CloudWatch would give: a stream a day and environment. Programs put them into their
 * logs. */
static void set_log_names(struct environment *env, const struct lambda_environment *v)
{
    char day[CLOCK_TEXT_MAX];
    char text[LAMBDA_NAME_MAX + 64];
    (void)snprintf(text, sizeof text, "/aws/lambda/%s", v->function->name);
    environment_set(env, "AWS_LAMBDA_LOG_GROUP_NAME", text);
    (void)clock_iso_basic(clock_wall(v->lambda->clock), day);
    (void)snprintf(text, sizeof text, "%.4s/%.2s/%.2s/[$LATEST]%d", day, day + 4, day + 6, v->slot);
    environment_set(env, "AWS_LAMBDA_LOG_STREAM_NAME", text);
}

/* What provided.al2023 sets, and the function's own in between: it may change the region or the
 * endpoint, but not who it is. */
static void fill_variables(struct environment *env, const struct lambda_environment *v)
{
    const struct lambda_function *f = v->function;
    char text[LAMBDA_PATH_MAX];
    environment_set_aws(env, v->lambda->region, v->lambda->endpoint ? v->lambda->endpoint : "");
    environment_set(env, "TZ", ":UTC");
    environment_set(env, "LANG", "en_US.UTF-8");
    for (size_t i = 0; i < f->variables.count; i++)
        environment_put(env, f->variables.items[i]);
    environment_set(env, "AWS_LAMBDA_FUNCTION_NAME", f->name);
    environment_set(env, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    (void)snprintf(text, sizeof text, "%d", LAMBDA_MEMORY_MB);
    environment_set(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text);
    environment_set(env, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set_log_names(env, v);
    environment_set(env, "_HANDLER", "bootstrap");
    task_root(f->program, text);
    environment_set(env, "LAMBDA_TASK_ROOT", text);
    environment_set(env, "LAMBDA_RUNTIME_DIR", "/var/runtime");
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", (unsigned)http_server_port(v->api));
    environment_set(env, "AWS_LAMBDA_RUNTIME_API", text);
}

/* NULL with the reason. The exit may be reported on another thread before this returns. */
static struct process *start_program(struct lambda_environment *v, struct error *err)
{
    const char *program = v->function->program;
    const char *const argv[] = {program, NULL};
    struct environment env = {.items = NULL};
    struct process *process = NULL;
    fill_variables(&env, v);
    if (environment_check(&env, err) == 0) {
        const struct process_options options = {.program = program,
                                                .argv = argv,
                                                .environment = environment_list(&env),
                                                .log_path = v->log_path,
                                                .exited = environment_exited,
                                                .ctx = v};
        process = process_start(v->lambda->processes, &options, err);
    }
    environment_free(&env);
    return process;
}

/* The environment may end, or be wanted ended, while it is being started: both are looked at when
 * the lock is taken again. */
void lambda_environment_start(struct lambda_environment *v)
{
    struct local_lambda *l = v->lambda;
    struct error err = {.code = ERR_NONE};
    struct process *process = NULL;
    struct lambda_invocation *failed = NULL;
    lambda_log_open(v);
    v->api = lambda_runtime_api_start(v, &err);
    if (v->api)
        process = start_program(v, &err);
    (void)pthread_mutex_lock(&l->lock);
    if (!process) {
        v->state = LAMBDA_ENDING;
        v->gone = true;
        failed = lambda_take_locked(v->function);
    } else if (!v->gone) {
        v->process = process;
        if (v->state == LAMBDA_ENDING)
            lambda_environment_kill_locked(v);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (process)
        return;
    log_error(l->log, "cannot start a function", LOG_STR("function", v->function->name),
              LOG_STR("error", err.message));
    if (failed)
        lambda_finish_failed(failed, "Runtime.InvalidEntrypoint", "RequestId: %s Error: %s",
                             failed->id, err.message);
}
