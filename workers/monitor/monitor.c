/* Chooses the action; the actions have a file each. */
#include "workers/monitor/monitor.h"

#include "lib/json/json_read.h"
#include "workers/monitor/actions.h"

#include <string.h>

static const struct {
    const char *name;
    int (*act)(const struct worker *w, json_t *event, json_t **answer, struct error *err);
} actions[] = {
    {"monitor", action_poll},
    {"plan", action_plan},
    {"refuse", action_refuse},
    {"close", action_close},
};

int action_set_failure(json_t *answer, const char *error, const char *cause, struct error *err)
{
    json_t *failure = json_pack("{s:s,s:s}", "Error", error, "Cause", cause);
    if (json_object_set_new(answer, "failure", failure) != 0)
        return err_set(err, ERR_MEMORY, "out of memory while answering");
    return 0;
}

int monitor_handle(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    const char *name = json_str(event, "action", "monitor");
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, name) == 0)
            return actions[i].act(w, event, answer, err);
    return err_set(err, ERR_ARGUMENT, "\"%.40s\" is no action: use monitor, plan, refuse or close",
                   name);
}
