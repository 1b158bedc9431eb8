/* The endpoint is asked once, for /task: its TaskARN ends in the id that keys the details row, and
 * beside it are the times that ECS knows. */
#include "workers/copy/metadata.h"

#include "lib/aws/ecs.h"
#include "lib/http_client/http_client.h"
#include "lib/json/json_read.h"

#include <stdio.h>
#include <string.h>

enum {
    ATTEMPTS = 6,
    FIRST_PAUSE_MS = 200,
    FIRST_CALL_MS = 2000,
    CALL_MS_MAX = 16000,
    REPLY_MAX = 1024 * 1024,
};

/* Absent until it has happened; a time that makes no sense is no reason not to work. */
static int64_t read_time(const json_t *object, const char *name)
{
    int64_t wall = 0;
    const char *text = json_str(object, name, "");
    return *text && clock_parse_rfc3339(text, &wall, NULL) == 0 ? wall : 0;
}

static const json_t *own_container(const json_t *task, const char *uri)
{
    const json_t *containers = json_object_get(task, "Containers");
    json_t *container;
    size_t i;
    json_array_foreach (containers, i, container)
        if (strcmp(json_str(container, "DockerId", ""), ecs_task_id(uri)) == 0)
            return container;
    return json_array_get(containers, 0);
}

int metadata_parse(const char *uri, const char *text, size_t len, struct metadata *out,
                   struct error *err)
{
    json_t *task;
    if (json_parse(text, len, &task, err) != 0)
        return -1;
    const char *id = ecs_task_id(json_str(task, "TaskARN", ""));
    const json_t *container = own_container(task, uri);
    *out = (struct metadata){
        .created_at = read_time(container, "CreatedAt"),
        .pull_started_at = read_time(task, "PullStartedAt"),
        .pull_stopped_at = read_time(task, "PullStoppedAt"),
        .started_at = read_time(container, "StartedAt"),
    };
    int rc = 0;
    if (*id && strlen(id) < sizeof out->task_id)
        (void)snprintf(out->task_id, sizeof out->task_id, "%s", id);
    else
        rc = err_set(err, ERR_SYNTAX, "its answer has no TaskARN");
    json_decref(task);
    return rc;
}

static bool is_stopped(void *ctx)
{
    return stop_signal_came(ctx);
}

/* One try. */
static int ask(struct http_client *http, const char *uri, const struct http_request *request,
               struct stop_signal *stop, struct metadata *out, struct error *err)
{
    struct http_response response = {0};
    int rc = http_client_call_until(http, request, is_stopped, stop, &response, err);
    if (rc == 0 && response.status != 200)
        rc = err_set(err, ERR_REMOTE, "it answered %d", response.status);
    if (rc == 0)
        rc = metadata_parse(uri, buf_str(&response.body), response.body.len, out, err);
    http_response_free(&response);
    return rc;
}

/* 2, 4, 8, then 16 seconds. */
static long call_ms(int attempt)
{
    long ms = (long)FIRST_CALL_MS << attempt;
    return ms < CALL_MS_MAX ? ms : CALL_MS_MAX;
}

/* Pauses double from 200 ms: six refusals take some six seconds. One that answers late is waited
 * for longer each time: a machine on which hundreds of tasks start is slow to tell each who it is,
 * and a task that does not know its id has no row to say so in. */
int metadata_get(const char *uri, struct stop_signal *stop, struct metadata *out, struct error *err)
{
    struct buf url;
    int rc = -1;
    struct http_client *http = http_client_new(NULL, err);
    if (!http)
        return -1;
    buf_init(&url, BUF_MAX_LINE);
    buf_addf(&url, "%s/task", uri);
    struct http_request request = {
        .method = "GET", .url = buf_str(&url), .max_reply = REPLY_MAX, .no_proxy = true};
    for (int i = 0; i < ATTEMPTS && rc != 0 && !stop_signal_came(stop); i++) {
        if (i > 0)
            stop_signal_wait(stop, (int64_t)FIRST_PAUSE_MS << (i - 1));
        request.timeout_ms = call_ms(i);
        if (!stop_signal_came(stop))
            rc = ask(http, uri, &request, stop, out, err);
    }
    /* A signal that was seen here is pending no more: nobody would see it later. */
    if (stop->came)
        rc = err_set(err, ERR_BUSY, "given up, the worker was asked to stop");
    if (rc != 0)
        err_wrap(err, "the task metadata endpoint %s", buf_str(&url));
    buf_free(&url);
    http_client_free(http);
    return rc;
}
