/* submit_private: one start under way, and what became of it. Private to server/submit. */
#ifndef STEPFLEET_SUBMIT_PRIVATE_H
#define STEPFLEET_SUBMIT_PRIVATE_H

#include "server/store/store.h"
#include "server/submit/submit.h"

enum { START_NAME_MAX = 96 };

/* One call in flight; owned by the submitter's list.
 *
 * A start goes from the outbox to one of four ends. A long list of tasks is stored first
 * (PutObject: the same key and bytes each time), then:
 *
 *     StartExecution -> answered             start_adopt: the run is Running
 *                    -> AlreadyExists -> DescribeExecution
 *                         -> our input       start_adopt
 *                         -> another input   start_refuse: the run is Failed
 *                    -> may pass             start_failed: again later, the row stays in the outbox
 *                    -> refused              start_failed -> start_refuse
 *     cancelled      -> DescribeExecution    start_adopt (it is stopped then), or start_cancelled
 *
 * A name that is an Idempotency-Key's is looked for among the other pattern's executions before:
 * names are taken within one state machine only.
 *
 * The row leaves the outbox only with the outcome. So after a crash at any point the same call is
 * made again, and the execution's name keeps it from starting anything twice. */
struct start {
    struct submit *submit;
    struct start *next;
    int64_t run_id;
    int64_t attempts;
    int pattern;
    bool cancelled;
    bool storing; /* the manifest is on its way */
    bool checked; /* the other pattern has no execution of its name */
    char name[START_NAME_MAX];
    char arn[SUBMIT_ARN_MAX]; /* the execution's, derived */
};

struct submit {
    const struct loop *loop;
    char *machine_arn[3];
    int max_in_flight;
    int in_flight;
    int storing; /* manifests on their way, each up to BUF_MAX_MANIFEST */
    void (*started)(void *ctx);
    void *ctx;
    struct start *starts;
    bool look;            /* the outbox may hold something to do now */
    int64_t next_due;     /* wall time of the next row, 0: none is known */
    int64_t paused_until; /* monotonic; when the store fails, calls would be made in vain */
};

#define SUBMIT_PAUSE (2 * CLOCK_SECOND)

/* Ends of a start; each writes the store and frees `start`. Texts may belong to it. */
void start_adopt(struct start *start, const char *arn, int64_t started_at);
/* By its fault: refused for good, or postponed with full jitter. */
void start_failed(struct start *start, const struct error *err);
/* The run is Failed with this reason. */
void start_refuse(struct start *start, const char *reason);
/* The run is Cancelled; there is no execution. */
void start_cancelled(struct start *start);
/* Sends StartExecution (or, for a cancelled run, asks whether it was started). */
void start_send(struct start *start, const char *input, size_t len);
/* The same with the input read again, after a call that may have taken long. */
void start_again(struct start *start);

enum { SUBMIT_STORING_MAX = 2 };
/* Whether the input names a manifest, which is to be stored before the start. */
bool start_has_manifest(const struct store_outbox_row *row);
/* Stores it, then goes on with start_send. */
void start_store(struct start *start, const struct store_outbox_row *row);

/* Takes it from the list and makes room for the next. */
void start_free(struct start *start);

#endif
