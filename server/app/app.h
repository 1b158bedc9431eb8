/* app: the whole control plane: store, control loop, HTTP, and in local mode the embedded endpoint.
 *
 * The only place that knows that there is a local mode. Owned by main's thread. */
#ifndef STEPFLEET_APP_H
#define STEPFLEET_APP_H

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "server/app/settings.h"

struct app;

/* Opens everything in order and starts its threads. NULL with one clear sentence. `log` is borrowed
 * and must outlive the app; so must the settings' texts. */
struct app *app_open(const struct settings *settings, const struct log *log, struct error *err);
/* "http://127.0.0.1:8080"; the second is NULL without local mode. Borrowed. */
const char *app_url(const struct app *a);
/* The embedded AWS endpoint, for the workers and for people's tools. Borrowed. */
const char *app_aws_url(const struct app *a);
/* Stops accepting, finishes what is being written, ends all threads and child processes. NULL-safe;
 * returns NULL. */
struct app *app_close(struct app *a);

/* The commands of the program; each gets the words behind its name and returns the exit code. */
int command_serve(int argc, const char **argv);
/* Prints every setting with its value and where it comes from; secrets are masked. */
int command_config(int argc, const char **argv);
/* Validates a spec: 0 good, 1 bad, 2 wrong usage or unreadable file. Needs no server. */
int command_check(int argc, const char **argv);

#endif
