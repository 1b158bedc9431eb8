/* stepfleet: the control plane's program. Finds the command and runs it. */
#include "lib/http_client/http_client.h"
#include "server/app/app.h"
#include "server/demo/demo.h"
#include "server/doctor/doctor.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

/* A word of the command line and what it runs. */
struct command {
    const char *name;
    int (*run)(int argc, const char **argv);
    const char *usage;
    const char *help;
};

static const struct command commands[] = {
    {"serve", command_serve, "[options]", "REST, page and control loop; --local runs all here"},
    {"check", command_check, "SPEC.json [--pattern N]",
     "validate a spec (0 good, 1 bad, 2 usage); --local, --outputs: as serve would"},
    {"config", command_config, "[options]", "every setting with its value and origin"},
    {"doctor", command_doctor, "[options] [--json]",
     "look at all that serve needs (0 well, 1 not, 2 usage); one line each, with the remedy"},
    {"ping", command_ping, "[URL]", "0 if a server is ready, else 1: for health checks"},
    {"demo", command_demo, "[--keep|--no-keep]",
     "run both patterns on this machine and check them"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0], EXIT_USAGE = 2 };

/* Printed from the tables that are also read: it cannot lack an option. */
static int help(void)
{
    struct buf out;
    buf_init(&out, BUF_MAX_LINE);
    buf_adds(&out, "usage: stepfleet COMMAND [options]\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        buf_addf(&out, "  %-7s %-24s %s\n", commands[i].name, commands[i].usage, commands[i].help);
    buf_adds(&out, "\noptions of serve, doctor and config (environment variable, default):\n");
    options_help(setting_rows, SETTING_COUNT, &out);
    buf_adds(&out, "\nAWS settings come from the environment: AWS_REGION, AWS_ACCESS_KEY_ID,\n"
                   "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL[_SERVICE].\n");
    int rc = fputs(buf_str(&out), stdout) < 0 || fflush(stdout);
    buf_free(&out);
    return rc ? 1 : 0;
}

/* One sentence on stderr, as for every other mistake. */
static int unknown(const char *word)
{
    (void)fprintf(stderr, "stepfleet: %s%s%s: stepfleet --help lists the commands\n",
                  word ? "unknown command '" : "a command is missing", word ? word : "",
                  word ? "'" : "");
    return EXIT_USAGE;
}

/* --help and --version count wherever they stand, up to "--". */
static bool asks(int argc, const char **argv, const char *word)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

static int dispatch(int argc, const char **argv)
{
    if (asks(argc, argv, "--help"))
        return help();
    if (asks(argc, argv, "--version"))
        return puts("stepfleet " STEPFLEET_VERSION) < 0;
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return unknown(argc > 1 ? argv[1] : NULL);
}

enum { ARENAS = 2 };

/* glibc gives every thread a heap of its own, up to eight a core, and each keeps what its busiest
 * moment took: a third of a busy server's memory. */
int main(int argc, char **argv)
{
    (void)mallopt(M_ARENA_MAX, ARENAS);
    http_limit_names();
    return dispatch(argc, (const char **)argv);
}
