/* The statuses and their permitted moves, one table for rows, runs and the control plane. */
#include "lib/audit/audit.h"

#include <string.h>

/* Submitted -> Running -> Completed | Failed | Cancelled; a task may end without having run. */
#define MAY(status) (1U << (status))
static const struct {
    const char *name;
    bool final;
    unsigned moves;
} statuses[AUDIT_STATUS_COUNT] = {
    [AUDIT_SUBMITTED] = {"Submitted", false,
                         MAY(AUDIT_SUBMITTED) | MAY(AUDIT_RUNNING) | MAY(AUDIT_COMPLETED) |
                             MAY(AUDIT_FAILED) | MAY(AUDIT_CANCELLED)},
    [AUDIT_RUNNING] = {"Running", false,
                       MAY(AUDIT_RUNNING) | MAY(AUDIT_COMPLETED) | MAY(AUDIT_FAILED) |
                           MAY(AUDIT_CANCELLED)},
    [AUDIT_COMPLETED] = {"Completed", true, 0},
    [AUDIT_FAILED] = {"Failed", true, 0},
    [AUDIT_CANCELLED] = {"Cancelled", true, 0},
};

/* Exactly as the starter kit's tables spell them: people's queries look for these words. */
const char *audit_status_name(enum audit_status s)
{
    return s < AUDIT_STATUS_COUNT ? statuses[s].name : "";
}

int audit_status_parse(const char *name, enum audit_status *out, struct error *err)
{
    for (int s = 0; s < AUDIT_STATUS_COUNT; s++) {
        if (strcmp(statuses[s].name, name) == 0) {
            *out = (enum audit_status)s;
            return 0;
        }
    }
    return err_set(err, ERR_SYNTAX, "\"%.40s\" is not a status of an audit row", name);
}

bool audit_status_final(enum audit_status s)
{
    return s < AUDIT_STATUS_COUNT && statuses[s].final;
}

/* A row of the table says what may follow; a final status has an empty row. */
bool audit_may_move(enum audit_status from, enum audit_status to)
{
    return from < AUDIT_STATUS_COUNT && to < AUDIT_STATUS_COUNT &&
           (statuses[from].moves & MAY(to)) != 0;
}
