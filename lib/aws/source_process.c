/* credential_process: a program that prints credentials. It is run without a shell, in a process
 * group of its own so that it can be ended with all it started. What it prints to stdout is secret
 * and goes nowhere else; the begin of its stderr becomes part of the error. */
#include "lib/aws/source.h"

#include "lib/aws/words.h"
#include "lib/json/json_read.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 64 * 1024,
    TOLD_MAX = 300,
    TIMEOUT_SECONDS = 60,
    GRACE_SECONDS = 1, /* for the pipes, once it has ended */
    SLICE_MS = 20
};

struct child {
    const struct source_input *in;
    const struct clock *clock;
    int64_t deadline;
    pid_t pid; /* 0 once it has ended */
    int64_t ended;
    int fds[2]; /* its stdout and stderr; -1 once they have ended */
    struct buf output[2];
    int status;
};

/* Signals that we block or ignore are not the program's concern, nor are our descriptors. */
static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, int out, int errors)
{
    sigset_t none;
    sigset_t standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (!rc)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (!rc)
        rc = posix_spawnattr_setsigdefault(attr, &standard);
    if (!rc)
        rc = posix_spawnattr_setpgroup(attr, 0);
    if (!rc)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                POSIX_SPAWN_SETPGROUP);
    return rc;
}

/* Looked for in PATH. Returns an errno. */
static int spawn(pid_t *pid, const struct words *w, int out, int errors)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (!rc) {
        rc = set_up(&actions, &attr, out, errors);
        if (!rc)
            rc = posix_spawnp(pid, w->list[0], &actions, &attr, w->list, environ);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* The ends that the program writes to are closed here in any case: only so do the others end. */
static int start(struct child *c, const struct words *w, struct error *err)
{
    int out[2] = {-1, -1};
    int errors[2] = {-1, -1};
    int rc = -1;
    if (pipe2(out, O_CLOEXEC) || pipe2(errors, O_CLOEXEC)) {
        err_set_errno(err, "cannot make a pipe for credential_process");
    } else {
        errno = spawn(&c->pid, w, out[1], errors[1]);
        rc = errno ? err_set_errno(err, "cannot run '%.200s'", w->list[0]) : 0;
    }
    close_fd(&out[1]);
    close_fd(&errors[1]);
    c->fds[0] = out[0];
    c->fds[1] = errors[0];
    if (rc)
        close_fd(&c->fds[0]);
    if (rc)
        close_fd(&c->fds[1]);
    return rc;
}

static int check_time(const struct child *c, struct error *err)
{
    if (source_stopped(c->in))
        return err_set(err, ERR_TIMEOUT, "told to stop");
    if (clock_mono(c->clock) < c->deadline)
        return 0;
    return err_set(err, ERR_TIMEOUT, "it had not ended after %d seconds", TIMEOUT_SECONDS);
}

/* What one of the pipes holds; stderr beyond the ceiling is read and dropped, lest it block. */
static int take(struct child *c, int which, struct error *err)
{
    char piece[4096];
    ssize_t got = read(c->fds[which], piece, sizeof piece);
    if (got < 0 && errno == EINTR)
        return 0;
    if (got <= 0) {
        close_fd(&c->fds[which]);
        return 0;
    }
    buf_add(&c->output[which], piece, (size_t)got);
    explicit_bzero(piece, sizeof piece);
    if (which == 0 && c->output[0].failed)
        return err_set(err, ERR_LIMIT, "it printed more than %d bytes", OUTPUT_MAX);
    return 0;
}

/* Looks whether it has ended, without waiting. */
static int look(struct child *c, struct error *err)
{
    if (c->pid <= 0)
        return 0;
    pid_t got = waitpid(c->pid, &c->status, WNOHANG);
    if (got < 0 && errno != EINTR)
        return err_set_errno(err, "waiting for credential_process");
    if (got == c->pid) {
        c->pid = 0;
        c->ended = clock_mono(c->clock);
    }
    return 0;
}

/* A program that has ended may have left another one that holds its pipes open for ever. */
static bool is_left_open(const struct child *c)
{
    return c->pid <= 0 && clock_mono(c->clock) >= c->ended + GRACE_SECONDS * CLOCK_SECOND;
}

/* Nothing that was printed is lost: the pipes are given up only when they are empty. */
static int collect(struct child *c, struct error *err)
{
    int ready = 1;
    while ((c->fds[0] >= 0 || c->fds[1] >= 0) && (ready || !is_left_open(c))) {
        struct pollfd p[2] = {{.fd = c->fds[0], .events = POLLIN},
                              {.fd = c->fds[1], .events = POLLIN}};
        if (check_time(c, err) || look(c, err))
            return -1;
        ready = poll(p, 2, SLICE_MS);
        if (ready < 0 && errno != EINTR)
            return err_set_errno(err, "waiting for credential_process");
        for (int i = 0; ready > 0 && i < 2; i++)
            if (p[i].revents && take(c, i, err))
                return -1;
    }
    return 0;
}

/* It may go on after it has closed its output. */
static int await_end(struct child *c, struct error *err)
{
    for (;;) {
        if (look(c, err))
            return -1;
        if (c->pid <= 0)
            return 0;
        if (check_time(c, err))
            return -1;
        (void)poll(NULL, 0, SLICE_MS);
    }
}

/* Ends what has not ended by itself. */
static void stop(struct child *c)
{
    close_fd(&c->fds[0]);
    close_fd(&c->fds[1]);
    if (c->pid <= 0)
        return;
    (void)kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
        continue;
    c->pid = 0;
}

/* The begin of stderr on one line. */
static int tell_failure(struct child *c, struct error *err)
{
    char told[TOLD_MAX + 1];
    const char *text = buf_str(&c->output[1]);
    text += strspn(text, " \t\r\n");
    (void)snprintf(told, sizeof told, "%s", text);
    for (char *s = told; *s; s++)
        if (iscntrl((unsigned char)*s))
            *s = ' ';
    const char *colon = told[0] ? ": " : "";
    if (WIFSIGNALED(c->status))
        return err_set(err, ERR_DENIED, "it was ended by signal %d%s%s", WTERMSIG(c->status), colon,
                       told);
    return err_set(err, ERR_DENIED, "it ended with status %d%s%s", WEXITSTATUS(c->status), colon,
                   told);
}

static int read_output(const struct buf *output, struct credentials *out, struct error *err)
{
    json_t *object = NULL;
    struct error why = {0};
    int rc = 0;
    if (json_parse(buf_str(output), output->len, &object, &why) || !json_is_object(object))
        rc = err_set(err, ERR_SYNTAX, "what it printed is not a JSON object");
    else if (json_int(object, "Version", 0) != 1)
        rc = err_set(err, ERR_SYNTAX, "what it printed does not have \"Version\": 1");
    else
        rc = source_read_object(object, "SessionToken", out, err);
    json_decref(object);
    return rc;
}

static int run(struct child *c, const struct words *w, struct credentials *out, struct error *err)
{
    int rc = start(c, w, err);
    if (!rc)
        rc = collect(c, err);
    if (!rc)
        rc = await_end(c, err);
    stop(c);
    if (!rc && c->status != 0)
        rc = tell_failure(c, err);
    return rc ? rc : read_output(&c->output[0], out, err);
}

int source_process(const struct source_input *in, const char *command, struct credentials *out,
                   struct error *err)
{
    struct words w;
    struct child c = {.in = in, .fds = {-1, -1}};
    c.clock = source_clock(in);
    c.deadline = clock_mono(c.clock) + TIMEOUT_SECONDS * CLOCK_SECOND;
    if (words_split(command, &w, err))
        return err_wrap(err, "credential_process");
    buf_init(&c.output[0], OUTPUT_MAX);
    buf_init(&c.output[1], OUTPUT_MAX);
    int rc = run(&c, &w, out, err);
    if (rc)
        err_wrap(err, "credential_process '%.100s'", w.list[0]);
    if (c.output[0].data)
        explicit_bzero(c.output[0].data, c.output[0].cap);
    buf_free(&c.output[0]);
    buf_free(&c.output[1]);
    words_free(&w);
    return rc;
}
