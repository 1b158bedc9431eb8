/* The way out when a step of the state machine itself broke. It must never fail for what it cannot
 * read: then there is nothing to close, and the first failure is what the user has to see. */
#include "lib/json/json_read.h"
#include "workers/monitor/actions.h"
#include "workers/monitor/look.h"
#include "workers/monitor/summary.h"

#include <string.h>

/* What broke, in plain words. A Lambda function's failure arrives as JSON text with the message
 * inside. */
struct breakage {
    const char *error;
    const char *cause;
    json_t *parsed; /* keeps cause alive */
};

static void read_breakage(const json_t *run, struct breakage *b)
{
    const json_t *failure = json_object_get(run, "failure");
    b->error = json_str(failure, "Error", "Stepfleet.Unknown");
    b->cause = json_str(failure, "Cause", "");
    b->parsed = NULL;
    if (json_parse(b->cause, strlen(b->cause), &b->parsed, NULL) == 0)
        b->cause = json_str(b->parsed, "errorMessage", b->cause);
    if (!*b->cause)
        b->cause = "a step of the state machine failed and gave no reason";
}

/* The id may be missing when the execution was started by hand and the first step broke. */
static int settle_identity(struct run *run, const json_t *execution, struct error *err)
{
    const char *name = json_str(execution, "name", NULL);
    const char *start = json_str(execution, "startTime", NULL);
    if (run->start_time == 0 && start && clock_parse_rfc3339(start, &run->start_time, err) != 0)
        return -1;
    if (run->workflow_run_id != 0)
        return 0;
    if (!name || !start)
        return err_set(err, ERR_ARGUMENT, "the event names neither run id nor execution");
    return run_id_of_execution(name, start, &run->workflow_run_id, err);
}

/* Is there a run of this execution to close? A summary row with another start belongs to another
 * execution that used the same id: hands off. */
static int is_ours(const struct worker *w, struct run *run, bool *ours, struct error *err)
{
    struct summary_view v;
    if (summary_open(&v, w, run, err) != 0)
        return -1;
    *ours = v.found && !audit_status_final(v.row.status) &&
            v.row.start_time / CLOCK_MS == run->start_time / CLOCK_MS;
    if (*ours)
        run->number_of_tasks = v.row.number_of_tasks;
    summary_close(&v);
    return 0;
}

/* The same as a run whose time is up, with what broke as the reason. */
static int close_run(const struct worker *w, struct run *run, const char *cause, struct error *err)
{
    struct look l;
    struct tally tally = {0};
    enum audit_status status = AUDIT_FAILED;
    run->watched_since = run->watched_since ? run->watched_since : clock_wall(w->clock);
    if (look_open(&l, w, run, err) != 0)
        return -1;
    l.closing = true;
    int rc = look_reconcile(&l, err);
    if (rc == 0)
        rc = look_abandon(&l, "RunFailed", cause, err);
    if (rc == 0 && l.settled.left > 0)
        rc = err_set(err, ERR_BUSY, "the table takes no more rows now, %zu are left",
                     l.settled.left);
    if (rc == 0)
        rc = tally_rows(&l.rows, &tally, err);
    if (rc == 0) {
        run->completed = tally.completed;
        run->failed = tally.failed;
        run->running = tally.running;
        rc = summary_move(w, run, &status, cause, err);
    }
    json_decref(tally.names);
    look_close(&l);
    return rc;
}

/* Whatever cannot be closed for good reason is a success: the first failure is to be seen. */
static int close_if_ours(const struct worker *w, json_t *object, const json_t *execution,
                         const struct breakage *b, struct error *err)
{
    struct run run;
    struct error unreadable;
    bool ours = false;
    /* What cannot be read as a run (an invalid spec) has started nothing. */
    if (run_read(object, &run, &unreadable) != 0 ||
        settle_identity(&run, execution, &unreadable) != 0) {
        log_warn(w->log, "there is no run to close", LOG_STR("error", unreadable.message),
                 LOG_STR("aws_request_id", w->request_id));
        return 0;
    }
    if (is_ours(w, &run, &ours, err) != 0)
        return -1;
    return ours ? close_run(w, &run, b->cause, err) : 0;
}

/* The answer's failure is what broke, also when the run could be closed: that is what users ask
 * for. */
int action_close(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct breakage b;
    json_t *object = json_object_get(event, "run");
    json_t *spec = json_object_get(object, "spec"); /* beside the launcher's cursor */
    read_breakage(object, &b);
    int rc = close_if_ours(w, spec ? spec : object, json_object_get(event, "execution"), &b, err);
    if (rc == 0) {
        *answer = json_object();
        rc = *answer ? action_set_failure(*answer, b.error, b.cause, err)
                     : err_set(err, ERR_MEMORY, "out of memory while answering");
    }
    json_decref(b.parsed);
    return rc;
}
