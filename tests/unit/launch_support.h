/* What the launcher's tests have in common: events of pattern 1's example as run 77. */
#ifndef STEPFLEET_TEST_LAUNCH_SUPPORT_H
#define STEPFLEET_TEST_LAUNCH_SUPPORT_H

#include "tests/unit/worker_peer.h"
#include "workers/launch/launch.h"

#define LAUNCH_START "2024-01-02T03:04:00.123Z"

/* The event that the state machine passes; `changes` is merged into the spec. */
json_t *launch_event(const char *changes);
/* A spec of `tasks` tasks: task-0 ... */
json_t *launch_event_of(size_t tasks);

/* One call of the function; NULL with err. */
json_t *launch_call(struct worker_peer *p, json_t *event, struct error *err);
/* The same with the event of these changes. */
json_t *launch(struct worker_peer *p, const char *changes, struct error *err);
/* Moves the event on to the next chunk, as the state machine does, and the clock by what it waits.
 * Takes `answer` over; true while there is a next chunk. */
bool launch_next(struct worker_peer *p, json_t *event, json_t *answer);
/* Calls until the launch is over; fails the test after `chunks` calls. The last answer. */
json_t *launch_all(struct worker_peer *p, json_t *event, size_t chunks);

/* A first chunk with short pauses and a quick bucket, of a plan that was opened. */
int launch_plan(struct worker_peer *p, struct plan *plan, struct error *err);

/* Every task of the event was started just once. */
void launch_expect_all_once(const struct worker_peer *p, const json_t *event);

#endif
