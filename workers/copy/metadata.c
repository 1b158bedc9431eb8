/* The endpoint is asked for /task; its TaskARN ends in the id that keys the details row. */
#include "workers/copy/metadata.h"

#include "lib/aws/ecs.h"
#include "lib/http_client/http_client.h"
#include "lib/json/json_read.h"

enum { ATTEMPTS = 6, FIRST_PAUSE_MS = 200, CALL_MS = 2000, REPLY_MAX = 1024 * 1024 };

/* Appends the id; anything else in the answer does not matter here. */
static int read_answer(const struct http_response *response, struct buf *out, struct error *err)
{
    json_t *task;
    if (response->status != 200)
        return err_set(err, ERR_REMOTE, "it answered %d", response->status);
    if (json_parse(buf_str(&response->body), response->body.len, &task, err) != 0)
        return -1;
    const char *arn = json_str(task, "TaskARN", "");
    int rc = 0;
    if (*arn && *ecs_task_id(arn))
        buf_adds(out, ecs_task_id(arn));
    else
        rc = err_set(err, ERR_SYNTAX, "its answer has no TaskARN");
    json_decref(task);
    return rc;
}

/* One try. */
static int ask(struct http_client *http, const char *url, struct buf *out, struct error *err)
{
    struct http_response response = {0};
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .max_reply = REPLY_MAX,
        .timeout_ms = CALL_MS,
        .no_proxy = true,
    };
    int rc = http_client_call(http, &request, &response, err);
    if (rc == 0)
        rc = read_answer(&response, out, err);
    http_response_free(&response);
    return rc;
}

/* Pauses double from 200 ms: six tries take some six seconds, or until a signal comes. */
int metadata_task_id(const char *uri, struct stop_signal *stop, struct buf *out, struct error *err)
{
    struct buf url;
    int rc = -1;
    struct http_client *http = http_client_new(&(struct http_client_options){0}, err);
    if (!http)
        return -1;
    buf_init(&url, BUF_MAX_LINE);
    buf_addf(&url, "%s/task", uri);
    for (int i = 0; i < ATTEMPTS && rc != 0 && !stop_signal_came(stop); i++) {
        if (i > 0)
            stop_signal_wait(stop, (int64_t)FIRST_PAUSE_MS << (i - 1));
        rc = ask(http, buf_str(&url), out, err);
    }
    if (rc != 0)
        err_wrap(err, "the task metadata endpoint %s", buf_str(&url));
    buf_free(&url);
    http_client_free(http);
    return rc;
}
