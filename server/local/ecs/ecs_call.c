/* Calls of the ECS API on their way through the runner: looked up by operation, applied in the
 * round's transaction, answered after its commit.
 *
 * A call is a job. Its handler runs inside the transaction and leaves an output or a fault; both
 * are only sent by finish_call, so that no answer is ever ahead of the disk. Input is borrowed from
 * the caller until then. */
#include "lib/json/json_read.h"
#include "server/local/ecs/ecs_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct operation {
    const char *name;
    int (*handle)(struct local_ecs *e, struct ecs_call *c, struct error *err);
} operations[] = {
    /* By the names of X-Amz-Target, without their prefix. */
    {"RunTask", ecs_serve_run_task},
    {"DescribeTasks", ecs_serve_describe_tasks},
    {"ListTasks", ecs_serve_list_tasks},
    {"StopTask", ecs_serve_stop_task},
    {"CreateCluster", ecs_serve_create_cluster},
    {"ListClusters", ecs_serve_list_clusters},
    {"DescribeClusters", ecs_serve_describe_clusters},
    {"RegisterTaskDefinition", ecs_serve_register_definition},
    {"DescribeTaskDefinition", ecs_serve_describe_definition},
    {"ListTaskDefinitions", ecs_serve_list_definitions},
    {"ListTaskDefinitionFamilies", ecs_serve_list_families},
};

/* A later fault replaces an earlier one; the output is dropped by finish_call. */
int ecs_fault(struct ecs_call *c, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(c->message, sizeof c->message, fmt, args);
    va_end(args);
    c->status = status;
    c->code = code;
    return 0;
}

const char *ecs_arn(const struct local_ecs *e, char out[ECS_ARN_MAX], const char *fmt, ...)
{
    va_list args;
    int n = snprintf(out, ECS_ARN_MAX, "arn:aws:ecs:%s:" LOCAL_ACCOUNT ":", e->region);
    size_t len = n > 0 && n < ECS_ARN_MAX ? (size_t)n : 0;
    va_start(args, fmt);
    (void)vsnprintf(out + len, ECS_ARN_MAX - len, fmt, args);
    va_end(args);
    return out;
}

const char *ecs_last_part(const char *arn)
{
    const char *slash = strrchr(arn, '/');
    return slash ? slash + 1 : arn;
}

int ecs_read_input(struct ecs_call *c, const struct field *fields, size_t count, void *out)
{
    struct json_problems problems = {.list = NULL};
    if (json_read_fields(fields, count, c->input, "", true, out, &problems) == 0)
        return 0;
    if (problems.count)
        (void)ecs_fault(c, 400, "InvalidParameterException", "%s %s", problems.list[0].pointer + 1,
                        problems.list[0].detail);
    else
        (void)ecs_fault(c, 500, "ServerException", "out of memory");
    json_problems_free(&problems);
    return -1;
}

int ecs_resolve_cluster(struct local_ecs *e, struct ecs_call *c, const char *given,
                        const char **name, struct error *err)
{
    *name = given && *given ? ecs_last_part(given) : "default";
    int found = ecs_db_cluster_find(e->db, *name, err);
    if (found == 0)
        (void)ecs_fault(c, 400, "ClusterNotFoundException", "Cluster not found.");
    return found;
}

/* Finds the operation. A fault is an answer like any other: only a broken database ends the round.
 */
static int apply_call(struct local_ecs *e, struct ecs_job *job, struct error *err)
{
    struct ecs_call *c = (struct ecs_call *)job;
    if (!json_is_object(c->input))
        return ecs_fault(c, 400, "SerializationException", "the input is not an object");
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(operations[i].name, c->call->operation) == 0)
            return operations[i].handle(e, c, err);
    return ecs_fault(c, 400, "UnsupportedFeatureException",
                     "ECS operation %.80s is not offered locally", c->call->operation);
}

/* Answers. What was prepared counts for nothing if the round could not be made durable. */
static void finish_call(struct local_ecs *e, struct ecs_job *job, const struct error *failure)
{
    struct ecs_call *c = (struct ecs_call *)job;
    (void)e;
    if (failure)
        (void)ecs_fault(c, 500, "ServerException", "%.400s", failure->message);
    if (c->status == 0) {
        local_reply(c->call, c->output);
    } else {
        const struct local_fault fault = {
            .status = c->status, .code = c->code, .message = c->message, .extra = c->extra};
        json_decref(c->output);
        c->call->done(c->call, NULL, &fault);
    }
    json_decref(c->extra);
    free(c);
}

/* The service's door (struct local_service); any thread. */
void ecs_call(void *self, struct local_call *call)
{
    struct local_ecs *e = self;
    struct ecs_call *c = calloc(1, sizeof *c);
    if (!c) {
        local_fault(call, 500, "ServerException", "out of memory");
        return;
    }
    c->job.apply = apply_call;
    c->job.finish = finish_call;
    c->call = call;
    c->input = call->input;
    if (ecs_push(e, &c->job))
        return;
    free(c);
    local_fault(call, 500, "ServerException", "the server is stopping");
}
