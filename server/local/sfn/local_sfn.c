/* The door: opening, the engine's thread, closing, and state machines that start-up provides. */
#include "server/local/sfn/local_sfn.h"

#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <stdlib.h>
#include <string.h>

/* Opened after the writer has made the tables. */
static int open_readers(struct local_sfn *s, const char *path, struct error *err)
{
    for (int i = 0; i < SFN_READERS; i++) {
        s->readers[i] = sfn_reader_open(path, err);
        if (!s->readers[i])
            return -1;
    }
    return 0;
}

/* State machines are there before the first call; executions go on with local_sfn_start. */
static int open_engine(struct local_sfn *s, struct error *err)
{
    const struct engine_options options = {
        .clock = s->clock, .log = s->log, .region = s->region, .backend = &s->backend, .db = s->db};
    s->engine = engine_new(&options, err);
    if (!s->engine)
        return -1;
    s->mailbox = mailbox_hold(s->engine->mailbox);
    return engine_load(s->engine, err);
}

struct local_sfn *sfn_open_with(const struct local_sfn_options *options,
                                const struct sfn_backend *backend, struct error *err)
{
    struct local_sfn *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_MEMORY, "out of memory for Step Functions");
        return NULL;
    }
    s->clock = options->clock ? options->clock : clock_system();
    s->log = options->log;
    s->backend = *backend;
    s->service = (struct local_service){.name = "states", .self = s, .call = sfn_service_call};
    s->backend.states = &s->service;
    s->region = strdup(options->region);
    if (!s->region)
        err_set(err, ERR_MEMORY, "out of memory for Step Functions");
    else
        s->db = sfn_db_open(options->path, err);
    if (!s->db || open_readers(s, options->path, err) || open_engine(s, err))
        return local_sfn_close(s);
    return s;
}

static void invoke(void *lambda, const char *function, const void *payload, size_t len,
                   void (*done)(void *ctx, const struct lambda_outcome *outcome), void *ctx)
{
    local_lambda_invoke(lambda, function, payload, len, done, ctx);
}

static uint64_t watch(void *tasks, const char *task_arn, void (*stopped)(void *ctx, json_t *task),
                      void *ctx)
{
    return local_ecs_watch(tasks, task_arn, stopped, ctx);
}

static bool unwatch(void *tasks, uint64_t number)
{
    return local_ecs_unwatch(tasks, number);
}

struct local_sfn *local_sfn_open(const struct local_sfn_options *options, struct error *err)
{
    struct sfn_backend backend = {.dynamodb = options->dynamodb, .s3 = options->s3};
    if (options->lambda) {
        backend.invoke = invoke;
        backend.lambda = options->lambda;
    }
    if (options->ecs) {
        backend.ecs = local_ecs_service(options->ecs);
        backend.watch = watch;
        backend.unwatch = unwatch;
        backend.tasks = options->ecs;
    }
    return sfn_open_with(options, &backend, err);
}

int sfn_resume(struct local_sfn *s, struct error *err)
{
    return engine_resume(s->engine, err);
}

int64_t sfn_turn(struct local_sfn *s, int64_t wait)
{
    return engine_turn(s->engine, wait);
}

/* The engine's thread: turns, until it is told to stop. The last turn has committed what it did. */
static void *run(void *arg)
{
    struct local_sfn *s = arg;
    int64_t wait = 0;
    while (!__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE))
        wait = engine_turn(s->engine, wait);
    return NULL;
}

int local_sfn_start(struct local_sfn *s, struct error *err)
{
    if (engine_resume(s->engine, err))
        return -1;
    int rc = pthread_create(&s->thread, NULL, run, s);
    if (rc)
        return err_set(err, ERR_SYSTEM, "no thread for Step Functions: %s", strerror(rc));
    s->running = true;
    return 0;
}

struct local_sfn *local_sfn_close(struct local_sfn *s)
{
    if (!s)
        return NULL;
    if (s->running) {
        __atomic_store_n(&s->stopping, 1, __ATOMIC_RELEASE);
        mailbox_wake(s->mailbox);
        (void)pthread_join(s->thread, NULL);
    }
    engine_free(s->engine);
    mailbox_release(s->mailbox);
    for (int i = 0; i < SFN_READERS; i++)
        sfn_reader_close(s->readers[i]);
    sfn_db_close(s->db);
    free(s->region);
    free(s);
    return NULL;
}

const struct local_service *local_sfn_service(struct local_sfn *s)
{
    return &s->service;
}

/* Waits for the answer of a call that another thread gives. */
struct waiter {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t answered;
    bool done;
    struct error *err;
    int rc;
};

/* The answer of CreateStateMachine, on whatever thread. */
static void seeded(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct waiter *w = call->ctx;
    json_decref(output);
    pthread_mutex_lock(&w->lock);
    w->rc = fault ? err_set(w->err, ERR_ARGUMENT, "%s: %s", fault->code, fault->message) : 0;
    w->done = true;
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->lock);
}

int local_sfn_ensure_machine(struct local_sfn *s, const char *name, const char *definition,
                             struct error *err)
{
    struct waiter w = {.err = err};
    json_t *input = json_pack("{s:s, s:s, s:s}", "name", name, "definition", definition, "roleArn",
                              "arn:aws:iam::" LOCAL_ACCOUNT ":role/stepfleet");
    if (!input)
        return err_set(err, ERR_ARGUMENT, "the definition of %s is not valid UTF-8", name);
    struct local_call call = {
        .operation = "CreateStateMachine", .input = input, .done = seeded, .ctx = &w};
    (void)pthread_mutex_init(&w.lock, NULL);
    (void)pthread_cond_init(&w.answered, NULL);
    sfn_create_machine(s, &call, true);
    pthread_mutex_lock(&w.lock);
    while (!w.done && s->running)
        pthread_cond_wait(&w.answered, &w.lock);
    pthread_mutex_unlock(&w.lock);
    while (!w.done)
        (void)engine_turn(s->engine, 0);
    pthread_cond_destroy(&w.answered);
    pthread_mutex_destroy(&w.lock);
    json_decref(input);
    return w.rc ? err_wrap(err, "state machine %s", name) : 0;
}
