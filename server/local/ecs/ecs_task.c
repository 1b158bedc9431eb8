/* Task records in memory: moves by the chart below, and the view of the wire. */
#include "server/local/ecs/ecs_task.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

/* The chart of moves: which states each state may be left for. */
#define MAY(status) (1u << (status))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    /* The end is reachable from everywhere: StopTask, a start that fails, a server that dies. */
    [ECS_PROVISIONING] = {"PROVISIONING", MAY(ECS_PENDING) | MAY(ECS_STOPPED)},
    [ECS_PENDING] = {"PENDING", MAY(ECS_RUNNING) | MAY(ECS_STOPPED)},
    [ECS_RUNNING] = {"RUNNING", MAY(ECS_STOPPED)},
    [ECS_STOPPED] = {"STOPPED", 0},
};

void ecs_task_free(struct ecs_task *t)
{
    json_decref(t->doc);
    *t = (struct ecs_task){0};
}

const char *ecs_status_name(enum ecs_status status)
{
    return states[status].name;
}

enum ecs_status ecs_status_of(const char *name)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(states[i].name, name) == 0)
            return (enum ecs_status)i;
    return ECS_STOPPED;
}

/* False, and nothing changes, when the chart does not permit the move. */
static bool move(struct ecs_task *t, enum ecs_status to)
{
    if (!(states[t->status].next & MAY(to)))
        return false;
    t->status = to;
    return true;
}

void ecs_task_launch(struct ecs_task *t, int64_t at)
{
    (void)move(t, ECS_PENDING);
    t->launched_at = at;
}

void ecs_task_run(struct ecs_task *t, int64_t at)
{
    if (move(t, ECS_RUNNING))
        t->started_at = at;
}

void ecs_task_want_stop(struct ecs_task *t, int64_t at, const char *code, const char *reason)
{
    if (t->stop_wanted || t->status == ECS_STOPPED)
        return;
    t->stop_wanted = true;
    t->stopping_at = at;
    (void)snprintf(t->stop_code, sizeof t->stop_code, "%s", code);
    (void)snprintf(t->stopped_reason, sizeof t->stopped_reason, "%s", reason);
}

void ecs_task_end(struct ecs_task *t, int64_t at, const char *code, const char *reason)
{
    ecs_task_want_stop(t, at, code, reason);
    if (move(t, ECS_STOPPED))
        t->stopped_at = at;
}

json_t *ecs_time(int64_t wall)
{
    int64_t ms = wall / CLOCK_MS;
    return json_real((double)ms / 1000.0);
}

/* Absent while it has not happened yet. */
static void set_time(json_t *object, const char *name, int64_t wall)
{
    if (wall)
        (void)json_object_set_new(object, name, ecs_time(wall));
}

/* Empty texts are absent on the wire. */
static void set_text(json_t *object, const char *name, const char *text)
{
    if (*text)
        (void)json_object_set_new(object, name, json_string(text));
}

/* A container is what the one process is; it knows no PROVISIONING. */
static void show_container(const struct ecs_task *t, json_t *container)
{
    enum ecs_status status = t->status == ECS_PROVISIONING ? ECS_PENDING : t->status;
    set_text(container, "lastStatus", ecs_status_name(status));
    set_text(container, "reason", t->container_reason);
    if (t->started_at)
        set_text(container, "runtimeId", t->id);
    if (t->has_exit_code)
        (void)json_object_set_new(container, "exitCode", json_integer(t->exit_code));
}

json_t *ecs_task_wire(const struct ecs_task *t, bool with_tags)
{
    json_t *wire = json_deep_copy(t->doc);
    if (!wire)
        return NULL;
    set_text(wire, "lastStatus", ecs_status_name(t->status));
    set_text(wire, "desiredStatus", t->stop_wanted ? "STOPPED" : "RUNNING");
    set_text(wire, "stopCode", t->stop_code);
    set_text(wire, "stoppedReason", t->stopped_reason);
    set_time(wire, "createdAt", t->created_at);
    set_time(wire, "pullStartedAt", t->launched_at);
    set_time(wire, "pullStoppedAt", t->started_at);
    set_time(wire, "startedAt", t->started_at);
    set_time(wire, "stoppingAt", t->stopping_at);
    set_time(wire, "executionStoppedAt", t->started_at ? t->stopped_at : 0);
    set_time(wire, "stoppedAt", t->stopped_at);
    (void)json_object_set_new(wire, "version", json_integer(t->version));
    json_t *containers = json_object_get(wire, "containers");
    for (size_t i = 0; i < json_array_size(containers); i++)
        show_container(t, json_array_get(containers, i));
    if (!with_tags)
        (void)json_object_del(wire, "tags");
    return wire;
}
