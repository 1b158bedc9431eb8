/* store_fixture: a store in a folder of its own, and runs to put there. For tests. */
#ifndef STEPFLEET_TESTS_STORE_FIXTURE_H
#define STEPFLEET_TESTS_STORE_FIXTURE_H

#include "server/store/store.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>

enum { FIXTURE_PATH_MAX = TEMP_FOLDER_MAX + 16, FIXTURE_TASKS_MAX = 16 };

struct store_fixture {
    char dir[TEMP_FOLDER_MAX];
    char path[FIXTURE_PATH_MAX];
    struct store *store;
};

/* Makes the folder below TMPDIR and opens the store; any failure ends the test. */
void store_fixture_open(struct store_fixture *f);
/* Closes the store and removes the folder. */
void store_fixture_close(struct store_fixture *f);
/* Closes and opens again, as a restart does. */
void store_fixture_reopen(struct store_fixture *f);

/* A new run "copy" of pattern 1 with `tasks` tasks named task-0 ..., execution name "x-<id>". */
struct store_new_run *store_fixture_run(int64_t id, size_t tasks);
/* Frees the run with its tasks. */
void store_fixture_run_free(struct store_new_run *run);
/* Creates that run; any failure ends the test. */
void store_fixture_create(struct store *s, int64_t id, size_t tasks);

/* Copies of what was read, with texts cut to fit. */
struct run_copy {
    struct store_run run; /* its texts are not valid; those wanted are below */
    char reason[256];
    char arn[256];
    char start_error[256];
    char execution_status[32];
};
/* The run as it is now; a run that is not there ends the test. */
struct run_copy store_fixture_get(struct store *s, int64_t id);

/* Takes over an audit row of task-<seq>, as the ECS task ecs-<seq>; run and names are filled in,
 * the rest is as `row` says. */
void store_fixture_mirror(struct store *s, int64_t run_id, int seq, const struct audit_detail *row);

struct task_copy {
    struct store_task task; /* its texts are not valid */
    char name[64];
    char ecs_task_id[64];
    char stopped_reason[256];
    char reason[64];
};
/* The task at this position of the run. */
struct task_copy store_fixture_task(struct store *s, int64_t run_id, int64_t seq);

#endif
