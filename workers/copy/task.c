/* The row is the truth about the task: it is written before the copy begins, and the exit status
 * is 0 only when the Completed row is in the table. */
#include "workers/copy/task.h"

#include <signal.h>
#include <stdlib.h>

/* Rows matter more than haste: they are tried longer than other calls; a farewell is short,
 * because SIGKILL follows SIGTERM. */
enum { ROW_ATTEMPTS = 10, FAREWELL_ATTEMPTS = 3, FAREWELL_MS = 3000, EXIT_OK = 0 };
enum { CLIENT_TRIES = 4, CLIENT_PAUSE_MS = 1000 };

/* One task from its Running row to its last one. */
struct task {
    const struct task_env *env;
    const struct task_options *options;
    const struct metadata *me;
    struct worker w;
    struct buf destination;
    int64_t begun; /* monotonic */
};

/* Since the run of the task began: pulling the image and starting up are not its work. */
static double seconds_since(const struct task *t)
{
    return (double)(clock_mono(t->w.clock) - t->begun) / (double)CLOCK_SECOND;
}

/* The first row. It is refused if a final one is there: the monitor has given this task up. */
static int write_running(struct task *t, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response;
    int64_t now = clock_wall(t->w.clock);
    const struct audit_detail row = {
        .workflow_run_id = t->env->workflow_run_id,
        .ecs_task_id = t->me->task_id,
        .task_name = t->env->task_name,
        .status = AUDIT_RUNNING,
        .start_time = now,
        .update_time = now,
        .exec_time_in_seconds = -1,
        .attempt = 1,
        .object_key = t->env->object_key,
        .bytes = -1,
        .exit_code = -1,
        .created_at = t->me->created_at,
        .pull_started_at = t->me->pull_started_at,
        .pull_stopped_at = t->me->pull_stopped_at,
        .container_started_at = t->me->started_at,
    };
    int rc = audit_detail_put(&request, &t->env->details, &row, err);
    request.max_attempts = ROW_ATTEMPTS;
    if (rc == 0) {
        rc = worker_call_until(&t->w, &request, &response, stop_signal_came, t->options->stop, err);
        aws_response_free(&response);
    }
    aws_request_free(&request);
    return rc;
}

/* A final row; `bytes` and the destination are told only of what was copied. */
static int write_final(struct task *t, enum audit_status status, int64_t bytes, const char *reason,
                       int exit_code, bool farewell, struct error *err)
{
    struct aws_request request = {0};
    const struct audit_detail row = {
        .workflow_run_id = t->env->workflow_run_id,
        .ecs_task_id = t->me->task_id,
        .status = status,
        .update_time = clock_wall(t->w.clock),
        .exec_time_in_seconds = seconds_since(t),
        .destination_key = status == AUDIT_COMPLETED ? buf_str(&t->destination) : NULL,
        .bytes = bytes,
        .stop_code = status == AUDIT_COMPLETED ? NULL : "EssentialContainerExited",
        .stopped_reason = reason,
        .exit_code = exit_code,
    };
    int rc = audit_detail_finish(&request, &t->env->details, &row, err);
    request.max_attempts = farewell ? FAREWELL_ATTEMPTS : ROW_ATTEMPTS;
    request.timeout_ms = farewell ? FAREWELL_MS : 0;
    if (rc == 0)
        rc = worker_tell(&t->w, &request, err);
    aws_request_free(&request);
    return rc;
}

/* Each line names run and task, so that a run's logs can be found in one search. */
static void log_step(const struct task *t, enum log_level level, const char *message,
                     const struct error *err)
{
    const struct log_field fields[] = {
        LOG_INT("run_id", t->env->workflow_run_id),
        LOG_STR("task_id", t->me->task_id),
        LOG_STR("task_name", t->env->task_name),
        LOG_STR("error", err ? err->message : ""),
    };
    log_write(t->w.log, level, message, fields, err ? 4 : 3);
}

/* Asked to stop: says so in the row, with a new client, because the old one has calls in flight
 * that nobody waits for. */
static int say_farewell(struct task *t, struct copy *copy)
{
    struct error err = {0};
    struct aws_options options = t->options->aws;
    options.region = t->env->region;
    options.interrupted = NULL; /* a second signal must not keep the row from being written */
    aws_free(t->w.aws);
    t->w.aws = aws_new(&options, &err);
    if (!t->w.aws ||
        write_final(t, AUDIT_CANCELLED, -1, AUDIT_FAREWELL, TASK_STOPPED, true, &err) != 0)
        log_step(t, LOG_ERROR, "the row could not be marked as stopped", &err);
    if (t->w.aws && copy)
        copy_abort(copy, &t->w);
    log_step(t, LOG_WARN, AUDIT_FAREWELL, NULL);
    return TASK_STOPPED;
}

/* The copy has ended: its row, and the exit status that agrees with it. */
static int end_copy(struct task *t, const struct copy *copy, const struct error *failure)
{
    struct error err = {0};
    int rc;
    if (failure) {
        log_step(t, LOG_ERROR, "the copy failed", failure);
        rc = write_final(t, AUDIT_FAILED, -1, failure->message, TASK_FAILED, false, &err);
    } else {
        rc = write_final(t, AUDIT_COMPLETED, copy->bytes, NULL, EXIT_OK, false, &err);
    }
    if (rc != 0)
        log_step(t, LOG_ERROR, "the final row could not be written", &err);
    else if (!failure)
        log_step(t, LOG_INFO, "copied", NULL);
    return rc == 0 && !failure ? TASK_OK : TASK_FAILED;
}

/* A copy that was given up for a signal is a farewell, every other failure a Failed row. */
static int copy_and_tell(struct task *t)
{
    struct copy copy;
    struct error err = {0};
    struct copy_options options = t->options->copy;
    options.stop = stop_signal_came;
    options.ctx = t->options->stop;
    const struct s3_copy what = {
        .source_bucket = t->env->s3_bucket_name,
        .source_key = t->env->object_key,
        .bucket = t->env->s3_bucket_name,
        .key = buf_str(&t->destination),
    };
    copy_open(&copy, &t->w, &what, &options);
    int rc = copy_run(&copy, &err);
    int status;
    if (rc != 0 && err.code == ERR_BUSY && stop_signal_came(t->options->stop))
        status = say_farewell(t, &copy);
    else
        status = end_copy(t, &copy, rc == 0 ? NULL : &err);
    copy_close(&copy);
    return status;
}

/* Running row, hold time, copy; a signal may come at any point. */
static int run_steps(struct task *t)
{
    struct error err = {0};
    if (write_running(t, &err) != 0) {
        if (stop_signal_came(t->options->stop))
            return say_farewell(t, NULL);
        log_step(t, LOG_ERROR,
                 err_is_remote(&err, "ConditionalCheckFailedException")
                     ? "the row of this task is final already: nothing is done"
                     : "the Running row could not be written: nothing is done",
                 &err);
        return TASK_FAILED;
    }
    stop_signal_wait(t->options->stop, t->env->hold_seconds * 1000);
    if (stop_signal_came(t->options->stop))
        return say_farewell(t, NULL);
    return copy_and_tell(t);
}

/* The endpoint that hands out credentials may be out of reach while many tasks start; one that
 * answers has the last word. The client gives up after some eight seconds, this after four times
 * that and pauses of 1, 2 and 4 seconds. */
static struct aws *open_client(const struct aws_options *options, struct stop_signal *stop,
                               struct error *err)
{
    struct aws *aws = aws_new(options, err);
    for (int i = 1; !aws && i < CLIENT_TRIES; i++) {
        if (err->code != ERR_NETWORK && err->code != ERR_TIMEOUT)
            break;
        stop_signal_wait(stop, (int64_t)CLIENT_PAUSE_MS << (i - 1));
        if (stop_signal_came(stop))
            break;
        aws = aws_new(options, err);
    }
    return aws;
}

/* The copy's key is the object's with the task id behind it: two tasks never write the same object.
 */
int task_run(const struct task_env *env, const struct metadata *me,
             const struct task_options *options)
{
    struct task t = {.env = env, .options = options, .me = me};
    struct error err = {0};
    struct aws_options aws = options->aws;
    aws.region = env->region;
    t.w = (struct worker){
        .clock = aws.clock ? aws.clock : clock_system(), .log = options->log, .request_id = ""};
    t.begun = clock_mono(t.w.clock);
    t.w.aws = open_client(&aws, options->stop, &err);
    if (!t.w.aws) {
        log_step(&t, LOG_ERROR, "could not start", &err);
        return stop_signal_came(options->stop) ? TASK_STOPPED : TASK_FAILED;
    }
    buf_init(&t.destination, BUF_MAX_LINE);
    buf_addf(&t.destination, "%s_%s", env->object_key, me->task_id);
    int status = run_steps(&t);
    buf_free(&t.destination);
    aws_free(t.w.aws);
    return status;
}

static const char *process_env(const char *name)
{
    return getenv(name);
}

/* The signals are blocked and wait to be read: the client, which knows no stop_signal, looks for
 * them while it waits for its first credentials. */
static bool is_stopping(void)
{
    sigset_t set;
    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1);
}

/* The signal is blocked first of all: a task that is stopped while it starts must still say so. */
int task_main(void)
{
    struct log lg;
    struct error err = {0};
    struct task_env env;
    struct stop_signal stop = {.fd = -1};
    struct metadata me;
    int status = TASK_FAILED;
    log_open(&lg, 2, LOG_INFO, "s3-copy-task");
    if (stop_signal_open(&stop, &err) == 0 && task_env_read(&env, process_env, &err) == 0 &&
        metadata_get(env.metadata_uri, &stop, &me, &err) == 0) {
        const struct task_options options = {
            .aws = {.log = &lg, .interrupted = is_stopping}, .log = &lg, .stop = &stop};
        status = task_run(&env, &me, &options);
    } else {
        log_error(&lg, "could not start", LOG_STR("error", err.message));
        status = stop.came ? TASK_STOPPED : TASK_FAILED;
    }
    stop_signal_close(&stop);
    return status;
}
