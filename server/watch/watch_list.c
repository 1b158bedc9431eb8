/* Listing the running executions of a state machine: with many runs one call tells of up to 1000
 * of them. A run that is followed as running and is not listed has probably ended: it is described
 * at once. */
#include "server/watch/watch_private.h"

#include "lib/aws/sfn.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_PAGE = 1000 };

bool watch_lists(const struct watch *w)
{
    return w->run_count > w->list_above;
}

void watch_list_free(struct watch_list *l)
{
    free(l->machine_arn);
    free(l->token);
    seen_free(&l->running);
}

/* A pass that failed half-way says nothing: who is not in it may be in its rest. */
static void forget_pass(struct watch_list *l)
{
    free(l->token);
    l->token = NULL;
    seen_free(&l->running);
}

/* A page may be empty and still have a token. */
static int note_items(struct watch_list *l, const struct aws_response *response, struct error *err)
{
    json_t *item;
    size_t i;
    json_array_foreach (sfn_list_items(response), i, item) {
        struct sfn_execution execution;
        if (sfn_list_read(item, &execution, err))
            return -1;
        if (seen_add(&l->running, seen_hash_text(SEEN_START, execution.execution_arn)) < 0)
            return err_set(err, ERR_MEMORY, "out of memory for the list of executions");
    }
    const char *token = sfn_list_next(response);
    free(l->token);
    l->token = token ? strdup(token) : NULL;
    if (token && !l->token)
        return err_set(err, ERR_MEMORY, "out of memory for the list of executions");
    return 0;
}

/* The pass is complete: runs that were not in it are looked at now. */
static void judge(struct watch_list *l)
{
    struct watch *w = l->watch;
    int64_t now = loop_now(w->loop);
    bool moved = false;
    for (struct watch_run *r = w->runs; r; r = r->next) {
        if (&w->lists[r->pattern] != l || r->terminal || r->left || r->since >= l->began ||
            seen_has(&l->running, seen_hash_text(SEEN_START, r->arn)))
            continue;
        r->describe.due = now;
        moved = true;
    }
    forget_pass(l);
    pace_looked(&l->pace, now, moved, 0);
}

/* A listing is a hint and no more: when it fails, runs are still described now and then. */
static void listed(void *ctx, struct aws_response *response, const struct error *err)
{
    struct watch_list *l = ctx;
    struct error why = {0};
    l->busy = false;
    loop_note(l->watch->loop, err);
    if (err || note_items(l, response, &why)) {
        log_warn(l->watch->loop->log, "ListExecutions failed",
                 LOG_STR("error", err ? err->message : why.message));
        forget_pass(l);
        pace_looked(&l->pace, loop_now(l->watch->loop), false, WATCH_MAX);
        return;
    }
    if (!l->token)
        judge(l);
}

/* A run that was followed after the pass began may be missing in it without having ended. */
static void send_page(struct watch_list *l, int64_t now)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (!l->token)
        l->began = now;
    if (sfn_list_executions(&request, l->machine_arn, "RUNNING", LIST_PAGE, l->token, &err) ||
        aws_send(l->watch->loop->aws, &request, listed, l, &err)) {
        aws_request_free(&request);
        forget_pass(l);
        pace_looked(&l->pace, now, false, WATCH_MAX);
        return;
    }
    l->busy = true;
}

int64_t watch_list_step(struct watch_list *l, int64_t now)
{
    if (l->busy || !l->machine_arn || !watch_lists(l->watch))
        return LOOP_NEVER;
    if (!l->token && now < l->pace.due)
        return l->pace.due;
    send_page(l, now);
    return l->busy ? LOOP_NEVER : l->pace.due;
}
