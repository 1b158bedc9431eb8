/* routes_fixture: server/routes over a real store and a real HTTP server. For tests. */
#ifndef STEPFLEET_TESTS_ROUTES_FIXTURE_H
#define STEPFLEET_TESTS_ROUTES_FIXTURE_H

#include "lib/http_client/http_client.h"
#include "lib/http_server/http_server.h"
#include "server/services.h"
#include "tests/unit/store_fixture.h"

#include <jansson.h>

struct routes_fixture {
    struct store_fixture disk;
    struct store *store; /* of disk */
    struct control_health health;
    struct services services;
    struct http_server *server;
    struct http_client *client;
    uint16_t port;
};

/* Opens all of it on a free port; any failure ends the test. */
void routes_fixture_open(struct routes_fixture *f);
/* Stops the server, closes the store, removes the folder. */
void routes_fixture_close(struct routes_fixture *f);
/* Sends one request, with an Idempotency-Key unless `key` is NULL. Returns the status; the body's
 * members are in *out (a new reference; `out` may be NULL). */
int routes_call(struct routes_fixture *f, const char *method, const char *path, const char *body,
                const char *key, json_t **out);

#endif
