/* server/local/process: exit codes, signals, environment, and that no child outlives its server. */
#include "server/local/process/process.h"
#include "tests/unit/host_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Waits for the end of a child; `exited` may come before process_start has returned. */
struct ending {
    struct host_event event;
    int exit_code;
    int signal;
};

#define ENDING_INIT                                                                                \
    {                                                                                              \
        .event = HOST_EVENT_INIT                                                                   \
    }

static void note_end(void *ctx, int exit_code, int signal)
{
    struct ending *e = ctx;
    e->exit_code = exit_code;
    e->signal = signal;
    host_event_happens(&e->event);
}

static void await_ends(struct ending *e, int count)
{
    host_event_await(&e->event, count);
}

static struct process_host *host(void)
{
    struct process_host *h = process_host_start(NULL, NULL);
    cr_assert_not_null(h);
    return h;
}

static struct process *shell(struct process_host *h, const char *script, const char *log,
                             struct ending *ending)
{
    const char *const argv[] = {"sh", "-c", script, "name", NULL};
    const char *const environment[] = {"GREETING=hello there", "PATH=/usr/bin:/bin", NULL};
    const struct process_options options = {.program = "/bin/sh",
                                            .argv = argv,
                                            .environment = environment,
                                            .log_path = log,
                                            .exited = note_end,
                                            .ctx = ending};
    struct error err = {0};
    struct process *p = process_start(h, &options, &err);
    cr_assert_not_null(p, "%s", err.message);
    return p;
}

Test(process, tells_exit_codes_and_signals)
{
    static const struct {
        const char *script;
        int exit_code;
        int signal;
    } cases[] = {
        {"exit 0", 0, 0},
        {"exit 3", 3, 0},
        {"exit 255", 255, 0},
        {"kill -9 $$", 0, SIGKILL},
        {"kill -TERM $$", 0, SIGTERM},
    };
    struct process_host *h = host();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ending e = ENDING_INIT;
        (void)shell(h, cases[i].script, NULL, &e);
        await_ends(&e, 1);
        cr_assert_eq(e.exit_code, cases[i].exit_code, "%s", cases[i].script);
        cr_assert_eq(e.signal, cases[i].signal, "%s", cases[i].script);
    }
    cr_assert_null(process_host_stop(h));
}

Test(process, gives_its_own_environment_only)
{
    struct host_place place;
    struct ending e = ENDING_INIT;
    char text[1024];
    host_place_open(&place);
    cr_assert_eq(setenv("LEAKED", "1", 1), 0);
    struct process_host *h = host();
    (void)shell(h, "echo \"$GREETING|$LEAKED|$0\"; tr '\\0' '\\n' </proc/self/environ; echo .",
                place.fifo, &e);
    host_read_lines(&place, 4, text, sizeof text);
    cr_assert_str_eq(text, "hello there||name\nGREETING=hello there\nPATH=/usr/bin:/bin\n.\n");
    await_ends(&e, 1);
    (void)process_host_stop(h);
    host_place_close(&place);
}

Test(process, leaves_no_descriptor_and_no_blocked_signal_to_the_child)
{
    struct host_place place;
    struct ending e = ENDING_INIT;
    char text[1024];
    host_place_open(&place);
    cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    int leaky = fcntl(place.fd, F_DUPFD, 50); /* without FD_CLOEXEC, as a library might */
    cr_assert_geq(leaky, 50);
    struct process_host *h = host();
    (void)shell(h,
                "exec /bin/sh -c 'cd /proc/$$/fd; echo *; exec grep -E \"Sig(Blk|Ign)\" ../status'",
                place.fifo, &e);
    host_read_lines(&place, 3, text, sizeof text);
    cr_assert_not_null(strstr(text, "SigIgn:\t0000000000000000"), "%s", text);
    cr_assert_not_null(strstr(text, "SigBlk:\t0000000000000000"), "%s", text);
    cr_assert_eq(strncmp(text, "0 1 2 3\n", 8), 0, "3 is the shell's own look: %s", text);
    await_ends(&e, 1);
    (void)process_host_stop(h);
    (void)close(leaky);
    host_place_close(&place);
}

Test(process, refuses_what_cannot_be_executed)
{
    struct process_host *h = host();
    struct ending e = ENDING_INIT;
    const char *const none[] = {NULL};
    const char *const argv[] = {"x", NULL};
    static const char *const programs[] = {"/nowhere/at-all", "/etc/passwd", "/tmp"};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        struct error err = {0};
        const struct process_options options = {.program = programs[i],
                                                .argv = argv,
                                                .environment = none,
                                                .exited = note_end,
                                                .ctx = &e};
        cr_assert_null(process_start(h, &options, &err));
        cr_assert_eq(err.code, ERR_SYSTEM);
        cr_assert_not_null(strstr(err.message, programs[i]), "%s", err.message);
    }
    (void)process_host_stop(h);
    cr_assert_eq(e.event.count, 0);
}

Test(process, stops_politely_then_with_force)
{
    static const struct {
        const char *script;
        int grace_ms;
        int exit_code;
        int signal;
    } cases[] = {
        {"trap 'exit 7' TERM; echo ready; while :; do /bin/sleep 0.02; done", 30000, 7, 0},
        {"trap '' TERM; echo ready; while :; do /bin/sleep 0.02; done", 50, 0, SIGKILL},
        {"trap 'exit 7' TERM; echo ready; while :; do /bin/sleep 0.02; done", 0, 0, SIGKILL},
    };
    struct process_host *h = host();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_place place;
        struct ending e = ENDING_INIT;
        char text[64];
        host_place_open(&place);
        struct process *p = shell(h, cases[i].script, place.fifo, &e);
        host_read_lines(&place, 1, text, sizeof text);
        process_stop(h, p, cases[i].grace_ms);
        await_ends(&e, 1);
        cr_assert_eq(e.exit_code, cases[i].exit_code, "case %zu", i);
        cr_assert_eq(e.signal, cases[i].signal, "case %zu", i);
        host_place_close(&place);
    }
    (void)process_host_stop(h);
}

Test(process, many_at_once_each_end_once)
{
    enum { MANY = 60 };
    struct process_host *h = host();
    struct ending e = ENDING_INIT;
    for (int i = 0; i < MANY; i++)
        (void)shell(h, "exit 5", NULL, &e);
    await_ends(&e, MANY);
    (void)process_host_stop(h);
    cr_assert_eq(e.event.count, MANY);
    cr_assert_eq(e.exit_code, 5);
}

/* A chain: each end starts the next child from the host's own thread. */
struct chain {
    struct process_host *host;
    struct ending ending;
    int left;
};

static void start_next(void *ctx, int exit_code, int signal)
{
    struct chain *c = ctx;
    static const char *const argv[] = {"true", NULL};
    static const char *const none[] = {NULL};
    const struct process_options options = {
        .program = "/bin/true", .argv = argv, .environment = none, .exited = start_next, .ctx = c};
    if (c->left-- > 0)
        cr_assert_not_null(process_start(c->host, &options, NULL));
    else
        note_end(&c->ending, exit_code, signal);
}

Test(process, callbacks_may_start_children)
{
    struct chain c = {.host = host(), .ending = ENDING_INIT, .left = 5};
    start_next(&c, 0, 0);
    await_ends(&c.ending, 1);
    (void)process_host_stop(c.host);
}

Test(process, stopping_the_host_ends_children_and_theirs)
{
    struct host_place place;
    struct ending e = ENDING_INIT;
    char text[64];
    host_place_open(&place);
    struct process_host *h = host();
    (void)shell(h, "/bin/sleep 600 & echo $!; wait", place.fifo, &e);
    host_read_lines(&place, 1, text, sizeof text);
    int grandchild = pidfd_open((pid_t)strtol(text, NULL, 10), 0);
    cr_assert_geq(grandchild, 0);
    (void)process_host_stop(h);
    cr_assert_eq(e.event.count, 1);
    cr_assert_eq(e.signal, SIGKILL);
    struct pollfd poller = {.fd = grandchild, .events = POLLIN};
    cr_assert_eq(poll(&poller, 1, HOST_PATIENCE_SECONDS * 1000), 1, "the grandchild lives on");
    (void)close(grandchild);
    host_place_close(&place);
}

/* Run instead of the tests when this program is started as "the server that gets killed". */
__attribute__((constructor)) static void be_the_victim(void)
{
    const char *log = getenv("STEPFLEET_TEST_VICTIM");
    if (!log)
        return;
    struct ending e = ENDING_INIT;
    (void)shell(host(), "trap '' TERM HUP INT; echo $$; while :; do /bin/sleep 1; done", log, &e);
    for (;;)
        (void)pause();
}

Test(process, children_die_with_a_server_that_is_killed)
{
    struct host_place place;
    struct ending e = ENDING_INIT;
    char text[64];
    char victim_env[160];
    host_place_open(&place);
    (void)snprintf(victim_env, sizeof victim_env, "STEPFLEET_TEST_VICTIM=%s", place.fifo);
    const char *const argv[] = {"victim", NULL};
    const char *const environment[] = {victim_env, NULL};
    const struct process_options options = {.program = "/proc/self/exe",
                                            .argv = argv,
                                            .environment = environment,
                                            .exited = note_end,
                                            .ctx = &e};
    struct process_host *h = host();
    struct process *victim = process_start(h, &options, NULL);
    cr_assert_not_null(victim);
    host_read_lines(&place, 1, text, sizeof text);
    int orphan = pidfd_open((pid_t)strtol(text, NULL, 10), 0);
    cr_assert_geq(orphan, 0);
    cr_assert_eq(kill((pid_t)process_pid(victim), SIGKILL), 0);
    await_ends(&e, 1);
    struct pollfd poller = {.fd = orphan, .events = POLLIN};
    cr_assert_eq(poll(&poller, 1, HOST_PATIENCE_SECONDS * 1000), 1,
                 "the child outlived its server");
    (void)close(orphan);
    (void)process_host_stop(h);
    host_place_close(&place);
}
