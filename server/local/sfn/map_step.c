/* Steps: what a run does only once a commit is durable, or once S3 has answered.
 *
 *   map_step_commit: (commit) -> then
 *   map_step_ask:    (commit) -> S3 ... any thread ... -> mailbox -> then
 *
 * The run may be gone by then: whoever ends it cuts the tie (map_step_forget). */
#include "server/local/sfn/map_run.h"

#include "lib/json/json_read.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void step_free(struct map_step *step)
{
    mailbox_release(step->mailbox);
    json_decref(step->call.input);
    json_decref(step->output);
    buf_free(&step->keys);
    buf_free(&step->lines);
    free(step->text);
    free(step);
}

/* The run's next step may be made by `then`: the tie is cut before. */
static void finish(struct engine *e, struct map_step *step)
{
    struct map_run *run = step->run;
    if (run) {
        run->step = NULL;
        step->run = NULL;
        step->then(e, run, step);
    }
    step_free(step);
}

static void deliver(struct engine *e, struct message *m)
{
    finish(e, (struct map_step *)m);
}

static void drop_message(struct message *m)
{
    step_free((struct map_step *)m);
}

/* On whatever thread S3 answers. */
static void answered(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct map_step *step = call->ctx;
    step->output = output;
    if (fault) {
        (void)snprintf(step->code, sizeof step->code, "%s", fault->code);
        step->text = strdup(fault->message);
    }
    mailbox_post(step->mailbox, &step->message);
}

static struct map_step *of_effect(struct effect *effect)
{
    return (struct map_step *)((char *)effect - offsetof(struct map_step, effect));
}

static void release(struct effect *self, struct engine *e)
{
    struct map_step *step = of_effect(self);
    if (step->run && step->service)
        step->service->call(step->service->self, &step->call);
    else
        finish(e, step);
}

static void drop_effect(struct effect *self)
{
    struct map_step *step = of_effect(self);
    if (step->run)
        step->run->step = NULL;
    step_free(step);
}

/* A run that has ended meanwhile needs no items. */
static int write_lines(struct effect *self, struct sfn_db *db, struct error *err)
{
    struct map_step *step = of_effect(self);
    return step->run ? sfn_db_put_map_items(db, step->run_id, &step->lines, err) : 0;
}

struct map_step *map_step_commit(struct engine *e, struct map_run *run,
                                 void (*then)(struct engine *e, struct map_run *run,
                                              struct map_step *step))
{
    struct map_step *step = calloc(1, sizeof *step);
    if (!step)
        return NULL;
    step->message.deliver = deliver;
    step->message.drop = drop_message;
    step->mailbox = mailbox_hold(e->mailbox);
    step->run = run;
    step->run_id = run->id;
    step->then = then;
    step->effect = (struct effect){.write = write_lines, .release = release, .drop = drop_effect};
    buf_init(&step->lines, BUF_MAX_OBJECT);
    buf_init(&step->keys, BUF_MAX_OBJECT);
    run->step = step;
    engine_effect(e, &step->effect);
    return step;
}

struct map_step *
map_step_ask(struct engine *e, struct map_run *run, const char *operation, json_t *input,
             void (*then)(struct engine *e, struct map_run *run, struct map_step *step))
{
    struct map_step *step = input ? map_step_commit(e, run, then) : NULL;
    if (!step) {
        json_decref(input);
        return NULL;
    }
    step->service = e->backend->s3;
    step->call =
        (struct local_call){.operation = operation, .input = input, .done = answered, .ctx = step};
    if (!step->service)
        (void)snprintf(step->code, sizeof step->code, "ServiceUnavailable");
    return step;
}

/* The sentence tells which object it is about; a listing has a prefix instead of a key. */
bool map_step_refused(struct engine *e, struct map_run *run, const struct map_step *step,
                      const char *error)
{
    struct asl_failure failure = {0};
    char sentence[1024];
    if (!step->code[0])
        return false;
    (void)snprintf(sentence, sizeof sentence, "%s: %s (Service: S3, Bucket: %s, Key: %s)",
                   step->code, step->text ? step->text : "This endpoint does not offer S3.",
                   json_str(step->call.input, "Bucket", "?"),
                   json_str(step->call.input, "Key", json_str(step->call.input, "Prefix", "")));
    asl_fail(&failure, error, "%s", sentence);
    map_run_fail(e, run, &failure);
    return true;
}

void map_step_forget(struct map_step *step)
{
    if (step)
        step->run = NULL;
}
