/* The task metadata endpoint (versions 3 and 4): one server for all tasks; the path's id tells them
 * apart, and the runner gives the answers.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
 *
 * A program that was just started may ask before its RUNNING is recorded: it then reads PENDING, as
 * on Fargate. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { METADATA_BODY_MAX = 1024 };

/* One request for metadata on its way through the runner. */
struct metadata_job {
    struct ecs_job job;
    struct http_exchange *exchange;
    char id[ECS_ID_TEXT];
    json_t *(*render)(struct local_ecs *e, const struct ecs_task *task, const json_t *definition);
    json_t *output;
    int status;
};

/* A task that asks has started, whether or not that is recorded yet. */
static int64_t started_at(struct local_ecs *e, const struct ecs_task *task)
{
    const struct ecs_live *live = task->started_at ? NULL : ecs_live_find(e, task->id);
    return live ? live->started_at : task->started_at;
}

/* Absent as long as it has not happened; these documents have RFC 3339 where the ECS API has
 * numbers. */
static void set_time(json_t *object, const char *name, int64_t wall)
{
    char text[CLOCK_TEXT_MAX];
    if (wall)
        (void)json_object_set_new(object, name, json_string(clock_rfc3339(wall, text)));
}

/* CPU in units of 1/1024 for a container, in vCPUs for a task. */
static json_t *limits(const struct ecs_task *task, bool in_vcpu)
{
    double cpu = (double)strtol(json_str(task->doc, "cpu", "0"), NULL, 10);
    long memory = strtol(json_str(task->doc, "memory", "0"), NULL, 10);
    return json_pack("{s:f,s:i}", "CPU", in_vcpu ? cpu / 1024 : cpu, "Memory", (int)memory);
}

/* The labels Docker containers of ECS carry. */
static json_t *labels(const struct ecs_task *task, const json_t *definition)
{
    char revision[24];
    (void)snprintf(revision, sizeof revision, "%lld",
                   (long long)json_int(definition, "revision", 0));
    const json_t *container = ecs_container_of(definition);
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "com.amazonaws.ecs.cluster",
                     json_str(task->doc, "clusterArn", ""), "com.amazonaws.ecs.container-name",
                     json_str(container, "name", ""), "com.amazonaws.ecs.task-arn",
                     json_str(task->doc, "taskArn", ""), "com.amazonaws.ecs.task-definition-family",
                     json_str(definition, "family", ""),
                     "com.amazonaws.ecs.task-definition-version", revision);
}

/* ${ECS_CONTAINER_METADATA_URI_V4}: the one container. */
static json_t *render_container(struct local_ecs *e, const struct ecs_task *task,
                                const json_t *definition)
{
    const json_t *shown = json_array_get(json_object_get(task->doc, "containers"), 0);
    const char *name = json_str(shown, "name", "");
    const char *desired = task->stop_wanted ? "STOPPED" : "RUNNING";
    json_t *doc =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:o,s:s,s:s,s:[{s:s,s:[s]}]}", "DockerId",
                  task->id, "Name", name, "DockerName", name, "Image", json_str(shown, "image", ""),
                  "ImageID", "", "Labels", labels(task, definition), "DesiredStatus", desired,
                  "KnownStatus", ecs_status_name(task->status), "Limits", limits(task, false),
                  "Type", "NORMAL", "ContainerARN", json_str(shown, "containerArn", ""), "Networks",
                  "NetworkMode", "awsvpc", "IPv4Addresses", "127.0.0.1");
    set_time(doc, "CreatedAt", task->launched_at);
    set_time(doc, "StartedAt", started_at(e, task));
    set_time(doc, "FinishedAt", task->stopped_at);
    if (task->has_exit_code)
        (void)json_object_set_new(doc, "ExitCode", json_integer(task->exit_code));
    return doc;
}

/* .../task: the task with its container. */
static json_t *render_task(struct local_ecs *e, const struct ecs_task *task,
                           const json_t *definition)
{
    char revision[24];
    (void)snprintf(revision, sizeof revision, "%lld",
                   (long long)json_int(definition, "revision", 0));
    json_t *doc = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:[o]}", "Cluster",
        json_str(task->doc, "clusterArn", ""), "TaskARN", json_str(task->doc, "taskArn", ""),
        "Family", json_str(definition, "family", ""), "Revision", revision, "DesiredStatus",
        task->stop_wanted ? "STOPPED" : "RUNNING", "KnownStatus", ecs_status_name(task->status),
        "Limits", limits(task, true), "AvailabilityZone",
        json_str(task->doc, "availabilityZone", ""), "LaunchType",
        json_str(task->doc, "launchType", ""), "Containers", render_container(e, task, definition));
    set_time(doc, "PullStartedAt", task->launched_at);
    set_time(doc, "PullStoppedAt", started_at(e, task));
    set_time(doc, "ExecutionStoppedAt", task->stopped_at);
    return doc;
}

/* .../taskWithTags: tags as an object, unlike in the ECS API. */
static json_t *render_task_with_tags(struct local_ecs *e, const struct ecs_task *task,
                                     const json_t *definition)
{
    json_t *doc = render_task(e, task, definition);
    json_t *tags = json_object();
    const json_t *list = json_object_get(task->doc, "tags");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tag = json_array_get(list, i);
        (void)json_object_set_new(tags, json_str(tag, "key", ""),
                                  json_string(json_str(tag, "value", "")));
    }
    (void)json_object_set_new(doc, "TaskTags", tags);
    return doc;
}

/* Resident memory of the task's process in bytes; 0 when it has none. */
static int64_t memory_of(struct local_ecs *e, const char *id)
{
    const struct ecs_live *live = ecs_live_find(e, id);
    char path[64];
    long pages = 0;
    if (!live)
        return 0;
    (void)pthread_mutex_lock(&e->queue.lock);
    int64_t pid = live->process ? process_pid(live->process) : 0;
    (void)pthread_mutex_unlock(&e->queue.lock);
    (void)snprintf(path, sizeof path, "/proc/%lld/statm", (long long)pid);
    FILE *file = pid ? fopen(path, "re") : NULL;
    if (!file)
        return 0;
    char line[256];
    const char *resident = fgets(line, sizeof line, file) ? strchr(line, ' ') : NULL;
    if (resident)
        pages = strtol(resident, NULL, 10);
    (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* .../stats: only the memory, which is what programs log; Docker's other members are left out. */
static json_t *render_stats(struct local_ecs *e, const struct ecs_task *task,
                            const json_t *definition)
{
    char text[CLOCK_TEXT_MAX];
    return json_pack("{s:s,s:s,s:s,s:{s:I}}", "read", clock_rfc3339(clock_wall(e->clock), text),
                     "id", task->id, "name", json_str(ecs_container_of(definition), "name", ""),
                     "memory_stats", "usage", (json_int_t)memory_of(e, task->id));
}

/* .../task/stats: the same under the container's id. */
static json_t *render_task_stats(struct local_ecs *e, const struct ecs_task *task,
                                 const json_t *definition)
{
    return json_pack("{s:o}", task->id, render_stats(e, task, definition));
}

/* --- from request to answer --------------------------------------------------------------------*/

/* Answered from the record, on the runner's thread: no lock, and never older than what is durable.
 */
static int metadata_apply(struct local_ecs *e, struct ecs_job *job, struct error *err)
{
    struct metadata_job *m = (struct metadata_job *)job;
    struct ecs_task task = {.doc = NULL};
    json_t *definition = NULL;
    int found = ecs_db_task_load(e->db, NULL, m->id, &task, err);
    if (found == 1)
        found =
            ecs_definition_load(e, json_str(task.doc, "taskDefinitionArn", ""), &definition, err);
    if (found == 1)
        m->output = m->render(e, &task, definition);
    m->status = found != 1 ? 404 : m->output ? 200 : 500;
    json_decref(definition);
    ecs_task_free(&task);
    return found < 0 ? -1 : 0;
}

/* Errors are plain text there. */
static void reply_text(struct http_exchange *x, int status, const char *text)
{
    http_reply(x, status, "text/plain", text, strlen(text));
}

/* Once the round is durable, or has failed. */
static void metadata_finish(struct local_ecs *e, struct ecs_job *job, const struct error *failure)
{
    struct metadata_job *m = (struct metadata_job *)job;
    struct buf body;
    (void)e;
    buf_init(&body, BUF_MAX_LINE);
    if (m->output)
        json_dump(&body, m->output);
    if (failure || m->status == 500 || buf_check(&body, NULL) != 0)
        reply_text(m->exchange, 500, "the metadata is not available\n");
    else if (m->status != 200)
        reply_text(m->exchange, m->status, "there is no such task\n");
    else
        http_reply_take(m->exchange, 200, "application/json", &body);
    buf_free(&body);
    json_decref(m->output);
    free(m);
}

/* Splits "/v4/ID" and "/v4/ID/task"; false when the path is none of ours. */
static bool read_path(struct metadata_job *m, const char *path)
{
    static const struct {
        const char *rest;
        json_t *(*render)(struct local_ecs *e, const struct ecs_task *task,
                          const json_t *definition);
    } views[] = {
        {"", render_container},
        {"/task", render_task},
        {"/taskWithTags", render_task_with_tags},
        {"/stats", render_stats},
        {"/task/stats", render_task_stats},
    };
    if (strncmp(path, "/v4/", 4) != 0 && strncmp(path, "/v3/", 4) != 0)
        return false;
    path += 4;
    size_t len = strcspn(path, "/");
    if (len != ECS_ID_TEXT - 1)
        return false;
    memcpy(m->id, path, len);
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        if (strcmp(views[i].rest, path + len) == 0)
            m->render = views[i].render;
    return m->render != NULL;
}

/* On the metadata server's thread: the answer is given later, by the runner. */
static void metadata_handle(void *ctx, struct http_exchange *x)
{
    struct local_ecs *e = ctx;
    if (strcmp(http_method(x), "GET") != 0) {
        reply_text(x, 405, "only GET\n");
        return;
    }
    struct metadata_job *m = calloc(1, sizeof *m);
    if (!m || !read_path(m, http_raw_path(x))) {
        free(m);
        reply_text(x, m ? 404 : 500, "there is no such metadata\n");
        return;
    }
    m->job.apply = metadata_apply;
    m->job.finish = metadata_finish;
    m->exchange = x;
    http_defer(x);
    if (!ecs_push(e, &m->job)) {
        free(m);
        reply_text(x, 503, "the server is stopping\n");
    }
}

struct http_server *ecs_metadata_start(struct local_ecs *e, struct error *err)
{
    const struct http_server_options options = {.host = "127.0.0.1",
                                                .threads = 1,
                                                .max_body = METADATA_BODY_MAX,
                                                .log = e->log,
                                                .ctx = e,
                                                .handle = metadata_handle};
    return http_server_start(&options, err);
}
