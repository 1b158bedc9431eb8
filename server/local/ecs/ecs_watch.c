/* Watches: who wants to know when a task has stopped. A hash table by task id under its own lock,
 * because watches come and go on any thread. Whoever takes a watch out of the table tells it, so it
 * is told once. */
#include "server/local/ecs/ecs_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* djb2; ids are random, so that any mixing spreads them. */
static size_t bucket_of(const char *id)
{
    size_t hash = 5381;
    for (; *id; id++)
        hash = hash * 33 + (unsigned char)*id;
    return hash % ECS_WATCH_BUCKETS;
}

struct ecs_watch *ecs_watch_take(struct local_ecs *e, const char *id)
{
    struct ecs_watch *taken = NULL;
    (void)pthread_mutex_lock(&e->watches.lock);
    struct ecs_watch **at = &e->watches.buckets[bucket_of(id)];
    while (*at) {
        struct ecs_watch *watch = *at;
        if (strcmp(watch->id, id) == 0) {
            *at = watch->next;
            watch->next = taken;
            taken = watch;
        } else {
            at = &watch->next;
        }
    }
    (void)pthread_mutex_unlock(&e->watches.lock);
    return taken;
}

void ecs_watch_tell(struct ecs_watch *list, json_t *task)
{
    while (list) {
        struct ecs_watch *watch = list;
        list = watch->next;
        watch->stopped(watch->ctx, json_deep_copy(task));
        free(watch);
    }
}

void ecs_watch_free_all(struct local_ecs *e)
{
    for (size_t i = 0; i < ECS_WATCH_BUCKETS; i++) {
        while (e->watches.buckets[i]) {
            struct ecs_watch *watch = e->watches.buckets[i];
            e->watches.buckets[i] = watch->next;
            free(watch);
        }
    }
}

/* Looks whether a task that is watched from now on has stopped before, or is unknown. */
struct check_job {
    struct ecs_job job;
    char id[ECS_ID_TEXT];
    bool over;
    json_t *wire;
};

/* Inside a round, so that it sees what is durable. */
static int check_apply(struct local_ecs *e, struct ecs_job *job, struct error *err)
{
    struct check_job *check = (struct check_job *)job;
    struct ecs_task task = {.doc = NULL};
    int found = ecs_db_task_load(e->db, NULL, check->id, &task, err);
    if (found < 0)
        return -1;
    check->over = found == 0 || task.status == ECS_STOPPED;
    if (found == 1 && check->over)
        check->wire = ecs_task_wire(&task, true);
    ecs_task_free(&task);
    return 0;
}

/* A check that could not be made is made again: the watcher must not wait for ever. */
static void check_finish(struct local_ecs *e, struct ecs_job *job, const struct error *failure)
{
    struct check_job *check = (struct check_job *)job;
    if (failure) {
        json_decref(check->wire);
        check->wire = NULL;
        if (ecs_push_again(e, job))
            return;
    } else if (check->over) {
        ecs_watch_tell(ecs_watch_take(e, check->id), check->wire);
    }
    json_decref(check->wire);
    free(check);
}

/* From here on a stop that becomes durable finds the watch. */
static uint64_t add(struct local_ecs *e, struct ecs_watch *watch)
{
    (void)pthread_mutex_lock(&e->watches.lock);
    uint64_t number = ++e->watches.last;
    struct ecs_watch **bucket = &e->watches.buckets[bucket_of(watch->id)];
    watch->number = number;
    watch->next = *bucket;
    *bucket = watch;
    (void)pthread_mutex_unlock(&e->watches.lock);
    return number;
}

/* The watch is in the table before the check is queued: a stop in between is seen by one of them,
 * and who takes the watch out of the table tells it. */
uint64_t local_ecs_watch(struct local_ecs *e, const char *task_arn,
                         void (*stopped)(void *ctx, json_t *task), void *ctx)
{
    struct ecs_watch *watch = calloc(1, sizeof *watch);
    struct check_job *check = calloc(1, sizeof *check);
    if (!watch || !check) {
        free(watch);
        free(check);
        stopped(ctx, NULL);
        return 0;
    }
    const char *id = ecs_last_part(task_arn);
    (void)snprintf(watch->id, sizeof watch->id, "%s", id);
    (void)snprintf(check->id, sizeof check->id, "%s", id);
    watch->stopped = stopped;
    watch->ctx = ctx;
    check->job.apply = check_apply;
    check->job.finish = check_finish;
    uint64_t number = add(e, watch);
    if (!ecs_push(e, &check->job))
        free(check);
    return number;
}

bool local_ecs_unwatch(struct local_ecs *e, uint64_t number)
{
    bool found = false;
    (void)pthread_mutex_lock(&e->watches.lock);
    for (size_t i = 0; i < ECS_WATCH_BUCKETS; i++) {
        struct ecs_watch **at = &e->watches.buckets[i];
        while (*at && (*at)->number != number)
            at = &(*at)->next;
        if (*at) {
            struct ecs_watch *watch = *at;
            *at = watch->next;
            free(watch);
            found = true;
            break;
        }
    }
    (void)pthread_mutex_unlock(&e->watches.lock);
    return found;
}
