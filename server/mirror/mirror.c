/* The runs that are mirrored, and their passes. */
#include "server/mirror/mirror_private.h"

#include "lib/aws/dynamodb.h"
#include "lib/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN (250 * CLOCK_MS)
#define INTERVAL_MAX (5 * CLOCK_SECOND)
/* Added to the interval for each other run, so that many runs do not ask all at once. */
#define INTERVAL_EACH (20 * CLOCK_MS)
/* Tables that refuse to be read this often in a row are given up on at the end of a run. */
enum { REFUSALS_MAX = 5 };

struct mirror *mirror_new(const struct mirror_options *options, struct error *err)
{
    struct mirror *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(err, ERR_MEMORY, "out of memory for the mirror");
        return NULL;
    }
    m->loop = options->loop;
    m->interval = options->interval > 0 ? options->interval : INTERVAL_MIN;
    m->moved = options->moved;
    m->ctx = options->ctx;
    return mirror_open_streams(m, options, err) ? mirror_free(m) : m;
}

/* Only when no call is in flight, or its callback can come no more. */
static void run_free(struct mirror_run *r)
{
    for (struct mirror_run **at = &r->mirror->runs; *at; at = &(*at)->next) {
        if (*at == r) {
            *at = r->next;
            break;
        }
    }
    json_decref(r->start_key);
    seen_free(&r->seen);
    free(r->names);
    free(r);
}

/* The client is gone by now, so no callback can come for these runs. */
struct mirror *mirror_free(struct mirror *m)
{
    if (!m)
        return NULL;
    while (m->runs)
        run_free(m->runs);
    for (size_t i = 0; i < 2; i++)
        stream_free(m->streams[i]);
    free(m);
    return NULL;
}

/* Copies the spec's names into one allocation and points the tables at them. */
static int copy_names(struct mirror_run *r, const struct spec *spec, struct error *err)
{
    const char **const to[] = {
        &r->workflow_name, &r->details.table,    &r->details.hash_key,  &r->details.range_key,
        &r->summary.table, &r->summary.hash_key, &r->summary.range_key,
    };
    const char *const from[] = {
        spec->workflow_name,     spec->details_table, spec->details_hash_key,
        spec->details_range_key, spec->summary_table, spec->summary_hash_key,
        spec->summary_range_key,
    };
    size_t size = 0;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        size += strlen(from[i]) + 1;
    r->names = malloc(size);
    if (!r->names)
        return err_set(err, ERR_MEMORY, "out of memory for a run");
    char *at = r->names;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        size_t len = strlen(from[i]) + 1;
        *to[i] = memcpy(at, from[i], len);
        at += len;
    }
    return 0;
}

/* The first pass is due at once: after a restart much may have happened. */
struct mirror_run *mirror_follow(struct mirror *m, int64_t run_id, const struct spec *spec,
                                 struct error *err)
{
    struct mirror_run *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, ERR_MEMORY, "out of memory for a run");
        return NULL;
    }
    if (copy_names(r, spec, err)) {
        free(r);
        return NULL;
    }
    r->mirror = m;
    r->id = run_id;
    r->stream = mirror_stream_of(m, r->details.table);
    pace_init(&r->pace, m->interval, m->interval > INTERVAL_MAX ? m->interval : INTERVAL_MAX);
    r->pace.due = loop_now(m->loop);
    r->next = m->runs;
    m->runs = r;
    m->run_count++;
    mirror_expect(m);
    return r;
}

void mirror_leave(struct mirror_run *r)
{
    if (!r)
        return;
    if (!r->finished)
        r->mirror->run_count--;
    r->left = true;
    mirror_expect(r->mirror);
    if (!r->busy)
        run_free(r);
}

void mirror_tables(const struct mirror_run *r, struct mirror_tables *out)
{
    *out = (struct mirror_tables){r->workflow_name, r->details, r->summary};
}

void mirror_finish(struct mirror_run *r, int64_t at)
{
    if (r->finished)
        r->mirror->run_count++;
    r->finished = false;
    r->finishing = true;
    r->pace.due = at;
}

const struct mirror_end *mirror_finished(const struct mirror_run *r)
{
    return r->finished ? &r->end : NULL;
}

/* The last word is in the store. */
static void finish(struct mirror_run *r)
{
    r->finishing = false;
    r->want_summary = false;
    r->finished = true;
    r->mirror->run_count--;
    r->end =
        (struct mirror_end){r->reason[0] ? r->reason : NULL, r->problem[0] ? r->problem : NULL};
}

/* The pass that was begun for the last word leads to the summary row; one that was begun too early
 * is followed by another at once. */
static void end_pass(struct mirror_run *r)
{
    const struct loop *loop = r->mirror->loop;
    int64_t now = loop_now(loop);
    int64_t took = now - r->pass_began;
    int64_t floor = r->mirror->run_count * INTERVAL_EACH;
    r->in_pass = false;
    /* A long run's rows take long to read: not more than every third moment is spent on it. */
    pace_looked(&r->pace, now, r->pass_moved, floor > 2 * took ? floor : 2 * took);
    if (loop->health)
        atomic_store(&loop->health->mirror_at, now);
    if (mirror_streams(r)) {
        r->pace.due = LOOP_NEVER;
        seen_free(&r->seen);
    }
    if (r->last_pass)
        r->want_summary = true;
    else if (r->finishing)
        r->pace.due = now;
}

/* Tables that are not there, or closed to us, are given up on when the run waits for its last word;
 * everything else is tried until it works. */
static void failed(struct mirror_run *r, const struct error *err)
{
    if (aws_is_throttle(err) && r->pace.min < INTERVAL_MAX)
        r->pace.min *= 2;
    trouble_add(&r->trouble, r->mirror->loop, r->id, "the audit rows cannot be read", err);
    if (r->finishing && r->trouble.failures >= REFUSALS_MAX && loop_fault(err) != LOOP_PASSING) {
        (void)snprintf(r->problem, sizeof r->problem, "%s", err->message);
        finish(r);
    }
}

/* A pass that fails begins anew. */
static void page_failed(struct mirror_run *r, const struct error *err)
{
    r->in_pass = false;
    json_decref(r->start_key);
    r->start_key = NULL;
    failed(r, err);
}

/* Common ends of a call; false: the run was left and is gone. */
static bool came_back(struct mirror_run *r, const struct error *err)
{
    r->busy = false;
    loop_note(r->mirror->loop, err);
    if (r->left) {
        run_free(r);
        return false;
    }
    return true;
}

static void page_taken(struct mirror_run *r, json_t *next)
{
    trouble_over(&r->trouble, r->mirror->loop, r->id);
    json_decref(r->start_key);
    r->start_key = next;
    if (!next)
        end_pass(r);
}

/* Where it came from, for whoever asks AWS about it. */
static const struct error *answer_error(const struct mirror_run *r,
                                        const struct aws_response *response, struct error *why)
{
    if (why->code == ERR_SYNTAX)
        err_wrap(why, "Query of %s (request %s)", r->details.table, response->request_id);
    return why;
}

/* The listener is called last: it may touch the run through its follower. */
static void page_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct mirror_run *r = ctx;
    struct error why = {0};
    json_t *key = NULL;
    bool moved = false;
    if (!came_back(r, err))
        return;
    if (!err && mirror_take_page(r, response, &key, &moved, &why))
        err = answer_error(r, response, &why);
    r->pass_moved = r->pass_moved || moved;
    if (err)
        page_failed(r, err);
    else
        page_taken(r, key);
    if (moved && r->mirror->moved)
        r->mirror->moved(r->mirror->ctx, r->id);
}

/* A missing summary row is no error: a run that failed early has none. When it cannot be read, only
 * it is asked for again: a pass that succeeds in between would hide that this never does. */
static void summary_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct mirror_run *r = ctx;
    struct error why = {0};
    struct audit_summary row;
    if (!came_back(r, err))
        return;
    if (err) {
        failed(r, err);
        return;
    }
    trouble_over(&r->trouble, r->mirror->loop, r->id);
    json_t *item = dynamodb_item(response);
    r->reason[0] = '\0';
    if (item && audit_summary_read(item, &r->summary, &row, &why))
        log_warn(r->mirror->loop->log, "the summary row cannot be read", LOG_INT("run_id", r->id),
                 LOG_STR("error", why.message));
    else if (item && row.reason)
        (void)snprintf(r->reason, sizeof r->reason, "%s", row.reason);
    utf8_mend(r->reason);
    r->problem[0] = '\0';
    finish(r);
}

/* Whether it can be the last word is settled here: rows written later may be missed by it. */
static void begin_pass(struct mirror_run *r, int64_t now)
{
    r->in_pass = true;
    r->pass_began = now;
    r->pass_due = r->pace.due;
    r->pass_moved = false;
    r->last_pass = r->finishing;
}

/* The last word is read consistently: rows of a moment ago belong to it. So is the pass behind
 * which rows come as records. */
static int build_page(const struct mirror_run *r, struct aws_request *request, struct error *err)
{
    const int rc =
        r->last_pass || mirror_streams(r)
            ? audit_detail_query_consistent(request, &r->details, r->id, r->start_key, err)
            : audit_detail_query(request, &r->details, r->id, r->start_key, err);
    request->as_text = true;
    return rc;
}

/* One call: the summary row, or the next page of the details. */
static void send_next(struct mirror_run *r, int64_t now)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc;
    if (!r->want_summary && !r->in_pass)
        begin_pass(r, now);
    aws_done_fn done = r->want_summary ? summary_came : page_came;
    if (r->want_summary)
        rc = audit_summary_get(&request, &r->summary, r->workflow_name, r->id, &err);
    else
        rc = build_page(r, &request, &err);
    if (rc || aws_send(r->mirror->loop->aws, &request, done, r, &err)) {
        aws_request_free(&request);
        if (r->want_summary)
            failed(r, &err);
        else
            page_failed(r, &err);
        return;
    }
    r->busy = true;
}

/* Sends the run's next call when it is due; returns when to look again. */
static int64_t run_step(struct mirror_run *r, int64_t now)
{
    if (r->busy || r->left || r->finished)
        return LOOP_NEVER;
    if (now < r->trouble.not_before)
        return r->trouble.not_before;
    /* Its rows came by themselves until now. */
    if (r->pace.due == LOOP_NEVER && !mirror_streams(r))
        r->pace.due = now;
    if (!r->in_pass && !r->want_summary && now < r->pace.due)
        return r->pace.due;
    send_next(r, now);
    return r->busy || r->finished ? LOOP_NEVER : r->trouble.not_before;
}

int64_t mirror_step(struct mirror *m)
{
    int64_t now = loop_now(m->loop);
    int64_t next = LOOP_NEVER;
    for (size_t i = 0; i < 2; i++)
        if (m->streams[i])
            next = loop_earlier(next, stream_step(m->streams[i]));
    for (struct mirror_run *r = m->runs; r; r = r->next)
        next = loop_earlier(next, run_step(r, now));
    return next;
}
