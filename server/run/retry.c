/* A retry is a submission: the parent's spec with fewer tasks goes the way of every other spec. */
#include "server/run/run.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 1000, NAME_SHOWN = 200 };

/* What is known of the parent. */
struct parent {
    int64_t id;
    int pattern;
    enum audit_status status;
    int64_t task_count;
    bool unlisted; /* its list of tasks could not be read */
    json_t *tasks; /* its tasks' statuses by name */
    json_t *named; /* a set of the names that were asked for; NULL: all that did not complete */
    int64_t last;  /* seq of the newest task that was read */
    bool failed;   /* memory is out */
};

static void read_parent(void *ctx, const struct store_run *run)
{
    struct parent *p = ctx;
    p->pattern = run->pattern;
    p->status = run->status;
    p->task_count = run->task_count;
    p->unlisted = run->unlisted != NULL;
}

static void read_task(void *ctx, const struct store_task *task)
{
    struct parent *p = ctx;
    p->last = task->seq;
    if (json_object_set_new(p->tasks, task->name, json_integer(task->status)))
        p->failed = true;
}

/* Old runs let go of their tasks, some at a time. */
static int check_kept(const struct parent *p, struct error *err)
{
    if (p->unlisted)
        return err_set(err, ERR_CONFLICT,
                       "run %" PRId64 " was started elsewhere and its list of tasks could not be "
                       "read: submit what is to be repeated as a new run",
                       p->id);
    if ((int64_t)json_object_size(p->tasks) >= p->task_count)
        return 0;
    return err_set(err, ERR_CONFLICT,
                   "run %" PRId64 " ended so long ago that its tasks are not kept here any more: "
                   "submit what is to be repeated as a new run; GET /workflows/%" PRId64
                   "/spec has its spec",
                   p->id, p->id);
}

/* Only a run that is over can be repeated: before that nobody knows what will not complete. */
static int load_parent(const struct services *sv, struct parent *p, struct error *err)
{
    bool more = true;
    if (store_run_get(sv->store, p->id, read_parent, p, err))
        return -1;
    if (!audit_status_final(p->status))
        return err_set(err, ERR_CONFLICT,
                       "run %" PRId64 " is %s: wait until it has ended, or end it with POST "
                       "/workflows/%" PRId64 "/cancel, then retry",
                       p->id, audit_status_name(p->status), p->id);
    p->tasks = json_object();
    p->failed = !p->tasks;
    for (p->last = -1; more && !p->failed;)
        if (store_task_list(sv->store, p->id, -1, p->last, PAGE, read_task, p, &more, err))
            return -1;
    return p->failed ? err_set(err, ERR_MEMORY, "out of memory for a retry") : check_kept(p, err);
}

/* `names` is split at commas. */
static int read_names(struct parent *p, const char *names, struct error *err)
{
    if (!names)
        return 0;
    json_t *text = json_string(names);
    if (!text)
        return err_set(err, ERR_ARGUMENT, "?tasks= must be UTF-8");
    json_decref(text);
    p->named = json_object();
    while (*names) {
        size_t len = strcspn(names, ",");
        if (len == 0)
            break;
        if (json_object_setn_new(p->named, names, len, json_true()))
            return err_set(err, ERR_MEMORY, "out of memory for a retry");
        names += len;
        if (*names == ',' && names[1])
            names++;
    }
    if (*names || json_object_size(p->named) == 0)
        return err_set(err, ERR_ARGUMENT,
                       "?tasks= must be names of tasks with single commas between them");
    return 0;
}

/* Each name that cannot be repeated is a problem of its own. */
static int check_names(const struct parent *p, struct json_problems *problems, struct error *err)
{
    const char *name;
    json_t *value;
    bool unknown = false;
    json_object_foreach (p->named, name, value) {
        const json_t *status = json_object_get(p->tasks, name);
        if (!status)
            json_problem_add(problems, "/taskList", "run %" PRId64 " has no task %.*s", p->id,
                             NAME_SHOWN, name);
        else if (json_integer_value(status) == AUDIT_COMPLETED)
            json_problem_add(problems, "/taskList",
                             "%.*s is Completed: only tasks that did not complete are repeated",
                             NAME_SHOWN, name);
        unknown = unknown || !status;
    }
    if (!json_problems_any(problems))
        return 0;
    return err_set(err, unknown ? ERR_SPEC_INVALID : ERR_CONFLICT,
                   "?tasks= names what cannot be repeated: %s",
                   problems->count ? problems->list[0].detail : "see errors");
}

static bool is_wanted(const struct parent *p, const char *name)
{
    const json_t *status = json_object_get(p->tasks, name);
    if (p->named)
        return json_object_get(p->named, name) != NULL;
    return status && json_integer_value(status) != AUDIT_COMPLETED;
}

/* The list without what completed, in its order; a new reference, NULL when memory is out. */
static json_t *cut_list(const struct parent *p, const json_t *list)
{
    json_t *kept = json_array();
    json_t *task;
    size_t i;
    json_array_foreach (list, i, task) {
        if (is_wanted(p, json_str(task, "taskName", "")) && json_array_append(kept, task)) {
            json_decref(kept);
            return NULL;
        }
    }
    return kept;
}

/* An id of its own is what makes the child another run. */
static int cut_spec(const struct parent *p, json_t *spec, struct buf *out, struct error *err)
{
    json_t *list = cut_list(p, json_object_get(spec, "taskList"));
    if (!list)
        return err_set(err, ERR_MEMORY, "out of memory for a retry");
    size_t kept = json_array_size(list);
    if (p->named && kept != json_object_size(p->named)) {
        json_decref(list);
        return err_set(err, ERR_SPEC_INVALID,
                       "?tasks= names a task that is not in the spec of run %" PRId64
                       ": it was started by other hands and cannot be repeated",
                       p->id);
    }
    if (kept == 0) {
        json_decref(list);
        return err_set(err, ERR_CONFLICT,
                       "there is nothing to retry: no task of run %" PRId64
                       " has failed or was cancelled",
                       p->id);
    }
    (void)json_object_del(spec, "workflowRunId");
    if (json_object_set_new(spec, "taskList", list))
        return err_set(err, ERR_MEMORY, "out of memory for a retry");
    json_dump(out, spec);
    return buf_check(out, err);
}

/* The child's spec as a text. */
static int write_child(const struct services *sv, const struct parent *p, struct buf *out,
                       struct error *err)
{
    struct buf request;
    json_t *spec = NULL;
    buf_init(&request, BUF_MAX_SPEC);
    int rc = store_run_request(sv->store, p->id, &request, err);
    if (!rc)
        rc = json_parse(buf_str(&request), request.len, &spec, err);
    if (!rc)
        rc = cut_spec(p, spec, out, err);
    json_decref(spec);
    buf_free(&request);
    return rc;
}

/* The parent is final, so the same request makes the same child: an Idempotency-Key holds. */
int run_retry(const struct services *sv, const struct run_retry *retry, struct run_accepted *out,
              struct json_problems *problems, struct error *err)
{
    struct parent p = {.id = retry->parent_id};
    struct buf body;
    buf_init(&body, BUF_MAX_SPEC);
    int rc = load_parent(sv, &p, err);
    if (!rc)
        rc = read_names(&p, retry->tasks, err);
    if (!rc)
        rc = check_names(&p, problems, err);
    if (!rc)
        rc = write_child(sv, &p, &body, err);
    if (!rc) {
        const struct run_request request = {.body = buf_str(&body),
                                            .len = body.len,
                                            .pattern = p.pattern,
                                            .idempotency_key = retry->idempotency_key,
                                            .parent_id = p.id};
        rc = run_submit(sv, &request, out, problems, err);
    }
    json_decref(p.tasks);
    json_decref(p.named);
    buf_free(&body);
    return rc;
}
