/* From a waiting record to a process, and from the process's end to the final record.
 *
 * A task is started at most once, whatever happens:
 * choose    launched_at is written: from now on the task is never started again
 * start     the process exists; a crash here is told as TerminationNotice by the next opening
 * running   RUNNING is recorded by the round after the start
 * end       the exit code and reason are recorded; only then is the place in memory free
 * At most `concurrency` tasks are between the first and the last of these. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"
#include "server/local/process/environment.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A container's host name is the beginning of its id, as Docker makes it. */
enum { PATH_MAX_BYTES = 4096, HOSTNAME_LENGTH = 12, ARGV_MAX = 512 };

json_t *ecs_container_of(const json_t *definition)
{
    return json_array_get(json_object_get(definition, "containerDefinitions"), 0);
}

void ecs_live_free(struct ecs_live *live)
{
    if (!live)
        return;
    ecs_task_free(&live->task);
    json_decref(live->definition);
    free(live);
}

/* --- the end -----------------------------------------------------------------------------------*/

/* A task that StopTask has ended keeps that as its reason, and shows the exit code all the same. */
static void fill_end(const struct ecs_live *live, struct ecs_task *task, int64_t at)
{
    if (live->started_at == 0) {
        (void)snprintf(task->container_reason, sizeof task->container_reason, "%s", live->failure);
        ecs_task_end(task, at, "TaskFailedToStart", live->failure);
        return;
    }
    task->has_exit_code = true;
    task->exit_code = live->exit_code;
    ecs_task_end(task, at, "EssentialContainerExited", "Essential container in task exited");
}

/* In the round's transaction. A task that closing has killed is left as it is: the next opening
 * tells it as stopped by the server's end. */
static int apply_end(struct local_ecs *e, struct ecs_job *job, struct error *err)
{
    const struct ecs_live *live = (struct ecs_live *)job;
    struct ecs_task task = {.doc = NULL};
    if (live->unrecorded)
        return 0;
    int found = ecs_db_task_load(e->db, NULL, live->task.id, &task, err);
    if (found != 1)
        return found;
    fill_end(live, &task, clock_wall(e->clock));
    int rc = ecs_db_task_save(e->db, &task, err);
    ecs_task_free(&task);
    ecs_note_stopped(e, live->task.id);
    return rc;
}

/* The record is final: the place in memory is free. */
static void forget_live(struct local_ecs *e, struct ecs_live *live)
{
    struct ecs_live **at = &e->live;
    while (*at != live)
        at = &(*at)->next;
    *at = live->next;
    e->live_count--;
    ecs_live_free(live);
}

/* A place is free now: the next round looks for who takes it. An end that cannot be recorded is
 * tried again until it is, or until closing leaves it to the next opening. */
static void finish_end(struct local_ecs *e, struct ecs_job *job, const struct error *failure)
{
    if (failure && ecs_push_again(e, job))
        return;
    forget_live(e, (struct ecs_live *)job);
    e->again = true;
}

/* On the process host's thread. */
static void process_exited(void *ctx, int exit_code, int signal_number)
{
    struct ecs_live *live = ctx;
    struct local_ecs *e = live->ecs;
    (void)pthread_mutex_lock(&e->queue.lock);
    live->process = NULL;
    live->ended = true;
    /* Under the lock that closing takes: either this end is recorded, or the next opening does
     * it. */
    live->unrecorded = e->queue.closing;
    live->exit_code = signal_number ? 128 + signal_number : exit_code;
    (void)pthread_mutex_unlock(&e->queue.lock);
    (void)ecs_push(e, &live->ended_job);
}

/* --- choosing ----------------------------------------------------------------------------------*/

/* A place for one task, with the job that will report its end built in: no allocation can fail
 * then. */
static struct ecs_live *live_new(struct local_ecs *e, struct error *err)
{
    struct ecs_live *live = calloc(1, sizeof *live);
    if (!live) {
        (void)err_set(err, ERR_MEMORY, "out of memory for a task");
        return NULL;
    }
    live->ecs = e;
    live->ended_job.apply = apply_end;
    live->ended_job.finish = finish_end;
    return live;
}

/* 1: the next waiting task is marked and in e->launching; 0: none waits. */
static int choose_one(struct local_ecs *e, struct error *err)
{
    struct ecs_live *live = live_new(e, err);
    if (!live)
        return -1;
    int rc = ecs_db_task_next(e->db, &live->task, err);
    if (rc == 1) {
        const char *arn = json_str(live->task.doc, "taskDefinitionArn", "");
        ecs_task_launch(&live->task, clock_wall(e->clock));
        if (ecs_definition_load(e, arn, &live->definition, err) < 0 ||
            ecs_db_task_save(e->db, &live->task, err) != 0)
            rc = -1;
    }
    if (rc != 1) {
        ecs_live_free(live);
        return rc;
    }
    live->next = e->launching;
    e->launching = live;
    e->live_count++;
    return 1;
}

/* Nothing starts before the endpoint is known, and nothing beyond the ceiling. */
int ecs_launch_choose(struct local_ecs *e, struct error *err)
{
    int rc = 1;
    while (rc == 1 && e->endpoint && e->live_count < e->concurrency)
        rc = choose_one(e, err);
    return rc < 0 ? -1 : 0;
}

void ecs_launch_drop(struct local_ecs *e)
{
    while (e->launching) {
        struct ecs_live *live = e->launching;
        e->launching = live->next;
        e->live_count--;
        ecs_live_free(live);
    }
}

/* --- starting ----------------------------------------------------------------------------------*/

/* NULL for a name that local_ecs_image was never told. */
static const struct ecs_image *find_image(const struct local_ecs *e, const char *name)
{
    const struct ecs_image *image = e->images;
    while (image && strcmp(image->image, name) != 0)
        image = image->next;
    return image;
}

/* [{"name","value"}] of definitions and overrides. */
static void put_pairs(struct environment *env, const json_t *pairs)
{
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        environment_set(env, json_str(pair, "name", ""), json_str(pair, "value", ""));
    }
}

/* Later ones win: what every task gets, the definition's, the overrides', the metadata address. */
static void fill_environment(const struct ecs_live *live, const json_t *override,
                             struct environment *env)
{
    const struct local_ecs *e = live->ecs;
    const char *id = live->task.id;
    char text[160];
    environment_set_aws(env, e->region, e->endpoint);
    environment_set(env, "AWS_EXECUTION_ENV", "AWS_ECS_FARGATE");
    (void)snprintf(text, sizeof text, "%.*s", HOSTNAME_LENGTH, id);
    environment_set(env, "HOSTNAME", text);
    put_pairs(env, json_object_get(ecs_container_of(live->definition), "environment"));
    put_pairs(env, json_object_get(override, "environment"));
    (void)snprintf(text, sizeof text, "%s/v4/%s", http_server_url(e->metadata), id);
    environment_set(env, "ECS_CONTAINER_METADATA_URI_V4", text);
    (void)snprintf(text, sizeof text, "%s/v3/%s", http_server_url(e->metadata), id);
    environment_set(env, "ECS_CONTAINER_METADATA_URI", text);
}

/* The program is the image's entry point; what follows is the override's or definition's command.
 */
static int fill_argv(const struct ecs_live *live, const json_t *override, const char *program,
                     const char *argv[ARGV_MAX], struct error *err)
{
    const json_t *command = json_object_get(override, "command");
    if (json_array_size(command) == 0)
        command = json_object_get(ecs_container_of(live->definition), "command");
    size_t count = json_array_size(command);
    if (count + 2 > ARGV_MAX)
        return err_set(err, ERR_LIMIT, "the command has more than %d arguments", ARGV_MAX - 2);
    argv[0] = program;
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = json_string_value(json_array_get(command, i));
    argv[count + 1] = NULL;
    return 0;
}

/* Output goes to a log file of the task's own. */
static struct process *start_program(struct ecs_live *live, const char *program, struct error *err)
{
    struct local_ecs *e = live->ecs;
    const json_t *override = json_array_get(
        json_object_get(json_object_get(live->task.doc, "overrides"), "containerOverrides"), 0);
    struct environment env = {.items = NULL};
    struct process *process = NULL;
    const char *argv[ARGV_MAX];
    char log_path[PATH_MAX_BYTES];
    (void)snprintf(log_path, sizeof log_path, "%s/logs/%s.log", e->dir, live->task.id);
    fill_environment(live, override, &env);
    if (environment_check(&env, err) == 0 && fill_argv(live, override, program, argv, err) == 0) {
        const struct process_options options = {.program = program,
                                                .argv = argv,
                                                .environment = environment_list(&env),
                                                .log_path = log_path,
                                                .exited = process_exited,
                                                .ctx = live};
        process = process_start(e->processes, &options, err);
    }
    environment_free(&env);
    return process;
}

/* A start that fails ends the task the way a process's end does, through the queue. */
static void launch(struct local_ecs *e, struct ecs_live *live)
{
    const char *name = json_str(ecs_container_of(live->definition), "image", "");
    const struct ecs_image *image = find_image(e, name);
    struct error err = {.code = ERR_NONE};
    struct process *process = NULL;
    if (image)
        process = start_program(live, image->program, &err);
    else
        (void)err_set(&err, ERR_NOT_FOUND, "%s: no program is known for this image", name);
    if (!process) {
        (void)snprintf(live->failure, sizeof live->failure,
                       "CannotPullContainerError: cannot start image %.200s: %.700s", name,
                       err.message);
        (void)ecs_push(e, &live->ended_job);
        return;
    }
    live->started_at = clock_wall(e->clock);
    live->tell_running = true;
    (void)pthread_mutex_lock(&e->queue.lock);
    if (!live->ended)
        live->process = process;
    (void)pthread_mutex_unlock(&e->queue.lock);
}

/* The list was built by pushing in front: turned round here, so that the first comes first. */
void ecs_launch_all(struct local_ecs *e)
{
    struct ecs_live *in_order = NULL;
    while (e->launching) {
        struct ecs_live *live = e->launching;
        e->launching = live->next;
        live->next = in_order;
        in_order = live;
    }
    while (in_order) {
        struct ecs_live *live = in_order;
        in_order = live->next;
        live->next = e->live;
        e->live = live;
        launch(e, live);
        e->again = true;
    }
}
