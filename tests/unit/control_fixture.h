/* control_fixture: a store, a scripted AWS, and the control loop between them. For tests. */
#ifndef STEPFLEET_TESTS_CONTROL_FIXTURE_H
#define STEPFLEET_TESTS_CONTROL_FIXTURE_H

#include "server/control/control.h"
#include "tests/unit/fake_aws.h"
#include "tests/unit/store_fixture.h"

#include <pthread.h>

#define FIXTURE_MACHINE "arn:aws:states:eu-west-1:123456789012:stateMachine:pattern-1"
#define FIXTURE_ARN "arn:aws:states:eu-west-1:123456789012:execution:pattern-1:x-7"
#define FIXTURE_MACHINE_2 "arn:aws:states:eu-west-1:123456789012:stateMachine:pattern-2"

struct control_fixture {
    struct store_fixture store;
    struct fake_aws *aws;
    struct control *control; /* NULL until control_fixture_start */
    struct control_health health;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t changes;           /* guarded by lock */
    int list_above;            /* option of the loop, 0: its default */
    bool streams;              /* option: follow the details table's stream */
    bool discover;             /* option: look for runs started elsewhere */
    bool both;                 /* option: pattern 2 has a state machine, too */
    const char *key;           /* option: the runs that are created have execution names of a key */
    const struct clock *clock; /* option of the loop, NULL: the system's */
};

/* Opens store and fake; the loop is not started. */
void control_fixture_open(struct control_fixture *f);
/* Stops the loop if it runs, then the fake AWS and the store; removes the folder. */
void control_fixture_close(struct control_fixture *f);
/* Starts the control loop on the fixture's store and fake AWS. */
void control_fixture_start(struct control_fixture *f);

/* Creates run 7 of pattern 1 with three tasks task-0 ... in a complete spec; wakes the loop. */
void control_fixture_run(struct control_fixture *f);
/* The same for any id, its execution started before as "...:x-<id>". */
void control_fixture_active(struct control_fixture *f, int64_t id);
/* Waits until run 7 has the status (15 s at most; then the test fails) and returns it. */
struct run_copy control_fixture_await(struct control_fixture *f, enum audit_status status);
/* Waits until run 7 has an error of its start. */
struct run_copy control_fixture_await_error(struct control_fixture *f);
/* Waits until run 7 has a reason, or has none any more. */
struct run_copy control_fixture_await_reason(struct control_fixture *f, bool any);

/* Scripts DescribeExecution: `running` times RUNNING, then the status for ever. */
void control_fixture_describe(struct control_fixture *f, int running, const char *status,
                              const char *more);
/* Scripts a page of details rows: a text of "id name status;" pieces like "a task-0 Completed;". */
void control_fixture_rows(struct control_fixture *f, const char *rows, const char *last_key);

#endif
