/* Jobs that nobody waits for any more are stopped. That a job is to be stopped is noted with the
 * commit that ends who waited, and forgotten once the service has answered: should this process die
 * in between, the next start asks again. Stopping twice is harmless. */
#include "lib/json/json_read.h"
#include "server/local/sfn/task.h"

#include <stdlib.h>
#include <string.h>

/* effect: first the note with its row, later its deletion. */
struct job_stop {
    struct effect effect;
    struct message message;
    struct local_call call;
    const struct sfn_backend *backend;
    struct mailbox *mailbox; /* held */
    char *job, *service;
    json_t *input;
    bool refused; /* the service could not do it now: it is asked again after the next start */
};

static void stop_free(struct job_stop *s)
{
    if (!s)
        return;
    mailbox_release(s->mailbox);
    json_decref(s->input);
    free(s->service);
    free(s->job);
    free(s);
}

static struct job_stop *of_effect(struct effect *effect)
{
    return (struct job_stop *)((char *)effect - offsetof(struct job_stop, effect));
}

static struct job_stop *of_message(struct message *m)
{
    return (struct job_stop *)((char *)m - offsetof(struct job_stop, message));
}

static void drop_effect(struct effect *self)
{
    stop_free(of_effect(self));
}

static void drop_message(struct message *m)
{
    stop_free(of_message(m));
}

/* --- behind the answer ------------------------------------------------------------------------ */

static int forget_write(struct effect *self, struct sfn_db *db, struct error *err)
{
    return sfn_db_delete_stop(db, of_effect(self)->job, err);
}

static void forget_release(struct effect *self, struct engine *e)
{
    (void)e;
    stop_free(of_effect(self));
}

static void answer_came(struct engine *e, struct message *m)
{
    struct job_stop *s = of_message(m);
    if (s->refused) {
        stop_free(s);
        return;
    }
    s->effect =
        (struct effect){.write = forget_write, .release = forget_release, .drop = drop_effect};
    engine_effect(e, &s->effect);
}

/* On whatever thread the service answers. That there is no such job any more is an answer, too. */
static void answered(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct job_stop *s = call->ctx;
    json_decref(output);
    s->refused = fault && fault->status >= 500;
    mailbox_post(s->mailbox, &s->message);
}

/* --- noting and asking ------------------------------------------------------------------------ */

static int note_write(struct effect *self, struct sfn_db *db, struct error *err)
{
    const struct job_stop *s = of_effect(self);
    char *input = json_dumps(s->input, JSON_COMPACT);
    int rc = input ? sfn_db_put_stop(db, s->job, s->service, input, err)
                   : err_set(err, ERR_MEMORY, "out of memory for a job to stop");
    free(input);
    return rc;
}

static void ask(struct effect *self, struct engine *e)
{
    struct job_stop *s = of_effect(self);
    bool ecs = strcmp(s->service, "ecs") == 0;
    const struct local_service *service = ecs ? s->backend->ecs : s->backend->states;
    (void)e;
    if (!service) {
        stop_free(s);
        return;
    }
    s->call = (struct local_call){.operation = ecs ? "StopTask" : "StopExecution",
                                  .input = s->input,
                                  .done = answered,
                                  .ctx = s};
    service->call(service->self, &s->call);
}

/* Takes the input over. Without memory the job goes on, which is all that can be done then. */
static void stop_queue(struct engine *e, const char *job, const char *service, json_t *input,
                       bool noted)
{
    struct job_stop *s = input ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        json_decref(input);
        return;
    }
    s->message = (struct message){.deliver = answer_came, .drop = drop_message};
    s->effect =
        (struct effect){.write = noted ? NULL : note_write, .release = ask, .drop = drop_effect};
    s->backend = e->backend;
    s->mailbox = mailbox_hold(e->mailbox);
    s->input = input;
    s->job = strdup(job);
    s->service = strdup(service);
    if (s->job && s->service)
        engine_effect(e, &s->effect);
    else
        stop_free(s);
}

void task_stop(struct engine *e, const struct task_call *call)
{
    stop_queue(e, call->job, call->kind->service, call->kind->stop_input(call), false);
}

static int again(void *ctx, const char *job, const char *service, const char *input)
{
    struct engine *e = ctx;
    json_t *tree = NULL;
    if (json_parse(input, strlen(input), &tree, NULL) == 0)
        stop_queue(e, job, service, tree, true);
    return 0;
}

int task_stops_resume(struct engine *e, struct error *err)
{
    return sfn_db_stops(e->db, again, e, err);
}
