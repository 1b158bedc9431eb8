/* The list of problems, and the two forms in which the API tells it. */
#include "server/local/sfn/machine_problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 2048 };

void machine_problem_add(struct machine_problems *p, const char *code, const char *location,
                         const char *fmt, ...)
{
    if (p->count >= MACHINE_PROBLEMS_MAX) {
        p->dropped++;
        return;
    }
    struct machine_problem *list = realloc(p->list, (p->count + 1) * sizeof *list);
    if (!list) {
        p->dropped++;
        return;
    }
    p->list = list;
    struct machine_problem *added = &list[p->count];
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    added->code = code;
    added->message = strdup(message);
    added->location = strdup(location);
    if (!added->message || !added->location) {
        free(added->message);
        free(added->location);
        p->dropped++;
        return;
    }
    p->count++;
}

void machine_problems_free(struct machine_problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].message);
        free(p->list[i].location);
    }
    free(p->list);
    *p = (struct machine_problems){0};
}

void machine_problems_text(const struct machine_problems *p, struct buf *out)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct machine_problem *problem = &p->list[i];
        buf_addf(out, "%s%s: %s", i ? ", " : "", problem->code, problem->message);
        if (problem->location[0])
            buf_addf(out, " at %s", problem->location);
    }
}

json_t *machine_problems_json(const struct machine_problems *p)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < p->count; i++) {
        const struct machine_problem *problem = &p->list[i];
        json_t *one = json_pack("{s:s, s:s, s:s}", "severity", "ERROR", "code", problem->code,
                                "message", problem->message);
        if (one && problem->location[0])
            json_object_set_new(one, "location", json_string(problem->location));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}
