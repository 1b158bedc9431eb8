/* SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat. */
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <stdlib.h>
#include <string.h>

enum { TOKEN_TEXT = 64 }; /* what engine_state_task.c makes: 48 bytes in base64 */

struct task_request {
    struct request request; /* first */
    const char *token;      /* borrowed from the call */
    json_t *output;         /* success */
};

static void release(struct request *r)
{
    json_decref(((struct task_request *)r)->output);
}

/* The frame that waits for the token; NULL: answered. */
static struct frame *find(struct engine *e, struct task_request *t)
{
    struct frame *f = names_get(&e->tokens, t->token);
    if (!f)
        request_fault(e, &t->request, "TaskTimedOut",
                      "Task Timed Out: 'Provided task does not exist anymore'");
    return f;
}

/* The frame goes on in this very turn; the answer follows with its commit. */
static void decide_success(struct engine *e, struct request *r)
{
    struct task_request *t = (struct task_request *)r;
    struct frame *f = find(e, t);
    if (!f)
        return;
    task_token_used(e, f, json_incref(t->output), NULL);
    request_reply(e, r, json_object(), NULL);
}

/* Error and cause may both be missing. */
static void decide_failure(struct engine *e, struct request *r)
{
    struct task_request *t = (struct task_request *)r;
    struct asl_failure failure = {0};
    const char *cause = json_str(r->call->input, "cause", NULL);
    const char *error = json_str(r->call->input, "error", "");
    struct frame *f = find(e, t);
    if (!f)
        return;
    (void)snprintf(failure.error, sizeof failure.error, "%s", error);
    if (cause)
        asl_fail(&failure, error, "%s", cause);
    task_token_used(e, f, NULL, &failure);
    request_reply(e, r, json_object(), NULL);
}

/* A heartbeat moves the heartbeat's deadline only, never the timeout, and writes no event. */
static void decide_heartbeat(struct engine *e, struct request *r)
{
    struct frame *f = find(e, (struct task_request *)r);
    if (!f)
        return;
    if (f->heartbeat_every) {
        (void)timers_arm(&e->timers, &f->heartbeat, e->now + f->heartbeat_every);
        frame_touch(e, f, DIRTY_STATE);
    }
    request_reply(e, r, json_object(), NULL);
}

/* A token that cannot be one of ours is invalid; one that is no longer known has timed out. */
static struct task_request *make(struct local_call *call,
                                 void (*decide)(struct engine *e, struct request *r))
{
    const char *token = json_str(call->input, "taskToken", "");
    if (strlen(token) != TOKEN_TEXT) {
        local_fault(call, 400, "InvalidToken", "Invalid Token: 'Invalid token'");
        return NULL;
    }
    struct task_request *t = (struct task_request *)request_new(call, sizeof *t, decide, release);
    if (t)
        t->token = token;
    return t;
}

void api_task_success(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *text = json_str(call->input, "output", NULL);
    struct task_request *t = make(call, decide_success);
    if (!t)
        return;
    if (text && json_parse(text, strlen(text), &t->output, &err) == 0) {
        request_post(s, &t->request);
        return;
    }
    local_fault(call, 400, "InvalidOutput", "Invalid Output: '%s'",
                text ? err.message : "output is missing");
    request_cancel(&t->request);
}

void api_task_failure(struct local_sfn *s, struct local_call *call)
{
    struct task_request *t = make(call, decide_failure);
    if (t)
        request_post(s, &t->request);
}

void api_task_heartbeat(struct local_sfn *s, struct local_call *call)
{
    struct task_request *t = make(call, decide_heartbeat);
    if (t)
        request_post(s, &t->request);
}
