/* The server is a child process of the demo: it is started, told to stop and judged by its exit
 * code like a server that a person starts. */
#include "server/demo/demo_server.h"

#include "lib/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_WAIT (INT64_C(20) * CLOCK_SECOND)

/* For the database, the objects and the log. */
static int make_folder(struct demo_server *s, struct error *err)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(s->folder, sizeof s->folder, "%s/stepfleet-demo-XXXXXX",
                     base && *base ? base : "/tmp");
    if (n < 0 || n >= (int)sizeof s->folder)
        return err_set(err, ERR_ARGUMENT, "the path in TMPDIR is too long");
    if (!mkdtemp(s->folder)) {
        err_set_errno(err, "cannot make a temporary folder like %s", s->folder);
        s->folder[0] = '\0';
        return -1;
    }
    return 0;
}

/* What the child gets instead of our own streams: a pipe, a log file, default signals. */
static int spawn_actions(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr,
                         const char *log, int out)
{
    sigset_t none;
    sigemptyset(&none);
    int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (!rc)
        rc = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, log,
                                              O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!rc)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (!rc) /* a process group of its own: Ctrl-C reaches only us, and we end it in order */
        rc = posix_spawnattr_setpgroup(attr, 0);
    if (!rc)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    return rc;
}

/* This very program again, by /proc/self/exe: the demo tests what is installed. */
static int spawn(struct demo_server *s, int out, struct error *err)
{
    char data[DEMO_PATH_MAX + 16];
    char log[DEMO_PATH_MAX + 16];
    const char *argv[] = {"stepfleet",    "serve",       "--local", "--listen", "127.0.0.1:0",
                          "--aws-listen", "127.0.0.1:0", "--data",  data,       NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    (void)snprintf(data, sizeof data, "%s/data", s->folder);
    (void)snprintf(log, sizeof log, "%s/server.log", s->folder);
    if (posix_spawn_file_actions_init(&actions))
        return err_set(err, ERR_MEMORY, "out of memory");
    int rc = posix_spawnattr_init(&attr);
    if (!rc) {
        rc = spawn_actions(&actions, &attr, log, out);
        if (!rc)
            rc = posix_spawn(&s->pid, "/proc/self/exe", &actions, &attr, (char **)argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (!rc)
        return 0;
    s->pid = 0;
    errno = rc;
    return err_set_errno(err, "cannot start the server");
}

/* Copies what follows `label` on its line; false until the whole line is there. */
static bool find_url(const char *text, const char *label, char out[DEMO_URL_MAX])
{
    const char *at = strstr(text, label);
    if (!at || (at != text && at[-1] != '\n'))
        return false;
    at += strlen(label);
    size_t len = strcspn(at, "\n");
    if (at[len] != '\n' || len >= DEMO_URL_MAX)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

/* The ports are picked by the system and told on standard output; end of file means it has died. */
static int wait_until_ready(struct demo_server *s, int in, struct error *err)
{
    char text[1024] = "";
    size_t len = 0;
    int64_t end = clock_mono(clock_system()) + START_WAIT;
    while (!find_url(text, "listening ", s->url) || !find_url(text, "aws endpoint ", s->aws_url)) {
        struct pollfd fd = {.fd = in, .events = POLLIN};
        int64_t left = (end - clock_mono(clock_system())) / CLOCK_MS;
        int got = left > 0 ? poll(&fd, 1, (int)left) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        ssize_t n = got > 0 ? read(in, text + len, sizeof text - 1 - len) : 0;
        if (n <= 0)
            return err_set(err, ERR_SYSTEM, "the server did not start: see %s/server.log",
                           s->folder);
        len += (size_t)n;
        text[len] = '\0';
    }
    return 0;
}

int demo_server_open(struct demo_server *s, struct error *err)
{
    int ends[2];
    *s = (struct demo_server){0};
    if (make_folder(s, err))
        return -1;
    if (pipe2(ends, O_CLOEXEC))
        return err_set_errno(err, "cannot make a pipe");
    int rc = spawn(s, ends[1], err);
    close(ends[1]);
    if (!rc)
        rc = wait_until_ready(s, ends[0], err);
    close(ends[0]);
    return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Waits for the server's end; its exit code, or -1. */
static int wait_end(pid_t pid)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    return got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int demo_server_close(struct demo_server *s, bool keep, struct error *err)
{
    int code = 0;
    if (s->pid > 0) {
        (void)kill(s->pid, SIGTERM);
        code = wait_end(s->pid);
        s->pid = 0;
    }
    if (code != 0)
        return err_set(err, ERR_SYSTEM, "the server did not end well (exit code %d): see %s", code,
                       s->folder);
    if (s->folder[0] && !keep)
        (void)nftw(s->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
