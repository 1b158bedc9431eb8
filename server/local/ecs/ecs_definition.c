/* Task definitions: RegisterTaskDefinition, DescribeTaskDefinition, and the two lists.
 *
 * A definition is kept as the wire's TaskDefinition object. What would change how a process runs
 * and is not done here is refused at registration; members that make no difference locally (roles,
 * log configuration, CPU and memory) are kept and shown. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255, STOP_TIMEOUT_MAX = 120, LIST_MAX = 100 };

#define DEFINITION_ARN "task-definition/%s:%lld"
/* A refusal in ECS's terms; -1, so that checks can end with it. */
#define REFUSE(c, ...) (ecs_fault((c), 400, "ClientException", __VA_ARGS__), -1)

/* --- finding and storing -----------------------------------------------------------------------*/

/* Splits "family:3"; revision 0 when there is none. -1: not a number. */
static int split_name(const char *name, char family[NAME_MAX_BYTES + 1], int64_t *revision)
{
    const char *colon = strchr(name, ':');
    size_t len = colon ? (size_t)(colon - name) : strlen(name);
    char *end = NULL;
    *revision = 0;
    if (len == 0 || len > NAME_MAX_BYTES)
        return -1;
    memcpy(family, name, len);
    family[len] = '\0';
    if (!colon)
        return 0;
    errno = 0;
    *revision = strtoll(colon + 1, &end, 10);
    return errno || *end || end == colon + 1 || *revision < 1 ? -1 : 0;
}

int ecs_definition_load(struct local_ecs *e, const char *name, json_t **doc, struct error *err)
{
    char family[NAME_MAX_BYTES + 1];
    int64_t revision;
    *doc = NULL;
    if (split_name(ecs_last_part(name), family, &revision) != 0)
        return 0;
    return ecs_db_definition_find(e->db, family, revision, doc, err);
}

int ecs_definition_store(struct local_ecs *e, json_t *doc, struct error *err)
{
    const char *family = json_str(doc, "family", "");
    char arn[ECS_ARN_MAX];
    int64_t revision = 0;
    if (ecs_db_definition_latest(e->db, family, &revision, err) < 0)
        return -1;
    revision++;
    json_t *own = json_pack("{s:s,s:I,s:s,s:o}", "taskDefinitionArn",
                            ecs_arn(e, arn, DEFINITION_ARN, family, (long long)revision),
                            "revision", (json_int_t)revision, "status", "ACTIVE", "registeredAt",
                            ecs_time(clock_wall(e->clock)));
    if (!own || json_object_update(doc, own) != 0) {
        json_decref(own);
        return err_set(err, ERR_MEMORY, "out of memory for a task definition");
    }
    json_decref(own);
    return ecs_db_definition_add(e->db, family, revision, doc, err);
}

/* --- RegisterTaskDefinition --------------------------------------------------------------------*/

/* Members that would change how the process runs and that are not done here. */
static int check_not_offered(struct ecs_call *c, const json_t *object, const char *const *names)
{
    for (; *names; names++)
        if (json_array_size(json_object_get(object, *names)))
            return REFUSE(c, "%s is not offered locally.", *names);
    return 0;
}

/* An absent list is fine. */
static int check_strings(struct ecs_call *c, const json_t *container, const char *name)
{
    const json_t *list = json_object_get(container, name);
    if (list && !json_is_array(list))
        return REFUSE(c, "%s must be an array.", name);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return REFUSE(c, "%s must hold strings.", name);
    return 0;
}

/* Names must survive "NAME=value". */
static int check_environment(struct ecs_call *c, const json_t *container)
{
    const json_t *list = json_object_get(container, "environment");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_str(json_array_get(list, i), "name", "");
        if (!*name || strchr(name, '='))
            return REFUSE(c, "environment: a name is not empty and has no '='.");
    }
    return 0;
}

/* The one container of a definition; the task ends when it ends, so it must be essential. */
static int check_container(struct ecs_call *c, const json_t *container)
{
    static const char *const not_offered[] = {"entryPoint",  "secrets",     "environmentFiles",
                                              "mountPoints", "volumesFrom", NULL};
    if (!local_name_valid(json_str(container, "name", ""), NAME_MAX_BYTES))
        return REFUSE(c, "Container.name must have 1 to %d letters, digits, - and _.",
                      NAME_MAX_BYTES);
    if (!*json_str(container, "image", ""))
        return REFUSE(c, "Container.image should not be null or empty.");
    if (!json_bool(container, "essential", true))
        return REFUSE(c, "A task definition must have at least one essential container.");
    int64_t stop = json_int(container, "stopTimeout", 0);
    if (stop < 0 || stop > STOP_TIMEOUT_MAX)
        return REFUSE(c, "stopTimeout must be at most %d seconds.", STOP_TIMEOUT_MAX);
    if (check_not_offered(c, container, not_offered) != 0 ||
        check_strings(c, container, "command") != 0)
        return -1;
    return check_environment(c, container);
}

/* -1 with the fault set, 0 when it may be stored. */
static int check_definition(struct ecs_call *c)
{
    static const char *const not_offered[] = {"volumes", "placementConstraints",
                                              "inferenceAccelerators", NULL};
    const json_t *containers = json_object_get(c->input, "containerDefinitions");
    if (!local_name_valid(json_str(c->input, "family", ""), NAME_MAX_BYTES))
        return REFUSE(c, "Family must have 1 to %d letters, digits, - and _.", NAME_MAX_BYTES);
    if (json_array_size(containers) == 0)
        return REFUSE(c, "Container list cannot be empty.");
    if (json_array_size(containers) > 1)
        return REFUSE(c, "More than one container is not offered locally.");
    if (check_not_offered(c, c->input, not_offered) != 0)
        return -1;
    return check_container(c, json_array_get(containers, 0));
}

/* Takes the value over. */
static void set_default(json_t *doc, const char *name, json_t *value)
{
    if (json_object_get(doc, name))
        json_decref(value);
    else
        (void)json_object_set_new(doc, name, value);
}

/* Stored as it was given, with the defaults that ECS shows. */
int ecs_serve_register_definition(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    if (check_definition(c) != 0)
        return 0;
    json_t *doc = json_deep_copy(c->input);
    json_t *container = ecs_container_of(doc);
    set_default(doc, "networkMode", json_string("bridge"));
    set_default(doc, "volumes", json_array());
    set_default(doc, "placementConstraints", json_array());
    set_default(container, "essential", json_true());
    set_default(container, "environment", json_array());
    set_default(container, "mountPoints", json_array());
    set_default(container, "volumesFrom", json_array());
    set_default(container, "portMappings", json_array());
    set_default(container, "cpu", json_integer(0));
    int rc = ecs_definition_store(e, doc, err);
    if (rc == 0)
        c->output = json_pack("{s:O}", "taskDefinition", doc);
    json_decref(doc);
    return rc;
}

/* --- reading -----------------------------------------------------------------------------------*/

int ecs_serve_describe_definition(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    json_t *doc = NULL;
    int found = ecs_definition_load(e, json_str(c->input, "taskDefinition", ""), &doc, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return ecs_fault(c, 400, "ClientException", "Unable to describe task definition.");
    json_t *tags = json_incref(json_object_get(doc, "tags"));
    (void)json_object_del(doc, "tags");
    c->output = json_pack("{s:o,s:o}", "taskDefinition", doc, "tags", tags ? tags : json_array());
    return 0;
}

/* One page of `whole` as member `name`; a token is the index of the page's first element. */
static int page(struct ecs_call *c, const char *name, const json_t *whole)
{
    int64_t max = json_int(c->input, "maxResults", LIST_MAX);
    const char *given = json_str(c->input, "nextToken", "0");
    char *end = NULL;
    char token[32];
    errno = 0;
    long long from = strtoll(given, &end, 10);
    if (max < 1 || max > LIST_MAX)
        return ecs_fault(c, 400, "InvalidParameterException",
                         "maxResults must be between 1 and %d.", LIST_MAX);
    if (errno || end == given || *end || from < 0)
        return ecs_fault(c, 400, "InvalidParameterException", "Invalid token.");
    json_t *list = json_array();
    size_t at = (size_t)from;
    for (; at < json_array_size(whole) && json_array_size(list) < (size_t)max; at++)
        (void)json_array_append(list, json_array_get(whole, at));
    c->output = json_pack("{s:o}", name, list);
    if (at < json_array_size(whole)) {
        (void)snprintf(token, sizeof token, "%zu", at);
        (void)json_object_set_new(c->output, "nextToken", json_string(token));
    }
    return 0;
}

/* Of ListTaskDefinitionFamilies; ListTaskDefinitions' familyPrefix is a whole name, as in ECS. */
static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Nothing is ever deregistered here, so INACTIVE lists are empty. */
static bool wants_inactive(const struct ecs_call *c)
{
    return strcmp(json_str(c->input, "status", "ACTIVE"), "INACTIVE") == 0;
}

int ecs_serve_list_definitions(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    const char *prefix = json_str(c->input, "familyPrefix", NULL);
    char arn[ECS_ARN_MAX];
    json_t *all = json_array();
    json_t *arns = json_array();
    int rc = wants_inactive(c) ? 0 : ecs_db_definitions(e->db, all, err);
    bool descending = strcmp(json_str(c->input, "sort", "ASC"), "DESC") == 0;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *item = json_array_get(all, i);
        const char *family = json_str(item, "family", "");
        if (prefix && strcmp(family, prefix) != 0)
            continue;
        json_t *text = json_string(
            ecs_arn(e, arn, DEFINITION_ARN, family, (long long)json_int(item, "revision", 0)));
        /* The database gives them ascending. */
        (void)json_array_insert_new(arns, descending ? 0 : json_array_size(arns), text);
    }
    json_decref(all);
    if (rc == 0)
        rc = page(c, "taskDefinitionArns", arns);
    json_decref(arns);
    return rc;
}

int ecs_serve_list_families(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    const char *prefix = json_str(c->input, "familyPrefix", "");
    json_t *all = json_array();
    json_t *families = json_array();
    int rc = wants_inactive(c) ? 0 : ecs_db_definitions(e->db, all, err);
    /* Revisions of a family follow one another, so that comparing with the last one is enough. */
    const char *last = "";
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *family = json_str(json_array_get(all, i), "family", "");
        if (strcmp(family, last) != 0 && has_prefix(family, prefix))
            (void)json_array_append_new(families, json_string(family));
        last = family;
    }
    if (rc == 0)
        rc = page(c, "families", families);
    json_decref(all);
    json_decref(families);
    return rc;
}
