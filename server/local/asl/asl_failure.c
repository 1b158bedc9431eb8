/* Failures: an error name and a cause on the heap, clipped to what the service's API can carry. */
#include "server/local/asl/asl_failure.h"

#include "lib/json/json_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts a text to ASL_CAUSE_MAX bytes without splitting a UTF-8 character. */
static void clip(char *text)
{
    size_t len = strlen(text);
    if (len <= ASL_CAUSE_MAX)
        return;
    len = ASL_CAUSE_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    text[len] = '\0';
}

static int fail_with(struct asl_failure *f, const char *error, char *lead, const char *fmt,
                     va_list args) __attribute__((format(printf, 4, 0)));

/* Takes `lead`, a heap text to stand before the rest, or NULL. */
static int fail_with(struct asl_failure *f, const char *error, char *lead, const char *fmt,
                     va_list args)
{
    char *rest = NULL, *cause = NULL;
    asl_failure_free(f);
    (void)snprintf(f->error, sizeof f->error, "%s", error);
    if (vasprintf(&rest, fmt, args) < 0)
        rest = NULL;
    if (rest && lead && asprintf(&cause, "%s%s", lead, rest) < 0)
        cause = NULL;
    if (lead) {
        free(rest);
        rest = cause;
    }
    if (rest)
        clip(rest);
    f->cause = rest;
    free(lead);
    return -1;
}

/* The struct is then ready for the next failure. */
void asl_failure_free(struct asl_failure *f)
{
    free(f->cause);
    *f = (struct asl_failure){0};
}

/* An earlier failure in f is released. */
int asl_fail(struct asl_failure *f, const char *error, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fail_with(f, error, NULL, fmt, args);
    va_end(args);
    return -1;
}

/* A scope without a state's name leaves the sentence out: tests, and fields outside of states. */
int asl_fail_in_state(struct asl_failure *f, const struct asl_scope *scope, const char *error,
                      const char *fmt, ...)
{
    va_list args;
    char *lead = NULL;
    if (scope->state && asprintf(&lead,
                                 "An error occurred while executing the state '%s' (entered at the "
                                 "event id #%lld). ",
                                 scope->state, scope->entered_id) < 0)
        lead = NULL;
    va_start(args, fmt);
    (void)fail_with(f, error, lead, fmt, args);
    va_end(args);
    return -1;
}

/* The wording is ours: the service never reports its own want of memory. */
int asl_fail_memory(struct asl_failure *f)
{
    return asl_fail(f, ASL_ERROR_RUNTIME, "The interpreter is out of memory.");
}

/* A document too large to quote is replaced by dots; the cause would be clipped anyway. */
char *asl_quote_value(const json_t *value)
{
    struct buf text;
    buf_init(&text, BUF_MAX_PAYLOAD);
    if (value)
        json_dump(&text, value);
    char *out = buf_take(&text, NULL);
    buf_free(&text);
    return out ? out : strdup("...");
}
