/* A run's tasks by their place in it. The store tells which of them have changed; each has a time
 * at which ECS is asked about it. */
#include "server/describe/describe_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, MISSES_MAX = 6 };

/* Changes come in bursts: they are read together, and asked about together. */
#define READ_INTERVAL (500 * CLOCK_MS)
/* A final row is the task's last word; its process ends a moment later. */
#define FINAL_FIRST (300 * CLOCK_MS)
#define FINAL_MIN (500 * CLOCK_MS)
#define FINAL_MAX (30 * CLOCK_SECOND)
/* Most tasks are over before they are asked about while they run. */
#define RUNNING_FIRST (2 * CLOCK_SECOND)
#define RUNNING_AGAIN (60 * CLOCK_SECOND)
/* One that has written no row is on its way: somebody waits to see how far it is. */
#define ROWLESS_AGAIN (10 * CLOCK_SECOND)

struct subjects *subjects_new(struct describe *room, int64_t run_id, const char *cluster,
                              struct error *err)
{
    struct subjects *s = calloc(1, sizeof *s);
    if (!s || !(s->cluster = strdup(cluster))) {
        free(s);
        err_set(err, ERR_MEMORY, "out of memory for the tasks of a run");
        return NULL;
    }
    s->room = room;
    s->run_id = run_id;
    s->place = (struct store_task_place){0, -1};
    s->moved = true;
    s->due = LOOP_NEVER;
    s->until = LOOP_NEVER;
    strangers_init(s, loop_now(room->loop));
    return s;
}

void subjects_free(struct subjects *s)
{
    if (!s)
        return;
    strangers_free(s);
    free(s->list);
    free(s->cluster);
    free(s);
}

/* Room up to `seq`, whose subject is then at its place. */
static struct subject *at(struct subjects *s, int64_t seq)
{
    if ((size_t)seq < s->count)
        return &s->list[seq];
    size_t count = s->count ? s->count : 64;
    while (count <= (size_t)seq)
        count *= 2;
    struct subject *list = realloc(s->list, count * sizeof *list);
    if (!list)
        return NULL;
    memset(list + s->count, 0, (count - s->count) * sizeof *list);
    for (size_t i = s->count; i < count; i++)
        list[i].due = LOOP_NEVER;
    s->list = list;
    s->count = count;
    return &list[seq];
}

static void set_due(struct subjects *s, struct subject *one, int64_t due)
{
    one->due = due;
    s->due = loop_earlier(s->due, due);
}

static void set_waits(struct subjects *s, struct subject *one, bool waits)
{
    if (waits && !one->waits)
        s->waiting++;
    else if (!waits && one->waits)
        s->waiting--;
    one->waits = waits;
}

static void set_rowless(struct subjects *s, struct subject *one, bool rowless)
{
    if (rowless && !one->rowless)
        s->rowless++;
    else if (!rowless && one->rowless)
        s->rowless--;
    one->rowless = rowless;
}

/* A changed row. What was asked about as final already is so again only with another id: the
 * monitor may add a reason to the row. */
static void take(void *ctx, const struct store_subject *row)
{
    struct subjects *s = ctx;
    int64_t now = loop_now(s->room->loop);
    s->place = (struct store_task_place){row->version, row->seq};
    if (row->seq < 0 || row->seq >= DESCRIBE_SEQ_MAX)
        return;
    struct subject *one = at(s, row->seq);
    if (!one) {
        s->out_of_memory = true;
        return;
    }
    const char *id = row->ecs_task_id ? row->ecs_task_id : "";
    bool final = audit_status_final(row->status);
    set_waits(s, one, !*id && !final && !one->id[0]);
    bool same = strcmp(one->id, id) == 0;
    bool told = same && one->final == final && !one->rowless;
    if (*id || final)
        set_rowless(s, one, false);
    if (told || row->described || !store_is_ecs_id(id))
        return;
    if (!same)
        one->said = 0;
    (void)snprintf(one->id, sizeof one->id, "%s", id);
    one->final = final;
    one->looks = 0;
    set_due(s, one, now + (final ? FINAL_FIRST : RUNNING_FIRST));
}

/* With memory out, or the store in trouble, it is read again from where it was. */
int subjects_read(struct subjects *s, int64_t now, struct error *err)
{
    bool more = true;
    s->moved = false;
    s->read_at = now + READ_INTERVAL;
    s->out_of_memory = false;
    while (more && !s->out_of_memory) {
        struct store_task_place from = s->place;
        if (store_subject_list(s->room->loop->store, s->run_id, &from, PAGE, take, s, &more, err)) {
            s->moved = true;
            return -1;
        }
    }
    return s->out_of_memory ? err_set(err, ERR_MEMORY, "out of memory for the tasks of a run") : 0;
}

size_t subjects_due(struct subjects *s, int64_t now, int64_t seqs[ECS_DESCRIBE_MAX])
{
    size_t count = 0;
    s->due = LOOP_NEVER;
    for (size_t i = 0; i < s->count; i++) {
        const struct subject *one = &s->list[i];
        if (one->due <= now && count < ECS_DESCRIBE_MAX)
            seqs[count++] = (int64_t)i;
        else
            s->due = loop_earlier(s->due, one->due);
    }
    return count;
}

/* Its row may have moved while it was asked about: then it stays due. */
void subjects_told(struct subjects *s, int64_t seq, bool stopped, int64_t now)
{
    struct subject *one = &s->list[seq];
    one->looks++;
    if (stopped)
        one->due = LOOP_NEVER;
    else if (one->final)
        set_due(s, one, now + pace_backoff(FINAL_MIN, FINAL_MAX, one->looks));
    else
        set_due(s, one, now + (one->rowless ? ROWLESS_AGAIN : RUNNING_AGAIN));
}

bool subjects_met(struct subjects *s, int64_t seq, const char *id)
{
    struct subject *one = seq >= 0 && (size_t)seq < s->count ? &s->list[seq] : NULL;
    if (!one || !one->waits || !store_is_ecs_id(id) || s->rowless >= DESCRIBE_ROWLESS_MAX)
        return false;
    (void)snprintf(one->id, sizeof one->id, "%s", id);
    set_rowless(s, one, true);
    one->looks = 0;
    set_waits(s, one, false);
    return true;
}

/* A task that just started may not be known yet; one of long ago is forgotten. */
void subjects_missed(struct subjects *s, int64_t seq, int64_t now)
{
    struct subject *one = &s->list[seq];
    one->looks++;
    if (one->looks >= MISSES_MAX)
        one->due = LOOP_NEVER;
    else
        set_due(s, one, now + pace_backoff(FINAL_MIN, FINAL_MAX, one->looks));
}

bool subjects_done(const struct subjects *s, int64_t now)
{
    return now >= s->until || (s->until != LOOP_NEVER && !s->moved && s->due == LOOP_NEVER);
}
