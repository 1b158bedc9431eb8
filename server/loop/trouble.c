#include "server/loop/trouble.h"

#include "server/loop/pace.h"
#include "server/store/store.h"

#include <stdio.h>

#define TROUBLE_MIN (250 * CLOCK_MS)
#define TROUBLE_MAX (30 * CLOCK_SECOND)
/* Failures in a row that may pass before a person is told: about ten seconds. */
enum { PATIENCE = 6 };

static void tell(struct trouble *t, const struct loop *l, int64_t run_id, const char *what,
                 const struct error *err)
{
    char text[ERR_MESSAGE_MAX + 64];
    struct error why = {0};
    (void)snprintf(text, sizeof text, "%s: %s", what, err->message);
    /* A store that fails now is told by whoever writes next; the note is tried again. */
    t->noted = store_run_note(l->store, run_id, text, &why) == 0;
}

/* The log hears of failure 1, 2, 4, 8 ...; a person hears of it once it is clear that it lasts. */
void trouble_add(struct trouble *t, const struct loop *l, int64_t run_id, const char *what,
                 const struct error *err)
{
    t->failures++;
    t->not_before = loop_now(l) + pace_backoff(TROUBLE_MIN, TROUBLE_MAX, t->failures);
    /* The first of a row, and then ever more rarely. */
    if ((t->failures & (t->failures - 1)) == 0)
        log_warn(l->log, what, LOG_INT("run_id", run_id), LOG_INT("failures", t->failures),
                 LOG_STR("error", err->message));
    if (!t->noted && (loop_fault(err) != LOOP_PASSING || t->failures >= PATIENCE))
        tell(t, l, run_id, what, err);
}

void trouble_over(struct trouble *t, const struct loop *l, int64_t run_id)
{
    struct error why = {0};
    t->failures = 0;
    t->not_before = 0;
    if (t->noted && store_run_note(l->store, run_id, NULL, &why) == 0)
        t->noted = false;
}
