#include "tests/unit/host_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void host_place_open(struct host_place *p)
{
    struct error err = {.code = ERR_NONE};
    temp_folder_make(p->dir, "host");
    cr_assert_eq(mkfifo(host_path(p, "fifo", p->fifo), 0600), 0);
    p->fd = open(p->fifo, O_RDWR | O_CLOEXEC); /* a writer too: never an end of file */
    cr_assert_geq(p->fd, 0);
    p->processes = process_host_start(NULL, &err);
    cr_assert_not_null(p->processes, "%s", err.message);
}

void host_place_close(struct host_place *p)
{
    p->processes = process_host_stop(p->processes);
    (void)close(p->fd);
    temp_folder_remove(p->dir);
}

const char *host_path(const struct host_place *p, const char *name, char out[HOST_PATH_MAX])
{
    (void)snprintf(out, HOST_PATH_MAX, "%s/%s", p->dir, name);
    return out;
}

void host_read_lines(struct host_place *p, int count, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    while (count > 0) {
        struct pollfd poller = {.fd = p->fd, .events = POLLIN};
        cr_assert_eq(poll(&poller, 1, HOST_PATIENCE_SECONDS * 1000), 1, "so far: %s", out);
        cr_assert_lt(len, size - 1);
        cr_assert_eq(read(p->fd, out + len, 1), 1);
        if (out[len++] == '\n')
            count--;
        out[len] = '\0';
    }
}

void host_event_happens(struct host_event *e)
{
    (void)pthread_mutex_lock(&e->lock);
    e->count++;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->lock);
}

void host_event_await(struct host_event *e, int count)
{
    struct timespec until;
    int rc = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HOST_PATIENCE_SECONDS;
    (void)pthread_mutex_lock(&e->lock);
    while (e->count < count && rc == 0)
        rc = pthread_cond_timedwait(&e->changed, &e->lock, &until);
    int seen = e->count;
    (void)pthread_mutex_unlock(&e->lock);
    cr_assert_geq(seen, count, "%d of %d happened in time", seen, count);
}
