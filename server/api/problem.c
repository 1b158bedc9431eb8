/* Errors as RFC 9457 problem documents. Type and title come from the table of errors; `detail` is
 * the sentence for this case, `instance` the path that was asked for. */
#include "server/api/problem.h"

#include "lib/json/json_write.h"

#include <stdio.h>

/* All mistakes of a spec in one answer, each with the JSON Pointer of its place. */
static void write_errors(struct json_writer *w, const struct json_problems *problems)
{
    jw_array(w, "errors");
    for (size_t i = 0; i < problems->count; i++) {
        jw_object(w, NULL);
        jw_str(w, "pointer", problems->list[i].pointer);
        jw_str(w, "detail", problems->list[i].detail);
        jw_end_object(w);
    }
    jw_end_array(w);
    if (problems->dropped > 0)
        jw_int(w, "moreErrors", (int64_t)problems->dropped);
}

/* Never cached: what is wrong now may be right a moment later. */
void problem_reply(struct http_exchange *x, const struct error *err,
                   const struct json_problems *problems)
{
    char type[96];
    struct buf body;
    struct json_writer w;
    int status = err_http_status(err->code);
    buf_init(&body, BUF_MAX_PAGE);
    jw_init(&w, &body);
    (void)snprintf(type, sizeof type, "urn:stepfleet:problem:%s", err_slug(err->code));
    jw_object(&w, NULL);
    jw_str(&w, "type", type);
    jw_str(&w, "title", err_title(err->code));
    jw_int(&w, "status", status);
    jw_str(&w, "detail", err->message);
    jw_str(&w, "instance", http_raw_path(x));
    if (problems && json_problems_any(problems))
        write_errors(&w, problems);
    jw_end_object(&w);
    buf_addc(&body, '\n');
    if (status == 503)
        http_add_header(x, "Retry-After", "1");
    http_add_header(x, "Cache-Control", "no-store");
    http_reply_take(x, status, "application/problem+json", &body);
    buf_free(&body);
}
