/* ending: what becomes of a run whose execution has ended. Pure functions. */
#ifndef STEPFLEET_CONTROL_ENDING_H
#define STEPFLEET_CONTROL_ENDING_H

#include "server/store/store.h"

/* All that is known when execution, history and audit rows were read to their ends. */
struct ending_facts {
    const char *execution_status;      /* SUCCEEDED FAILED TIMED_OUT ABORTED */
    const char *error, *cause;         /* of the execution; NULL */
    const char *summary_reason;        /* of the summary row; NULL */
    const char *mirror_problem;        /* why the audit tables could not be read; NULL */
    bool cancelled;                    /* somebody asked for it here */
    const char *cancel_reason;         /* in their words; NULL */
    enum audit_status verdict;         /* of the summary row after an abort; Submitted: unknown */
    bool found_ended;                  /* it had ended before anybody here looked at its rows */
    int64_t tolerated;                 /* toleratedFailures */
    int64_t tasks[AUDIT_STATUS_COUNT]; /* by status */
};

enum { ENDING_REASON_MAX = 768 };

/* The verdict, by the execution's status and the audit rows:
 *
 *     SUCCEEDED   no open rows, failed <= tolerated    Completed
 *     SUCCEEDED   open rows, or failed > tolerated     Failed
 *     SUCCEEDED   found like that; rows are not there  Completed, and says on whose word
 *     FAILED      whatever the rows say                Failed
 *     TIMED_OUT   whatever the rows say                Failed
 *     ABORTED     the summary row was final before     Completed or Failed, as it says
 *     ABORTED     whatever else the rows say           Cancelled */
struct ending {
    struct store_close close; /* its reason points into `reason` */
    char reason[ENDING_REASON_MAX];
};

/* Tasks that are not final yet. */
int64_t ending_open_tasks(const struct ending_facts *f);
/* There are rows whose tasks never said how they ended, and no word of them can matter to the
 * verdict. */
bool ending_mute_rows(const struct ending_facts *f);
/* What such a row is given as its reason. */
#define ENDING_NO_FINAL_ROW "no final audit row was written"
/* ECS tasks of the run may still be there: they are to be stopped. */
bool ending_left_tasks(const struct ending_facts *f);
/* The execution says all is done while tasks are open: audit rows may only be late. */
bool ending_unsettled(const struct ending_facts *f);
/* Fills *out, whose address must not change while its close is used. */
void ending_decide(const struct ending_facts *f, struct ending *out);

#endif
