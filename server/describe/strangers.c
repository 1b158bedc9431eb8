/* A task that waits for a network interface, or pulls its image, has not written a row, so nobody
 * has its id. While a run has tasks without one, the run's tasks are listed now and then, and those
 * that no row names are described: each says in its overrides which task of the run it is. */
#include "server/describe/describe_private.h"

#include <string.h>

enum { REFUSALS_MAX = 5 };
/* Most tasks have a row a few seconds after their launch. */
#define PASS_FIRST (10 * CLOCK_SECOND)
#define PASS_AGAIN (30 * CLOCK_SECOND)
#define RETRY_MAX (5 * 60 * CLOCK_SECOND)
/* A pass over thousands of running tasks takes its time: at most a tenth of the calls. */
enum { REST_FACTOR = 9 };

void strangers_init(struct subjects *s, int64_t now)
{
    s->strangers.due = now + PASS_FIRST;
}

static void forget_pass(struct strangers *x)
{
    task_page_free(&x->page);
    seen_free(&x->known);
    x->began = 0;
}

void strangers_free(struct subjects *s)
{
    forget_pass(&s->strangers);
}

int64_t strangers_due(const struct subjects *s)
{
    bool wanted = s->waiting > 0 && s->rowless < DESCRIBE_ROWLESS_MAX && s->until == LOOP_NEVER &&
                  !s->strangers.off;
    return wanted ? s->strangers.due : LOOP_NEVER;
}

/* The pass begins anew, after a while. */
static void failed(struct subjects *s, const struct error *err)
{
    struct strangers *x = &s->strangers;
    int64_t now = loop_now(s->room->loop);
    x->failures++;
    x->off = x->failures >= REFUSALS_MAX && loop_fault(err) != LOOP_PASSING;
    if (x->failures == 1 || x->off)
        log_warn(s->room->loop->log, "tasks without an audit row cannot be looked for",
                 LOG_INT("run_id", s->run_id), LOG_STR("error", err->message));
    forget_pass(x);
    x->due = now + pace_backoff(PASS_AGAIN, RETRY_MAX, x->failures);
}

static int begin_pass(struct subjects *s, int64_t now, struct error *err)
{
    struct strangers *x = &s->strangers;
    x->began = now;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].id[0] && seen_add(&x->known, seen_hash_text(SEEN_START, s->list[i].id)) < 0)
            return err_set(err, ERR_MEMORY, "out of memory for the tasks of a run");
    return 0;
}

static void page_done(struct subjects *s)
{
    struct strangers *x = &s->strangers;
    int64_t now = loop_now(s->room->loop);
    json_decref(x->page.arns);
    x->page.arns = NULL;
    x->due = now;
    if (!x->page.last && s->rowless < DESCRIBE_ROWLESS_MAX)
        return;
    int64_t rest = REST_FACTOR * (now - x->began);
    x->due = now + (rest > PASS_AGAIN ? rest : PASS_AGAIN);
    forget_pass(x);
}

/* Leaves those that are to be described. */
static void drop_known(struct strangers *x)
{
    for (size_t i = json_array_size(x->page.arns); i-- > 0;) {
        const char *arn = json_string_value(json_array_get(x->page.arns, i));
        if (!arn || seen_has(&x->known, seen_hash_text(SEEN_START, ecs_task_id(arn))))
            (void)json_array_remove(x->page.arns, i);
    }
}

static void listed(void *ctx, struct aws_response *response, const struct error *err)
{
    struct describe *d = ctx;
    struct subjects *s = d->asked_run;
    struct strangers *x = &s->strangers;
    struct error why = {0};
    d->busy = false;
    if (err || task_page_take(&x->page, response, &why)) {
        failed(s, err ? err : &why);
        return;
    }
    x->failures = 0;
    x->due = loop_now(s->room->loop);
    drop_known(x);
    if (json_array_size(x->page.arns) == 0)
        page_done(s);
}

static void read_seq(void *ctx, const struct store_task *task)
{
    int64_t *seq = ctx;
    *seq = task->seq;
}

/* Which task of the run it is, its overrides tell. A task of another kind is nobody's. */
static void note_task(struct subjects *s, json_t *item, struct news *n, int64_t now)
{
    struct ecs_task task;
    struct error err = {0};
    int64_t seq = -1;
    const char *name = ecs_task_env(item, "task_name");
    if (!name || ecs_task_read(item, &task, &err) ||
        store_task_get(s->room->loop->store, s->run_id, name, read_seq, &seq, &err) ||
        !subjects_met(s, seq, ecs_task_id(task.arn)))
        return;
    bool stopped = strcmp(task.last_status, "STOPPED") == 0;
    news_add(n, s, seq, item, stopped);
    subjects_told(s, seq, stopped, now);
}

static int take_tasks(struct subjects *s, const struct aws_response *response, struct error *err)
{
    struct news *n = news_new(err);
    json_t *item;
    size_t i;
    if (!n)
        return -1;
    json_array_foreach (ecs_tasks(response), i, item)
        note_task(s, item, n, loop_now(s->room->loop));
    int rc = news_keep(n, s, err);
    news_free(n);
    return rc;
}

static void described(void *ctx, struct aws_response *response, const struct error *err)
{
    struct describe *d = ctx;
    struct subjects *s = d->asked_run;
    struct error why = {0};
    d->busy = false;
    if (err || take_tasks(s, response, &why))
        failed(s, err ? err : &why);
    else
        page_done(s);
}

/* A page has 100 ARNs at most, just what DescribeTasks takes. */
static int build(const struct subjects *s, struct aws_request *request, struct error *err)
{
    const struct task_page *page = &s->strangers.page;
    const char *ids[ECS_DESCRIBE_MAX];
    size_t count = 0;
    const json_t *arn;
    size_t i;
    if (!page->arns)
        return task_page_ask(page, s->cluster, s->run_id, "RUNNING", request, err);
    json_array_foreach (page->arns, i, arn)
        if (count < ECS_DESCRIBE_MAX)
            ids[count++] = ecs_task_id(json_string_value(arn));
    return ecs_describe_tasks(request, s->cluster, ids, count, err);
}

void strangers_ask(struct describe *d, struct subjects *s)
{
    const struct strangers *x = &s->strangers;
    struct aws_request request = {0};
    struct error err = {0};
    int rc = x->began ? 0 : begin_pass(s, loop_now(d->loop), &err);
    if (!rc)
        rc = build(s, &request, &err);
    if (!rc)
        rc = aws_send(d->loop->aws, &request, x->page.arns ? described : listed, d, &err);
    d->busy = rc == 0;
    if (rc) {
        aws_request_free(&request);
        failed(s, &err);
    }
}
