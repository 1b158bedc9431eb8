/* What becomes of a start: adopted, tried again, refused, cancelled. */
#include "server/loop/pace.h"
#include "server/submit/submit_private.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_MIN (250 * CLOCK_MS)
#define RETRY_MAX (60 * CLOCK_SECOND)

/* Remedies for the refusals a person can do something about: of StartExecution, of PutObject. */
struct remedy {
    const char *remote;
    const char *remedy;
};
static const struct remedy starting[] = {
    {"AccessDeniedException", "allow this server states:StartExecution on the state machine"},
    {"InvalidArn", "give the server the ARN of a state machine"},
    {"InvalidExecutionInput", "mend the spec and submit it again"},
    {"InvalidName", "submit the run again"},
    {"KmsAccessDeniedException", "allow this server to use the state machine's key"},
    {"StateMachineDeleting", "deploy the pattern's stack again, then submit the spec again"},
    {"StateMachineDoesNotExist", "deploy the pattern's stack, then submit the spec again"},
    {"ValidationException", "mend the spec and submit it again"},
    {NULL, "mend the cause, then submit the spec again"},
};
static const struct remedy storing[] = {
    {"AccessDenied", "allow this server s3:PutObject on stepfleet/* of the spec's bucket"},
    {"AuthorizationHeaderMalformed", "name a bucket of the server's region in s3BucketName"},
    {"NoSuchBucket", "create the bucket, or name another one in s3BucketName"},
    {"PermanentRedirect", "name a bucket of the server's region in s3BucketName"},
    {NULL, "mend the cause, then submit the spec again"},
};

/* What a person can do; the last row is for codes without a row. */
static const char *remedy_of(const struct remedy *row, const struct error *err)
{
    while (row->remote && !err_is_remote(err, row->remote))
        row++;
    return row->remedy;
}

void start_free(struct start *start)
{
    struct submit *s = start->submit;
    for (struct start **at = &s->starts; *at; at = &(*at)->next) {
        if (*at == start) {
            *at = start->next;
            break;
        }
    }
    s->in_flight--;
    s->storing -= start->storing;
    s->look = true;
    free(start);
}

/* Notes that the store did not take the outcome: the row stays and is sent again later, which is
 * harmless since its execution has our name. */
static void stored(struct start *start, int rc, const struct error *err)
{
    struct submit *s = start->submit;
    if (rc && err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT)
        s->paused_until = loop_now(s->loop) + SUBMIT_PAUSE;
    if (rc)
        log_error(s->loop->log, "the outcome of a start was not stored",
                  LOG_INT("run_id", start->run_id), LOG_STR("error", err->message));
}

/* The store has it before anything follows it: a crash here leads to ExecutionAlreadyExists. */
void start_adopt(struct start *start, const char *arn, int64_t started_at)
{
    struct submit *s = start->submit;
    struct error err = {0};
    int rc = store_outbox_started(s->loop->store, start->run_id, arn, started_at, &err);
    stored(start, rc, &err);
    if (!rc)
        log_info(s->loop->log, "run started", LOG_INT("run_id", start->run_id),
                 LOG_STR("execution", arn));
    start_free(start);
    if (!rc && s->started)
        s->started(s->ctx);
}

void start_refuse(struct start *start, const char *reason)
{
    struct submit *s = start->submit;
    struct error err = {0};
    log_warn(s->loop->log, "run refused", LOG_INT("run_id", start->run_id),
             LOG_STR("error", reason));
    int rc = store_outbox_refused(s->loop->store, start->run_id, reason, &err);
    stored(start, rc, &err);
    start_free(start);
}

/* DescribeExecution knows no execution of that name. */
void start_cancelled(struct start *start)
{
    struct submit *s = start->submit;
    struct error err = {0};
    struct store_close end = {AUDIT_CANCELLED, "cancelled before it was started", 0,
                              AUDIT_CANCELLED, "the run was cancelled before it was started"};
    int rc = store_run_close(s->loop->store, start->run_id, &end, &err);
    stored(start, rc, &err);
    start_free(start);
}

static void refuse(struct start *start, const struct error *why)
{
    char reason[ERR_MESSAGE_MAX + 256];
    (void)snprintf(reason, sizeof reason, "%s: %s (%s): %s",
                   start->storing ? "The run's list of tasks could not be stored in S3"
                                  : "Step Functions refused to start the run",
                   why->message, why->remote[0] ? why->remote : "error",
                   remedy_of(start->storing ? storing : starting, why));
    start_refuse(start, reason);
}

/* The error decides: what may pass is tried again behind a growing pause, for as long as it takes.
 */
void start_failed(struct start *start, const struct error *why)
{
    struct submit *s = start->submit;
    struct error err = {0};
    if (loop_fault(why) != LOOP_PASSING) {
        refuse(start, why);
        return;
    }
    int64_t due =
        clock_wall(s->loop->clock) + pace_backoff(RETRY_MIN, RETRY_MAX, start->attempts + 1);
    log_warn(s->loop->log, "run not started yet", LOG_INT("run_id", start->run_id),
             LOG_STR("error", why->message));
    int rc = store_outbox_postpone(s->loop->store, start->run_id, due, why->message, &err);
    stored(start, rc, &err);
    start_free(start);
}
