/* options: command line and environment by one table: flag > environment > default. The table also
 * prints --help and `stepfleet config`. Pure functions; texts are borrowed from argv and environ.
 */
#ifndef STEPFLEET_OPTIONS_H
#define STEPFLEET_OPTIONS_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind { OPTION_TEXT, OPTION_SWITCH, OPTION_INT };
enum option_origin { OPTION_DEFAULT, OPTION_ENVIRONMENT, OPTION_FLAG };

/* A table is an array of rows and an array of values beside it, one a row:
 *
 *     static const struct option_row rows[] = {
 *         {"threads", "X_THREADS", "N", "2", "HTTP threads", OPTION_INT, false, 1, 64},
 *     };
 *     struct option_value values[1];
 *     options_read(rows, 1, argc, argv, getenv_function, values, &operands, err);
 *     option_int(&values[0]); */
struct option_row {
    const char *flag;     /* "listen" for --listen; NULL: environment only */
    const char *env;      /* "STEPFLEET_LISTEN" */
    const char *argument; /* "ADDR:PORT" in the help; NULL for switches */
    const char *fallback; /* default, NULL: none */
    const char *help;     /* one line */
    enum option_kind kind;
    bool secret;      /* never printed */
    int64_t min, max; /* OPTION_INT */
};

struct option_value {
    const char *text; /* NULL: not given and no default; "1" or NULL for switches */
    enum option_origin origin;
};

/* Fills values[count] (one a row). Words that are no options are counted in *operand_count and
 * moved to the front of argv in order, from argv[0] on. `--flag value`, `--flag=value` and `--` are
 * understood; an environment variable that is empty counts as unset; a switch is on for 1, true,
 * yes, on and off for 0, false, no, off. -1 with ERR_ARGUMENT: unknown option, missing, superfluous
 * or unreadable value (named, with the remedy). */
int options_read(const struct option_row *rows, size_t count, int argc, const char **argv,
                 const char *(*env)(const char *name), struct option_value *values,
                 int *operand_count, struct error *err);

/* The number of an OPTION_INT that options_read has accepted; 0 if it has no value. */
int64_t option_int(const struct option_value *value);
/* Whether an OPTION_SWITCH is on. */
bool option_on(const struct option_value *value);

/* "  --listen ADDR:PORT   help (STEPFLEET_LISTEN, default 127.0.0.1:8080)" lines. */
void options_help(const struct option_row *rows, size_t count, struct buf *out);
/* "NAME  value  origin" lines; secrets masked. */
void options_show(const struct option_row *rows, size_t count, const struct option_value *values,
                  struct buf *out);

/* Splits "127.0.0.1:8080" or "[::1]:8080" into host (size bytes at most, which hold any numeric
 * address) and port 0..65535. "localhost" becomes 127.0.0.1; other names are left as they are. */
int options_address(const char *text, char *host, size_t size, uint16_t *port, struct error *err);

#endif
