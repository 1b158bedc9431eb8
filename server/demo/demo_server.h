/* demo_server: the server that the demo starts: this program, free ports, a temporary data folder.
 * Owned by the demo. */
#ifndef STEPFLEET_DEMO_SERVER_H
#define STEPFLEET_DEMO_SERVER_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

enum { DEMO_URL_MAX = 128, DEMO_PATH_MAX = 256 };

struct demo_server {
    pid_t pid; /* 0: not running */
    char folder[DEMO_PATH_MAX];
    char url[DEMO_URL_MAX];     /* REST and page */
    char aws_url[DEMO_URL_MAX]; /* the embedded endpoint */
};

/* Makes the folder, starts the server and waits (20 s at most) until it says where it listens. Its
 * log goes to server.log in the folder. */
int demo_server_open(struct demo_server *s, struct error *err);
/* Ends the server by SIGTERM and removes the folder (unless `keep`). -1 when it did not end with
 * exit code 0; the folder then stays. */
int demo_server_close(struct demo_server *s, bool keep, struct error *err);

#endif
