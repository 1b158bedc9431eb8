/* The host's thread: it starts children for others, waits on their pidfds and on its own eventfd,
 * sends the SIGKILLs that are due, and reaps. Everything that touches a child happens here, except
 * the SIGTERM of process_stop.
 *
 * One turn of the loop: serve start requests -> kill what is overdue -> poll -> reap. pidfds
 * instead of SIGCHLD: no handler, no race with other waiters, and a number that cannot be reused
 * under us. */
#include "server/local/process/process.h"

#include "server/local/process/process_spawn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    struct spawned child;
    void (*exited)(void *ctx, int exit_code, int signal);
    void *ctx;
    int64_t kill_at; /* monotonic time of SIGKILL, 0: none; guarded by the host's lock */
};

/* A start that another thread waits for; lives on that thread's stack. */
struct start_request {
    const struct process_options *options;
    struct error *err;
    struct process *process;
    bool answered;
    struct start_request *next;
};

struct process_host {
    const struct log *log;
    pthread_t thread;
    int wake;    /* eventfd */
    char *stack; /* of the child between clone and execve */

    /* The host's thread only. polls[0] is `wake`, polls[i + 1] belongs to children[i]. */
    struct process **children;
    struct pollfd *polls;
    size_t count;
    size_t capacity;

    pthread_mutex_t lock; /* guards what follows and kill_at of all children */
    pthread_cond_t answered;
    struct start_request *requests;
    bool stopping;
};

/* Deadlines are of the system's clock: tests with a clock of their own still have real
 * processes. */
static int64_t now(void)
{
    return clock_mono(clock_system());
}

/* Ends the host thread's poll; any thread. */
static void wake_host(struct process_host *h)
{
    const uint64_t one = 1;
    ssize_t wrote = write(h->wake, &one, sizeof one);
    (void)wrote; /* EAGAIN: the counter is full, so the thread is awake already */
}

/* The count does not matter, only that it is 0 again: all requests are served in one turn. */
static void drain_wake(struct process_host *h)
{
    uint64_t count;
    ssize_t got = read(h->wake, &count, sizeof count);
    (void)got;
}

/* --- starting: the host's thread only ----------------------------------------------------------*/

/* Makes room before a child exists: afterwards there would be no way back. */
static int reserve_child(struct process_host *h, struct error *err)
{
    if (h->count < h->capacity)
        return 0;
    size_t capacity = h->capacity ? h->capacity * 2 : 16;
    struct process **children = reallocarray(h->children, capacity, sizeof(struct process *));
    if (children)
        h->children = children;
    struct pollfd *polls = reallocarray(h->polls, capacity + 1, sizeof *polls);
    if (polls)
        h->polls = polls;
    if (!children || !polls)
        return err_set(err, ERR_MEMORY, "out of memory for a process");
    h->capacity = capacity;
    return 0;
}

/* Starts a child and enters it into the table. The spawning thread sleeps for the moment between
 * clone and execve; all others go on. */
static struct process *start_here(struct process_host *h, const struct process_options *options,
                                  struct error *err)
{
    if (reserve_child(h, err) != 0)
        return NULL;
    struct process *p = calloc(1, sizeof *p);
    if (!p) {
        (void)err_set(err, ERR_MEMORY, "out of memory for a process");
        return NULL;
    }
    p->exited = options->exited;
    p->ctx = options->ctx;
    if (process_spawn(options, h->stack, &p->child, err) != 0) {
        free(p);
        return NULL;
    }
    h->children[h->count++] = p;
    log_debug(h->log, "process started", LOG_STR("program", options->program),
              LOG_INT("pid", p->child.pid));
    return p;
}

/* Starts what other threads wait for. The lock is left during each start, so that process_stop
 * never has to wait for an execve. */
static void serve_requests(struct process_host *h)
{
    (void)pthread_mutex_lock(&h->lock);
    while (h->requests) {
        struct start_request *r = h->requests;
        h->requests = r->next;
        bool stopping = h->stopping;
        (void)pthread_mutex_unlock(&h->lock);
        if (stopping)
            (void)err_set(r->err, ERR_SYSTEM, "the server is stopping");
        else
            r->process = start_here(h, r->options, r->err);
        (void)pthread_mutex_lock(&h->lock);
        r->answered = true;
        (void)pthread_cond_broadcast(&h->answered);
    }
    (void)pthread_mutex_unlock(&h->lock);
}

/* --- ending: the host's thread only ------------------------------------------------------------*/

/* The whole group: what the program has started ends with it, as in a container. */
static void kill_group(const struct process *p)
{
    (void)kill(-p->child.pid, SIGKILL);
}

/* Takes children[i] out, reaps it and tells its owner. The group is killed while the zombie still
 * holds its number, so that no foreign group can be hit. */
static void reap(struct process_host *h, size_t i)
{
    struct process *p = h->children[i];
    siginfo_t info = {.si_code = 0};
    h->children[i] = h->children[--h->count];
    kill_group(p);
    if (waitid(P_PIDFD, (id_t)p->child.pidfd, &info, WEXITED) != 0) {
        log_error(h->log, "cannot wait for a process", LOG_INT("pid", p->child.pid),
                  LOG_INT("errno", errno));
        info.si_code = CLD_KILLED;
        info.si_status = SIGKILL;
    }
    bool by_itself = info.si_code == CLD_EXITED;
    log_debug(h->log, "process ended", LOG_INT("pid", p->child.pid),
              LOG_STR("how", by_itself ? "exit" : "signal"), LOG_INT("status", info.si_status));
    p->exited(p->ctx, by_itself ? info.si_status : 0, by_itself ? 0 : info.si_status);
    (void)close(p->child.pidfd);
    free(p);
}

/* Sends the SIGKILLs that are due. Returns the poll timeout until the next one, -1 for none. */
static int kill_overdue(struct process_host *h)
{
    int64_t next = INT64_MAX;
    (void)pthread_mutex_lock(&h->lock);
    int64_t at = now();
    for (size_t i = 0; i < h->count; i++) {
        struct process *p = h->children[i];
        if (h->stopping || (p->kill_at && p->kill_at <= at)) {
            kill_group(p);
            p->kill_at = 0;
        } else if (p->kill_at && p->kill_at < next) {
            next = p->kill_at;
        }
    }
    (void)pthread_mutex_unlock(&h->lock);
    if (next == INT64_MAX)
        return -1;
    int64_t ms = (next - at) / CLOCK_MS + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Waits, then reaps downward: reap() moves the last child into the gap, and a callback may start
 * further ones at the end. */
static void wait_and_reap(struct process_host *h, int timeout)
{
    size_t polled = h->count;
    h->polls[0] = (struct pollfd){.fd = h->wake, .events = POLLIN};
    for (size_t i = 0; i < polled; i++)
        h->polls[i + 1] = (struct pollfd){.fd = h->children[i]->child.pidfd, .events = POLLIN};
    if (poll(h->polls, polled + 1, timeout) <= 0)
        return;
    if (h->polls[0].revents)
        drain_wake(h);
    for (size_t i = polled; i-- > 0;)
        if (h->polls[i + 1].revents)
            reap(h, i);
}

/* Stopping, and nobody is left to be reaped or answered. */
static bool finished(struct process_host *h)
{
    (void)pthread_mutex_lock(&h->lock);
    bool done = h->stopping && h->count == 0 && !h->requests;
    (void)pthread_mutex_unlock(&h->lock);
    return done;
}

/* Requests before deadlines: a stop that follows a start must find the child in the table. */
static void *host_main(void *ctx)
{
    struct process_host *h = ctx;
    while (!finished(h)) {
        serve_requests(h);
        int timeout = kill_overdue(h);
        wait_and_reap(h, timeout);
    }
    return NULL;
}

/* --- the door ----------------------------------------------------------------------------------*/

/* All signals are the main thread's; the host's thread must not run handlers. */
static int start_thread(struct process_host *h, struct error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&h->thread, NULL, host_main, h);
    int rc = errno ? err_set_errno(err, "cannot start the process thread") : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct process_host *process_host_start(const struct log *log, struct error *err)
{
    struct process_host *h = calloc(1, sizeof *h);
    if (!h) {
        (void)err_set(err, ERR_MEMORY, "out of memory for the process host");
        return NULL;
    }
    h->log = log;
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->answered, NULL);
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake < 0) {
        (void)err_set_errno(err, "cannot make an event descriptor");
        goto free_host;
    }
    h->stack = mmap(NULL, SPAWN_STACK, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (h->stack == MAP_FAILED) {
        (void)err_set_errno(err, "cannot map a stack");
        goto close_wake;
    }
    if (reserve_child(h, err) == 0 && start_thread(h, err) == 0)
        return h;
    free(h->children);
    free(h->polls);
    (void)munmap(h->stack, SPAWN_STACK);
close_wake:
    (void)close(h->wake);
free_host:
    (void)pthread_cond_destroy(&h->answered);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
    return NULL;
}

struct process_host *process_host_stop(struct process_host *h)
{
    if (!h)
        return NULL;
    (void)pthread_mutex_lock(&h->lock);
    h->stopping = true;
    (void)pthread_mutex_unlock(&h->lock);
    wake_host(h);
    (void)pthread_join(h->thread, NULL);
    free(h->children);
    free(h->polls);
    (void)munmap(h->stack, SPAWN_STACK);
    (void)close(h->wake);
    (void)pthread_cond_destroy(&h->answered);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
    return NULL;
}

/* Called by an `exited`: the thread cannot wait for itself. */
static struct process *start_from_callback(struct process_host *h,
                                           const struct process_options *options, struct error *err)
{
    (void)pthread_mutex_lock(&h->lock);
    bool stopping = h->stopping;
    (void)pthread_mutex_unlock(&h->lock);
    if (!stopping)
        return start_here(h, options, err);
    (void)err_set(err, ERR_SYSTEM, "the server is stopping");
    return NULL;
}

struct process *process_start(struct process_host *h, const struct process_options *options,
                              struct error *err)
{
    if (pthread_equal(pthread_self(), h->thread))
        return start_from_callback(h, options, err);
    struct start_request request = {.options = options, .err = err};
    (void)pthread_mutex_lock(&h->lock);
    struct start_request **end = &h->requests;
    while (*end)
        end = &(*end)->next;
    *end = &request;
    wake_host(h);
    while (!request.answered)
        (void)pthread_cond_wait(&h->answered, &h->lock);
    (void)pthread_mutex_unlock(&h->lock);
    return request.process;
}

int64_t process_pid(const struct process *p)
{
    return p->child.pid;
}

void process_stop(struct process_host *h, struct process *p, int grace_ms)
{
    int64_t at = now() + (grace_ms > 0 ? grace_ms * CLOCK_MS : 0);
    if (grace_ms > 0)
        (void)pidfd_send_signal(p->child.pidfd, SIGTERM, NULL, 0);
    (void)pthread_mutex_lock(&h->lock);
    if (p->kill_at == 0 || at < p->kill_at)
        p->kill_at = at;
    (void)pthread_mutex_unlock(&h->lock);
    wake_host(h);
}
