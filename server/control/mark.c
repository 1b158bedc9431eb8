/* A page of open tasks at a time, first the submitted, then the running ones. The mirror makes no
 * pass meanwhile, so the store's list stays as it is while it is walked. */
#include "server/control/mark.h"

#include "lib/crypto/crypto.h"
#include "server/loop/trouble.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, IN_FLIGHT_MAX = 10, REFUSALS_MAX = 3, KEY_MAX = 512, STAND_IN_MAX = 64 };

enum row_state { ROW_WAITING, ROW_SENT, ROW_DONE };

/* One task of the page at hand. */
struct marked {
    struct mark *mark;
    enum row_state state;
    bool has_row;
    char *name;
    char *object_key;
    char *id; /* whole: a row of a cut id would be another one */
};

struct mark {
    const struct loop *loop;
    int64_t run_id;
    struct audit_table details;
    enum audit_status row_status;
    const char *stop_code, *why;
    const struct census *census;
    int status;    /* of the tasks that are listed */
    int64_t after; /* the last seq of the page at hand */
    bool more;     /* the store has further ones of that status */
    struct marked page[PAGE];
    size_t count;
    int in_flight;
    bool given_up;
    bool failed; /* a task of the page could not be copied */
    struct trouble trouble;
};

struct mark *mark_begin(const struct mark_options *options, struct error *err)
{
    struct mark *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(err, ERR_MEMORY, "out of memory for the rows of an ended run");
        return NULL;
    }
    m->loop = options->loop;
    m->run_id = options->run_id;
    m->details = *options->details;
    m->row_status = options->status;
    m->stop_code = options->stop_code;
    m->why = options->why;
    m->census = options->census;
    m->status = m->census ? AUDIT_SUBMITTED : AUDIT_RUNNING;
    m->after = -1;
    m->more = true;
    return m;
}

static void drop_page(struct mark *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->page[i].name);
        free(m->page[i].object_key);
        free(m->page[i].id);
    }
    m->count = 0;
}

struct mark *mark_free(struct mark *m)
{
    if (!m)
        return NULL;
    drop_page(m);
    free(m);
    return NULL;
}

/* As the launcher names tasks that it could not start, so that there is one row for each of them.
 */
static int stand_in_id(int64_t run_id, const char *name, char out[STAND_IN_MAX], struct error *err)
{
    char text[KEY_MAX];
    char hex[SHA256_HEX];
    int len = snprintf(text, sizeof text, "%" PRId64 "/%s", run_id, name);
    if (len < 0 || (size_t)len >= sizeof text)
        return err_set(err, ERR_LIMIT, "the task name \"%.40s...\" is too long", name);
    if (crypto_sha256_hex(text, (size_t)len, hex, err))
        return -1;
    (void)snprintf(out, STAND_IN_MAX, "not-started-%.32s", hex);
    return 0;
}

/* The row dies with the callback, so its texts are copied. */
static void take_task(void *ctx, const struct store_task *task)
{
    struct mark *m = ctx;
    struct error err = {0};
    struct marked *one = &m->page[m->count];
    *one = (struct marked){.mark = m, .has_row = task->ecs_task_id != NULL};
    one->name = strdup(task->name);
    one->object_key = task->object_key ? strdup(task->object_key) : NULL;
    m->after = task->seq;
    m->count++;
    const char *id = one->has_row ? task->ecs_task_id : census_id(m->census, task->name);
    char stand_in[STAND_IN_MAX];
    if (!id && stand_in_id(m->run_id, task->name, stand_in, &err) == 0)
        id = stand_in;
    one->id = id ? strdup(id) : NULL;
    bool copied = one->name && one->id && (!task->object_key || one->object_key);
    m->failed = m->failed || !copied;
}

/* The next page; those of the next status when there are no more. */
static int next_page(struct mark *m, struct error *err)
{
    int64_t after = m->after;
    drop_page(m);
    m->failed = false;
    if (!m->more) {
        m->status = AUDIT_RUNNING;
        after = -1;
    }
    int rc = store_task_list(m->loop->store, m->run_id, m->status, after, PAGE, take_task, m,
                             &m->more, err);
    if (!rc && m->failed)
        rc = err_set(err, ERR_MEMORY, "out of memory for the rows of an ended run");
    if (rc) {
        drop_page(m);
        m->after = after;
        m->more = true;
    }
    return rc;
}

/* A table that refuses again and again is given up on: the run must end all the same. */
static void row_failed(struct mark *m, const struct error *err)
{
    trouble_add(&m->trouble, m->loop, m->run_id, "the audit rows cannot be ended", err);
    if (m->trouble.failures >= REFUSALS_MAX && loop_fault(err) != LOOP_PASSING)
        m->given_up = true;
}

/* A refused condition is good news: the task has spoken for itself. */
static void row_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct marked *one = ctx;
    struct mark *m = one->mark;
    bool refused = err && err_is_remote(err, "ConditionalCheckFailedException");
    (void)response;
    m->in_flight--;
    loop_note(m->loop, refused ? NULL : err);
    one->state = !err || refused ? ROW_DONE : ROW_WAITING;
    if (one->state == ROW_DONE)
        trouble_over(&m->trouble, m->loop, m->run_id);
    else
        row_failed(m, err);
}

static int build_row(const struct marked *one, struct aws_request *request, struct error *err)
{
    const struct mark *m = one->mark;
    int64_t now = clock_wall(m->loop->clock);
    const struct audit_detail row = {
        .workflow_run_id = m->run_id,
        .ecs_task_id = one->id,
        .task_name = one->name,
        .status = m->row_status,
        .start_time = now,
        .update_time = now,
        .exec_time_in_seconds = -1,
        .object_key = one->object_key,
        .bytes = -1,
        .stop_code = m->stop_code,
        .stopped_reason = m->why,
        .exit_code = -1,
    };
    return one->has_row ? audit_detail_finish(request, &m->details, &row, err)
                        : audit_detail_put(request, &m->details, &row, err);
}

static void send_row(struct marked *one)
{
    struct mark *m = one->mark;
    struct aws_request request = {0};
    struct error err = {0};
    if (build_row(one, &request, &err) || aws_send(m->loop->aws, &request, row_came, one, &err)) {
        aws_request_free(&request);
        row_failed(m, &err);
        return;
    }
    one->state = ROW_SENT;
    m->in_flight++;
}

/* Sends as far as there is room; tells whether the page has rows that are not done. */
static bool send_page(struct mark *m, int64_t now)
{
    bool open = false;
    for (size_t i = 0; i < m->count && !m->given_up; i++) {
        struct marked *one = &m->page[i];
        if (one->state == ROW_WAITING && m->in_flight < IN_FLIGHT_MAX &&
            now >= m->trouble.not_before)
            send_row(one);
        open = open || one->state != ROW_DONE;
    }
    return open;
}

static bool at_end(const struct mark *m)
{
    return m->given_up || (!m->more && m->status == AUDIT_RUNNING);
}

/* A page is written to its last row before the next one is read. */
int64_t mark_step(struct mark *m)
{
    int64_t now = loop_now(m->loop);
    while (!send_page(m, now) && m->in_flight == 0 && !at_end(m)) {
        struct error err = {0};
        if (now < m->trouble.not_before)
            return m->trouble.not_before;
        if (next_page(m, &err)) {
            row_failed(m, &err);
            return m->trouble.not_before;
        }
    }
    return m->trouble.not_before > now ? m->trouble.not_before : LOOP_NEVER;
}

bool mark_done(const struct mark *m)
{
    bool open = false;
    for (size_t i = 0; i < m->count; i++)
        open = open || m->page[i].state != ROW_DONE;
    return m->in_flight == 0 && at_end(m) && (m->given_up || !open);
}
