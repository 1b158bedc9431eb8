/* A flat list with linear look-up: environments here have some thirty variables. */
#include "server/local/process/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more item and the NULL behind it. */
static bool reserve(struct environment *env)
{
    if (env->failed)
        return false;
    if (env->count + 1 < env->capacity)
        return true;
    size_t capacity = env->capacity ? env->capacity * 2 : 32;
    char **items = reallocarray(env->items, capacity, sizeof *items);
    if (!items) {
        env->failed = true;
        return false;
    }
    env->items = items;
    env->capacity = capacity;
    return true;
}

/* The place of the variable whose name is the first `len` bytes of `name`. */
static char **find(const struct environment *env, const char *name, size_t len)
{
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
            return &env->items[i];
    return NULL;
}

/* Takes the assignment over; `len` is the length of its name. */
static void take(struct environment *env, char *assignment, size_t len)
{
    if (!assignment || !reserve(env)) {
        env->failed = true;
        free(assignment);
        return;
    }
    char **old = find(env, assignment, len);
    if (old) {
        free(*old);
        *old = assignment;
        return;
    }
    env->items[env->count++] = assignment;
    env->items[env->count] = NULL;
}

void environment_set(struct environment *env, const char *name, const char *value)
{
    char *assignment = NULL;
    if (asprintf(&assignment, "%s=%s", name, value) < 0)
        assignment = NULL;
    take(env, assignment, strlen(name));
}

void environment_put(struct environment *env, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (equals && equals != assignment)
        take(env, strdup(assignment), (size_t)(equals - assignment));
}

void environment_set_aws(struct environment *env, const char *region, const char *endpoint_url)
{
    environment_set(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    environment_set(env, "AWS_REGION", region);
    environment_set(env, "AWS_DEFAULT_REGION", region);
    environment_set(env, "AWS_ACCESS_KEY_ID", "local");
    environment_set(env, "AWS_SECRET_ACCESS_KEY", "local");
    environment_set(env, "AWS_SESSION_TOKEN", "local");
    environment_set(env, "AWS_ENDPOINT_URL", endpoint_url);
}

int environment_check(const struct environment *env, struct error *err)
{
    if (!env->failed)
        return 0;
    return err_set(err, ERR_MEMORY, "out of memory for a process environment");
}

const char *const *environment_list(const struct environment *env)
{
    static const char *const none[] = {NULL};
    return env->items ? (const char *const *)env->items : none;
}

void environment_free(struct environment *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->items[i]);
    free(env->items);
    *env = (struct environment){0};
}
