/* run: what the functions pass to each other through the state machine, and the names derived
 * from it.
 *
 * A few numbers and names, never lists of ARNs: the state stays small however many tasks there
 * are. Texts are borrowed from the json_t it was read from. Pure functions. */
#ifndef STEPFLEET_WORKERS_RUN_H
#define STEPFLEET_WORKERS_RUN_H

#include "lib/audit/audit.h"
#include "lib/crypto/crypto.h"
#include "lib/spec/spec.h"

enum { RUN_STARTED_BY_MAX = 40, RUN_ID_TEXT_MAX = 24, RUN_TASK_ID_MAX = 64 };

/* Member names are the spec's own, so that a spec can be read as a run, too.
 *
 * Pattern 1: the launcher answers a run, the state machine hands it to the monitor, and from then
 * on each answer of the monitor is the next event. Pattern 2: the state machine makes it of the
 * answer to "plan". The control plane never sees a struct run; it reads the tables. */
struct run {
    const char *workflow_name;
    int64_t workflow_run_id;
    int64_t number_of_tasks;
    int64_t start_time; /* wall microseconds; 0: unknown */
    struct audit_table summary;
    struct audit_table details;
    const char *cluster_name;
    int64_t monitor_interval_seconds;
    int64_t tolerated_failures;
    int64_t task_timeout_seconds;
    int64_t run_timeout_seconds;
    int64_t launched; /* pattern 1: what the launcher saw */
    int64_t refused;
    int64_t history_events; /* of the execution, at the most, before the first look */
    /* The monitor's own, from poll to poll. */
    int64_t poll;
    int64_t wait_seconds;
    int64_t watched_since; /* wall of the first poll; 0 before it */
    int64_t completed, failed, running;
};

/* Reads a run; absent numbers become defaults or 0. -1 with ERR_SYNTAX that names what is missing
 * (run id and numberOfTasks may be). */
int run_read(json_t *object, struct run *out, struct error *err);
/* The run of a completed spec. */
void run_from_spec(const struct spec *spec, struct run *out);
/* A new reference, NULL when memory is out. */
json_t *run_write(const struct run *run);

/* The id of a run that was started without one: the execution's start in microseconds plus a part
 * of its name's hash, so that each retry of a function derives the same. `start_time` is RFC 3339.
 */
int run_id_of_execution(const char *name, const char *start_time, int64_t *id, struct error *err);

/* "stepfleet-<run id>": startedBy of all tasks of a run. */
char *run_started_by(int64_t run_id, char out[RUN_STARTED_BY_MAX]);
/* clientToken: hex SHA-256 of "<run id>/<task name>"; pattern 2's state machine computes the same.
 */
int run_client_token(int64_t run_id, const char *task_name, char out[SHA256_HEX],
                     struct error *err);
/* The row id of a task that ECS never knew: prefix, '-', 32 digits of the client token. */
int run_stand_in_id(const char *prefix, int64_t run_id, const char *task_name,
                    char out[RUN_TASK_ID_MAX], struct error *err);
/* Whether a row's id is one of these. */
bool run_is_stand_in(const char *task_id);

#endif
