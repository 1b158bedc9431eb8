/* settings: what `stepfleet serve` can be told, in one table. Borrowed texts; immutable once read.
 */
#ifndef STEPFLEET_APP_SETTINGS_H
#define STEPFLEET_APP_SETTINGS_H

#include "lib/options/options.h"

/* A new setting is a value here and a row in settings.c; help, `config` and the reading of flags
 * and environment follow from the row. */
enum setting {
    SET_LOCAL,
    SET_LISTEN,
    SET_AWS_LISTEN,
    SET_AWS_ADVERTISE,
    SET_DATA,
    SET_WORKERS,
    SET_OUTPUTS,
    SET_MACHINE_1,
    SET_MACHINE_2,
    SET_THREADS,
    SET_RETENTION,
    SET_LOG_LEVEL,
    SET_REGION,
    SET_ENDPOINT,
    SET_ACCESS_KEY,
    SET_SECRET_KEY,
    SET_SESSION_TOKEN,
    SETTING_COUNT
};

extern const struct option_row setting_rows[SETTING_COUNT];

struct settings {
    struct option_value values[SETTING_COUNT];
};

/* Reads the words behind the command's name. -1 with ERR_ARGUMENT. */
int settings_read(struct settings *s, int argc, const char **argv, struct error *err);
/* The process environment, for options_read. */
const char *settings_environment(const char *name);
/* The text of a setting, NULL if it has none. Borrowed. */
const char *settings_text(const struct settings *s, enum setting which);

#endif
