/* RunTask: checked as ECS checks it, idempotent by client token, durable before it is answered.
 *
 * The records of all `count` tasks and the token they are remembered by are one transaction with
 * the answer held back until its commit: after a crash either a repeated call finds the same tasks,
 * or there are none. */
#include "server/local/ecs/ecs_run.h"
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_ID_BYTES = 16 };

static const struct field run_fields[] = {
    {"taskDefinition", FIELD_STRING, true, offsetof(struct ecs_run, definition_name), 1, 512},
    {"cluster", FIELD_STRING, false, offsetof(struct ecs_run, cluster), 0, 512},
    {"count", FIELD_INT, false, offsetof(struct ecs_run, count), 0, 0},
    {"launchType", FIELD_STRING, false, offsetof(struct ecs_run, launch_type), 0, 64},
    {"capacityProviderStrategy", FIELD_ARRAY, false, offsetof(struct ecs_run, providers), 0, 20},
    {"platformVersion", FIELD_STRING, false, offsetof(struct ecs_run, platform), 0, 64},
    {"networkConfiguration", FIELD_OBJECT, false, offsetof(struct ecs_run, network), 0, 0},
    {"overrides", FIELD_OBJECT, false, offsetof(struct ecs_run, overrides), 0, 0},
    {"startedBy", FIELD_STRING, false, offsetof(struct ecs_run, started_by), 0, 0},
    {"group", FIELD_STRING, false, offsetof(struct ecs_run, group), 0, 255},
    {"tags", FIELD_ARRAY, false, offsetof(struct ecs_run, tags), 0, 50},
    {"propagateTags", FIELD_STRING, false, offsetof(struct ecs_run, propagate), 0, 64},
    {"enableECSManagedTags", FIELD_BOOL, false, offsetof(struct ecs_run, managed_tags), 0, 0},
    {"enableExecuteCommand", FIELD_BOOL, false, offsetof(struct ecs_run, execute_command), 0, 0},
    {"referenceId", FIELD_STRING, false, offsetof(struct ecs_run, reference_id), 0, 1024},
    {"placementConstraints", FIELD_ARRAY, false, offsetof(struct ecs_run, constraints), 0, 0},
    {"placementStrategy", FIELD_ARRAY, false, offsetof(struct ecs_run, strategy), 0, 0},
    {"volumeConfigurations", FIELD_ARRAY, false, offsetof(struct ecs_run, volumes), 0, 0},
    {"clientToken", FIELD_STRING, false, offsetof(struct ecs_run, token), 0, 0},
};

/* --- the same request again --------------------------------------------------------------------*/

/* Digest of everything but the token, whatever the order of members. */
static int digest_of(const json_t *input, char digest[SHA256_HEX], struct error *err)
{
    json_t *copy = json_copy((json_t *)input);
    if (!copy)
        return err_set(err, ERR_MEMORY, "out of memory for a digest");
    (void)json_object_del(copy, "clientToken");
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(copy);
    if (!text)
        return err_set(err, ERR_MEMORY, "out of memory for a digest");
    int rc = crypto_sha256_hex(text, strlen(text), digest, err);
    free(text);
    return rc;
}

/* The shape of a RunTask answer, empty. */
static json_t *answer_new(void)
{
    return json_pack("{s:[],s:[]}", "tasks", "failures");
}

/* A task of an earlier answer as it is now; one that was removed meanwhile is left out. */
static int append_known_task(struct local_ecs *e, const char *id, json_t *tasks, struct error *err)
{
    struct ecs_task task = {.doc = NULL};
    int found = ecs_db_task_load(e->db, NULL, id, &task, err);
    if (found == 1)
        (void)json_array_append_new(tasks, ecs_task_wire(&task, true));
    ecs_task_free(&task);
    return found < 0 ? -1 : 0;
}

/* Tells which tasks the token stands for, as ECS does. */
static int conflict(struct ecs_call *c, const json_t *tasks)
{
    json_t *arns = json_array();
    for (size_t i = 0; i < json_array_size(tasks); i++)
        (void)json_array_append(arns, json_object_get(json_array_get(tasks, i), "taskArn"));
    c->extra = json_pack("{s:o}", "resourceIds", arns);
    return ecs_fault(c, 400, "ConflictException",
                     "The clientToken was used before, with other parameters.");
}

/* 1: the token is known and the call has its answer; 0: it is new; -1: failed. */
static int answer_again(struct local_ecs *e, struct ecs_call *c, const struct ecs_run *run,
                        struct error *err)
{
    char before[SHA256_HEX];
    json_t *ids = NULL;
    if (!*run->token)
        return 0;
    int found = ecs_db_token_find(e->db, run->token, before, &ids, err);
    if (found != 1)
        return found;
    json_t *answer = answer_new();
    json_t *tasks = json_object_get(answer, "tasks");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++)
        rc = append_known_task(e, json_string_value(json_array_get(ids, i)), tasks, err);
    json_decref(ids);
    if (rc == 0 && strcmp(before, run->digest) == 0) {
        c->output = json_incref(answer);
    } else if (rc == 0) {
        (void)conflict(c, tasks);
    }
    json_decref(answer);
    return rc == 0 ? 1 : -1;
}

/* --- new tasks ---------------------------------------------------------------------------------*/

/* 32 hex digits, as ECS makes them. */
static int random_id(char out[ECS_ID_TEXT], struct error *err)
{
    unsigned char bytes[RANDOM_ID_BYTES];
    if (crypto_random(bytes, sizeof bytes, err) != 0)
        return -1;
    crypto_hex(bytes, sizeof bytes, out);
    return 0;
}

/* Absent texts stay absent. */
static void put(json_t *object, const char *name, const char *text)
{
    if (text && *text)
        (void)json_object_set_new(object, name, json_string(text));
}

/* The container as it is before it has run: an ARN of its own below the task's. */
static json_t *container_doc(const struct local_ecs *e, const struct ecs_run *run,
                             const char *task_arn, const char *id)
{
    const json_t *container = ecs_container_of(run->definition);
    char text[ECS_ARN_MAX];
    char uuid[UUID_TEXT];
    if (crypto_uuid(uuid, NULL) != 0)
        return NULL;
    json_t *doc =
        json_pack("{s:s,s:s,s:[],s:s,s:s}", "containerArn",
                  ecs_arn(e, text, "container/%s/%s/%s", run->cluster, id, uuid), "taskArn",
                  task_arn, "networkInterfaces", "healthStatus", "UNKNOWN", "cpu", "0");
    put(doc, "name", json_str(container, "name", ""));
    put(doc, "image", json_str(container, "image", ""));
    return doc;
}

/* ECS always shows overrides, also when none were given. */
static json_t *overrides_doc(const struct ecs_run *run)
{
    if (run->overrides)
        return json_deep_copy(run->overrides);
    return json_pack("{s:[{s:s}],s:[]}", "containerOverrides", "name",
                     json_str(ecs_container_of(run->definition), "name", ""),
                     "inferenceAcceleratorOverrides");
}

/* What of a task never changes, as the wire shows it. */
static json_t *task_doc(const struct local_ecs *e, const struct ecs_run *run, const char *id)
{
    char rest[ECS_ARN_MAX];
    char task_arn[ECS_ARN_MAX];
    char cluster_arn[ECS_ARN_MAX];
    (void)ecs_arn(e, task_arn, "task/%s/%s", run->cluster, id);
    json_t *doc =
        json_pack("{s:s,s:s,s:s,s:[],s:b,s:s,s:s,s:s,s:s}", "taskArn", task_arn, "clusterArn",
                  ecs_arn(e, cluster_arn, "cluster/%s", run->cluster), "taskDefinitionArn",
                  json_str(run->definition, "taskDefinitionArn", ""), "attachments",
                  "enableExecuteCommand", 0, "connectivity", "CONNECTED", "healthStatus", "UNKNOWN",
                  "launchType", "FARGATE", "platformFamily", "Linux");
    if (!doc)
        return NULL;
    (void)snprintf(rest, sizeof rest, "%sa", e->region);
    put(doc, "availabilityZone", rest);
    put(doc, "platformVersion", strcmp(run->platform, "LATEST") == 0 ? "1.4.0" : run->platform);
    put(doc, "capacityProviderName",
        json_str(json_array_get(run->providers, 0), "capacityProvider", ""));
    put(doc, "cpu", json_str(run->overrides, "cpu", json_str(run->definition, "cpu", "")));
    put(doc, "memory", json_str(run->overrides, "memory", json_str(run->definition, "memory", "")));
    put(doc, "startedBy", run->started_by);
    (void)snprintf(rest, sizeof rest, "family:%s", json_str(run->definition, "family", ""));
    put(doc, "group", *run->group ? run->group : rest);
    (void)json_object_set_new(doc, "overrides", overrides_doc(run));
    (void)json_object_set_new(doc, "tags", ecs_run_tags(run));
    (void)json_object_set_new(doc, "containers",
                              json_pack("[o]", container_doc(e, run, task_arn, id)));
    return doc;
}

/* One record; the answer shows it as it is before anything has been done for it. */
static int add_task(struct local_ecs *e, const struct ecs_run *run, json_t *tasks, json_t *ids,
                    struct error *err)
{
    struct ecs_task task = {.status = ECS_PROVISIONING, .created_at = clock_wall(e->clock)};
    const struct ecs_task_key key = {run->cluster, json_str(run->definition, "family", ""),
                                     run->started_by};
    if (random_id(task.id, err) != 0)
        return -1;
    task.doc = task_doc(e, run, task.id);
    if (!json_object_get(task.doc, "containers"))
        (void)err_set(err, ERR_MEMORY, "out of memory for a task");
    else if (ecs_db_task_add(e->db, &key, &task, err) == 0) {
        json_t *wire = ecs_task_wire(&task, true);
        ecs_task_free(&task);
        int rc =
            json_array_append_new(ids, json_string(ecs_last_part(json_str(wire, "taskArn", ""))));
        if (json_array_append_new(tasks, wire) == 0 && rc == 0)
            return 0;
        return err_set(err, ERR_MEMORY, "out of memory for a task");
    }
    ecs_task_free(&task);
    return -1;
}

/* `count` tasks and the token they are remembered by: all or, when the round fails, none. */
static int add_tasks(struct local_ecs *e, struct ecs_call *c, const struct ecs_run *run,
                     struct error *err)
{
    json_t *answer = answer_new();
    json_t *ids = json_array();
    int rc = 0;
    for (int64_t i = 0; rc == 0 && i < run->count; i++)
        rc = add_task(e, run, json_object_get(answer, "tasks"), ids, err);
    if (rc == 0 && *run->token)
        rc = ecs_db_token_add(e->db, run->token, run->digest, ids, clock_wall(e->clock), err);
    json_decref(ids);
    c->output = answer;
    return rc;
}

/* With the definition at hand: check what depends on it, then answer again or anew. */
static int run_with_definition(struct local_ecs *e, struct ecs_call *c, struct ecs_run *run,
                               struct error *err)
{
    if (ecs_run_check(c, run) != 0)
        return 0;
    if (digest_of(c->input, run->digest, err) != 0)
        return -1;
    int known = answer_again(e, c, run, err);
    if (known != 0)
        return known < 0 ? -1 : 0;
    return add_tasks(e, c, run, err);
}

int ecs_serve_run_task(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    struct ecs_run run = {.definition_name = "",
                          .cluster = "",
                          .count = 1,
                          .launch_type = "",
                          .platform = "LATEST",
                          .started_by = "",
                          .group = "",
                          .propagate = "",
                          .reference_id = "",
                          .token = ""};
    if (ecs_read_input(c, run_fields, sizeof run_fields / sizeof run_fields[0], &run) != 0)
        return 0;
    int found = ecs_resolve_cluster(e, c, run.cluster, &run.cluster, err);
    if (found != 1)
        return found;
    found = ecs_definition_load(e, run.definition_name, &run.definition, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return ecs_fault(c, 400, "ClientException", "TaskDefinition not found.");
    int rc = run_with_definition(e, c, &run, err);
    json_decref(run.definition);
    return rc;
}
