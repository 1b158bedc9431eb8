/* Member names: services speak camelCase, optimised integrations PascalCase. */
#include "server/local/sfn/task.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static json_t *convert(const json_t *value, int (*letter)(int));

/* One member under its new name; the value is converted too. */
static int set_renamed(json_t *out, const char *name, json_t *member, int (*letter)(int))
{
    char *renamed = strdup(name);
    json_t *converted = convert(member, letter);
    int rc = -1;
    if (renamed && converted) {
        renamed[0] = (char)letter((unsigned char)renamed[0]);
        rc = json_object_set(out, renamed, converted);
    }
    json_decref(converted);
    free(renamed);
    return rc;
}

static json_t *convert_object(const json_t *value, int (*letter)(int))
{
    const char *name;
    json_t *member;
    json_t *out = json_object();
    json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
        if (!out || set_renamed(out, name, member, letter)) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *convert_array(const json_t *value, int (*letter)(int))
{
    size_t i;
    json_t *member;
    json_t *out = json_array();
    json_array_foreach (value, i, member) {
        if (!out || json_array_append_new(out, convert(member, letter)) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* Containers are made anew, everything else is shared. */
static json_t *convert(const json_t *value, int (*letter)(int))
{
    if (json_is_object(value))
        return convert_object(value, letter);
    if (json_is_array(value))
        return convert_array(value, letter);
    return json_incref((json_t *)(uintptr_t)value);
}

json_t *task_members_to_camel(const json_t *object)
{
    const char *name;
    json_t *member;
    json_t *out = json_object();
    json_object_foreach ((json_t *)(uintptr_t)object, name, member) {
        char *renamed = strdup(name);
        if (renamed)
            renamed[0] = (char)tolower((unsigned char)renamed[0]);
        int rc = -1;
        if (renamed)
            rc = json_is_null(member) ? 0 : json_object_set(out, renamed, member);
        free(renamed);
        if (rc) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

json_t *task_to_camel(const json_t *value)
{
    return convert(value, tolower);
}

json_t *task_to_pascal(const json_t *value)
{
    return convert(value, toupper);
}
