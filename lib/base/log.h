/* log: one JSON object per line, or text on a terminal.
 *
 * A struct log is opened once in main and borrowed everywhere. Any thread may write: a line is
 * formatted on the caller's stack and goes out in one write(2). Never pass credentials, tokens or
 * Authorization headers. Field names in use: run_id, task_id, aws_request_id, error. */
#ifndef STEPFLEET_BASE_LOG_H
#define STEPFLEET_BASE_LOG_H

#include "lib/base/clock.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

struct log {
    int fd;
    bool text; /* text for a person instead of JSON */
    enum log_level level;
    const struct clock *clock;
    const char *program;
};

/* One member of a line: a string, or a number when `text` is NULL. */
struct log_field {
    const char *name;
    const char *text;
    int64_t number;
};

static inline struct log_field log_text(const char *name, const char *text)
{
    return (struct log_field){name, text ? text : "", 0};
}
#define LOG_STR(name, text) log_text((name), (text))
#define LOG_INT(name, number) ((struct log_field){(name), NULL, (int64_t)(number)})

/* Opens a log on fd (text if that is a terminal). Nothing to close. */
void log_open(struct log *lg, int fd, enum log_level level, const char *program);
/* Reads debug, info, warn, error, off; -1 with ERR_ARGUMENT for anything else. */
int log_parse_level(const char *text, enum log_level *level, struct error *err);

/* Writes a line if the level is high enough; lg may be NULL (nothing is written). */
void log_write(const struct log *lg, enum log_level level, const char *message,
               const struct log_field *fields, size_t count);

/* log_info(lg, "run accepted", LOG_INT("run_id", id)); with at least one field. */
#define LOG_AT(lg, level, message, ...)                                                            \
    log_write((lg), (level), (message), (const struct log_field[]){__VA_ARGS__},                   \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_debug(lg, message, ...) LOG_AT(lg, LOG_DEBUG, message, __VA_ARGS__)
#define log_info(lg, message, ...) LOG_AT(lg, LOG_INFO, message, __VA_ARGS__)
#define log_warn(lg, message, ...) LOG_AT(lg, LOG_WARN, message, __VA_ARGS__)
#define log_error(lg, message, ...) LOG_AT(lg, LOG_ERROR, message, __VA_ARGS__)

#endif
