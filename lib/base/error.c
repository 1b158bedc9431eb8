/* The table of error.h as arrays, and the writing of messages. Messages that do not fit are cut. */
#include "lib/base/error.h"

#include "lib/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    int status;
    const char *slug;
    const char *title;
};

static const struct err_row rows[] = {
#define X(code, status, slug, title) [code] = {status, slug, title},
    ERR_TABLE(X)
#undef X
};

static const struct err_row *row_of(enum err_code code)
{
    return (unsigned)code < ERR_CODE_COUNT ? &rows[code] : &rows[ERR_INTERNAL];
}

int err_set(struct error *err, enum err_code code, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, fmt);
    memset(err, 0, sizeof *err);
    err->code = code;
    (void)vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    utf8_mend(err->message);
    return -1;
}

int err_set_errno(struct error *err, const char *fmt, ...)
{
    int saved = errno;
    if (!err)
        return -1;
    char text[ERR_MESSAGE_MAX - 128];
    char reason[96];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(err, ERR_SYSTEM, "%s: %s", text, strerror_r(saved, reason, sizeof reason));
}

int err_wrap(struct error *err, const char *fmt, ...)
{
    if (!err)
        return -1;
    char context[256];
    char whole[ERR_MESSAGE_MAX + sizeof context + 2];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    (void)snprintf(whole, sizeof whole, "%s: %s", context, err->message);
    size_t len = strnlen(whole, sizeof err->message - 1);
    memcpy(err->message, whole, len);
    err->message[len] = '\0';
    utf8_mend(err->message);
    return -1;
}

int err_http_status(enum err_code code)
{
    return row_of(code)->status;
}

const char *err_slug(enum err_code code)
{
    return row_of(code)->slug;
}

const char *err_title(enum err_code code)
{
    return row_of(code)->title;
}

bool err_is_remote(const struct error *err, const char *remote)
{
    return err && err->code == ERR_REMOTE && strcmp(err->remote, remote) == 0;
}
