/* The room's door: opening, closing, and what start-up lays in.
 *
 * Opening tells the truth about the last run before anything else: tasks that were launched and not
 * stopped have died with that server, whose children all had PR_SET_PDEATHSIG. Tasks that still
 * waited are started once local_ecs_start has given the endpoint. */
#include "server/local/ecs/local_ecs.h"

#include "server/local/ecs/ecs_private.h"
#include "server/local/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096, CONCURRENCY_PER_CORE = 8, CONCURRENCY_MAX = 64 };

/* Processes mostly wait for the disk: the more of them wait, the more one commit is for. A task
 * takes some 3 to 11 MB, so that all of them together have a ceiling, too. */
static size_t concurrency_of(int wanted)
{
    if (wanted > 0)
        return (size_t)wanted;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t many = cores > 0 ? (size_t)cores * CONCURRENCY_PER_CORE : CONCURRENCY_PER_CORE;
    return many < CONCURRENCY_MAX ? many : CONCURRENCY_MAX;
}

/* The folder, the database in it, and the truth about tasks whose process is gone. */
static int open_files(struct local_ecs *e, struct error *err)
{
    char path[PATH_MAX_BYTES];
    if (local_folder_make(e->dir, err) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/logs", e->dir);
    if (local_folder_make(path, err) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/ecs.db", e->dir);
    e->db = ecs_db_open(path, err);
    if (!e->db)
        return -1;
    return ecs_db_recover(e->db, clock_wall(e->clock), "TerminationNotice",
                          "The server that ran this task stopped", err);
}

static void image_free(struct ecs_image *image)
{
    if (!image)
        return;
    free(image->image);
    free(image->program);
    free(image);
}

/* Nothing runs any more: neither runner nor metadata server. */
static void free_all(struct local_ecs *e)
{
    while (e->images) {
        struct ecs_image *image = e->images;
        e->images = image->next;
        image_free(image);
    }
    e->db = ecs_db_close(e->db);
    ecs_watch_free_all(e);
    (void)pthread_mutex_destroy(&e->queue.lock);
    (void)pthread_cond_destroy(&e->queue.arrived);
    (void)pthread_mutex_destroy(&e->watches.lock);
    free(e->dir);
    free(e->region);
    free(e->endpoint);
    free(e);
}

struct local_ecs *local_ecs_open(const struct local_ecs_options *options, struct error *err)
{
    struct local_ecs *e = calloc(1, sizeof *e);
    if (!e) {
        (void)err_set(err, ERR_MEMORY, "out of memory for the local ECS");
        return NULL;
    }
    e->processes = options->processes;
    e->clock = options->clock;
    e->log = options->log;
    e->concurrency = concurrency_of(options->concurrency);
    e->service = (struct local_service){.name = "ecs", .self = e, .call = ecs_call};
    e->queue.end = &e->queue.first;
    (void)pthread_mutex_init(&e->queue.lock, NULL);
    (void)pthread_cond_init(&e->queue.arrived, NULL);
    (void)pthread_mutex_init(&e->watches.lock, NULL);
    e->dir = strdup(options->dir);
    e->region = strdup(options->region);
    if (!e->dir || !e->region) {
        (void)err_set(err, ERR_MEMORY, "out of memory for the local ECS");
        goto fail;
    }
    if (open_files(e, err) != 0)
        goto fail;
    errno = pthread_create(&e->thread, NULL, ecs_runner_main, e);
    if (errno == 0)
        return e;
    (void)err_set_errno(err, "cannot start the ECS thread");
fail:
    free_all(e);
    return NULL;
}

/* Takes what it is given, as add_image does: then it is no longer the caller's to free. */
static int set_endpoint(struct local_ecs *e, void *ctx, struct error *err)
{
    char **endpoint = ctx;
    (void)err;
    e->endpoint = *endpoint;
    *endpoint = NULL;
    return 0;
}

int local_ecs_start(struct local_ecs *e, const char *endpoint_url, struct error *err)
{
    char *endpoint = strdup(endpoint_url);
    if (!endpoint)
        return err_set(err, ERR_MEMORY, "out of memory for the local ECS");
    e->metadata = ecs_metadata_start(e, err);
    if (!e->metadata) {
        free(endpoint);
        return err_wrap(err, "task metadata endpoint");
    }
    int rc = ecs_run_sync(e, set_endpoint, &endpoint, err);
    free(endpoint);
    return rc;
}

/* The runner kills what runs, answers what waits and ends; replies to the metadata endpoint are
 * all given by then. */
struct local_ecs *local_ecs_close(struct local_ecs *e)
{
    if (!e)
        return NULL;
    (void)pthread_mutex_lock(&e->queue.lock);
    e->queue.closing = true;
    (void)pthread_cond_signal(&e->queue.arrived);
    (void)pthread_mutex_unlock(&e->queue.lock);
    (void)pthread_join(e->thread, NULL);
    e->metadata = http_server_stop(e->metadata);
    free_all(e);
    return NULL;
}

const struct local_service *local_ecs_service(struct local_ecs *e)
{
    return &e->service;
}

/* --- what start-up lays in ---------------------------------------------------------------------*/

static int add_cluster(struct local_ecs *e, void *ctx, struct error *err)
{
    return ecs_db_cluster_add(e->db, ctx, err);
}

int local_ecs_ensure_cluster(struct local_ecs *e, const char *name, struct error *err)
{
    return ecs_run_sync(e, add_cluster, (void *)(uintptr_t)name, err);
}

static int add_image(struct local_ecs *e, void *ctx, struct error *err)
{
    struct ecs_image **image = ctx;
    (void)err;
    (*image)->next = e->images;
    e->images = *image;
    *image = NULL;
    return 0;
}

int local_ecs_image(struct local_ecs *e, const char *image, const char *program, struct error *err)
{
    struct ecs_image *item = calloc(1, sizeof *item);
    int rc = -1;
    if (item) {
        item->image = strdup(image);
        item->program = strdup(program);
    }
    if (item && item->image && item->program)
        rc = ecs_run_sync(e, add_image, &item, err);
    else
        (void)err_set(err, ERR_MEMORY, "out of memory for an image");
    image_free(item);
    return rc;
}

/* Families of an earlier run keep the revision they have. */
static int add_definition(struct local_ecs *e, void *ctx, struct error *err)
{
    json_t *doc = ctx;
    int64_t revision = 0;
    int found = ecs_db_definition_latest(e->db, json_string_value(json_object_get(doc, "family")),
                                         &revision, err);
    return found == 0 ? ecs_definition_store(e, doc, err) : found < 0 ? -1 : 0;
}

int local_ecs_ensure_definition(struct local_ecs *e, const char *family, const char *container,
                                const char *image, struct error *err)
{
    json_t *doc = json_pack("{s:s,s:s,s:[s],s:[s],s:s,s:s,s:[],s:[],"
                            "s:[{s:s,s:s,s:b,s:[],s:i,s:[],s:[],s:[]}]}",
                            "family", family, "networkMode", "awsvpc", "requiresCompatibilities",
                            "FARGATE", "compatibilities", "FARGATE", "cpu", "256", "memory", "512",
                            "volumes", "placementConstraints", "containerDefinitions", "name",
                            container, "image", image, "essential", 1, "environment", "cpu", 0,
                            "mountPoints", "volumesFrom", "portMappings");
    if (!doc)
        return err_set(err, ERR_MEMORY, "out of memory for a task definition");
    int rc = ecs_run_sync(e, add_definition, doc, err);
    json_decref(doc);
    return rc;
}
