/* CreateCluster, ListClusters, DescribeClusters. A cluster is nothing but a name here: there are no
 * container instances, and every process runs on this machine whatever its cluster. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <stdio.h>
#include <string.h>

enum { CLUSTER_NAME_MAX = 255 };

/* A new JSON string. */
static json_t *cluster_arn(const struct local_ecs *e, const char *name)
{
    char arn[ECS_ARN_MAX];
    return json_string(ecs_arn(e, arn, "cluster/%s", name));
}

/* NULL: the database failed. */
static json_t *cluster_wire(struct local_ecs *e, const char *name, struct error *err)
{
    int64_t running = 0;
    int64_t waiting = 0;
    if (ecs_db_cluster_counts(e->db, name, &running, &waiting, err) != 0)
        return NULL;
    return json_pack(
        "{s:o,s:s,s:s,s:I,s:I,s:i,s:i,s:[],s:[],s:[],s:[s,s],s:[]}", "clusterArn",
        cluster_arn(e, name), "clusterName", name, "status", "ACTIVE", "runningTasksCount",
        (json_int_t)running, "pendingTasksCount", (json_int_t)waiting, "activeServicesCount", 0,
        "registeredContainerInstancesCount", 0, "statistics", "tags", "settings",
        "capacityProviders", "FARGATE", "FARGATE_SPOT", "defaultCapacityProviderStrategy");
}

/* Creating what exists answers with it, as ECS does. */
int ecs_serve_create_cluster(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    const char *name = json_str(c->input, "clusterName", "default");
    if (!local_name_valid(name, CLUSTER_NAME_MAX))
        return ecs_fault(c, 400, "InvalidParameterException",
                         "clusterName must have 1 to %d letters, digits, - and _.",
                         CLUSTER_NAME_MAX);
    if (ecs_db_cluster_add(e->db, name, err) != 0)
        return -1;
    json_t *cluster = cluster_wire(e, name, err);
    if (!cluster)
        return -1;
    c->output = json_pack("{s:o}", "cluster", cluster);
    return 0;
}

int ecs_serve_list_clusters(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    json_t *names = json_array();
    json_t *arns = json_array();
    int rc = ecs_db_clusters(e->db, names, err);
    for (size_t i = 0; i < json_array_size(names); i++)
        (void)json_array_append_new(arns,
                                    cluster_arn(e, json_string_value(json_array_get(names, i))));
    json_decref(names);
    c->output = json_pack("{s:o}", "clusterArns", arns);
    return rc;
}

/* An unknown name is no fault of the call: it is listed under failures. */
static int describe_one(struct local_ecs *e, const char *name, json_t *answer, struct error *err)
{
    int found = ecs_db_cluster_find(e->db, name, err);
    if (found < 0)
        return -1;
    if (found == 0) {
        (void)json_array_append_new(
            json_object_get(answer, "failures"),
            json_pack("{s:o,s:s}", "arn", cluster_arn(e, name), "reason", "MISSING"));
        return 0;
    }
    json_t *cluster = cluster_wire(e, name, err);
    if (!cluster)
        return -1;
    (void)json_array_append_new(json_object_get(answer, "clusters"), cluster);
    return 0;
}

int ecs_serve_describe_clusters(struct local_ecs *e, struct ecs_call *c, struct error *err)
{
    const json_t *given = json_object_get(c->input, "clusters");
    size_t count = json_array_size(given);
    c->output = json_pack("{s:[],s:[]}", "clusters", "failures");
    if (count == 0)
        return describe_one(e, "default", c->output, err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const char *name = json_string_value(json_array_get(given, i));
        rc = describe_one(e, ecs_last_part(name ? name : ""), c->output, err);
    }
    return rc;
}
