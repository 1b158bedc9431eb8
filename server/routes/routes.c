#include "server/routes/routes.h"

#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/routes/contract.h"
#include "server/routes/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* `{id}` in a path stands for a workflow_run_id, `{name}` for one percent-encoded segment.
 * A new route is a row here, a handler in server/api/api.h, a path in server/api/openapi.json, and
 * a row in the README. */
struct route {
    const char *method;
    const char *path;
    api_handler handler;
};

static const struct route routes[] = {
    {"POST", "/workflows", api_workflow_create},
    {"GET", "/workflows", api_workflow_list},
    {"GET", "/workflows/{id}", api_workflow_get},
    {"GET", "/workflows/{id}/tasks", api_workflow_tasks},
    {"GET", "/workflows/{id}/tasks/{name}", api_task_get},
    {"GET", "/workflows/{id}/tasks/{name}/log", api_task_log},
    {"GET", "/workflows/{id}/failures", api_workflow_failures},
    {"GET", "/workflows/{id}/events", api_workflow_events},
    {"GET", "/workflows/{id}/spec", api_workflow_spec},
    {"POST", "/workflows/{id}/cancel", api_workflow_cancel},
    {"POST", "/workflows/{id}/retry", api_workflow_retry},
    {"GET", "/workflows/{id}/definition", api_definition},
    {"GET", "/workflows/{id}/export", api_export},
    {"GET", "/events", api_events},
    {"GET", "/metrics", api_metrics},
    {"GET", "/stats", api_stats},
    {"GET", "/openapi.json", contract_reply},
    {"GET", "/livez", api_livez},
    {"GET", "/readyz", api_readyz},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

void routes_each(void (*fn)(void *ctx, const char *method, const char *path), void *ctx)
{
    for (size_t i = 0; i < ROUTES; i++)
        fn(ctx, routes[i].method, routes[i].path);
}

/* Reads the digits of a run id; NULL if there is none, else what follows. */
static const char *read_id(const char *at, int64_t *id)
{
    char *end = NULL;
    if (*at < '1' || *at > '9')
        return NULL;
    errno = 0;
    long long value = strtoll(at, &end, 10);
    if (errno)
        return NULL;
    *id = value;
    return end;
}

/* One segment that is not empty; NULL if there is none, else what follows. */
static const char *read_name(const char *at, struct api_call *call)
{
    size_t len = strcspn(at, "/");
    call->name = at;
    call->name_len = len;
    return len ? at + len : NULL;
}

/* Character by character; {id} takes the digits that stand there, {name} a segment. Trailing
 * slashes do not match. */
static bool matches(const char *pattern, const char *path, struct api_call *call)
{
    call->run_id = 0;
    call->name = NULL;
    call->name_len = 0;
    while (*pattern && path && *path) {
        if (strncmp(pattern, "{id}", 4) == 0) {
            path = read_id(path, &call->run_id);
            pattern += 4;
        } else if (strncmp(pattern, "{name}", 6) == 0) {
            path = read_name(path, call);
            pattern += 6;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return path && !*pattern && !*path;
}

/* GET's routes answer HEAD too. */
static bool method_fits(const struct route *r, const char *method)
{
    return strcmp(r->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* 405 with Allow when the path is known, else 404. */
static void reply_missing(struct http_exchange *x, const char *allow)
{
    struct error err = {0};
    if (allow) {
        http_add_header(x, "Allow", allow);
        err_set(&err, ERR_METHOD, "%s is not allowed here, only %s", http_method(x), allow);
    } else {
        err_set(&err, ERR_NOT_FOUND, "there is nothing at %.200s", http_raw_path(x));
    }
    problem_reply(x, &err, NULL);
}

/* The methods that the path has, for Allow; "" if the path is unknown. */
static void allowed(const char *path, char *out, size_t size)
{
    struct api_call call;
    out[0] = '\0';
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(routes[i].path, path, &call))
            continue;
        size_t used = strlen(out);
        const char *method = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;
        size_t len = strlen(method);
        if (used + len + 3 > size)
            break;
        if (used) {
            memcpy(out + used, ", ", 2);
            used += 2;
        }
        memcpy(out + used, method, len + 1);
    }
}

/* On loopback only names of this machine may be asked for: a foreign Host is a web page that had
 * its name rebound to 127.0.0.1. */
static bool host_allowed(const struct services *sv, const struct http_exchange *x)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *host = http_header(x, "Host");
    if (!sv->loopback || !host)
        return true;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == len && strncasecmp(host, names[i], len) == 0)
            return true;
    return false;
}

static void refuse_host(struct http_exchange *x)
{
    struct error err = {0};
    err_set(&err, ERR_DENIED, "this server answers to 127.0.0.1 and localhost only, not to %.100s",
            http_header(x, "Host"));
    problem_reply(x, &err, NULL);
}

/* The origin of a page of this server: scheme, "://", and the Host that was asked for. */
static bool is_own_origin(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    return at && host && strcasecmp(at + 3, host) == 0;
}

/* A browser lets any web page send plain POSTs here, and a cancel or a retry needs no body; but it
 * says where the page came from. Other clients say nothing. */
static bool origin_allowed(const struct http_exchange *x)
{
    const char *site = http_header(x, "Sec-Fetch-Site");
    const char *origin = http_header(x, "Origin");
    if (strcmp(http_method(x), "GET") == 0 || strcmp(http_method(x), "HEAD") == 0)
        return true;
    if (site)
        return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    return !origin || is_own_origin(origin, http_header(x, "Host"));
}

static void refuse_origin(struct http_exchange *x)
{
    struct error err = {0};
    const char *origin = http_header(x, "Origin");
    err_set(&err, ERR_DENIED,
            "a web page of another origin (%.100s) may not change anything here: use the page of "
            "this server",
            origin ? origin : "not named");
    problem_reply(x, &err, NULL);
}

/* Called with the headers: a larger body is not kept. Specs alone are large. */
void routes_begin(void *services, struct http_exchange *x)
{
    (void)services;
    http_body_limit(x, strcmp(http_raw_path(x), "/workflows") == 0 ? BUF_MAX_SPEC : BUF_MAX_LINE);
}

void routes_crowded(void *services, struct http_exchange *x)
{
    struct error err = {0};
    (void)services;
    err_set(&err, ERR_BUSY, "too many large requests at once: send it again in a moment");
    problem_reply(x, &err, NULL);
}

/* Routes first, then files of the page. */
void routes_handle(void *services, struct http_exchange *x)
{
    struct api_call call = {.sv = services, .x = x};
    const char *path = http_raw_path(x);
    const char *method = http_method(x);
    char allow[64];
    http_add_header(x, "X-Content-Type-Options", "nosniff");
    if (!host_allowed(call.sv, x)) {
        refuse_host(x);
        return;
    }
    if (!origin_allowed(x)) {
        refuse_origin(x);
        return;
    }
    for (size_t i = 0; i < ROUTES; i++) {
        if (method_fits(&routes[i], method) && matches(routes[i].path, path, &call)) {
            routes[i].handler(&call);
            return;
        }
    }
    allowed(path, allow, sizeof allow);
    if (!allow[0] && page_find(path))
        page_reply(x, page_find(path));
    else
        reply_missing(x, allow[0] ? allow : NULL);
}
