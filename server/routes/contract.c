#include "server/routes/contract.h"

#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/embed/embed.h"

void contract_reply(struct api_call *call)
{
    struct error err = {0};
    const struct embedded *file = embed_find("server/api/openapi.json");
    if (!file)
        err_set(&err, ERR_INTERNAL, "the contract is not part of this binary");
    if (!file || query_only(call->x, NULL, 0, &err)) {
        problem_reply(call->x, &err, NULL);
        return;
    }
    http_add_header(call->x, "Cache-Control", "no-cache");
    http_reply_const(call->x, 200, "application/json", file->data, file->len);
}
