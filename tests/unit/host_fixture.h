/* host_fixture: a temporary folder with a FIFO and a process host, for tests of what runs children.
 *
 * What children write into the FIFO can be awaited line by line, so that no test has to sleep. */
#ifndef STEPFLEET_TESTS_HOST_FIXTURE_H
#define STEPFLEET_TESTS_HOST_FIXTURE_H

#include "server/local/process/process.h"
#include "tests/unit/temp_folder.h"

#include <pthread.h>
#include <stddef.h>

enum { HOST_PATIENCE_SECONDS = 60, HOST_PATH_MAX = TEMP_FOLDER_MAX + 64 };

struct host_place {
    char dir[TEMP_FOLDER_MAX];
    char fifo[HOST_PATH_MAX];
    int fd;
    struct process_host *processes;
};

/* Makes folder and FIFO and starts the process host; any failure ends the test. */
void host_place_open(struct host_place *p);
/* Stops the process host and removes the folder. */
void host_place_close(struct host_place *p);
/* Writes dir/name into out and returns it. */
const char *host_path(const struct host_place *p, const char *name, char out[HOST_PATH_MAX]);
/* Something that happens on another thread and is awaited here: an answer, the end of a child. What
 * the other thread wrote before host_event_happens may be read after host_event_await. */
struct host_event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count; /* how often it has happened */
};
#define HOST_EVENT_INIT                                                                            \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }
/* Any thread. */
void host_event_happens(struct host_event *e);
/* Waits until it has happened `count` times; fails the test after HOST_PATIENCE_SECONDS. */
void host_event_await(struct host_event *e, int count);

/* Reads from the FIFO until `count` lines have come; out holds them, NUL-terminated. */
void host_read_lines(struct host_place *p, int count, char *out, size_t size);

#endif
