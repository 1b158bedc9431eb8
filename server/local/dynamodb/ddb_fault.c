/* Faults of the wire: code, status and message of the first thing that went wrong. Messages follow
 * DynamoDB's wording, because programs and people search for it. */
#include "server/local/dynamodb/ddb_fault.h"

#include <stdarg.h>
#include <stdio.h>

static int set(struct ddb_fault *f, int status, const char *code, const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));

static int set(struct ddb_fault *f, int status, const char *code, const char *fmt, va_list args)
{
    ddb_fault_clear(f);
    f->status = status;
    f->code = code;
    (void)vsnprintf(f->message, sizeof f->message, fmt, args);
    return -1;
}

int ddb_fault_set(struct ddb_fault *f, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)set(f, 400, code, fmt, args);
    va_end(args);
    return -1;
}

int ddb_invalid(struct ddb_fault *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)set(f, 400, "ValidationException", fmt, args);
    va_end(args);
    return -1;
}

static int broken(struct ddb_fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A failure of ours: 500, which every SDK retries. */
static int broken(struct ddb_fault *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)set(f, 500, "InternalServerError", fmt, args);
    va_end(args);
    return -1;
}

int ddb_no_memory(struct ddb_fault *f)
{
    return broken(f, "out of memory");
}

int ddb_internal(struct ddb_fault *f, const struct error *err)
{
    return broken(f, "%s", err->message);
}

bool ddb_fault_is_internal(const struct ddb_fault *f)
{
    return f->status >= 500;
}

void ddb_fault_answer(const struct ddb_fault *f, struct local_call *call)
{
    const struct local_fault fault = {
        .status = f->status, .code = f->code, .message = f->message, .extra = f->extra};
    call->done(call, NULL, &fault);
}

void ddb_fault_clear(struct ddb_fault *f)
{
    json_decref(f->extra);
    f->extra = NULL;
    f->status = 0;
    f->code = NULL;
    f->message[0] = '\0';
}
