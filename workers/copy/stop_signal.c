/* A blocked signal stays pending and can be read from a signalfd: no handler, no global flag, and
 * no default action that would be missing for process 1 of a container. */
#include "workers/copy/stop_signal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Before any thread exists, so that all of them inherit the mask. */
int stop_signal_open(struct stop_signal *s, struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    *s = (struct stop_signal){.fd = -1};
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set_errno(err, "blocking SIGTERM");
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->fd >= 0 ? 0 : err_set_errno(err, "opening a signalfd");
}

void stop_signal_close(struct stop_signal *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

bool stop_signal_came(void *ctx)
{
    struct stop_signal *s = ctx;
    struct signalfd_siginfo info;
    if (!s->came && read(s->fd, &info, sizeof info) == (ssize_t)sizeof info)
        s->came = true;
    return s->came;
}

/* Monotonic: setting the clock must not change a hold. */
static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A signal that is read here is remembered in `came`; poll may end early, so time is looked at
 * anew. */
void stop_signal_wait(struct stop_signal *s, int64_t ms)
{
    int64_t end = now_ms() + ms;
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    while (!stop_signal_came(s)) {
        int64_t left = end - now_ms();
        if (left <= 0)
            return;
        if (poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
            return;
    }
}
