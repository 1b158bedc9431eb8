#include "tests/unit/routes_fixture.h"

#include "lib/json/json_read.h"
#include "server/api/run_cache.h"
#include "server/routes/routes.h"

#include <stdio.h>
#include <string.h>

static void start_server(struct routes_fixture *f)
{
    struct error err = {0};
    const struct http_server_options http = {.host = "127.0.0.1",
                                             .threads = 1,
                                             .connection_memory = ROUTES_MEMORY,
                                             .max_body = BUF_MAX_SPEC,
                                             .ctx = &f->services,
                                             .begin = routes_begin,
                                             .handle = routes_handle};
    f->server = http_server_start(&http, &err);
    cr_assert_not_null(f->server, "%s", err.message);
    f->port = http_server_port(f->server);
}

void routes_fixture_open(struct routes_fixture *f)
{
    struct error err = {0};
    *f = (struct routes_fixture){.server = NULL};
    store_fixture_open(&f->disk);
    f->store = f->disk.store;
    f->services = (struct services){.store = f->store,
                                    .clock = clock_system(),
                                    .health = &f->health,
                                    .offered = {false, true, true},
                                    .loopback = true};
    f->services.runs = run_cache_open(&err);
    cr_assert_not_null(f->services.runs, "%s", err.message);
    start_server(f);
    const struct http_client_options client = {.max_connections = 1};
    f->client = http_client_new(&client, &err);
    cr_assert_not_null(f->client, "%s", err.message);
}

void routes_fixture_close(struct routes_fixture *f)
{
    http_client_free(f->client);
    http_server_stop(f->server);
    run_cache_close(f->services.runs);
    store_fixture_close(&f->disk);
}

int routes_call(struct routes_fixture *f, const char *method, const char *path, const char *body,
                const char *key, json_t **out)
{
    struct error err = {0};
    char url[256];
    struct http_header headers[2] = {{"Content-Type", "application/json"},
                                     {"Idempotency-Key", key}};
    struct http_response res = {0};
    (void)snprintf(url, sizeof url, "%s%s", http_server_url(f->server), path);
    const struct http_request req = {.method = method,
                                     .url = url,
                                     .headers = headers,
                                     .header_count = key ? 2 : 1,
                                     .body = body,
                                     .body_len = body ? strlen(body) : 0,
                                     .no_proxy = true};
    cr_assert_eq(http_client_call(f->client, &req, &res, &err), 0, "%s", err.message);
    int status = res.status;
    if (out)
        cr_assert_eq(json_parse(buf_str(&res.body), res.body.len, out, &err), 0, "%s: %s",
                     err.message, buf_str(&res.body));
    http_response_free(&res);
    return status;
}
