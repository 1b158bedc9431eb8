/* local_sfn: Step Functions: state machines, executions, history, on one SQLite file.
 *
 * Definitions are compiled once into immutable machines. One engine thread runs all executions: an
 * execution is a tree of frames that run until they wait; timers sit in one heap; task calls are
 * asynchronous; history and checkpoints of everything that moved are committed together before the
 * side effects that depend on them. After a restart executions go on from their checkpoints: calls
 * that were under way are made again (with the same client tokens). Calls from any thread.
 * Private to server/local. */
#ifndef STEPFLEET_LOCAL_SFN_H
#define STEPFLEET_LOCAL_SFN_H

#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "server/local/call.h"
#include "server/local/ecs/local_ecs.h"
#include "server/local/lambda/local_lambda.h"

struct local_sfn;

struct local_sfn_options {
    const char *path; /* the SQLite file */
    const char *region;
    const struct clock *clock;
    const struct log *log;
    struct local_lambda *lambda;          /* borrowed; NULL: lambda tasks fail */
    struct local_ecs *ecs;                /* borrowed; NULL: ecs tasks fail */
    const struct local_service *dynamodb; /* borrowed; NULL: dynamodb tasks fail */
    const struct local_service *s3;       /* borrowed; NULL: Maps cannot read or write objects */
};

/* Opens (creates) the file and loads the state machines; nothing runs yet. NULL with err. */
struct local_sfn *local_sfn_open(const struct local_sfn_options *options, struct error *err);
/* Starts the engine thread and resumes executions. */
int local_sfn_start(struct local_sfn *s, struct error *err);
/* Commits what is under way and ends the thread; executions stay as they are. NULL-safe. */
struct local_sfn *local_sfn_close(struct local_sfn *s);
/* The service as gate and engine see it; borrowed, lives as long as s. */
const struct local_service *local_sfn_service(struct local_sfn *s);
/* Creates the state machine, or gives it this definition if it has another (start-up seeding; new
 * executions use it, running ones keep theirs). */
int local_sfn_ensure_machine(struct local_sfn *s, const char *name, const char *definition,
                             struct error *err);

#endif
