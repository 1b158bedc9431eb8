/* submit: starts executions for the runs in the outbox, each exactly once.
 *
 * The execution's name is the run's, so a second StartExecution (after a crash, a lost answer, or
 * from another control plane) can never start a run twice: ExecutionAlreadyExists makes the
 * submitter look whose it is, and adopt it when it has our input. Used by the control thread only;
 * callbacks run inside aws_poll. */
#ifndef STEPFLEET_SUBMIT_H
#define STEPFLEET_SUBMIT_H

#include "server/loop/loop.h"

struct submit;

struct submit_options {
    const struct loop *loop;    /* borrowed, must outlive the submitter */
    const char *machine_arn[3]; /* index 1 and 2; NULL: that pattern is refused; copied */
    int in_flight;              /* calls at a time; 0: 16 */
    void (*started)(void *ctx); /* a run got its execution; may be NULL */
    void *ctx;
};

/* NULL when memory is out. The first step looks into the outbox. */
struct submit *submit_new(const struct submit_options *options, struct error *err);
/* Call after the struct aws was freed (its callbacks point here). NULL-safe; returns NULL. */
struct submit *submit_free(struct submit *s);

/* There may be new rows in the outbox: look at the next step. */
void submit_wake(struct submit *s);
/* Sends what is due and returns the monotonic time to be called again, or LOOP_NEVER. */
int64_t submit_step(struct submit *s);

enum { SUBMIT_ARN_MAX = 512 };
/* The ARN of an execution by its name and its state machine's ARN (a version or alias at its end
 * is left out): ...:stateMachine:M -> ...:execution:M:name. -1 when `machine` is no such ARN. */
int submit_execution_arn(const char *machine, const char *name, char out[SUBMIT_ARN_MAX],
                         struct error *err);
/* Whether two inputs are the same JSON; texts that are no JSON are compared as they stand. */
bool submit_same_input(const char *a, const char *b);

#endif
