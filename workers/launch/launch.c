/* One chunk: where the last one ended, what an earlier try of it has done, rounds, where it ends.
 */
#include "workers/launch/launch.h"

#include "lib/json/json_read.h"
#include "workers/launch/rounds.h"

#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 20,
    BACKOFF_MS = 1000,
    RESERVE_MS = 30000,
    SPEC_BYTES_MAX = BUF_MAX_STATE - 16 * 1024, /* beside it: the answer, and a failure */
};

static void settle_options(struct launch *l, const struct launch_options *given)
{
    l->options = *given;
    if (l->options.in_flight == 0)
        l->options.in_flight = IN_FLIGHT;
    if (l->options.backoff_ms == 0)
        l->options.backoff_ms = BACKOFF_MS;
    if (l->options.reserve_ms == 0) {
        int64_t quarter = worker_ms_left(l->w) / 4;
        l->options.reserve_ms = quarter < RESERVE_MS ? quarter : RESERVE_MS;
    }
}

/* From call to call the bucket goes by the wall clock; a clock that went back gives nothing. */
static void open_bucket(struct launch *l)
{
    const struct cursor *c = l->cursor;
    const struct limits *limits = &l->options.limits;
    double seconds = (double)(clock_wall(l->w->clock) - c->at) / (double)CLOCK_SECOND;
    double level = c->at ? (double)c->tokens : (double)limits->burst;
    bucket_open(&l->bucket, limits->rate, limits->burst, level, c->at ? seconds : 0,
                clock_mono(l->w->clock));
}

static int launch_open(struct launch *l, struct error *err)
{
    const struct spec *spec = &l->plan->spec;
    l->targets = calloc(spec->task_count, sizeof *l->targets);
    l->todo = calloc(spec->task_count, sizeof *l->todo);
    if (!l->targets || !l->todo)
        return err_set(err, ERR_MEMORY, "out of memory for %zu tasks", spec->task_count);
    for (int64_t i = 0; i < l->cursor->next; i++)
        l->targets[i].outcome = LAUNCHED;
    for (size_t i = 0; i < l->cursor->waiting_count; i++)
        l->targets[l->cursor->waiting[i]] = (struct target){
            .outcome = WAITING,
            .kind = l->cursor->starved_at ? REFUSAL_CAPACITY : REFUSAL_DOUBTFUL,
        };
    open_bucket(l);
    if (spec_split(spec->subnet_id_literal, spec->separator, &l->subnets, &l->subnet_count, err))
        return -1;
    return spec_split(spec->security_group_id, spec->separator, &l->groups, &l->group_count, err);
}

/* What the next chunk, or the monitor, is told. */
static void settle_counts(struct launch *l)
{
    struct run *run = &l->plan->run;
    l->cursor->at = clock_wall(l->w->clock);
    l->cursor->tokens = (int64_t)bucket_level(&l->bucket, clock_mono(l->w->clock));
    run->refused = l->cursor->refused;
    run->launched = l->cursor->next - (int64_t)l->cursor->waiting_count - l->cursor->refused;
    run->history_events = l->cursor->chunk * LAUNCH_EVENTS_PER_CHUNK;
}

int launch_tasks(struct plan *p, const struct worker *w, const struct launch_options *options,
                 struct cursor *cursor, bool repeated, bool *launching, struct error *err)
{
    struct launch l = {.plan = p, .w = w, .cursor = cursor};
    settle_options(&l, options);
    int rc = launch_open(&l, err);
    if (rc == 0 && repeated)
        rc = launch_adopt(&l, err);
    if (rc == 0)
        rc = launch_rounds(&l, launching, err);
    if (rc == 0)
        settle_counts(&l);
    free(l.targets);
    free(l.todo);
    free(l.subnets);
    free(l.groups);
    return rc;
}

/* The run for the monitor; while there is more to do, for the state machine what to do. */
static json_t *write_answer(struct plan *p, const struct cursor *cursor, bool launching)
{
    p->run.wait_seconds = launching ? cursor->wait_seconds : 0;
    json_t *answer = run_write(&p->run);
    int bad = !answer || json_object_set_new(answer, "launching", json_boolean(launching));
    if (!bad && launching)
        bad = json_object_set_new(answer, "cursor", cursor_write(cursor));
    if (!bad)
        return answer;
    json_decref(answer);
    return NULL;
}

/* The summary row comes first: whatever happens to the launch, the run can be seen. */
static int begin_chunk(struct plan *p, const struct worker *w, const struct cursor *cursor,
                       struct error *err)
{
    return cursor->chunk == 0 ? plan_write_summary(p, w, err)
                              : plan_claim_chunk(p, w, cursor->chunk, err);
}

static int launch_chunk(struct plan *p, const struct worker *w, struct cursor *cursor,
                        json_t **answer, struct error *err)
{
    struct launch_options options = {0};
    bool launching = false;
    int rc = limits_read(&options.limits, NULL, err);
    if (rc == 0)
        rc = begin_chunk(p, w, cursor, err);
    if (rc == 0)
        rc = launch_tasks(p, w, &options, cursor, p->repeated, &launching, err);
    if (rc != 0)
        return -1;
    log_info(w->log, launching ? "launched some" : "launched",
             LOG_STR("aws_request_id", w->request_id), LOG_INT("run_id", p->run.workflow_run_id),
             LOG_INT("chunk", cursor->chunk), LOG_INT("launched", p->run.launched),
             LOG_INT("refused", p->run.refused), LOG_INT("wait_seconds", cursor->wait_seconds));
    *answer = write_answer(p, cursor, launching);
    return *answer ? 0 : err_set(err, ERR_MEMORY, "out of memory while answering");
}

/* An answer for which the state has no room ends the execution at once, uncaught, with tasks
 * running that nobody watches: rather nothing is started. */
static int check_room(const json_t *spec, struct error *err)
{
    struct buf text;
    buf_init(&text, SPEC_BYTES_MAX);
    json_dump(&text, spec);
    bool fits = buf_check(&text, NULL) == 0;
    buf_free(&text);
    if (fits)
        return 0;
    return err_set(
        err, ERR_LIMIT,
        "the spec has more than %d bytes, which leaves no room in the execution's state: "
        "submit it to the control plane, or store taskList in S3 and give taskManifest",
        SPEC_BYTES_MAX);
}

int launch_handle(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct plan p;
    struct cursor cursor;
    const json_t *before = json_object_get(json_object_get(event, "launch"), "answer");
    const json_t *spec = json_object_get(event, "spec");
    if (!before && spec && check_room(spec, err) != 0)
        return -1;
    if (plan_open(&p, w, event, 1, err) != 0)
        return -1;
    int rc = cursor_read(json_object_get(before, "cursor"), p.run.number_of_tasks, &cursor, err);
    if (rc == 0)
        rc = launch_chunk(&p, w, &cursor, answer, err);
    plan_close(&p);
    return rc;
}
