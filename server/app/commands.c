/* The commands serve and config. Wrong usage exits with 2, all else that fails with 1; what went
 * wrong is told on stderr. */
#include "server/app/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

static int complain(const struct error *err, int code)
{
    (void)fprintf(stderr, "stepfleet: %s\n", err->message);
    return code;
}

/* Blocks the signals that end the server, in this thread and all it will start. A peer that has
 * gone and a file that may not grow (ulimit -f) are errors of the call, not the end. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

/* A signal that came while it started is why it did not. */
static bool was_told_to_end(const struct log *log, const sigset_t *signals)
{
    const struct timespec at_once = {0};
    int got = sigtimedwait(signals, NULL, &at_once);
    if (got > 0)
        log_info(log, "stopped while it started", LOG_STR("signal", strsignal(got)));
    return got > 0;
}

/* The two lines on stdout tell scripts the ports that were picked; the log goes to stderr. */
static int serve(const struct settings *settings, const struct log *log, const sigset_t *signals)
{
    struct error err = {0};
    int got = 0;
    struct app *app = app_open(settings, log, &err);
    if (!app)
        return was_told_to_end(log, signals) ? EXIT_OK : complain(&err, EXIT_BAD);
    (void)printf("listening %s\n", app_url(app));
    if (app_aws_url(app))
        (void)printf("aws endpoint %s\n", app_aws_url(app));
    (void)fflush(stdout);
    while (sigwait(signals, &got) != 0)
        continue;
    log_info(log, "stopping", LOG_STR("signal", strsignal(got)));
    app_close(app);
    log_info(log, "stopped", LOG_INT("code", 0));
    return EXIT_OK;
}

/* Signals are blocked before the first thread starts: all threads inherit that, and only sigwait
 * below takes them. */
int command_serve(int argc, const char **argv)
{
    struct settings settings;
    struct log log;
    struct error err = {0};
    enum log_level level;
    sigset_t signals;
    if (settings_read(&settings, argc, argv, &err))
        return complain(&err, EXIT_USAGE);
    if (log_parse_level(settings_text(&settings, SET_LOG_LEVEL), &level, &err)) {
        err_wrap(&err, "--log-level (STEPFLEET_LOG_LEVEL)");
        return complain(&err, EXIT_USAGE);
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    log_open(&log, STDERR_FILENO, level, "stepfleet");
    block_signals(&signals);
    return serve(&settings, &log, &signals);
}

int command_config(int argc, const char **argv)
{
    struct settings settings;
    struct error err = {0};
    struct buf out;
    if (settings_read(&settings, argc, argv, &err))
        return complain(&err, EXIT_USAGE);
    buf_init(&out, BUF_MAX_LINE);
    options_show(setting_rows, SETTING_COUNT, settings.values, &out);
    int rc = fputs(buf_str(&out), stdout) < 0 || fflush(stdout);
    buf_free(&out);
    return rc ? EXIT_BAD : EXIT_OK;
}
