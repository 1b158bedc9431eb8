/* api: the handlers of the REST API. They read and write the store and never wait for AWS.
 *
 * A handler is given the borrowed services and one call; it must answer before it returns. Called
 * on threads of the HTTP pool. */
#ifndef STEPFLEET_API_H
#define STEPFLEET_API_H

#include "lib/http_server/http_server.h"
#include "server/services.h"

#include <stdint.h>

/* One request after routing. */
struct api_call {
    const struct services *sv;
    struct http_exchange *x;
    int64_t run_id; /* of {id} in the path; 0 if the route has none */
    /* What stands for {name} in the path, as it came: percent-encoded, without end. NULL if the
     * route has none. */
    const char *name;
    size_t name_len;
};

typedef void (*api_handler)(struct api_call *call);

void api_workflow_create(struct api_call *call); /* POST /workflows */
void api_workflow_list(struct api_call *call);   /* GET /workflows */
void api_workflow_get(struct api_call *call);    /* GET /workflows/{id} */
void api_workflow_tasks(struct api_call *call);  /* GET /workflows/{id}/tasks */
/* GET /workflows/{id}/failures: failed and cancelled tasks, grouped by why */
void api_workflow_failures(struct api_call *call);
void api_workflow_events(struct api_call *call); /* GET /workflows/{id}/events */
void api_workflow_spec(struct api_call *call);   /* GET /workflows/{id}/spec */
void api_task_get(struct api_call *call);        /* GET /workflows/{id}/tasks/{name} */
void api_task_log(struct api_call *call);        /* GET /workflows/{id}/tasks/{name}/log */
void api_workflow_cancel(struct api_call *call); /* POST /workflows/{id}/cancel */
void api_workflow_retry(struct api_call *call);  /* POST /workflows/{id}/retry */
void api_events(struct api_call *call);          /* GET /events */
void api_stats(struct api_call *call);           /* GET /stats */
void api_metrics(struct api_call *call);         /* GET /metrics */
void api_definition(struct api_call *call);      /* GET /workflows/{id}/definition */
void api_export(struct api_call *call);          /* GET /workflows/{id}/export */
/* GET /livez: 200 as long as the process can answer at all. */
void api_livez(struct api_call *call);
/* GET /readyz: 200 when store, control loop and AWS are well, else 503 with what is not. */
void api_readyz(struct api_call *call);

#endif
