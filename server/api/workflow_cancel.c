/* POST /workflows/{id}/cancel: 202 when the wish is durable; the control loop does the rest. */
#include "lib/json/json_read.h"
#include "server/api/accepted.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/store/store.h"

#include <stddef.h>

enum { REASON_MAX = 255 };

/* All that a body may hold. */
struct wish {
    const char *reason;
};

/* Of UTF-8 text; 0 for NULL. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; text && *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* No body is no reason. One that cannot be read is refused and not overlooked: the reason could not
 * be given later. *tree keeps it. */
static int read_wish(struct api_call *call, json_t **tree, struct wish *out,
                     struct json_problems *problems, struct error *err)
{
    static const struct field fields[] = {
        {"reason", FIELD_STRING, false, offsetof(struct wish, reason), 0, 4 * REASON_MAX},
    };
    size_t len = 0;
    const char *body = http_body(call->x, &len);
    if (http_too_large(call->x))
        return err_set(err, ERR_LIMIT, "the body is too large: send at most a reason");
    if (query_only(call->x, NULL, 0, err))
        return -1;
    if (len == 0)
        return 0;
    if (!accepted_json(call->x))
        return err_set(err, ERR_MEDIA_TYPE, "send the reason with Content-Type: application/json");
    if (json_parse(body, len, tree, err))
        return -1;
    if (json_read_fields(fields, 1, *tree, "", true, out, problems) == 0 &&
        characters(out->reason) > REASON_MAX)
        json_problem_add(problems, "/reason", "must have at most %d characters", REASON_MAX);
    if (!json_problems_any(problems))
        return 0;
    return err_set(
        err, ERR_ARGUMENT,
        "the body may hold \"reason\", a text of at most %d characters, and nothing else",
        REASON_MAX);
}

/* A run that is over, or being cancelled, is answered as it is. */
void api_workflow_cancel(struct api_call *call)
{
    struct error err = {0};
    struct json_problems problems = {0};
    struct wish wish = {0};
    json_t *tree = NULL;
    const struct services *sv = call->sv;
    int rc = read_wish(call, &tree, &wish, &problems, &err);
    if (!rc)
        rc = store_run_cancel(sv->store, call->run_id,
                              wish.reason && *wish.reason ? wish.reason : NULL, &err);
    if (rc) {
        problem_reply(call->x, &err, &problems);
    } else {
        if (sv->wake_control)
            sv->wake_control(sv->wake_ctx);
        accepted_reply(call, call->run_id, false);
    }
    json_problems_free(&problems);
    json_decref(tree);
}
