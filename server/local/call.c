/* Ends of a call that every service uses, and the form of names that they share. */
#include "server/local/call.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FAULT_TEXT_MAX = 2048 };

void local_fault(struct local_call *call, int status, const char *code, const char *fmt, ...)
{
    char message[FAULT_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    const struct local_fault fault = {.status = status, .code = code, .message = message};
    call->done(call, NULL, &fault);
}

void local_reply(struct local_call *call, json_t *output)
{
    if (output)
        call->done(call, output, NULL);
    else
        local_fault(call, 500, "InternalServerError", "out of memory");
}

bool local_name_valid(const char *name, size_t max)
{
    const size_t len = strlen(name);
    if (len == 0 || len > max)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("-_", *name))
            return false;
    return true;
}
