/* machines: the example specs and the state machine definitions for this deployment, made from the
 * embedded files. Owned by the app; immutable once opened. */
#ifndef STEPFLEET_APP_MACHINES_H
#define STEPFLEET_APP_MACHINES_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/spec/spec.h"

enum { PATTERNS = 2 };

struct machines {
    struct spec specs[PATTERNS];      /* specs/pattern-N.json */
    json_t *defaults[PATTERNS];       /* what a spec may leave out */
    struct buf definitions[PATTERNS]; /* infra/statemachines/pattern-N.asl.json, substituted */
    char names[PATTERNS][64];         /* "stepfleet-pattern-N" */
    char arns[PATTERNS][160];         /* in the local account */
};

/* `launcher` and `monitor` are function names, for the definitions' ${TaskLauncherArn} and
 * ${TaskMonitorArn}. */
int machines_open(struct machines *m, const char *region, const char *account, const char *launcher,
                  const char *monitor, struct error *err);
/* The same with the account and the function names of local mode. */
int machines_open_local(struct machines *m, const char *region, struct error *err);
/* The definition of a pattern (0: the first); before machines_open as it is deployed, with ${...}
 * for the functions. Lives as long as the struct; NULL if there is none. */
const char *machines_definition(const struct machines *m, int i);
/* Whether the text looks like the ARN of a state machine. */
bool machines_is_arn(const char *text);
/* NULL members are fine: also for a struct that is all zero. */
void machines_close(struct machines *m);

#endif
