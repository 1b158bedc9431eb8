/* server/routes over a store, over the wire: what a browser, curl or somebody else's page may send.
 */
#include "server/routes/routes.h"

#include "lib/base/clock.h"
#include "lib/http_server/http_server.h"
#include "server/api/run_cache.h"
#include "server/control/control.h"
#include "server/services.h"
#include "server/store/store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#include <stdio.h>

/* One for the life of the program. */
static struct http_server *start(void)
{
    static struct control_health health;
    static struct services services;
    char path[PLACE_PATH_MAX + 16], folder[PLACE_PATH_MAX];
    struct error err = {0};
    place_make(folder);
    (void)snprintf(path, sizeof path, "%s/store.db", folder);
    services = (struct services){
        .store = store_open(&(struct store_options){path, clock_system(), NULL}, &err),
        .clock = clock_system(),
        .health = &health,
        .offered = {false, true, true},
        .loopback = true};
    place_expect(services.store != NULL, &err);
    services.runs = run_cache_open(&err);
    place_expect(services.runs != NULL, &err);
    const struct http_server_options options = {.host = "127.0.0.1",
                                                .threads = 1,
                                                .max_body = BUF_MAX_SPEC,
                                                .ctx = &services,
                                                .begin = routes_begin,
                                                .handle = routes_handle};
    struct http_server *server = http_server_start(&options, &err);
    place_expect(server != NULL, &err);
    return server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_server *server;
    if (!server)
        server = start();
    place_request(http_server_url(server), NULL, data, size);
    return 0;
}
