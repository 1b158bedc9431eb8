/* The verdict over a run. Audit rows are believed before the execution: a state machine that
 * succeeds while tasks have no final row has not done what was asked for. */
#include "server/control/ending.h"

#include "lib/json/json_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char row_is_gone[] =
    "its audit row is not there, deleted or expired: only the execution tells how the run ended";

/* Submitted ones count: their rows may never have come. */
int64_t ending_open_tasks(const struct ending_facts *f)
{
    return f->tasks[AUDIT_SUBMITTED] + f->tasks[AUDIT_RUNNING];
}

/* Only success is doubted: after a failure open tasks are to be expected. */
bool ending_unsettled(const struct ending_facts *f)
{
    return strcmp(f->execution_status, "SUCCEEDED") == 0 && !f->mirror_problem &&
           ending_open_tasks(f) > 0;
}

/* A success that open rows contradict is none: with those ended, some might be tolerated. */
bool ending_mute_rows(const struct ending_facts *f)
{
    return strcmp(f->execution_status, "SUCCEEDED") != 0 && f->tasks[AUDIT_RUNNING] > 0;
}

/* A row is failed before its task is told to stop, and that call may have been lost. */
bool ending_left_tasks(const struct ending_facts *f)
{
    return strcmp(f->execution_status, "SUCCEEDED") != 0 || ending_open_tasks(f) > 0 ||
           f->tasks[AUDIT_FAILED] > 0;
}

/* Tasks that were not in the spec but have audit rows count as well. */
static int64_t all_tasks(const struct ending_facts *f)
{
    int64_t sum = 0;
    for (int i = 0; i < AUDIT_STATUS_COUNT; i++)
        sum += f->tasks[i];
    return sum;
}

/* A cause that is an error object of Lambda is told by its message. */
static void add_cause(struct buf *out, const char *cause)
{
    json_t *tree = NULL;
    struct error err = {0};
    const char *text = cause;
    if (cause[0] == '{' && json_parse(cause, strlen(cause), &tree, &err) == 0)
        text = json_str(tree, "errorMessage", cause);
    buf_adds(out, ": ");
    buf_adds(out, text);
    json_decref(tree);
}

/* What the monitor wrote is told in its words; else error and cause of the execution. */
static void add_failure(struct buf *out, const struct ending_facts *f, const char *what)
{
    buf_adds(out, what);
    if (f->summary_reason) {
        buf_addf(out, ": %s", f->summary_reason);
        return;
    }
    if (f->error)
        buf_addf(out, ": %s", f->error);
    if (f->cause)
        add_cause(out, f->cause);
}

/* A run that was found after its end: rows that are not there are no evidence against it, as a row
 * that says Running would be. They expire, and tables are deleted. */
static bool rows_are_gone(const struct ending_facts *f)
{
    return f->found_ended && f->tasks[AUDIT_SUBMITTED] > 0 && f->tasks[AUDIT_RUNNING] == 0;
}

/* Then Step Functions' word stands for the tasks without a row. */
static void add_gone(struct buf *out, const struct ending_facts *f)
{
    buf_addf(out,
             "Step Functions says that the execution succeeded; this server found it later, and of "
             "%" PRId64 " of its %" PRId64 " tasks there is no audit row",
             f->tasks[AUDIT_SUBMITTED], all_tasks(f));
    if (f->mirror_problem)
        buf_addf(out, " (%s)", f->mirror_problem);
    if (f->tolerated > 0)
        buf_addf(out, "; up to %" PRId64 " may have failed", f->tolerated);
}

/* Even then the rows are believed, not the execution. */
static enum audit_status succeeded(const struct ending_facts *f, struct buf *out)
{
    int64_t open = ending_open_tasks(f);
    int64_t failed = f->tasks[AUDIT_FAILED] + f->tasks[AUDIT_CANCELLED];
    if (rows_are_gone(f) && failed <= f->tolerated) {
        add_gone(out, f);
        return AUDIT_COMPLETED;
    }
    if (open && f->mirror_problem) {
        buf_addf(out, "the execution succeeded, but the audit rows cannot be read: %s",
                 f->mirror_problem);
        return AUDIT_FAILED;
    }
    if (open) {
        buf_addf(out,
                 "the execution succeeded, but %" PRId64 " of %" PRId64
                 " tasks have no final audit row",
                 open, all_tasks(f));
        return AUDIT_FAILED;
    }
    if (failed)
        buf_addf(out, "%" PRId64 " of %" PRId64 " tasks failed (%" PRId64 " tolerated)", failed,
                 all_tasks(f), f->tolerated);
    return failed > f->tolerated ? AUDIT_FAILED : AUDIT_COMPLETED;
}

/* The monitor had ended the run before its execution was stopped: that stands. */
static enum audit_status ended_before(const struct ending_facts *f, struct buf *out)
{
    if (f->verdict == AUDIT_FAILED)
        add_failure(out, f, "the run had failed before it was stopped");
    else if (f->summary_reason)
        buf_adds(out, f->summary_reason);
    return f->verdict;
}

/* Whoever stopped it in the console may have said why. The summary row's reason is our own then. */
static enum audit_status aborted(const struct ending_facts *f, struct buf *out)
{
    struct ending_facts execution = *f;
    execution.summary_reason = NULL;
    if (f->verdict == AUDIT_COMPLETED || f->verdict == AUDIT_FAILED)
        return ended_before(f, out);
    if (!f->cancelled)
        add_failure(out, &execution, "the execution was stopped");
    else
        buf_adds(out, "cancelled on request");
    if (f->cancelled && f->cancel_reason)
        buf_addf(out, ": %s", f->cancel_reason);
    return AUDIT_CANCELLED;
}

/* Copies the text, cut at the end of a UTF-8 sequence when it is too long. */
static void copy_reason(char *out, const struct buf *text)
{
    size_t len = text->len;
    if (len >= ENDING_REASON_MAX) {
        len = ENDING_REASON_MAX - 1;
        while (len > 0 && ((unsigned char)text->data[len] & 0xC0) == 0x80)
            len--;
    }
    memcpy(out, buf_str(text), len);
    out[len] = '\0';
}

/* Open tasks are closed with the run: one that is complete although rows are gone completes them, a
 * cancelled one cancels them, every other end fails them. */
static void close_tasks(const struct ending_facts *f, struct store_close *close)
{
    close->task_status = AUDIT_FAILED;
    close->task_reason = ENDING_NO_FINAL_ROW;
    if (close->status == AUDIT_CANCELLED) {
        close->task_status = AUDIT_CANCELLED;
        close->task_reason = "the run was cancelled before the task ended";
    } else if (rows_are_gone(f)) {
        close->task_status = close->status;
        close->task_reason = row_is_gone;
    }
}

void ending_decide(const struct ending_facts *f, struct ending *out)
{
    struct buf text;
    enum audit_status status = AUDIT_FAILED;
    buf_init(&text, BUF_MAX_LINE);
    *out = (struct ending){0};
    if (strcmp(f->execution_status, "SUCCEEDED") == 0)
        status = succeeded(f, &text);
    else if (strcmp(f->execution_status, "ABORTED") == 0)
        status = aborted(f, &text);
    else if (strcmp(f->execution_status, "TIMED_OUT") == 0)
        add_failure(&text, f, "the execution timed out");
    else
        add_failure(&text, f, "the execution failed");
    copy_reason(out->reason, &text);
    buf_free(&text);
    out->close.status = status;
    out->close.reason = out->reason[0] ? out->reason : NULL;
    close_tasks(f, &out->close);
}
