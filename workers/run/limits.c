#include "workers/run/limits.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
    int64_t min, max, preset;
} variables[] = {
    {"STEPFLEET_RUN_TASK_RATE", offsetof(struct limits, rate), 1, 10000, 20},
    {"STEPFLEET_RUN_TASK_BURST", offsetof(struct limits, burst), 1, 10000, 100},
    {"STEPFLEET_CAPACITY_SECONDS", offsetof(struct limits, capacity_seconds), 0, 86400, 1800},
};
enum { VARIABLES = sizeof variables / sizeof variables[0] };

static const char *process_env(const char *name)
{
    return getenv(name);
}

static int read_variable(size_t i, const char *text, int64_t *out, struct error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < variables[i].min || value > variables[i].max)
        return err_set(err, ERR_ARGUMENT,
                       "%s is \"%.40s\": make it a whole number from %lld to %lld, or leave it out",
                       variables[i].name, text, (long long)variables[i].min,
                       (long long)variables[i].max);
    *out = value;
    return 0;
}

int limits_read(struct limits *out, const char *(*getenv_fn)(const char *name), struct error *err)
{
    for (size_t i = 0; i < VARIABLES; i++) {
        const char *text = (getenv_fn ? getenv_fn : process_env)(variables[i].name);
        int64_t value = variables[i].preset;
        if (text && *text && read_variable(i, text, &value, err) != 0)
            return -1;
        memcpy((char *)out + variables[i].offset, &value, sizeof value);
    }
    return 0;
}
